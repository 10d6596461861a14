//! One deployment: its isolates and objects, KV, D1, another issuer, and the requests that clients send it.

use core::cell::{Cell, RefCell};
use std::{collections::BTreeMap, rc::Rc};

use postern_app::{
    config::Config,
    http::{PlainRequest, Reply},
    identity::memory::MemoryIdentity,
    jose::SignatureVerifier as _,
    ports::Component,
    service::{Immediate, Isolate, Outcome, Service},
};
use postern_oauth::stored::memory::MemoryClients;

use crate::{
    dialect::Dialect,
    dice::Dice,
    executor::{Executor, Group, channel},
    faults::{Faults, Kind},
    kv::Kv,
    ledger::Ledger,
    machine::{Call, Machine},
    objects::Object,
    ports::SimPorts,
    settings::Version,
    sockets::{self, Socket},
    trace::Trace,
    upstream::Upstream,
};

/// How many regions there are. Objects are in the first.
pub(crate) const REGIONS: usize = 2;
/// The longest lifetime of an access token that the settings permit.
const LONGEST_TOKEN: core::time::Duration = core::time::Duration::from_mins(15);
/// How many isolates a region has at most.
const ISOLATES: usize = 3;

/// An isolate of the Worker.
pub(crate) struct Edge {
    pub(crate) machine: Rc<Machine>,
    pub(crate) version: usize,
    isolate: Rc<Isolate>,
}

/// What a client got.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The gate forwarded.
    Forwarded,
    /// A WebSocket is open.
    Opened(Rc<Socket>),
    Reply(Reply),
    /// Nothing came: the request or the answer was lost, or the client did not wait any longer.
    Nothing,
}

/// An answer, and what the observer knows of it.
pub(crate) struct Answered {
    pub(crate) answer: Answer,
    pub(crate) call: Rc<Call>,
    pub(crate) machine: Option<Rc<Machine>>,
    /// True times of the arrival at the isolate, and of its answer.
    pub(crate) begun: u64,
    pub(crate) ended: u64,
}

/// What a client sends.
pub(crate) enum Ask {
    /// A request for a route of the gate.
    Gate(PlainRequest),
    /// A call of our own API.
    Own(PlainRequest, Vec<u8>),
}

pub(crate) struct World {
    pub(crate) executor: Rc<Executor>,
    pub(crate) dice: Dice,
    pub(crate) faults: Faults,
    pub(crate) trace: Trace,
    pub(crate) ledger: Ledger,
    pub(crate) kv: Kv,
    pub(crate) users: MemoryIdentity,
    pub(crate) clients: MemoryClients,
    pub(crate) upstream: Upstream,
    /// The tasks that outlive isolates: alarms, and messages on their way.
    pub(crate) root: Group,
    /// The clients.
    pub(crate) people: Group,
    pub(crate) rolling: Cell<bool>,
    pub(crate) deployed: RefCell<Version>,
    objects: RefCell<BTreeMap<(&'static str, String), Rc<Object>>>,
    edges: RefCell<Vec<Rc<Edge>>>,
    edge_numbers: Cell<u32>,
    /// The settings and messages of each version, in the order of their deployment.
    versions: RefCell<Vec<(Config, Dialect)>>,
    object_isolates: RefCell<BTreeMap<usize, Rc<Isolate>>>,
    /// How many of a hundred new isolates are of the newest version, and otherwise of the one before.
    pub(crate) share: Cell<u64>,
    /// The true time until which a version that does not know the current master may answer.
    pub(crate) newer_master_until: Cell<u64>,
    pub(crate) moved_until: Cell<u64>,
    /// Once master secrets were taken out: the lowest id of those that were kept.
    pub(crate) oldest_master: Cell<Option<u8>>,
    pub(crate) kv_failed_at: Cell<Option<u64>>,
    /// When the feed's object was last reset at its alarm, while it writes to KV.
    pub(crate) feed_cut_off_at: Cell<Option<u64>>,
    pub(crate) alarm_late_at: Cell<Option<u64>>,
    pub(crate) refused_writes: Cell<u64>,
    pub(crate) requests: Cell<u64>,
    /// How often a look at the health reached the database.
    pub(crate) probes: Cell<u64>,
    pub(crate) object_resets: Cell<u64>,
    pub(crate) sockets: RefCell<Vec<Rc<Socket>>>,
    /// The true time until which a version with other messages may answer.
    pub(crate) older_until: Cell<u64>,
}

impl World {
    pub(crate) fn new(dice: Dice, faults: Faults, records: bool, config: Config) -> Rc<Self> {
        let executor = Executor::new(dice.fork());
        let (root, people) = (executor.group(), executor.group());
        Rc::new(Self {
            root,
            people,
            rolling: Cell::new(false),
            deployed: RefCell::new(Version::first()),
            dice,
            faults,
            trace: Trace::new(records),
            ledger: Ledger::default(),
            kv: Kv::default(),
            users: MemoryIdentity::default(),
            clients: MemoryClients::default(),
            upstream: Upstream::default(),
            objects: RefCell::default(),
            edges: RefCell::default(),
            edge_numbers: Cell::new(0),
            versions: RefCell::new(vec![(config, Dialect::Current)]),
            object_isolates: RefCell::default(),
            share: Cell::new(100),
            newer_master_until: Cell::new(0),
            moved_until: Cell::new(0),
            oldest_master: Cell::new(None),
            kv_failed_at: Cell::new(None),
            feed_cut_off_at: Cell::new(None),
            alarm_late_at: Cell::new(None),
            refused_writes: Cell::new(0),
            requests: Cell::new(0),
            probes: Cell::new(0),
            object_resets: Cell::new(0),
            sockets: RefCell::default(),
            older_until: Cell::new(0),
            executor,
        })
    }

