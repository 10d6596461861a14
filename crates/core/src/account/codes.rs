//! Authorization codes in the Account object: kept for a minute, redeemed once (RFC 6749 section 4.1.2).
//!
//! A code's grant has the code's id. So the write of the grant is the redemption, in one synchronous block with the look at
//! what there is; and a replay is recognised by the grant's record, for as long as that is kept
//! ([decision 25](../../../../docs/decisions/0025-one-redemption-of-a-code.md)).

use serde::{Deserialize, Serialize};

use super::{
    activity::{self, ActivityKind},
    alarm,
    answers::AccountAnswer,
    authorization_code::CODE_LIFETIME,
    consents,
    grants::{self, StoredGrant},
    oauth_messages::{CodeRefusal, Consent, OauthAnswer, PendingCode, PresentedCode, Redeemed},
    order::in_order,
    outbox,
    reply::{AccountReply, AlarmAction},
    stored::{CODE_KIND, Store, decode, encode},
};
use crate::{
    ids::FamilyId,
    ports::{Fault, Records},
    refresh::{Context, EndReason, Family, FamilyKind, NewFamily, State},
};
use postern_jose::time::Timestamp;

/// A code as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredCode {
    pub(super) code: PendingCode,
    /// When it was issued, by the object's clock.
    pub(super) issued_at: Timestamp,
}

impl StoredCode {
    fn expires_at(&self) -> Timestamp {
        self.issued_at.plus(CODE_LIFETIME)
    }
}

/// How many codes of one account wait at once. The oldest makes room: only the user's own browser asks for codes.
const PENDING: usize = 20;

/// Keeps a code, and what the user has consented to, if the browser's session is alive. So a user who signed out, or whose
/// password was changed, while the request was under way authorizes nothing.
pub(super) fn issue(
    store: &Store<'_, impl Records>,
    id: FamilyId,
    code: &PendingCode,
    (session, consent): (FamilyId, Option<&Consent>),
    now: Timestamp,
) -> Result<AccountReply, Fault> {
    let is_signed_in = store.load(session)?.is_some_and(|stored| {
        stored.family.is_alive(now) && stored.family.grant.subject == code.grant.subject
    });
    if !is_signed_in {
        return Ok(AccountReply::plain(AccountAnswer::Oauth(OauthAnswer::SignInOutdated {})));
    }
    sweep(store, now)?;
    let by_age = in_order(codes_of(store)?.iter().map(|(id, code)| Some((code.issued_at, *id))));
    let excess = (by_age.len() + 1).saturating_sub(PENDING);
    for (_, oldest, _) in by_age.into_iter().take(excess) {
        remove(store, oldest)?;
    }
    if let Some(consent) = consent {
        consents::remember(store, consent, now)?;
    }
    let stored = StoredCode { code: code.clone(), issued_at: now };
    store.0.write(CODE_KIND, &id.to_string(), &encode(&stored)?)?;
    alarm::after(store, AccountAnswer::Oauth(OauthAnswer::CodeIssued {}), now)
}

/// Redeems a code. The first redemption opens the grant; every later one that shows all that a redemption needs ends it.
pub(super) fn redeem(
    store: &Store<'_, impl Records>,
    id: FamilyId,
    presented: &PresentedCode,
    context: &Context,
    now: Timestamp,
) -> Result<AccountReply, Fault> {
    if let Some(grant) = grants::load(store, id)? {
        return redeem_again(store, id, grant, presented, context, now);
    }
    let Some(stored) = read(store, id)? else { return Ok(refused(CodeRefusal::Unknown)) };
    if let Some(cause) = objection(&stored.code, presented) {
        return Ok(refused(cause));
    }
    // The end of all sessions is one write, which makes the codes of before it void, too.
    let revoked = store.meta()?.and_then(|meta| meta.revoked_all);
    if revoked.is_some_and(|all| all.at >= stored.issued_at) {
        return Ok(refused(CodeRefusal::Unknown));
    }
    if now >= stored.expires_at() {
        return Ok(refused(CodeRefusal::Expired));
    }
    let code = stored.code;
    let opening = NewFamily {
        grant: code.grant,
        lifetimes: code.lifetimes,
        drift: code.drift,
        kind: FamilyKind::Session,
        binding: None,
        device_name: None,
        context: context.clone(),
        secret_hash: presented.secret_hash,
        master: presented.master,
    };
    let opened = StoredGrant {
        family: Family::open(opening, now),
        code_hash: code.hash,
        challenge: code.challenge,
        redirect_uri: code.redirect_uri,
        resource: code.resource,
        offline: code.offline,
    };
    // The decisive write. From here on the grant is open, and the rest is house-keeping.
    grants::write(store, id, &opened)?;
    let _ = remove(store, id);
    let displaced = grants::make_room(store, id, &opened.family.grant.client_id, now).unwrap_or_default();
    let answer = AccountAnswer::Oauth(OauthAnswer::Redeemed(redeemed(opened, displaced)));
    Ok(alarm::after(store, answer.clone(), now)
        .unwrap_or(AccountReply { answer, alarm: AlarmAction::Alarm(now) }))
}

