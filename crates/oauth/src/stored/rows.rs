//! Clients as rows of D1, without D1: statements with their values, and rows back into clients. The table is
//! `migrations/0002_clients.sql`.

use postern_core::{
    identity::rows::{SqlValue, Statement},
    ports::{Component, Fault},
};
use postern_jose::{json, time::Timestamp};
use serde::Deserialize;

use super::{Record, Source, StoredClient, StoredId, VERSION};

const FIND: &str = "SELECT client_id, record, disabled, version, created_at, used_at, expires_at FROM clients \
     WHERE client_id = ?1";

const LIST: &str = "SELECT client_id, record, disabled, version, created_at, used_at, expires_at FROM clients \
     WHERE client_id > ?1 ORDER BY client_id LIMIT ?2";

const INSERT: &str = "INSERT INTO clients (client_id, record, disabled, created_at, expires_at) \
     VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING RETURNING client_id";

/// The count stops at the limit, and reads an index of unused clients only.
const REGISTER: &str = "INSERT INTO clients (client_id, record, disabled, created_at, expires_at) \
     SELECT ?1, ?2, ?3, ?4, ?5 WHERE (SELECT count(*) FROM (SELECT 1 FROM clients \
     WHERE expires_at IS NOT NULL AND used_at IS NULL LIMIT ?6)) < ?6 \
     ON CONFLICT DO NOTHING RETURNING client_id";

const REPLACE: &str = "UPDATE clients SET record = ?2, disabled = ?3, version = version + 1 \
     WHERE client_id = ?1 AND version = ?4 RETURNING client_id";

const RENEW: &str = "UPDATE clients SET used_at = ?2, expires_at = max(expires_at, ?3) \
     WHERE client_id = ?1 AND expires_at IS NOT NULL RETURNING client_id";

const REMOVE: &str = "DELETE FROM clients WHERE client_id = ?1 RETURNING client_id";

const SWEEP: &str = "DELETE FROM clients WHERE client_id IN (SELECT client_id FROM clients \
     WHERE expires_at IS NOT NULL AND expires_at <= ?1 LIMIT 100) RETURNING client_id";

/// Answers one row if the table is there.
pub const PING: Statement =
    Statement { sql: "SELECT count(*) AS found FROM (SELECT 1 FROM clients LIMIT 1)", values: Vec::new() };

/// At most one [`ClientRow`].
pub fn find(client_id: &StoredId) -> Statement {
    Statement { sql: FIND, values: vec![id(client_id)] }
}

/// [`ClientRow`]s in the order of their ids.
pub fn list(after: Option<&StoredId>, limit: u16) -> Statement {
    let after = after.map_or_else(|| SqlValue::Text(String::new()), id);
    Statement { sql: LIST, values: vec![after, SqlValue::Integer(limit.into())] }
}

/// One [`Changed`] row if the client was added.
pub fn insert(client: &StoredClient) -> Statement {
    Statement { sql: INSERT, values: columns(client) }
}

/// One [`Changed`] row if the client was added, none if there are `most_unused` unused ones.
pub fn register(client: &StoredClient, most_unused: u32) -> Statement {
    let mut values = columns(client);
    values.push(SqlValue::Integer(most_unused.into()));
    Statement { sql: REGISTER, values }
}

/// One [`Changed`] row if the client was of this version.
pub fn replace(client: &StoredClient) -> Statement {
    let version = SqlValue::Integer(client.version);
    let disabled = SqlValue::Integer(client.disabled.into());
    Statement { sql: REPLACE, values: vec![id(&client.client_id), record(client), disabled, version] }
}

/// One [`Changed`] row if the client is there.
pub fn renew(client_id: &StoredId, used_at: Timestamp, expires_at: Timestamp) -> Statement {
    Statement { sql: RENEW, values: vec![id(client_id), at(used_at), at(expires_at)] }
}

/// One [`Changed`] row if the client was there.
pub fn remove(client_id: &StoredId) -> Statement {
    Statement { sql: REMOVE, values: vec![id(client_id)] }
}

/// A [`Changed`] row for each client that was removed.
pub fn sweep(now: Timestamp) -> Statement {
    Statement { sql: SWEEP, values: vec![at(now)] }
}

