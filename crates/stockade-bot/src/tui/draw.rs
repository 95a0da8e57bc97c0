//! A screen onto a frame of any size.

use super::screen::{Palette, Screen};
use crate::{clean::line, view::View};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Borders, Cell, Paragraph, Row, Table},
};

/// Below this width tables leave columns out.
const NARROW: u16 = 70;
/// The longest column.
const COLUMN_MAX: usize = 34;

/// Draws all of it.
pub fn draw(screen: &Screen, frame: &mut Frame<'_>) {
    let area = frame.area();
    if area.width < 20 || area.height < 6 {
        frame.render_widget(Paragraph::new("too small"), area);
        return;
    }
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(3), Constraint::Min(1), Constraint::Length(2)])
            .areas(area);
    match &screen.view {
        Some(view) => {
            frame.render_widget(Paragraph::new(heading(screen, view)), head);
            parts(screen, view, body, frame);
        }
        None => frame.render_widget(Paragraph::new("waiting for the bot…"), head),
    }
    frame.render_widget(Paragraph::new(footing(screen)), foot);
}

fn style(screen: &Screen, colour: Color) -> Style {
    match screen.palette {
        Palette::Colour => Style::new().fg(colour).add_modifier(Modifier::BOLD),
        Palette::Plain => Style::new().add_modifier(Modifier::BOLD),
    }
}

fn heading<'a>(screen: &Screen, view: &View) -> Vec<Line<'a>> {
    let first = format!(
        "{} · {} {} {} · {} · {}",
        line(&view.name),
        view.world,
        view.venue,
        view.product,
        line(&view.strategy),
        view.now
    );
    let good = |is: bool| if is { Color::Green } else { Color::Red };
    let ready = if view.ready { "in step" } else { "NOT IN STEP" };
    let entries = if view.barred.is_empty() { "entries open" } else { "NO ENTRIES" };
    let second = vec![
        Span::styled(ready.to_owned(), style(screen, good(view.ready))),
        Span::raw(" · "),
        Span::styled(format!("kill {}", view.kill), style(screen, good(view.kill == "off"))),
        Span::raw(" · "),
        Span::styled(entries.to_owned(), style(screen, good(view.barred.is_empty()))),
        Span::raw(format!(" · {} {}", line(&view.licence), view.barred.join("; "))),
    ];
    let account = &view.account;
    let third = format!(
        "equity {} {} · cash {} · unrealised {} · clock {:+} ms",
        account.equity,
        account.currency,
        account.cash,
        account.unrealised,
        view.links.clock_ahead_ms
    );
    vec![Line::from(first), Line::from(second), Line::from(third)]
}

fn footing<'a>(screen: &Screen) -> Vec<Line<'a>> {
    let first = match screen.asking {
        Some((_, what)) => {
            Line::styled(format!("{what}? y / any other key"), style(screen, Color::Yellow))
        }
        None => Line::from(screen.said.clone()),
    };
    let keys = "n no entries  c cancel all  f flatten  r resume  s stop  ↑↓ scroll  q leave";
    vec![first, Line::from(keys)]
}

fn parts(screen: &Screen, view: &View, area: Rect, frame: &mut Frame<'_>) {
    let length = |rows: usize| u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(3).max(3);
    let half = area.height / 2;
    let [positions, orders, rest] = Layout::vertical([
        Constraint::Length(length(view.positions.len()).min(half)),
        Constraint::Length(length(view.orders.len()).min(half)),
        Constraint::Min(3),
    ])
    .areas(area);
    table(screen, "positions", &view.position_rows(), (positions, frame));
    table(screen, "orders", &view.order_rows(), (orders, frame));
    if rest.width >= NARROW {
        let [signals, log] =
            Layout::horizontal([Constraint::Percentage(45), Constraint::Percentage(55)])
                .areas(rest);
        table(screen, "signals", &view.signal_rows(), (signals, frame));
        journal(view, log, frame);
    } else {
        journal(view, rest, frame);
    }
}

fn journal(view: &View, area: Rect, frame: &mut Frame<'_>) {
    let room = usize::from(area.height.saturating_sub(2));
    let skipped = view.log.len().saturating_sub(room);
    let lines: Vec<Line<'_>> = view
        .log
        .iter()
        .skip(skipped)
        .map(|one| Line::from(format!("{} {} {}", one.time, one.level, line(&one.text))))
        .collect();
    let block = Block::default().borders(Borders::ALL).title("log");
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn table(
    screen: &Screen,
    title: &str,
    rows: &[Vec<String>],
    (area, frame): (Rect, &mut Frame<'_>),
) {
    let columns = rows.first().map_or(0, Vec::len);
    let columns = if area.width < NARROW { columns.min(4) } else { columns };
    let width = |column: usize| {
        let longest =
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        let longest = longest.max().unwrap_or(0).min(COLUMN_MAX);
        Constraint::Length(u16::try_from(longest).unwrap_or(0))
    };
    let widths: Vec<Constraint> = (0..columns).map(width).collect();
    let cells = |row: &Vec<String>| {
        Row::new(row.iter().take(columns).map(|cell| Cell::new(line(cell))).collect::<Vec<_>>())
    };
    let head = rows.first().map(cells).unwrap_or_default().style(style(screen, Color::Cyan));
    let body: Vec<Row<'_>> = rows.iter().skip(1 + screen.scroll).map(cells).collect();
    let count = rows.len().saturating_sub(1);
    let block = Block::default().borders(Borders::ALL).title(format!("{title} {count}"));
    frame.render_widget(Table::new(body, widths).header(head).block(block), area);
}
