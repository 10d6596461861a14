//! What the gate would do with a request, and why: `postern routes explain`. It takes the same
//! steps as [`super::Service::at_once`], with the same functions, but for what only the running
//! Worker knows: signatures, revocations, rate limits.

use serde_json::{Map, Value};

use super::{
    authenticate::identity_of,
    isolate::{TrustedIssuer, trusted_issuers},
    own::is_own,
};
use crate::{
    config::Config,
    gateway::{
        Access, Challenge, Found, Gate, Identity, Match, Upstream, Verdict, decide,
        explain::{Ask, asks, mismatch},
        path::NormalPath,
        review::{Remark, review},
        upstream_url,
    },
    http::{Reply, UrlParts},
    jose::{UnverifiedToken, json},
    jwt::{AudienceSource, TokenError, judge_claims},
    text_map::TextMap,
    time::Timestamp,
};

/// How long the supposed access token is valid when its claims do not say, in seconds: as long
/// as one of ours by default.
const SUPPOSED_LIFETIME: u64 = 600;

/// A configuration that can be asked questions.
#[derive(Debug)]
pub struct Explainer {
    config: Config,
    gate: Gate,
    issuers: TextMap<TrustedIssuer>,
}

/// Who is supposed to ask.
#[derive(Debug, Clone, Copy)]
pub enum Supposed<'a> {
    /// Nobody: no access token comes along.
    Nobody,
    /// Whoever has a sound access token with these claims. Those that every token has may be left
    /// out: they are supposed to be right.
    Claims(&'a Map<String, Value>),
    /// Whoever has this access token, its signature supposed to be right.
    AccessToken(&'a str),
}

/// What would be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// By Postern itself.
    Own,
    /// By the upstream, asked for this URL.
    Forwarded {
        /// What it is asked for.
        url: String,
    },
    /// By the gate, with this.
    Refused {
        /// The answer.
        reply: Reply,
        /// Its precise cause, which the caller is not told.
        why: String,
    },
}

/// A route that does not take the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// Its place in the table.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Why it does not.
    pub why: String,
}

/// The route that decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Deciding {
    /// Its place in the table.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// The parameters of its path.
    pub params: Vec<(String, String)>,
    /// What it asks for.
    pub asks: Vec<Ask>,
    /// The caller, if one was supposed and his token would be sound.
    pub caller: Option<Identity>,
}

/// What would happen, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The path in normal form, if it has one.
    pub path: Option<NormalPath>,
    /// The routes before the one that decides; all when none does.
    pub passed_over: Vec<PassedOver>,
    /// The route that decides.
    pub route: Option<Deciding>,
    /// What would be answered.
    pub answer: Answer,
}

impl Explainer {
    /// Of this configuration with its routes.
    pub fn new(config: Config) -> Self {
        let gate = Gate::new(config.routes.clone(), Vec::new());
        let issuers = trusted_issuers(&config);
        Self { config, gate, issuers }
    }

    /// The routes in table order.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// What is likely wrong with the table.
    pub fn review(&self) -> Vec<Remark> {
        review(self.gate.routes(), self.issuers.len(), |path| is_own(&self.config.admin, path))
    }

    /// What would happen to this request; `None` when `url` is no absolute http(s) URL.
    pub fn explain(
        &self,
        method: &str,
        url: &str,
        supposed: Supposed<'_>,
        now: Timestamp,
    ) -> Option<Explanation> {
        let parts = UrlParts::parse(url)?;
        let raw = as_the_platform_reads(parts.path);
        let path = NormalPath::parse(&raw).ok();
        if is_own(&self.config.admin, &raw) {
            return Some(Explanation { path, passed_over: Vec::new(), route: None, answer: Answer::Own });
        }
        let found = self.gate.find(method, parts.authority, &raw);
        let before = match &found {
            Found::Match(found) => self.index(found),
            _ => self.gate.routes().len(),
        };
        let routes = self.gate.routes().iter().take(before).enumerate();
        let passed_over = path.as_ref().map_or_else(Vec::new, |path| {
            let over = |(index, route): (usize, &crate::gateway::Route)| {
                let why = mismatch(route, method, parts.authority, path)?;
                Some(PassedOver { index, name: route.name.clone(), why })
            };
            routes.filter_map(over).collect()
        });
        let refusal = found.refusal();
        let Found::Match(found) = found else {
            let reply = refusal.unwrap_or_else(|| Reply::empty(404));
            let why = match reply.status {
                404 => "no route takes this host and path",
                405 => "routes know the path, for other methods",
                _ => "the path can be read in more than one way",
            };
            let answer = Answer::Refused { reply, why: why.to_owned() };
            return Some(Explanation { path, passed_over, route: None, answer });
        };
        if is_own(&self.config.admin, found.path.as_str()) {
            let reply = Found::NotFound.refusal().unwrap_or_else(|| Reply::empty(404));
            let why = "another spelling of a path that Postern answers itself".to_owned();
            let answer = Answer::Refused { reply, why };
            return Some(Explanation { path, passed_over, route: None, answer });
        }
        let (caller, answer) = self.answer(&found, &parts, supposed, now);
        let route = Some(Deciding {
            index: before,
            name: found.route.name.clone(),
            params: found.params.clone(),
            asks: asks(&found, caller.as_ref(), now),
            caller,
        });
        Some(Explanation { path, passed_over, route, answer })
    }

