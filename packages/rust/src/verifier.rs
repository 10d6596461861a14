//! The verifier.

use core::{fmt, future::Future, pin::pin, task::Context, task::Poll, task::Waker, time::Duration};
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use http::{HeaderMap, Method, Uri, uri::PathAndQuery};
use postern_jose::{
    ClaimFault, JwkSet, KeyMismatch, SignatureAlgorithm, TokenError, UnverifiedToken, VerifyError,
    encoding::base64url,
    json,
    jwt::{TypPolicy, ValidationPolicy, validate},
    native::NativeVerifier,
    time::Timestamp,
    verify,
};
use sha2::{Digest as _, Sha256};

use crate::{Caller, FetchKeys, Kind, Reason, Refusal, SettingsError, headers::token_of, key_set::KeySet};

/// How far Postern's clock and ours may differ.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);
/// An assertion lives for 60 s; a later Postern may give it more, and none gives it this.
const LONGEST_ASSERTION: Duration = Duration::from_mins(5);
/// What Postern signs with.
const ALGORITHMS: [SignatureAlgorithm; 3] =
    [SignatureAlgorithm::Es256, SignatureAlgorithm::EdDsa, SignatureAlgorithm::Rs256];

/// What tokens of this kind must look like. There is no default for issuer or audience, and `typ` is the kind's.
pub fn policy(kind: Kind, issuer: &str, audiences: Vec<String>) -> ValidationPolicy {
    let own = ValidationPolicy {
        leeway: CLOCK_TOLERANCE,
        algorithms: ALGORITHMS.to_vec(),
        ..ValidationPolicy::own(issuer, audiences)
    };
    match kind {
        Kind::AccessToken => own,
        Kind::Assertion => ValidationPolicy {
            typ: TypPolicy::Exact(vec!["postern-assertion+jwt".to_owned()]),
            max_lifetime: Some(LONGEST_ASSERTION),
            rfc9068: false,
            ..own
        },
    }
}

type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

#[expect(clippy::disallowed_methods, reason = "the clock of the program in which this verifier is")]
fn system_time() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_seconds(since.as_secs()).plus(Duration::from_millis(u64::from(since.subsec_millis())))
}

/// Verifies the tokens of requests. A clone shares the key set.
pub struct Verifier<F> {
    kind: Kind,
    policy: Arc<ValidationPolicy>,
    keys: Arc<KeySet<F>>,
    bound: bool,
    clock: Clock,
}

impl<F> Clone for Verifier<F> {
    fn clone(&self) -> Self {
        Self {
            kind: self.kind,
            policy: Arc::clone(&self.policy),
            keys: Arc::clone(&self.keys),
            bound: self.bound,
            clock: Arc::clone(&self.clock),
        }
    }
}

