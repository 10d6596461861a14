//! The judgements: each answer that a client got, against what the observer knows.

use std::rc::Rc;

use postern_app::{http::Reply, ports::Component};

use crate::{
    faults::Kind,
    invariants,
    ledger::{Access, Revocation, Target},
    machine::{Call, Machine},
    programs::Code,
    world::{Answer, Answered, World},
};

/// The stated bound of the feed: 60 s and `reread`.
const FEED_BOUND: u64 = 90_000;
/// The bound by the age of the key set, where the feed could not be told.
const KEY_SET_BOUND: u64 = 3 * 300_000;
/// A hanging part adds its timeout; clocks, latencies and whole seconds add the rest.
pub(crate) const SLACK: u64 = 15_000;
/// For how long a machine may show that a call of it failed: pauses before the next attempt, refusals that it remembers.
const AFTERMATH: u64 = 45_000;

/// By then the feed is written again after a reset: the longest pause between attempts, twice.
const WRITTEN_AGAIN: u64 = 2 * 60_000;
/// For how long the health may be told again, and a look takes.
const REMEMBERED_HEALTH: u64 = 90_000;

/// The parts whose failures an isolate remembers: it waits before it asks again, or has nothing to answer with until then.
const REMEMBERED: [&str; 4] = ["kv", "key_ring", "issuer_keys", "revocation_feed"];
/// The parts without which an isolate does not learn of a revocation: whatever KV does, the feed's object answers.
const FEED: [&str; 4] = ["revocation_feed", "subrequests", "work", "stopped"];

/// Whether something failed that this answer may show.
pub(crate) fn is_excused(world: &World, call: &Rc<Call>, machine: Option<&Rc<Machine>>) -> bool {
    let since = world.now().saturating_sub(AFTERMATH);
    let hit = machine.is_some_and(|machine| machine.is_hit(&REMEMBERED, since));
    !call.hits.borrow().is_empty() || hit
}

/// Whether the machine's clock is away from all others.
pub(crate) fn is_clock_wrong(machine: Option<&Rc<Machine>>) -> bool {
    machine.is_some_and(|machine| machine.was_wrong.get() || machine.offset.get().unsigned_abs() > 1500)
}

/// What holds for every answer of ours.
pub(crate) fn reply(world: &World, reply: &Reply, answered: &Answered, what: &str) {
    if reply.status < 500 {
        return;
    }
    world.ledger.look(invariants::RETRY_AFTER);
    if reply.header("retry-after").is_none() && what != "GET /readyz" {
        world.ledger.violated(invariants::RETRY_AFTER, world.now(), format!("{what}: {}", reply.status));
    }
    world.ledger.look(invariants::AVAILABLE);
    // It says what KV does, as long as that lasts, and that resets keep the feed from being written.
    let of_kv = [Kind::KvReads, Kind::KvReadOnly, Kind::KvLateWrite, Kind::KvStale, Kind::KvGarbage];
    let by_kv = of_kv.into_iter().any(|kind| world.faults.has(kind));
    let cut_off = world.feed_cut_off_at.get().is_some_and(|at| at + WRITTEN_AGAIN > world.now());
    let machine = answered.machine.as_ref();
    // The result of a check is used for up to a minute, while the next check is in progress.
    let is_remembered = machine
        .is_some_and(|machine| machine.is_any_hit_since(world.now().saturating_sub(REMEMBERED_HEALTH)));
    // It says as well that the object's last write to KV failed, as two within a second do.
    let is_told = world.kv_failed_at.get().is_some_and(|at| at + REMEMBERED_HEALTH > world.now());
    // A request that waits for the look of another gets what that one found.
    let by_storage = || {
        let since = world.now().saturating_sub(REMEMBERED_HEALTH);
        world.all_objects().iter().any(|object| object.machine.is_hit(&["storage"], since))
    };
    if what == "GET /readyz"
        && (by_kv
            || by_storage()
            || is_clock_wrong(machine)
            || is_remembered
            || is_told
            || cut_off
            || world.faults.has(Kind::ClockPutBack))
    {
        return;
    }
    let is_new =
        ["/oauth", "/auth/sign-in", "/auth/consent", "/auth/grants"].iter().any(|path| what.contains(path));
    // A former version of the objects has no authorization server.
    if is_new && answered.begun < world.older_until.get() {
        return;
    }
    let newer_master = answered.begun < world.newer_master_until.get();
    if !newer_master && !is_excused(world, &answered.call, answered.machine.as_ref()) {
        let seen = format!("{what} by {}: {} without a fault", answered.call.of, reply.status);
        world.ledger.violated(invariants::AVAILABLE, world.now(), seen);
    }
}

pub(crate) fn applies(revocation: &Revocation, access: &Access) -> bool {
    if revocation.is_off {
        return false;
    }
    match &revocation.target {
        Target::Session(sid) => *sid == access.sid,
        // Of the very second: either is right.
        Target::Subject(sub) => *sub == access.sub && access.signed_in + 2000 < revocation.asked_at,
        Target::Everywhere(sub) => {
            !access.is_grant && *sub == access.sub && access.signed_in + 2000 < revocation.asked_at
        }
        Target::Client(client) => *client == access.client && access.signed_in + 3000 < revocation.asked_at,
        Target::Token(jti) => *jti == access.jti,
        Target::Key(kid) => *kid == access.kid,
        Target::Foreign(_) => false,
    }
}

