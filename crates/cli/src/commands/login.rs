//! `postern login` and `postern logout`.

use serde_json::{Value, json};

use crate::{
    auth::sign_in_of,
    context::Context,
    failure::Failure,
    prompt::{ask, password},
    report::Report,
    session_file::SessionFile,
};

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
    let sign_in = sign_in_of(&tokens, &login, context.now())?;
    let store = SessionFile::open()?;
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
            "but {login} does not have the scope postern:admin: administrators' commands will be refused"
        ));
    }
    Ok(Report::lines(value, lines))
}

/// `postern logout`: ends the session, and forgets it.
pub(crate) fn logout(context: &Context) -> Result<Report, Failure> {
    let client = context.public()?;
    let store = SessionFile::open()?;
    let Some(sign_in) = store.find(client.base())? else {
        return Err(Failure::refused(format!("not signed in at {}", client.base())));
    };
    // First at the server, then here: a session that is forgotten here first could not be ended any more.
    client.call("POST", "/auth/logout", Some(&json!({ "refresh_token": sign_in.refresh_token })))?;
    store.forget(client.base())?;
    let value = json!({ "url": client.base(), "status": "signed_out" });
    Ok(Report::lines(value, [format!("signed out at {}", client.base())]))
}
