-- The audit log. Its rows are only ever added, by the one function that commits an act.
CREATE TABLE audit_log (
    id SMALLINT NOT NULL PRIMARY KEY CHECK (id = 1),
    log_key TEXT NOT NULL,
    created_us BIGINT NOT NULL
);

CREATE TABLE audit_leaves (
    leaf_index BIGINT NOT NULL PRIMARY KEY CHECK (leaf_index >= 0),
    time_us BIGINT NOT NULL,
    kind TEXT NOT NULL,
    commitment BLOB NOT NULL CHECK (length(commitment) = 32),
    leaf_hash BLOB NOT NULL CHECK (length(leaf_hash) = 32),
    sealed_body BLOB
);

CREATE INDEX audit_leaves_kind ON audit_leaves (kind, leaf_index);

CREATE TABLE audit_nodes (
    tree_level SMALLINT NOT NULL CHECK (tree_level > 0),
    node_index BIGINT NOT NULL CHECK (node_index >= 0),
    node_hash BLOB NOT NULL CHECK (length(node_hash) = 32),
    PRIMARY KEY (tree_level, node_index)
);

CREATE TABLE audit_checkpoints (
    tree_size BIGINT NOT NULL PRIMARY KEY CHECK (tree_size >= 0),
    time_us BIGINT NOT NULL,
    note TEXT NOT NULL
);
