//! The administrator, and the team that deploys.

use std::rc::Rc;

use serde_json::{Value, json};

use crate::{
    client::{Device, Got},
    faults::Kind,
    invariants,
    ledger::Target,
    owners::{Owner, haunt},
    settings::{CLIENTS, PASSWORD, Version},
    upstream::ISSUER,
    windows::move_feed,
    world::World,
};

/// How many isolates may look for themselves in the time of a flood, each a few times.
const MOST_PROBES: u64 = 100;
/// How many looks of one isolate may be lost in that time.
const MOST_LOST_LOOKS: u64 = 15;
/// How many calls a flood has.
const FLOOD: u64 = 200;
/// How many master secrets are kept: none is taken out while it is in use.
const MASTERS: usize = 7;

/// For how long an incident finds the feed's object on another machine.
const MOVED: u64 = 30_000;

/// Revokes and rotates now and then, at any of the levels, and reads the audit log.
pub(crate) fn administrator(world: &Rc<World>, owners: &Rc<Vec<Rc<Owner>>>, foreigners: usize, pause: u64) {
    let (world, owners) = (Rc::clone(world), Rc::clone(owners));
    Rc::clone(&world).executor.spawn(world.people, async move {
        let device = Device::new(&world, "administrator");
        loop {
            world.executor.sleep(world.dice.about(pause)).await;
            let Some(token) = sign_in(&world, &device).await else { continue };
            let owner = &owners[world.dice.below(owners.len())];
            let held = owner.access();
            let text = |value: &str| value.to_owned();
            let (path, body, target) = match (world.dice.below(12), held) {
                (0..=3, Some(held)) => {
                    let body = json!({"kind": "session", "sub": held.sub, "session_id": held.sid});
                    ("/admin/revocations".to_owned(), body, Some(Target::Session(held.sid)))
                }
                (4, Some(held)) => {
                    let body = json!({"kind": "subject", "sub": held.sub});
                    ("/admin/revocations".to_owned(), body, Some(Target::Subject(held.sub)))
                }
                (5, Some(_)) => {
                    incident(&world, &device, &token, &owners).await;
                    continue;
                }
                (6, _) => {
                    let client = CLIENTS[world.dice.below(CLIENTS.len())];
                    let body = json!({"kind": "client", "client_id": client});
                    ("/admin/revocations".to_owned(), body, Some(Target::Client(text(client))))
                }
                (7, Some(held)) => {
                    let body = json!({"kind": "key", "kid": held.kid});
                    ("/admin/revocations".to_owned(), body, Some(Target::Key(held.kid)))
                }
                (8, _) => ("/admin/keys/rotate".to_owned(), json!({}), None),
                (10, Some(held)) => {
                    lock_out(&world, &device, &held.sub);
                    continue;
                }
                (9, _) => {
                    let subject = format!("foreign{}", world.dice.below(foreigners.max(1)));
                    let body = json!({"kind": "subject", "issuer": ISSUER, "sub": subject});
                    ("/admin/revocations".to_owned(), body, Some(Target::Foreign(subject)))
                }
                _ => {
                    audit(&world, &device, &token).await;
                    continue;
                }
            };
            order(&world, &device, &token, (&path, &body), target).await;
        }
    });
}

/// Access tokens leaked: those of all users are revoked one after the other, and their thieves go on to use them.
async fn incident(world: &Rc<World>, device: &Device, token: &str, owners: &Rc<Vec<Rc<Owner>>>) {
    for (number, held) in owners.iter().filter_map(|owner| owner.access()).enumerate() {
        // The platform moves the object just then: what it said a second ago is of a time that it has not reached again.
        if number == 1 && world.faults.has(Kind::FeedMoves) && !world.faults.is_on(Kind::FeedMoves) {
            let there = Rc::clone(world);
            world.executor.spawn(world.root, async move { move_feed(&there, "incident", MOVED).await });
        }
        let (there, device, token) = (Rc::clone(world), device.clone(), token.to_owned());
        haunt(world, held.clone());
        world.executor.spawn(world.people, async move {
            let body = json!({"kind": "access_token", "jti": held.jti});
            let target = Some(Target::Token(held.jti));
            order(&there, &device, &token, ("/admin/revocations", &body), target).await;
        });
        world.executor.sleep(world.dice.between(50, 1500)).await;
    }
}