/// A code whose grant is there. A thief may have been first, or second: the server cannot know, so the grant ends (RFC 9700
/// section 4.5). A request without the right verifier, or from another client, changes nothing: its sender may have found
/// the code in a log.
fn redeem_again(
    store: &Store<'_, impl Records>,
    id: FamilyId,
    grant: StoredGrant,
    presented: &PresentedCode,
    context: &Context,
    now: Timestamp,
) -> Result<AccountReply, Fault> {
    let code = PendingCode {
        hash: grant.code_hash,
        challenge: grant.challenge,
        redirect_uri: grant.redirect_uri.clone(),
        grant: grant.family.grant.clone(),
        resource: grant.resource.clone(),
        offline: grant.offline,
        lifetimes: grant.family.lifetimes,
        drift: grant.family.drift,
    };
    if let Some(cause) = objection(&code, presented) {
        return Ok(refused(cause));
    }
    let is_same_message = grant.family.rotation_count == 0
        && matches!(&grant.family.state, State::Alive(alive) if alive.secret_hash == presented.secret_hash);
    if is_same_message {
        let answer = OauthAnswer::Redeemed(redeemed(grant, Vec::new()));
        return alarm::after(store, AccountAnswer::Oauth(answer), now);
    }
    let ended = grant.family.is_alive(now);
    if ended {
        outbox::tell_session(store, id, now)?;
        let family = grant.family.ended(EndReason::CodeReplayed, now);
        grants::write(store, id, &StoredGrant { family, ..grant })?;
        let _ = activity::note(store, ActivityKind::ReuseDetected, Some(id), context, now);
    }
    let alarm = if ended { AlarmAction::Alarm(now) } else { AlarmAction::Unchanged };
    let answer = OauthAnswer::CodeRefused { cause: CodeRefusal::Replayed, ended };
    Ok(AccountReply { answer: AccountAnswer::Oauth(answer), alarm })
}

/// What the presentation lacks. The secret comes first: without it, nothing is said of the code.
fn objection(code: &PendingCode, presented: &PresentedCode) -> Option<CodeRefusal> {
    if code.hash != presented.hash {
        return Some(CodeRefusal::Unknown);
    }
    if code.grant.client_id != presented.client_id {
        return Some(CodeRefusal::WrongClient);
    }
    if presented.redirect_uri.as_ref().is_some_and(|uri| *uri != code.redirect_uri) {
        return Some(CodeRefusal::WrongRedirect);
    }
    if code.challenge != presented.challenge {
        return Some(CodeRefusal::WrongVerifier);
    }
    let other = |resource: &String| Some(resource) != code.resource.as_ref();
    presented.resource.as_ref().is_some_and(other).then_some(CodeRefusal::WrongResource)
}

fn redeemed(grant: StoredGrant, displaced: Vec<FamilyId>) -> Redeemed {
    Redeemed {
        created_at: grant.family.created_at,
        grant: grant.family.grant,
        resource: grant.resource,
        offline: grant.offline,
        displaced,
    }
}

fn refused(cause: CodeRefusal) -> AccountReply {
    AccountReply::plain(AccountAnswer::Oauth(OauthAnswer::CodeRefused { cause, ended: false }))
}

/// Makes all codes void.
pub(super) fn void(store: &Store<'_, impl Records>) -> Result<(), Fault> {
    for (id, _) in store.0.scan(CODE_KIND)? {
        store.0.remove(CODE_KIND, &id)?;
    }
    Ok(())
}

/// Removes what has expired; when the first of the rest will.
pub(super) fn sweep(store: &Store<'_, impl Records>, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
    let mut first: Option<Timestamp> = None;
    for (id, code) in codes_of(store)? {
        let expires_at = code.expires_at();
        if now >= expires_at {
            remove(store, id)?;
        } else {
            first = Some(first.map_or(expires_at, |first| first.min(expires_at)));
        }
    }
    Ok(first)
}

fn read(store: &Store<'_, impl Records>, id: FamilyId) -> Result<Option<StoredCode>, Fault> {
    store.0.read(CODE_KIND, &id.to_string())?.as_deref().map(decode).transpose()
}

fn remove(store: &Store<'_, impl Records>, id: FamilyId) -> Result<(), Fault> {
    store.0.remove(CODE_KIND, &id.to_string())
}

fn codes_of(store: &Store<'_, impl Records>) -> Result<Vec<(FamilyId, StoredCode)>, Fault> {
    store.all_of(CODE_KIND)
}

#[cfg(test)]
pub(super) mod tests;