fn columns(client: &StoredClient) -> Vec<SqlValue> {
    let expires_at = match client.source {
        Source::Operator => SqlValue::Null,
        Source::Registered { expires_at, .. } => at(expires_at),
    };
    let disabled = SqlValue::Integer(client.disabled.into());
    vec![id(&client.client_id), record(client), disabled, at(client.created_at), expires_at]
}

fn id(client_id: &StoredId) -> SqlValue {
    SqlValue::Text(client_id.as_str().to_owned())
}

const fn at(time: Timestamp) -> SqlValue {
    SqlValue::Integer(time.millis())
}

fn record(client: &StoredClient) -> SqlValue {
    let record = Record { v: VERSION, members: client.members.clone(), secrets: client.secrets.clone() };
    // It is made of strings, numbers, lists and objects, which always serialise.
    SqlValue::Text(serde_json::to_string(&record).unwrap_or_default())
}

/// What a statement that changes a client returns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Changed {
    /// The client.
    pub client_id: String,
}

/// A row of `clients` as D1 gives it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ClientRow {
    client_id: String,
    record: String,
    disabled: u8,
    version: u64,
    created_at: u64,
    #[serde(default)]
    used_at: Option<u64>,
    #[serde(default)]
    expires_at: Option<u64>,
}

impl ClientRow {
    /// The client of this row.
    ///
    /// # Errors
    /// A fault of the database if a column does not hold what it should. A record of a newer version is one, too: this
    /// version does not know what it says.
    pub fn into_client(self) -> Result<StoredClient, Fault> {
        let broken = |problem: &str| {
            Fault::new(Component::Database, format_args!("clients: {} {problem}", self.client_id))
        };
        let client_id = StoredId::parse(&self.client_id).ok_or_else(|| broken("is no client_id"))?;
        let record: Record =
            json::read(&self.record).map_err(|_| broken("has a record that is not valid"))?;
        if record.v != VERSION {
            return Err(broken("has a record of a newer version"));
        }
        let source = match self.expires_at {
            None => Source::Operator,
            Some(expires_at) => Source::Registered {
                used_at: self.used_at.map(Timestamp::from_millis),
                expires_at: Timestamp::from_millis(expires_at),
            },
        };
        Ok(StoredClient {
            client_id,
            source,
            disabled: self.disabled != 0,
            version: self.version,
            created_at: Timestamp::from_millis(self.created_at),
            members: record.members,
            secrets: record.secrets,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "pcl_AAAAAAAAAAAAAAAAAAAAAA";
    const RECORD: &str = r#"{"v":1,"members":{"name":"The shop","redirect_uris":["https://shop.example/cb"]},"secrets":[{"secret_id":"AAAAAAAA","sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","created_at":1700000000}]}"#;

    fn row(record: &str, more: &serde_json::Value) -> Result<StoredClient, Fault> {
        let mut row =
            json!({"client_id": ID, "record": record, "disabled": 0, "version": 3, "created_at": 1});
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value::<ClientRow>(row).unwrap().into_client()
    }

    #[test]
    fn the_record_of_a_client_format_unchanged() {
        let client = row(RECORD, &json!({})).unwrap();
        assert_eq!((client.source, client.version, client.disabled), (Source::Operator, 3, false));
        let statement = replace(&client);
        assert_eq!(statement.values[1], SqlValue::Text(RECORD.to_owned()));
        assert_eq!(statement.values[3], SqlValue::Integer(3), "of the version that was read");
        let registered = row(RECORD, &json!({"disabled": 1, "used_at": 5, "expires_at": 9})).unwrap();
        let at = Timestamp::from_millis;
        assert_eq!(registered.source, Source::Registered { used_at: Some(at(5)), expires_at: at(9) });
        assert!(registered.disabled);
    }

    #[test]
    fn a_row_that_cannot_be_read_is_a_fault_that_shows_no_secret() {
        for record in [
            "",
            "{}",
            &RECORD.replace("\"v\":1", "\"v\":2"),
            &RECORD.replace("\"v\":1", "\"v\":1,\"more\":1"),
            &RECORD.replace("created_at", "made_at"),
        ] {
            let fault = row(record, &json!({})).unwrap_err();
            assert_eq!(fault.part, Component::Database);
            assert!(fault.cause.contains(ID) && !fault.cause.contains("e3b0c4"), "{}", fault.cause);
        }
        assert!(row(RECORD, &json!({"client_id": "pcl_x"})).is_err());
    }
}
