//! The tree into a [`Strategy`].

use super::{
    Convention, FeeRate, Parameter, Rules, Schedule, Signals, Sizing, Strategy, TEXT_BYTES_MAX,
    parameters::Parameters,
    tree::{Reader, Section},
    yaml::{self, Kind, Node},
};
use crate::Problem;
use factor::{Schema, Severity, Span, Type};
use market::{Adjustment, BarSize, Currency, Money, Symbol};

/// Names and data sets may have this many characters.
const NAME_CHARS_MAX: usize = 120;
/// Symbols in a universe.
const UNIVERSE_MAX: usize = 20_000;

/// What a text holds.
pub(crate) struct Found {
    /// The strategy, if it is whole.
    pub strategy: Option<Strategy>,
    /// Everything that was found, in text order.
    pub problems: Vec<Problem>,
    /// Its parameters, in the order in which they are written.
    pub parameters: Vec<Parameter>,
}

impl Found {
    fn only(problem: Problem) -> Self {
        Self { strategy: None, problems: vec![problem], parameters: Vec::new() }
    }
}

/// Reads a text, with values that take the place of its parameters' own.
pub(crate) fn strategy(text: &str, schema: &Schema, values: &[(&str, Money)]) -> Found {
    let whole = Span { start: 0, end: text.lines().next().map_or(0, str::len) };
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the text has {} bytes, {TEXT_BYTES_MAX} are allowed", text.len());
        return Found::only(Problem::at(text, whole, "too-large", message));
    }
    let root = match yaml::read(text) {
        Ok(Some(root)) => root,
        Ok(None) => {
            let problem = Problem::at(text, whole, "empty", "there is no strategy in this text");
            return Found::only(problem.help("start with `version: 1` and `name: …`"));
        }
        Err(problem) => return Found::only(problem),
    };
    let parameters = Parameters::default();
    let mut reader = Reader { text, schema, parameters, problems: Vec::new() };
    let strategy = reader.strategy(&root, values);
    reader.unused_parameters();
    let mut problems = reader.problems;
    problems.sort_by_key(|p| (p.span.start, p.span.end));
    let whole = problems.iter().all(|p| p.severity != Severity::Error);
    let parameters = reader.parameters.into_list();
    Found { strategy: strategy.filter(|_| whole), problems, parameters }
}

