//! A sweep as a person asks for it: read, counted, and what is wrong with it by field.

use catalog::Manifest;
use engine::{
    Template,
    strategy::plain_decimal,
    sweep::{Axis, Condition, Error, Grid},
};

/// Sets that one sweep on the server may have.
pub const SWEEP_SETS_MAX: u64 = 100_000;
/// Conditions of one sweep.
const CONDITIONS_MAX: usize = 64;
/// Combinations that are looked at before conditions: a page asks again at every stroke.
const COMBINATIONS_MAX: usize = 2_000_000;
/// Values of each axis that are tried before a sweep begins: from its beginning and its end.
const TRIED: usize = 32;

/// What a sweep goes over, as it was written.
#[derive(Debug, Clone, Default)]
pub struct SweepWords {
    /// Each swept parameter with its values: `5..100:5` or `5,10,20`.
    pub axes: Vec<(String, String)>,
    /// Such as `fast < slow`.
    pub conditions: Vec<String>,
}

impl SweepWords {
    /// The axes as one writes them elsewhere: `fast=5..100:5`.
    #[must_use]
    pub fn axes(&self) -> Vec<String> {
        self.axes.iter().map(|(name, values)| format!("{name}={values}")).collect()
    }
}

/// Something wrong with a sweep that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepFault {
    /// `strategy`, `axes`, `axes.NAME` or `conditions`.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl SweepFault {
    /// At a field, with what is wrong.
    #[must_use]
    pub fn at(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), help: None }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Reads the axes and conditions and makes the sets; all faults that can be told without running
