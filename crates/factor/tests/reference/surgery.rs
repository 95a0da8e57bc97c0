//! Panels made of parts of a panel.

use market::{Column, Labels, Panel};

/// The rows before `end`.
pub fn past(panel: &Panel, end: usize) -> Panel {
    let order: Vec<usize> = (0..panel.symbols().len()).collect();
    rebuilt(panel, end, &order)
}

/// The names in another order: column `j` is the old column `order[j]`.
pub fn reordered(panel: &Panel, order: &[usize]) -> Panel {
    rebuilt(panel, panel.rows(), order)
}

fn rebuilt(panel: &Panel, rows: usize, order: &[usize]) -> Panel {
    let symbols = order.iter().map(|j| panel.symbols()[*j].clone()).collect();
    let mut new = Panel::new(panel.times()[..rows].to_vec(), symbols);
    for name in panel.field_names() {
        let old = panel.field(name).expect("is there");
        let mut column = Column::missing(rows, order.len());
        each(rows, order, |t, j, from| column.set(t, j, old.at(t, from)));
        new.insert(name, column).expect("fits");
    }
    for name in panel.group_names() {
        let old = panel.group(name).expect("is there");
        let mut labels = Labels::missing(rows, order.len());
        labels.names.clone_from(&old.names);
        each(rows, order, |t, j, from| labels.set(t, j, old.row(t)[from]));
        new.insert_labels(name, labels).expect("fits");
    }
    new
}

fn each(rows: usize, order: &[usize], mut set: impl FnMut(usize, usize, usize)) {
    for t in 0..rows {
        for (j, from) in order.iter().enumerate() {
            set(t, j, *from);
        }
    }
}
