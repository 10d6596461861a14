//! Everybody else: thieves, guessers, users of another issuer, and senders of garbage.

use core::cell::RefCell;
use std::rc::Rc;

use postern_app::encoding::base64url;
use serde_json::json;

use crate::{
    client::{self, Device, Got, Pair},
    faults::Kind,
    invariants, judge,
    ledger::Target,
    machine::START,
    owners::{Owner, haunt},
    settings::{PASSWORD, THEIRS},
    upstream::UpstreamKey,
    world::{Answer, Answered, World},
};

/// How long after its publication another issuer's key may be unknown here: the pause between two fetches, and a fetch.
const LEARNED: u64 = 75_000;
/// Three soft ages, and a fetch.
const WITHDRAWN: u64 = 3 * 300_000 + 60_000;
/// For how long the other issuer's failures may show: its circuit opens for minutes.
const ISSUER_AFTERMATH: u64 = 1_200_000;
/// How many guesses an account admits in a minute.
const GUESSES: u64 = 5;

/// Steals now and then, and uses what was stolen.
pub(crate) fn thief(world: &Rc<World>, owners: &Rc<Vec<Rc<Owner>>>, pause: u64) {
    let (world, owners) = (Rc::clone(world), Rc::clone(owners));
    Rc::clone(&world).executor.spawn(world.people, async move {
        loop {
            world.executor.sleep(world.dice.about(pause)).await;
            let owner = &owners[world.dice.below(owners.len())];
            let (Some(access), Some(current)) = (owner.access(), owner.refresh_token()) else { continue };
            let device = Device::new(&world, "thief");
            match world.dice.below(4) {
                0 => haunt(&world, access),
                1 => {
                    world.ledger.excuse(&access.sid, world.now(), "stolen");
                    share(&world, &device, current).await;
                }
                _ => {
                    let Some(old) = owner.old_refresh_token() else { continue };
                    world.ledger.excuse(&access.sid, world.now(), "stolen");
                    replay(&world, &device, &old, &access.sid).await;
                }
            }
        }
    });
}

/// Refreshes with a stolen token, and goes on with what comes of it.
async fn share(world: &Rc<World>, device: &Device, mut token: String) {
    for _ in 0..world.dice.between(1, 8) {
        let body = json!({ "refresh_token": token });
        let (got, answered) = device.call(world, "POST", "/auth/refresh", None, &body).await;
        match got {
            Got::Done(body) => {
                let Some(Pair { access, refresh }) = client::pair(world, &body, &answered) else { return };
                if world.dice.percent(70) {
                    device.visit(world, "/feed", &access).await;
                }
                haunt(world, access);
                token = refresh;
            }
            Got::Refused(..) => return,
            Got::Later => {}
        }
        world.executor.sleep(world.dice.between(5000, 900_000)).await;
    }
}

/// Presents a refresh token that was replaced long ago, to refresh or to sign the user out everywhere.
async fn replay(world: &Rc<World>, device: &Device, old: &str, sid: &str) {
    let path = ["/auth/refresh", "/auth/logout-all", "/auth/logout"][world.dice.below(3)];
    let (got, _) = device.call(world, "POST", path, None, &json!({ "refresh_token": old })).await;
    world.ledger.look(invariants::REUSE);
    // Refused for good by the family, and not for want of its master secret: it has ended.
    if matches!(got, Got::Refused(..)) && path == "/auth/refresh" && world.oldest_master.get().is_none() {
        world.ledger.ended_by_rule(sid, world.now());
    }
    // A logout of a session that has ended is 204.
    let granted = matches!(got, Got::Done(_)) && path != "/auth/logout";
    if granted {
        world.ledger.violated(invariants::REUSE, world.now(), format!("{path} took a token replaced twice"));
    }
}

/// Guesses at one account from many addresses, in bursts.
pub(crate) fn guesser(world: &Rc<World>, pause: u64) {
    let world = Rc::clone(world);
    Rc::clone(&world).executor.spawn(world.people, async move {
        let mut victim = 0;
        loop {
            world.executor.sleep(world.dice.about(pause)).await;
            victim += 1;
            if world.dice.percent(50) {
                burst(&world, victim).await;
            } else {
                patience(&world, victim).await;
            }
        }
    });
}

