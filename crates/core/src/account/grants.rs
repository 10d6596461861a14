//! Grants to OAuth clients: refresh families of their own, in records of their own.
//!
//! They are apart from the sessions: a version of the program that does not know them passes over their records, and no
//! call that is meant for sessions finds them. The end of a session ends no grant; the end of the user's trust in their
//! credentials does ([decision 26](../../../../docs/decisions/0026-grants-beside-sessions.md)).

use serde::{Deserialize, Serialize};

use super::{
    activity::{self, ActivityKind},
    answers::{AccountAnswer, Refusal},
    authorization_code::CodeChallenge,
    consents,
    oauth_messages::{GrantRotated, GrantView, NotGranted, OauthAnswer, Wanted},
    order::in_order,
    outbox,
    reply::{AccountReply, AlarmAction},
    rotation,
    stored::{GRANT_KIND, Store, decode, encode},
};
use crate::{
    ids::FamilyId,
    ports::{Fault, Records},
    refresh::{Context, EndReason, Family, Limits, Presented, RefusalCause, Revocation, SecretHash, State},
};
use postern_jose::time::Timestamp;

/// How many live grants a subject may have: three times what a person connects. The longest idle one makes room.
const LIVE: usize = 100;

/// How many of them one client may have, so that a client which asks for a grant at every start pushes out no other's. A
/// person has fewer devices.
const LIVE_OF_A_CLIENT: usize = 20;

/// How many ended grants are kept for their evidence, as for sessions.
const ENDED_KEPT: usize = 200;

/// A grant as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredGrant {
    pub(super) family: Family,
    /// SHA-256 of the secret of the code that opened it, for a replay.
    pub(super) code_hash: SecretHash,
    /// The PKCE challenge of that code.
    pub(super) challenge: CodeChallenge,
    /// The redirect URI of that code.
    pub(super) redirect_uri: String,
    /// The resource that the tokens are for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) resource: Option<String>,
    /// Whether the client has a refresh token.
    pub(super) offline: bool,
}

type Grants = Vec<(FamilyId, StoredGrant)>;

/// Whether a revocation of sessions for this reason ends the grants, too. A user who signs out stays connected to the
/// programs that they authorized. A change of the password, or an order of an operator, also ends what a thief authorized.
pub(super) const fn end_with(by: Revocation) -> bool {
    match by {
        Revocation::Logout | Revocation::LogoutAll | Revocation::User | Revocation::Client => false,
        Revocation::PasswordChanged | Revocation::Operator | Revocation::Disabled => true,
    }
}

/// Presents a refresh token of a grant. What the client asks for is judged first, so that a mistake uses up nothing.
pub(super) fn rotate(
    store: &Store<'_, impl Records>,
    id: FamilyId,
    presented: &Presented,
    (limits, context): (&Limits, &Context),
    wanted: &Wanted,
    now: Timestamp,
) -> Result<AccountReply, Fault> {
    let plain = |answer| Ok(AccountReply::plain(AccountAnswer::Oauth(answer)));
    let Some(before) = load(store, id)? else {
        return plain(OauthAnswer::GrantRefused(Refusal::without_family(RefusalCause::UnknownFamily)));
    };
    // A grant of another client is unknown to this one, whatever it asks for.
    let is_own = presented.client_id.as_deref() == Some(&*before.family.grant.client_id);
    if let Some(what) = excess(&before, wanted).filter(|_| is_own && before.family.is_alive(now)) {
        return plain(OauthAnswer::NotGranted { what });
    }
    let store_grant = |family| write(store, id, &StoredGrant { family, ..before.clone() });
    let AccountReply { answer, alarm } =
        rotation::present(store, id, &before.family, presented, (limits, context), now, store_grant)?;
    let answer = match answer {
        AccountAnswer::Rotated(rotated) => {
            OauthAnswer::GrantRotated(GrantRotated { rotated, resource: before.resource })
        }
        AccountAnswer::Refused(refusal) => OauthAnswer::GrantRefused(refusal),
        other => return Ok(AccountReply { answer: other, alarm }),
    };
    Ok(AccountReply { answer: AccountAnswer::Oauth(answer), alarm })
}

/// What is wanted and was not granted.
fn excess(grant: &StoredGrant, wanted: &Wanted) -> Option<NotGranted> {
    if wanted.resource.as_ref().is_some_and(|resource| Some(resource) != grant.resource.as_ref()) {
        return Some(NotGranted::Resource);
    }
    let granted = &grant.family.grant.scope;
    let is_granted = |scope: &String| granted.split_ascii_whitespace().any(|one| one == scope);
    (!wanted.scopes.as_ref()?.iter().all(is_granted)).then_some(NotGranted::Scope)
}

