//! What the reader sees of a snapshot, and what the keys mean. Without a terminal.

use crate::{
    clean::line,
    control::{Ask, Level},
    view::View,
};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::ffi::OsStr;

/// What the reader wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Ask the bot.
    Ask(Ask),
    /// Look no more.
    Leave,
}

/// Whether there is colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Palette {
    /// There is.
    Colour,
    /// There is not: bold and reversed text tell the same.
    Plain,
}

impl Palette {
    /// As the variable `NO_COLOR` says: any value but an empty one.
    #[must_use]
    pub fn of(no_color: Option<&OsStr>) -> Self {
        if no_color.is_some_and(|value| !value.is_empty()) { Self::Plain } else { Self::Colour }
    }
}

/// The state of the display.
#[derive(Debug, Clone)]
pub struct Screen {
    /// The latest snapshot; none before the first.
    pub(super) view: Option<View>,
    pub(super) palette: Palette,
    /// What `y` would do.
    pub(super) asking: Option<(Ask, &'static str)>,
    /// What was said last.
    pub(super) said: String,
    /// Lines that the tables are scrolled by.
    pub(super) scroll: usize,
}

impl Screen {
    /// Before the first snapshot.
    #[must_use]
    pub const fn new(palette: Palette) -> Self {
        Self { view: None, palette, asking: None, said: String::new(), scroll: 0 }
    }

    /// A new snapshot.
    pub fn show(&mut self, view: View) {
        self.view = Some(view);
    }

    /// A line for the reader.
    pub fn say(&mut self, text: &str) {
        self.said = line(text);
    }

    /// A key. Whatever changes something is asked for twice.
    pub fn press(&mut self, key: KeyEvent) -> Option<Wish> {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return Some(Wish::Leave);
        }
        if let Some((ask, _)) = self.asking.take() {
            if matches!(key.code, KeyCode::Char('y' | 'Y')) {
                return Some(Wish::Ask(ask));
            }
            self.say("nothing was done");
            return None;
        }
        self.said.clear();
        let kill = |level| Ask::Kill { level };
        self.asking = match key.code {
            KeyCode::Char('n') => Some((kill(Level::NoEntries), "open nothing new")),
            KeyCode::Char('c') => {
                Some((kill(Level::CancelAll), "take all orders back but for stops"))
            }
            KeyCode::Char('f') => Some((kill(Level::Flatten), "close every position now")),
            KeyCode::Char('r') => Some((Ask::Resume, "let the kill switch go")),
            KeyCode::Char('s') => Some((Ask::Stop, "end the bot; positions keep their stops")),
            _ => None,
        };
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return Some(Wish::Leave),
            KeyCode::Down | KeyCode::Char('j') => self.scroll = self.scroll.saturating_add(1),
            KeyCode::Up | KeyCode::Char('k') => self.scroll = self.scroll.saturating_sub(1),
            KeyCode::Home => self.scroll = 0,
            _ => {}
        }
        None
    }
}
