//! The bot in a terminal: a snapshot drawn, and the kill switch under a few keys.

mod draw;
mod screen;
#[cfg(test)]
mod tests;

pub use draw::draw;
pub use screen::{Palette, Screen, Wish};

use crate::view::View;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use std::{ops::ControlFlow, time::Duration};

/// How often a snapshot is asked for.
const REFRESH: Duration = Duration::from_millis(500);

/// Draws snapshots and passes wishes on until its reader has seen enough. Runs on a thread of its own.
///
/// `view` gives the latest snapshot, or none once there will be no more; `wish` is told what the reader
/// wants.
pub fn watch(
    view: &mut dyn FnMut() -> Option<anyhow::Result<View>>,
    wish: &mut dyn FnMut(Wish) -> ControlFlow<(), String>,
) -> anyhow::Result<()> {
    // What cannot be drawn leaves the terminal as it was.
    let mut terminal = ratatui::try_init().inspect_err(|_| ratatui::restore())?;
    let mut screen = Screen::new(Palette::of(std::env::var_os("NO_COLOR").as_deref()));
    let ended = loop {
        match view() {
            Some(Ok(view)) => screen.show(view),
            Some(Err(error)) => screen.say(&format!("{error:#}")),
            None => break Ok(()),
        }
        if let Err(error) = terminal.draw(|frame| draw(&screen, frame)) {
            break Err(error.into());
        }
        match event::poll(REFRESH) {
            Ok(false) => continue,
            Ok(true) => {}
            Err(error) => break Err(error.into()),
        }
        let pressed = match event::read() {
            Ok(Event::Key(key)) if key.kind == KeyEventKind::Press => key,
            Ok(_) => continue,
            Err(error) => break Err(error.into()),
        };
        if let Some(wanted) = screen.press(pressed) {
            match wish(wanted) {
                ControlFlow::Break(()) => break Ok(()),
                ControlFlow::Continue(said) => screen.say(&said),
            }
        }
    };
    ratatui::restore();
    ended
}