    /// The true time.
    pub(crate) fn now(&self) -> u64 {
        self.executor.now()
    }

    /// A clock that differs from the true one a little, where this run has such.
    fn offset(&self) -> i64 {
        if !self.faults.has(Kind::ClocksDiffer) {
            return 0;
        }
        self.faults.note(Kind::ClocksDiffer, "machine");
        i64::try_from(self.dice.between(0, 1000)).unwrap_or(0) - 500
    }

    /// The object of this name, which exists as soon as it is called.
    pub(crate) fn object(&self, part: Component, name: &str) -> Rc<Object> {
        let mut objects = self.objects.borrow_mut();
        let make = || {
            let short = &name[..name.len().min(8)];
            let machine = Machine::new(
                format!("object {} {short}", part.name()),
                0,
                self.offset(),
                self.executor.group(),
            );
            Object::new(part, name, machine)
        };
        Rc::clone(objects.entry((part.name(), name.to_owned())).or_insert_with(make))
    }

    pub(crate) fn all_objects(&self) -> Vec<Rc<Object>> {
        self.objects.borrow().values().cloned().collect()
    }

    /// The platform stops the object's instance in the middle of whatever it does; its storage stays.
    pub(crate) fn reset(&self, object: &Rc<Object>) {
        self.object_resets.set(self.object_resets.get() + 1);
        if object.part == Component::RevocationFeed && object.is_ringing.get() {
            self.feed_cut_off_at.set(Some(self.now()));
        }
        self.trace.note(self.now(), &object.machine.name, "", || "is reset".to_owned());
        object.machine.hit("reset", self.now());
        let group = object.machine.group.replace(self.executor.group());
        object.forget_instance();
        self.executor.kill(group);
    }

    /// All clients stop in the middle of what they do.
    pub(crate) fn stop_clients(&self) {
        self.executor.kill(self.people);
    }

    /// Takes apart what holds itself.
    pub(crate) fn clear(&self) {
        self.objects.take();
        self.edges.take();
        self.sockets.take();
    }

    pub(crate) fn version_count(&self) -> usize {
        self.versions.borrow().len()
    }

    /// A version is deployed; it answers with the share that is set.
    pub(crate) fn deploy(&self, version: &Version) {
        self.versions.borrow_mut().push((version.config(), version.dialect));
    }

    /// The version that a new isolate or object gets.
    fn version(&self) -> usize {
        let newest = self.versions.borrow().len() - 1;
        if self.dice.percent(self.share.get()) { newest } else { newest.saturating_sub(1) }
    }

    pub(crate) fn isolate_of(&self, version: usize) -> Rc<Isolate> {
        let mut config = self.versions.borrow()[version].0.clone();
        if self.faults.has(Kind::LongTokens) {
            config.access_token_lifetime = LONGEST_TOKEN;
            self.faults.note(Kind::LongTokens, "isolate");
        }
        let mut isolate = Isolate::new(config).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        if self.faults.has(Kind::FeedSmall) {
            isolate.feed_policy.max_own = 2;
            self.faults.note(Kind::FeedSmall, "isolate");
        }
        Rc::new(isolate)
    }

