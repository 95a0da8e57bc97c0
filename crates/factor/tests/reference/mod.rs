//! A slow evaluator of the language, written from its stated rules alone, cell by cell.
//!
//! It shares no code with the crate: its trees are its own, and from them the text for the crate is
//! written. A missing value is `None`, windows are walked anew for every cell, and every mean is a
//! sum over a list divided by its length.
#![allow(dead_code, reason = "each user of this file uses its part")]
#![allow(
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::many_single_char_names,
    clippy::float_cmp,
    reason = "tests: panels are small, and a wrong index is a failure"
)]

pub mod calendar;
pub mod cells;
pub mod compare;
pub mod days;
pub mod draw;
pub mod history;
pub mod known;
pub mod random;
pub mod surgery;
pub mod windows;

use known::{Known, Part};
use market::{Labels, Panel};
use std::collections::BTreeMap;
use std::fmt;

/// One value; `None` is missing.
pub type Cell = Option<f64>;
/// Row after row, a cell for each name.
pub type Table = Vec<Vec<Cell>>;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    Field(&'static str),
    Number(f64),
    /// What the `let` of that number gave.
    Named(usize),
    Call(Call),
}

/// An operator with its arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub known: &'static Known,
    pub series: Vec<Tree>,
    pub group: Option<&'static str>,
    /// In the order of the operator's parameters.
    pub constants: Vec<f64>,
    /// Written as a call even if it has a sign; optional arguments by keyword or place.
    pub plain: bool,
}

/// `let` values, each of which may name the ones before it, and the result.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    pub lets: Vec<Tree>,
    pub result: Tree,
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, value) in self.lets.iter().enumerate() {
            write!(f, "let u{i} = {value}; ")?;
        }
        write!(f, "{}", self.result)
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => f.write_str(name),
            Self::Number(value) if *value < 0.0 => write!(f, "({value:?})"),
            Self::Number(value) => write!(f, "{value:?}"),
            Self::Named(i) => write!(f, "u{i}"),
            Self::Call(call) => call.fmt(f),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.known.sign, self.series.as_slice()) {
            (Some(sign), [a, b]) if !self.plain => return write!(f, "({a} {sign} {b})"),
            (Some(sign), [x]) if !self.plain => return write!(f, "({sign}{x})"),
            (Some("not "), [x]) => return write!(f, "(not {x})"),
            _ => {}
        }
        write!(f, "{}(", self.known.name)?;
        let (mut series, mut constants) = (self.series.iter(), self.constants.iter());
        for (i, part) in self.known.parts.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            match part {
                Part::Series(_) | Part::Truth => {
                    write!(f, "{comma}{}", series.next().expect("as many as parts"))?;
                }
                Part::Group => write!(f, "{comma}{}", self.group.expect("it takes one"))?,
                Part::Least => {
                    let least = constants.next().expect("as many as parts");
                    if *least != self.constants[0] || self.plain {
                        write!(f, "{comma}min={least}")?;
                    }
                }
                Part::Optional { name, default, .. } => {
                    let value = constants.next().expect("as many as parts");
                    if self.plain {
                        write!(f, "{comma}{value}")?;
                    } else if value != default {
                        write!(f, "{comma}{name}={value}")?;
                    }
                }
                _ => write!(f, "{comma}{}", constants.next().expect("as many as parts"))?,
            }
        }
        f.write_str(")")
    }
}

/// A panel as lists of cells; infinite values are missing.
#[derive(Debug, Clone)]
pub struct Data {
    pub rows: usize,
    pub names: usize,
    /// Nanoseconds since 1970.
    pub times: Vec<i64>,
    pub fields: BTreeMap<String, Table>,
    pub groups: BTreeMap<String, Vec<Vec<Option<u32>>>>,
}

impl Data {
    pub fn of(panel: &Panel) -> Self {
        let (rows, names) = (panel.rows(), panel.symbols().len());
        let table = |name: &str| {
            let column = panel.field(name).expect("is there");
            let cell = |t: usize, j: usize| Some(column.at(t, j)).filter(|x| x.is_finite());
            (0..rows).map(|t| (0..names).map(|j| cell(t, j)).collect()).collect()
        };
        let labels = |name: &str| {
            let labels = panel.group(name).expect("is there");
            let known = |code: &u32| (*code != Labels::NONE).then_some(*code);
            (0..rows).map(|t| labels.row(t)[..names].iter().map(known).collect()).collect()
        };
        Self {
            rows,
            names,
            times: panel.times().iter().map(|time| time.nanos()).collect(),
            fields: panel.field_names().map(|name| (name.to_owned(), table(name))).collect(),
            groups: panel.group_names().map(|name| (name.to_owned(), labels(name))).collect(),
        }
    }

    /// A table computed cell by cell; what is not finite is missing.
    pub fn each(&self, cell: impl Fn(usize, usize) -> Cell) -> Table {
        let row = |t| (0..self.names).map(|j| cell(t, j).filter(|x| x.is_finite())).collect();
        (0..self.rows).map(row).collect()
    }
}

/// The value of a text, and the largest number on the way to it.
pub fn value(text: &Text, data: &Data) -> (Table, f64) {
    let mut walk = Walk { data, named: Vec::new(), largest: 1.0 };
    for one in &text.lets {
        let table = walk.tree(one);
        walk.named.push(table);
    }
    let table = walk.tree(&text.result);
    (table, walk.largest)
}

struct Walk<'a> {
    data: &'a Data,
    named: Vec<Table>,
    largest: f64,
}

impl Walk<'_> {
    fn tree(&mut self, tree: &Tree) -> Table {
        let table = match tree {
            Tree::Field(name) => self.data.fields[*name].clone(),
            Tree::Number(value) => self.data.each(|_, _| Some(*value)),
            Tree::Named(i) => self.named[*i].clone(),
            Tree::Call(call) => {
                let series: Vec<Table> = call.series.iter().map(|one| self.tree(one)).collect();
                let labels = call.group.map(|name| self.data.groups[name].as_slice());
                let input = Input {
                    data: self.data,
                    name: call.known.name,
                    series: &series,
                    labels,
                    constants: &call.constants,
                };
                (call.known.rule)(&input)
            }
        };
        let cells = table.iter().flatten().flatten();
        self.largest = cells.fold(self.largest, |largest, x| largest.max(x.abs()));
        table
    }
}

/// What a rule computes from.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    pub data: &'a Data,
    pub name: &'static str,
    pub series: &'a [Table],
    pub labels: Option<&'a [Vec<Option<u32>>]>,
    pub constants: &'a [f64],
}

impl Input<'_> {
    /// The first constant: rows of a window or lag, or a count of names.
    pub fn n(&self) -> usize {
        self.constants[0] as usize
    }
}
