//! The SQLite database of a Durable Object as the domain's `Records`: one table, `(kind, id) -> record`.
//!
//! Every statement is synchronous. Statements without an `await` between them commit together.

use js_sys::{Array, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};
use worker::SqlStorage;

use crate::{
    bindings::{Sql, SqlCursor},
    js,
    usage::{self, Unit},
};
use postern_app::ports::{Component, Fault, Records};

/// The only table of every Durable Object. The domain defines the formats of the records.
const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS records (
    kind TEXT NOT NULL, id TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (kind, id)
) WITHOUT ROWID";

/// Records in the SQLite database of a Durable Object.
pub(super) struct SqlRecords(Sql);

fn fault(error: &JsValue) -> Fault {
    Fault::new(Component::Storage, js::cause(error))
}

fn count_written(cursor: &SqlCursor) {
    usage::count_number(Unit::ObjectRowsWritten, cursor.rows_written());
}

impl SqlRecords {
    /// Opens the table. The first use of a Durable Object creates it.
    pub(super) fn open(sql: &SqlStorage) -> Result<Self, Fault> {
        let sql: &JsValue = sql.as_ref();
        let records = Self(sql.clone().unchecked_into());
        records.run(SCHEMA, &[])?;
        Ok(records)
    }

    fn run(&self, statement: &str, values: &[&str]) -> Result<SqlCursor, Fault> {
        let values: Array = values.iter().map(|value| JsValue::from_str(value)).collect();
        self.0.exec(statement, &values).map_err(|error| fault(&error))
    }

    /// The rows of a statement that selects `id` and `record`.
    fn rows(&self, statement: &str, values: &[&str]) -> Result<Vec<(String, String)>, Fault> {
        // Not `one()`, which throws an exception through WASM if there is no row.
        let cursor = self.run(statement, values)?;
        let rows = cursor.to_array().map_err(|error| fault(&error))?;
        usage::count_number(Unit::ObjectRowsRead, cursor.rows_read());
        let column = |row: &JsValue, name: &str| {
            let value = Reflect::get(row, &JsValue::from_str(name)).ok();
            value
                .and_then(|value| value.as_string())
                .ok_or_else(|| Fault::new(Component::Storage, "a row has a column that is not text"))
        };
        rows.iter().map(|row| Ok((column(&row, "id")?, column(&row, "record")?))).collect()
    }
}

impl Records for SqlRecords {
    fn read(&self, kind: &str, id: &str) -> Result<Option<String>, Fault> {
        let rows = self.rows("SELECT id, record FROM records WHERE kind = ? AND id = ?", &[kind, id])?;
        Ok(rows.into_iter().next().map(|(_, record)| record))
    }

    fn write(&self, kind: &str, id: &str, record: &str) -> Result<(), Fault> {
        self.run("INSERT OR REPLACE INTO records (kind, id, record) VALUES (?, ?, ?)", &[kind, id, record])
            .map(|cursor| count_written(&cursor))
    }

    fn remove(&self, kind: &str, id: &str) -> Result<(), Fault> {
        self.run("DELETE FROM records WHERE kind = ? AND id = ?", &[kind, id])
            .map(|cursor| count_written(&cursor))
    }

    fn scan(&self, kind: &str) -> Result<Vec<(String, String)>, Fault> {
        self.rows("SELECT id, record FROM records WHERE kind = ? ORDER BY id", &[kind])
    }
}
