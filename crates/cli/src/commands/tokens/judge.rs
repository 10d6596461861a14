//! A token as the gate would judge it under given settings, with the setting that would change the
//! answer.

use std::{collections::BTreeSet, path::Path};

use pollster::block_on;
use postern_app::{
    config::{Config, Profile},
    gateway::{Access, Identity, Route},
    http::PlainRequest,
    jose::JwkSet,
    service::{
        explain::{Answer, Explainer, Explanation, Place, Supposed},
        inspect::{Candidate, Why},
    },
    time::Timestamp,
};
use serde_json::{Value, json};

use super::super::routes;
use crate::{
    context::Context,
    failure::Failure,
    files::read_text,
    host::Verifier,
    http::Client,
    issuer_keys::find_keys,
    settings::{STAND_IN_KEY, SettingsFile, Variables},
};

/// What is asked.
pub(super) struct Asked<'a> {
    pub(super) settings: &'a SettingsFile,
    /// Where the keys are, in place of where the settings say.
    pub(super) jwks: Option<&'a str>,
    /// Method and URL of a request that brings the token.
    pub(super) request: Option<(&'a str, &'a str)>,
}

/// The gate's answer, in lines and as JSON, and whether it is a refusal.
pub(super) struct Judged {
    pub(super) lines: Vec<String>,
    pub(super) value: Value,
    pub(super) refused: bool,
}

/// Judges a token.
pub(super) fn judge(asked: &Asked<'_>, token: &str, context: &Context) -> Result<Judged, Failure> {
    let Variables { file, values: mut vars, .. } = asked.settings.read()?;
    vars.entry("POSTERN_MASTER_KEY".to_owned()).or_insert_with(|| STAND_IN_KEY.into());
    let config = Config::from_vars(&vars).map_err(|mistakes| {
        let first = mistakes.first().map(ToString::to_string).unwrap_or_default();
        Failure::refused(format!("{file} has mistakes: {first}. `postern config check {file}` lists them"))
    })?;
    let local = config.profile == Profile::Local;
    let in_kv = config.routes_in_kv.is_some();
    let explainer = Explainer::new(config);
    let now = context.now();
    let (outcome, keys_from) = match explainer.candidate(token) {
        Err(why) => (Err(why), None),
        Ok(candidate) => {
            let (place, keys) = keys(asked.jwks, &candidate, local, context)?;
            (block_on(candidate.judge(&keys, &Verifier, now)), Some(place))
        }
    };
    let mut lines = Vec::new();
    let mut setting = None;
    let why = outcome.as_ref().err();
    match &outcome {
        Ok(identity) => {
            lines.push(format!(
                "accepted: the gate of {file} accepts the token as one of {}",
                identity.issuer
            ));
            lines.extend(served(&explainer, identity));
            lines.push(format!("keys     {}", keys_from.as_deref().unwrap_or_default()));
            lines.push(
                "supposed the token is not revoked and its session is alive; only the running Worker can check that"
                    .to_owned(),
            );
        }
        Err(why) => {
            lines.push(format!("refused: {} [{}]", why.text, why.code));
            lines.push(format!("about    {}", why.about));
            lines.extend(why.expected.map(|expected| format!("must be  {expected}")));
            lines.extend(keys_from.as_deref().map(|place| format!("keys     {place}")));
            lines.push(told_setting(why));
            setting.clone_from(&why.setting);
        }
    }
    let request = match asked.request {
        None => Value::Null,
        Some(_) if in_kv => {
            return Err(Failure::refused(
                "the route table is in KV: use `postern routes explain --live --token-file FILE` for a request",
            ));
        }
        Some((method, url)) => {
            let (value, unmet) = for_request(&explainer, (method, url), token, why, now, &mut lines)?;
            setting = setting.or(unmet);
            value
        }
    };
    let refused = why.is_some()
        || request.pointer("/answer/by").is_some_and(|by| by == "gate")
            && request.pointer("/answer/preflight").is_none();
    let value = json!({
        "verdict": if why.is_some() { "refused" } else { "accepted" },
        "code": why.map(|why| why.code),
        "detail": why.map(|why| why.text.as_str()),
        "about": why.map(|why| why.about.as_str()),
        "setting": setting,
        "settings": file,
        "keys": keys_from,
        "general": outcome.as_ref().ok().map(|identity| identity.is_general),
        "resources": outcome.as_ref().ok().map(|identity| resources(&explainer, identity)),
        "request": request,
    });
    Ok(Judged { lines, value, refused })
}

/// The protected resources that the token is for, and whether it serves on routes without one.
fn resources<'e>(explainer: &'e Explainer, identity: &Identity) -> Vec<&'e str> {
    let routes = explainer.gate().routes().iter();
    let named = routes.filter(|route| {
        route.of_resource().is_some_and(|requirement| requirement.audience_met(&identity.audience))
    });
    let ids: BTreeSet<&str> =
        named.filter_map(Route::resource).map(|resource| resource.id.as_str()).collect();
    ids.into_iter().collect()
}