/// anything.
pub fn grid_of(template: &Template, words: &SweepWords) -> Result<Grid, Vec<SweepFault>> {
    let mut faults = Vec::new();
    let mut axes = Vec::new();
    for (name, values) in &words.axes {
        match format!("{name}={values}").parse::<Axis>() {
            Ok(one) => axes.push(one),
            Err(error) => faults.push(fault(&error, &format!("axes.{name}"))),
        }
    }
    if words.conditions.len() > CONDITIONS_MAX {
        let message = format!("there are more than {CONDITIONS_MAX} conditions");
        faults.push(SweepFault::at("conditions", message).help("leave some out"));
        return Err(faults);
    }
    let mut conditions = Vec::new();
    for text in &words.conditions {
        match text.parse::<Condition>() {
            Ok(condition) => conditions.push(condition),
            Err(error) => faults.push(fault(&error, "conditions")),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    for axis in &axes {
        if let Some(wrong) = tried(template, axis) {
            faults.push(wrong);
        }
    }
    let sizes = axes.iter().map(|axis| axis.values().len());
    if sizes.fold(1, usize::saturating_mul) > COMBINATIONS_MAX {
        let message = format!("the axes make more than {COMBINATIONS_MAX} combinations");
        faults.push(SweepFault::at("axes", message).help("take larger steps"));
        return Err(faults);
    }
    let grid = Grid::new(template, axes, conditions).map_err(|error| {
        let field = field_of(&error, words);
        vec![fault(&error, &field)]
    });
    let grid = match grid {
        Ok(grid) if grid.sets() > SWEEP_SETS_MAX => {
            let message = format!("{} sets are more than {SWEEP_SETS_MAX}", grid.sets());
            let help = "take larger steps, add a condition, or use `stockade sweep run`";
            Err(vec![SweepFault::at("axes", message).help(help)])
        }
        other => other,
    };
    match grid {
        Ok(grid) if faults.is_empty() => Ok(grid),
        Ok(_) => Err(faults),
        Err(more) => Err(faults.into_iter().chain(more).collect()),
    }
}

/// The first value of an axis that makes no strategy beside the text's own other values.
fn tried(template: &Template, axis: &Axis) -> Option<SweepFault> {
    if !template.parameters().iter().any(|one| one.name == axis.name()) {
        // The grid says so in better words.
        return None;
    }
    let (values, name) = (axis.values(), axis.name());
    let ends = values.iter().take(TRIED).chain(values.iter().rev().take(TRIED));
    for value in ends {
        if let Err(problems) = template.with(&[(name, *value)]) {
            let problem = problems.first()?;
            let shown = plain_decimal(*value);
            let message = format!("{name}={shown} makes no strategy: {}", problem.message);
            let wrong = SweepFault::at(format!("axes.{name}"), message);
            return Some(SweepFault { help: problem.help.clone(), ..wrong });
        }
    }
    None
}

fn field_of(error: &Error, words: &SweepWords) -> String {
    match error {
        Error::Parameter { name, .. } | Error::AxisTwice { name } | Error::AxisValues { name } => {
            let is_axis = words.axes.iter().any(|(axis, _)| axis == name);
            if is_axis { format!("axes.{name}") } else { "conditions".to_owned() }
        }
        Error::Empty | Error::Condition { .. } => "conditions".to_owned(),
        _ => "axes".to_owned(),
    }
}

fn fault(error: &Error, field: &str) -> SweepFault {
    match error {
        Error::Axis { reason, .. } => {
            SweepFault::at(field, *reason).help("write 5..50:5, or 5,10,20")
        }
        other => {
            // An error's help follows its colon or semicolon; the page shows it on a line of its own.
            let text = other.to_string();
            match text.split_once(": ") {
                Some((message, help)) => SweepFault::at(field, message).help(help),
                None => SweepFault::at(field, text),
            }
        }
    }
}

/// The bars that a strategy goes over.
#[must_use]
pub fn bars_of(manifest: &Manifest, strategy: &engine::Strategy) -> u64 {
    let inside = |one: &&catalog::InstrumentEntry| {
        strategy.universe.as_ref().is_none_or(|symbols| symbols.contains(&one.symbol))
    };
    manifest.instruments.iter().filter(inside).map(|one| one.rows).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "version: 1\nname: n\ndata: d\nparameters:\n  fast: 3\n  slow: 8\n\
        signals:\n  long: ema(close, $fast) > ema(close, $slow)\n  exit: close < 1\n\
        sizing: { fixed: 10 }\ncash: 1000\n";

    fn read(axes: &[(&str, &str)], conditions: &[&str]) -> Result<u64, Vec<SweepFault>> {
        let template = Template::parse(TEXT).expect("a strategy");
        let words = SweepWords {
            axes: axes.iter().map(|(name, values)| ((*name).into(), (*values).into())).collect(),
            conditions: conditions.iter().map(|text| (*text).to_owned()).collect(),
        };
        grid_of(&template, &words).map(|grid| grid.sets())
    }

    #[test]
    fn sets_are_counted_after_conditions() {
        assert_eq!(read(&[("fast", "1..4:1"), ("slow", "2,4")], &[]), Ok(8));
        assert_eq!(read(&[("fast", "1..4:1"), ("slow", "2,4")], &["fast < slow"]), Ok(4));
        assert_eq!(read(&[("fast", "1..4:1")], &["fast < slow"]), Ok(4));
    }

    #[test]
    fn every_fault_has_its_field_and_most_have_a_help() {
        let check = |axes: &[(&str, &str)], conditions: &[&str], want: &[(&str, &str)]| {
            let faults = read(axes, conditions).expect_err("something is wrong");
            let fields: Vec<&str> = faults.iter().map(|one| one.field.as_str()).collect();
            let wanted: Vec<&str> = want.iter().map(|(field, _)| *field).collect();
            assert_eq!(fields, wanted, "{faults:?}");
            for (fault, (_, word)) in faults.iter().zip(want) {
                let all = format!("{} {}", fault.message, fault.help.as_deref().unwrap_or(""));
                assert!(all.contains(word), "{all}");
            }
        };
        check(&[], &[], &[("axes", "needs an axis")]);
        check(
            &[("fast", "5..1:1"), ("slow", "x")],
            &[],
            &[("axes.fast", "ends before"), ("axes.slow", "plain numbers")],
        );
        check(&[("medium", "1,2")], &[], &[("axes.medium", "no parameter")]);
        check(&[("fast", "1,2")], &["fast << slow"], &[("conditions", "condition")]);
        check(&[("fast", "1,2")], &["fast < medium"], &[("conditions", "no parameter")]);
        check(&[("fast", "9,10")], &["fast < slow"], &[("conditions", "no set")]);
        check(&[("fast", "1..400:1"), ("slow", "1..400:1")], &[], &[("axes", "100000")]);
        check(
            &[("fast", "1..2000:1"), ("slow", "1..2000:1")],
            &["fast < slow"],
            &[("axes", "combinations")],
        );
        // A window of none is no window.
        check(&[("fast", "0..3:1")], &[], &[("axes.fast", "fast=0")]);
        check(&[("fast", "1,2.5")], &[], &[("axes.fast", "fast=2.5")]);
    }
}
