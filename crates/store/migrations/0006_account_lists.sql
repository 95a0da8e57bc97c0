-- Lists of accounts, the newest first, all of them or those of one role or standing.
CREATE INDEX accounts_created ON accounts (created_us, account_id);
CREATE INDEX accounts_role ON accounts (role, created_us, account_id);
CREATE INDEX accounts_standing ON accounts (standing, created_us, account_id);
