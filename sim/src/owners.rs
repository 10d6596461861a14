//! Honest users: browsers with tabs, and apps on bad networks. They follow the rules for clients.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use serde_json::{Value, json};

use crate::{
    client::{self, Device, Got, Pair},
    faults::Kind,
    judge,
    ledger::{Access, Target},
    settings::{CLIENTS, LEVELS, PASSWORD},
    world::World,
};

/// What a device stores.
#[derive(Default)]
struct Stored {
    refresh: Option<String>,
    got_at: u64,
    access: Option<Access>,
    /// Refresh tokens that were replaced, the newest last.
    former: Vec<String>,
    device_token: Option<String>,
}

/// A user on one device.
pub(crate) struct Owner {
    pub(crate) device: Device,
    pub(crate) login: String,
    client: &'static str,
    stored: RefCell<Stored>,
    is_busy: Cell<bool>,
    /// Whether the last sign-in was refused, as one at a locked account is.
    pub(crate) is_refused: Cell<bool>,
    /// How often a sign-in, a refresh, and a visit came through.
    pub(crate) done: [Cell<u64>; 3],
}

impl Owner {
    pub(crate) fn new(world: &World, number: usize) -> Rc<Self> {
        Rc::new(Self {
            device: Device::new(world, &format!("user {number}")),
            login: format!("user{number}@example.com"),
            client: CLIENTS[world.dice.below(CLIENTS.len())],
            stored: RefCell::default(),
            is_busy: Cell::new(false),
            is_refused: Cell::new(false),
            done: Default::default(),
        })
    }

    /// Whether the user has an account, as far as they know.
    pub(crate) fn is_registered(&self) -> bool {
        self.done[0].get() > 0
    }

    /// The access token that the device has.
    pub(crate) fn access(&self) -> Option<Access> {
        self.stored.borrow().access.clone()
    }

    /// The refresh token that the device has.
    pub(crate) fn refresh_token(&self) -> Option<String> {
        self.stored.borrow().refresh.clone()
    }

    /// A refresh token that was replaced at least two rotations ago.
    pub(crate) fn old_refresh_token(&self) -> Option<String> {
        let stored = self.stored.borrow();
        let last = stored.former.len().checked_sub(2)?;
        stored.former.get(last).cloned()
    }

    /// Begins what the user does: registers, and then uses some tabs.
    pub(crate) fn begin(self: &Rc<Self>, world: &Rc<World>, pause: u64) {
        let tabs = world.dice.between(1, 4);
        for tab in 0..tabs {
            let (owner, world) = (Rc::clone(self), Rc::clone(world));
            Rc::clone(&world).executor.spawn(world.people, async move {
                if tab == 0 {
                    owner.register(&world).await;
                }
                owner.browse(&world, pause).await;
            });
        }
    }

    async fn register(&self, world: &Rc<World>) {
        let body = json!({"login": self.login, "password": PASSWORD});
        for _ in 0..200 {
            let (got, _) = self.device.call(world, "POST", "/auth/register", None, &body).await;
            match got {
                // 409: an earlier attempt got through, and its answer did not.
                Got::Done(_) | Got::Refused(409, _) => return,
                _ => world.executor.sleep(world.dice.between(20_000, 40_000)).await,
            }
        }
    }

    async fn browse(self: &Rc<Self>, world: &Rc<World>, pause: u64) {
        loop {
            world.executor.sleep(world.dice.about(pause)).await;
            if world.faults.is_on(Kind::Quiet) {
                world.faults.note(Kind::Quiet, "tab");
                continue;
            }
            if !self.is_signed_in() {
                if !self.is_busy.replace(true) {
                    self.sign_in(world).await;
                    self.is_busy.set(false);
                }
                continue;
            }
            if world.dice.percent(1) {
                self.sign_out(world).await;
                continue;
            }
            let access = self.access();
            let usable = access.filter(|access| access.expires > world.now() + 20_000);
            let Some(access) = usable else {
                self.refresh(world, false).await;
                continue;
            };
            if world.dice.percent(3) {
                self.device.open(world, &access).await;
                continue;
            }
            let level = LEVELS[world.dice.below(LEVELS.len())];
            match self.device.visit(world, level, &access).await {
                Some(true) => self.done[2].set(self.done[2].get() + 1),
                // The gate refused the token: it may be of a revoked key.
                Some(false) if self.access().is_some_and(|now| now.token == access.token) => {
                    self.refresh(world, true).await;
                }
                _ => {}
            }
        }
    }

    pub(crate) fn is_signed_in(&self) -> bool {
        self.stored.borrow().refresh.is_some()
    }

