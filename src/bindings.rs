//! KV, D1, Durable Object namespaces, queues and SQLite as JavaScript objects. The crate page says why the `worker` crate's
//! wrappers are not used.

use js_sys::{Array, Promise};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use crate::js::Fetcher;

#[wasm_bindgen]
extern "C" {
    /// A KV namespace.
    pub(super) type KvNamespace;

    #[wasm_bindgen(method, catch)]
    pub(super) fn get(this: &KvNamespace, key: &str, options: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn put(this: &KvNamespace, key: &str, value: &str) -> Result<Promise, JsValue>;

    /// A D1 database.
    pub(super) type D1Database;

    #[wasm_bindgen(method, catch)]
    pub(super) fn prepare(this: &D1Database, sql: &str) -> Result<D1Statement, JsValue>;

    /// A prepared statement.
    pub(super) type D1Statement;

    #[wasm_bindgen(method, catch, variadic)]
    pub(super) fn bind(this: &D1Statement, values: &Array) -> Result<D1Statement, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn all(this: &D1Statement) -> Result<Promise, JsValue>;

    /// A Durable Object namespace.
    pub(super) type ObjectNamespace;

    #[wasm_bindgen(method, catch, js_name = getByName)]
    pub(super) fn get_by_name(this: &ObjectNamespace, name: &str) -> Result<Fetcher, JsValue>;

    /// An Analytics Engine data set.
    pub(super) type Dataset;

    #[wasm_bindgen(method, catch, js_name = writeDataPoint)]
    pub(super) fn write_data_point(this: &Dataset, point: &JsValue) -> Result<(), JsValue>;

    /// A queue's producer binding.
    pub(super) type Queue;

    #[wasm_bindgen(method, catch)]
    pub(super) fn send(this: &Queue, message: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = sendBatch)]
    pub(super) fn send_batch(this: &Queue, messages: &Array) -> Result<Promise, JsValue>;

    /// An object's SQLite.
    pub(super) type Sql;

    #[wasm_bindgen(method, catch, variadic)]
    pub(super) fn exec(this: &Sql, statement: &str, values: &Array) -> Result<SqlCursor, JsValue>;

    /// The rows of a statement.
    pub(super) type SqlCursor;

    #[wasm_bindgen(method, catch, js_name = toArray)]
    pub(super) fn to_array(this: &SqlCursor) -> Result<Array, JsValue>;

    /// How many rows were read so far. Billed.
    #[wasm_bindgen(method, getter, js_name = rowsRead)]
    pub(super) fn rows_read(this: &SqlCursor) -> Option<f64>;

    /// How many rows were written so far. Billed.
    #[wasm_bindgen(method, getter, js_name = rowsWritten)]
    pub(super) fn rows_written(this: &SqlCursor) -> Option<f64>;
}