/// Ends one grant, unless it is another client's. A user or an operator who ends it forgets the consent, too.
pub(super) fn end(
    store: &Store<'_, impl Records>,
    id: FamilyId,
    client_id: Option<&str>,
    by: Revocation,
    now: Timestamp,
) -> Result<AccountReply, Fault> {
    let found = load(store, id)?
        .filter(|grant| client_id.is_none_or(|client_id| grant.family.grant.client_id == client_id));
    let mut ended = None;
    if let Some(grant) = found {
        if matches!(by, Revocation::User | Revocation::Operator) {
            consents::forget(store, &grant.family.grant.client_id)?;
        }
        ended = grant.family.is_alive(now).then(|| view_of(id, &grant));
        end_one(store, id, grant, EndReason::Revoked { by }, now)?;
    }
    if ended.is_some()
        && let Some(kind) = ActivityKind::of_revocation(by, false)
    {
        let _ = activity::note(store, kind, Some(id), &Context::default(), now);
    }
    let alarm = if ended.is_some() { AlarmAction::Alarm(now) } else { AlarmAction::Unchanged };
    let answer = OauthAnswer::GrantEnded { grant: ended };
    Ok(AccountReply { answer: AccountAnswer::Oauth(answer), alarm })
}

/// Ends a grant whose redemption has failed on the way back. The secret says which redemption that was: another one, of a
/// thief without the verifier for instance, takes back nothing.
pub(super) fn take_back(
    store: &Store<'_, impl Records>,
    id: FamilyId,
    secret_hash: &SecretHash,
    now: Timestamp,
) -> Result<AccountReply, Fault> {
    let is_its_own = load(store, id)?.is_some_and(|grant| {
        grant.family.rotation_count == 0
            && matches!(&grant.family.state, State::Alive(alive) if alive.secret_hash == *secret_hash)
    });
    if is_its_own {
        return end(store, id, None, Revocation::Client, now);
    }
    Ok(AccountReply::plain(AccountAnswer::Oauth(OauthAnswer::GrantEnded { grant: None })))
}

/// Ends the grant that an operator names as a session: to them an access token's `sid` is one or the other.
pub(super) fn end_by_operator(
    store: &Store<'_, impl Records>,
    id: FamilyId,
    now: Timestamp,
) -> Result<AccountReply, Fault> {
    let reply = end(store, id, None, Revocation::Operator, now)?;
    let ended = match reply.answer {
        AccountAnswer::Oauth(OauthAnswer::GrantEnded { grant: Some(_) }) => vec![id],
        _ => Vec::new(),
    };
    Ok(AccountReply { answer: AccountAnswer::revoked(ended), ..reply })
}

/// Ends all grants, one write each. A fault on the way leaves each grant
/// ended or as it was; asking again ends the rest.
pub(super) fn end_all(store: &Store<'_, impl Records>, by: Revocation, now: Timestamp) -> Result<(), Fault> {
    for (id, grant) in all(store)? {
        end_one(store, id, grant, EndReason::Revoked { by }, now)?;
    }
    Ok(())
}

/// Ends the live grants of more than the user has now.
pub(super) fn end_beyond(
    store: &Store<'_, impl Records>,
    scopes: &[String],
    roles: &[String],
    tenant_id: Option<&str>,
    now: Timestamp,
) -> Result<(), Fault> {
    for (id, stored) in all(store)? {
        let grant = &stored.family.grant;
        let has = |scope| scope == "offline_access" || scopes.iter().any(|kept| kept == scope);
        let within = grant.scope.split_ascii_whitespace().all(has)
            && grant.roles.iter().all(|role| roles.contains(role))
            && grant.tenant_id.as_deref() == tenant_id;
        if !within {
            end_one(store, id, stored, EndReason::Revoked { by: Revocation::Operator }, now)?;
        }
    }
    Ok(())
}

fn end_one(
    store: &Store<'_, impl Records>,
    id: FamilyId,
    grant: StoredGrant,
    reason: EndReason,
    now: Timestamp,
) -> Result<(), Fault> {
    if grant.family.end().is_some() {
        return Ok(());
    }
    if grant.family.is_alive(now) {
        outbox::tell_session(store, id, now)?;
    }
    let family = grant.family.expire(now).ended(reason, now);
    write(store, id, &StoredGrant { family, ..grant })
}