/// Where the token serves, if the table has resources.
fn served(explainer: &Explainer, identity: &Identity) -> Option<String> {
    explainer.gate().resources().next()?;
    let resources = resources(explainer, identity).join(", ");
    let what = match (identity.is_general, resources.as_str()) {
        (true, "") => "routes without a resource".to_owned(),
        (true, ids) => format!("routes without a resource, and the resource {ids}"),
        (false, ids) => format!("the resource {ids} alone"),
    };
    Some(format!("for      {what}"))
}

fn told_setting(why: &Why) -> String {
    match &why.setting {
        Some(setting) => format!("setting  {setting} would change the answer"),
        None => "setting  no setting makes the gate accept such a token".to_owned(),
    }
}

/// The keys of the token's issuer, and where they are.
fn keys(
    given: Option<&str>,
    candidate: &Candidate<'_>,
    local: bool,
    context: &Context,
) -> Result<(String, JwkSet), Failure> {
    let (place, document) = match (given, candidate.external()) {
        (Some(given), _) => (given.to_owned(), document(given)?),
        (None, Some(external)) => {
            let (uri, answer) = find_keys(external, local).map_err(|(detail, advice)| {
                Failure::unavailable(format!("{detail}: {advice}. Or pass the keys with --jwks FILE"))
            })?;
            (uri, answer.body)
        }
        (None, None) => {
            // Where this deployment is: as said, or as its issuer says.
            let base = if context.has_url() {
                context.public()?.base().to_owned()
            } else {
                candidate.issuer().to_owned()
            };
            let url = format!("{base}/.well-known/jwks.json");
            let document = Client::document(&url).map_err(|failure| {
                Failure::unavailable(format!(
                    "{}. Pass the keys with --jwks FILE, or the deployment with POSTERN_URL",
                    failure.message
                ))
            })?;
            (url, document)
        }
    };
    let set = JwkSet::parse_for(&document, candidate.algorithms())
        .map_err(|error| Failure::refused(format!("{place}: the key set is not valid: {error}")))?;
    Ok((place, set))
}

/// A key set in a file or at a URL.
pub(super) fn document(place: &str) -> Result<Vec<u8>, Failure> {
    if place.contains("://") {
        Client::document(place)
    } else {
        Ok(read_text(Path::new(place))?.into_bytes())
    }
}

/// What a request with the token is answered: as `postern routes explain` tells it, but that this
/// token's signature is known. The member of the route that is not met comes with it.
fn for_request(
    explainer: &Explainer,
    (method, url): (&str, &str),
    token: &str,
    why: Option<&Why>,
    now: Timestamp,
    lines: &mut Vec<String>,
) -> Result<(Value, Option<String>), Failure> {
    let request = PlainRequest::new(method, url);
    let Some(explanation) = explainer.explain(&request, Supposed::AccessToken(token), Place::Header, now)
    else {
        return Err(Failure::usage("the URL must be absolute: --request GET https://api.example.com/orders"));
    };
    lines.push(format!("request  {method} {url}"));
    if let Some(why) = why
        && let Some(index) = takes_tokens(explainer, &explanation)
    {
        let name = explainer.gate().routes().get(index).map(|route| route.name.as_str()).unwrap_or_default();
        lines.push(format!("matches  {index} `{name}`"));
        lines.push(format!("answer   401 invalid_token, because of {}", why.code));
        let answer = json!({ "by": "gate", "status": 401, "code": "invalid_token", "why": why.code });
        return Ok((json!({ "route": { "index": index, "name": name }, "answer": answer }), None));
    }
    let unmet = explanation.route.as_ref().and_then(|route| {
        let ask = route.asks.iter().find(|ask| ask.met == Some(false))?;
        Some(format!("POSTERN_ROUTES[{}].{}", route.index, ask.member))
    });
    let (value, told) = routes::told(explainer, &explanation, &[]).into_parts();
    // Its suppositions are said above, but for the signature's, which was verified.
    lines.extend(told.into_iter().filter(|line| !line.starts_with("supposed")));
    lines.extend(unmet.iter().map(|setting| format!("setting  {setting} would change the answer")));
    Ok((value, unmet))
}

/// The route that decides, if it looks at access tokens at all.
fn takes_tokens(explainer: &Explainer, explanation: &Explanation) -> Option<usize> {
    let index = explanation.route.as_ref()?.index;
    let route = explainer.gate().routes().get(index)?;
    let looks = route.access != Access::Public && !matches!(explanation.answer, Answer::Preflight { .. });
    looks.then_some(index)
}
