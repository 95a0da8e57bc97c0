-- Addresses that whoever runs the server shuts out, each until a moment.
CREATE TABLE address_blocks (
    prefix TEXT NOT NULL PRIMARY KEY CHECK (length(prefix) BETWEEN 3 AND 49),
    until_us BIGINT NOT NULL,
    why TEXT NOT NULL CHECK (length(why) BETWEEN 1 AND 200),
    blocked_by TEXT NOT NULL CHECK (length(blocked_by) BETWEEN 1 AND 64),
    blocked_us BIGINT NOT NULL
);

-- The newest list of each name that was ever loaded: an older one is not taken again.
CREATE TABLE address_lists (
    list_name TEXT NOT NULL PRIMARY KEY CHECK (length(list_name) BETWEEN 1 AND 64),
    date_us BIGINT NOT NULL,
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32)
);
