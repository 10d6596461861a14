//! The clients in D1, for administrators (`docs/reference/admin-api.md`).

use postern_oauth::stored::{MAX_SECRETS, NewSecret, Source, StoredClient, StoredId};
use serde_json::{Map, Value};

use crate::{
    admin::{
        paging::{page_of, to_read},
        request::{AdminRequest, object},
        revocations::feed_full,
        revoking::{RevocationRefused, Revoking},
    },
    config::{CONFIDENTIAL, ConfigError, STORED_CLIENT_MEMBERS},
    http::{Problem, Reply},
    oauth::stored_clients::StoredClients,
    ports::{Clock as _, Component, Fault},
    revocation::Target,
    runtime::{Runtime, ports::Ports},
    web::{body::Body, error::ApiError},
};

/// The answer to a call of `/admin/clients` that the client's state does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Refused {
    /// The client has no secret, so there is none to replace.
    Public,
    /// It has two already.
    TwoSecrets,
    /// It would have none any more, and be a public client.
    LastSecret,
    /// It has no such secret.
    NoSecret,
    /// Its settings have mistakes.
    Mistakes(Vec<ConfigError>),
}

impl From<Refused> for Reply {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Public => Problem::new(409, "public_client", "The client is public: it has no secret"),
            Refused::TwoSecrets => Problem::new(409, "two_secrets", "The client has two secrets already")
                .with_detail("End the old one first, or both with end_others"),
            Refused::LastSecret => Problem::new(409, "last_secret", "The client has no other secret")
                .with_detail("Rotate the secret first, or disable the client"),
            Refused::NoSecret => Problem::new(404, "secret_not_found", "Secret not found"),
            Refused::Mistakes(mistakes) => mistakes.iter().fold(
                Problem::new(422, "invalid_client_settings", "The settings of the client have mistakes"),
                |problem, mistake| problem.with_error(mistake.path.as_str(), mistake.problem.as_str()),
            ),
        }
        .into()
    }
}

/// What the calls of `/admin/clients` need.
pub(crate) struct AdminClients<'r, P: Ports> {
    runtime: &'r Runtime<P>,
    clients: StoredClients<'r, P>,
}