/// Ends the longest idle grants until the new one has room, and forgets the longest ended ones.
pub(super) fn make_room(
    store: &Store<'_, impl Records>,
    new: FamilyId,
    client_id: &str,
    now: Timestamp,
) -> Result<Vec<FamilyId>, Fault> {
    let grants = all(store)?;
    let ended = in_order(grants.iter().map(|(id, grant)| Some((grant.family.end()?.at, *id))));
    let mut live = longest_idle_first(grants, now);
    live.retain(|(id, _)| *id != new);
    let is_own = |grant: &StoredGrant| grant.family.grant.client_id == client_id;
    let own = live.iter().filter(|(_, grant)| is_own(grant)).count();
    let mut leaving = take_first(&mut live, (own + 1).saturating_sub(LIVE_OF_A_CLIENT), is_own);
    let excess = (live.len() + 1).saturating_sub(LIVE);
    leaving.extend(take_first(&mut live, excess, |_| true));
    let mut displaced = Vec::new();
    for (id, grant) in leaving {
        end_one(store, id, grant, EndReason::Displaced, now)?;
        displaced.push(id);
    }
    let too_many = ended.len().saturating_sub(ENDED_KEPT);
    for (_, id, _) in ended.into_iter().take(too_many) {
        remove(store, id)?;
    }
    Ok(displaced)
}

/// Takes the first `count` of those that fit out of the list.
fn take_first(grants: &mut Grants, count: usize, fits: impl Fn(&StoredGrant) -> bool) -> Grants {
    let mut left = count;
    let mut take = |grant: &StoredGrant| {
        let takes = left > 0 && fits(grant);
        left -= usize::from(takes);
        takes
    };
    grants.extract_if(.., |(_, grant)| take(grant)).collect()
}

/// Notes that the client received the access token of this rotation count.
pub(super) fn confirm(
    store: &Store<'_, impl Records>,
    id: FamilyId,
    rotation_count: u32,
    now: Timestamp,
) -> Result<(), Fault> {
    let Some(before) = load(store, id)? else { return Ok(()) };
    let family = before.family.clone().confirm(rotation_count, now);
    if family != before.family {
        write(store, id, &StoredGrant { family, ..before })?;
    }
    Ok(())
}

/// The live grants, most recently used first.
pub(super) fn list(store: &Store<'_, impl Records>, now: Timestamp) -> Result<Vec<GrantView>, Fault> {
    let live = longest_idle_first(all(store)?, now);
    Ok(live.iter().rev().map(|(id, grant)| view_of(*id, grant)).collect())
}

/// What a refresh token stands for, if it is the current one of a live grant.
pub(super) fn inspect(
    store: &Store<'_, impl Records>,
    id: FamilyId,
    rotation_count: u32,
    secret_hash: &SecretHash,
    now: Timestamp,
) -> Result<Option<GrantView>, Fault> {
    let current = |grant: &StoredGrant| {
        grant.offline
            && grant.family.is_alive(now)
            && grant.family.rotation_count == rotation_count
            && matches!(&grant.family.state, State::Alive(alive) if alive.secret_hash == *secret_hash)
    };
    Ok(load(store, id)?.filter(current).map(|grant| view_of(id, &grant)))
}

fn view_of(grant_id: FamilyId, stored: &StoredGrant) -> GrantView {
    let family = &stored.family;
    GrantView {
        grant_id,
        client_id: family.grant.client_id.clone(),
        subject: family.grant.subject.clone(),
        scope: family.grant.scope.clone(),
        resource: stored.resource.clone(),
        created_at: family.created_at,
        used_at: family.seen_at,
        expires_at: family.expires_at(),
    }
}

/// Removes the grants whose absolute lifetime is over; when the first of the rest ends.
pub(super) fn sweep(store: &Store<'_, impl Records>, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
    let mut first: Option<Timestamp> = None;
    for (id, grant) in all(store)? {
        let end = grant.family.absolute_end();
        if now >= end {
            remove(store, id)?;
        } else {
            first = Some(first.map_or(end, |first| first.min(end)));
        }
    }
    Ok(first)
}

pub(super) fn load(store: &Store<'_, impl Records>, id: FamilyId) -> Result<Option<StoredGrant>, Fault> {
    store.0.read(GRANT_KIND, &id.to_string())?.as_deref().map(decode).transpose()
}

pub(super) fn write(store: &Store<'_, impl Records>, id: FamilyId, grant: &StoredGrant) -> Result<(), Fault> {
    store.0.write(GRANT_KIND, &id.to_string(), &encode(grant)?)
}

fn remove(store: &Store<'_, impl Records>, id: FamilyId) -> Result<(), Fault> {
    store.0.remove(GRANT_KIND, &id.to_string())
}

fn all(store: &Store<'_, impl Records>) -> Result<Grants, Fault> {
    store.all_of(GRANT_KIND)
}

/// The live ones among these grants.
fn longest_idle_first(grants: Grants, now: Timestamp) -> Grants {
    let date = |(id, grant): &(FamilyId, StoredGrant)| {
        grant.family.is_alive(now).then_some((grant.family.seen_at, *id))
    };
    let order = in_order(grants.iter().map(date));
    let mut grants: Vec<_> = grants.into_iter().map(Some).collect();
    order.into_iter().filter_map(|(_, _, place)| grants.get_mut(place)?.take()).collect()
}

#[cfg(test)]
mod tests;
