//! Finds the key set of another issuer in the way that the gate does: by `jwks_uri`, or by the issuer's metadata.

use postern_app::{
    config::ExternalIssuer,
    jose::JwkSet,
    jwks::{FetchFailure, IssuerSource, KeyLocation, check_url, jwks_uri, metadata_urls},
};

use crate::http::{Answer, Client};

/// The key set and where it is, by the way that the gate goes; or what went wrong, and what to do.
pub(crate) fn find_keys(
    issuer: &ExternalIssuer,
    local: bool,
) -> Result<(String, Answer), (String, &'static str)> {
    let name = &issuer.issuer;
    let uri = match &issuer.jwks_uri {
        Some(uri) => uri.clone(),
        None => discover(name, local)?,
    };
    let answer = fetch(&uri, local).map_err(|why| {
        (format!("{name}: the key set at {uri} {why}"), "requests with tokens of this issuer get 503, or 401 after its keys change. Check that the issuer is up and that `jwks_uri` is correct")
    })?;
    Ok((uri, answer))
}

fn discover(issuer: &str, local: bool) -> Result<String, (String, &'static str)> {
    let location = KeyLocation::Discovery;
    let source = IssuerSource { issuer: issuer.to_owned(), location, local };
    let mut failures = Vec::new();
    let mut advice = "check that `issuer` is written exactly as in its tokens. If the issuer has no metadata, set `jwks_uri`";
    for url in metadata_urls(issuer) {
        let why = match fetch(&url, local).map(|answer| jwks_uri(&answer.body, &source)) {
            Ok(Ok(uri)) => return Ok(uri),
            Ok(Err(FetchFailure::OtherIssuer)) => {
                advice = "`issuer` must equal the value in the metadata and in the tokens, including a final slash";
                "belongs to another issuer".to_owned()
            }
            Ok(Err(FetchFailure::NoJwksUri)) => "does not contain jwks_uri".to_owned(),
            Ok(Err(FetchFailure::UnsafeUrl)) => "contains a jwks_uri that the gate does not fetch".to_owned(),
            Ok(Err(_)) => "is not issuer metadata".to_owned(),
            Err(why) => why,
        };
        failures.push(format!("{url} {why}"));
    }
    Err((format!("{issuer}: {}", failures.join("; ")), advice))
}

/// A document, under the rules that the gate has: what is wrong reads on behind the URL.
fn fetch(url: &str, local: bool) -> Result<Answer, String> {
    check_url(url, local).map_err(|error| format!("is not allowed: {error}"))?;
    let answer =
        Client::look(url).map_err(|error| format!("could not be reached from this machine: {error}"))?;
    match answer.status {
        200 if answer.body.len() > JwkSet::MAX_BYTES => {
            Err(format!("has more than {} bytes", JwkSet::MAX_BYTES))
        }
        200 => Ok(answer),
        300..=399 => Err(format!("returned {}; the gate does not follow redirects", answer.status)),
        status => Err(format!("returned {status}")),
    }
}