    /// The settings that an object is started with. Objects of one version share them, as those of one machine do.
    pub(crate) fn isolate_of_some_version(&self) -> (Rc<Isolate>, Dialect) {
        let version = self.version();
        let dialect = self.versions.borrow()[version].1;
        let known = self.object_isolates.borrow().get(&version).cloned();
        let isolate = known.unwrap_or_else(|| {
            let made = self.isolate_of(version);
            self.object_isolates.borrow_mut().insert(version, Rc::clone(&made));
            made
        });
        (isolate, dialect)
    }

    /// An isolate that answers in this region: one that is there, or a new one.
    fn edge(&self, region: usize) -> Rc<Edge> {
        let here: Vec<Rc<Edge>> =
            self.edges.borrow().iter().filter(|edge| edge.machine.region == region).cloned().collect();
        let newest = self.versions.borrow().len() - 1;
        let wanted = if self.dice.percent(self.share.get()) { newest } else { newest.saturating_sub(1) };
        let fitting: Vec<&Rc<Edge>> = here.iter().filter(|edge| edge.version == wanted).collect();
        if fitting.len() >= ISOLATES || (!fitting.is_empty() && !self.dice.percent(3)) {
            return Rc::clone(fitting[self.dice.below(fitting.len())]);
        }
        let number = self.edge_numbers.get() + 1;
        self.edge_numbers.set(number);
        let name = format!("isolate {number} v{wanted} r{region}");
        self.trace.note(self.now(), &name, "", || "starts".to_owned());
        let machine = Machine::new(name, region, self.offset(), self.executor.group());
        machine.dialect.set(self.versions.borrow()[wanted].1);
        let edge = Rc::new(Edge { machine, version: wanted, isolate: self.isolate_of(wanted) });
        self.edges.borrow_mut().push(Rc::clone(&edge));
        edge
    }

    pub(crate) fn edges(&self) -> Vec<Rc<Edge>> {
        self.edges.borrow().clone()
    }

    /// The platform puts an isolate out of memory, with everything that it had begun.
    pub(crate) fn evict(&self, edge: &Rc<Edge>) {
        self.trace.note(self.now(), &edge.machine.name, "", || "is evicted".to_owned());
        self.edges.borrow_mut().retain(|other| !Rc::ptr_eq(other, edge));
        self.executor.kill(edge.machine.group.get());
    }

    /// The platform may stop what an isolate does for one request. What it remembers stays.
    fn may_stop(self: &Rc<Self>, task: u64, machine: &Rc<Machine>) {
        if self.faults.strikes(Kind::RequestStopped, "request") {
            let (world, after, machine) = (Rc::clone(self), self.dice.between(0, 60), Rc::clone(machine));
            self.executor.spawn(self.root, async move {
                world.executor.sleep(after).await;
                world.trace.note(world.now(), &machine.name, "", || "a request is stopped".to_owned());
                machine.hit("stopped", world.now());
                world.executor.cancel(task);
            });
        }
    }

