//! What each figure is: formula, convention and source, for a reader of the study.

/// What a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note {
    /// Its key.
    pub figure: &'static str,
    /// Formula, convention and source.
    pub text: &'static str,
}

/// What each figure of a study is, in reading order.
#[must_use]
pub const fn notes() -> &'static [Note] {
    &NOTES
}

const fn note(figure: &'static str, text: &'static str) -> Note {
    Note { figure, text }
}

const NOTES: [Note; 24] = [
    note(
        "forward_return",
        "price(t + delay + horizon) / price(t + delay) − 1. The factor of row t is known at its close; with a delay of 1 the position is opened at the next row's price, with 0 at the close that decided, which cannot be traded. A price that is not above 0 is missing.",
    ),
    note(
        "missing_price",
        "No price at the entry: no position and no forward return. No price at the exit: the last one before it counts, for a suspended name as its mark, for a delisted one as its final price; figures without the latter stand beside.",
    ),
    note(
        "delisted",
        "A name whose last price comes before the panel's last row. A suspension that lasts to the panel's end looks the same.",
    ),
    note(
        "ic",
        "Pearson correlation of factor and forward return over the names of a date that have both, at least three; missing where a side is constant.",
    ),
    note(
        "rank_ic",
        "The same of average ranks: C. Spearman, The Proof and Measurement of Association between Two Things, American Journal of Psychology 15(1), 1904.",
    ),
    note(
        "t",
        "Mean / standard error of W. K. Newey and K. D. West (Econometrica 55(3), 1987), weights 1 − k / (L + 1), L the larger of 2 (horizon − 1) and ⌊4 (n / 100)^(2/9)⌋ (Newey and West, Review of Economic Studies 61(4), 1994); too small, and t too large, where the panel has few horizons; a pair with a gap counts as 0 (E. Parzen, Sankhyā A 25, 1963). p is two-sided under a normal law.",
    ),
    note(
        "ratio",
        "Mean / sample standard deviation of the dates' values, per row: R. C. Grinold and R. N. Kahn, Active Portfolio Management, 2000, information ratio of an IC. Not annual: forward returns overlap.",
    ),
    note("monthly", "Mean of the dates' values by calendar month (UTC) of the decision."),
    note(
        "neutral_ic",
        "The correlations after the means of date and group are taken off factor and forward return, over groups of two or more names with both.",
    ),
    note("groups", "Rank IC over the names of one group, at least three with both values."),
    note(
        "quantiles",
        "Quantile ⌊quantiles × (average rank − ½) / number⌋ of the date's factor values, so equal values stay together. All names with a value are placed, whatever their later returns.",
    ),
    note(
        "quantile_mean",
        "Mean over dates of the date's mean forward return; demeaned: less the date's mean over all names with both values; group demeaned: less the mean of date and group.",
    ),
    note(
        "quantile_growth",
        "Each row opens a tranche with 1 / horizon of the capital and closes the one opened horizon rows before (N. Jegadeesh and S. Titman, Journal of Finance 48(1), 1993). A tranche holds the names that have a price at its entry with equal weights restored each row; one that is not open is cash. Suspended and delisted names keep their last price.",
    ),
    note(
        "spread",
        "Forward return of the top quantile less that of the bottom. Its curve is the book of tranches, long 1 and short 1, compounded, weights restored each row.",
    ),
    note(
        "spread_net",
        "Each row's return less cost × Σ |Δ weight| / horizon of the tranche opened.",
    ),
    note(
        "turnover",
        "Of a quantile: mean share of its names that were not in it horizon rows before. Of the book: Σ |Δ weight| / (4 × horizon), the share of long plus short that is replaced in a row.",
    ),
    note(
        "autocorrelation",
        "Rank correlation of the factor with itself so many rows earlier, mean over dates.",
    ),
    note(
        "decay",
        "Rank IC of the one-row return that ends so many rows after the entry; lag 1 is the horizon of one row.",
    ),
    note(
        "exposure",
        "Share of each group among the names of the top and of the bottom quantile, and among all names with a value.",
    ),
    note(
        "capacity",
        "With D the mean of price × volume over the last rows up to the decision (a row without trade is 0), p the participation and w the weights of the tranche (long 1, short 1), a book B, long plus short, trades B / 2 × |Δw| / horizon of a name. Pooled: B = 2 p × horizon × Σ D / Σ |Δw| over the names held; strict: the least 2 p × horizon × D / |Δw|.",
    ),
    note(
        "deflated",
        "Φ((SR − SR₀) √(n − 1) / √(1 − γ₃ SR + (γ₄ − 1) / 4 SR²)), SR per row of the spread before costs: D. H. Bailey and M. López de Prado, The Deflated Sharpe Ratio, Journal of Portfolio Management 40(5), 2014. Probabilistic: SR₀ = 0. It supposes independent returns.",
    ),
    note(
        "expected_max",
        "SR₀ = √V × ((1 − γ) Φ⁻¹(1 − 1 / N) + γ Φ⁻¹(1 − 1 / (N e))), N trials, γ Euler's constant, V the variance of their ratios; where it is not given, 1 / (n − 1), that of an estimate whose truth is 0. 0 for one trial. The same source.",
    ),
    note(
        "track_record",
        "1 + (1 − γ₃ SR + (γ₄ − 1) / 4 SR²) (Φ⁻¹(0.95) / (SR − SR₀))² rows: D. H. Bailey and M. López de Prado, The Sharpe Ratio Efficient Frontier, Journal of Risk 15(2), 2012.",
    ),
    note(
        "overfitting",
        "Combinatorially symmetric cross-validation: share of the ways to choose half of the slices whose best series is at or below the median in the other half. D. H. Bailey, J. M. Borwein, M. López de Prado and Q. J. Zhu, The Probability of Backtest Overfitting, Journal of Computational Finance 20(4), 2017.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_figure_has_one_note_that_ends_in_a_sentence() {
        let keys: BTreeSet<&str> = notes().iter().map(|note| note.figure).collect();
        assert_eq!(keys.len(), notes().len());
        assert!(notes().iter().all(|note| note.text.ends_with('.')));
    }
}
