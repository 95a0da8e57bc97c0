-- The authority of the installation's machines: key and certificate, sealed; all servers have the same.
CREATE TABLE machine_authority (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    sealed_key BLOB NOT NULL
);

-- Which machines belong, of which epoch, which tokens are out, and what each machine last said.
CREATE TABLE machines (
    machine TEXT NOT NULL PRIMARY KEY CHECK (length(machine) <= 64),
    epoch BIGINT NOT NULL CHECK (epoch >= 0),
    is_in BIGINT NOT NULL CHECK (is_in IN (0, 1)),
    added_us BIGINT NOT NULL,
    token_hash BLOB UNIQUE CHECK (length(token_hash) = 32),
    token_ends_us BIGINT,
    certificate_ends_us BIGINT,
    seen_us BIGINT,
    version TEXT CHECK (length(version) <= 64),
    world TEXT CHECK (length(world) <= 16),
    state TEXT CHECK (length(state) <= 16),
    ticked_us BIGINT,
    witness TEXT CHECK (length(witness) <= 512)
);
