//! The clients in D1: finding one, and changing them.

use core::time::Duration;
use std::rc::Rc;

use postern_oauth::{
    client::{Client, OpenTerms, Provenance},
    no_client::NoClient,
    stored::{
        Source, StoredClient, StoredId, StoredSecret,
        store::{ClientStore as _, explained},
    },
};
use serde_json::Value;

use crate::{
    config::ConfigError,
    isolate::client_cache::STORED_AGE,
    ports::{Background as _, Component, Fault},
    runtime::{Runtime, ports::Ports},
};

/// How often a change is tried again that met another one. Changes are made by hand: a second collision is rare.
const TRIES: usize = 3;

/// How often a use of a client that registered itself is written down.
const NOTED_EVERY: Duration = Duration::from_hours(24);

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
        let (is_over, notes_use) = match stored.source {
            Source::Operator => (false, false),
            Source::Registered { used_at, expires_at } => {
                (expires_at <= now, used_at.is_none_or(|used_at| now.since(used_at) >= NOTED_EVERY))
            }
        };
        let found = match () {
            () if is_over => Err(NoClient::Unknown),
            () if stored.disabled => Err(NoClient::Disabled),
            () => Ok(Rc::new(self.sound(&stored)?)),
        };
        cache.put(client_id.as_str(), found.clone(), notes_use, (now.plus(STORED_AGE), now));
        Ok(found)
    }

    /// The stored client of this id, disabled or not.
    pub(crate) async fn read(&self, client_id: &StoredId) -> Result<Option<StoredClient>, Fault> {
        self.0.ports.clients().find_client(client_id).await.map_err(explained)
    }

    /// Notes, after the answer, that a client which registered itself is in use: a user authorized it, or it refreshed. That
    /// renews its registration, at most once a day. The registration lasts longer than the grants: after a grant has expired,
    /// the client is still known, and gets `invalid_grant` and not `invalid_client`.
    pub(crate) fn used(&self, client_id: &str) {
        let Some(client_id) = StoredId::parse(client_id) else { return };
        if !self.0.isolate.memory.clients.takes_note(client_id.as_str()) {
            return;
        }
        let (runtime, now) = (self.0.clone(), self.0.now());
        let expires_at = now.plus(self.0.isolate.config.oauth.registered_lifetime());
        self.0.ports.background().spawn(async move {
            // Lost, the next use is noted.
            let _ = runtime.ports.clients().renew_client(&client_id, now, expires_at).await;
        });
    }

    /// The client that the record describes.
    ///
    /// # Errors
    /// A [`Fault`] for a record that the rules of this version refuse: the client is not unknown, and its tokens stay.
    fn sound(&self, stored: &StoredClient) -> Result<Client, Fault> {
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
        let config = &self.0.isolate.config;
        let client = config.stored_client(stored.client_id.as_str(), &members, secrets)?;
        Ok(match stored.source {
            Source::Operator => client,
            Source::Registered { .. } => registered(client, stored, &config.oauth.open),
        })
    }

    /// Adds a client. `false` if the id is taken.
    pub(crate) async fn add(&self, client: &StoredClient) -> Result<bool, Fault> {
        self.0.ports.clients().insert_client(client).await.map_err(explained)
    }

    /// Adds a client that registered itself, unless there are `most_unused` already that were never used. `false` then.
    pub(crate) async fn register(&self, client: &StoredClient, most_unused: u32) -> Result<bool, Fault> {
        self.0.ports.clients().register_client(client, most_unused).await.map_err(explained)
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

/// What a client that registered itself gets, whatever its record says: what strangers get, now.
fn registered(client: Client, stored: &StoredClient, open: &OpenTerms) -> Client {
    let scopes = if stored.members.contains_key("scopes") {
        client.scopes.within(&open.scopes)
    } else {
        open.scopes.clone()
    };
    Client {
        provenance: Provenance::Registered,
        scopes,
        first_party: false,
        roles: false,
        resources: None,
        lifetimes: open.lifetimes,
        ..client
    }
}
