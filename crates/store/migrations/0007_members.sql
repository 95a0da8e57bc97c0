-- By what an account is entered. A password has a table of its own: who has passkeys has none.
CREATE TABLE passwords (
    account_id TEXT NOT NULL PRIMARY KEY REFERENCES accounts (account_id),
    password_hash TEXT NOT NULL CHECK (length(password_hash) > 0)
);

INSERT INTO passwords (account_id, password_hash) SELECT account_id, password_hash FROM accounts;
ALTER TABLE accounts DROP COLUMN password_hash;

-- What stays of an erased account is its name in the log.
ALTER TABLE accounts ADD COLUMN erased_us BIGINT CHECK (erased_us IS NULL OR standing = 'disabled');

-- Who decides about others: read for each of their acts.
CREATE INDEX accounts_council ON accounts (account_id, role)
    WHERE standing = 'active' AND role IN ('owner', 'admin');

-- The key of an account's sealed fields, sealed; accounts from before have none of their own.
CREATE TABLE data_keys (
    account_id TEXT NOT NULL PRIMARY KEY REFERENCES accounts (account_id),
    data_key BLOB NOT NULL CHECK (length(data_key) > 32)
);

CREATE TABLE passkeys (
    passkey_id BLOB NOT NULL PRIMARY KEY CHECK (length(passkey_id) = 32),
    account_id TEXT NOT NULL REFERENCES accounts (account_id),
    label TEXT NOT NULL CHECK (length(label) BETWEEN 1 AND 80),
    credential BLOB NOT NULL CHECK (length(credential) BETWEEN 1 AND 1023),
    cose BLOB NOT NULL CHECK (length(cose) BETWEEN 1 AND 1200),
    counter BIGINT NOT NULL CHECK (counter BETWEEN 0 AND 4294967295),
    may_be_copied SMALLINT NOT NULL CHECK (may_be_copied IN (0, 1)),
    created_us BIGINT NOT NULL
);

CREATE INDEX passkeys_account ON passkeys (account_id, created_us);

-- API tokens and bots: recognised by a hash, or by the digest of a certificate's key.
CREATE TABLE credentials (
    credential_id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (account_id),
    sort TEXT NOT NULL CHECK (sort IN ('token', 'bot')),
    proof BLOB NOT NULL CHECK (length(proof) = 32),
    label TEXT NOT NULL CHECK (length(label) BETWEEN 1 AND 80),
    scope TEXT NOT NULL CHECK (length(scope) > 0),
    created_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    used_us BIGINT,
    CHECK (expires_us > created_us)
);

CREATE UNIQUE INDEX credentials_proof ON credentials (sort, proof);
CREATE INDEX credentials_account ON credentials (account_id, created_us);

-- Links that work once: the act that one admits deletes its row.
CREATE TABLE links (
    token_hash BLOB NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    purpose TEXT NOT NULL CHECK (purpose IN ('register', 'invite', 'address-confirm',
        'address-stop', 'reset', 'device', 'loss', 'loss-stop', 'erase-stop', 'recover')),
    account_id TEXT REFERENCES accounts (account_id),
    epoch BIGINT CHECK (epoch >= 0),
    email_index BLOB CHECK (length(email_index) = 16),
    email BLOB,
    role TEXT CHECK (role IN ('support', 'auditor', 'trader', 'viewer')),
    device_id TEXT,
    invited_by TEXT REFERENCES accounts (account_id),
    issued_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    CHECK (expires_us > issued_us),
    CHECK ((account_id IS NULL) = (purpose IN ('register', 'invite'))),
    CHECK ((account_id IS NULL) = (epoch IS NULL)),
    CHECK ((account_id IS NULL) = (role IS NOT NULL)),
    CHECK ((email IS NOT NULL) = (purpose IN ('register', 'invite', 'address-confirm'))),
    CHECK ((email IS NULL) = (email_index IS NULL)),
    CHECK ((invited_by IS NOT NULL) = (purpose = 'invite')),
    CHECK (purpose NOT IN ('register', 'reset', 'device', 'loss') OR device_id IS NOT NULL)
);

-- The newest replaces the ones before; of a registration, those of the same browser only, or else
-- a stranger could take the link away that somebody waits for.
CREATE UNIQUE INDEX links_account ON links (account_id, purpose) WHERE account_id IS NOT NULL;
CREATE UNIQUE INDEX links_address ON links (email_index, purpose, COALESCE(device_id, ''))
    WHERE account_id IS NULL;
CREATE INDEX links_expires ON links (expires_us);

-- A lost second factor on its way to be replaced.
CREATE TABLE losses (
    account_id TEXT NOT NULL PRIMARY KEY REFERENCES accounts (account_id),
    epoch BIGINT NOT NULL CHECK (epoch >= 0),
    ready_us BIGINT NOT NULL,
    voucher TEXT NOT NULL CHECK (voucher IN ('none', 'awaited', 'given')),
    vouched_by TEXT REFERENCES accounts (account_id),
    CHECK ((voucher = 'given') = (vouched_by IS NOT NULL)),
    CHECK (vouched_by <> account_id)
);

-- Accounts that will be erased.
CREATE TABLE erasures (
    account_id TEXT NOT NULL PRIMARY KEY REFERENCES accounts (account_id),
    due_us BIGINT NOT NULL
);

CREATE INDEX erasures_due ON erasures (due_us);

-- Sessions by any factor, and only for reasons that there are. SQLite cannot change a CHECK: the
-- rows move to new tables.
CREATE TABLE sessions_next (
    session_id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (account_id),
    device_id TEXT NOT NULL,
    factor TEXT NOT NULL CHECK (factor IN ('totp', 'recovery', 'passkey', 'password')),
    authenticated_us BIGINT NOT NULL,
    opened_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    client BLOB NOT NULL,
    ended_us BIGINT,
    end_reason TEXT CHECK (end_reason IN ('sign_out', 'remote', 'idle', 'absolute', 'reuse',
        'disabled', 'changed', 'role', 'suspected')),
    CHECK ((ended_us IS NULL) = (end_reason IS NULL))
);

INSERT INTO sessions_next (session_id, account_id, device_id, factor, authenticated_us, opened_us,
                           expires_us, client, ended_us, end_reason)
    SELECT session_id, account_id, device_id, factor, authenticated_us, opened_us, expires_us,
           client, ended_us, end_reason FROM sessions;

CREATE TABLE refresh_families_next (
    session_id TEXT NOT NULL PRIMARY KEY REFERENCES sessions_next (session_id),
    generation BIGINT NOT NULL CHECK (generation >= 0),
    token_hash BLOB NOT NULL CHECK (length(token_hash) = 32),
    repeated SMALLINT NOT NULL CHECK (repeated IN (0, 1)),
    used_us BIGINT NOT NULL
);

INSERT INTO refresh_families_next (session_id, generation, token_hash, repeated, used_us)
    SELECT session_id, generation, token_hash, repeated, used_us FROM refresh_families;

DROP TABLE refresh_families;
DROP TABLE sessions;
ALTER TABLE sessions_next RENAME TO sessions;
ALTER TABLE refresh_families_next RENAME TO refresh_families;

CREATE INDEX sessions_account ON sessions (account_id, ended_us);
CREATE INDEX sessions_live ON sessions (expires_us) WHERE ended_us IS NULL;