/// Disables a user for some seconds, which ends all of their sessions. It goes on until the user is enabled again.
fn lock_out(world: &Rc<World>, device: &Device, subject: &str) {
    // Stored with the user; the Account object may learn of it later.
    world.ledger.ordered(Target::Subject(subject.to_owned()), world.now());
    let (there, device, subject) = (Rc::clone(world), device.clone(), subject.to_owned());
    world.executor.spawn(world.root, async move {
        for change in ["disable", "enable"] {
            let path = format!("/admin/users/{subject}/{change}");
            loop {
                if let Some(token) = sign_in(&there, &device).await
                    && let (Got::Done(_), _) =
                        device.call(&there, "POST", &path, Some(&token), &json!({})).await
                {
                    break;
                }
                there.executor.sleep(there.dice.between(5000, 20_000)).await;
            }
        }
    });
}

/// An access token of a new sign-in: older ones change nothing.
pub(crate) async fn sign_in(world: &Rc<World>, device: &Device) -> Option<String> {
    let body = json!({"login": "admin@example.com", "password": PASSWORD, "delivery": "body"});
    let (got, _) = device.call(world, "POST", "/auth/login", None, &body).await;
    match got {
        Got::Done(body) => body["access_token"].as_str().map(str::to_owned),
        _ => None,
    }
}

/// Gives an order, and repeats it until it is answered.
async fn order(
    world: &Rc<World>,
    device: &Device,
    token: &str,
    (path, body): (&str, &Value),
    target: Option<Target>,
) {
    let number = target.map(|target| world.ledger.ordered(target, world.now()));
    for _ in 0..6 {
        let (got, answered) = device.call(world, "POST", path, Some(token), body).await;
        match got {
            Got::Done(body) => {
                if let Some(number) = number {
                    let by_feed = body["refused_by_the_feed_at"].is_number();
                    let is_off = crate::judge::is_clock_wrong(answered.machine.as_ref());
                    world.ledger.stored(number, answered.ended, by_feed, is_off);
                    let machine = answered.machine.as_ref().map_or("", |machine| &machine.name);
                    world.ledger.taken_by(number, machine);
                }
                return;
            }
            Got::Refused(..) => return,
            Got::Later => world.executor.sleep(world.dice.between(2000, 6000)).await,
        }
    }
}

/// Reads the audit log: every link of its chain must fit.
async fn audit(world: &Rc<World>, device: &Device, token: &str) {
    let (got, _) = device.call(world, "GET", "/admin/audit?limit=200", Some(token), &Value::Null).await;
    let Got::Done(body) = got else { return };
    world.ledger.look(invariants::AUDIT);
    let is_bad = |name: &str| match &body[name] {
        Value::Array(list) => !list.is_empty(),
        Value::Number(count) => count.as_u64() != Some(0),
        Value::Null => false,
        other => other != &Value::Bool(false),
    };
    if is_bad("forged") {
        world.ledger.violated(invariants::AUDIT, world.now(), format!("forged: {}", body["forged"]));
    }
    // Each with an entry before it and one after it, if that could be written.
    let (last, fewest) = (body["last"].as_u64().unwrap_or_default(), world.ledger.entries.get());
    if last < fewest {
        let seen = format!("the log ends with entry {last}, and {fewest} were written");
        world.ledger.violated(invariants::AUDIT, world.now(), seen);
    }
}

/// A new version with another current master secret is rolled out: in two deployments, or hastily in one.
pub(crate) async fn roll_out(world: &Rc<World>, version: &mut Version, hasty: bool) {
    let next = version.masters.iter().max().copied().unwrap_or(1).saturating_add(1);
    let mut both = version.masters.clone();
    if both.len() >= MASTERS {
        return;
    }
    if !hasty {
        let accepted = Version { masters: [both.clone(), vec![next]].concat(), ..version.clone() };
        deploy(world, accepted, false).await;
    }
    both.insert(0, next);
    *version = Version { masters: both, ..version.clone() };
    deploy(world, version.clone(), hasty).await;
}

