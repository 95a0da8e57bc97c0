-- Who may come in, by what proof, and who is in. Names, addresses and secrets lie sealed.
CREATE TABLE accounts (
    account_id TEXT NOT NULL PRIMARY KEY,
    email_index BLOB NOT NULL UNIQUE CHECK (length(email_index) = 16),
    email BLOB NOT NULL,
    display_name BLOB NOT NULL,
    role TEXT NOT NULL,
    standing TEXT NOT NULL CHECK (standing IN ('active', 'disabled')),
    epoch BIGINT NOT NULL CHECK (epoch >= 0),
    password_hash TEXT NOT NULL,
    created_us BIGINT NOT NULL
);

CREATE TABLE totp (
    account_id TEXT NOT NULL PRIMARY KEY REFERENCES accounts (account_id),
    secret BLOB NOT NULL,
    last_step BIGINT NOT NULL CHECK (last_step >= 0),
    enrolled_us BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
    account_id TEXT NOT NULL REFERENCES accounts (account_id),
    code_index SMALLINT NOT NULL CHECK (code_index BETWEEN 0 AND 9),
    code_hash TEXT NOT NULL,
    used_us BIGINT,
    PRIMARY KEY (account_id, code_index)
);

CREATE TABLE devices (
    account_id TEXT NOT NULL REFERENCES accounts (account_id),
    device_id TEXT NOT NULL,
    first_us BIGINT NOT NULL,
    last_us BIGINT NOT NULL,
    PRIMARY KEY (account_id, device_id)
);

CREATE TABLE sessions (
    session_id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (account_id),
    device_id TEXT NOT NULL,
    factor TEXT NOT NULL CHECK (factor IN ('totp', 'recovery')),
    authenticated_us BIGINT NOT NULL,
    opened_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    client BLOB NOT NULL,
    ended_us BIGINT,
    end_reason TEXT,
    CHECK ((ended_us IS NULL) = (end_reason IS NULL))
);

CREATE INDEX sessions_account ON sessions (account_id, ended_us);

CREATE TABLE refresh_families (
    session_id TEXT NOT NULL PRIMARY KEY REFERENCES sessions (session_id),
    generation BIGINT NOT NULL CHECK (generation >= 0),
    token_hash BLOB NOT NULL CHECK (length(token_hash) = 32),
    repeated SMALLINT NOT NULL CHECK (repeated IN (0, 1)),
    used_us BIGINT NOT NULL
);

CREATE TABLE setup_tokens (
    token_hash BLOB NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    issued_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    used_us BIGINT
);