/// Twelve guesses at once at an account that was not guessed at before.
async fn burst(world: &Rc<World>, victim: u32) {
    let (begun, refused) = (world.now(), Rc::new(RefCell::new(0)));
    for _ in 0..12 {
        let (world, refused) = (Rc::clone(world), Rc::clone(&refused));
        Rc::clone(&world).executor.spawn(world.people, async move {
            world.executor.sleep(world.dice.between(0, 4000)).await;
            let device = Device::new(&world, "guesser");
            let login = format!("victim{victim}@example.com");
            let body = json!({"login": login, "password": "a guess of many", "delivery": "body"});
            let (got, _) = device.call(&world, "POST", "/auth/login", None, &body).await;
            if matches!(got, Got::Refused(401, _)) {
                *refused.borrow_mut() += 1;
            }
        });
    }
    world.executor.sleep(45_000).await;
    world.ledger.look(invariants::GUESSES);
    let (seen, minutes) = (*refused.borrow(), (world.now() - begun).div_ceil(60_000));
    // A crash of the Throttle object before its commit gives guesses back, as their answers never left.
    if seen > GUESSES * (1 + minutes) - 1 {
        let seen = format!("{seen} guesses at one account were tried within a minute");
        world.ledger.violated(invariants::GUESSES, world.now(), seen);
    }
}

/// Five guesses at once, one more a minute later, and one after another minute, which is right: the sixth has locked the
/// account for ten minutes.
async fn patience(world: &Rc<World>, victim: u32) {
    let login = format!("victim{victim}@example.com");
    let body = json!({"login": login, "password": PASSWORD});
    let device = Device::new(world, "user who is guessed at");
    let (Got::Done(_), _) = device.call(world, "POST", "/auth/register", None, &body).await else { return };
    for wrong in 0..6 {
        // A refusal of another kind is no guess, and a fault may have given it back.
        let (Got::Refused(401, _), answered) = guess(world, &login, "a guess of many").await else { return };
        if !answered.call.hits.borrow().is_empty() {
            return;
        }
        let pause =
            if wrong < 4 { world.dice.between(200, 2000) } else { world.dice.between(65_000, 80_000) };
        world.executor.sleep(pause).await;
    }
    let (got, _) = guess(world, &login, PASSWORD).await;
    world.ledger.look(invariants::GUESSES);
    if matches!(got, Got::Done(_)) {
        let seen = format!("the seventh guess at {login} was tried a minute after the sixth");
        world.ledger.violated(invariants::GUESSES, world.now(), seen);
    }
}

/// A guess from an address of its own.
async fn guess(world: &Rc<World>, login: &str, password: &str) -> (Got, Answered) {
    let body = json!({"login": login, "password": password, "delivery": "body"});
    Device::new(world, "guesser").call(world, "POST", "/auth/login", None, &body).await
}

/// A user of the other issuer.
pub(crate) fn foreigner(world: &Rc<World>, number: usize, pause: u64) {
    let world = Rc::clone(world);
    Rc::clone(&world).executor.spawn(world.people, async move {
        let device = Device::new(&world, &format!("user of the other issuer {number}"));
        let subject = format!("foreign{number}");
        let mut held: Option<(String, UpstreamKey, u64)> = None;
        loop {
            world.executor.sleep(world.dice.about(pause)).await;
            if world.faults.is_on(Kind::Quiet) {
                continue;
            }
            let fresh =
                held.as_ref().filter(|(_, key, at)| at + 500_000 > world.now() && is_published(&world, key));
            let (token, key, issued) = if let Some(held) = fresh {
                held.clone()
            } else {
                let lead = if world.faults.has(Kind::IssuerRotatesBadly) { 0 } else { 1_200_000 };
                let Some(key) = world.upstream.signing_key(world.now(), lead) else { continue };
                let token = world.upstream.token(&world, &key, &subject);
                (token, key, world.now())
            };
            held = Some((token.clone(), key.clone(), issued));
            let (status, answered) = device.visit_with(&world, THEIRS, &token).await;
            judge_theirs(&world, &key, issued, &subject, status, &answered);
        }
    });
}

fn is_published(world: &World, key: &UpstreamKey) -> bool {
    world.upstream.key(&key.kid).is_some_and(|key| key.withdrawn_at.is_none())
}

