use super::*;
use crate::{
    control::{Ask, Level},
    view::{Account, LogLine, Order, Position, Signal},
};
use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
};

fn view() -> View {
    let text = |text: &str| text.to_owned();
    View {
        name: text("main"),
        world: text("live"),
        venue: text("bybit"),
        product: text("perpetual"),
        strategy: text("trend"),
        now: text("2026-01-02T03:04:05Z"),
        ready: true,
        kill: text("off"),
        licence: text("licence until 2027-01-01"),
        account: Account {
            currency: text("USDT"),
            cash: text("1000"),
            equity: text("1010.5"),
            unrealised: text("10.5"),
            funding: text("-0.25"),
        },
        positions: vec![Position {
            symbol: text("BTC\u{1b}[31mUSDT"),
            side: text("long"),
            size: text("0.5"),
            entry: text("50000"),
            price: text("50021"),
            profit: text("10.5"),
            stop: Some(text("45000")),
        }],
        orders: vec![Order {
            name: text("s00000000000000000001"),
            symbol: text("BTCUSDT"),
            purpose: text("stop"),
            side: text("sell"),
            kind: text("stop 45000"),
            size: text("0.5"),
            traded: text("0"),
        }],
        signals: vec![Signal {
            symbol: text("BTCUSDT"),
            says: text("long"),
            bar: text("03:04"),
            close: text("50021"),
        }],
        log: vec![LogLine {
            time: text("03:04:05"),
            level: text("info"),
            text: text("in step with the venue"),
        }],
        ..View::default()
    }
}

fn drawn(screen: &Screen, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal.draw(|frame| draw(screen, frame)).expect("draws");
    let buffer = terminal.backend().buffer().clone();
    let row = |y: u16| {
        let cells = (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        cells.trim_end().to_owned()
    };
    (0..height).map(row).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_snapshot_is_drawn_and_text_from_outside_stays_text() {
    let mut screen = Screen::new(Palette::Plain);
    screen.show(view());
    insta::assert_snapshot!(drawn(&screen, 100, 20), @r"
    main · live bybit perpetual · trend · 2026-01-02T03:04:05Z
    in step · kill off · entries open · licence until 2027-01-01
    equity 1010.5 USDT · cash 1000 · unrealised 10.5 · clock +0 ms
    ┌positions 1───────────────────────────────────────────────────────────────────────────────────────┐
    │symbol  side size entry price profit stop                                                         │
    │BTCUSDT long 0.5  50000 50021 10.5   45000                                                        │
    └──────────────────────────────────────────────────────────────────────────────────────────────────┘
    ┌orders 1──────────────────────────────────────────────────────────────────────────────────────────┐
    │symbol  purpose side kind       size traded name                                                  │
    │BTCUSDT stop    sell stop 45000 0.5  0      s00000000000000000001                                 │
    └──────────────────────────────────────────────────────────────────────────────────────────────────┘
    ┌signals 1──────────────────────────────────┐┌log──────────────────────────────────────────────────┐
    │symbol  says bar   close                   ││03:04:05 info in step with the venue                 │
    │BTCUSDT long 03:04 50021                   ││                                                     │
    │                                           ││                                                     │
    │                                           ││                                                     │
    │                                           ││                                                     │
    └───────────────────────────────────────────┘└─────────────────────────────────────────────────────┘

    n no entries  c cancel all  f flatten  r resume  s stop  ↑↓ scroll  q leave
    ");
}

#[test]
fn every_size_is_drawn() {
    let mut screen = Screen::new(Palette::Colour);
    screen.show(view());
    for width in [1, 19, 20, 40, 69, 70, 300] {
        for height in [1, 5, 6, 10, 24, 100] {
            let text = drawn(&screen, width, height);
            assert!(!text.contains('\u{1b}'), "{width} × {height}");
        }
    }
    let narrow = drawn(&screen, 40, 24);
    assert!(narrow.contains("equity 1010.5 USDT"), "{narrow}");
}

#[test]
fn what_changes_something_is_asked_for_twice() {
    let key = |c: char| KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
    let mut screen = Screen::new(Palette::Plain);
    screen.show(view());
    let check = |screen: &mut Screen, keys: &str, want: Option<Wish>| {
        let mut last = None;
        for c in keys.chars() {
            last = screen.press(key(c));
        }
        assert_eq!(last, want, "{keys}");
    };
    let kill = |level| Some(Wish::Ask(Ask::Kill { level }));
    check(&mut screen, "f", None);
    check(&mut screen, "y", kill(Level::Flatten));
    check(&mut screen, "fn", None);
    check(&mut screen, "y", None);
    check(&mut screen, "cy", kill(Level::CancelAll));
    check(&mut screen, "ny", kill(Level::NoEntries));
    check(&mut screen, "ry", Some(Wish::Ask(Ask::Resume)));
    check(&mut screen, "sy", Some(Wish::Ask(Ask::Stop)));
    check(&mut screen, "q", Some(Wish::Leave));
    screen.press(key('f'));
    assert!(drawn(&screen, 80, 24).contains("close every position now? y"));
}
