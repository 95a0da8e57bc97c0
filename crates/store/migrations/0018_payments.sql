-- What payment processors told and signed: each notice once, by its digest, with the named fields and no others.
-- Amounts are decimals as they were written. To whom money was sent is not among the fields.
CREATE TABLE payment_notices (
    notice_digest TEXT NOT NULL PRIMARY KEY CHECK (length(notice_digest) = 64),
    processor TEXT NOT NULL CHECK (processor IN ('nowpayments')),
    kind TEXT NOT NULL CHECK (kind IN ('payment', 'withdrawal', 'custody', 'other')),
    payment_ref TEXT CHECK (length(payment_ref) BETWEEN 1 AND 64),
    parent_ref TEXT CHECK (length(parent_ref) BETWEEN 1 AND 64),
    order_ref TEXT CHECK (length(order_ref) BETWEEN 1 AND 64),
    status TEXT CHECK (length(status) BETWEEN 1 AND 32),
    price_amount TEXT CHECK (length(price_amount) <= 96),
    price_currency TEXT CHECK (length(price_currency) <= 32),
    pay_amount TEXT CHECK (length(pay_amount) <= 96),
    paid_amount TEXT CHECK (length(paid_amount) <= 96),
    pay_currency TEXT CHECK (length(pay_currency) <= 32),
    outcome_amount TEXT CHECK (length(outcome_amount) <= 96),
    outcome_currency TEXT CHECK (length(outcome_currency) <= 32),
    standing TEXT NOT NULL CHECK (standing IN ('noted', 'quarantined')),
    why TEXT CHECK (length(why) BETWEEN 1 AND 32),
    step TEXT CHECK (step IN ('onward', 'same', 'late', 'behind', 'against')),
    leaf_index BIGINT NOT NULL UNIQUE CHECK (leaf_index >= 0),
    received_us BIGINT NOT NULL
);

-- How each payment stands, by the last word that moved it.
CREATE TABLE payment_courses (
    processor TEXT NOT NULL CHECK (processor IN ('nowpayments')),
    payment_ref TEXT NOT NULL CHECK (length(payment_ref) BETWEEN 1 AND 64),
    status TEXT NOT NULL CHECK (length(status) BETWEEN 1 AND 32),
    moved_us BIGINT NOT NULL,
    PRIMARY KEY (processor, payment_ref)
);