    fn index(&self, found: &Match<'_>) -> usize {
        self.gate.routes().iter().take_while(|route| !core::ptr::eq(*route, found.route)).count()
    }

    fn answer(
        &self,
        found: &Match<'_>,
        parts: &UrlParts<'_>,
        supposed: Supposed<'_>,
        now: Timestamp,
    ) -> (Option<Identity>, Answer) {
        let forwarded = || match found.route.upstream {
            Upstream::Answer => Answer::Own,
            _ => Answer::Forwarded {
                url: upstream_url(found.route, &found.path, parts.query, &parts.origin()),
            },
        };
        if found.route.access == Access::Public {
            return (None, forwarded());
        }
        let identity = match self.identity(supposed, now) {
            Ok(identity) => identity,
            Err(why) => {
                let reply = Reply::from(&Challenge::InvalidToken);
                return (None, Answer::Refused { reply, why: format!("invalid token: {why}") });
            }
        };
        let answer = match decide(found, identity.as_ref(), now) {
            Verdict::Forward => forwarded(),
            Verdict::Challenge(challenge) => {
                Answer::Refused { reply: Reply::from(&challenge), why: challenge.code().to_owned() }
            }
            Verdict::Forbid(forbid) => {
                Answer::Refused { reply: Reply::from(&forbid), why: forbid.code().to_owned() }
            }
        };
        (identity, answer)
    }

    /// Who is supposed to ask; the cause when his token would be refused.
    fn identity(&self, supposed: Supposed<'_>, now: Timestamp) -> Result<Option<Identity>, String> {
        let told = |error: TokenError| format!("{error} ({})", error.code());
        let (claims, issuer) = match supposed {
            Supposed::Nobody => return Ok(None),
            Supposed::Claims(given) => {
                let issuer = given.get("iss").map_or(Ok(self.config.issuer.as_str()), |issuer| {
                    issuer.as_str().ok_or("iss is no text")
                })?;
                let issuer = self.issuer(issuer)?;
                (completed(given, issuer, now), issuer)
            }
            Supposed::AccessToken(text) => {
                let token = UnverifiedToken::parse(text).map_err(told)?;
                let issuer = self.issuer(&token.claimed_issuer().map_err(told)?)?;
                if !issuer.policy.algorithms.contains(&token.algorithm()) {
                    return Err(told(TokenError::AlgorithmNotAllowed));
                }
                if !issuer.policy.typ.allows(token.typ()) {
                    return Err(told(TokenError::WrongType));
                }
                let payload = json::parse_object(token.payload());
                (payload.map_err(|error| told(TokenError::MalformedClaims(error)))?, issuer)
            }
        };
        let (claims, _) = judge_claims(claims, &issuer.policy, now).map_err(told)?;
        if claims.confirmation.is_some() {
            return Err("bound to a key, and comes as a mere bearer token".to_owned());
        }
        Ok(Some(identity_of(claims, Vec::new())))
    }

    fn issuer(&self, issuer: &str) -> Result<&TrustedIssuer, String> {
        self.issuers.get(issuer).ok_or_else(|| "its issuer is not trusted (untrusted_issuer)".to_owned())
    }
}

/// The path as it reaches the Worker: clients and the platform resolve dot segments and turn
/// backslashes (WHATWG URL standard, "path state"), and send a slash for no path.
fn as_the_platform_reads(path: &str) -> String {
    let path = path.replace('\\', "/");
    let mut segments: Vec<&str> = Vec::new();
    let mut pieces = path.split('/').skip(1).peekable();
    while let Some(piece) = pieces.next() {
        match piece.to_ascii_lowercase().replace("%2e", ".").as_str() {
            ".." => {
                segments.pop();
            }
            "." => {}
            _ => {
                segments.push(piece);
                continue;
            }
        }
        if pieces.peek().is_none() {
            segments.push("");
        }
    }
    format!("/{}", segments.join("/"))
}

/// The claims with those that every access token of the issuer has.
fn completed(given: &Map<String, Value>, issuer: &TrustedIssuer, now: Timestamp) -> Map<String, Value> {
    let policy = &issuer.policy;
    let audience = policy.audiences.first().cloned().unwrap_or_default();
    let client = match policy.audience_source {
        AudienceSource::Aud => "client".to_owned(),
        AudienceSource::ClientId => audience.clone(),
    };
    let issued_at = given.get("iat").and_then(Value::as_u64).unwrap_or_else(|| now.seconds());
    let mut claims = given.clone();
    for (name, value) in [
        ("iss", policy.issuer.as_str().into()),
        ("sub", "somebody".into()),
        ("aud", audience.into()),
        ("iat", issued_at.into()),
        ("exp", issued_at.saturating_add(SUPPOSED_LIFETIME).into()),
        ("jti", "supposed".into()),
        ("client_id", client.into()),
    ] {
        claims.entry(name).or_insert(value);
    }
    claims
}

#[cfg(test)]
mod tests;
