//! `POST /auth/login`.

use crate::{
    auth::{
        identity_service::IdentityService, password_check::PasswordCheck, password_policy::parse_login,
        session_cookies::session_cookies_elsewhere, session_start::SessionStart, token_response::Delivery,
    },
    config::{IdentitySource, cookie_names::DEVICE_COOKIE},
    http::{Reply, RequestView},
    identity::Password,
    isolate::Isolate,
    runtime::{Runtime, origins::Origins, ports::Ports},
    throttle::admission::Admissions,
    web::{
        body::{Body, BodyError},
        caller::Caller,
        cookie_scopes as scopes, cookies,
        error::ApiError,
    },
};

/// What `POST /auth/login` needs.
pub(crate) struct SignIn<'r, P: Ports> {
    isolate: &'r Isolate,
    platform: &'r P::Platform,
    identity_service: IdentityService<'r, P>,
    password_check: PasswordCheck<'r, P>,
    session_start: SessionStart<'r, P>,
    admissions: Admissions<'r, P>,
    origins: Origins<'r, P>,
}

impl<'r, P: Ports> SignIn<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self {
            isolate: &runtime.isolate,
            platform: runtime.ports.platform(),
            identity_service: IdentityService::of(runtime),
            password_check: PasswordCheck::of(runtime),
            session_start: SessionStart::of(runtime),
            admissions: Admissions::of(runtime),
            origins: Origins::of(runtime),
        }
    }

    /// `POST /auth/login`.
    ///
    /// 1. 403 for a page of another origin that requests cookies (login CSRF);
    /// 2. 400 for a body that is not valid;
    /// 3. 429 for too many from one address, network or client, or on one account;
    /// 4. 401 `invalid_credentials` for an unknown login, a wrong password, a locked account and a disabled user, after
    ///    the same work; 503 if too many sign-ins wait for a hash;
    /// 5. a new family in the user's Account object, and both tokens.
    pub(crate) async fn login(&self, request: &impl RequestView, body: &[u8]) -> Result<Reply, ApiError> {
        self.origins.check_origin(request)?;
        let body = Body::parse(
            request,
            body,
            &["login", "password", "delivery", "device_name", "client_id", "device_token"],
        )?;
        let login = parse_login(self.platform, body.text("login")?)?;
        let password = Password::present(body.text("password")?, self.platform)
            .map_err(|error| ApiError::InvalidPassword { cause: error.to_string() })?;
        let delivery = match body.optional_text("delivery")? {
            None | Some("cookie") => {
                let mut elsewhere = session_cookies_elsewhere(self.isolate, request);
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
            None => cookies::values(request, DEVICE_COOKIE),
        };
        let caller = Caller::of(request);
        let admission = self.admissions.admit(&caller, &login, &client.client_id, &device_tokens).await?;
        let checked = match &self.isolate.config.identity {
            IdentitySource::Store => {
                self.password_check.try_password(&caller, &login, &password, &admission).await
            }
            IdentitySource::Service { binding, issuer } => {
                // As they were typed: their rules are the other service's.
                let (typed, password) = (body.text("login")?, body.text("password")?);
                self.identity_service
                    .verify_elsewhere((binding, issuer), &caller, (typed, password), &admission)
                    .await
            }
        };
        let who = match checked {
            Ok(who) => who,
            Err(error) => {
                if error != ApiError::InvalidCredentials {
                    self.admissions.undo(&admission);
                }
                return Err(error);
            }
        };
        self.admissions.forgive(&admission);
        let device_token = self.admissions.device_token(&admission, &login)?;
        self.session_start.begin_session(request, &who, client, device_name, delivery, device_token).await
    }
}
