-- Budgets that several servers on one database count together: when each is full again. Whose a budget
-- is stands there as a MAC, and a budget that is full again has no row for long.
CREATE TABLE budgets (
    budget TEXT NOT NULL CHECK (length(budget) BETWEEN 1 AND 40),
    holder BLOB NOT NULL CHECK (length(holder) = 32),
    full_ms BIGINT NOT NULL,
    PRIMARY KEY (budget, holder)
);

CREATE INDEX budgets_full ON budgets (full_ms);
