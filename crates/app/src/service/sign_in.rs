//! `POST /auth/register` and `POST /auth/login`.

use serde::Serialize;

use super::{
    ApiError, Caller, Isolate, Ports, Service,
    body::{Body, BodyError},
    cookies,
    directory::Principal,
    refreshing::Delivery,
    scopes,
    throttle::Admission,
    tokens::Issued,
};
use crate::{
    abuse::Limited,
    account::{Accounts as _, ActivityKind, Opened},
    config::{Client, IdentitySource, Profile, Registration},
    http::{Reply, RequestView},
    identity::{
        Grants, IdentityStore as _, Login, Password, Unverifiable, User, Verdict,
        password::{self},
        seed,
    },
    ids::{AccountId, FamilyId},
    observe::{Happening, Setting},
    ports::{Background as _, Fault, Part, Randomness as _},
    refresh::{Grant, Opening, Revocation, Secret, codec},
    time::Timestamp,
};

#[derive(Serialize)]
struct Registered {
    sub: AccountId,
}

impl<P: Ports> Service<P> {
    /// `POST /auth/register`.
    ///
    /// 1. 403 unless registration is open;
    /// 2. 400 for a login or password that can't be one, or a password that everybody uses;
    /// 3. 429 for too many from one address or network; 503 when too many hashes wait;
    /// 4. 409 when the login is taken: the store's unique index decides.
    pub(super) async fn register(&self, request: &impl RequestView, body: &[u8]) -> Result<Reply, ApiError> {
        let config = &self.isolate.config;
        let caller = Caller::of(request);
        self.keeps_users()?;
        self.check_origin(request)?;
        if config.registration == Registration::Closed {
            let happening = Happening::RegistrationRefused { cause: "registration_closed" };
            self.record(self.now(), happening, caller.setting());
            return Err(ApiError::RegistrationClosed);
        }
        let body = Body::parse(request, body, &["login", "password"])?;
        let login = self.parse_login(body.text("login")?)?;
        let password = self.chosen_password(body.text("password")?)?;
        Self::refuse_login_as_password(&password, &login)?;
        self.throttle(&caller, Limited::Register).await?;
        let grants = Grants { scopes: config.default_scopes.iter().cloned().collect(), ..Grants::default() };
        let hash = self.hash_in_turn(&password)?;
        let user = User::new(self.fresh_account()?, login, hash, grants, self.now());
        let setting = self.setting_of(&caller, &user.login, Some(&user));
        self.seed_local_users().await?;
        if !self.insert_user(&user, &setting).await? {
            let happening = Happening::RegistrationRefused { cause: "login_taken" };
            self.record(self.now(), happening, Setting { account: None, ..setting });
            return Err(ApiError::LoginTaken);
        }
        self.record(self.now(), Happening::Registered, setting);
        Ok(Reply::json(201, &Registered { sub: user.account }))
    }

    /// `POST /auth/login`.
    ///
    /// 1. 403 for a page of another origin that wants a cookie (login CSRF);
    /// 2. 400 for a body that can't be right;
    /// 3. 429 for too many from one address, network or client, or on one account;
    /// 4. 401 `invalid_credentials` for an unknown login, a wrong password, a locked account and
    ///    a disabled user alike, after the same work; 503 when too many hashes wait;
    /// 5. a new family in the user's Account object, and both tokens.
    pub(super) async fn login(&self, request: &impl RequestView, body: &[u8]) -> Result<Reply, ApiError> {
        self.check_origin(request)?;
        let body = Body::parse(
            request,
            body,
            &["login", "password", "delivery", "device_name", "client_id", "device_token"],
        )?;
        let login = self.parse_login(body.text("login")?)?;
        let password = Password::present(body.text("password")?, self.ports.platform())
            .map_err(|error| ApiError::InvalidPassword { cause: error.to_string() })?;
        let delivery = match body.optional_text("delivery")? {
            None | Some("cookie") => {
                let mut elsewhere = self.sessions_elsewhere(request);
                elsewhere.extend(scopes::devices_elsewhere(&self.isolate.config.cookie, request));
                Delivery::Cookie(elsewhere)
            }
            Some("body") => Delivery::Body,
            Some(_) => return Err(BodyError::InvalidMember("delivery").into()),
        };
        let client = match body.optional_text("client_id")? {
            None => self.isolate.config.clients.first(),
            Some(id) => self.isolate.config.clients.iter().find(|client| client.client_id == id),
        };
        let client = client.ok_or(BodyError::InvalidMember("client_id"))?;
        let device_name = body.optional_text("device_name")?.map(str::to_owned);
        let device_tokens = match body.optional_text("device_token")? {
            Some(token) => vec![token.to_owned()],
            None => cookies::values(request, cookies::DEVICE_COOKIE),
        };
        let caller = Caller::of(request);
        let admission = self.admit(&caller, &login, &client.client_id, &device_tokens).await?;
        let checked = match &self.isolate.config.identity {
            IdentitySource::Store => self.try_password(&caller, &login, &password, &admission).await,
            IdentitySource::Service { binding, issuer } => {
                // As they were typed: their rules are the other service's.
                let (typed, password) = (body.text("login")?, body.text("password")?);
                self.verify_elsewhere((binding, issuer), &caller, (typed, password), &admission).await
            }
        };
        let who = match checked {
            Ok(who) => who,
            Err(error) => {
                if error != ApiError::InvalidCredentials {
                    self.undo(&admission);
                }
                return Err(error);
            }
        };
        self.forgive(&admission);
        let device_token = self.device_token(&admission, &login)?;
        self.begin_session(request, &who, client, device_name, delivery, device_token).await
    }

