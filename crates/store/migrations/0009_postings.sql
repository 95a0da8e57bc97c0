-- Letters on their way. All that says to whom and what lies sealed; the texts go when it is over.
CREATE TABLE postings (
    posting_id TEXT NOT NULL PRIMARY KEY CHECK (length(posting_id) BETWEEN 1 AND 64),
    account_id TEXT REFERENCES accounts (account_id),
    sender TEXT NOT NULL CHECK (length(sender) > 0),
    language TEXT NOT NULL,
    date_us BIGINT NOT NULL,
    recipient BLOB NOT NULL CHECK (length(recipient) > 0),
    subject BLOB NOT NULL CHECK (length(subject) > 0),
    body_text BLOB,
    body_html BLOB,
    since_us BIGINT NOT NULL,
    until_us BIGINT NOT NULL,
    tries BIGINT NOT NULL CHECK (tries BETWEEN 0 AND 4294967295),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'under-way', 'sent', 'given-up')),
    at_us BIGINT NOT NULL,
    answer BLOB,
    CHECK ((body_text IS NULL) = (state IN ('sent', 'given-up'))),
    CHECK (body_html IS NULL OR body_text IS NOT NULL),
    CHECK (tries > 0 OR state NOT IN ('under-way', 'sent'))
);

CREATE INDEX postings_due ON postings (at_us) WHERE state IN ('waiting', 'under-way');
CREATE INDEX postings_over ON postings (at_us) WHERE state IN ('sent', 'given-up');
CREATE INDEX postings_account ON postings (account_id);