/// Whether a revocation may concern the token, stored or not.
fn may_apply(revocation: &Revocation, access: &Access) -> bool {
    match &revocation.target {
        Target::Subject(sub) => *sub == access.sub,
        Target::Everywhere(sub) => !access.is_grant && *sub == access.sub,
        Target::Client(client) => *client == access.client && revocation.may_be_after(access.signed_in),
        Target::Session(sid) => *sid == access.sid,
        Target::Token(jti) => *jti == access.jti,
        Target::Key(kid) => *kid == access.kid,
        Target::Foreign(_) => false,
    }
}

/// Whether the Account object answers for it, which `strong` asks, and not the feed alone.
fn is_known_to_account(revocation: &Revocation) -> bool {
    matches!(revocation.target, Target::Session(_) | Target::Subject(_) | Target::Everywhere(_))
}

/// Until when a stored revocation may still let the token pass on a route of this level.
pub(crate) fn bound(world: &World, revocation: &Revocation, level: &str) -> Option<u64> {
    let stored = revocation.at?;
    let by_account = is_known_to_account(revocation);
    if level == "/strong" && by_account {
        return Some(stored);
    }
    if let Target::Key(_) = revocation.target {
        // An isolate that has had requests for `none` alone has read no feed.
        let by_feed = revocation.by_feed && level != "/none";
        return Some(stored + if by_feed { FEED_BOUND } else { KEY_SET_BOUND } + SLACK);
    }
    if level == "/none" {
        return None;
    }
    let listed = if by_account {
        match world.ledger.listed_at(revocation) {
            Some(at) => at,
            None if world.faults.has(Kind::FeedSmall) || may_delay_outbox(world) => return None,
            None => stored,
        }
    } else {
        stored
    };
    Some(stored.max(listed) + FEED_BOUND + SLACK)
}

/// Whether this run has faults that may keep an Account object from telling the feed for a while.
pub(crate) fn may_delay_outbox(world: &World) -> bool {
    [
        Kind::ObjectUnreachable,
        Kind::ObjectAnswerLost,
        Kind::ObjectSlow,
        Kind::ObjectReset,
        Kind::ObjectCrash,
        Kind::ObjectStorage,
        Kind::AlarmLate,
    ]
    .into_iter()
    .any(|kind| world.faults.has(kind))
}

/// Whether the feed's object failed this isolate within the bound.
pub(crate) fn is_feed_away(world: &World, machine: Option<&Rc<Machine>>, since: u64) -> bool {
    let since = since.saturating_sub(FEED_BOUND + SLACK);
    let object = world.object(Component::RevocationFeed, "own");
    machine.is_some_and(|machine| machine.is_hit(&FEED, since)) || object.machine.is_hit(&["storage"], since)
}

/// An answer of the gate to a token of ours.
pub(crate) fn gate(world: &World, level: &'static str, access: &Access, answered: &Answered) {
    let ledger = &world.ledger;
    let machine = answered.machine.as_ref();
    match &answered.answer {
        Answer::Nothing => {}
        Answer::Forwarded | Answer::Opened(_) => {
            ledger.look(invariants::EXPIRY);
            // What a machine with a wrong clock issues lives too long, and longer than the feed lists it: a known gap.
            if access.is_off || is_clock_wrong(machine) {
                return;
            }
            if answered.begun > access.expires + 33_000 {
                let seen =
                    format!("{level}: a token passes {} ms after its end", answered.begun - access.expires);
                ledger.violated(invariants::EXPIRY, world.now(), seen);
            }
            let revocations = ledger.revocations.borrow();
            for revocation in revocations.iter().filter(|revocation| applies(revocation, access)) {
                ordered(world, revocation, level, answered);
                let invariant = match (&revocation.target, level) {
                    (Target::Key(_), _) => invariants::KEY,
                    (Target::Client(_), _) => invariants::CLIENT,
                    (_, "/strong") => invariants::STRONG,
                    _ => invariants::FEED,
                };
                let Some(bound) = bound(world, revocation, level) else { continue };
                ledger.look(invariant);
                let by_account = level == "/strong" && is_known_to_account(revocation);
                if answered.begun > bound && (by_account || !is_feed_away(world, machine, answered.begun)) {
                    let late = answered.begun - revocation.at.unwrap_or_default();
                    let seen = format!(
                        "{level}: {:?} passes {late} ms after the revocation was stored, at {}",
                        revocation.target,
                        machine.map_or("", |machine| machine.name.as_str()),
                    );
                    ledger.violated(invariant, world.now(), seen);
                }
            }
        }
        Answer::Reply(reply) if reply.status >= 500 => self::reply(world, reply, answered, level),
        Answer::Reply(reply) => sound(world, level, access, answered, reply),
    }
}

