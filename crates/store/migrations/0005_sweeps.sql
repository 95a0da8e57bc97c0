-- Sweeps: what was asked and how far it is; the outcomes lie in files of their own.
CREATE TABLE sweeps (
    sweep_id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (account_id),
    strategy_id TEXT,
    name TEXT NOT NULL,
    dataset_name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'stopped', 'done', 'failed')),
    sets BIGINT NOT NULL CHECK (sets > 0),
    sets_done BIGINT NOT NULL CHECK (sets_done >= 0 AND sets_done <= sets),
    best_set BIGINT,
    best_sharpe DOUBLE PRECISION,
    problem TEXT,
    created_us BIGINT NOT NULL,
    CHECK ((state = 'failed') = (problem IS NOT NULL)),
    CHECK ((best_set IS NULL) = (best_sharpe IS NULL))
);

CREATE INDEX sweeps_account ON sweeps (account_id, created_us);
CREATE INDEX sweeps_state ON sweeps (state);
