//! `postern token`: what an access token says, whether it is good, and if not why.

mod judge;

use clap::Subcommand;
use pollster::block_on;
use postern_app::{
    encoding::from_base64url,
    jose::{JwkSet, KnownHeaders, MAX_TOKEN_BYTES, UnverifiedToken, VerifyError, json, verify},
    jwt::{TokenError, ValidationPolicy, validate},
    time::Timestamp,
};
use serde_json::{Map, Value, json};

use crate::{
    context::Context,
    failure::Failure,
    host::{self, Verifier},
    report::{Report, plain, relative},
    settings::SettingsFile,
};

/// Longer input is no access token: the gate itself stops at 8 KB.
const MAX_INPUT_BYTES: u64 = 64 * 1024;

/// Access tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum Tokens {
    /// Show a token, verify it, and report why it is refused and when it expires
    ///
    /// The command reads the token from standard input or from `POSTERN_TOKEN`. It never prints the signature.
    Inspect {
        // With a file the answer is that of the gate of those settings.
        #[command(flatten)]
        settings: SettingsFile,
        /// The key set, as a file or a URL, instead of the deployment's or the issuer's
        #[arg(long, value_name = "FILE|URL")]
        jwks: Option<String>,
        /// With settings: also check the token for this request, with the routes
        #[arg(long, num_args = 2, value_names = ["METHOD", "URL"])]
        request: Option<Vec<String>>,
        /// Without settings: the required issuer. The default is the issuer in the token
        #[arg(long)]
        issuer: Option<String>,
        /// Without settings: the required audience. The default is any audience
        #[arg(long)]
        audience: Option<String>,
    },
}

/// What the token is held against.
#[derive(Default)]
struct Expected<'a> {
    issuer: Option<&'a str>,
    audience: Option<&'a str>,
}

impl Tokens {
    pub(crate) fn run(&self, context: &Context) -> Result<Report, Failure> {
        let Self::Inspect { settings, jwks, request, issuer, audience } = self;
        let request = request.as_ref().and_then(|words| match words.as_slice() {
            [method, url] => Some((method.as_str(), url.as_str())),
            _ => None,
        });
        if settings.is_asked() || request.is_some() {
            if issuer.is_some() || audience.is_some() {
                return Err(Failure::usage(
                    "the settings contain the issuer and the audience; --issuer and --audience are for use without settings",
                ));
            }
            let token = token()?;
            let asked = judge::Asked { settings, jwks: jwks.as_deref(), request };
            let judged = judge::judge(&asked, &token, context)?;
            return Ok(judged_report(&token, judged, context.now()));
        }
        let token = token()?;
        let keys = match (jwks, context.has_url()) {
            (Some(place), _) => Some(key_set(&judge::document(place)?)?),
            (None, true) => Some(key_set(&context.public()?.get("/.well-known/jwks.json")?)?),
            (None, false) => None,
        };
        let expected = Expected { issuer: issuer.as_deref(), audience: audience.as_deref() };
        Ok(inspect(&token, keys.as_ref(), &expected, context.now()))
    }
}

/// The gate's answer, and what the token says.
fn judged_report(token: &str, judged: judge::Judged, now: Timestamp) -> Report {
    let judge::Judged { mut lines, mut value, refused } = judged;
    let (header, claims) = parts(token);
    lines.extend(shown(header.as_ref(), claims.as_ref(), now));
    if let Some(members) = value.as_object_mut() {
        members.insert("expires_at".to_owned(), expiry(claims.as_ref()).into());
        members.insert("header".to_owned(), header.into());
        members.insert("claims".to_owned(), claims.into());
    }
    let report = Report::lines(value, lines);
    if refused { report.found_wrong() } else { report }
}

