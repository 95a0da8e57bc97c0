//! The log: to stderr, and its latest lines to whoever looks at the bot.

use crate::{
    clean::long,
    view::{LOG_MAX, LogLine},
};
use std::{
    collections::VecDeque,
    fmt::{self, Write as _},
    io::Write as _,
    sync::{Arc, Mutex, PoisonError},
};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context, layer::SubscriberExt, util::SubscriberInitExt};

/// The latest lines.
#[derive(Debug, Clone, Default)]
pub struct Lines(Arc<Mutex<VecDeque<LogLine>>>);

/// Where the log goes besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Besides {
    /// To stderr.
    Stderr,
    /// Nowhere: something is drawn there.
    Nowhere,
}

impl Lines {
    /// A copy of them.
    #[must_use]
    pub fn all(&self) -> VecDeque<LogLine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn push(&self, one: LogLine) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= LOG_MAX {
            lines.pop_front();
        }
        lines.push_back(one);
    }
}

struct Into {
    lines: Lines,
    besides: Besides,
    level: Level,
}

/// Starts the log at a level of the configuration; its latest lines.
#[must_use]
pub fn start(level: &str, besides: Besides) -> Lines {
    let lines = Lines::default();
    let level = level.parse().unwrap_or(Level::INFO);
    let layer = Into { lines: lines.clone(), besides, level };
    // A second start within one process, as in tests, keeps the first.
    let _ = tracing_subscriber::registry().with(layer).try_init();
    lines
}

impl<S: Subscriber> Layer<S> for Into {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let about = event.metadata();
        // Of other crates only what is wrong.
        let ours = about.target().starts_with("stockade");
        let most = if ours { self.level } else { Level::WARN };
        if *about.level() > most {
            return;
        }
        let mut told = Told::default();
        event.record(&mut told);
        let one = LogLine {
            time: jiff::Timestamp::now().strftime("%H:%M:%S").to_string(),
            level: about.level().as_str().to_lowercase(),
            text: long(&format!("{}{}", told.message, told.fields)),
        };
        if self.besides == Besides::Stderr {
            // Nobody is left to tell if stderr is gone.
            let _ =
                writeln!(std::io::stderr().lock(), "{} {:<5} {}", one.time, one.level, one.text);
        }
        self.lines.push(one);
    }
}

#[derive(Default)]
struct Told {
    message: String,
    fields: String,
}

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing into a string does not fail.
        let _ = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
    }
}