    pub(crate) async fn sign_in(&self, world: &Rc<World>) -> bool {
        let mut body = json!({"login": self.login, "password": PASSWORD, "delivery": "body",
            "client_id": self.client});
        if let Some(token) = &self.stored.borrow().device_token {
            body["device_token"] = token.as_str().into();
        }
        let (got, answered) = self.device.call(world, "POST", "/auth/login", None, &body).await;
        self.is_refused.set(matches!(got, Got::Refused(401, _)));
        let Got::Done(body) = got else {
            world.executor.sleep(world.dice.between(15_000, 30_000)).await;
            return false;
        };
        let Some(Pair { mut access, refresh }) = client::pair(world, &body, &answered) else { return false };
        access.signed_in = answered.begun;
        world.ledger.signed_in(&access, answered.begun);
        self.done[0].set(self.done[0].get() + 1);
        let mut stored = self.stored.borrow_mut();
        stored.device_token = body["device_token"].as_str().map(str::to_owned).or(stored.device_token.take());
        stored.refresh = Some(refresh);
        stored.got_at = world.now();
        stored.access = Some(access);
        stored.former.clear();
        true
    }

    /// Refreshes with the stored token. `forced`: the gate has refused the access token.
    pub(crate) async fn refresh(&self, world: &Rc<World>, forced: bool) -> bool {
        let (presented, sid) = {
            let stored = self.stored.borrow();
            let (Some(refresh), Some(access)) = (&stored.refresh, &stored.access) else { return false };
            if !world.ledger.may_refresh(&access.sid, stored.got_at, world.now(), forced) {
                return false;
            }
            (refresh.clone(), access.sid.clone())
        };
        let body = json!({ "refresh_token": presented });
        let (got, answered) = self.device.call(world, "POST", "/auth/refresh", None, &body).await;
        match got {
            Got::Done(body) => {
                let Some(Pair { access, refresh }) = client::pair(world, &body, &answered) else {
                    return false;
                };
                let mut stored = self.stored.borrow_mut();
                // Another tab may have gone on meanwhile.
                if stored.refresh.as_ref() == Some(&presented) {
                    stored.refresh = Some(refresh);
                    stored.got_at = world.now();
                    stored.access = Some(access);
                    stored.former.push(presented);
                }
                self.done[1].set(self.done[1].get() + 1);
                true
            }
            Got::Refused(status, code) => {
                judge::ended(world, &sid, &presented, &format!("{status} {code}"), &answered);
                self.forget(world, &sid);
                false
            }
            Got::Later => {
                world.executor.sleep(world.dice.between(2000, 4000)).await;
                false
            }
        }
    }

    /// Drops the tokens; others may still use what they stole.
    fn forget(&self, world: &Rc<World>, sid: &str) {
        let mut stored = self.stored.borrow_mut();
        if stored.access.as_ref().is_some_and(|access| access.sid == sid) {
            stored.refresh = None;
            if let Some(access) = stored.access.take() {
                haunt(world, access);
            }
        }
    }

    async fn sign_out(&self, world: &Rc<World>) {
        let (Some(refresh), Some(access)) = (self.refresh_token(), self.access()) else { return };
        let everywhere = world.dice.percent(25);
        let path = if everywhere { "/auth/logout-all" } else { "/auth/logout" };
        let target = if everywhere {
            Target::Everywhere(access.sub.clone())
        } else {
            Target::Session(access.sid.clone())
        };
        let number = world.ledger.ordered(target, world.now());
        let body = json!({ "refresh_token": refresh });
        for _ in 0..5 {
            let (got, answered) = self.device.call(world, "POST", path, None, &body).await;
            match got {
                Got::Done(Value::Null) => {
                    let is_off = judge::is_clock_wrong(answered.machine.as_ref());
                    world.ledger.stored(number, answered.ended, true, is_off);
                }
                Got::Later => {
                    world.executor.sleep(world.dice.between(2000, 5000)).await;
                    continue;
                }
                // An attempt before got through.
                _ => {}
            }
            break;
        }
        self.forget(world, &access.sid);
    }
}

/// Starts a holder of a token that must no longer pass. They use it until it has expired, and the judge checks the bounds.
pub(crate) fn haunt(world: &Rc<World>, access: Access) {
    let world = Rc::clone(world);
    Rc::clone(&world).executor.spawn(world.people, async move {
        let device = Device::new(&world, "holder of an old token");
        while world.now() < access.expires + 120_000 {
            world.executor.sleep(world.dice.between(3000, 40_000)).await;
            if world.faults.is_on(Kind::Quiet) {
                continue;
            }
            device.visit(&world, LEVELS[world.dice.below(LEVELS.len())], &access).await;
        }
    });
}