fn token() -> Result<String, Failure> {
    let piped = if host::input_is_terminal() {
        String::new()
    } else {
        host::read_input(MAX_INPUT_BYTES)
            .map_err(|error| Failure::usage(format!("the token could not be read: {error}")))?
    };
    let text =
        if piped.trim().is_empty() { host::variable("POSTERN_TOKEN").unwrap_or_default() } else { piped };
    // Pasted from a header, often.
    let text = text.trim();
    let text = text.strip_prefix("Bearer ").unwrap_or(text).trim();
    if text.is_empty() {
        return Err(Failure::usage("no token is given. Pipe it in, or set POSTERN_TOKEN"));
    }
    if text.starts_with("prt_") {
        return Err(Failure::usage(
            "this is a refresh token, which only the deployment can read. Anyone who has seen it can use it, so sign out",
        ));
    }
    Ok(text.to_owned())
}

fn key_set(document: &[u8]) -> Result<JwkSet, Failure> {
    JwkSet::parse(document).map_err(|error| Failure::refused(format!("the key set is not valid: {error}")))
}

/// A part of a token, if it can be read.
type Part = Option<Map<String, Value>>;

/// Header and claims.
fn parts(token: &str) -> (Part, Part) {
    let mut parts = token.split('.');
    (parts.next().and_then(part), parts.next().and_then(part))
}

fn expiry(claims: Option<&Map<String, Value>>) -> Option<u64> {
    claims.and_then(|claims| claims.get("exp")).and_then(Value::as_u64)
}

fn inspect(token: &str, keys: Option<&JwkSet>, expected: &Expected<'_>, now: Timestamp) -> Report {
    let (header, claims) = parts(token);
    let verdict = verdict(token, keys, claims.as_ref(), expected, now);
    let expires_at = expiry(claims.as_ref());
    let mut lines = vec![told(&verdict, expected.audience)];
    lines.extend(shown(header.as_ref(), claims.as_ref(), now));
    let value = json!({
        "verdict": verdict.name(),
        "code": verdict.code(),
        "detail": verdict.detail(),
        "expires_at": expires_at,
        "header": header,
        "claims": claims,
    });
    let report = Report::lines(value, lines);
    if matches!(verdict, Verdict::Refused(_)) { report.found_wrong() } else { report }
}

/// What became of the verification.
enum Verdict {
    /// Nothing is wrong with it by itself.
    Sound,
    /// There was no key set to verify with.
    Unverified,
    Refused(TokenError),
}

impl Verdict {
    const fn name(&self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Unverified => "unverified",
            Self::Refused(_) => "refused",
        }
    }

    const fn code(&self) -> Option<&'static str> {
        match self {
            Self::Refused(error) => Some(error.code()),
            _ => None,
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Refused(error) => Some(error.to_string()),
            _ => None,
        }
    }
}

