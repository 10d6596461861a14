//! Users and clients in D1. The domain defines the statements and the formats of the rows.

use std::rc::Rc;

use js_sys::{Array, JSON, Reflect};
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use worker::Env;

use crate::{
    bindings::D1Database,
    env, js,
    usage::{self, Unit},
};
use postern_app::{
    identity::{
        IdentityStore, Login, PasswordHash, User, UserChange, UserQuery,
        rows::{self, Changed, Holder, SqlValue, Statement, UserRow},
    },
    ids::AccountId,
    json,
    ports::{Component, Fault},
    stored::{
        StoredClient, StoredId,
        rows::{self as clients, Changed as ClientChanged, ClientRow},
        store::ClientStore,
    },
    time::Timestamp,
};

/// The D1 database of users and clients.
#[derive(Clone)]
pub(super) struct Database(pub(super) Rc<Env>);

fn fault(error: &JsValue) -> Fault {
    Fault::new(Component::Database, js::cause(error))
}

impl Database {
    async fn rows<T: DeserializeOwned>(&self, statement: &Statement) -> Result<Vec<T>, Fault> {
        let rows = all(&env::database(&self.0)?, statement).await.map_err(|error| fault(&error))?;
        json::read_known(&rows).map_err(|error| Fault::new(Component::Database, error))
    }

    async fn user(&self, statement: &Statement) -> Result<Option<User>, Fault> {
        let rows: Vec<UserRow> = self.rows(statement).await?;
        rows.into_iter().next().map(UserRow::into_user).transpose()
    }

    async fn client_changed(&self, statement: &Statement) -> Result<bool, Fault> {
        let rows: Vec<ClientChanged> = self.rows(statement).await?;
        Ok(!rows.is_empty())
    }

    async fn changed(&self, statement: &Statement) -> Result<bool, Fault> {
        let rows: Vec<Changed> = self.rows(statement).await?;
        Ok(!rows.is_empty())
    }
}

/// The rows as JSON, so that one text crosses from JavaScript for any number of rows.
async fn all(database: &D1Database, statement: &Statement) -> Result<String, JsValue> {
    let values: Array = statement.values.iter().map(value).collect();
    let prepared = database.prepare(statement.sql)?.bind(&values)?;
    let answer = js::in_time(prepared.all()?).await?;
    let rows = Reflect::get(&answer, &JsValue::from_str("results"))?;
    let meta = Reflect::get(&answer, &JsValue::from_str("meta"))?;
    for (unit, name) in [(Unit::D1RowsRead, "rows_read"), (Unit::D1RowsWritten, "rows_written")] {
        let reported = Reflect::get(&meta, &JsValue::from_str(name)).ok();
        usage::count_number(unit, reported.and_then(|count| count.as_f64()));
    }
    Ok(JSON::stringify(&rows)?.into())
}

fn value(value: &SqlValue) -> JsValue {
    match value {
        SqlValue::Text(text) => JsValue::from_str(text),
        #[expect(clippy::cast_precision_loss, reason = "what is bound is below 2^53")]
        SqlValue::Integer(number) => JsValue::from_f64(*number as f64),
        SqlValue::Null => JsValue::NULL,
    }
}

impl IdentityStore for Database {
    async fn find_by_login(&self, login: &Login) -> Result<Option<User>, Fault> {
        self.user(&rows::find_by_login(login)).await
    }

    async fn find(&self, account: AccountId) -> Result<Option<User>, Fault> {
        self.user(&rows::find(account)).await
    }

    async fn insert(&self, user: &User) -> Result<bool, Fault> {
        self.changed(&rows::insert(user)).await
    }

    async fn replace_password_hash(
        &self,
        account: AccountId,
        current: &PasswordHash,
        replacement: &PasswordHash,
    ) -> Result<bool, Fault> {
        self.changed(&rows::replace_password_hash(account, current, replacement)).await
    }

    async fn change(
        &self,
        account: AccountId,
        change: &UserChange,
        now: Timestamp,
    ) -> Result<Option<u64>, Fault> {
        let rows: Vec<Changed> = self.rows(&rows::change(account, change, now)).await?;
        Ok(rows.first().map(|row| row.credential_version))
    }

    async fn remove(&self, account: AccountId) -> Result<bool, Fault> {
        self.changed(&rows::remove(account)).await
    }

    async fn list(&self, query: &UserQuery) -> Result<Vec<User>, Fault> {
        let rows: Vec<UserRow> = self.rows(&rows::list(query)).await?;
        rows.into_iter().map(UserRow::into_user).collect()
    }

    async fn insert_all(&self, users: &[User]) -> Result<Vec<(AccountId, String)>, Fault> {
        let rows: Vec<Holder> = self.rows(&rows::insert_all(users)).await?;
        rows::accounts(rows)
    }

    async fn holders(&self, users: &[User]) -> Result<Vec<(AccountId, String)>, Fault> {
        let rows: Vec<Holder> = self.rows(&rows::holders(users)).await?;
        rows::accounts(rows)
    }

    async fn ping(&self) -> Result<(), Fault> {
        let statement = Statement { sql: rows::PING, values: Vec::new() };
        all(&env::database(&self.0)?, &statement).await.map(drop).map_err(|error| fault(&error))
    }
}

impl ClientStore for Database {
    async fn find_client(&self, client_id: &StoredId) -> Result<Option<StoredClient>, Fault> {
        let rows: Vec<ClientRow> = self.rows(&clients::find(client_id)).await?;
        rows.into_iter().next().map(ClientRow::into_client).transpose()
    }

    async fn insert_client(&self, client: &StoredClient) -> Result<bool, Fault> {
        self.client_changed(&clients::insert(client)).await
    }

    async fn register_client(&self, client: &StoredClient, most_unused: u32) -> Result<bool, Fault> {
        self.client_changed(&clients::register(client, most_unused)).await
    }

    async fn replace_client(&self, client: &StoredClient) -> Result<bool, Fault> {
        self.client_changed(&clients::replace(client)).await
    }

    async fn renew_client(
        &self,
        client_id: &StoredId,
        used_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), Fault> {
        self.client_changed(&clients::renew(client_id, used_at, expires_at)).await.map(drop)
    }

    async fn remove_client(&self, client_id: &StoredId) -> Result<bool, Fault> {
        self.client_changed(&clients::remove(client_id)).await
    }

    async fn sweep_clients(&self, now: Timestamp) -> Result<(), Fault> {
        self.client_changed(&clients::sweep(now)).await.map(drop)
    }

    async fn list_clients(&self, after: Option<&StoredId>, limit: u16) -> Result<Vec<StoredClient>, Fault> {
        let rows: Vec<ClientRow> = self.rows(&clients::list(after, limit)).await?;
        rows.into_iter().map(ClientRow::into_client).collect()
    }

    async fn ping_clients(&self) -> Result<(), Fault> {
        all(&env::database(&self.0)?, &clients::PING).await.map(drop).map_err(|error| fault(&error))
    }
}
