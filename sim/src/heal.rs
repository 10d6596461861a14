//! What must be so when the faults are over: everybody goes on, and nothing is left behind.

use core::cell::{Cell, RefCell};
use std::{collections::BTreeMap, rc::Rc};

use postern_app::{
    ports::Component,
    revocation::{FeedAnswer, FeedCopy, FeedObject as _, FeedRequest, kv_key},
    time::Timestamp,
};

use crate::{
    faults::Kind,
    invariants,
    ledger::Target,
    machine::{Call, START},
    objects,
    owners::Owner,
    ports::SimPorts,
    programs::Installed,
    settings::LEVELS,
    sockets,
    world::World,
};

const MINUTE: u64 = 60_000;
/// By then whatever was remembered of a fault is over: pauses, circuits, alarms that were put off.
const HEALED_AFTER: u64 = 25 * MINUTE;
/// The longest lock of an account, with what is forgotten until then.
const LONGEST_LOCK: u64 = 65 * MINUTE;
/// Fetches of another issuer's keys in any minute.
const FETCHES: usize = 4;

pub(crate) fn check(world: &Rc<World>, owners: &Rc<Vec<Rc<Owner>>>, programs: &[Rc<Installed>]) {
    let end = world.now() + HEALED_AFTER;
    world.executor.run(end);
    every_user_goes_on(world, owners);
    every_program_goes_on(world, programs);
    feed_is_whole(world);
    fetches_are_few(world);
    work_ends(world);
}

/// How long an older feed may stay in KV after the last write that failed or came late: a minute, and what the write and
/// the alarm take.
const OLDER: u64 = 130_000;

/// How long after the feed's object took something KV has it while nothing fails: a second, the write, and the alarm.
const WRITTEN: u64 = 10_000;

/// For how long an end may wait although nothing failed: the longest pause between two attempts, twice, and the calls.
const WAITS: u64 = 150_000;

/// What the Account objects have to tell the feed does not wait for something else to happen.
pub(crate) fn watch_outboxes(world: &Rc<World>) {
    let world = Rc::clone(world);
    Rc::clone(&world).executor.spawn(world.root, async move {
        let mut waiting = BTreeMap::new();
        while !world.faults.are_over() {
            world.executor.sleep(15_000).await;
            for object in world.all_objects().iter().filter(|object| object.part == Component::Account) {
                let now = world.now();
                if !objects::has_outbox(object) {
                    waiting.remove(&object.name);
                    continue;
                }
                let since = *waiting.entry(object.name.clone()).or_insert(now);
                // It was told no, or the feed's object could not store what it was told.
                let since_then = now.saturating_sub(WAITS);
                let feed = world.object(Component::RevocationFeed, "own");
                let failed = object.machine.is_any_hit_since(since_then)
                    || feed.machine.is_hit(&["storage"], since_then);
                let is_late = world.alarm_late_at.get().is_some_and(|at| at + WAITS > now);
                if now > since + WAITS && !failed && !is_late && !object.rings_again.get() {
                    let seen = format!("account {} has kept it for {} ms", object.name, now - since);
                    world.ledger.violated(invariants::OUTBOX, now, seen);
                    return;
                }
            }
        }
    });
}

/// A write that was given up and came late is written over.
pub(crate) fn watch_kv(world: &Rc<World>) {
    let world = Rc::clone(world);
    Rc::clone(&world).executor.spawn(world.people, async move {
        let key = kv_key("http://localhost:8787");
        loop {
            world.executor.sleep(20_000).await;
            let late = world.alarm_late_at.get().max(world.kv_failed_at.get());
            if late.is_some_and(|at| at + OLDER > world.now()) {
                continue;
            }
            let version = |text: Option<String>| text.and_then(|text| FeedCopy::parse(&text).ok());
            let (Some(there), Some(answered)) =
                (version(world.kv.newest(&key)), version(world.kv.answered(&key)))
            else {
                continue;
            };
            world.ledger.look(invariants::KV);
            if there.version() < answered.version() && !there.says_the_same_as(&answered) {
                let seen = "an older feed came late to KV and stays there".to_owned();
                world.ledger.violated(invariants::KV, world.now(), seen);
                return;
            }
            let now = world.now();
            let clock = Timestamp::from_millis(START + now);
            let later = Timestamp::from_millis(START + now + 2 * MINUTE);
            let (from, to) = (now.saturating_sub(5 * MINUTE), now.saturating_sub(WRITTEN));
            let taken = world.ledger.listed_between(from, to, later);
            // A subject's end is listed as a time, and what has no room not at all.
            let missing = taken
                .iter()
                .filter(|mark| !there.lists(mark.short(), clock) && there.not_before(mark.short()).is_none());
            let object = world.object(Component::RevocationFeed, "own");
            let failed =
                object.rings_again.get() || object.machine.is_any_hit_since(now.saturating_sub(OLDER));
            if missing.count() > 0 && !failed && !world.faults.has(Kind::FeedSmall) {
                let seen = format!("the feed's object took it {WRITTEN} ms ago, and KV has not got it");
                world.ledger.violated(invariants::WRITTEN, now, seen);
                return;
            }
        }
    });
}