    async fn try_password(
        &self,
        caller: &Caller,
        login: &Login,
        password: &Password,
        admission: &Admission,
    ) -> Result<Principal, ApiError> {
        self.wait_to_hash()?;
        let checked = self.check_password(caller, login, password, admission).await;
        self.isolate.memory.hash_queue.leave();
        checked.map(Principal::from)
    }

    async fn check_password(
        &self,
        caller: &Caller,
        login: &Login,
        password: &Password,
        admission: &Admission,
    ) -> Result<User, ApiError> {
        self.seed_local_users().await?;
        let masters = &self.isolate.masters;
        let wanted = self.isolate.hash_parameters;
        let setting = self.setting_of(caller, login, None);
        let refuse = |cause, user: Option<&User>| {
            if let Some(user) = user {
                self.note_later(caller, user, ActivityKind::SignInRefused);
            }
            let setting = Setting { account: user.map(|user| user.account), ..setting.clone() };
            self.record(self.now(), Happening::SignInRefused { cause }, setting.clone());
            self.failed(admission, &setting);
            Err(ApiError::InvalidCredentials)
        };
        let Some(user) = self.ports.identity().find_by_login(login).await? else {
            password::dummy(password, wanted, masters)?;
            return refuse(if admission.locked { "locked" } else { "unknown_login" }, None);
        };
        // Also when the account is locked: the work is then the same whatever hash it is, and its
        // result is looked at by nobody.
        let verdict = user.password_hash.verify(password, wanted, masters)?;
        if admission.locked {
            return refuse("locked", Some(&user));
        }
        match verdict {
            Verdict::Mismatch => refuse("wrong_password", Some(&user)),
            Verdict::NotYet(newer) => Err(self.newer_master(caller, "password_hash", newer)),
            Verdict::Unverifiable(why) => {
                self.record_unverifiable(caller, &user, why);
                refuse(why.code(), Some(&user))
            }
            Verdict::Match { .. } if user.disabled => refuse("disabled", Some(&user)),
            Verdict::Match { rehash } => {
                if rehash {
                    self.rehash(&user, password, setting).await;
                }
                Ok(user)
            }
        }
    }

    /// A fault of ours that only the log may show: nobody else learns that the user is there.
    pub(super) fn record_unverifiable(&self, caller: &Caller, user: &User, why: Unverifiable) {
        let setting = self.setting_of(caller, &user.login, Some(user));
        let happening = Happening::Fault { part: Part::Crypto, cause: why.to_string() };
        self.record(self.now(), happening, setting);
    }

    /// Makes the hash anew. A failure is told and does not keep the user out.
    async fn rehash(&self, user: &User, password: &Password, setting: Setting) {
        let replaced = match self.hash_password(password) {
            Ok(hash) => {
                self.ports.identity().replace_password_hash(user.account, &user.password_hash, &hash).await
            }
            Err(fault) => Err(fault),
        };
        let setting = Setting { account: Some(user.account), ..setting };
        match replaced {
            Ok(true) => self.record(self.now(), Happening::PasswordRehashed, setting),
            Ok(false) => {}
            Err(fault) => {
                let happening = Happening::Fault { part: fault.part, cause: fault.cause };
                self.record(self.now(), happening, setting);
            }
        }
    }