/// Rolls a version out gradually.
pub(crate) async fn deploy(world: &Rc<World>, version: Version, hasty: bool) {
    world.share.set(0);
    world.deploy(&version);
    world.trace.note(world.now(), "team", "", || format!("deploys {version:?}"));
    for share in [20, 50, 80, 100] {
        world.share.set(share);
        if hasty {
            // Until what the former version cannot read yet was answered.
            world.newer_master_until.set(world.now() + 700_000);
        }
        if world.faults.has(Kind::OlderMessages) {
            world.older_until.set(world.now() + 500_000);
        }
        if version.is_moved {
            world.moved_until.set(world.now() + 1_600_000);
        }
        world.executor.sleep(world.dice.between(20_000, 400_000)).await;
    }
    // The former version answers no more.
    for edge in world.edges() {
        if edge.version + 1 < world.version_count() {
            world.evict(&edge);
        }
    }
    for object in world.all_objects() {
        world.reset(&object);
    }
}

/// A master secret is taken out while a user's password hash is still under it.
pub(crate) async fn remove_master(world: &Rc<World>, version: &mut Version) {
    let device = Device::new(world, "user who was away");
    let login = json!({"login": "away@example.com", "password": PASSWORD, "delivery": "body"});
    device.call(world, "POST", "/auth/register", None, &login_of(&login)).await;
    world.executor.sleep(60_000).await;
    roll_out(world, version, false).await;
    version.masters.truncate(1);
    world.oldest_master.set(version.masters.first().copied());
    deploy(world, version.clone(), false).await;
    world.executor.sleep(60_000).await;
    let (_, answered) = device.call(world, "POST", "/auth/login", None, &login).await;
    world.ledger.look(invariants::REMOVED_MASTER);
    if let crate::world::Answer::Reply(reply) = &answered.answer
        && reply.status >= 500
        && !crate::judge::is_excused(world, &answered.call, answered.machine.as_ref())
    {
        let seen = format!("a sign-in under a removed master: {}", reply.status);
        world.ledger.violated(invariants::REMOVED_MASTER, world.now(), seen);
    }
}

fn login_of(body: &Value) -> Value {
    json!({"login": body["login"], "password": body["password"]})
}

/// The health of the deployment, which anybody may ask for.
pub(crate) fn prober(world: &Rc<World>, pause: u64) {
    let world = Rc::clone(world);
    Rc::clone(&world).executor.spawn(world.people, async move {
        let device = Device::new(&world, "prober");
        loop {
            world.executor.sleep(world.dice.about(pause)).await;
            if world.faults.is_on(Kind::Quiet) {
                continue;
            }
            if world.dice.percent(90) {
                device.call(&world, "GET", "/readyz", None, &Value::Null).await;
            } else {
                flood(&world).await;
            }
        }
    });
}

/// Anybody asks for the health two hundred times within ten seconds.
async fn flood(world: &Rc<World>) {
    let before = world.probes.get();
    for _ in 0..FLOOD {
        let there = Rc::clone(world);
        world.executor.spawn(world.people, async move {
            let device = Device::new(&there, "flood");
            device.call(&there, "GET", "/readyz", None, &Value::Null).await;
        });
        world.executor.sleep(world.dice.between(10, 100)).await;
    }
    world.executor.sleep(20_000).await;
    world.ledger.look(invariants::READY);
    let probes = world.probes.get() - before;
    // A look that takes longer than 2 s counts as lost, and each isolate begins another.
    let hanging = [Kind::ObjectSlow, Kind::ObjectAnswerLost, Kind::DatabaseHangs, Kind::KvReads];
    let hangs = hanging.into_iter().any(|kind| world.faults.has(kind));
    let isolates = u64::try_from(world.edges().len()).unwrap_or(u64::MAX);
    let most = if hangs { MOST_PROBES.max(MOST_LOST_LOOKS * isolates) } else { MOST_PROBES };
    if probes > most {
        let seen = format!("{probes} of {FLOOD} calls of /readyz reached the parts");
        world.ledger.violated(invariants::READY, world.now(), seen);
    }
}
