//! The answer with tokens (RFC 6749 section 5.1), in the body or in cookies.

use core::time::Duration;

use serde::Serialize;

use crate::{
    auth::access_tokens::Issued,
    http::Reply,
    ids::FamilyId,
    runtime::{Runtime, ports::Ports},
    web::{
        cookies::{self, with_cookies},
        csrf,
        error::ApiError,
    },
};

#[derive(Serialize)]
struct Tokens<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    session_id: FamilyId,
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_token: Option<&'a str>,
}

/// How the client gets the tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// In cookies, after the lines that remove cookies of other scopes.
    Cookie(Vec<String>),
    Body,
}

/// Makes the answer with tokens.
pub(crate) struct TokenResponse<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> TokenResponse<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// The answer with both tokens.
    pub(crate) fn deliver(
        &self,
        delivery: Delivery,
        issued: &Issued,
        scope: &str,
        session_id: FamilyId,
        refresh_token: &str,
        lifetime: Duration,
    ) -> Result<Reply, ApiError> {
        let mut tokens = Tokens {
            access_token: &issued.access_token,
            token_type: "Bearer",
            expires_in: issued.expires_in,
            session_id,
            scope,
            refresh_token: None,
            csrf_token: None,
            device_token: None,
        };
        match delivery {
            Delivery::Body => {
                tokens.refresh_token = Some(refresh_token);
                tokens.device_token = issued.device_token.as_deref();
                Ok(Reply::json(200, &tokens))
            }
            Delivery::Cookie(elsewhere) => {
                let master = self.0.isolate.masters.current();
                let csrf_token = csrf::issue(master, session_id, self.0.ports.platform())?;
                tokens.csrf_token = Some(&csrf_token);
                let cookie = &self.0.isolate.config.cookie;
                let mut set = elsewhere;
                set.extend(cookies::of_session(cookie, session_id, refresh_token, &csrf_token, lifetime));
                if let Some(token) = &issued.device_token {
                    set.push(cookies::device_cookie(cookie, token));
                }
                if cookie.access {
                    set.push(cookies::access_cookie(&issued.access_token, issued.expires_in));
                }
                Ok(with_cookies(Reply::json(200, &tokens), &set))
            }
        }
    }
}
