//! `POST /auth/register`.

use serde::Serialize;

use crate::{
    auth::{
        hashing::Hashing,
        local_users::LocalUsers,
        password_policy::{chosen_password, parse_login, refuse_login_as_password},
        user_changes::UserChanges,
        users::keeps_users,
    },
    config::Registration,
    events::{EventContext, EventKind},
    http::{Reply, RequestView},
    identity::{Grants, User},
    ids::AccountId,
    isolate::Isolate,
    ports::Clock as _,
    runtime::{Runtime, events::Events, origins::Origins, ports::Ports},
    throttle::{limits::CallLimits, pseudonym::setting_of},
    web::{body::Body, caller::Caller, error::ApiError},
};
use postern_core::throttle::Limited;

#[derive(Serialize)]
struct Registered {
    sub: AccountId,
}

/// What `POST /auth/register` needs.
pub(crate) struct Register<'r, P: Ports> {
    isolate: &'r Isolate,
    platform: &'r P::Platform,
    hashing: Hashing<'r, P>,
    local_users: LocalUsers<'r, P>,
    user_changes: UserChanges<'r, P>,
    events: Events<'r, P>,
    call_limits: CallLimits<'r, P>,
    origins: Origins<'r, P>,
}

impl<'r, P: Ports> Register<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self {
            isolate: &runtime.isolate,
            platform: runtime.ports.platform(),
            hashing: Hashing::of(runtime),
            local_users: LocalUsers::of(runtime),
            user_changes: UserChanges::of(runtime),
            events: Events::of(runtime),
            call_limits: CallLimits::of(runtime),
            origins: Origins::of(runtime),
        }
    }

    /// `POST /auth/register`.
    ///
    /// 1. 403 unless registration is open;
    /// 2. 400 for a login or password that is not valid, or a common password;
    /// 3. 429 for too many from one address or network; 503 if too many sign-ins wait for a hash;
    /// 4. 409 if the login is taken, by the unique index of the database.
    pub(crate) async fn register(&self, request: &impl RequestView, body: &[u8]) -> Result<Reply, ApiError> {
        keeps_users(&self.isolate.config)?;
        self.origins.check_origin(request)?;
        let caller = Caller::of(request);
        self.is_open(&caller)?;
        let body = Body::parse(request, body, &["login", "password"])?;
        let user = self.create(&caller, (body.text("login")?, body.text("password")?)).await?;
        Ok(Reply::json(201, &Registered { sub: user.account }))
    }

    /// Adds a user, for the JSON call and for the page.
    pub(crate) async fn create(
        &self,
        caller: &Caller,
        (login, password): (&str, &str),
    ) -> Result<User, ApiError> {
        let config = &self.isolate.config;
        keeps_users(config)?;
        self.is_open(caller)?;
        let login = parse_login(self.platform, login)?;
        let password = chosen_password(self.platform, password)?;
        refuse_login_as_password(&password, &login)?;
        self.call_limits.throttle(caller, Limited::Register).await?;
        let grants = Grants { scopes: config.default_scopes.iter().cloned().collect(), ..Grants::default() };
        let hash = self.hashing.hash_in_turn(&password)?;
        let user = User::new(AccountId::random(self.platform)?, login, hash, grants, self.platform.now());
        let setting = setting_of(&self.isolate.masters, caller, &user.login, Some(&user));
        self.local_users.seed_local_users().await?;
        if !self.user_changes.insert_user(&user, &setting).await? {
            let happening = EventKind::RegistrationRefused { cause: "login_taken" };
            self.events.record(self.platform.now(), happening, EventContext { account: None, ..setting });
            return Err(ApiError::LoginTaken);
        }
        self.events.record(self.platform.now(), EventKind::Registered, setting);
        Ok(user)
    }

    /// Refuses while only administrators add users.
    fn is_open(&self, caller: &Caller) -> Result<(), ApiError> {
        if self.isolate.config.registration == Registration::Open {
            return Ok(());
        }
        let happening = EventKind::RegistrationRefused { cause: "registration_closed" };
        self.events.record(self.platform.now(), happening, caller.setting());
        Err(ApiError::RegistrationClosed)
    }
}
