-- What a person works with: strategies and backtests; and what browsers report of our pages.
CREATE TABLE strategies (
    strategy_id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (account_id),
    name TEXT NOT NULL,
    strategy_text TEXT NOT NULL,
    revision BIGINT NOT NULL CHECK (revision > 0),
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL
);

CREATE INDEX strategies_account ON strategies (account_id, updated_us);

CREATE TABLE backtests (
    backtest_id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (account_id),
    strategy_id TEXT,
    name TEXT NOT NULL,
    strategy_text TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'done', 'failed', 'cancelled')),
    run_id TEXT,
    problem TEXT,
    summary TEXT,
    created_us BIGINT NOT NULL,
    finished_us BIGINT,
    CHECK ((state = 'queued') = (finished_us IS NULL)),
    CHECK ((state = 'done') = (run_id IS NOT NULL)),
    CHECK ((state = 'failed') = (problem IS NOT NULL))
);

CREATE INDEX backtests_account ON backtests (account_id, created_us);
CREATE INDEX backtests_state ON backtests (state);

CREATE TABLE violations (
    violation_key TEXT NOT NULL PRIMARY KEY,
    page TEXT NOT NULL,
    directive TEXT NOT NULL,
    blocked TEXT NOT NULL,
    sample TEXT NOT NULL,
    seen BIGINT NOT NULL CHECK (seen > 0),
    first_us BIGINT NOT NULL,
    last_us BIGINT NOT NULL
);

-- What the log last said of each dataset: after a kill, the catalogue is held against it.
CREATE TABLE datasets (
    dataset_name TEXT NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL
);
