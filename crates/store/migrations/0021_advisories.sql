-- Advisories that are out, a row for each revision: what was said stays, and what is said now is the last one.
CREATE TABLE advisories (
    year BIGINT NOT NULL CHECK (year BETWEEN 1000 AND 9999),
    number BIGINT NOT NULL CHECK (number BETWEEN 1 AND 999),
    revision BIGINT NOT NULL CHECK (revision BETWEEN 1 AND 99),
    report_id TEXT CHECK (length(report_id) = 36),
    wording TEXT NOT NULL CHECK (length(wording) <= 65536),
    note TEXT NOT NULL CHECK (length(note) BETWEEN 1 AND 200),
    leaf_index BIGINT NOT NULL CHECK (leaf_index >= 0),
    published_us BIGINT NOT NULL,
    PRIMARY KEY (year, number, revision)
);