fn verdict(
    token: &str,
    keys: Option<&JwkSet>,
    claims: Option<&Map<String, Value>>,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Verdict {
    let headers = KnownHeaders::new(MAX_TOKEN_BYTES);
    let outcome = UnverifiedToken::parse_known(token, &headers).and_then(|unverified| {
        let Some(keys) = keys else { return Ok(false) };
        let jws = block_on(verify(&unverified, keys, &Verifier)).map_err(|error| match error {
            VerifyError::Refused(error) => error,
            // The verifiers have no faults of its own.
            VerifyError::Fault(_) => TokenError::BadSignature,
        })?;
        let issuer =
            expected.issuer.map_or_else(|| unverified.claimed_issuer(), |issuer| Ok(issuer.to_owned()))?;
        let audiences =
            expected.audience.map_or_else(|| audiences_of(claims), |audience| vec![audience.to_owned()]);
        // Tokens of other issuers are inspected too, and those need not follow RFC 9068.
        let own = jws.header().typ.is_some_and(|typ| typ.eq_ignore_ascii_case("at+jwt"));
        let policy = if own {
            ValidationPolicy::own(issuer, audiences)
        } else {
            ValidationPolicy::external(issuer, audiences)
        };
        validate(jws, &policy, now).map(|_| true)
    });
    match outcome {
        Ok(true) => Verdict::Sound,
        Ok(false) => Verdict::Unverified,
        Err(error) => Verdict::Refused(error),
    }
}

/// What the token itself names, when no audience is asked for.
fn audiences_of(claims: Option<&Map<String, Value>>) -> Vec<String> {
    match claims.and_then(|claims| claims.get("aud")) {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn part(text: &str) -> Option<Map<String, Value>> {
    json::parse_object(&from_base64url(text)?).ok()
}

fn told(verdict: &Verdict, audience: Option<&str>) -> String {
    const GATE: &str = "pass --settings FILE to check whether a gate accepts it";
    match verdict {
        Verdict::Sound if audience.is_none() => {
            format!(
                "sound: the signature, the issuer and the times are valid. The audience was not checked; {GATE}"
            )
        }
        Verdict::Sound => {
            format!("sound: the signature, the issuer, the audience and the times are valid; {GATE}")
        }
        Verdict::Unverified => {
            "not verified: pass --settings FILE, or --jwks FILE or URL, or set POSTERN_URL".to_owned()
        }
        Verdict::Refused(error) => format!("refused: {error} [{}]{}", error.code(), advice(error)),
    }
}

/// What the token says.
fn shown(
    header: Option<&Map<String, Value>>,
    claims: Option<&Map<String, Value>>,
    now: Timestamp,
) -> Vec<String> {
    let mut lines = Vec::new();
    for (title, members) in [("header", header), ("claims", claims)] {
        let Some(members) = members else {
            lines.push(format!("{title}: cannot be read"));
            continue;
        };
        lines.push(format!("{title}:"));
        for (name, value) in members {
            let time =
                ["exp", "nbf", "iat", "auth_time"].contains(&name.as_str()).then(|| value.as_u64()).flatten();
            let note = time
                .map(|at| format!("  ({})", relative(Timestamp::from_seconds(at), now)))
                .unwrap_or_default();
            lines.push(format!("  {}: {}{note}", plain(&Value::String(name.clone())), plain(value)));
        }
    }
    lines
}

/// What to do about the refusals that have a usual cause.
fn advice(error: &TokenError) -> &'static str {
    match error {
        TokenError::Expired => ": the client must refresh",
        TokenError::UnknownKey => {
            ": the key set does not contain its key. The key may have been revoked; for another issuer's token, pass --jwks URL"
        }
        TokenError::BadSignature => ": the token was changed or cut off, or another issuer signed it",
        TokenError::WrongIssuer => ": see POSTERN_ISSUER and POSTERN_ISSUERS",
        TokenError::WrongAudience { .. } => ": see POSTERN_AUDIENCE",
        TokenError::NotYetValid | TokenError::IssuedInFuture => {
            ": the clocks differ (`postern doctor` measures by how much)"
        }
        TokenError::WrongType { .. } => ": an ID token is not an access token",
        TokenError::NotThreeParts { .. } | TokenError::NotBase64Url { .. } => {
            ": the token was cut off, or something else was pasted with it"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7515 appendix A.3: ES256 over {"iss":"joe","exp":1300819380,...}, with its key.
    const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    const KEYS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

    fn text(report: &Report) -> (Value, String) {
        (serde_json::from_str(&report.to_json()).unwrap(), report.to_text(Timestamp::default()))
    }

    #[test]
    fn a_token_is_always_shown_without_its_signature() {
        let keys = JwkSet::parse(KEYS.as_bytes()).unwrap();
        let signature = TOKEN.rsplit('.').next().unwrap();
        for keys in [None, Some(&keys)] {
            let (json, text) =
                text(&inspect(TOKEN, keys, &Expected::default(), Timestamp::from_seconds(1_300_000_000)));
            assert!(text.contains("iss: joe"), "{text}");
            assert!(!text.contains(signature) && !json.to_string().contains(signature));
        }
    }

    #[test]
    fn the_refusal_is_the_gates_own_code() {
        let keys = JwkSet::parse(KEYS.as_bytes()).unwrap();
        let code = |token: &str| {
            text(&inspect(token, Some(&keys), &Expected::default(), Timestamp::from_seconds(1))).0["code"]
                .clone()
        };
        // It has no `iat`, which every access token has.
        assert_eq!(code(TOKEN), "missing_claim");
        assert_eq!(code(&TOKEN.replace("Dt", "Et")), "bad_signature");
        assert_eq!(code("abc"), "not_three_parts");
        assert_eq!(code("eyJhbGciOiJub25lIn0.e30.AA"), "alg_none");
    }
}
