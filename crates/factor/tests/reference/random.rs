//! Random texts: trees in which no comparison and no missing value hangs on a rounding.

use super::draw::{Draw, Values};
use super::known::{Grade, KNOWN, Known, Level, Part};
use super::{Call, Text, Tree};
use factor::ParameterKind;

/// Draws texts over the fields of a panel.
pub struct Random<'a, 'b> {
    draw: &'a mut Draw<'b>,
    field: Grade,
    /// What every part of the text has to be known as, whatever is done with it.
    floor: Level,
    /// Windows are no longer.
    longest: usize,
    /// The levels of the `let` values so far.
    named: Vec<(Tree, Grade)>,
}

/// A text, and how well its result is known.
pub fn text(draw: &mut Draw<'_>, values: Values) -> (Text, Grade) {
    let need = need(values);
    let mut random = Random::new(draw, values);
    let mut lets = Vec::new();
    for _ in 0..random.draw.below(4).saturating_sub(1) {
        let deep = 1 + random.draw.below(2);
        let (tree, grade) = random.number(deep, need);
        random.named.push((Tree::Named(lets.len()), grade));
        lets.push(tree);
    }
    let deep = 1 + random.draw.below(4);
    let (result, grade) = match random.draw.below(5) {
        4 => (random.truth(deep), Grade::TRUTH),
        _ => random.number(deep, need),
    };
    (Text { lets, result }, grade)
}

/// A text with that operator outermost; `None` if the panel's values do not go with it.
pub fn rooted(
    draw: &mut Draw<'_>,
    (values, longest): (Values, usize),
    known: &'static Known,
) -> Option<(Text, Grade)> {
    let mut random = Random { longest, ..Random::new(draw, values) };
    let deep = random.draw.below(2);
    let (result, grade) = random.call(known, deep, Level::Rough);
    grade.meets(need(values)).then_some((Text { lets: Vec::new(), result }, grade))
}

/// A call of any operator of the crate's table, known or not, by what its parameters take.
pub fn any_call(draw: &mut Draw<'_>, values: Values, operator: &factor::Operator) -> String {
    let mut random = Random::new(draw, values);
    let mut window = 1;
    let mut parts = Vec::new();
    for parameter in operator.parameters {
        let given = !parameter.is_optional() || random.draw.chance(120);
        let value = match parameter.kind {
            ParameterKind::Number | ParameterKind::Any => {
                random.number(1, Level::Rough).0.to_string()
            }
            ParameterKind::Truth => random.truth(1).to_string(),
            ParameterKind::Group => random.draw.one_of(&["sector", "industry"]).to_owned(),
            ParameterKind::Lag => random.draw.below(6).to_string(),
            ParameterKind::Window | ParameterKind::Count => {
                window = 1 + random.draw.below(14);
                window.to_string()
            }
            ParameterKind::Minimum => (1 + random.draw.below(window)).to_string(),
            ParameterKind::Constant => {
                random.draw.one_of(&["2", "0.5", "1", "3", "0.02"]).to_owned()
            }
            ParameterKind::Share => random.draw.one_of(&["0.5", "0.05", "1", "0"]).to_owned(),
        };
        match (given, parameter.is_optional()) {
            (true, true) => parts.push(format!("{}={value}", parameter.name)),
            (true, false) => parts.push(value),
            (false, _) => {}
        }
    }
    format!("{}({})", operator.name, parts.join(", "))
}

/// Sums of numbers at the ends of the range overflow in one order and not in another.
fn need(values: Values) -> Level {
    if values == Values::Wild { Level::Same } else { Level::Rough }
}

impl<'a, 'b> Random<'a, 'b> {
    fn new(draw: &'a mut Draw<'b>, values: Values) -> Self {
        let field = match values {
            Values::Quarters => Grade::exact(4, 2),
            Values::Ties => Grade::exact(2, 0),
            Values::Prices => Grade::level(Level::Apart),
            Values::Wild => Grade::level(Level::Same),
        };
        Self { draw, field, floor: need(values), longest: 40, named: Vec::new() }
    }
}

