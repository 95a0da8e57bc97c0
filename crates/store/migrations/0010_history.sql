-- Which entries of the log tell of whom, so that a person finds their own. It is no part of the log:
-- it is made from the entries as they are written, and made again from their bodies where it is missing.
CREATE TABLE audit_accounts (
    account_id TEXT NOT NULL REFERENCES accounts (account_id),
    leaf_index BIGINT NOT NULL REFERENCES audit_leaves (leaf_index),
    PRIMARY KEY (account_id, leaf_index)
);

-- When the owner of a token was told that it is about to end.
ALTER TABLE credentials ADD COLUMN reminded_us BIGINT;
CREATE INDEX credentials_ending ON credentials (expires_us) WHERE reminded_us IS NULL;
