//! The clients in D1: finding one, and changing them.

use std::rc::Rc;

use postern_oauth::{
    client::Client,
    no_client::NoClient,
    stored::{
        Source, StoredClient, StoredId, StoredSecret,
        store::{ClientStore as _, explained},
    },
};
use serde_json::Value;

use crate::{
    config::ConfigError,
    ports::{Component, Fault},
    runtime::{Runtime, ports::Ports},
};

/// How often a change is tried again that met another one. Changes are made by hand: a second collision is rare.
const TRIES: usize = 3;

/// The stored clients.
pub(crate) struct StoredClients<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> StoredClients<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Whether clients are stored at all.
    pub(crate) fn are_on(&self) -> bool {
        self.0.isolate.config.oauth.stored_clients
    }

    /// The client of this id, as it was some seconds ago at most.
    pub(crate) async fn find(&self, client_id: &StoredId) -> Result<Result<Rc<Client>, NoClient>, Fault> {
        let cache = &self.0.isolate.memory.clients;
        if let Some(found) = cache.get(client_id.as_str(), self.0.now()) {
            return Ok(found);
        }
        let Some(stored) = self.read(client_id).await? else { return Ok(Err(NoClient::Unknown)) };
        let now = self.0.now();
        let found = match stored.source {
            Source::Registered { expires_at, .. } if expires_at <= now => Err(NoClient::Unknown),
            _ if stored.disabled => Err(NoClient::Disabled),
            _ => Ok(Rc::new(self.client_of(&stored)?)),
        };
        cache.put(client_id.as_str(), &found, now);
        Ok(found)
    }

    /// The stored client of this id, disabled or not.
    pub(crate) async fn read(&self, client_id: &StoredId) -> Result<Option<StoredClient>, Fault> {
        self.0.ports.clients().find_client(client_id).await.map_err(explained)
    }

    /// The client that the record describes.
    ///
    /// # Errors
    /// A [`Fault`] for a record that the rules of this version refuse: the client is not unknown, and its tokens stay.
    fn client_of(&self, stored: &StoredClient) -> Result<Client, Fault> {
        self.judge(stored).map_err(|mistakes| {
            let first = mistakes.first().map(ToString::to_string).unwrap_or_default();
            let id = stored.client_id.as_str();
            Fault::new(Component::Database, format_args!("the record of client {id} is not valid: {first}"))
        })
    }

    /// The client that the record describes.
    ///
    /// # Errors
    /// The mistakes of its members.
    pub(crate) fn judge(&self, stored: &StoredClient) -> Result<Client, Vec<ConfigError>> {
        let secrets = stored.secrets.iter().filter_map(StoredSecret::digest).collect::<Vec<_>>();
        if secrets.len() != stored.secrets.len() {
            // Fewer secrets would make a public client of one with secrets.
            let problem = "must be a SHA-256 in hexadecimal digits".to_owned();
            return Err(vec![ConfigError { path: "secrets".to_owned(), problem }]);
        }
        let members = Value::Object(stored.members.clone());
        self.0.isolate.config.stored_client(stored.client_id.as_str(), &members, secrets)
    }

    /// Adds a client. `false` if the id is taken.
    pub(crate) async fn add(&self, client: &StoredClient) -> Result<bool, Fault> {
        self.0.ports.clients().insert_client(client).await.map_err(explained)
    }

    /// Changes a client. `None` if there is none; the error of `change`, if that refuses.
    ///
    /// # Errors
    /// A [`Fault`]. The change may have been made then.
    pub(crate) async fn change<E>(
        &self,
        client_id: &StoredId,
        change: impl Fn(&mut StoredClient) -> Result<(), E>,
    ) -> Result<Option<Result<StoredClient, E>>, Fault> {
        for _ in 0..TRIES {
            let Some(mut client) = self.read(client_id).await? else { return Ok(None) };
            let before = client.clone();
            if let Err(refused) = change(&mut client) {
                return Ok(Some(Err(refused)));
            }
            // What is so already needs no write, so that a repeated call costs none.
            if client == before {
                return Ok(Some(Ok(client)));
            }
            let replaced = self.0.ports.clients().replace_client(&client).await;
            self.forget(client_id);
            if replaced.map_err(explained)? {
                return Ok(Some(Ok(client)));
            }
        }
        Err(Fault::new(Component::Database, "the client was changed by others meanwhile"))
    }

    /// Removes a client. `false` if there was none.
    pub(crate) async fn remove(&self, client_id: &StoredId) -> Result<bool, Fault> {
        let removed = self.0.ports.clients().remove_client(client_id).await;
        self.forget(client_id);
        removed.map_err(explained)
    }

    /// Clients in the order of their ids, after this one.
    pub(crate) async fn list(
        &self,
        after: Option<&StoredId>,
        limit: u16,
    ) -> Result<Vec<StoredClient>, Fault> {
        self.0.ports.clients().list_clients(after, limit).await.map_err(explained)
    }

    fn forget(&self, client_id: &StoredId) {
        self.0.isolate.memory.clients.forget(client_id.as_str());
    }
}
