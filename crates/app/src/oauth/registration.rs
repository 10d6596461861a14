//! `POST /oauth/register` (RFC 7591): a client registers itself.

use core::time::Duration;

use postern_core::throttle::Limited;
use postern_oauth::{
    error::{ErrorCode, OauthError},
    registration::{ClientMetadata, MetadataError},
    stored::{NewSecret, Source, StoredClient, StoredId, store::ClientStore as _},
};
use serde_json::{Value, json};

use crate::{
    events::{EventContext, EventKind},
    http::{
        Reply, RequestView,
        media_type::{JSON, is_of_type},
    },
    jose::json::parse_object,
    oauth::{
        refusal::{self, OauthRefusal},
        stored_clients::StoredClients,
    },
    ports::{Background as _, Clock as _, Component, Fault},
    runtime::{Runtime, events::Events, ports::Ports},
    throttle::limits::CallLimits,
    web::{caller::Caller, error::ApiError},
};

/// How long a client that registered itself may wait for its first use. A user who adds a server to a program signs in at
/// once; a day is for one who finishes tomorrow.
const UNUSED_LIFETIME: Duration = Duration::from_hours(24);

/// The most clients that registered themselves and were never used. With the limit of each address, a flood needs hundreds of
/// addresses to fill it, and costs two megabytes of the database and a day in which no new program can register.
const MOST_UNUSED: u32 = 1000;

/// Answers `POST /oauth/register`.
pub(crate) struct ClientRegistration<'r, P: Ports> {
    runtime: &'r Runtime<P>,
    clients: StoredClients<'r, P>,
}

impl<'r, P: Ports> ClientRegistration<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self { runtime, clients: StoredClients::of(runtime) }
    }

    /// `POST /oauth/register`:
    ///
    /// 1. 404 `not_offered` where registration is off;
    /// 2. 400 `invalid_redirect_uri` or `invalid_client_metadata`;
    /// 3. 429 for too many from one address or network;
    /// 4. 503 if too many clients are registered that were never used;
    /// 5. 201 with the client.
    pub(crate) async fn answer(&self, request: &impl RequestView, body: &[u8]) -> Result<Reply, ApiError> {
        if !self.runtime.isolate.config.oauth.registration.is_on {
            return Err(ApiError::NotOffered);
        }
        let metadata = match read(request, body) {
            Ok(metadata) => metadata,
            Err(error) => {
                let wire = json!({ "error": error.code(), "error_description": error.description() });
                return Ok(Reply::json(400, &wire));
            }
        };
        let registered = self.register(request, &metadata).await;
        Ok(match registered {
            Ok(client) => Reply::json(201, &client),
            Err(refused) => refusal::answer(self.runtime, request, refused),
        })
    }

    async fn register(
        &self,
        request: &impl RequestView,
        metadata: &ClientMetadata,
    ) -> Result<Value, OauthRefusal> {
        let caller = Caller::of(request);
        CallLimits::of(self.runtime).throttle(&caller, Limited::Register).await?;
        let platform = self.runtime.ports.platform();
        let now = platform.now();
        let client_id = StoredId::random(platform)?;
        let secret = if metadata.is_confidential() { Some(NewSecret::random(platform, now)?) } else { None };
        let members = metadata.members(client_id.as_str(), &self.runtime.isolate.config.oauth.open.scopes);
        let source = Source::Registered { used_at: None, expires_at: now.plus(UNUSED_LIFETIME) };
        let stored = StoredClient::new(client_id, source, members, secret.as_ref(), now);
        // By the rules that it is read by: what is registered can be used.
        let client = self.clients.judge(&stored).map_err(|_| {
            let description = "the metadata does not meet the rules for clients";
            OauthRefusal::Error(OauthError::new(ErrorCode::InvalidClientMetadata, description))
        })?;
        let is_kept = self.clients.register(&stored, MOST_UNUSED).await?;
        self.sweep();
        if !is_kept {
            return Err(Fault::new(
                Component::Database,
                format_args!("{MOST_UNUSED} clients registered themselves and were never used"),
            )
            .into());
        }
        let setting = EventContext { client_id: Some(client.client_id.clone()), ..caller.setting() };
        Events::of(self.runtime).record(now, EventKind::ClientRegistered, setting);
        let secret = secret.as_ref().map(NewSecret::text);
        Ok(metadata.answer(&client.client_id, now.seconds(), secret, &client.scopes))
    }

    /// Removes what has expired, after the answer. Lost, the next registration, also a refused one, does it.
    fn sweep(&self) {
        let runtime = self.runtime.clone();
        self.runtime.ports.background().spawn(async move {
            let _ = runtime.ports.clients().sweep_clients(runtime.now()).await;
        });
    }
}

fn read(request: &impl RequestView, body: &[u8]) -> Result<ClientMetadata, MetadataError> {
    let wrong = MetadataError::Metadata;
    if !request.header("content-type").is_some_and(|text| is_of_type(&text, JSON)) {
        return Err(wrong("the body must be application/json"));
    }
    let document = parse_object(body).map_err(|_| wrong("the body must be a JSON object"))?;
    ClientMetadata::parse(&document)
}
