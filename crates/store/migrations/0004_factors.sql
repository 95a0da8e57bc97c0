-- Factors that a person keeps: a name, and versions that never change once they are there.
CREATE TABLE factors (
    factor_id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (account_id),
    name TEXT NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL,
    archived_us BIGINT
);

CREATE UNIQUE INDEX factors_name ON factors (account_id, name) WHERE archived_us IS NULL;
CREATE INDEX factors_account ON factors (account_id, updated_us);

CREATE TABLE factor_versions (
    factor_id TEXT NOT NULL REFERENCES factors (factor_id),
    version BIGINT NOT NULL CHECK (version > 0),
    factor_text TEXT NOT NULL,
    note TEXT NOT NULL,
    leaf_index BIGINT NOT NULL CHECK (leaf_index >= 0),
    created_us BIGINT NOT NULL,
    PRIMARY KEY (factor_id, version)
);

-- Expressions that were evaluated on data, each once for whoever tried it: an account's id, or
-- `host` for the operator of a machine without accounts.
CREATE TABLE factor_trials (
    tried_by TEXT NOT NULL,
    dataset_name TEXT NOT NULL,
    text_sha256 TEXT NOT NULL CHECK (length(text_sha256) = 64),
    first_us BIGINT NOT NULL,
    PRIMARY KEY (tried_by, dataset_name, text_sha256)
);
