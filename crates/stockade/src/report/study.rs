//! A read-out as JSON: the names of `research`'s figures, missing ones as null.

use crate::desk::Kept;
use research::{
    Capacity, Coverage, Deflated, Exposure, Fate, GroupInformation, Horizon, Information,
    LabelCounts, Lag, Participation, Quantile, Sensitivity, Settings, Spread, Summary,
    Survivorship, YearMonths,
};
use serde_json::{Value, json};

/// The whole document.
#[must_use]
pub fn document(kept: &Kept) -> Value {
    let study = &kept.study;
    let (rows, names) = kept.size;
    let times: Vec<String> = study.times.iter().map(ToString::to_string).collect();
    let notes: Vec<Value> = research::notes()
        .iter()
        .map(|note| json!({ "figure": note.figure, "text": note.text }))
        .collect();
    json!({
        "factor": { "name": kept.name, "text": kept.text, "canonical": kept.canonical },
        "data": {
            "dataset": kept.dataset, "digest": kept.digest, "rows": rows, "names": names,
        },
        "settings": settings(&study.settings),
        "times": times,
        "coverage": coverage(&study.coverage),
        "horizons": all(&study.horizons, horizon),
        "autocorrelation": all(&study.autocorrelation, lag),
        "decay": all(&study.decay, lag),
        "survivorship": survivorship(&study.survivorship),
        "exposures": all(&study.exposures, exposure),
        "notes": notes,
    })
}

fn all<T>(list: &[T], one: impl Fn(&T) -> Value) -> Value {
    list.iter().map(one).collect()
}

fn maybe<T>(value: Option<&T>, one: impl Fn(&T) -> Value) -> Value {
    value.map_or(Value::Null, one)
}

fn settings(s: &Settings) -> Value {
    let capacity =
        |c: &Participation| json!({ "volume": c.volume, "share": c.share, "rows": c.rows });
    json!({
        "horizons": s.horizons, "quantiles": s.quantiles, "price": s.price, "delay": s.delay,
        "group": s.group, "periods_per_year": s.periods_per_year,
        "trials": { "count": s.trials.count, "variance": s.trials.variance },
        "cost": s.cost, "capacity": maybe(s.capacity.as_ref(), capacity),
        "decay": s.decay, "lags": s.lags,
    })
}

fn coverage(c: &Coverage) -> Value {
    json!({ "priced": c.priced, "valued": c.valued, "both": c.both, "share": c.share })
}

fn horizon(h: &Horizon) -> Value {
    json!({
        "rows": h.rows,
        "ic": information(&h.ic),
        "rank_ic": information(&h.rank_ic),
        "neutral_ic": maybe(h.neutral_ic.as_ref(), information),
        "neutral_rank_ic": maybe(h.neutral_rank_ic.as_ref(), information),
        "groups": all(&h.groups, group),
        "quantiles": all(&h.quantiles, quantile),
        "spread": spread(&h.spread),
        "labels": labels(&h.labels),
        "without_delisted": sensitivity(&h.without_delisted),
        "capacity": maybe(h.capacity.as_ref(), capacity),
        "deflated": deflated(&h.deflated),
    })
}

fn information(i: &Information) -> Value {
    json!({
        "series": i.series, "summary": summary(&i.summary), "monthly": all(&i.monthly, year),
    })
}

fn year(y: &YearMonths) -> Value {
    json!({ "year": y.year, "months": y.months, "total": y.total })
}

fn summary(s: &Summary) -> Value {
    json!({
        "count": s.count, "mean": s.mean, "std": s.std, "ratio": s.ratio, "positive": s.positive,
        "error": s.error, "error_lags": s.error_lags, "t": s.t, "p": s.p,
        "t_independent": s.t_independent,
    })
}

fn lag(l: &Lag) -> Value {
    json!({ "rows": l.rows, "summary": summary(&l.summary) })
}

fn group(g: &GroupInformation) -> Value {
    json!({ "group": g.group, "names": g.names, "summary": summary(&g.summary) })
}

fn quantile(q: &Quantile) -> Value {
    json!({
        "names": q.names, "mean": summary(&q.mean), "demeaned": q.demeaned,
        "group_demeaned": q.group_demeaned, "turnover": q.turnover, "growth": q.growth,
    })
}

fn spread(s: &Spread) -> Value {
    json!({
        "series": s.series, "summary": summary(&s.summary), "returns": s.returns,
        "growth": s.growth, "growth_net": s.growth_net, "annual_return": s.annual_return,
        "annual_volatility": s.annual_volatility, "sharpe": s.sharpe, "sharpe_net": s.sharpe_net,
        "drawdown": s.drawdown, "turnover": s.turnover, "turnover_mean": s.turnover_mean,
    })
}

fn labels(l: &LabelCounts) -> Value {
    json!({
        "values": l.values, "known": l.known, "suspended": l.suspended, "delisted": l.delisted,
        "beyond": l.beyond, "no_entry": l.no_entry, "missing_share": l.missing_share,
    })
}

fn sensitivity(s: &Sensitivity) -> Value {
    json!({
        "ic": summary(&s.ic), "rank_ic": summary(&s.rank_ic), "spread": summary(&s.spread),
    })
}

fn capacity(c: &Capacity) -> Value {
    json!({
        "pooled": c.pooled, "strict": c.strict, "pooled_median": c.pooled_median,
        "strict_median": c.strict_median, "pooled_low": c.pooled_low, "strict_low": c.strict_low,
    })
}

fn deflated(d: &Deflated) -> Value {
    json!({
        "count": d.count, "sharpe": d.sharpe, "skew": d.skew, "kurtosis": d.kurtosis,
        "trials": d.trials, "variance": d.variance, "expected_max": d.expected_max,
        "expected_max_annual": d.expected_max_annual, "probabilistic": d.probabilistic,
        "deflated": d.deflated, "track_record": d.track_record,
        "track_record_deflated": d.track_record_deflated,
    })
}

fn survivorship(s: &Survivorship) -> Value {
    json!({
        "names": s.names, "never": s.never, "late": s.late, "delisted": s.delisted,
        "suspended": s.suspended, "suspended_cells": s.suspended_cells,
        "unpriced_values": s.unpriced_values, "dead_values": s.dead_values,
        "fates": all(&s.fates, fate),
    })
}

fn fate(f: &Fate) -> Value {
    json!({
        "symbol": f.symbol.as_str(),
        "first": f.first.map(|time| time.to_string()),
        "last": f.last.map(|time| time.to_string()),
        "late": f.late, "delisted": f.delisted, "gaps": f.gaps, "gap_rows": f.gap_rows,
        "gap_longest": f.gap_longest, "dead_values": f.dead_values,
    })
}

fn exposure(e: &Exposure) -> Value {
    json!({
        "group": e.group, "top": e.top, "bottom": e.bottom, "top_mean": e.top_mean,
        "bottom_mean": e.bottom_mean, "all_mean": e.all_mean,
    })
}
