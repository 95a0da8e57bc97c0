//! What became of the names: listed late, suspended, delisted.

use crate::study::Reading;
use crate::{Error, Fate, Survivorship};

pub(crate) fn survivorship(reading: &Reading<'_>) -> Result<Survivorship, Error> {
    let mut report = Survivorship { names: reading.names, ..Survivorship::default() };
    for (t, row) in reading.factor.chunks_exact(reading.names.max(1)).enumerate() {
        reading.stop.check()?;
        let cells = row.iter().zip(reading.prices.row(t));
        report.unpriced_values += cells.filter(|(x, p)| x.is_finite() && p.is_nan()).count();
    }
    for j in 0..reading.names {
        reading.stop.check()?;
        let fate = fate(reading, j);
        report.never += usize::from(fate.first.is_none());
        report.late += usize::from(fate.late);
        report.delisted += usize::from(fate.delisted);
        report.suspended += usize::from(fate.gaps > 0);
        report.suspended_cells += fate.gap_rows;
        report.dead_values += fate.dead_values;
        if fate.first.is_none() || fate.late || fate.delisted || fate.gaps > 0 {
            report.fates.push(fate);
        }
    }
    Ok(report)
}

fn fate(reading: &Reading<'_>, j: usize) -> Fate {
    let life = reading.prices.life.get(j).copied().flatten();
    let time = |t: usize| reading.panel.times().get(t).copied();
    let mut fate = Fate {
        symbol: symbol(reading, j),
        first: life.and_then(|(first, _)| time(first)),
        last: life.and_then(|(_, last)| time(last)),
        late: life.is_some_and(|(first, _)| first > 0),
        delisted: life.is_some_and(|(_, last)| last + 1 < reading.rows),
        gaps: 0,
        gap_rows: 0,
        gap_longest: 0,
        dead_values: 0,
    };
    let Some((first, last)) = life else { return fate };
    let mut gap = 0;
    for t in first..=last {
        if reading.prices.row(t).get(j).is_some_and(|price| price.is_finite()) {
            gap = 0;
            continue;
        }
        gap += 1;
        fate.gaps += usize::from(gap == 1);
        fate.gap_rows += 1;
        fate.gap_longest = fate.gap_longest.max(gap);
    }
    if fate.delisted {
        let valued = |t: &usize| reading.row(*t).get(j).is_some_and(|x| x.is_finite());
        fate.dead_values = (last..reading.rows).filter(valued).count();
    }
    fate
}

fn symbol(reading: &Reading<'_>, j: usize) -> market::Symbol {
    reading.panel.symbols().get(j).cloned().expect("a name of the panel")
}
