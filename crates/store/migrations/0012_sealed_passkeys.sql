-- Public keys of passkeys lie sealed from here on. One that lay open could have been put there by
-- anybody who writes to the database, so none is taken over: no release had them.
DELETE FROM passkeys;
