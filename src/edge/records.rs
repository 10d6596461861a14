//! An object's own SQLite as the domain's `Records`: one table, `(kind, id) -> record`.
//!
//! Every statement is synchronous; those without an `await` between them commit together.

use serde::Deserialize;
use worker::{SqlStorage, SqlStorageValue};

use crate::ports::{Fault, Part, Records};

/// The only table of every object. The records' formats are the domain's.
const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS records (
    kind TEXT NOT NULL, id TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (kind, id)
) WITHOUT ROWID";

/// Records in the object's SQLite.
pub(super) struct SqlRecords(SqlStorage);

#[derive(Deserialize)]
struct Row {
    id: String,
    record: String,
}

fn fault(error: worker::Error) -> Fault {
    Fault::new(Part::Storage, error)
}

impl SqlRecords {
    /// Opens the table, making it at the object's first use.
    pub(super) fn open(sql: SqlStorage) -> Result<Self, Fault> {
        sql.exec(SCHEMA, None).map_err(fault)?;
        Ok(Self(sql))
    }

    fn run(&self, statement: &str, values: &[&str]) -> Result<worker::SqlCursor, Fault> {
        let values: Vec<SqlStorageValue> = values.iter().map(|value| (*value).into()).collect();
        self.0.exec(statement, values).map_err(fault)
    }
}

impl Records for SqlRecords {
    fn read(&self, kind: &str, id: &str) -> Result<Option<String>, Fault> {
        let cursor = self.run("SELECT id, record FROM records WHERE kind = ? AND id = ?", &[kind, id])?;
        // Not `one()`: it throws through WASM when there is no row.
        let rows: Vec<Row> = cursor.to_array().map_err(fault)?;
        Ok(rows.into_iter().next().map(|row| row.record))
    }

    fn write(&self, kind: &str, id: &str, record: &str) -> Result<(), Fault> {
        self.run("INSERT OR REPLACE INTO records (kind, id, record) VALUES (?, ?, ?)", &[kind, id, record])?;
        Ok(())
    }

    fn remove(&self, kind: &str, id: &str) -> Result<(), Fault> {
        self.run("DELETE FROM records WHERE kind = ? AND id = ?", &[kind, id])?;
        Ok(())
    }

    fn scan(&self, kind: &str) -> Result<Vec<(String, String)>, Fault> {
        let cursor = self.run("SELECT id, record FROM records WHERE kind = ? ORDER BY id", &[kind])?;
        let rows: Vec<Row> = cursor.to_array().map_err(fault)?;
        Ok(rows.into_iter().map(|row| (row.id, row.record)).collect())
    }
}