fn judge_theirs(
    world: &World,
    key: &UpstreamKey,
    issued: u64,
    subject: &str,
    status: Option<u16>,
    answered: &Answered,
) {
    let ledger = &world.ledger;
    let target = Target::Foreign(subject.to_owned());
    let revocations = ledger.revocations.borrow();
    let of_subject = || revocations.iter().filter(|revocation| revocation.target == target);
    let clock = judge::is_clock_wrong(answered.machine.as_ref());
    let failed = world.upstream.failed_at.get().is_some_and(|at| at + ISSUER_AFTERMATH > answered.begun)
        || world.upstream.unreached_at.get().is_some_and(|at| at + 2 * LEARNED > answered.begun)
        || answered.begun < world.moved_until.get();
    match status {
        None | Some(429) => {}
        Some(200) => {
            let machine = answered.machine.as_ref();
            for revocation in of_subject() {
                ledger.look(invariants::FOREIGN_REVOKED);
                let over = revocation.at.is_some_and(|at| answered.begun > at + 105_000 && issued < at);
                if over && !judge::is_feed_away(world, machine, answered.begun) {
                    let seen = format!("{subject} passes after their revocation");
                    ledger.violated(invariants::FOREIGN_REVOKED, world.now(), seen);
                }
            }
        }
        Some(500..) => {
            ledger.look(invariants::AVAILABLE);
            if !failed && !judge::is_excused(world, &answered.call, answered.machine.as_ref()) {
                let seen = format!("{THEIRS}: {status:?} without a fault");
                ledger.violated(invariants::AVAILABLE, world.now(), seen);
            }
        }
        Some(status) => {
            ledger.look(invariants::FOREIGN);
            let young = answered.begun < key.published_at + LEARNED;
            let gone = !is_published(world, key);
            let revoked = of_subject().any(|revocation| revocation.asked_at <= answered.ended);
            if young || gone || clock || revoked || (failed && !is_learned(world, key, answered.begun)) {
                return;
            }
            let seen = format!("{status} for a sound token of the key {}", key.kid);
            ledger.violated(invariants::FOREIGN, world.now(), seen);
        }
    }
}

/// Whether a good set with the key was fetched here: no failure of the issuer's takes it away. What the object that
/// fetches cannot keep or tell is another fault.
fn is_learned(world: &World, key: &UpstreamKey, now: u64) -> bool {
    if judge::may_delay_outbox(world) || world.faults.has(Kind::IssuerMoved) {
        return now >= key.published_at + 2 * ISSUER_AFTERMATH;
    }
    let known = world.upstream.key(&key.kid);
    known.and_then(|key| key.fetched_at).is_some_and(|at| at + LEARNED < now)
}

/// Signs with keys that the other issuer took down, and sends tokens of keys that never were.
pub(crate) fn forger(world: &Rc<World>, pause: u64) {
    let world = Rc::clone(world);
    Rc::clone(&world).executor.spawn(world.people, async move {
        let device = Device::new(&world, "holder of an old key of the other issuer");
        loop {
            world.executor.sleep(world.dice.about(pause)).await;
            if world.dice.percent(50) {
                garbage(&world, &device).await;
                continue;
            }
            let Some(key) = world.upstream.withdrawn() else { continue };
            let token = world.upstream.token(&world, &key, "somebody");
            let (_, answered) = device.visit_with(&world, THEIRS, &token).await;
            world.ledger.look(invariants::WITHDRAWN);
            let over = key.withdrawn_at.is_some_and(|at| answered.begun > at + WITHDRAWN);
            let failed =
                world.upstream.failed_at.get().is_some_and(|at| at + ISSUER_AFTERMATH > answered.begun);
            let excused = failed
                || answered.begun < world.moved_until.get() + ISSUER_AFTERMATH
                || judge::is_excused(&world, &answered.call, answered.machine.as_ref())
                || judge::may_delay_outbox(&world);
            if matches!(answered.answer, Answer::Forwarded) && over && !excused {
                let seen = format!("the key {} passes, taken down at {:?}", key.kid, key.withdrawn_at);
                world.ledger.violated(invariants::WITHDRAWN, world.now(), seen);
            }
        }
    });
}

/// Twenty tokens of unknown keys.
async fn garbage(world: &Rc<World>, device: &Device) {
    for number in 0..20 {
        let now = (START + world.now()) / 1000;
        let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": format!("x{}", world.dice.word())});
        let claims = json!({"iss": crate::upstream::ISSUER, "sub": "x", "aud": "api", "exp": now + 600,
            "iat": now, "client_id": "c", "jti": number.to_string()});
        let input = [header, claims].map(|part| base64url(part.to_string().as_bytes())).join(".");
        let token = format!("{input}.{}", base64url(&[0; 64]));
        device.visit_with(world, THEIRS, &token).await;
        world.executor.sleep(world.dice.between(100, 2000)).await;
    }
}
