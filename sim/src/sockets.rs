//! Open sockets: the gate checks them, and the observer sees that they are closed in time.

use core::cell::{Cell, OnceCell};
use std::rc::Rc;

use postern_app::service::{Forward, Service, SocketVerdict};

use crate::{
    faults::Kind,
    invariants,
    judge::{self, SLACK},
    ledger::{Access, Target},
    machine::{Call, Machine},
    ports::SimPorts,
    world::{Answer, World},
};

/// `check_interval` of the route.
const INTERVAL: u64 = 30_000;
/// What the answers of two parts take until they are given up, one of them asked twice.
const CHECK: u64 = 30_000;
/// How many checks in a row may fail.
const FAILED: u64 = 10;
/// How often the observer looks.
const LOOK: u64 = 5000;

/// A socket that was opened.
#[derive(Debug)]
pub(crate) struct Socket {
    access: OnceCell<Access>,
    machine: Rc<Machine>,
    call: Rc<Call>,
    opened_at: u64,
    /// Whether it outlives its token.
    lasts: Cell<bool>,
    /// Whether its client has closed it.
    left: Cell<bool>,
    closed: Cell<bool>,
}

/// Closes the socket when its task is gone, with the isolate for instance.
struct Held(Rc<Socket>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.closed.set(true);
    }
}

impl Socket {
    pub(crate) fn opened_with(&self, access: Access, ends_with_its_token: bool) {
        self.lasts.set(!ends_with_its_token);
        let _ = self.access.set(access);
    }
}

/// All clients close their sockets.
pub(crate) fn leave(world: &World) {
    world.sockets.borrow().iter().for_each(|socket| socket.left.set(true));
}

/// What the gate forwards: where a rule watches it, a socket.
pub(crate) fn opened(ports: &SimPorts, service: &Service<SimPorts>, forward: &Forward) -> Answer {
    let Some(watch) = &forward.watch else { return Answer::Forwarded };
    let world = Rc::clone(&ports.world);
    let socket = Rc::new(Socket {
        access: OnceCell::new(),
        machine: Rc::clone(&ports.machine),
        call: Rc::clone(&ports.call),
        opened_at: world.now(),
        lasts: Cell::new(false),
        left: Cell::new(false),
        closed: Cell::new(false),
    });
    let (held, service, open) = (Held(Rc::clone(&socket)), service.clone(), service.opened(watch));
    let there = Rc::clone(&world);
    world.executor.spawn(ports.machine.group.get(), async move {
        let mut verdict = service.first_look(&open);
        while let SocketVerdict::Keep(wait) = verdict {
            there.executor.sleep(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)).await;
            if held.0.left.get() {
                return;
            }
            verdict = service.look_at_socket(&open).await;
        }
        if let SocketVerdict::Close(code, reason) = verdict {
            there.trace.note(there.now(), &held.0.machine.name, "", || format!("closes a socket: {reason}"));
            judge_closing(&there, &held.0, code, reason);
        }
    });
    world.sockets.borrow_mut().push(Rc::clone(&socket));
    Answer::Opened(socket)
}

/// Looks at all sockets that are open.
pub(crate) fn watch(world: &Rc<World>) {
    let world = Rc::clone(world);
    Rc::clone(&world).executor.spawn(world.root, async move {
        while !world.faults.are_over() {
            world.executor.sleep(LOOK).await;
            world.sockets.borrow_mut().retain(|socket| !socket.closed.get());
            let open = world.sockets.borrow().clone();
            for socket in &open {
                judge_open(&world, socket);
            }
        }
    });
}

fn judge_open(world: &World, socket: &Socket) {
    let (ledger, now) = (&world.ledger, world.now());
    let Some(access) = socket.access.get() else { return };
    if access.is_off || world.faults.has(Kind::ClockPutBack) {
        return;
    }
    ledger.look(invariants::SOCKET_EXPIRY);
    if now > access.expires + 33_000 + CHECK && !socket.lasts.get() {
        let seen = format!(
            "a socket at {} is open {} ms after its token's end",
            socket.machine.name,
            now - access.expires
        );
        ledger.violated(invariants::SOCKET_EXPIRY, now, seen);
        socket.closed.set(true);
        return;
    }
    let is_hit = !socket.call.hits.borrow().is_empty() || socket.machine.is_ever_hit();
    let checks = if is_hit { (FAILED + 1) * (INTERVAL + CHECK) } else { INTERVAL + SLACK };
    for revocation in ledger.revocations.borrow().iter() {
        if judge::is_of_a_key(revocation) || !judge::applies(revocation, access) {
            continue;
        }
        // A single token leaves the feed when it has expired; a session is asked about for ever.
        if socket.lasts.get() && matches!(revocation.target, Target::Token(_) | Target::Client(_)) {
            continue;
        }
        // Of a session, the Account object is asked.
        let Some(bound) = judge::bound(world, revocation, "/strong") else { continue };
        ledger.look(invariants::SOCKET);
        if now > bound.max(socket.opened_at) + checks + LOOK {
            let late = now - revocation.at.unwrap_or_default();
            let seen = format!(
                "a socket is open {late} ms after the revocation of {:?} was stored, at {}",
                revocation.target, socket.machine.name
            );
            ledger.violated(invariants::SOCKET, now, seen);
            socket.closed.set(true);
            return;
        }
    }
}

fn judge_closing(world: &World, socket: &Socket, code: u16, reason: &str) {
    let (ledger, now) = (&world.ledger, world.now());
    let Some(access) = socket.access.get() else { return };
    if access.is_off || judge::is_clock_wrong(Some(&socket.machine)) || world.faults.has(Kind::ClockPutBack) {
        return;
    }
    ledger.look(invariants::SOCKET_SOUND);
    let sound = match reason {
        "access token expired" => now + 5000 < access.expires,
        _ if code == 1013 => !socket.machine.is_ever_hit(),
        _ => !judge::may_be_over(world, access, now),
    };
    if sound {
        let seen = format!("closed with {code} {reason} at {}", socket.machine.name);
        ledger.violated(invariants::SOCKET_SOUND, now, seen);
    }
}
