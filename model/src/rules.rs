//! The promises, each a rule that every reachable state keeps.
//!
//! They are written against what happened (a little history that the world keeps by itself),
//! not against the fields by which the code decides.

use postern_app::{
    account::Granted,
    refresh::{RefusalCause, SignInReason},
};

use crate::{
    object::{
        ABSOLUTE, Agent, Ask, Effect, Generation, IDLE, LATE_RUN, MAX_LATE, ObjectId, Objects, REUSE, Reply,
        Trouble, WINDOW,
    },
    records::{Life, View},
    world::{Scene, World},
};

macro_rules! rules {
    ($($name:ident = $bit:literal: $text:literal;)*) => {
        $(pub(crate) const $name: u32 = 1 << $bit;)*
        /// Every rule: its bit and its words.
        pub(crate) const ALL: &[(u32, &str)] = &[$(($name, $text)),*];
    };
}

rules! {
    ONE_LEAF = 0: "at most one live leaf: one successor for each generation, one token that rotates";
    PARENT_ONLY = 1: "nothing older than the parent is ever granted";
    ACKNOWLEDGED = 2: "an acknowledged rotation is never lost";
    NOT_LOST = 3: "a lost answer never ends an honest session inside its window";
    NO_FALSE_THEFT = 4: "no honest history is called theft inside the window";
    FOUND_AT_GATE = 5: "a thief who used the gate is found out at the owner's next refresh that is later than the reuse interval after the rotation and after the receipt";
    LATE_RULE = 6: "after three late-only rotations in a row nothing rotates";
    ANCHORED = 7: "the parent is granted inside its anchored window alone, and late ones are events";
    RECEIPT = 8: "a confirmed parent is good for the reuse interval after the rotation and after the receipt alone";
    REVOKED = 9: "nothing is accepted after a revocation was answered";
    FINAL = 10: "an ended family never lives again";
    REUSE_ENDS = 11: "found reuse ends the family for everybody";
    LIFETIMES = 12: "nothing is granted after the idle or absolute lifetime";
    FAULTS = 13: "a fault changes nothing but what was committed, and is never a refusal";
    GARBAGE = 14: "garbage never changes state";
    DISTANCE = 15: "the distance is exact";
    THROTTLE = 16: "one rotation gets so many late retries and no more";
    SAME_PROGRAM = 17: "a late retry goes to the program that rotated last alone";
}

/// What every run of a scene must have met at least once, or its rules hold for nothing.
pub(crate) mod met {
    pub(crate) const ROTATE: u32 = 1;
    pub(crate) const RETRY: u32 = 1 << 1;
    pub(crate) const LATE_RETRY: u32 = 1 << 2;
    pub(crate) const THROTTLED: u32 = 1 << 3;
    pub(crate) const SIGN_IN: u32 = 1 << 4;
    pub(crate) const REUSE: u32 = 1 << 5;
    pub(crate) const EXPIRED: u32 = 1 << 6;
    pub(crate) const ENDED: u32 = 1 << 7;
    pub(crate) const FOUND_AT_GATE: u32 = 1 << 8;
    pub(crate) const UNAVAILABLE: u32 = 1 << 9;
    pub(crate) const SWEPT: u32 = 1 << 10;
    pub(crate) const NAMES: [&str; 11] = [
        "rotation",
        "retry",
        "late retry",
        "429",
        "sign-in demanded",
        "reuse found",
        "expiry",
        "refusal after the end",
        "thief found by the gate",
        "fault",
        "sweep",
    ];
}

/// Who presents a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    Owner,
    Thief,
}