/// A token passed that was revoked: by an order that the very isolate took?
fn ordered(world: &World, revocation: &Revocation, level: &str, answered: &Answered) {
    let is_listed = matches!(revocation.target, Target::Token(_) | Target::Client(_));
    let (Some(at), Some(machine)) = (revocation.at, &answered.machine) else { return };
    if level == "/none" || !is_listed || machine.name != revocation.taken_by {
        return;
    }
    world.ledger.look(invariants::ORDERED);
    if answered.begun > at && !is_feed_away(world, Some(machine), revocation.asked_at) {
        let seen = format!(
            "{level}: {:?} passes at {}, which took the order {} ms ago",
            revocation.target,
            machine.name,
            answered.begun - at
        );
        world.ledger.violated(invariants::ORDERED, world.now(), seen);
    }
}

pub(crate) fn is_of_a_key(revocation: &Revocation) -> bool {
    matches!(revocation.target, Target::Key(_))
}

/// Whether by now the token may be refused: revoked, or of a session that a rule may have ended.
pub(crate) fn may_be_over(world: &World, access: &Access, now: u64) -> bool {
    let revocations = world.ledger.revocations.borrow();
    let revoked =
        revocations.iter().any(|revocation| revocation.asked_at <= now && may_apply(revocation, access));
    let sessions = world.ledger.sessions.borrow();
    revoked || sessions.get(&access.sid).is_some_and(|session| !session.excuses.is_empty())
}

/// A refusal of a token of ours, which must have its cause.
fn sound(world: &World, level: &str, access: &Access, answered: &Answered, reply: &Reply) {
    let ledger = &world.ledger;
    ledger.look(invariants::OWN);
    let is_over = answered.ended + 5000 > access.expires;
    // A version that does not know grants lets none pass where it asks the Account object.
    let is_unknown = access.is_grant && answered.begun < world.older_until.get();
    // An isolate whose clock is wrong judges by it, and goes on by what it remembered for as long as it had been ahead.
    let clock = is_clock_wrong(answered.machine.as_ref());
    if is_over
        || is_unknown
        || may_be_over(world, access, answered.ended)
        || clock
        || access.is_off
        || reply.status == 429
    {
        return;
    }
    let seen = format!("{level}: {} {} for a sound token", reply.status, crate::client::code(reply));
    ledger.violated(invariants::OWN, world.now(), seen);
}

/// A refresh was refused for good: whether a rule ended the session.
pub(crate) fn ended(world: &World, sid: &str, refresh_token: &str, what: &str, answered: &Answered) {
    let ledger = &world.ledger;
    ledger.look(invariants::HONEST);
    let (generation, _) = crate::ledger::generation(refresh_token).unwrap_or((0, 0));
    let sessions = ledger.sessions.borrow();
    let Some(session) = sessions.get(sid) else { return };
    let revocations = ledger.revocations.borrow();
    let revoked = revocations.iter().any(|revocation| {
        revocation.asked_at <= answered.ended
            && !revocation.is_by_rule
            && match &revocation.target {
                Target::Session(other) => other == sid,
                Target::Subject(sub) => *sub == session.sub,
                Target::Everywhere(sub) => !session.is_grant && *sub == session.sub,
                Target::Client(client) => {
                    *client == session.client && revocation.may_be_after(session.signed_in)
                }
                Target::Token(_) | Target::Key(_) | Target::Foreign(_) => false,
            }
    });
    if revoked
        || is_of_a_removed_master(world, refresh_token)
        || session.may_have_ended(generation, answered.ended).is_some()
    {
        return;
    }
    let seen = format!("{}: {what} ends session {sid} at generation {generation}", answered.call.of);
    ledger.violated(invariants::HONEST, world.now(), seen);
}

/// Whether the secret that a refresh token was made with has been taken out since.
pub(crate) fn is_of_a_removed_master(world: &World, refresh_token: &str) -> bool {
    let made_with = crate::ledger::generation(refresh_token).map_or(0, |(_, master)| master);
    world.oldest_master.get().is_some_and(|oldest| made_with < oldest)
}

/// A program's code was refused for good.
pub(crate) fn code_refused(world: &World, code: &Code, got_at: u64, what: &str, answered: &Answered) {
    let ledger = &world.ledger;
    // Sent more than once, also by a thief; late; or its user's sessions were ended meanwhile.
    let known = ledger.sessions.borrow();
    let is_stolen = known.get(&code.grant).is_some_and(|session| !session.excuses.is_empty());
    let ended = ledger.revocations.borrow().iter().any(|revocation| {
        matches!(revocation.target, Target::Subject(_) | Target::Everywhere(_) | Target::Client(_))
            && revocation.asked_at <= answered.ended
            && revocation.at.is_none_or(|at| at + 60_000 > got_at)
    });
    if !ledger.codes.is_sent_once(&code.grant) || is_stolen || ended || answered.ended > got_at + 50_000 {
        return;
    }
    let seen = format!("{}: {what} for a code that is {} ms old", answered.call.of, answered.ended - got_at);
    ledger.violated(invariants::CODE, world.now(), seen);
}
