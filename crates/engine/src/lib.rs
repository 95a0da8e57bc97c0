//! Knows: one loop for backtest, paper and live; the strategy language; the simulated exchange.
//! Never knows: the clock, threads or venue protocols.
