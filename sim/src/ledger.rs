//! The observer, which sees everything at once and at the true time: what was signed in, rotated, revoked and stolen. The
//! judgements of `judge` rest on it.

use core::cell::{Cell, RefCell};
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use postern_app::{
    account::{AccountAnswer, AccountRequest},
    encoding::from_base64url,
    http::Reply,
    revocation::{FeedEntry, Kind, RevocationKey},
    time::Timestamp,
};
use serde_json::Value;

use crate::{
    client,
    codes::Codes,
    invariants::{self, Invariant},
    machine::Call,
};

/// As `reuse_interval` of the settings, in milliseconds.
const REUSE_INTERVAL: u64 = 10_000;
/// As `lost_response_window`.
const LOST_RESPONSE: u64 = 86_400_000;
/// How far true time and the clock of an object may differ where nothing else is said.
const SKEW: u64 = 3000;

/// An access token, as it was issued.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) token: String,
    pub(crate) sid: String,
    pub(crate) sub: String,
    pub(crate) client: String,
    pub(crate) kid: String,
    pub(crate) jti: String,
    /// True times, in milliseconds.
    pub(crate) expires: u64,
    pub(crate) signed_in: u64,
    /// Whether it is of a grant to a program, and of no session.
    pub(crate) is_grant: bool,
    /// Whether the machine that issued it had a wrong clock.
    pub(crate) is_off: bool,
}

/// A session, that is, a family.
#[derive(Debug, Default, Clone)]
pub(crate) struct Session {
    pub(crate) sub: String,
    pub(crate) client: String,
    pub(crate) signed_in: u64,
    pub(crate) is_grant: bool,
    /// Whether the machine that signed in had a wrong clock, which `auth_time` keeps.
    is_off: bool,
    /// By generation: when the object first rotated it.
    rotated_at: BTreeMap<u32, u64>,
    /// By generation: when the object heard that its access token was used.
    confirmed_at: BTreeMap<u32, u64>,
    /// Generations whose rotation was granted once more, later than the reuse interval.
    late: BTreeSet<u32>,
    /// The same, also where only the storage's failure hides that the rotation was an earlier one.
    perhaps_late: BTreeSet<u32>,
    /// By generation: when its rotation may have been stored although the object answered with a failure.
    unsure_since: BTreeMap<u32, u64>,
    /// Why it may end, the earliest first.
    pub(crate) excuses: Vec<(u64, &'static str)>,
    /// When a genuine token was refused for good: from then on nothing is granted.
    refused_at: Option<u64>,
}

/// Something that was revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Session(String),
    Subject(String),
    /// A user who signs out everywhere: the programs that they authorized stay connected.
    Everywhere(String),
    Client(String),
    Token(String),
    Key(String),
    /// A subject of the other issuer.
    Foreign(String),
}

#[derive(Debug, Clone)]
pub(crate) struct Revocation {
    pub(crate) target: Target,
    /// When it was ordered, and may take effect.
    pub(crate) asked_at: u64,
    /// When the answer said that it is stored.
    pub(crate) at: Option<u64>,
    /// Whether the machine that took the order had a wrong clock: it is of another time then.
    pub(crate) is_off: bool,
    /// Whether the answer named the time until which the feed refuses it.
    pub(crate) by_feed: bool,
    /// Whether the Account object ended it by a rule, rightly or not, without an order.
    pub(crate) is_by_rule: bool,
    /// The isolate that took the order and answered.
    pub(crate) taken_by: String,
}

/// A promise that was broken.
#[derive(Debug, Clone)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// True time, in milliseconds since the beginning.
    pub at: u64,
    /// What was seen.
    pub seen: String,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) sessions: RefCell<BTreeMap<String, Session>>,
    pub(crate) revocations: RefCell<Vec<Revocation>>,
    successors: RefCell<BTreeMap<String, String>>,
    listed: RefCell<BTreeMap<RevocationKey, Vec<u64>>>,
    /// The same, each with the time when the feed's object forgets it.
    listed_until: RefCell<Vec<(RevocationKey, u64, Timestamp)>>,
    pub(crate) violations: RefCell<Vec<Violation>>,
    /// How often each promise was looked at.
    pub(crate) looked: RefCell<BTreeMap<&'static str, u64>>,
    pub(crate) muted: Cell<bool>,
    /// How many entries the audit log took.
    pub(crate) entries: Cell<u64>,
    pub(crate) codes: Codes,
}

