//! The file of cases that every verifier must judge alike: tests/vectors/origin.json. Beside this crate, the gate's own code
//! judges them, which is the reference.
#![cfg(test)]

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use pollster::block_on;
use postern_gateway::{Credentials, credentials};
use postern_jose::{
    JwkSet, TokenError, UnverifiedToken, VerifyError,
    encoding::base64url,
    json,
    jwt::{Claims, validate},
    native::NativeVerifier,
    time::Timestamp,
    verify,
};
use postern_origin::{Caller, FetchError, FetchKeys, Fetched, Kind, Verifier, policy};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/origin.json");

struct Vectors(Value);

impl Vectors {
    fn read() -> Self {
        Self(serde_json::from_slice(&std::fs::read(FILE).unwrap()).unwrap())
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0["now"].as_u64().unwrap())
    }

    fn text(&self, pointer: &str) -> &str {
        self.0.pointer(pointer).unwrap().as_str().unwrap()
    }

    fn cases(&self) -> &[Value] {
        self.0["cases"].as_array().unwrap()
    }

    fn key_set(&self, case: &Value) -> &str {
        self.text(&format!("/key_sets/{}", case["key_set"].as_str().unwrap()))
    }

    fn audience(&self, case: &Value) -> String {
        self.text(&format!("/audiences/{}", case["kind"].as_str().unwrap())).to_owned()
    }

    /// Compares the verdicts about all cases with those of the file, and writes them where the proof wants them.
    fn compare(&self, verifier: &str, judge: impl Fn(&Value) -> Result<Value, String>) {
        let mut wrong = Vec::new();
        let mut verdicts = BTreeMap::new();
        for case in self.cases() {
            let name = case["name"].as_str().unwrap();
            let found = judge(case);
            let is_right = match (&found, case["verdict"].as_str().unwrap()) {
                (Ok(caller), "valid") => *caller == case["caller"],
                (Err(reason), "invalid") => case["reason"].as_str().is_none_or(|wanted| wanted == reason),
                _ => false,
            };
            if !is_right {
                wrong.push(format!("{name}: {found:?} instead of {}", case["reason"]));
            }
            verdicts.insert(name, found.map_or_else(|reason| reason, |_| "valid".to_owned()));
        }
        if let Ok(folder) = std::env::var("ORIGIN_VERDICTS") {
            std::fs::write(format!("{folder}/{verifier}.json"), serde_json::to_vec(&verdicts).unwrap())
                .unwrap();
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(self.cases().len() > 300);
    }
}

fn kind(case: &Value) -> Kind {
    if case["kind"] == "assertion" { Kind::Assertion } else { Kind::AccessToken }
}

fn values(case: &Value) -> Vec<&str> {
    case["values"].as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect()
}

/// Method and target of the request that an assertion has to be for.
fn request(case: &Value) -> Option<(&str, &str)> {
    let request = case.get("request")?;
    Some((request["method"].as_str().unwrap(), request["target"].as_str().unwrap()))
}

struct FromFile(String);

impl FetchKeys for FromFile {
    async fn fetch(&self, url: &str) -> Result<Fetched, FetchError> {
        assert_eq!(url, "https://auth.example.com/.well-known/jwks.json");
        Ok(Fetched { body: self.0.clone().into_bytes(), ..Fetched::default() })
    }
}

fn plain(caller: &Caller) -> Value {
    json!({
        "subject": caller.subject, "issuer": caller.issuer, "client": caller.client, "session": caller.session,
        "tenant": caller.tenant, "scopes": caller.scopes, "roles": caller.roles,
    })
}

