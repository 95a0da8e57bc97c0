-- What witnesses last said of this log: of each, its newest cosignature and the checkpoint that it is on.
CREATE TABLE audit_cosignatures (
    witness TEXT NOT NULL PRIMARY KEY CHECK (length(witness) <= 512),
    tree_size BIGINT NOT NULL CHECK (tree_size >= 0),
    note TEXT NOT NULL,
    line TEXT NOT NULL,
    time_us BIGINT NOT NULL
);

-- What this server keeps as a witness of others: of each log, the last checkpoint that it cosigned.
CREATE TABLE witnessed_logs (
    log_key TEXT NOT NULL PRIMARY KEY CHECK (length(log_key) <= 512),
    tree_size BIGINT NOT NULL CHECK (tree_size >= 0),
    note TEXT NOT NULL,
    time_us BIGINT NOT NULL
);
