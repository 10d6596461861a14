//! The administrator, and the team that deploys.

use std::rc::Rc;

use serde_json::{Value, json};

use crate::{
    client::{Device, Got},
    faults::Kind,
    invariants,
    ledger::Target,
    owners::Owner,
    settings::{CLIENTS, PASSWORD, Version},
    upstream::ISSUER,
    world::World,
};

/// How many master secrets are kept: none is taken out while it is in use.
const MASTERS: usize = 7;

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
                (5, Some(held)) => {
                    let body = json!({"kind": "access_token", "jti": held.jti});
                    ("/admin/revocations".to_owned(), body, Some(Target::Token(held.jti)))
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
            if !world.faults.is_on(Kind::Quiet) {
                device.call(&world, "GET", "/readyz", None, &Value::Null).await;
            }
        }
    });
}