    /// A client sends a request and waits for at most `patience` milliseconds.
    pub(crate) async fn send(self: &Rc<Self>, of: &str, region: usize, ask: Ask, patience: u64) -> Answered {
        let call = Call::new(of, self.now());
        self.requests.set(self.requests.get() + 1);
        let slow = |place| {
            let normal = self.dice.between(5, 60);
            if self.faults.strikes(Kind::NetworkSlow, place) { self.dice.between(500, 8000) } else { normal }
        };
        let nothing = |begun, machine| Answered {
            answer: Answer::Nothing,
            call: Rc::clone(&call),
            machine,
            begun,
            ended: self.now(),
        };
        let there = slow("request");
        if self.faults.strikes(Kind::RequestLost, "request") {
            self.executor.sleep(patience.min(3000)).await;
            return nothing(self.now(), None);
        }
        let (giver, taker) = channel();
        // What travels is the client's no more: it arrives although the client gives up.
        let (world, sent, of) = (Rc::clone(self), Rc::clone(&call), of.to_owned());
        self.executor.spawn(self.root, async move {
            world.executor.sleep(there).await;
            let edge = world.edge(region);
            let begun = world.now();
            let (inner, taker) = channel();
            let at = Rc::clone(&edge);
            let ports = SimPorts { world: Rc::clone(&world), machine: Rc::clone(&edge.machine), call: sent };
            world.trace.note(begun, &of, &edge.machine.name, || describe(&ask));
            let task = world.executor.spawn(edge.machine.group.get(), async move {
                let there = Rc::clone(&ports.world);
                let answer = serve(&at, ports, &ask).await;
                if let (Ask::Own(_, sent), Answer::Reply(reply)) = (&ask, &answer) {
                    there.ledger.answered(sent, reply, there.now());
                }
                inner.give(answer);
            });
            world.may_stop(task, &edge.machine);
            let answer = taker.await.unwrap_or(Answer::Nothing);
            world.trace.note(world.now(), &edge.machine.name, &of, || outcome(&answer));
            giver.give((answer, Rc::clone(&edge.machine), begun, world.now()));
        });
        let back = slow("answer");
        let wait = crate::executor::within(&self.executor, patience, async {
            let answered = taker.await;
            self.executor.sleep(back).await;
            answered
        });
        match wait.await.flatten() {
            None => nothing(self.now(), None),
            Some((_, machine, begun, _)) if self.faults.strikes(Kind::AnswerLost, "answer") => {
                self.trace.note(self.now(), &machine.name, &call.of, || "the answer is lost".to_owned());
                // The connection breaks at once, or the client waits for as long as it would.
                if self.dice.percent(50) {
                    let waited = self.now().saturating_sub(call.sent_at);
                    self.executor.sleep(patience.saturating_sub(waited)).await;
                }
                nothing(begun, Some(machine))
            }
            Some((answer, machine, begun, ended)) => {
                Answered { answer, call: Rc::clone(&call), machine: Some(machine), begun, ended }
            }
        }
    }
}

/// At the isolate: one request, as `src/entry.rs` has it decided.
async fn serve(edge: &Edge, ports: SimPorts, ask: &Ask) -> Answer {
    let (world, call) = (Rc::clone(&ports.world), Rc::clone(&ports.call));
    if edge.machine.dialect.get() == Dialect::Old && is_oauth(ask) {
        // The former version has no authorization server.
        return Answer::Reply(Reply::empty(404));
    }
    let at = ports.clone();
    let service = Service::new(Rc::clone(&edge.isolate), ports);
    let answer = match ask {
        Ask::Own(request, body) => {
            // As the Worker does: it reads the body after this, and then answers.
            let limit = service.body_limit(request).await;
            if body.len() > limit { Answer::Nothing } else { Answer::Reply(service.own(request, body).await) }
        }
        Ask::Gate(request) => {
            let decided = match service.try_sync(request) {
                Immediate::Verify(pending) => {
                    let verification = pending.verification();
                    let verdict = match verification.key() {
                        Some(key) => {
                            let content = verification.token().signing_input();
                            service.ports().verify(key, content, verification.signature()).await.ok()
                        }
                        None => None,
                    };
                    verdict.map_or(Immediate::Wait, |good| service.judged(request, *pending, good))
                }
                immediate => immediate,
            };
            match decided {
                Immediate::Reply(reply) => Answer::Reply(reply),
                Immediate::Identity(answer) => Answer::Reply(answer.reply()),
                Immediate::Forward(forward) => sockets::opened(&at, &service, &forward),
                Immediate::Own | Immediate::Verify(_) => unreachable!("a route of the gate"),
                Immediate::Wait => match service.gate(request).await {
                    Outcome::Reply(reply) => Answer::Reply(reply),
                    Outcome::Forward(forward) => sockets::opened(&at, &service, &forward),
                },
            }
        }
    };
    call.answered.set(Some(world.now()));
    answer
}

fn is_oauth(ask: &Ask) -> bool {
    let text = describe(ask);
    ["/oauth", "/auth/consent", "/auth/grants", "/auth/sign-in"].iter().any(|path| text.contains(path))
}

fn describe(ask: &Ask) -> String {
    use postern_app::http::RequestView as _;
    let (Ask::Gate(request) | Ask::Own(request, _)) = ask;
    let url = request.url();
    let path = url.split_once("8787").map_or(url.as_str(), |(_, path)| path);
    format!("{} {path}", request.method())
}

fn outcome(answer: &Answer) -> String {
    match answer {
        Answer::Forwarded => "forwarded".to_owned(),
        Answer::Opened(_) => "a socket is open".to_owned(),
        Answer::Nothing => "nothing".to_owned(),
        Answer::Reply(reply) => {
            let code = crate::client::code(reply);
            format!("{} {code}", reply.status).trim_end().to_owned()
        }
    }
}
