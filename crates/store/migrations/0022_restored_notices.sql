-- A notice that came back with a backup has no leaf: its entry is in the log of before, and the new log gives the
-- same numbers again. So a leaf is neither a key nor an order any more.
CREATE TABLE restored_notices (
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
    leaf_index BIGINT CHECK (leaf_index >= 0),
    received_us BIGINT NOT NULL
);

INSERT INTO restored_notices (notice_digest, processor, kind, payment_ref, parent_ref, order_ref, status,
    price_amount, price_currency, pay_amount, paid_amount, pay_currency, outcome_amount, outcome_currency,
    standing, why, step, leaf_index, received_us)
SELECT notice_digest, processor, kind, payment_ref, parent_ref, order_ref, status,
    price_amount, price_currency, pay_amount, paid_amount, pay_currency, outcome_amount, outcome_currency,
    standing, why, step, leaf_index, received_us FROM payment_notices;
DROP TABLE payment_notices;
ALTER TABLE restored_notices RENAME TO payment_notices;

CREATE INDEX payment_notices_received ON payment_notices (received_us, notice_digest);
