-- Licences that this server issued: what was granted, how each stands, and a sealed note on whose it is. The file
-- itself is kept by whoever it was handed to.
CREATE TABLE licences (
    licence_id TEXT NOT NULL PRIMARY KEY CHECK (length(licence_id) BETWEEN 1 AND 64),
    edition TEXT NOT NULL CHECK (length(edition) BETWEEN 1 AND 64),
    entitlements TEXT NOT NULL CHECK (length(entitlements) <= 4224),
    instances BIGINT NOT NULL CHECK (instances BETWEEN 1 AND 1000),
    term TEXT NOT NULL CHECK (term IN ('trial', 'paid')),
    issued_us BIGINT NOT NULL,
    not_before_us BIGINT NOT NULL,
    paid_until_us BIGINT NOT NULL,
    hard_until_us BIGINT NOT NULL,
    grace_hours BIGINT NOT NULL CHECK (grace_hours BETWEEN 0 AND 336),
    policy BIGINT NOT NULL CHECK (policy >= 1),
    note BLOB NOT NULL CHECK (length(note) <= 8192),
    state TEXT NOT NULL CHECK (state IN ('issued', 'suspended', 'revoked')),
    changed_us BIGINT NOT NULL,
    -- Of a revoked licence the number of its revocation; of others the last one when they were issued.
    epoch BIGINT NOT NULL CHECK (epoch >= 0)
);

-- Who has a seat of a licence, or had one.
CREATE TABLE licence_instances (
    instance_id TEXT NOT NULL PRIMARY KEY CHECK (length(instance_id) BETWEEN 1 AND 64),
    licence_id TEXT NOT NULL REFERENCES licences (licence_id),
    public_key BLOB NOT NULL CHECK (length(public_key) = 32),
    version TEXT NOT NULL CHECK (length(version) BETWEEN 1 AND 64),
    boots BIGINT NOT NULL CHECK (boots >= 0),
    activated_us BIGINT NOT NULL,
    seen_us BIGINT NOT NULL,
    released_us BIGINT,
    -- When the log last told of a check, and of a counter that went back.
    told_us BIGINT,
    told_back_us BIGINT,
    UNIQUE (licence_id, public_key)
);

-- Questions that were answered lately: none is answered twice.
CREATE TABLE licence_questions (
    instance_id TEXT NOT NULL REFERENCES licence_instances (instance_id),
    challenge BLOB NOT NULL CHECK (length(challenge) = 32),
    until_us BIGINT NOT NULL,
    PRIMARY KEY (instance_id, challenge)
);
