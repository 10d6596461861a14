-- The identity store (docs/reference/storage-schema.md). Logins are stored in their one spelling
-- (crates/core/src/identity/login.rs); the unique index decides who gets one.
CREATE TABLE users (
  account_id     TEXT    NOT NULL PRIMARY KEY CHECK (length(account_id) = 22),
  login          TEXT    NOT NULL UNIQUE CHECK (length(login) BETWEEN 1 AND 254),
  password_hash  TEXT    NOT NULL,
  scopes         TEXT    NOT NULL DEFAULT '[]' CHECK (json_type(scopes) = 'array'),
  roles          TEXT    NOT NULL DEFAULT '[]' CHECK (json_type(roles) = 'array'),
  tenant_id      TEXT,
  disabled       INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
  email_verified INTEGER NOT NULL DEFAULT 0 CHECK (email_verified IN (0, 1)),
  created_at     INTEGER NOT NULL, -- milliseconds since 1970-01-01T00:00:00Z
  credential_version INTEGER NOT NULL DEFAULT 0 -- goes up when a sign-in under way must fail
) STRICT, WITHOUT ROWID;