/// The rules that a decision on a presented token breaks.
pub(crate) fn judge(
    scene: &Scene,
    world: &World,
    (who, agent): (Who, Agent),
    generation: Generation,
    before: View,
    effect: &Effect,
    after: View,
) -> u32 {
    let distance = i64::from(before.count) - i64::from(generation);
    let found_late = world.late_run + u8::from(world.late > 0) >= LATE_RUN;
    let expired = world.age >= IDLE || (scene.absolute && world.created >= ABSOLUTE);
    let just_confirmed = world.confirmed.is_some_and(|age| age < REUSE);
    let owner_robbed = who == Who::Owner && world.thief_used && world.age >= REUSE && !just_confirmed;
    let mut broken = 0;
    let mut must = |holds: bool, rule: u32| {
        if !holds {
            broken |= rule;
        }
    };
    match effect.reply {
        Reply::Granted { how, successor, count, distance: told } => {
            must(told == distance, DISTANCE);
            must(!world.revoked, REVOKED);
            must(before.alive(), FINAL);
            must(!expired, LIFETIMES);
            must(!owner_robbed, FOUND_AT_GATE);
            must(distance <= 1, PARENT_ONLY);
            // The counts of the answer and of the record, the latter perhaps renamed.
            let next = generation + 1;
            must(successor == Some(next) && count == u32::from(next), ONE_LEAF);
            must(after.count == next - u8::from(effect.renamed) && after.true_secret, ONE_LEAF);
            if distance == 0 {
                must(how == Granted::Rotate, ONE_LEAF);
                must(!found_late, LATE_RULE);
            } else if world.age < REUSE {
                must(how == Granted::Retry, ANCHORED);
            } else {
                must(how == Granted::LateRetry, ANCHORED);
                must(world.age < WINDOW || just_confirmed, ANCHORED);
                must(world.confirmed.is_none() || just_confirmed, RECEIPT);
                must(world.late < MAX_LATE, THROTTLE);
                must(world.rotated_by == agent, SAME_PROGRAM);
            }
        }
        Reply::Refused { cause, distance: told } => {
            must(told.is_none_or(|told| told == distance), DISTANCE);
            let reuse = cause == RefusalCause::Reuse;
            must(!reuse || matches!(after.life, Life::Ended { reuse: true }), REUSE_ENDS);
            if before.alive() && !expired && who == Who::Owner {
                must(distance < 2 || reuse, FOUND_AT_GATE);
                must(!owner_robbed || reuse, FOUND_AT_GATE);
            }
            if scene.unstarved && who == Who::Owner && cause == RefusalCause::Throttled {
                must(!world.late_by_thief, NOT_LOST);
            }
            if who == Who::Owner && world.thief.is_none() {
                match cause {
                    // An answer was lost and he comes back too late.
                    RefusalCause::Reuse => {
                        let too_late = distance == 1 && world.age >= WINDOW && world.confirmed.is_none();
                        must(too_late && !scene.never_too_late, NO_FALSE_THEFT);
                    }
                    RefusalCause::Ended { .. } => must(!before.alive(), NOT_LOST),
                    RefusalCause::UnknownFamily => must(before.life == Life::Gone, NOT_LOST),
                    RefusalCause::Expired { .. } => must(expired, NOT_LOST),
                    RefusalCause::Throttled => must(distance == 1 && world.late >= MAX_LATE, NOT_LOST),
                    RefusalCause::SignIn { rule: SignInReason::LateRetries } => {
                        must(distance == 0 && found_late, NOT_LOST);
                    }
                    _ => must(false, NOT_LOST),
                }
            }
        }
        _ => must(false, FAULTS),
    }
    broken
}

/// What a decision lets a scene say it has met.
pub(crate) fn note(world: &World, who: Who, reply: Reply) -> u32 {
    match reply {
        Reply::Granted { how: Granted::Rotate, .. } => met::ROTATE,
        Reply::Granted { how: Granted::Retry, .. } => met::RETRY,
        Reply::Granted { how: Granted::LateRetry, .. } => met::LATE_RETRY,
        Reply::Refused { cause, .. } => match cause {
            RefusalCause::Throttled => met::THROTTLED,
            RefusalCause::SignIn { .. } => met::SIGN_IN,
            RefusalCause::Reuse if who == Who::Owner && world.thief_used => met::REUSE | met::FOUND_AT_GATE,
            RefusalCause::Reuse => met::REUSE,
            RefusalCause::Expired { .. } => met::EXPIRED,
            RefusalCause::Ended { .. } => met::ENDED,
            _ => 0,
        },
        _ => 0,
    }
}

/// The rules that an object breaks by what it would answer next: every token that exists and
/// every kind of garbage is tried on a copy.
pub(crate) fn probe(objects: &Objects, id: ObjectId) -> u32 {
    let view = objects.view(id);
    let ask = |ask| objects.ask(id, ask, Trouble::None);
    let expired = matches!(view.life, Life::Alive { expired: true, .. });
    let mut broken = 0;
    let mut must = |holds: bool, rule: u32| {
        if !holds {
            broken |= rule;
        }
    };

    let mut leaves = 0;
    for generation in 0..=view.count {
        let effect = ask(Ask::Rotate { generation, agent: Agent::Owner });
        let exact = i64::from(view.count) - i64::from(generation);
        match effect.reply {
            Reply::Granted { how, distance, .. } => {
                leaves += u8::from(how == Granted::Rotate);
                must(distance == exact, DISTANCE);
                must(view.alive(), FINAL);
            }
            Reply::Refused { distance, .. } => must(distance.is_none_or(|told| told == exact), DISTANCE),
            _ => must(false, FAULTS),
        }
        must(view.alive() || effect.object == id, FINAL);
    }
    must(leaves <= 1, ONE_LEAF);
    must(view.alive() || ask(Ask::Check).reply == Reply::Checked { alive: false }, FINAL);

    for generation in 0..=view.count + 1 {
        let forged = ask(Ask::Forged { generation });
        must(!matches!(forged.reply, Reply::Granted { .. }), GARBAGE);
        must(generation != view.count || expired || forged.object == id, GARBAGE);
        must(generation == view.count || ask(Ask::Confirm { generation }).object == id, GARBAGE);
    }
    let again = Ask::Confirm { generation: view.count };
    must(!matches!(view.life, Life::Alive { confirmed: true, .. }) || ask(again).object == id, RECEIPT);
    let stolen = ask(Ask::WrongClient { generation: view.count });
    must(!matches!(stolen.reply, Reply::Granted { .. }) && (expired || stolen.object == id), GARBAGE);
    broken
}
