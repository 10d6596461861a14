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
        (format!("{name}: the key set at {uri} {why}"), "tokens of this issuer are 503, or 401 once its keys change: is the issuer up, and `jwks_uri` right?")
    })?;
    Ok((uri, answer))
}

fn discover(issuer: &str, local: bool) -> Result<String, (String, &'static str)> {
    let location = KeyLocation::Discovery;
    let source = IssuerSource { issuer: issuer.to_owned(), location, local };
    let mut failures = Vec::new();
    let mut advice = "is `issuer` written as in its tokens? Where it has no metadata, set `jwks_uri`";
    for url in metadata_urls(issuer) {
        let why = match fetch(&url, local).map(|answer| jwks_uri(&answer.body, &source)) {
            Ok(Ok(uri)) => return Ok(uri),
            Ok(Err(FetchFailure::OtherIssuer)) => {
                advice = "`issuer` must be what the metadata and the tokens say, to the final slash";
                "is of another issuer".to_owned()
            }
            Ok(Err(FetchFailure::NoJwksUri)) => "names no jwks_uri".to_owned(),
            Ok(Err(FetchFailure::UnsafeUrl)) => "names a jwks_uri that the gate does not fetch".to_owned(),
            Ok(Err(_)) => "is no metadata".to_owned(),
            Err(why) => why,
        };
        failures.push(format!("{url} {why}"));
    }
    Err((format!("{issuer}: {}", failures.join("; ")), advice))
}

/// A document, under the rules that the gate has: what is wrong reads on behind the URL.
fn fetch(url: &str, local: bool) -> Result<Answer, String> {
    check_url(url, local).map_err(|error| format!("is not fetched: {error}"))?;
    let answer = Client::look(url).map_err(|error| format!("was not reached from this machine: {error}"))?;
    match answer.status {
        200 if answer.body.len() > JwkSet::MAX_BYTES => {
            Err(format!("is longer than {} bytes", JwkSet::MAX_BYTES))
        }
        200 => Ok(answer),
        300..=399 => Err(format!("answered {}: the gate follows no redirect", answer.status)),
        status => Err(format!("answered {status}")),
    }
}
