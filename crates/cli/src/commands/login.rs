//! `postern login` and `postern logout`, and the access token of a command.

use std::{
    env,
    io::{self, IsTerminal as _, Write as _},
};

use serde_json::{Value, json};

use crate::{
    client::Client,
    context::Context,
    failure::Failure,
    report::Report,
    store::{SignIn, Store},
};

/// An access token that lives less than this, in seconds, is renewed first: a command may take
/// some seconds until its last call.
const LEAST_LIFETIME: u64 = 60;

/// `postern login`.
pub(crate) fn login(context: &Context, login: Option<String>) -> Result<Report, Failure> {
    let client = context.public()?;
    let login = match login {
        Some(login) => login,
        None => ask("Login: ")?,
    };
    let password = password("Password: ")?;
    let body = json!({
        "login": login,
        "password": password,
        "delivery": "body",
        "device_name": "postern, the operator's program",
    });
    let tokens = client.call("POST", "/auth/login", Some(&body))?;
    let sign_in = kept(&tokens, &login, context)?;
    let store = Store::open()?;
    store.keep(client.base(), sign_in)?;
    let scope = tokens.get("scope").and_then(Value::as_str).unwrap_or_default();
    let value = json!({ "url": client.base(), "login": login, "scope": scope, "file": store.path() });
    let mut lines = vec![format!(
        "signed in at {} as {login}; the sign-in is kept in {}",
        client.base(),
        store.path().display()
    )];
    if !scope.split(' ').any(|scope| scope == postern_app::service::admin::SCOPE) {
        lines.push(format!(
            "but {login} has not the scope postern:admin: administrators' commands will be refused"
        ));
    }
    Ok(Report::lines(value, lines))
}

/// `postern logout`: ends the session, and forgets it.
pub(crate) fn logout(context: &Context) -> Result<Report, Failure> {
    let client = context.public()?;
    let store = Store::open()?;
    let Some(sign_in) = store.find(client.base())? else {
        return Err(Failure::refused(format!("not signed in at {}", client.base())));
    };
    // First there, then here: were it forgotten first, nobody could end it any more.
    client.call("POST", "/auth/logout", Some(&json!({ "refresh_token": sign_in.refresh_token })))?;
    store.forget(client.base())?;
    let value = json!({ "url": client.base(), "status": "signed_out" });
    Ok(Report::lines(value, [format!("signed out at {}", client.base())]))
}

/// The access token for administrators' calls: `POSTERN_TOKEN`, or that of the sign-in kept,
/// renewed if it is about to expire.
pub(crate) fn access_token(context: &Context, client: &Client) -> Result<String, Failure> {
    if let Some(token) = env::var("POSTERN_TOKEN").ok().filter(|token| !token.trim().is_empty()) {
        return Ok(token.trim().to_owned());
    }
    let store = Store::open()?;
    let sign_in = store.find(client.base())?.ok_or_else(|| {
        Failure::unauthorized(format!(
            "not signed in at {}: run `postern login`, or put an access token into POSTERN_TOKEN",
            client.base()
        ))
    })?;
    if sign_in.expires_at > context.now().seconds() + LEAST_LIFETIME {
        return Ok(sign_in.access_token);
    }
    // Two runs at once present the same refresh token and are given the same successor.
    let body = json!({ "refresh_token": sign_in.refresh_token });
    let tokens = client.call("POST", "/auth/refresh", Some(&body))?;
    let renewed = kept(&tokens, &sign_in.login, context)?;
    let token = renewed.access_token.clone();
    store.keep(client.base(), renewed)?;
    Ok(token)
}

/// Lets the next command renew the sign-in that is kept, whatever is left of its access token: for
/// one that was refused before its time, as when the key that signed it was revoked. Whether there
/// is such a sign-in.
pub(crate) fn outdate(context: &Context) -> bool {
    if env::var("POSTERN_TOKEN").is_ok_and(|token| !token.trim().is_empty()) {
        return false;
    }
    let outdated = || -> Result<bool, Failure> {
        let (client, store) = (context.public()?, Store::open()?);
        match store.find(client.base())? {
            Some(sign_in) => store.keep(client.base(), SignIn { expires_at: 0, ..sign_in }).map(|()| true),
            None => Ok(false),
        }
    };
    outdated().unwrap_or_default()
}

fn kept(tokens: &Value, login: &str, context: &Context) -> Result<SignIn, Failure> {
    let text = |member: &str| tokens.get(member).and_then(Value::as_str).map(str::to_owned);
    let lifetime = tokens.get("expires_in").and_then(Value::as_u64).unwrap_or_default();
    match (text("refresh_token"), text("access_token")) {
        (Some(refresh_token), Some(access_token)) => Ok(SignIn {
            login: login.to_owned(),
            refresh_token,
            access_token,
            expires_at: context.now().seconds() + lifetime,
        }),
        _ => Err(Failure::unavailable("the deployment's answer has no tokens: is this a Postern?")),
    }
}

/// A secret from the terminal, unseen, or from a pipe.
pub(crate) fn password(prompt: &str) -> Result<String, Failure> {
    let read = if io::stdin().is_terminal() { rpassword::prompt_password(prompt) } else { line() };
    let text = read.map_err(|error| Failure::usage(format!("the password could not be read: {error}")))?;
    if text.is_empty() { Err(Failure::usage("the password is empty")) } else { Ok(text) }
}

fn ask(prompt: &str) -> Result<String, Failure> {
    let wrong = |error: io::Error| Failure::usage(format!("the login could not be read: {error}"));
    let mut terminal = io::stderr();
    terminal.write_all(prompt.as_bytes()).and_then(|()| terminal.flush()).map_err(wrong)?;
    let text = line().map_err(wrong)?;
    if text.is_empty() { Err(Failure::usage("no login was given")) } else { Ok(text) }
}

fn line() -> io::Result<String> {
    let mut text = String::new();
    io::stdin().read_line(&mut text)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