impl Revocation {
    /// Whether a sign-in of this true time may be of before it. Its time is that of its arrival, between the order and the
    /// answer, in whole seconds.
    pub(crate) fn may_be_after(&self, signed_in: u64) -> bool {
        self.is_off || self.at.is_none_or(|at| signed_in < at + 3000)
    }
}

impl Ledger {
    pub(crate) fn violated(&self, invariant: Invariant, at: u64, seen: String) {
        self.violations.borrow_mut().push(Violation { invariant, at, seen });
    }

    pub(crate) fn look(&self, invariant: Invariant) {
        *self.looked.borrow_mut().entry(invariant.name).or_default() += 1;
    }

    /// What happens now will be undone.
    pub(crate) fn mute(&self, muted: bool) {
        self.muted.set(muted);
    }

    pub(crate) fn signed_in(&self, access: &Access, now: u64) {
        let mut sessions = self.sessions.borrow_mut();
        let session = sessions.entry(access.sid.clone()).or_default();
        session.sub.clone_from(&access.sub);
        session.client.clone_from(&access.client);
        session.is_grant = access.is_grant;
        session.signed_in = now;
        session.is_off = access.is_off;
    }

    /// Whether the machine where a session began had a wrong clock.
    pub(crate) fn is_off(&self, sid: &str) -> bool {
        self.sessions.borrow().get(sid).is_some_and(|session| session.is_off)
    }

    /// Whether a client refreshes now: not while its token is young, unless it is `forced`, because the gate has refused the
    /// access token. Rule 5 allows that; another request with the parent may be under way, a known gap.
    pub(crate) fn may_refresh(&self, sid: &str, got_at: u64, now: u64, forced: bool) -> bool {
        let is_young = now < got_at + REUSE_INTERVAL + 500;
        if is_young && forced {
            self.excuse(sid, now, "refreshed while young");
        }
        forced || !is_young
    }

    pub(crate) fn excuse(&self, sid: &str, now: u64, why: &'static str) {
        self.sessions.borrow_mut().entry(sid.to_owned()).or_default().excuses.push((now, why));
    }

    /// A revocation is ordered; the number by which [`Self::stored`] knows it.
    pub(crate) fn ordered(&self, target: Target, now: u64) -> usize {
        let mut revocations = self.revocations.borrow_mut();
        let (is_off, by_feed, is_by_rule, taken_by) = (false, true, false, String::new());
        revocations.push(Revocation {
            target,
            asked_at: now,
            at: None,
            is_off,
            by_feed,
            is_by_rule,
            taken_by,
        });
        revocations.len() - 1
    }

    pub(crate) fn stored(&self, number: usize, now: u64, by_feed: bool, is_off: bool) {
        let mut revocations = self.revocations.borrow_mut();
        revocations[number].at = Some(now);
        revocations[number].is_off = is_off;
        revocations[number].by_feed = by_feed;
    }

    /// Which isolate took the order.
    pub(crate) fn taken_by(&self, number: usize, machine: &str) {
        machine.clone_into(&mut self.revocations.borrow_mut()[number].taken_by);
    }

    /// The audit log took an entry.
    pub(crate) fn appended(&self) {
        if !self.muted.get() {
            self.entries.set(self.entries.get() + 1);
        }
    }

    /// The feed's object took these entries.
    pub(crate) fn listed(&self, entries: &[FeedEntry], now: u64) {
        if !self.muted.get() {
            let mut listed = self.listed.borrow_mut();
            for entry in entries {
                listed.entry(entry.mark).or_default().push(now);
                self.listed_until.borrow_mut().push((entry.mark, now, entry.until));
            }
        }
    }

    /// Whether the feed's object ever heard of a session's end, by this order or another: it, or all of its user's.
    pub(crate) fn is_ever_listed(&self, revocation: &Revocation) -> bool {
        let Target::Session(sid) = &revocation.target else { return true };
        let sessions = self.sessions.borrow();
        let Some(session) = sessions.get(sid) else { return true };
        let listed = self.listed.borrow();
        let own = listed.contains_key(&RevocationKey::own(Kind::Session, sid));
        let all = listed.get(&RevocationKey::own(Kind::Subject, &session.sub));
        own || all.is_some_and(|times| times.iter().any(|at| *at + SKEW > session.signed_in))
    }

    /// What the feed's object took within this time, and lists for longer than `until`.
    pub(crate) fn listed_between(&self, from: u64, to: u64, until: Timestamp) -> Vec<RevocationKey> {
        let listed = self.listed_until.borrow();
        let young = listed.iter().filter(|(_, at, end)| (from..to).contains(at) && *end > until);
        young.map(|(mark, ..)| *mark).collect()
    }

