-- Whose a machine is, and whose it will be once the token is used that is out for it. One that was let in on the
-- host is the host's alone, and nobody's.
ALTER TABLE machines ADD COLUMN keeper TEXT CHECK (length(keeper) = 36);
ALTER TABLE machines ADD COLUMN token_keeper TEXT CHECK (length(token_keeper) = 36);
