//! The sign-in that `postern login` keeps.

use postern_app::time::Timestamp;
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    http::Client,
    session_file::{SessionFile, SignIn},
};

/// An access token that lives less than this, in seconds, is renewed first: a command may take
/// some seconds until its last call.
const LEAST_LIFETIME: u64 = 60;

/// The access token of the sign-in kept, renewed if it is about to expire.
pub(super) fn signed_in(client: &Client, now: Timestamp) -> Result<String, Failure> {
    let store = SessionFile::open()?;
    let sign_in = store.find(client.base())?.ok_or_else(|| {
        Failure::unauthorized(format!(
            "not signed in at {}. Run `postern login`, or set POSTERN_TOKEN to an access token",
            client.base()
        ))
    })?;
    if sign_in.expires_at > now.seconds() + LEAST_LIFETIME {
        return Ok(sign_in.access_token);
    }
    // Two runs at once present the same refresh token and are given the same successor.
    let body = json!({ "refresh_token": sign_in.refresh_token });
    let tokens = client.call("POST", "/auth/refresh", Some(&body))?;
    let renewed = sign_in_of(&tokens, &sign_in.login, now)?;
    let token = renewed.access_token.clone();
    store.keep(client.base(), renewed)?;
    Ok(token)
}

/// Lets the next command renew the sign-in that is kept, whatever is left of its access token: for
/// one that was refused before its time, as when the key that signed it was revoked. Whether there
/// is such a sign-in.
pub(crate) fn outdate(client: &Client) -> bool {
    if super::given_token().is_some() {
        return false;
    }
    let outdated = || -> Result<bool, Failure> {
        let store = SessionFile::open()?;
        match store.find(client.base())? {
            Some(sign_in) => store.keep(client.base(), SignIn { expires_at: 0, ..sign_in }).map(|()| true),
            None => Ok(false),
        }
    };
    outdated().unwrap_or_default()
}

/// The sign-in that an answer with tokens is.
pub(crate) fn sign_in_of(tokens: &Value, login: &str, now: Timestamp) -> Result<SignIn, Failure> {
    let text = |member: &str| tokens.get(member).and_then(Value::as_str).map(str::to_owned);
    let lifetime = tokens.get("expires_in").and_then(Value::as_u64).unwrap_or_default();
    match (text("refresh_token"), text("access_token")) {
        (Some(refresh_token), Some(access_token)) => Ok(SignIn {
            login: login.to_owned(),
            refresh_token,
            access_token,
            expires_at: now.seconds() + lifetime,
        }),
        _ => Err(Failure::unavailable(
            "the answer contains no tokens. Check that the URL is that of a Postern deployment",
        )),
    }
}
