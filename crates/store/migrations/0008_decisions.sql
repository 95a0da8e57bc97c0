-- Acts of two persons. A mandate is not stored: the act is done where its row becomes 'carried'.
CREATE TABLE proposals (
    proposal_id TEXT NOT NULL PRIMARY KEY,
    act TEXT NOT NULL CHECK (act IN ('set-role', 'disable', 'bulk-export', 'retention', 'root-key')),
    target TEXT REFERENCES accounts (account_id),
    role TEXT CHECK (role IN ('owner', 'admin', 'support', 'auditor', 'trader', 'viewer')),
    days BIGINT CHECK (days BETWEEN 0 AND 4294967295),
    digest BLOB CHECK (length(digest) = 32),
    proposed_by TEXT NOT NULL REFERENCES accounts (account_id),
    proposed_us BIGINT NOT NULL,
    not_before_us BIGINT,
    expires_us BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'approved', 'cancelled', 'expired', 'carried')),
    approved_by TEXT REFERENCES accounts (account_id),
    approved_us BIGINT,
    closed_us BIGINT,
    CHECK ((target IS NOT NULL) = (act IN ('set-role', 'disable'))),
    CHECK ((role IS NOT NULL) = (act = 'set-role')),
    CHECK ((days IS NOT NULL) = (act = 'retention')),
    CHECK ((digest IS NOT NULL) = (act = 'root-key')),
    CHECK (target <> proposed_by),
    CHECK (approved_by <> proposed_by),
    CHECK (approved_by <> target),
    CHECK ((approved_by IS NULL) = (approved_us IS NULL)),
    CHECK (state <> 'approved' OR approved_by IS NOT NULL),
    CHECK (state <> 'open' OR approved_by IS NULL),
    CHECK ((closed_us IS NOT NULL) = (state IN ('cancelled', 'expired', 'carried'))),
    CHECK (state <> 'carried' OR approved_by IS NOT NULL OR not_before_us IS NOT NULL),
    CHECK (not_before_us > proposed_us),
    CHECK (expires_us > proposed_us)
);

CREATE INDEX proposals_open ON proposals (expires_us) WHERE state IN ('open', 'approved');

-- The quarter's reviews of who may do what; at most one waits for a name.
CREATE TABLE reviews (
    review_id TEXT NOT NULL PRIMARY KEY,
    opened_us BIGINT NOT NULL,
    due_us BIGINT NOT NULL,
    signed_by TEXT REFERENCES accounts (account_id),
    signed_us BIGINT,
    grants_digest BLOB CHECK (length(grants_digest) = 32),
    overdue_logged SMALLINT NOT NULL CHECK (overdue_logged IN (0, 1)),
    CHECK ((signed_by IS NULL) = (signed_us IS NULL)),
    CHECK ((signed_by IS NULL) = (grants_digest IS NULL))
);

CREATE UNIQUE INDEX reviews_open ON reviews ((signed_us IS NULL)) WHERE signed_us IS NULL;
CREATE INDEX reviews_opened ON reviews (opened_us);