    /// When the feed's object heard of a revocation.
    pub(crate) fn listed_at(&self, revocation: &Revocation) -> Option<u64> {
        let mark = match &revocation.target {
            Target::Session(sid) => RevocationKey::own(Kind::Session, sid),
            Target::Subject(sub) | Target::Everywhere(sub) => RevocationKey::own(Kind::Subject, sub),
            Target::Client(client) => RevocationKey::own(Kind::Client, client),
            Target::Token(jti) => RevocationKey::own(Kind::AccessToken, jti),
            Target::Key(kid) => RevocationKey::own(Kind::Key, kid),
            Target::Foreign(sub) => RevocationKey::of(Kind::Subject, crate::upstream::ISSUER, sub),
        };
        self.listed.borrow().get(&mark)?.iter().find(|at| **at >= revocation.asked_at).copied()
    }

    /// An isolate answered a call, whether the answer arrives or not: the successor of the refresh token in it.
    pub(crate) fn answered(&self, sent: &[u8], reply: &Reply, now: u64) {
        let body: Option<Value> =
            (reply.status == 200).then(|| serde_json::from_slice(&reply.body).ok()).flatten();
        let successor = body.as_ref().and_then(|body| body["refresh_token"].as_str());
        if let (Some(parent), Some(successor)) = (client::refresh_token_in(sent), successor) {
            self.succeeded(&parent, successor, now);
        }
    }

    fn succeeded(&self, parent: &str, successor: &str, now: u64) {
        self.look(invariants::SUCCESSOR);
        let mut successors = self.successors.borrow_mut();
        let known = successors.entry(parent.to_owned()).or_insert_with(|| successor.to_owned());
        if known != successor {
            let seen = format!("generation {:?} got a second successor", generation(parent));
            self.violated(invariants::SUCCESSOR, now, seen);
        }
    }

    /// An Account object decided.
    pub(crate) fn account(
        &self,
        request: &AccountRequest,
        answer: &AccountAnswer,
        call: &Rc<Call>,
        now: u64,
    ) {
        if self.muted.get() {
            return;
        }
        let mut sessions = self.sessions.borrow_mut();
        match (request, answer) {
            (AccountRequest::Confirm { family, rotation_count }, AccountAnswer::Confirmed) => {
                let session = sessions.entry(family.to_string()).or_default();
                if !session.rotated_at.contains_key(rotation_count) {
                    session.confirmed_at.entry(*rotation_count).or_insert(now);
                }
            }
            (AccountRequest::Rotate { family, presented, limits, .. }, answer) => {
                drop(sessions);
                let sid = family.to_string();
                match answer {
                    AccountAnswer::Rotated(_) => {
                        let is_sign_out = limits.late_only_rotations == u16::MAX;
                        self.rotated((&sid, presented.rotation_count), is_sign_out, call, now);
                    }
                    AccountAnswer::Refused(refusal) => {
                        self.refused((&sid, presented.rotation_count), refusal.cause.code(), call, now);
                    }
                    _ => self.unsure(&sid, presented.rotation_count, now),
                }
            }
            (AccountRequest::Oauth(request), answer) => {
                drop(sessions);
                self.oauth(request, answer, call, now);
            }
            _ => {}
        }
    }

    /// A rotation was granted. A sign-out asks without the limit of late ones: nothing follows it.
    pub(crate) fn rotated(&self, (sid, count): (&str, u32), is_sign_out: bool, call: &Rc<Call>, now: u64) {
        let mut sessions = self.sessions.borrow_mut();
        let session = sessions.entry(sid.to_owned()).or_default();
        let mut broken = session.granted(count, now);
        broken.retain(|(invariant, _)| !is_sign_out || *invariant != invariants::LATE);
        if now.saturating_sub(call.sent_at) > REUSE_INTERVAL - SKEW {
            session.excuses.push((now, "a slow request"));
        }
        drop(sessions);
        let target = Target::Session(sid.to_owned());
        let revocations = self.revocations.borrow();
        if revocations.iter().any(|one| one.target == target && one.at.is_some_and(|at| at < now)) {
            broken.push((invariants::ENDED, "granted after it was revoked".to_owned()));
        }
        for rule in [invariants::WINDOW, invariants::LATE, invariants::ENDED, invariants::REUSE] {
            self.look(rule);
        }
        for (invariant, seen) in broken {
            self.violated(invariant, now, format!("session {sid}: {seen}"));
        }
    }