impl Reader<'_> {
    fn strategy(&mut self, root: &Node, values: &[(&str, Money)]) -> Option<Strategy> {
        let top = self.section(root, "")?;
        self.parameters(top.value("parameters"), values);
        // Every part is read before any `?`, so that all faults are found at once.
        let version = self.required(&top, "version").and_then(|n| self.choice(n, "version"));
        let name = self.required(&top, "name").and_then(|n| self.name(n, "name"));
        let data = self.required(&top, "data").and_then(|n| self.name(n, "data"));
        let universe = optional(&top, "universe", |n| self.universe(n));
        let adjust = or_default(&top, "adjust", Adjustment::Splits, |n| {
            let word = self.choice(n, "adjust")?;
            Some(if word == "none" { Adjustment::Raw } else { Adjustment::Splits })
        });
        let bar = or_default(&top, "bar", BarSize::DAY, |n| self.choice(n, "bar")?.parse().ok());
        let rules = self.rules(&top);
        let sizing = self.sizing(&top, rules.as_ref());
        let fee = self.fee(&top);
        let convention = or_default(&top, "convention", Convention::NextOpen, |n| {
            let word = self.choice(n, "convention")?;
            Some(if word == "same_close" { Convention::SameClose } else { Convention::NextOpen })
        });
        let cash = or_default(&top, "cash", Money::from_whole(1_000_000), |n| {
            let fits = |m| m > Money::ZERO && m <= Money::from_whole(1_000_000_000_000_000);
            self.number(n, "cash", "more than 0 and at most 1000000000000000", fits)
        });
        let currency = or_default(&top, "currency", Currency::USD, |n| self.currency(n));
        let seed = or_default(&top, "seed", 1, |n| self.seed(n));
        version?;
        Some(Strategy {
            name: name?,
            data: data?,
            universe: universe?,
            adjust: adjust?,
            bar: bar?,
            rules: rules?,
            sizing: sizing?,
            fee: fee?,
            convention: convention?,
            cash: cash?,
            currency: currency?,
            seed: seed?,
        })
    }

    fn name(&mut self, node: &Node, key: &str) -> Option<String> {
        let text = self.scalar(node, key)?.trim();
        if text.is_empty()
            || text.chars().count() > NAME_CHARS_MAX
            || text.chars().any(char::is_control)
        {
            let message = format!("`{key}` has {} characters", text.chars().count());
            let help = format!("write 1 to {NAME_CHARS_MAX} characters on one line");
            self.problem_with_help(node.span, "out-of-range", message, help);
            return None;
        }
        Some(text.to_owned())
    }

    fn universe(&mut self, node: &Node) -> Option<Vec<Symbol>> {
        let items = match &node.kind {
            Kind::List(items) if !items.is_empty() && items.len() <= UNIVERSE_MAX => items,
            other => {
                let message = format!(
                    "`universe` is a list of 1 to {UNIVERSE_MAX} symbols, this is {}",
                    other.name()
                );
                let help = "write `[AAPL, MSFT]`, or leave the key out for all symbols";
                self.problem_with_help(node.span, "wrong-type", message, help);
                return None;
            }
        };
        let mut symbols: Vec<Symbol> = Vec::new();
        let mut good = true;
        for item in items {
            let Some(text) = self.scalar(item, "universe") else {
                good = false;
                continue;
            };
            match text.parse::<Symbol>() {
                Ok(symbol) => symbols.push(symbol),
                Err(error) => {
                    self.problem(item.span, "symbol", error.to_string());
                    good = false;
                }
            }
        }
        let count = symbols.len();
        symbols.sort();
        symbols.dedup();
        if symbols.len() < count {
            self.problem_with_help(
                node.span,
                "duplicate-symbol",
                "`universe` has a symbol twice",
                "keep one of them",
            );
            good = false;
        }
        good.then_some(symbols)
    }

    fn rules(&mut self, top: &Section<'_>) -> Option<Rules> {
        match (top.value("signals"), top.value("weights")) {
            (Some(signals), None) => {
                if let Some(span) = top.key_span("schedule") {
                    let help = "signals are looked at on every bar: remove it";
                    self.problem_with_help(
                        span,
                        "unused-key",
                        "`schedule` belongs to `weights`",
                        help,
                    );
                }
                self.signals(signals)
            }
            (None, Some(weights)) => {
                let target = self.expression(weights, "weights", &[Type::Truth, Type::Number]);
                let schedule = self.required(top, "schedule").and_then(|node| self.schedule(node));
                Some(Rules::Weights { target: target?, schedule: schedule? })
            }
            (Some(_), Some(_)) => {
                let span = top.key_span("weights").unwrap_or(top.span());
                let message = "a strategy has `signals` or `weights`, not both";
                self.problem_with_help(span, "conflict", message, "remove one of them");
                None
            }
            (None, None) => {
                let message = "neither `signals` nor `weights` is there";
                let help = "add `signals:` with `long: …`, or `weights: …` with `schedule: …`";
                self.problem_with_help(top.span(), "missing-key", message, help);
                None
            }
        }
    }

    fn signals(&mut self, node: &Node) -> Option<Rules> {
        let section = self.section(node, "signals")?;
        let mut read = |name: &str, path: &str| match section.value(name) {
            Some(node) => self.expression(node, path, &[Type::Truth]).map(Some),
            None => Some(None),
        };
        let long = read("long", "signals.long");
        let exit = read("exit", "signals.exit");
        let short = read("short", "signals.short");
        let cover = read("cover", "signals.cover");
        for (closes, opens) in [("exit", "long"), ("cover", "short")] {
            if let (Some(span), None) = (section.key_span(closes), section.value(opens)) {
                let message =
                    format!("`{closes}` closes what `{opens}` opens, and `{opens}` is not there");
                self.problem_with_help(span, "unused-key", message, format!("add `{opens}: …`"));
            }
        }
        if section.len() == 0
            || (section.value("long").is_none() && section.value("short").is_none())
        {
            let help = "add `long: …` or `short: …`";
            self.problem_with_help(
                section.span(),
                "missing-key",
                "`signals` opens no position",
                help,
            );
            return None;
        }
        let signals = Signals { long: long?, exit: exit?, short: short?, cover: cover? };
        Some(Rules::Signals(Box::new(signals)))
    }

    fn schedule(&mut self, node: &Node) -> Option<Schedule> {
        let text = self.scalar(node, "schedule")?;
        let words: Vec<&str> = text.split_whitespace().collect();
        let found = match words.as_slice() {
            ["daily"] => Some(Schedule::Daily),
            ["weekly"] => Some(Schedule::Weekly),
            ["monthly"] => Some(Schedule::Monthly),
            ["every", "bar"] => Some(Schedule::EveryBars(1)),
            ["every", n, "bar" | "bars"] => {
                n.parse().ok().filter(|n| (1..=1_000_000).contains(n)).map(Schedule::EveryBars)
            }
            _ => None,
        };
        if found.is_none() {
            let shown: String = text.chars().take(40).collect();
            let message = format!("`schedule` cannot be {shown:?}");
            let help = "it is `every 21 bars` (1 to 1000000), `daily`, `weekly` or `monthly`";
            self.problem_with_help(node.span, "unknown-value", message, help);
        }
        found
    }

    fn sizing(&mut self, top: &Section<'_>, rules: Option<&Rules>) -> Option<Sizing> {
        let weights = matches!(rules, Some(Rules::Weights { .. }));
        let (example, other) = if weights {
            ("{ exposure: 1 }", "`exposure`")
        } else {
            ("{ fixed: 10 }", "`fixed` or `percent`")
        };
        let Some(node) = top.value("sizing") else {
            let help = format!("add `sizing: {example}`");
            self.problem_with_help(top.span(), "missing-key", "`sizing` is missing", help);
            return None;
        };
        let section = self.section(node, "sizing")?;
        let names = ["fixed", "percent", "exposure"];
        let mut there = names.into_iter().filter(|name| section.value(name).is_some());
        let (Some(name), None) = (there.next(), there.next()) else {
            let span = if section.len() == 0 { node.span } else { section.span() };
            let message = "`sizing` has one of `fixed`, `percent` and `exposure`";
            self.problem_with_help(
                span,
                "missing-key",
                message,
                format!("write for example `{example}`"),
            );
            return None;
        };
        let value = section.value(name)?;
        if rules.is_some() && weights != (name == "exposure") {
            let what = if weights { "weights" } else { "signals" };
            let span = section.key_span(name).unwrap_or(value.span);
            self.problem_with_help(
                span,
                "conflict",
                format!("`{name}` does not size {what}"),
                format!("use {other}"),
            );
            return None;
        }
        match name {
            "fixed" => {
                let fits = |m| m > Money::ZERO && m <= Money::from_whole(1_000_000_000_000);
                self.number(value, "sizing.fixed", "more than 0", fits).map(Sizing::Fixed)
            }
            "percent" => {
                let fits = |m| m > Money::ZERO && m <= Money::from_whole(100);
                let range = "more than 0 and at most 100";
                self.number(value, "sizing.percent", range, fits).map(Sizing::Percent)
            }
            _ => {
                let fits = |m| m > Money::ZERO && m <= Money::from_whole(1);
                let range = "more than 0 and at most 1: this account has no leverage";
                self.number(value, "sizing.exposure", range, fits).map(Sizing::Exposure)
            }
        }
    }

    fn fee(&mut self, top: &Section<'_>) -> Option<FeeRate> {
        let default = FeeRate::from_bps(Money::from_whole(10));
        let Some(node) = top.value("costs") else { return default };
        let section = self.section(node, "costs")?;
        let Some(value) = section.value("fee_bps") else { return default };
        let fits = |m| FeeRate::from_bps(m).is_some();
        self.number(value, "costs.fee_bps", "at least 0 and below 10000", fits)
            .and_then(FeeRate::from_bps)
    }

    fn currency(&mut self, node: &Node) -> Option<Currency> {
        let text = self.scalar(node, "currency")?;
        match text.parse() {
            Ok(currency) => Some(currency),
            Err(error) => {
                let error: market::Error = error;
                self.problem(node.span, "unknown-value", error.to_string());
                None
            }
        }
    }

    fn seed(&mut self, node: &Node) -> Option<u64> {
        let text = self.scalar(node, "seed")?;
        let seed = text.parse().ok();
        if seed.is_none() {
            let help = "write digits only, at most 18446744073709551615";
            self.problem_with_help(node.span, "wrong-type", "`seed` is a whole number", help);
        }
        seed
    }
}

/// `Some(None)` where the key is absent, `None` where it is wrong.
#[allow(clippy::option_option, reason = "absent and wrong are two things")]
fn optional<T>(
    section: &Section<'_>,
    name: &str,
    read: impl FnOnce(&Node) -> Option<T>,
) -> Option<Option<T>> {
    match section.value(name) {
        Some(node) => read(node).map(Some),
        None => Some(None),
    }
}

fn or_default<T>(
    section: &Section<'_>,
    name: &str,
    default: T,
    read: impl FnOnce(&Node) -> Option<T>,
) -> Option<T> {
    section.value(name).map_or(Some(default), read)
}
