-- Reports of weaknesses: sealed to those who answer, known to their senders by the digest of a receipt.
CREATE TABLE security_reports (
    report_id TEXT NOT NULL PRIMARY KEY CHECK (length(report_id) = 36),
    receipt_hash BLOB NOT NULL UNIQUE CHECK (length(receipt_hash) = 32),
    sealed BLOB NOT NULL CHECK (length(sealed) <= 131072),
    sealed_by TEXT NOT NULL CHECK (sealed_by IN ('sender', 'server')),
    credit BIGINT NOT NULL CHECK (credit IN (0, 1)),
    thanks TEXT CHECK (length(thanks) BETWEEN 1 AND 80),
    leaf_index BIGINT NOT NULL CHECK (leaf_index >= 0),
    moves BIGINT NOT NULL CHECK (moves >= 0),
    severity TEXT CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    received_us BIGINT NOT NULL,
    acknowledged_us BIGINT,
    triaged_us BIGINT,
    breach_us BIGINT,
    notified_us BIGINT,
    fixed_us BIGINT,
    published_us BIGINT,
    declined_us BIGINT
);
