-- Clients of the authorization server that are not in POSTERN_CLIENTS (docs/reference/storage-schema.md).
-- The record is JSON in the domain's own format (crates/oauth/src/stored.rs).
CREATE TABLE clients (
  client_id  TEXT    NOT NULL PRIMARY KEY CHECK (length(client_id) = 26),
  record     TEXT    NOT NULL CHECK (json_type(record) = 'object'),
  disabled   INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
  version    INTEGER NOT NULL DEFAULT 0, -- goes up with every change: a change replaces the version that it read
  created_at INTEGER NOT NULL, -- milliseconds since 1970-01-01T00:00:00Z, as are the other times
  used_at    INTEGER, -- of a client that registered itself: the last use, noted at most once a day
  expires_at INTEGER  -- of a client that registered itself: it is removed then, unless it is used
) STRICT, WITHOUT ROWID;

CREATE INDEX clients_expires_at ON clients (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX clients_unused ON clients (created_at) WHERE expires_at IS NOT NULL AND used_at IS NULL;