impl<'r, P: Ports> AdminClients<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self { runtime, clients: StoredClients::of(runtime) }
    }

    /// `GET /admin/clients`: clients in the order of their ids.
    pub(crate) async fn list(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        self.offered()?;
        let limit = asked.query.limit()?;
        let problem = "is not a cursor of this list";
        let cursor =
            |text| StoredId::parse(text).ok_or(ApiError::InvalidParameter { name: "after", problem });
        let after = asked.query.value("after").map(cursor).transpose()?;
        let clients = self.clients.list(after.as_ref(), to_read(limit)).await?;
        Ok(page_of("clients", clients, limit, row, |client| client.client_id.as_str().to_owned()))
    }

    /// `GET /admin/clients/{client_id}`.
    pub(crate) async fn show(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        let client = self.clients.read(&self.named(asked)?).await?.ok_or(ApiError::ClientNotFound)?;
        Ok(Reply::json(200, &row(&client)))
    }

    /// `POST /admin/clients`: 201 with the client, and with its secret if it is confidential. The secret is in no other
    /// answer. 422 `invalid_client_settings`.
    pub(crate) async fn add(&self, asked: &AdminRequest<'_>, client_id: StoredId) -> Result<Reply, ApiError> {
        self.offered()?;
        let platform = self.runtime.ports.platform();
        let now = platform.now();
        let secret = match asked.body.optional_flag(CONFIDENTIAL)? {
            Some(true) => Some(NewSecret::random(platform, now)?),
            _ => None,
        };
        let members = members(&asked.body);
        let client = StoredClient::new(client_id, Source::Operator, members, secret.as_ref(), now);
        if let Err(mistakes) = self.clients.judge(&client) {
            return Ok(Refused::Mistakes(mistakes).into());
        }
        if !self.clients.add(&client).await? {
            let cause = "the new client_id is taken";
            return Err(Fault::new(Component::Database, cause).into());
        }
        Ok(Reply::json(201, &with_secret(&client, secret.as_ref())))
    }

    /// `PUT /admin/clients/{client_id}`: replaces what the client may do. Its secrets stay.
    pub(crate) async fn replace(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        let members = members(&asked.body);
        let replaced = |client: &mut StoredClient| {
            client.members.clone_from(&members);
            self.clients.judge(client).map(drop).map_err(Refused::Mistakes)
        };
        self.changed(asked, replaced, |client| Reply::json(200, &row(client))).await
    }

    /// `POST /admin/clients/{client_id}/disable` and `/enable`.
    pub(crate) async fn set_disabled(
        &self,
        asked: &AdminRequest<'_>,
        disabled: bool,
    ) -> Result<Reply, ApiError> {
        let set = |client: &mut StoredClient| {
            client.disabled = disabled;
            Ok(())
        };
        self.changed(asked, set, |_| Reply::empty(204)).await
    }

    /// `POST /admin/clients/{client_id}/rotate-secret`: 201 with a second secret, or with the only one if `end_others` is
    /// true. 409 `two_secrets`, `public_client`.
    pub(crate) async fn rotate_secret(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        let end_others = asked.body.optional_flag("end_others")?.unwrap_or(false);
        let platform = self.runtime.ports.platform();
        let secret = NewSecret::random(platform, platform.now())?;
        let rotated = |client: &mut StoredClient| {
            if client.is_public() {
                return Err(Refused::Public);
            }
            if end_others {
                client.secrets.clear();
            }
            if client.secrets.len() >= MAX_SECRETS {
                return Err(Refused::TwoSecrets);
            }
            client.secrets.push(secret.stored().clone());
            Ok(())
        };
        self.changed(asked, rotated, |client| Reply::json(201, &with_secret(client, Some(&secret)))).await
    }

    /// `DELETE /admin/clients/{client_id}/secrets/{secret_id}`: 409 `last_secret` for the only one.
    pub(crate) async fn end_secret(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        let secret_id = asked.parameter(1);
        let ended = |client: &mut StoredClient| {
            let before = client.secrets.len();
            client.secrets.retain(|secret| secret.secret_id != secret_id);
            match (client.secrets.len(), before) {
                (now, before) if now == before => Err(Refused::NoSecret),
                (0, _) => Err(Refused::LastSecret),
                _ => Ok(()),
            }
        };
        self.changed(asked, ended, |_| Reply::empty(204)).await
    }

    /// `DELETE /admin/clients/{client_id}`: revokes every token of the client, and removes it. The call can be repeated
    /// after a fault.
    pub(crate) async fn delete(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        let client_id = self.named(asked)?;
        if self.clients.read(&client_id).await?.is_none() {
            return Err(ApiError::ClientNotFound);
        }
        let target = Target::Client { client_id: client_id.as_str().to_owned(), not_before: None };
        match Revoking::of(self.runtime).revoke_target(&target, asked.caller.setting()).await {
            Ok(_) => {}
            // The client stays, so that the call can be repeated.
            Err(RevocationRefused::FeedFull) => return Ok(feed_full()),
            Err(RevocationRefused::Fault(fault)) => return Err(fault.into()),
            Err(RevocationRefused::UntrustedIssuer) => {
                return Err(Fault::new(Component::RevocationFeed, "a client of ours has no issuer").into());
            }
        }
        if self.clients.remove(&client_id).await? {
            Ok(Reply::empty(204))
        } else {
            Err(ApiError::ClientNotFound)
        }
    }

    async fn changed(
        &self,
        asked: &AdminRequest<'_>,
        change: impl Fn(&mut StoredClient) -> Result<(), Refused>,
        answer: impl FnOnce(&StoredClient) -> Reply,
    ) -> Result<Reply, ApiError> {
        let changed = self.clients.change(&self.named(asked)?, change).await?;
        Ok(match changed.ok_or(ApiError::ClientNotFound)? {
            Ok(client) => answer(&client),
            Err(refused) => refused.into(),
        })
    }

    /// The id in the path.
    fn named(&self, asked: &AdminRequest<'_>) -> Result<StoredId, ApiError> {
        self.offered()?;
        StoredId::parse(asked.parameter(0)).ok_or(ApiError::ClientNotFound)
    }

    fn offered(&self) -> Result<(), ApiError> {
        if self.clients.are_on() { Ok(()) } else { Err(ApiError::NotOffered) }
    }
}

/// The members of a client in a body.
fn members(body: &Body) -> Map<String, Value> {
    let mut members = Map::new();
    for name in STORED_CLIENT_MEMBERS {
        if let Some(value) = body.value(name) {
            members.insert((*name).to_owned(), value.clone());
        }
    }
    members
}

/// What the audit log says of a new or changed client: what it gains.
pub(crate) fn told(body: &Body) -> String {
    let text = |name: &str| body.value(name).map(|value| [name, "=", &value.to_string()].concat());
    let members = ["redirect_uris", "scopes", "resources", "first_party", "roles", CONFIDENTIAL];
    members.iter().filter_map(|name| text(name)).collect::<Vec<_>>().join(" ")
}

/// A client as administrators see it, without the hashes of its secrets. Times in seconds since 1970.
fn row(client: &StoredClient) -> Value {
    let secrets = client.secrets.iter().map(|secret| {
        object([("secret_id", secret.secret_id.as_str().into()), ("created_at", secret.created_at.into())])
    });
    let (source, used_at, expires_at) = match client.source {
        Source::Operator => ("operator", None, None),
        Source::Registered { used_at, expires_at } => ("registered", used_at, Some(expires_at)),
    };
    object([
        ("client_id", client.client_id.as_str().into()),
        ("source", source.into()),
        ("disabled", client.disabled.into()),
        ("created_at", client.created_at.seconds().into()),
        ("used_at", used_at.map_or(Value::Null, |at| at.seconds().into())),
        ("expires_at", expires_at.map_or(Value::Null, |at| at.seconds().into())),
        ("settings", Value::Object(client.members.clone())),
        ("secrets", secrets.collect()),
    ])
}

/// The same with the text of a new secret, which is in no other answer.
fn with_secret(client: &StoredClient, secret: Option<&NewSecret>) -> Value {
    let mut row = row(client);
    if let (Some(secret), Value::Object(row)) = (secret, &mut row) {
        row.insert("client_secret".to_owned(), secret.text().into());
    }
    row
}
