use serde_json::{Value, json};

use super::*;

const ID: &str = "https://app.example/client.json";

fn sound() -> Value {
    json!({
        "client_id": ID,
        "client_name": "An app",
        "redirect_uris": ["https://app.example/callback", "http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    })
}

fn parse_text(text: &str) -> Result<ClientDocument, UnsoundDocument> {
    ClientDocument::parse(text.as_bytes(), &ClientIdUrl::parse(ID).unwrap())
}

/// The sound document with these members; `null` removes nothing, because it is absent anyway.
fn with(members: &Value) -> Result<ClientDocument, UnsoundDocument> {
    let mut document = sound();
    for (name, value) in members.as_object().unwrap() {
        document[name] = value.clone();
    }
    parse_text(&document.to_string())
}

fn redirects(document: &ClientDocument) -> Vec<&str> {
    document.redirect_uris.iter().map(RegisteredRedirect::as_str).collect()
}

// Tests MCP Authorization section "Client ID Metadata Documents": client_id, client_name and redirect_uris (A9)
#[test]
fn a_document_names_the_client_and_its_redirects() {
    let document = parse_text(&sound().to_string()).unwrap();
    assert_eq!(document.name, "An app");
    assert_eq!(redirects(&document), ["https://app.example/callback", "http://127.0.0.1/callback"]);
    assert_eq!(document.grant_types, GrantType::ALL.map(|(_, kind)| kind).into());
    assert_eq!(document.scopes, None);
    let scopes = with(&json!({"scope": "b a offline_access"})).unwrap().scopes.unwrap();
    assert_eq!(scopes.to_text(), "a b");
}

// Tests Client ID Metadata Document section 4: client_id is the URL to the letter
// The attack: the document of a known client, served at an address of the attacker's.
#[test]
fn a_document_of_another_client_is_refused() {
    for id in [
        "https://app.example/client.json/",
        "https://app.example:443/client.json",
        "https://APP.example/client.json",
        "https://app.example/client.json?x",
        "https://other.example/client.json",
        "",
    ] {
        assert_eq!(with(&json!({"client_id": id})), Err(UnsoundDocument::OtherClient), "{id}");
    }
    assert_eq!(with(&json!({"client_id": 1})), Err(UnsoundDocument::WrongType("client_id")));
}

#[test]
fn what_must_be_there_is_missed() {
    for name in ["client_id", "client_name", "redirect_uris"] {
        assert_eq!(with(&json!({name: null})), Err(UnsoundDocument::Missing(name)));
        let mut without = sound();
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(parse_text(&without.to_string()), Err(UnsoundDocument::Missing(name)));
    }
}

#[test]
fn what_is_no_strict_json_object_is_refused() {
    for (text, cause) in [
        ("", JsonError::Malformed),
        ("<!doctype html><title>Not here</title>", JsonError::Malformed),
        ("[]", JsonError::NotAnObject),
        ("{\"client_id\":\"\u{0}\"}", JsonError::Malformed),
        (&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)), JsonError::TooDeep),
    ] {
        assert_eq!(parse_text(text), Err(UnsoundDocument::Json(cause)));
    }
    // The attack: one reader shows the first name, another acts on the second redirect.
    let twice = sound().to_string().replacen('{', "{\"redirect_uris\":[\"https://evil.example/\"],", 1);
    assert_eq!(parse_text(&twice), Err(UnsoundDocument::Json(JsonError::DuplicateMember)));
}

// Tests Client ID Metadata Document section 4.1: no shared secret and no private key in a document
#[test]
fn a_document_with_a_secret_is_refused() {
    for (members, cause) in [
        (json!({"client_secret": "s"}), UnsoundDocument::Secret("client_secret")),
        (json!({"client_secret_expires_at": 0}), UnsoundDocument::Secret("client_secret_expires_at")),
        (json!({"jwks": {"keys": [{"kty": "EC", "d": "x"}]}}), UnsoundDocument::Secret("a private key")),
        (json!({"jwks": {"keys": [{}, {"kty": "oct", "k": "x"}]}}), UnsoundDocument::Secret("a private key")),
    ] {
        assert_eq!(with(&members), Err(cause), "{members}");
    }
    for method in BY_SECRET {
        // Even where `none` would do, too.
        let members =
            json!({"token_endpoint_auth_method": method, "token_endpoint_auth_methods_supported": ["none"]});
        assert!(matches!(with(&members), Err(UnsoundDocument::Refused(..))), "{method}");
    }
    assert!(with(&json!({"jwks": {"keys": [{"kty": "EC", "x": "x", "y": "y"}]}})).is_ok());
}

#[test]
fn a_client_that_can_come_without_authentication_is_public() {
    for members in [
        json!({"token_endpoint_auth_method": null}),
        json!({"token_endpoint_auth_method": "none", "token_endpoint_auth_methods_supported": []}),
        // As ChatGPT's document has it.
        json!({"token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"]}),
    ] {
        assert!(with(&members).is_ok(), "{members}");
    }
    for members in [
        json!({"token_endpoint_auth_method": "private_key_jwt"}),
        json!({"token_endpoint_auth_method": "tls_client_auth",
            "token_endpoint_auth_methods_supported": ["private_key_jwt"]}),
        json!({"token_endpoint_auth_method": ["none"]}),
        json!({"token_endpoint_auth_methods_supported": "none"}),
    ] {
        assert!(with(&members).is_err(), "{members}");
    }
}

