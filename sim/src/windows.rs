//! When which fault strikes: every kind has windows of its own.

use std::rc::Rc;

use postern_app::{ports::Component, revocation::FeedCopy, time::Timestamp};

use crate::{dialect::Dialect, faults::Kind, machine::START, operators, settings::Version, world::World};

const MINUTE: u64 = 60_000;
/// Less than the clocks of two machines may differ by (`CLOCKS_DIFFER` in `crates/jose/src/time.rs`).
const BEHIND: i64 = 45_000;
/// For how long a request lasts that was begun before a clock was put back.
const BEGUN_BEFORE: u64 = 20_000;

/// Every kind of fault has its windows.
pub(crate) fn windows(world: &Rc<World>) {
    for kind in world.faults.chosen().clone() {
        let world = Rc::clone(world);
        Rc::clone(&world).executor.spawn(world.root, async move {
            loop {
                world.executor.sleep(world.dice.about(15 * MINUTE)).await;
                if world.faults.are_over() {
                    return;
                }
                world
                    .trace
                    .note(world.now(), "fault", "", || format!("{} begins: {}", kind.name(), kind.words()));
                world.faults.begin(kind);
                window(&world, kind).await;
                world.faults.end(kind);
                world.trace.note(world.now(), "fault", "", || format!("{} ends", kind.name()));
            }
        });
    }
}

/// The feed's object is on a machine whose clock is behind, for so long, unless it is there already.
pub(crate) async fn move_feed(world: &Rc<World>, place: &'static str, lasts: u64) {
    let feed = world.object(Component::RevocationFeed, "own");
    let clock = &feed.machine.offset;
    if clock.get() > -BEHIND / 2 {
        world.faults.note(Kind::FeedMoves, place);
        clock.set(clock.get() - BEHIND);
        world.reset(&feed);
        world.executor.sleep(lasts).await;
        clock.set(clock.get() + BEHIND);
        world.reset(&feed);
    }
}

async fn window(world: &Rc<World>, kind: Kind) {
    let lasts = world.dice.between(10_000, 12 * MINUTE);
    match kind {
        Kind::IsolateEvicted => {
            for _ in 0..world.dice.between(1, 20) {
                world.executor.sleep(world.dice.between(500, 60_000)).await;
                let edges = world.edges();
                if !edges.is_empty() && !world.faults.are_over() {
                    world.faults.note(kind, "isolate");
                    world.evict(&edges[world.dice.below(edges.len())]);
                }
            }
        }
        Kind::ClockPutBack => {
            let edges = world.edges();
            if edges.is_empty() {
                return;
            }
            let machine = Rc::clone(&edges[world.dice.below(edges.len())].machine);
            world.faults.note(kind, "isolate");
            let before = machine.offset.replace(3_600_000);
            world.executor.sleep(lasts).await;
            world.trace.note(world.now(), &machine.name, "", || "its clock is put back".to_owned());
            machine.offset.set(before);
            // What it began before, it judges by the former time.
            machine.was_wrong.set(true);
            world.executor.sleep(BEGUN_BEFORE).await;
            machine.was_wrong.set(false);
        }
        Kind::FeedMoves => {
            move_feed(world, "feed", lasts).await;
        }
        Kind::Rollout
        | Kind::HastyRollout
        | Kind::MasterRemoved
        | Kind::IssuerMoved
        | Kind::NewerMessages
        | Kind::OlderMessages => {
            if world.rolling.replace(true) {
                return;
            }
            world.faults.note(kind, "version");
            let mut version = world.deployed.borrow().clone();
            match kind {
                Kind::MasterRemoved if world.oldest_master.get().is_none() => {
                    operators::remove_master(world, &mut version).await;
                }
                Kind::MasterRemoved => {}
                Kind::NewerMessages | Kind::OlderMessages => {
                    let dialect = if kind == Kind::NewerMessages { Dialect::Next } else { Dialect::Old };
                    operators::deploy(world, Version { dialect, ..version.clone() }, false).await;
                    operators::deploy(world, version.clone(), false).await;
                }
                Kind::IssuerMoved => {
                    let moved = Version { is_moved: true, ..version.clone() };
                    operators::deploy(world, moved, false).await;
                    operators::deploy(world, version.clone(), false).await;
                    world.moved_until.set(world.now() + 20 * MINUTE);
                }
                _ => operators::roll_out(world, &mut version, kind == Kind::HastyRollout).await,
            }
            world.deployed.replace(version);
            world.rolling.set(false);
        }
        Kind::OtherDeployment => {
            for _ in 0..lasts / MINUTE {
                world.faults.note(kind, "feed");
                let version = Timestamp::from_millis(START + world.now());
                let empty = FeedCopy::new(version, None, [].into_iter(), [].into_iter()).encode();
                world.kv.write("revocations", &empty, world.now());
                world.executor.sleep(MINUTE).await;
            }
        }
        // The limits of a plan do not come and go.
        Kind::SubrequestsUsedUp => world.executor.sleep(world.dice.between(20 * MINUTE, 120 * MINUTE)).await,
        Kind::Quiet => world.executor.sleep(world.dice.between(20 * MINUTE, 150 * MINUTE)).await,
        Kind::IssuerRotatesBadly => {
            world.faults.note(kind, "key");
            world.upstream.publish(world);
            if world.dice.percent(50) {
                world.upstream.withdraw(world);
            }
            world.executor.sleep(lasts).await;
        }
        _ => world.executor.sleep(lasts).await,
    }
}

/// The other issuer changes its keys: the next one is published long before it signs, and the former one goes long after.
pub(crate) fn rotate_upstream(world: &Rc<World>) {
    let world = Rc::clone(world);
    Rc::clone(&world).executor.spawn(world.people, async move {
        loop {
            world.executor.sleep(world.dice.about(40 * MINUTE)).await;
            world.upstream.publish(&world);
            world.executor.sleep(world.dice.between(25 * MINUTE, 50 * MINUTE)).await;
            world.upstream.withdraw(&world);
        }
    });
}