impl<F> fmt::Debug for Verifier<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Verifier").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl<F: FetchKeys> Verifier<F> {
    /// For the gate's assertion. `issuer` is `POSTERN_ISSUER`, and `audiences` are the `assertion` of each of your routes.
    pub fn assertions<A: Into<String>>(
        issuer: &str,
        audiences: impl IntoIterator<Item = A>,
        fetch: F,
    ) -> Result<Self, SettingsError> {
        Self::new(Kind::Assertion, issuer, audiences.into_iter().map(Into::into).collect(), fetch)
    }

    /// For access tokens, in an API that is reached without the gate. A revoked token passes until it expires: only the
    /// gate knows of revocations.
    pub fn access_tokens<A: Into<String>>(
        issuer: &str,
        audiences: impl IntoIterator<Item = A>,
        fetch: F,
    ) -> Result<Self, SettingsError> {
        Self::new(Kind::AccessToken, issuer, audiences.into_iter().map(Into::into).collect(), fetch)
    }

    fn new(kind: Kind, issuer: &str, audiences: Vec<String>, fetch: F) -> Result<Self, SettingsError> {
        let place = secure(issuer).ok_or(SettingsError::Issuer)?;
        if audiences.is_empty() || audiences.iter().any(String::is_empty) {
            return Err(SettingsError::Audience);
        }
        let origin = place.into_parts();
        let (Some(scheme), Some(authority)) = (origin.scheme, origin.authority) else {
            return Err(SettingsError::Issuer);
        };
        let url = format!("{scheme}://{authority}/.well-known/jwks.json");
        Ok(Self {
            kind,
            policy: Arc::new(policy(kind, issuer, audiences)),
            keys: Arc::new(KeySet::new(url, fetch)),
            bound: false,
            clock: Arc::new(system_time),
        })
    }

    /// The same with the key set at this address, in place of `/.well-known/jwks.json` at the issuer's host.
    pub fn keys_at(self, url: &str) -> Result<Self, SettingsError> {
        secure(url).ok_or(SettingsError::Keys)?;
        let Self { kind, policy, keys, bound, clock } = self;
        // Nothing has been fetched: a verifier that is shared keeps its address.
        let keys = Arc::try_unwrap(keys).map_err(|_| SettingsError::Keys)?;
        Ok(Self { kind, policy, keys: Arc::new(keys.at(url.to_owned())), bound, clock })
    }

    /// The same for a route with `bind_assertion`: an assertion must be for this very request, by method, path, and query.
    pub fn bound(self) -> Result<Self, SettingsError> {
        if self.kind == Kind::Assertion {
            Ok(Self { bound: true, ..self })
        } else {
            Err(SettingsError::Bound)
        }
    }

    /// The same with another clock, for tests.
    #[must_use]
    pub fn with_clock(self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Verifies the one token that a request carries. `uri` has path and query as they were sent.
    pub async fn verify(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let refusal = |reason| Refusal::new(self.kind, reason);
        let text = token_of(self.kind, headers).map_err(refusal)?;
        let caller = self.judge(&text).await.map_err(refusal)?;
        if self.bound {
            judge_request(&caller, method, uri).map_err(refusal)?;
        }
        Ok(caller)
    }

    async fn judge(&self, text: &str) -> Result<Caller, Reason> {
        let now = (self.clock)();
        let (kid, algorithm) = self.key_name(text).map_err(Reason::Token)?;
        let mut keys = self.keys.keys(false, now).await.ok_or(Reason::KeysUnavailable)?;
        if keys.matching(kid.as_deref(), algorithm) == Err(KeyMismatch::NoKey) {
            keys = self.keys.keys(true, now).await.ok_or(Reason::KeysUnavailable)?;
        }
        judge(self.kind, text, &self.policy, &keys, now).map_err(Reason::Token)
    }

    /// What names the key, once the header has been judged. Owned, because a token does not leave its thread.
    fn key_name(&self, text: &str) -> Result<(Option<String>, SignatureAlgorithm), TokenError> {
        let token = UnverifiedToken::parse(text)?;
        self.policy.judge_header(token.header())?;
        Ok((token.kid().map(str::to_owned), token.algorithm()))
    }
}

fn judge(
    kind: Kind,
    text: &str,
    policy: &ValidationPolicy,
    keys: &JwkSet,
    now: Timestamp,
) -> Result<Caller, TokenError> {
    let token = UnverifiedToken::parse(text)?;
    let jws =
        at_once(verify(&token, keys, &NativeVerifier)).ok_or(TokenError::BadSignature)?.map_err(|error| {
            match error {
                VerifyError::Refused(cause) => cause,
                VerifyError::Fault(_) => TokenError::AlgorithmNotAllowed,
            }
        })?;
    Caller::new(kind, validate(jws, policy, now)?)
}

/// Whether the claims are for this request.
fn judge_request(caller: &Caller, method: &Method, uri: &Uri) -> Result<(), Reason> {
    let target = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let digest = base64url(&Sha256::digest(target.as_bytes()));
    let malformed = |cause| Reason::Token(TokenError::MalformedClaims(cause));
    let claims = json::borrow_object(&caller.claims).map_err(malformed)?;
    for (name, wanted) in [("htm", method.as_str()), ("target_sha256", &digest)] {
        let fault = || ClaimFault { name: name.into(), expected: "a string", policy_member: None };
        let found = claims.get(name).ok_or_else(|| Reason::Token(TokenError::MissingClaim(fault())))?;
        let found = found.as_str().ok_or_else(|| Reason::Token(TokenError::MalformedClaim(fault())))?;
        if found != wanted {
            return Err(Reason::WrongRequest);
        }
    }
    Ok(())
}

/// The value of a future that never waits, as those of the native verifier.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// The address, if keys may be fetched there: over TLS, or from this machine.
fn secure(url: &str) -> Option<Uri> {
    let uri: Uri = url.parse().ok()?;
    let is_local = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match uri.scheme_str() {
        Some("https") => Some(uri),
        Some("http") if is_local => Some(uri),
        _ => None,
    }
}
