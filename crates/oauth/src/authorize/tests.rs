use super::*;
use crate::client::Clients;
use crate::testing::{CHALLENGE, ISSUER, clients, public};

const KNOWN: &str = "https://api.example/mcp";

/// A sound query of the client `app`, with these parameters in place of or beside its own; an empty value removes one.
fn query(changes: &[(&str, &str)]) -> String {
    let mut all = vec![
        ("client_id", "app"),
        ("redirect_uri", "https://app.example/cb"),
        ("response_type", "code"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("state", "xyz"),
    ];
    for (name, value) in changes {
        all.retain(|(own, _)| own != name);
        all.push((name, value));
    }
    let mut query = String::new();
    for (name, value) in all {
        crate::form::append(&mut query, name, value);
    }
    query
}

fn page(query: &str) -> Option<PageError> {
    let parameters = match Parameters::parse(query) {
        Ok(parameters) => parameters,
        Err(error) => return Some(error.into()),
    };
    let client = match client_id(&parameters) {
        Ok(id) => clients().find(id).cloned(),
        Err(error) => return Some(error),
    };
    let Some(client) = client else { return Some(PageError::UnknownClient) };
    ProvedClient::prove(&parameters, client, ISSUER).err()
}

/// The request, or the address of its error.
fn parse_with<T>(
    clients: &Clients,
    query: &str,
    see: impl FnOnce(AuthorizationRequest<'_>) -> T,
) -> Result<T, String> {
    let parameters = Parameters::parse(query).ok().unwrap();
    let client = clients.find(client_id(&parameters).unwrap()).unwrap();
    let proved = ProvedClient::prove(&parameters, Rc::clone(client), ISSUER).unwrap();
    AuthorizationRequest::parse(&parameters, proved, |resource| resource.as_str() == KNOWN)
        .map(see)
        .map_err(|refused| refused.location.as_str().to_owned())
}

fn refused(changes: &[(&str, &str)]) -> String {
    refused_query(&query(changes))
}

/// The `error` of the answer; it goes to the client with `iss`.
fn refused_query(query: &str) -> String {
    let url = parse_with(&clients(), query, |_| ()).unwrap_err();
    let answer = url.strip_prefix("https://app.example/cb?error=").unwrap();
    assert!(answer.ends_with("&iss=https%3A%2F%2Fauth.example"), "{answer}");
    answer.split('&').next().unwrap().to_owned()
}

#[test]
fn a_sound_request_is_read() {
    let changes = [
        ("scope", "read offline_access"),
        ("resource", "HTTPS://API.example/mcp"),
        ("prompt", "login consent"),
        ("max_age", "60"),
        ("login_hint", "alice@example.com"),
        ("ui_locales", "de-CH fr"),
        ("nonce", "n"),
        ("x", "ignored"),
        ("response_mode", "query"),
    ];
    let request = |request: AuthorizationRequest<'_>| {
        assert_eq!(request.client().client_id, "app");
        assert_eq!(request.scopes.unwrap().to_text(), "offline_access read");
        assert_eq!(request.resource.unwrap().as_str(), KNOWN);
        assert_eq!(request.prompt, Prompt::Pages { login: true, consent: true, select_account: false });
        assert_eq!(request.max_age, Some(Duration::from_mins(1)));
        assert_eq!(request.login_hint.as_deref(), Some("alice@example.com"));
        assert_eq!(request.ui_locales.as_deref(), Some("de-CH fr"));
        let url = request.answer.success("pac_1");
        assert_eq!(
            url.as_str(),
            "https://app.example/cb?code=pac_1&state=xyz&iss=https%3A%2F%2Fauth.example"
        );
    };
    parse_with(&clients(), &query(&changes), request).unwrap();
}

// Tests RFC 6749 section 4.1.2.1: no redirect before client and redirect URI are proved
// An attacker sends victims a link with their own redirect URI, and has the server forward them: an open redirect.
#[test]
fn before_the_redirect_is_proved_no_error_leaves() {
    let unknown = [
        ("", PageError::NoClient),
        ("client_id=", PageError::NoClient),
        ("client_id=app&client_id=app&redirect_uri=https://app.example/cb", PageError::NoClient),
        ("client_id=APP&redirect_uri=https://app.example/cb", PageError::UnknownClient),
        ("client_id=app%20&redirect_uri=https://app.example/cb", PageError::UnknownClient),
        ("client_id=server&redirect_uri=https://app.example/cb", PageError::UnregisteredRedirect),
        (
            "client_id=app&redirect_uri=https://evil.example/cb&response_type=token",
            PageError::UnregisteredRedirect,
        ),
        (
            "client_id=app&redirect_uri=https://app.example/cb&redirect_uri=https://app.example/cb",
            PageError::NoRedirect,
        ),
        ("client_id=native", PageError::NoRedirect),
        ("client_id=%FF", PageError::Form(FormError::Encoding)),
    ];
    for (query, expected) in unknown {
        assert_eq!(page(query), Some(expected), "{query}");
    }
    assert_eq!(page("client_id=app"), None, "its only redirect URI stands for itself");
    assert_eq!(page(&format!("client_id={}", "x".repeat(20_000))), Some(PageError::Form(FormError::TooLong)));
}

// Tests RFC 6749 section 4.1.2.1: an error goes to the proved redirect URI with its state
#[test]
fn an_error_carries_the_state_if_it_can_be_repeated() {
    let url = |changes: &[_]| parse_with(&clients(), &query(changes), |_| ()).unwrap_err();
    assert!(url(&[("response_type", "token")]).contains("&state=xyz&"));
    let too_long = "x".repeat(2049);
    for state in ["ä", "a\u{0}", &too_long] {
        let url = url(&[("state", state)]);
        assert!(url.contains("error=invalid_request") && !url.contains("&state="), "{url}");
    }
    let twice = refused_query(&format!("{}&state=2", query(&[])));
    assert_eq!(twice, "invalid_request");
}

// Tests RFC 9700 section 2.1.2: no implicit and no hybrid flow
#[test]
fn every_response_type_but_code_is_refused() {
    for other in
        ["token", "id_token", "code token", "code id_token", "id_token token", "none", "CODE", "code "]
    {
        assert_eq!(refused(&[("response_type", other)]), "unsupported_response_type", "{other}");
    }
    assert_eq!(refused(&[("response_type", "")]), "invalid_request");
    for mode in ["fragment", "form_post", "query.jwt"] {
        assert_eq!(refused(&[("response_mode", mode)]), "invalid_request");
    }
    assert_eq!(refused(&[("request", "e30.e30.")]), "request_not_supported");
    assert_eq!(refused(&[("request_uri", "https://evil.example")]), "request_uri_not_supported");
}

// Tests RFC 9700 section 2.1.1: PKCE is required, and plain is refused
// Without it, an attacker who injects a stolen code into their own session gets the victim's tokens.
#[test]
fn pkce_is_required_of_every_client_with_s256() {
    let too_long = "A".repeat(44);
    let bad: [&[(&str, &str)]; 7] = [
        &[("code_challenge", "")],
        &[("code_challenge", ""), ("code_challenge_method", "")],
        &[("code_challenge_method", "")],
        &[("code_challenge_method", "plain")],
        &[("code_challenge_method", "s256")],
        &[("code_challenge", "short")],
        &[("code_challenge", &too_long)],
    ];
    for changes in bad {
        assert_eq!(refused(changes), "invalid_request", "{changes:?}");
    }
    let confidential = [
        ("client_id", "server"),
        ("redirect_uri", "https://server.example/cb"),
        ("code_challenge", ""),
        ("code_challenge_method", ""),
    ];
    let url = parse_with(&clients(), &query(&confidential), |_| ()).unwrap_err();
    assert!(url.starts_with("https://server.example/cb?error=invalid_request"), "{url}");
}

// Tests RFC 8707 section 2: an unknown or malformed resource is invalid_target
#[test]
fn a_resource_is_one_known_one() {
    for resource in [
        "https://api.example/other",
        "https://api.example/mcp#",
        "https://api.example/mcp/",
        "mcp",
        "https://api.example",
    ] {
        assert_eq!(refused(&[("resource", resource)]), "invalid_target", "{resource}");
    }
    let twice = format!("{}&resource={KNOWN}&resource={KNOWN}", query(&[]));
    assert_eq!(refused_query(&twice), "invalid_target");
}

// A client that is limited to resources must not get a token for the whole deployment by naming none.
#[test]
fn a_limited_client_gets_no_token_without_a_resource() {
    let limited = |resources: &[&str]| {
        let resources = resources.iter().map(|one| Resource::parse(one).unwrap()).collect();
        Clients::new(vec![Client { resources: Some(resources), ..public("app", "https://app.example/cb") }])
    };
    let resource = |clients: &Clients, changes: &[_]| {
        parse_with(clients, &query(changes), |request| request.resource.map(|one| one.to_string()))
    };
    let one = limited(&["https://a.example"]);
    assert_eq!(resource(&one, &[]), Ok(Some("https://a.example".to_owned())));
    assert!(resource(&one, &[("resource", KNOWN)]).unwrap_err().contains("error=invalid_target"));
    let two = limited(&["https://a.example", "https://b.example"]);
    assert!(resource(&two, &[]).unwrap_err().contains("error=invalid_target"));
    assert_eq!(
        resource(&two, &[("resource", "https://b.example/")]),
        Ok(Some("https://b.example".to_owned()))
    );
}

#[test]
fn other_parameters_are_sound_or_refused() {
    for prompt in ["create", "none login", "login none", "Login", "login  consent", " "] {
        assert_eq!(refused(&[("prompt", prompt)]), "invalid_request", "{prompt}");
    }
    for max_age in ["-1", "1.5", "x", "1 ", "+1"] {
        assert_eq!(refused(&[("max_age", max_age)]), "invalid_request", "{max_age}");
    }
    for scope in [" read", "read  write", "\"", "ä", &"x".repeat(2049)] {
        assert_eq!(refused(&[("scope", scope)]), "invalid_scope");
    }
    for name in [
        "response_type",
        "code_challenge",
        "code_challenge_method",
        "scope",
        "prompt",
        "max_age",
        "login_hint",
        "ui_locales",
    ] {
        let twice = format!("{}&{name}=x&{name}=x", query(&[(name, "")]));
        assert_eq!(refused_query(&twice), "invalid_request", "{name}");
    }
    let long = "9".repeat(30);
    let far = query(&[("max_age", &long), ("login_hint", "a\nb"), ("ui_locales", &"x".repeat(201))]);
    let hints = parse_with(&clients(), &far, |request| {
        assert_eq!(request.max_age, Some(Duration::from_secs(MAX_MAX_AGE)));
        (request.login_hint, request.ui_locales)
    });
    assert_eq!(hints, Ok((None, None)), "a hint is never a cause to fail");
}

#[test]
fn a_client_without_the_grant_type_gets_no_code() {
    let none =
        Client { grant_types: [GrantType::RefreshToken].into(), ..public("app", "https://app.example/cb") };
    let url = parse_with(&Clients::new(vec![none]), &query(&[]), |_| ()).unwrap_err();
    assert!(url.contains("error=unauthorized_client"), "{url}");
}