#[test]
fn an_unusable_redirect_uri_spoils_no_other() {
    let document = with(&json!({"redirect_uris": [
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "http://app.example/callback",
        "https://app.example/callback#x",
        "javascript:alert(1)",
        "com.example.app:/callback",
        "https://app.example/ok",
    ]}));
    assert_eq!(redirects(&document.unwrap()), ["https://app.example/ok"]);
    for list in [json!([]), json!(["cursor://x/y"]), json!([1]), json!(["https://a.example/", 1]), json!("x")]
    {
        assert!(with(&json!({"redirect_uris": list})).is_err(), "{list}");
    }
}

// Tests RFC 7591 section 2: without grant_types a client uses the code alone
#[test]
fn grant_and_response_types_contain_the_code() {
    let only_code = BTreeSet::from([GrantType::AuthorizationCode]);
    assert_eq!(with(&json!({"grant_types": null})).unwrap().grant_types, only_code);
    let more = json!({"grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"]});
    assert_eq!(with(&more).unwrap().grant_types, only_code);
    assert!(with(&json!({"response_types": null})).is_ok());
    assert!(with(&json!({"response_types": ["code", "code id_token"]})).is_ok());
    for members in [
        json!({"grant_types": []}),
        json!({"grant_types": ["client_credentials"]}),
        json!({"grant_types": "authorization_code"}),
        json!({"response_types": ["token"]}),
        json!({"response_types": []}),
        json!({"scope": "a  b"}),
        json!({"scope": ["a"]}),
    ] {
        assert!(with(&members).is_err(), "{members}");
    }
}

// The attack: a name that changes the page around it, or reads as another one.
#[test]
fn a_name_is_one_short_line_of_visible_text() {
    for name in ["Notes", "Ünïcödé 筆記", "مذكرات"] {
        assert_eq!(with(&json!({"client_name": name})).unwrap().name, name);
    }
    let long = "x".repeat(61);
    for name in
        ["", " Notes", "Notes ", "a\nb", "a\u{202e}b", "a\u{2066}b", "a\u{200f}b", "a\u{feff}b", &long]
    {
        assert!(matches!(
            with(&json!({"client_name": name})),
            Err(UnsoundDocument::Refused("client_name", _))
        ));
    }
}

#[test]
fn members_that_nothing_reads_may_have_any_value() {
    let members = json!({"application_type": 7, "logo_uri": {"x": []}, "client_uri": false, "contacts": null,
        "client_name#de": "Eine App", "software_statement": "x"});
    assert!(with(&members).is_ok());
}
