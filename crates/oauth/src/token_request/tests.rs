use super::*;
use crate::testing::{VERIFIER, public};

const KNOWN: &str = "https://api.example/mcp";

fn parse_for(client: &Client, body: &str) -> Result<TokenRequest, &'static str> {
    let parameters = Parameters::parse(body).ok().unwrap();
    TokenRequest::parse(&parameters, client, |resource| resource.as_str() == KNOWN)
        .map_err(|error| error.code.code())
}

fn parse(body: &str) -> Result<TokenRequest, &'static str> {
    parse_for(&public("app", "https://app.example/cb"), body)
}

fn error(body: &str) -> &'static str {
    parse(body).err().unwrap()
}

#[test]
fn both_grant_types_are_read() {
    let code =
        format!("grant_type=authorization_code&code=pac_1&code_verifier={VERIFIER}&resource={KNOWN}/..");
    assert_eq!(error(&code), "invalid_target");
    let code = format!(
        "grant_type=authorization_code&code=pac_1&code_verifier={VERIFIER}&resource={KNOWN}&redirect_uri=x"
    );
    let Ok(TokenRequest::Code { code, redirect_uri, challenge, resource }) = parse(&code) else { panic!() };
    assert_eq!((code.as_str(), redirect_uri.as_deref()), ("pac_1", Some("x")));
    assert_eq!(challenge, pkce::challenge_of(VERIFIER).unwrap());
    assert_eq!(resource.unwrap().as_str(), KNOWN);
    let Ok(TokenRequest::Refresh { refresh_token, scopes, resource }) =
        parse("grant_type=refresh_token&refresh_token=prt_1&scope=read")
    else {
        panic!()
    };
    assert_eq!((refresh_token.as_str(), scopes.unwrap().to_text().as_str()), ("prt_1", "read"));
    assert_eq!(resource, None);
}

// Tests RFC 6749 section 5.2: a malformed token request has its error code
#[test]
fn a_malformed_token_request_has_its_code() {
    let verifier = format!("code_verifier={VERIFIER}");
    let cases = [
        ("", "invalid_request"),
        ("grant_type=password&username=a&password=b", "unsupported_grant_type"),
        ("grant_type=client_credentials", "unsupported_grant_type"),
        ("grant_type=Authorization_Code", "unsupported_grant_type"),
        ("grant_type=refresh_token&grant_type=refresh_token&refresh_token=a", "invalid_request"),
        ("grant_type=refresh_token", "invalid_request"),
        ("grant_type=refresh_token&refresh_token=a&refresh_token=a", "invalid_request"),
        ("grant_type=refresh_token&refresh_token=a&scope=%22", "invalid_scope"),
        ("grant_type=refresh_token&refresh_token=a&resource=b", "invalid_target"),
        (
            &format!("grant_type=refresh_token&refresh_token=a&resource={KNOWN}&resource={KNOWN}"),
            "invalid_target",
        ),
        (&format!("grant_type=authorization_code&{verifier}"), "invalid_request"),
        (&format!("grant_type=authorization_code&code=a&code=a&{verifier}"), "invalid_request"),
        (
            &format!("grant_type=authorization_code&code=a&{verifier}&redirect_uri=a&redirect_uri=a"),
            "invalid_request",
        ),
        ("grant_type=authorization_code&code=a", "invalid_request"),
        ("grant_type=authorization_code&code=a&code_verifier=short", "invalid_request"),
    ];
    for (body, expected) in cases {
        assert_eq!(error(body), expected, "{body}");
    }
}

#[test]
fn a_client_uses_only_its_grant_types() {
    let client = Client {
        grant_types: [GrantType::AuthorizationCode].into(),
        ..public("app", "https://app.example/cb")
    };
    let refresh = parse_for(&client, "grant_type=refresh_token&refresh_token=a");
    assert_eq!(refresh.err(), Some("unauthorized_client"));
}
