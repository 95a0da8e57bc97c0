//! Panels made of parts of a panel.

use market::{Column, Labels, Panel};

/// The rows before `end`.
pub fn past(panel: &Panel, end: usize) -> Panel {
    let order: Vec<usize> = (0..panel.symbols().len()).collect();
    rebuilt(panel, &(0..end).collect::<Vec<_>>(), &order)
}

/// The names in another order: column `j` is the old column `order[j]`.
pub fn reordered(panel: &Panel, order: &[usize]) -> Panel {
    rebuilt(panel, &(0..panel.rows()).collect::<Vec<_>>(), order)
}

/// One name, and of its rows only these.
pub fn picked(panel: &Panel, name: usize, rows: &[usize]) -> Panel {
    rebuilt(panel, rows, &[name])
}

fn rebuilt(panel: &Panel, rows: &[usize], order: &[usize]) -> Panel {
    let symbols = order.iter().map(|j| panel.symbols()[*j].clone()).collect();
    let times = rows.iter().map(|t| panel.times()[*t]).collect();
    let mut new = Panel::new(times, symbols);
    for name in panel.field_names() {
        let old = panel.field(name).expect("is there");
        let mut column = Column::missing(rows.len(), order.len());
        each(rows, order, |t, j, (row, from)| column.set(t, j, old.at(row, from)));
        new.insert(name, column).expect("fits");
    }
    for name in panel.group_names() {
        let old = panel.group(name).expect("is there");
        let mut labels = Labels::missing(rows.len(), order.len());
        labels.names.clone_from(&old.names);
        each(rows, order, |t, j, (row, from)| labels.set(t, j, old.row(row)[from]));
        new.insert_labels(name, labels).expect("fits");
    }
    new
}

fn each(rows: &[usize], order: &[usize], mut set: impl FnMut(usize, usize, (usize, usize))) {
    for (t, row) in rows.iter().enumerate() {
        for (j, from) in order.iter().enumerate() {
            set(t, j, (*row, *from));
        }
    }
}
