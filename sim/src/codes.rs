//! What the observer knows of authorization codes. A code has the id of the grant that it opens.

use core::cell::RefCell;
use std::{collections::BTreeMap, rc::Rc};

use postern_app::{
    account::{AccountAnswer, CodeChallenge, OauthAnswer, OauthRequest, PresentedCode},
    encoding::from_base64url,
    ids::FamilyId,
    refresh::SecretHash,
};

use crate::{invariants, ledger::Ledger, machine::Call};

/// How long a code can be redeemed.
const LIFETIME: u64 = 60_000;
/// How late a form may arrive that its sender has given up.
const LATE_FORM: u64 = 60_000;

#[derive(Debug)]
struct Code {
    challenge: CodeChallenge,
    client_id: String,
    issued_at: u64,
    /// The secret of the redemption that opened the grant.
    redeemed: Option<SecretHash>,
    /// Whether a whole presentation came after that.
    came_again: bool,
}

/// A user's consent to a program, by their browser's and their own calls.
#[derive(Debug, Default)]
struct Consent {
    /// The last time that it was given, or may have been.
    given_at: Option<u64>,
    /// The last order to end a grant that was answered: when it was sent, and answered.
    ended: Option<(u64, u64)>,
}

#[derive(Debug, Default)]
pub(crate) struct Codes {
    by_grant: RefCell<BTreeMap<String, Code>>,
    consents: RefCell<BTreeMap<(String, &'static str), Consent>>,
    /// How often a code was sent with everything that it needs, by its grant.
    sent: RefCell<BTreeMap<String, u32>>,
}

impl Codes {
    /// A client or a thief sends a code with all that it needs.
    pub(crate) fn sends(&self, grant: &str) {
        *self.sent.borrow_mut().entry(grant.to_owned()).or_default() += 1;
    }

    /// Whether the code came, or may come, once alone.
    pub(crate) fn is_sent_once(&self, grant: &str) -> bool {
        self.sent.borrow().get(grant).is_none_or(|times| *times <= 1)
    }

    pub(crate) fn consented(&self, login: &str, program: &'static str, now: u64) {
        self.consents.borrow_mut().entry((login.to_owned(), program)).or_default().given_at = Some(now);
    }

    /// The user has ended a grant, and with it the consent.
    pub(crate) fn ended(&self, login: &str, program: &'static str, sent_at: u64, now: u64) {
        let mut consents = self.consents.borrow_mut();
        consents.entry((login.to_owned(), program)).or_default().ended = Some((sent_at, now));
    }

    /// Whether a code may be given without a question that was asked now.
    pub(crate) fn has_consent(&self, login: &str, program: &'static str, sent_at: u64) -> bool {
        let consents = self.consents.borrow();
        let Some(consent) = consents.get(&(login.to_owned(), program)) else { return false };
        let Some(given_at) = consent.given_at else { return false };
        consent.ended.is_none_or(|(ended, done)| done > sent_at || given_at + LATE_FORM > ended)
    }
}

impl Ledger {
    /// An Account object decided about a code or a grant.
    pub(crate) fn oauth(&self, request: &OauthRequest, answer: &AccountAnswer, call: &Rc<Call>, now: u64) {
        match (request, answer) {
            (
                OauthRequest::IssueCode { grant_id, code, .. },
                AccountAnswer::Oauth(OauthAnswer::CodeIssued {}),
            ) => {
                let known = Code {
                    challenge: code.challenge,
                    client_id: code.grant.client_id.clone(),
                    issued_at: now,
                    redeemed: None,
                    came_again: false,
                };
                self.codes.by_grant.borrow_mut().insert(grant_id.to_string(), known);
            }
            (OauthRequest::RedeemCode { grant_id, presented, .. }, AccountAnswer::Oauth(answer)) => {
                self.redeemed(&grant_id.to_string(), presented, answer, now);
            }
            (OauthRequest::RotateGrant { grant_id, presented, .. }, answer) => {
                let sid = grant_id.to_string();
                match answer {
                    AccountAnswer::Oauth(OauthAnswer::GrantRotated(_)) => {
                        self.rotated((&sid, presented.rotation_count), false, call, now);
                    }
                    AccountAnswer::Oauth(OauthAnswer::GrantRefused(refusal)) => {
                        self.refused((&sid, presented.rotation_count), refusal.cause.code(), call, now);
                    }
                    AccountAnswer::Oauth(_) => {}
                    _ => self.unsure(&sid, presented.rotation_count, now),
                }
            }
            _ => {}
        }
    }

    fn redeemed(&self, grant: &str, presented: &PresentedCode, answer: &OauthAnswer, now: u64) {
        let mut codes = self.codes.by_grant.borrow_mut();
        let Some(code) = codes.get_mut(grant) else { return };
        let is_whole = code.challenge == presented.challenge && code.client_id == presented.client_id;
        let is_granted = matches!(answer, OauthAnswer::Redeemed(_));
        self.look(invariants::PKCE);
        if is_granted && !is_whole {
            let seen = format!("the code of grant {grant} was redeemed by {}", presented.client_id);
            self.violated(invariants::PKCE, now, seen);
        }
        self.look(invariants::CODE_ONCE);
        if is_granted && code.redeemed.is_none() && now > code.issued_at + LIFETIME {
            let seen = format!("the code of grant {grant} was redeemed {} ms late", now - code.issued_at);
            self.violated(invariants::CODE_ONCE, now, seen);
        }
        match &code.redeemed {
            None if is_granted => code.redeemed = Some(presented.secret_hash),
            Some(first) if is_granted && (*first != presented.secret_hash || code.came_again) => {
                let seen = format!("the code of grant {grant} was redeemed twice");
                self.violated(invariants::CODE_ONCE, now, seen);
            }
            Some(first) if is_whole && *first != presented.secret_hash && !code.came_again => {
                self.look(invariants::CODE_AGAIN);
                code.came_again = true;
                self.excuse(grant, now, "its code came again");
                self.ended_by_rule(grant, now);
            }
            _ => {}
        }
    }
}

/// The grant that a code opens.
pub(crate) fn grant_of(code: &str) -> Option<String> {
    let bytes = from_base64url(code.strip_prefix("pac_")?)?;
    Some(FamilyId::from_bytes(bytes.get(18..34)?.try_into().ok()?).to_string())
}