    async fn begin_session(
        &self,
        request: &impl RequestView,
        user: &Principal,
        client: &Client,
        device_name: Option<String>,
        delivery: Delivery,
        device_token: String,
    ) -> Result<Reply, ApiError> {
        self.refuse_useless_tokens(request, user)?;
        let key = self.signing_key().await?;
        let platform = self.ports.platform();
        let master = self.isolate.masters.current();
        let mut id = [0; 16];
        platform.fill(&mut id)?;
        let family = FamilyId::from_bytes(id);
        let secret = Secret::random(platform)?;
        let now = self.now();
        let grant = grant_of(user, client, now);
        let caller = Caller::of(request);
        let lifetimes = Isolate::lifetimes(client);
        let opening = Opening {
            secret_hash: secret.hash(),
            master: master.id,
            grant: grant.clone(),
            lifetimes,
            drift: Isolate::drift(client),
            binding: None,
            device_name,
            context: caller.context(),
        };
        let max_families = u16::try_from(self.isolate.config.refresh.max_families).unwrap_or(u16::MAX);
        let accounts = self.ports.accounts();
        let opened =
            accounts.open(user.account, family, opening, max_families, user.credential_version).await;
        match opened.inspect_err(|_| self.take_back_session(user.account, family))? {
            Opened::Open { displaced } => {
                for displaced in displaced {
                    self.record_of(&caller, (user.account, displaced), Happening::FamilyDisplaced);
                }
            }
            Opened::Refused(refusal) => {
                // The user was changed or erased after the password was checked.
                let setting = Setting { account: Some(user.account), ..caller.setting() };
                self.record(now, Happening::SignInRefused { cause: refusal.cause.code() }, setting);
                return Err(ApiError::InvalidCredentials);
            }
        }
        let issued = self.issue(&key, &grant, family, 0, now).await;
        let issued = issued.inspect_err(|_| self.take_back_session(user.account, family))?;
        let issued = Issued { device_token: Some(device_token), ..issued };
        let refresh_token = codec::seal(master, user.account, family, 0, &secret);
        self.record_of(&caller, (user.account, family), Happening::SignedIn);
        let lifetime = lifetimes.idle.min(lifetimes.absolute);
        self.deliver(delivery, &issued, &grant.scope, family, &refresh_token, lifetime)
    }

    /// Grants are refused where they are made if no access token can carry them. Others come from
    /// another service, from SQL by hand, from before a setting was changed: a session would open,
    /// its tokens be refused, and the user sign in again for ever.
    fn refuse_useless_tokens(&self, request: &impl RequestView, user: &Principal) -> Result<(), ApiError> {
        let grants = Grants {
            scopes: user.scopes.clone(),
            roles: user.roles.clone(),
            tenant_id: user.tenant_id.clone(),
        };
        self.isolate.config.fits_a_token(&user.subject, &grants, &user.amr).map_err(|error| {
            let setting = Setting { account: Some(user.account), ..Caller::of(request).setting() };
            self.record(self.now(), Happening::SignInRefused { cause: "grants_too_large" }, setting);
            error.into()
        })
    }

    /// Ends, after the answer, a session that may have been opened and that nobody has. They would
    /// stand in the user's list, and push out real ones if the sign-in is repeated often enough.
    fn take_back_session(&self, account: AccountId, family: FamilyId) {
        let service = self.clone();
        self.ports.background().spawn(async move {
            // Lost, it costs a line in that list until it has been idle for too long.
            let _ = service.ports.accounts().revoke(account, family, Revocation::Logout).await;
        });
    }

    pub(super) fn parse_login(&self, text: &str) -> Result<Login, ApiError> {
        Login::parse(text, self.ports.platform())
            .map_err(|error| ApiError::InvalidLogin { cause: error.to_string() })
    }

    /// The two users of the local profile, planted once for each isolate.
    pub(super) async fn seed_local_users(&self) -> Result<(), Fault> {
        let isolate = &self.isolate;
        if isolate.config.profile != Profile::Local || isolate.memory.seeded.get() {
            return Ok(());
        }
        let master = isolate.masters.current();
        let platform = self.ports.platform();
        for user in seed::users(isolate.hash_parameters, master, platform, self.now())? {
            // `false` is a user that is there already.
            self.ports.identity().insert(&user).await?;
        }
        isolate.memory.seeded.set(true);
        Ok(())
    }
}

impl From<User> for Principal {
    fn from(user: User) -> Self {
        Self {
            account: user.account,
            subject: user.account.to_string(),
            scopes: user.grants.scopes,
            roles: user.grants.roles,
            tenant_id: user.grants.tenant_id,
            amr: vec!["pwd".to_owned()],
            credential_version: user.credential_version,
        }
    }
}

fn grant_of(user: &Principal, client: &Client, now: Timestamp) -> Grant {
    Grant {
        subject: user.subject.clone(),
        client_id: client.client_id.clone(),
        scope: user.scopes.join(" "),
        roles: user.roles.clone(),
        tenant_id: user.tenant_id.clone(),
        amr: user.amr.clone(),
        auth_time: now,
    }
}