/// Each user signs in anew, refreshes, and is let through at every level.
fn every_user_goes_on(world: &Rc<World>, owners: &Rc<Vec<Rc<Owner>>>) {
    world.stop_clients();
    // An order of the administrator may be fresh: a signer goes on for a minute with a key that was revoked.
    world.executor.run(world.now() + 3 * MINUTE);
    let mut well = all_try(world, owners);
    // A sign-in that was stopped counts as a failure: five of them lock an account, for an hour at most. And what a clock
    // that was an hour ahead revoked is revoked until then: a known gap.
    let is_locked = owners.iter().any(|owner| owner.is_refused.get());
    if well < owners.len() && (is_locked || world.faults.has(Kind::ClockPutBack)) {
        world.executor.run(world.now() + LONGEST_LOCK);
        well = all_try(world, owners);
    }
    world.ledger.look(invariants::HEALS);
    // A password whose hash is under a removed secret is lost.
    if well < owners.len() && world.oldest_master.get().is_none() {
        let seen =
            format!("{} of {} users cannot use their sessions again", owners.len() - well, owners.len());
        world.ledger.violated(invariants::HEALS, world.now(), seen);
    }
}

/// How many users sign in, refresh, and are let through.
fn all_try(world: &Rc<World>, owners: &Rc<Vec<Rc<Owner>>>) -> usize {
    let well = Rc::new(Cell::new(0));
    for owner in owners.iter() {
        let (world, owner, well) = (Rc::clone(world), Rc::clone(owner), Rc::clone(&well));
        Rc::clone(&world).executor.spawn(world.people, async move {
            for _ in 0..12 {
                if owner.sign_in(&world).await {
                    break;
                }
            }
            world.executor.sleep(15_000).await;
            let mut good = false;
            for _ in 0..4 {
                good = good || owner.refresh(&world, false).await;
            }
            let Some(access) = owner.access() else { return };
            for level in LEVELS {
                good = good && owner.device.visit(&world, level, &access).await == Some(true);
            }
            if good {
                well.set(well.get() + 1);
            }
        });
    }
    world.executor.run(world.now() + 10 * MINUTE);
    well.get()
}

/// Each program is authorized anew, refreshes, and is let through.
fn every_program_goes_on(world: &Rc<World>, programs: &[Rc<Installed>]) {
    let well = Rc::new(Cell::new(0));
    for program in programs {
        let (world, program, well) = (Rc::clone(world), Rc::clone(program), Rc::clone(&well));
        Rc::clone(&world).executor.spawn(world.people, async move {
            for _ in 0..6 {
                if program.authorize(&world).await {
                    break;
                }
                world.executor.sleep(20_000).await;
            }
            world.executor.sleep(15_000).await;
            let mut good = false;
            for _ in 0..4 {
                good = good || program.refresh(&world, false).await;
            }
            if good && program.visit(&world, "/feed").await == Some(true) {
                well.set(well.get() + 1);
            }
        });
    }
    world.executor.run(world.now() + 10 * MINUTE);
    world.ledger.look(invariants::HEALS);
    if well.get() < programs.len() && world.oldest_master.get().is_none() {
        let seen = format!("{} of {} programs cannot go on", programs.len() - well.get(), programs.len());
        world.ledger.violated(invariants::HEALS, world.now(), seen);
    }
}