    /// A rotation may have been stored although the object failed.
    pub(crate) fn unsure(&self, sid: &str, count: u32, now: u64) {
        let mut sessions = self.sessions.borrow_mut();
        sessions.entry(sid.to_owned()).or_default().unsure_since.entry(count).or_insert(now);
    }

    /// A refresh token was refused.
    pub(crate) fn refused(&self, (sid, count): (&str, u32), code: &str, call: &Rc<Call>, now: u64) {
        let mut sessions = self.sessions.borrow_mut();
        let session = sessions.entry(sid.to_owned()).or_default();
        if now.saturating_sub(call.sent_at) > REUSE_INTERVAL - SKEW {
            session.excuses.push((now, "a slow request"));
        }
        if code == "refresh_token_reused" {
            session.refused_at.get_or_insert(now);
            self.ended_by_rule(sid, now);
        } else if code == "sign_in_required"
            && let Some(why) = session.may_have_ended(count, now)
        {
            // It has ended, whether its client learns of it or not.
            session.excuses.push((now, why));
        }
    }

    /// A rule has ended this session or grant: from now on it counts as revoked.
    pub(crate) fn ended_by_rule(&self, sid: &str, now: u64) {
        let target = Target::Session(sid.to_owned());
        let number = self.ordered(target, now);
        self.stored(number, now, true, false);
        self.revocations.borrow_mut()[number].is_by_rule = true;
    }
}

impl Session {
    /// The object granted a rotation of this generation. The promises that this breaks.
    fn granted(&mut self, count: u32, now: u64) -> Vec<(Invariant, String)> {
        let mut broken = Vec::new();
        if self.refused_at.is_some_and(|at| at + SKEW < now) {
            broken.push((invariants::ENDED, "granted after reuse".to_owned()));
        }
        let unsure = self.unsure_since.get(&count);
        if unsure.or(self.rotated_at.get(&count)).is_some_and(|at| now.saturating_sub(*at) >= REUSE_INTERVAL)
        {
            self.perhaps_late.insert(count);
        }
        let Some(rotated) = self.rotated_at.get(&count).copied() else {
            self.rotated_at.insert(count, now);
            let last_three = |back| count.checked_sub(back).is_some_and(|one| self.late.contains(&one));
            if (1..=3).all(last_three) {
                broken.push((invariants::LATE, format!("generation {count} rotated after three late ones")));
            }
            return broken;
        };
        let since = now.saturating_sub(rotated);
        let confirmed = self.confirmed_at.get(&(count + 1)).map(|at| now.saturating_sub(*at));
        if since >= REUSE_INTERVAL {
            self.late.insert(count);
        }
        if self.rotated_at.contains_key(&(count + 1)) {
            broken.push((invariants::REUSE, format!("generation {count} granted, two rotations behind")));
        }
        let is_late = since > REUSE_INTERVAL + SKEW;
        if is_late && (since > LOST_RESPONSE + SKEW || confirmed.is_some_and(|at| at > REUSE_INTERVAL + SKEW))
        {
            let seen =
                format!("generation {count} granted {since} ms after its rotation, receipt {confirmed:?}");
            broken.push((invariants::WINDOW, seen));
        }
        broken
    }

    /// Why this session may have ended by now, if a rule says so.
    pub(crate) fn may_have_ended(&self, generation: u32, now: u64) -> Option<&'static str> {
        if let Some((_, why)) = self.excuses.iter().find(|(at, _)| *at <= now) {
            return Some(why);
        }
        let late_in_a_row = (1..=3)
            .all(|back| generation.checked_sub(back).is_some_and(|one| self.perhaps_late.contains(&one)));
        if late_in_a_row {
            return Some("three late rotations in a row");
        }
        let rotated = self.rotated_at.get(&generation).copied();
        (rotated.is_some_and(|at| at + LOST_RESPONSE < now)).then_some("back too late")
    }
}

/// The rotation count that a refresh token names, and its master's id.
pub(crate) fn generation(refresh_token: &str) -> Option<(u32, u8)> {
    let bytes = from_base64url(refresh_token.strip_prefix("prt_")?)?;
    Some((u32::from_be_bytes(bytes.get(34..38)?.try_into().ok()?), *bytes.get(1)?))
}

/// What an access token says.
pub(crate) fn read(token: &str) -> Option<(Value, Value)> {
    let mut parts = token
        .split('.')
        .map(|part| from_base64url(part).and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok()));
    Some((parts.next()??, parts.next()??))
}