/// Operators on other rows or names thrice, since there is more to go wrong.
fn weighted() -> impl Iterator<Item = &'static Known> {
    let weight = |one: &&Known| if one.is_cellwise() { 1 } else { 3 };
    KNOWN.iter().flat_map(move |one| std::iter::repeat_n(*one, weight(one)))
}

impl Random<'_, '_> {
    /// A number series that is known at least so well.
    fn number(&mut self, deep: usize, need: Level) -> (Tree, Grade) {
        let need = need.max(self.floor);
        if deep > 0 {
            let fitting: Vec<&'static Known> =
                weighted().filter(|one| one.best() >= need).collect();
            // Zero bytes take a field, the simplest of all.
            for _ in 0..2 {
                let choice = self.draw.below(fitting.len() + 1);
                let Some(known) = choice.checked_sub(1).map(|i| fitting[i]) else { break };
                let (tree, grade) = self.call(known, deep - 1, need);
                if grade.meets(need) {
                    return (tree, grade);
                }
            }
        }
        self.leaf(need)
    }

    fn leaf(&mut self, need: Level) -> (Tree, Grade) {
        let named: Vec<(Tree, Grade)> =
            self.named.iter().filter(|(_, grade)| grade.meets(need)).cloned().collect();
        match self.draw.below(6 + 4 * named.len()) {
            choice if choice < 4 => {
                let name = ["x", "y", "z", "x"][choice];
                if self.field.meets(need) {
                    return (Tree::Field(name), self.field);
                }
            }
            choice if choice < 6 => {}
            choice => return named[(choice - 6) / 4].clone(),
        }
        let value = f64::from(self.draw.byte() % 25) / 4.0 - 3.0;
        (Tree::Number(value), Grade::exact(2, 2))
    }

    /// A truth series.
    fn truth(&mut self, deep: usize) -> Tree {
        let fitting: Vec<&'static Known> = KNOWN
            .iter()
            .copied()
            .filter(|one| one.gives == super::known::Gives::Truth)
            .filter(|one| deep > 0 || !one.parts.contains(&Part::Truth))
            .collect();
        let known = fitting[self.draw.below(fitting.len())];
        self.call(known, deep.saturating_sub(1), Level::Exact).0
    }

    fn call(&mut self, known: &'static Known, deep: usize, need: Level) -> (Tree, Grade) {
        let (mut series, mut constants, mut grades) = (Vec::new(), Vec::new(), Vec::new());
        let mut group = None;
        // What passes values on passes on how well they are known.
        let passes = !matches!(known.gives, super::known::Gives::Level(_))
            && known.gives != super::known::Gives::Truth
            && !matches!(known.gives, super::known::Gives::Whole(_));
        for part in known.parts {
            match part {
                Part::Series(least) => {
                    let need = if passes { need.max(*least) } else { *least };
                    let (tree, grade) = self.number(deep, need);
                    series.push(tree);
                    grades.push(grade);
                }
                Part::Truth => series.push(self.truth(deep)),
                Part::Group => group = Some(self.draw.one_of(&["sector", "industry"])),
                Part::Lag => constants.push(self.draw.one_of(&[1.0, 2.0, 0.0, 5.0, 3.0, 21.0])),
                Part::Window => {
                    let n = match self.draw.chance(200) {
                        _ if self.longest > 40 => self.longest / 8 + self.draw.below(self.longest),
                        true => 1 + self.draw.below(12),
                        false => 1 + self.draw.below(self.longest),
                    };
                    constants.push(n as f64);
                }
                Part::Least => {
                    let n = constants[0] as usize;
                    constants.push(if self.draw.chance(120) { n } else { 1 + self.draw.below(n) } as f64);
                }
                Part::Count => constants.push((1 + self.draw.below(self.longest / 4)) as f64),
                Part::Constant(choices) | Part::Optional { choices, .. } => {
                    constants.push(self.draw.one_of(choices));
                }
            }
        }
        let grade = known.grade(&grades, &constants);
        let plain = self.draw.chance(60);
        (Tree::Call(Call { known, series, group, constants, plain }), grade)
    }
}
