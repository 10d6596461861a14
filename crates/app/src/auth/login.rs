//! `POST /auth/login`.

use crate::{
    auth::{
        identity_service::IdentityService, password_check::PasswordCheck, password_policy::parse_login,
        principal::Principal, session_cookies::session_cookies_elsewhere, session_start::SessionStart,
        token_response::Delivery,
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

/// A sign-in that is tried.
pub(crate) struct Attempt<'a> {
    /// The login as it was typed.
    pub(crate) login: &'a str,
    /// The password as it was typed.
    pub(crate) password: &'a str,
    /// The client, for its limit.
    pub(crate) client_id: &'a str,
    /// The device tokens of the browser or the app.
    pub(crate) device_tokens: Vec<String>,
}

/// A user whose password was right.
pub(crate) struct SignedIn {
    pub(crate) user: Principal,
    /// By which the device is known at its next sign-in.
    pub(crate) device_token: String,
}

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
        let attempt = Attempt {
            login: body.text("login")?,
            password: body.text("password")?,
            client_id: &client.client_id,
            device_tokens,
        };
        let SignedIn { user, device_token } = self.authenticate(request, &attempt).await?;
        self.session_start.begin_session(request, &user, client, device_name, delivery, device_token).await
    }

    /// Steps 3 and 4 of a sign-in, for the JSON call and for the page.
    pub(crate) async fn authenticate(
        &self,
        request: &impl RequestView,
        attempt: &Attempt<'_>,
    ) -> Result<SignedIn, ApiError> {
        let login = parse_login(self.platform, attempt.login)?;
        let password = Password::present(attempt.password, self.platform)
            .map_err(|cause| ApiError::InvalidPassword { cause })?;
        let caller = Caller::of(request);
        let admission =
            self.admissions.admit(&caller, &login, attempt.client_id, &attempt.device_tokens).await?;
        let checked = match &self.isolate.config.identity {
            IdentitySource::Store => {
                self.password_check.try_password(&caller, &login, &password, &admission).await
            }
            IdentitySource::Service { binding, issuer } => {
                // As they were typed: their rules are the other service's.
                let typed = (attempt.login, attempt.password);
                self.identity_service.verify_elsewhere((binding, issuer), &caller, typed, &admission).await
            }
        };
        let user = match checked {
            Ok(user) => user,
            Err(error) => {
                if error != ApiError::InvalidCredentials {
                    self.admissions.undo(&admission);
                }
                return Err(error);
            }
        };
        self.admissions.forgive(&admission);
        let device_token = self.admissions.device_token(&admission, &login)?;
        Ok(SignedIn { user, device_token })
    }
}