/// Account objects have told the feed everything, and KV has what the feed's object has.
fn feed_is_whole(world: &Rc<World>) {
    // No one asks for anything meanwhile.
    world.executor.run(world.now() + 3 * MINUTE);
    world.ledger.look(invariants::OUTBOX);
    for object in world.all_objects() {
        if object.part == Component::Account && objects::has_outbox(&object) {
            world.ledger.violated(
                invariants::OUTBOX,
                world.now(),
                format!("account {} keeps it", object.name),
            );
        }
    }
    let small = world.faults.has(Kind::FeedSmall);
    for revocation in world.ledger.revocations.borrow().iter() {
        let is_stored = revocation.at.is_some() && !revocation.is_by_rule;
        let by_account = matches!(revocation.target, Target::Session(_));
        if is_stored && by_account && !small && !world.ledger.is_ever_listed(revocation) {
            let seen = format!("{:?} was never in the feed", revocation.target);
            world.ledger.violated(invariants::OUTBOX, world.now(), seen);
        }
    }
    world.ledger.look(invariants::KV);
    // A write may be under way.
    if !(0..4).any(|_| kv_has_the_feed(world)) {
        let seen = "the feed in KV is another than the object's".to_owned();
        world.ledger.violated(invariants::KV, world.now(), seen);
    }
}

fn kv_has_the_feed(world: &Rc<World>) -> bool {
    world.executor.run(world.now() + 10_000);
    let asked = Rc::new(RefCell::new(None));
    let (there, answer) = (Rc::clone(world), Rc::clone(&asked));
    world.executor.spawn(world.root, async move {
        let object = there.object(Component::RevocationFeed, "own");
        let call = Call::new("observer", there.now());
        let ports = SimPorts { world: Rc::clone(&there), machine: Rc::clone(&object.machine), call };
        if let Ok(FeedAnswer::Snapshot { feed, .. }) = ports.ask(&FeedRequest::Snapshot {}).await {
            answer.replace(Some(feed));
        }
    });
    world.executor.run(world.now() + 1000);
    let in_kv = world.kv.newest(&kv_key("http://localhost:8787"));
    let (Some(feed), Some(in_kv)) = (asked.take(), in_kv) else { return false };
    match (FeedCopy::parse(&feed), FeedCopy::parse(&in_kv)) {
        (Ok(one), Ok(other)) => one.says_the_same_as(&other),
        _ => false,
    }
}

fn fetches_are_few(world: &World) {
    let fetches = world.upstream.fetches.borrow();
    world.ledger.look(invariants::FETCHES);
    for window in fetches.windows(FETCHES + 1) {
        if let [first, .., last] = window
            && last - first < MINUTE
        {
            let seen = format!("{} fetches within {} ms", window.len(), last - first);
            world.ledger.violated(invariants::FETCHES, *last, seen);
            return;
        }
    }
}

/// Nothing goes on for ever, and what has expired is removed.
fn work_ends(world: &Rc<World>) {
    world.stop_clients();
    sockets::leave(world);
    world.executor.run(world.now() + MINUTE);
    // A token that was dated by a clock an hour ahead keeps its socket for that hour.
    if world.faults.has(Kind::ClockPutBack) {
        world.executor.run(world.now() + 60 * MINUTE);
    }
    world.ledger.look(invariants::MEMORY);
    let left: usize =
        world.edges().iter().map(|edge| world.executor.tasks_in(edge.machine.group.get())).sum();
    if left > 0 {
        let seen = format!("{left} tasks of isolates go on a minute after the last request");
        world.ledger.violated(invariants::MEMORY, world.now(), seen);
    }
    world.executor.run(world.now() + 27 * 60 * MINUTE);
    for object in world.all_objects() {
        let most = match object.part {
            // Its state.
            Component::RevocationFeed => 6,
            Component::Throttle => 0,
            _ => continue,
        };
        let rows = objects::rows(&object);
        if rows > most {
            let seen = format!("{rows} rows are left in {} {}", object.part.name(), object.name);
            world.ledger.violated(invariants::MEMORY, world.now(), seen);
        }
    }
}