// Tests RFC 8725 section 3.11: an assertion and an access token do not pass for each other
#[test]
fn each_verdict_of_the_vectors_is_that_of_the_file() {
    let vectors = Vectors::read();
    let now = vectors.now();
    vectors.compare("rust", |case| {
        let fetch = FromFile(vectors.key_set(case).to_owned());
        let (issuer, audience) = (vectors.text("/issuer"), [vectors.audience(case)]);
        let verifier = match kind(case) {
            Kind::Assertion => Verifier::assertions(issuer, audience, fetch),
            Kind::AccessToken => Verifier::access_tokens(issuer, audience, fetch),
        };
        let name = if kind(case) == Kind::Assertion { "x-postern-assertion" } else { "authorization" };
        let mut headers = HeaderMap::new();
        for value in values(case) {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        let verifier = verifier.unwrap().with_clock(move || now);
        let (method, target, verifier) = match request(case) {
            Some((method, target)) => (method, target, verifier.bound().unwrap()),
            None => ("GET", "/", verifier),
        };
        match block_on(verifier.verify(&method.parse().unwrap(), &target.parse().unwrap(), &headers)) {
            Ok(caller) => Ok(plain(&caller)),
            Err(refusal) => Err(refusal.reason().name().to_owned()),
        }
    });
}

/// What the gate does with a token of its own, by the crates that it is made of.
fn by_the_gate(vectors: &Vectors, case: &Value) -> Result<Value, String> {
    let refused = |error: &TokenError| error.code().to_owned();
    let values = values(case);
    let joined = values.join(", ");
    let text = match (kind(case), values.as_slice()) {
        (Kind::Assertion, []) => return Err("no_assertion".to_owned()),
        (Kind::Assertion, [""]) => return Err("empty_assertion".to_owned()),
        (Kind::Assertion, [value]) if !value.contains(',') => *value,
        (Kind::Assertion, _) => return Err("several_assertions".to_owned()),
        (Kind::AccessToken, _) => match credentials((!values.is_empty()).then_some(&joined)) {
            Credentials::Bearer(token) => token,
            Credentials::None => return Err("credentials_required".to_owned()),
            Credentials::Malformed => return Err("invalid_request".to_owned()),
        },
    };
    let policy = policy(kind(case), vectors.text("/issuer"), vec![vectors.audience(case)]);
    let keys = JwkSet::parse(vectors.key_set(case).as_bytes()).unwrap();
    let token = UnverifiedToken::parse(text).map_err(|error| refused(&error))?;
    policy.judge_header(token.header()).map_err(|error| refused(&error))?;
    let jws = block_on(verify(&token, &keys, &NativeVerifier)).map_err(|error| match error {
        VerifyError::Refused(error) => refused(&error),
        VerifyError::Fault(fault) => panic!("{fault}"),
    })?;
    let (claims, payload) =
        validate(jws, &policy, vectors.now()).map_err(|error| refused(&error))?.into_claims();
    if claims.confirmation.is_some() {
        return Err("bound_token_as_bearer".to_owned());
    }
    let issuer = match kind(case) {
        Kind::AccessToken => claims.iss.clone(),
        Kind::Assertion => {
            let members = json::parse_object(&payload).unwrap();
            match members.get("token_iss") {
                None => return Err("missing_claim".to_owned()),
                Some(Value::String(issuer)) if !issuer.is_empty() => issuer.clone(),
                Some(_) => return Err("malformed_claim".to_owned()),
            }
        }
    };
    if let Some((method, target)) = request(case) {
        let members = json::parse_object(&payload).unwrap();
        let digest = base64url(&Sha256::digest(target.as_bytes()));
        for (name, wanted) in [("htm", method), ("target_sha256", &digest)] {
            match members.get(name) {
                None => return Err("missing_claim".to_owned()),
                Some(Value::String(found)) if found == wanted => {}
                Some(Value::String(_)) => return Err("wrong_request".to_owned()),
                Some(_) => return Err("malformed_claim".to_owned()),
            }
        }
    }
    let Claims { sub, client_id, sid, tenant_id, scope, roles, .. } = claims;
    Ok(json!({
        "subject": sub, "issuer": issuer, "client": client_id, "session": sid, "tenant": tenant_id,
        "scopes": scope, "roles": roles,
    }))
}

#[test]
fn the_gate_judges_the_vectors_likewise() {
    let vectors = Vectors::read();
    vectors.compare("gate", |case| by_the_gate(&vectors, case));
}
