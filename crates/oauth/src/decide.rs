//! What an authorization request comes to, by the signed-in user and their consent.
//!
//! [`decide`] is asked again after each step of the user: it keeps no state between two requests. The caller keeps, bound to
//! the browser, when the request first came ([`Interaction::begun_at`]) and what the user did since.

use postern_core::refresh::Grant;
use postern_jose::time::Timestamp;

use crate::{
    authorize::AuthorizationRequest,
    client::{Client, GrantType},
    error::{ErrorCode, OauthError},
    scope::{OFFLINE_ACCESS, Scopes},
};

/// What the user answered to the question for consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// They allow these scopes, of those that the page showed.
    Allowed(Scopes),
    /// They refuse.
    Refused,
}

/// What the user did since the request first came, in this browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interaction {
    /// When the request first came. A sign-in since then is the one that `prompt=login` and `max_age=0` ask for.
    pub begun_at: Timestamp,
    /// Whether the user chose the account that is signed in, for `prompt=select_account`. A sign-in since
    /// [`Self::begun_at`] counts as a choice, too.
    pub account_chosen: bool,
    /// The answer on the page for consent, with the subject that it was shown to. The caller has proved that this very
    /// browser was shown this very request, and uses an answer once.
    pub answer: Option<(String, Answer)>,
}

impl Interaction {
    /// A request that comes for the first time.
    pub const fn new(now: Timestamp) -> Self {
        Self { begun_at: now, account_chosen: false, answer: None }
    }
}

/// Why the user has to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInReason {
    /// No user is signed in.
    NotSignedIn,
    /// The client asks for a new sign-in (`prompt=login`), or the last one is too long ago (`max_age`).
    Reauthenticate,
    /// The user chooses an account: the one that is signed in, or another (`prompt=select_account`).
    SelectAccount,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The user has to sign in, or to choose an account.
    SignIn(SignInReason),
    /// The user is asked for consent to these scopes.
    AskConsent(Scopes),
    /// The client gets a code for these scopes.
    Grant {
        /// The granted scopes.
        scopes: Scopes,
        /// Whether the user was asked, so that their answer is remembered.
        asked: bool,
    },
    /// The client gets an error.
    Refuse(OauthError),
}

/// Decides an authorization request. The first rule that applies decides:
///
/// 1. no user: sign-in;
/// 2. `prompt=login` or `max_age`, and no new sign-in since: sign-in;
/// 3. `prompt=select_account`, and none was chosen: sign-in;
/// 4. none of the scopes asked for can be granted: `invalid_scope`;
/// 5. the user has answered: a code, or `access_denied`;
/// 6. the client belongs to the operator, or the user has consented to all of it before: a code. Not with
///    `prompt=consent`, and not where the redirect does not show that it is the client (RFC 8252 section 8.6);
/// 7. else the user is asked.
///
/// With `prompt=none`, every page is an error instead: `login_required`, `consent_required`.
///
/// `user` is the grant of the browser's session. `remembered` are the scopes that the user has allowed before, for this
/// client, redirect URI, and resource.
pub fn decide(
    request: &AuthorizationRequest<'_>,
    user: Option<&Grant>,
    remembered: Option<&Scopes>,
    interaction: &Interaction,
    now: Timestamp,
) -> Decision {
    let prompt = request.prompt;
    let sign_in = |reason| {
        if prompt.is_none() {
            let description = "the user has to sign in";
            return Decision::Refuse(OauthError::new(ErrorCode::LoginRequired, description));
        }
        Decision::SignIn(reason)
    };
    let Some(user) = user else { return sign_in(SignInReason::NotSignedIn) };
    let is_new = user.auth_time >= interaction.begun_at;
    let too_old = request.max_age.is_some_and(|max_age| now.since(user.auth_time) > max_age);
    if (prompt.asks_for_login() || too_old) && !is_new {
        return sign_in(SignInReason::Reauthenticate);
    }
    if prompt.asks_for_account() && !interaction.account_chosen && !is_new {
        return sign_in(SignInReason::SelectAccount);
    }
    let scopes = match grantable(request.client(), request.scopes.as_ref(), user) {
        Ok(scopes) => scopes,
        Err(error) => return Decision::Refuse(error),
    };
    match &interaction.answer {
        Some((subject, Answer::Refused)) if *subject == user.subject => {
            return Decision::Refuse(OauthError::new(ErrorCode::AccessDenied, "the user refused"));
        }
        Some((subject, Answer::Allowed(allowed))) if *subject == user.subject => {
            return Decision::Grant { scopes: scopes.within(allowed), asked: true };
        }
        // Another user answered, who is signed in no more.
        _ => {}
    }
    let is_allowed = request.client().first_party || remembered.is_some_and(|known| scopes.is_within(known));
    if is_allowed && !prompt.asks_for_consent() && request.answer.redirect().registered().kind().is_assured()
    {
        return Decision::Grant { scopes, asked: false };
    }
    if prompt.is_none() {
        let description = "the user has to consent";
        return Decision::Refuse(OauthError::new(ErrorCode::ConsentRequired, description));
    }
    Decision::AskConsent(scopes)
}

/// What can be granted of the scopes that were asked for: those that the client may have and the user has. The rest is left
/// out (RFC 6749 section 3.3). Without any, the client asks for all that it may have.
fn grantable(client: &Client, asked: Option<&Scopes>, user: &Grant) -> Result<Scopes, OauthError> {
    let of_user = Scopes::of_granted(&user.scope).without_offline_access();
    let both = client.scopes.within(&of_user);
    let Some(asked) = asked else { return Ok(both) };
    let granted = asked.within(&both);
    if granted.is_empty() && asked.iter().any(|token| token != OFFLINE_ACCESS) {
        let description = "the client may not ask for these scopes, or the user does not have them";
        return Err(OauthError::new(ErrorCode::InvalidScope, description));
    }
    let offline = asked.contains(OFFLINE_ACCESS) && client.grant_types.contains(&GrantType::RefreshToken);
    Ok(if offline { granted.with_offline_access() } else { granted })
}

#[cfg(test)]
mod tests;
