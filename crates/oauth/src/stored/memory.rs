//! Clients in memory, for tests, with faults on command.

use core::cell::{Cell, RefCell};
use std::{collections::BTreeMap, rc::Rc};

use postern_core::ports::{Component, Fault};
use postern_jose::time::Timestamp;

use super::{Source, StoredClient, StoredId, store::ClientStore};

/// How the store behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientsMode {
    /// As it should.
    #[default]
    Works,
    /// The table is missing: every call fails.
    NoTable,
    /// Reading works; a write is done, and reported as failed.
    FailsAfterWriting,
}

/// A store of clients in memory. Clones share the clients.
#[derive(Debug, Clone, Default)]
pub struct MemoryClients {
    clients: Rc<RefCell<BTreeMap<StoredId, StoredClient>>>,
    mode: Rc<Cell<ClientsMode>>,
    asked: Rc<Cell<u32>>,
}

impl MemoryClients {
    /// From now on it behaves like this.
    pub fn behave(&self, mode: ClientsMode) {
        self.mode.set(mode);
    }

    /// How many calls there were.
    pub fn asked(&self) -> u32 {
        self.asked.get()
    }

    /// Changes a client in place, as another isolate would.
    pub fn amend(&self, client_id: &str, change: impl FnOnce(&mut StoredClient)) {
        let mut clients = self.clients.borrow_mut();
        if let Some(client) = clients.values_mut().find(|client| client.client_id.as_str() == client_id) {
            change(client);
        }
    }

    fn read<T>(&self, work: impl FnOnce(&mut BTreeMap<StoredId, StoredClient>) -> T) -> Result<T, Fault> {
        self.asked.set(self.asked.get() + 1);
        if self.mode.get() == ClientsMode::NoTable {
            return Err(Fault::new(Component::Database, "D1_ERROR: no such table: clients: SQLITE_ERROR"));
        }
        Ok(work(&mut self.clients.borrow_mut()))
    }

    fn write<T>(&self, work: impl FnOnce(&mut BTreeMap<StoredId, StoredClient>) -> T) -> Result<T, Fault> {
        let done = self.read(work)?;
        if self.mode.get() == ClientsMode::FailsAfterWriting {
            return Err(Fault::new(Component::Database, "told to lose the answer"));
        }
        Ok(done)
    }
}

const fn is_unused(client: &StoredClient) -> bool {
    matches!(client.source, Source::Registered { used_at: None, .. })
}

impl ClientStore for MemoryClients {
    async fn find_client(&self, client_id: &StoredId) -> Result<Option<StoredClient>, Fault> {
        self.read(|clients| clients.get(client_id).cloned())
    }

    async fn insert_client(&self, client: &StoredClient) -> Result<bool, Fault> {
        self.write(|clients| {
            let is_free = !clients.contains_key(&client.client_id);
            if is_free {
                clients.insert(client.client_id.clone(), client.clone());
            }
            is_free
        })
    }

    async fn register_client(&self, client: &StoredClient, most_unused: u32) -> Result<bool, Fault> {
        let unused = self.clients.borrow().values().filter(|client| is_unused(client)).count();
        if u32::try_from(unused).unwrap_or(u32::MAX) >= most_unused {
            return Ok(false);
        }
        self.insert_client(client).await
    }

    async fn replace_client(&self, client: &StoredClient) -> Result<bool, Fault> {
        self.write(|clients| {
            let current = clients.get_mut(&client.client_id).filter(|own| own.version == client.version);
            current.map(|own| *own = StoredClient { version: own.version + 1, ..client.clone() }).is_some()
        })
    }

    async fn renew_client(
        &self,
        client_id: &StoredId,
        used_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), Fault> {
        self.write(|clients| {
            if let Some(client) = clients.get_mut(client_id) {
                client.source = Source::Registered { used_at: Some(used_at), expires_at };
            }
        })
    }

    async fn remove_client(&self, client_id: &StoredId) -> Result<bool, Fault> {
        self.write(|clients| clients.remove(client_id).is_some())
    }

    async fn sweep_clients(&self, now: Timestamp) -> Result<(), Fault> {
        let is_over = |client: &StoredClient| matches!(client.source, Source::Registered { expires_at, .. } if expires_at <= now);
        self.write(|clients| clients.retain(|_, client| !is_over(client)))
    }

    async fn list_clients(&self, after: Option<&StoredId>, limit: u16) -> Result<Vec<StoredClient>, Fault> {
        self.read(|clients| {
            let behind =
                clients.values().filter(|client| after.is_none_or(|after| client.client_id > *after));
            behind.take(limit.into()).cloned().collect()
        })
    }

    async fn ping_clients(&self) -> Result<(), Fault> {
        self.read(|_| ())
    }
}
