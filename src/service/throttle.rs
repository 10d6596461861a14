//! Limits: who is asked before a call is made, and what a refusal looks like.
//!
//! Other calls use [`Service::throttle`] (by address) and [`Service::throttle_login`] (by
//! account); a sign-in uses [`Service::admit`] and says afterwards how it went.

use core::{cell::RefCell, time::Duration};
use std::collections::HashMap;

use super::{ApiError, Caller, Ports, Service};
use crate::{
    abuse::{
        Claim, Grant, Limited, Origin, Pardon, Rate, Refused, ThrottleAnswer, ThrottleRequest,
        Throttles as _, device, network::NETWORK_ROW,
    },
    http::{Problem, Reply},
    identity::Login,
    ids::DeviceId,
    observe::{Happening, Pseudonym, Setting},
    ports::{Fault, Part, Randomness as _, RateLimiter as _, Timer as _},
    time::Timestamp,
};

/// The row of strangers in an account's object.
const STRANGERS_ROW: &str = "strangers";

/// The buckets that no origin has.
const ACCOUNT: &str = "account";
const CLIENT: &str = "client";
const DEVICE: &str = "device";
const IP: &str = "ip";
const NETWORK: &str = "network";

/// How many refusals an isolate remembers: a hundred bytes each.
const REMEMBERED: usize = 4096;

/// What a throttled client is told, in the words of draft-ietf-httpapi-ratelimit-headers-11.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Throttled {
    /// What is limited, and by what: `login-ip`.
    pub(super) policy: String,
    /// How many a full bucket holds.
    pub(super) quota: u32,
    /// How many seconds it takes to be full, from empty.
    pub(super) window: u64,
    /// When to come back, in seconds.
    pub(super) retry_after: u64,
}

impl From<&Throttled> for Reply {
    fn from(throttled: &Throttled) -> Self {
        let Throttled { policy, quota, window, retry_after } = throttled;
        let seconds = u32::try_from(*retry_after).unwrap_or(u32::MAX);
        Self::from(
            Problem::new(429, "rate_limited", "Too many of these calls; wait and try again")
                .with_retry_after(seconds),
        )
        .with_header("ratelimit-policy", &format!("\"{policy}\";q={quota};w={window}"))
        .with_header("ratelimit", &format!("\"{policy}\";r=0;t={retry_after}"))
    }
}

/// Refusals that hold until a time that is known: nobody needs to be asked before it.
#[derive(Debug, Default)]
pub(super) struct Refusals(RefCell<HashMap<String, (Timestamp, Throttled)>>);

impl Refusals {
    fn find(&self, key: &str, now: Timestamp) -> Option<Throttled> {
        let refusals = self.0.borrow();
        let (until, throttled) = refusals.get(key).filter(|(until, _)| now < *until)?;
        Some(Throttled { retry_after: whole_seconds(until.since(now)), ..throttled.clone() })
    }

    fn remember(&self, key: String, until: Timestamp, throttled: &Throttled, now: Timestamp) {
        let mut refusals = self.0.borrow_mut();
        if refusals.len() >= REMEMBERED {
            refusals.retain(|_, (until, _)| now < *until);
        }
        if refusals.len() < REMEMBERED {
            refusals.insert(key, (until, throttled.clone()));
        }
    }
}

/// The sign-ins of an isolate whose password waits to be hashed. Hashing holds the isolate's only
/// thread, so one is hashed at a time whatever happens; this bounds how many wait for it.
#[derive(Debug, Default)]
pub(super) struct HashQueue(RefCell<Vec<Timestamp>>);

impl HashQueue {
    /// A request that was cancelled never leaves. Nobody waits for as long as this.
    const LOST_AFTER: Duration = Duration::from_secs(30);

    /// Joins it, unless it is full.
    pub(super) fn enter(&self, most: u32, now: Timestamp) -> bool {
        let mut waiting = self.0.borrow_mut();
        waiting.retain(|since| now.since(*since) < Self::LOST_AFTER);
        let free = waiting.len() < usize::try_from(most).unwrap_or(usize::MAX);
        if free {
            waiting.push(now);
        }
        free
    }

    /// Leaves it.
    pub(super) fn leave(&self) {
        let mut waiting = self.0.borrow_mut();
        if !waiting.is_empty() {
            waiting.remove(0);
        }
    }
}

/// A sign-in that may be tried, and was charged as a failure beforehand.
#[derive(Debug, Default)]
pub(super) struct Admission {
    /// It must fail whatever its password is, after the same work.
    pub(super) locked: bool,
    /// The device, if it is known for the login.
    pub(super) device: Option<DeviceId>,
    /// How long it has to wait.
    delay: Duration,
    /// What was charged, by object.
    charged: Vec<(String, Vec<Pardon>)>,
    /// What is to be told if it fails.
    told_of_failure: Vec<Happening>,
}

/// Who asks an object: a claim and its name in policies and events.
struct Asked {
    scope: &'static str,
    claim: Claim,
}

impl<P: Ports> Service<P> {
    /// Holds a call to the limits of its address and network.
    ///
    /// # Errors
    /// [`ApiError::Throttled`]; or a fault when nobody can tell and the rule is to refuse then.
    pub(super) async fn throttle(&self, caller: &Caller, limited: Limited) -> Result<(), ApiError> {
        self.shield(caller, limited).await?;
        let origin = Origin::of(caller.ip.as_deref());
        let (ip, network) = self.isolate.config.limits.by_origin(limited);
        let asked = [(IP, origin.address.as_str(), ip), (NETWORK, NETWORK_ROW, network)]
            .into_iter()
            .filter(|(_, _, rate)| rate.is_some())
            .map(|(scope, row, rate)| asked(scope, row, limited, rate))
            .collect();
        self.take(caller, limited, &object(IP, &origin.network), asked).await?;
        Ok(())
    }

    /// Holds a call about one account, which need not exist, to the account's limit. For resets:
    /// a mailbox is not filled by strangers.
    ///
    /// # Errors
    /// As [`Self::throttle`].
    #[allow(dead_code, reason = "for the flows that send one-time tokens")]
    pub(super) async fn throttle_login(
        &self,
        caller: &Caller,
        limited: Limited,
        login: &Login,
    ) -> Result<(), ApiError> {
        let limits = &self.isolate.config.limits;
        let rate = match limited {
            Limited::Login => limits.login_account,
            Limited::Reset => limits.reset_account,
            Limited::Refresh | Limited::Register => None,
        };
        if rate.is_some() {
            let asked = vec![asked(ACCOUNT, STRANGERS_ROW, limited, rate)];
            self.take(caller, limited, &object(ACCOUNT, &self.stand_in(login)), asked).await?;
        }
        Ok(())
    }

    /// Forgets the failures of strangers at an account: its owner has proved himself by other
    /// means, such as a reset.
    pub(super) async fn lift_lock(&self, login: &Login) -> Result<(), ApiError> {
        let pardons = vec![Pardon { row: STRANGERS_ROW.to_owned(), all: true, ..Pardon::default() }];
        let request = ThrottleRequest::Forgive { pardons };
        self.ports.throttles().ask(&object(ACCOUNT, &self.stand_in(login)), &request).await?;
        Ok(())
    }

    /// Asks whether a sign-in may be tried, charges it as a failure, and waits as long as it
    /// has to.
    ///
    /// 1. A known device is judged by its own bucket and ladder, in one hop: neither strangers
    ///    at the account nor neighbours on the network can lock its owner out.
    /// 2. Anybody else is judged by address and network first, then by the client, then by the
    ///    account. A refusal by one charges none of the others that follow.
    /// 3. A locked address is refused. A locked account is let through to fail.
    ///
    /// # Errors
    /// As [`Self::throttle`].
    pub(super) async fn admit(
        &self,
        caller: &Caller,
        login: &Login,
        client_id: &str,
        device_token: Option<&str>,
    ) -> Result<Admission, ApiError> {
        self.shield(caller, Limited::Login).await?;
        let limits = &self.isolate.config.limits;
        let device =
            device_token.and_then(|token| device::open(&self.isolate.masters, token, login, self.now()));
        let mut admission = Admission { device, ..Admission::default() };
        let stand_in = Pseudonym::of_login(self.isolate.masters.current(), login);
        let account = stand_in.to_string();
        let caller = &Caller { login: Some(stand_in), ..caller.clone() };
        let ladder = Some(limits.account_lock.clone());
        if let Some(device) = device {
            let mut one = asked(DEVICE, &device.to_string(), Limited::Login, limits.login_device);
            one.claim.ladder = ladder;
            self.charge(caller, &mut admission, object(ACCOUNT, &account), vec![one]).await?;
        } else {
            let origin = Origin::of(caller.ip.as_deref());
            let mut strangers = asked(ACCOUNT, STRANGERS_ROW, Limited::Login, limits.login_account);
            strangers.claim.ladder = ladder;
            strangers.claim.spread = Some(limits.networks_per_account);
            let master = self.isolate.masters.current();
            strangers.claim.one = Pseudonym::of_network(master, &origin.network).to_string();
            // Known to be refused in the end: the objects before it need not be asked.
            let known = key(&object(ACCOUNT, &account), &strangers.claim);
            if let Some(throttled) = self.isolate.memory.refusals.find(&known, self.now()) {
                return Err(ApiError::Throttled(throttled));
            }
            let mut ip = asked(IP, &origin.address, Limited::Login, limits.login_ip);
            ip.claim.ladder = Some(limits.ip_lock.clone());
            let mut network = asked(NETWORK, NETWORK_ROW, Limited::Login, limits.login_network);
            network.claim.spread = Some(limits.accounts_per_network);
            network.claim.one.clone_from(&account);
            self.charge(caller, &mut admission, object(IP, &origin.network), vec![ip, network]).await?;
            if limits.login_client.is_some() {
                let one = asked(CLIENT, NETWORK_ROW, Limited::Login, limits.login_client);
                self.charge(caller, &mut admission, object(CLIENT, client_id), vec![one]).await?;
            }
            self.charge(caller, &mut admission, object(ACCOUNT, &account), vec![strangers]).await?;
        }
        if !admission.delay.is_zero() {
            self.ports.platform().sleep(admission.delay).await;
        }
        Ok(admission)
    }

    /// The sign-in succeeded: the owner's failures are forgotten, and at the address this one.
    pub(super) fn forgive(&self, admission: &Admission) {
        self.take_back(admission, true);
    }

    /// The sign-in was not decided, for a fault of ours: it was no failure.
    pub(super) fn undo(&self, admission: &Admission) {
        self.take_back(admission, false);
    }

    /// The sign-in failed: what the charge brought about is told.
    pub(super) fn failed(&self, admission: &Admission, setting: &Setting) {
        for happening in &admission.told_of_failure {
            self.record(self.now(), happening.clone(), setting.clone());
        }
    }

    /// A new token for the device that just signed in. Its id stays when it was known.
    pub(super) fn device_token(&self, admission: &Admission, login: &Login) -> Result<String, Fault> {
        let device = if let Some(device) = admission.device {
            device
        } else {
            let mut id = [0; 16];
            self.ports.platform().fill(&mut id)?;
            DeviceId::from_bytes(id)
        };
        Ok(device::issue(self.isolate.masters.current(), device, login, self.now()))
    }

    fn stand_in(&self, login: &Login) -> String {
        Pseudonym::of_login(self.isolate.masters.current(), login).to_string()
    }

    fn take_back(&self, admission: &Admission, owner: bool) {
        use crate::ports::Background as _;

        for (object, pardons) in &admission.charged {
            let mut pardons = pardons.clone();
            for pardon in &mut pardons {
                // Whoever signs in has proved to own the account or the device, not the network.
                pardon.all &= owner;
            }
            let (ports, object) = (self.ports.clone(), object.clone());
            self.ports.background().spawn(async move {
                // Lost, it costs one failure too many, which is forgotten in time.
                let _ = ports.throttles().ask(&object, &ThrottleRequest::Forgive { pardons }).await;
            });
        }
    }

    /// The platform's own limit, where one is bound: it keeps a flood from the objects. It
    /// counts for each location, so it cannot be the limit itself, and its failure is none.
    async fn shield(&self, caller: &Caller, limited: Limited) -> Result<(), ApiError> {
        let Some(binding) = &self.isolate.config.limits.coarse_binding else { return Ok(()) };
        let Origin { network, address } = Origin::of(caller.ip.as_deref());
        let key = [limited.name(), &network, &address].join(" ");
        match self.ports.rate_limiter().admits(binding, &key).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                // The platform's periods are 10 s and 60 s; which one, and the limit, it keeps to itself.
                let policy = policy(limited, "shield");
                Err(ApiError::Throttled(Throttled { policy, quota: 1, window: 10, retry_after: 10 }))
            }
            Err(fault) => {
                self.record_fault(&fault, caller);
                Ok(())
            }
        }
    }

    /// Takes for a sign-in, and notes what to take back or to tell.
    async fn charge(
        &self,
        caller: &Caller,
        admission: &mut Admission,
        object: String,
        asked: Vec<Asked>,
    ) -> Result<(), ApiError> {
        let noted: Vec<(&'static str, Claim)> =
            asked.iter().map(|asked| (asked.scope, asked.claim.clone())).collect();
        let Some(grants) = self.take(caller, Limited::Login, &object, asked).await? else { return Ok(()) };
        let mut pardons = Vec::with_capacity(grants.len());
        for ((scope, claim), grant) in noted.into_iter().zip(grants) {
            let Grant { delay, locked, lock, alarm } = grant;
            admission.delay = admission.delay.max(Duration::from_millis(delay.into()));
            admission.locked |= locked;
            if let Some(until) = lock {
                let seconds = whole_seconds(until.since(self.now()));
                admission.told_of_failure.push(Happening::Locked { what: scope, seconds });
            }
            if alarm {
                admission.told_of_failure.push(stuffing(scope));
            }
            // A locked attempt was not charged.
            if !locked && (claim.ladder.is_some() || claim.spread.is_some()) {
                pardons.push(Pardon {
                    row: claim.row,
                    all: scope == ACCOUNT || scope == DEVICE,
                    forget: claim.ladder.map_or(0, |ladder| ladder.forget),
                    lock,
                    one: claim.one,
                    alarm,
                });
            }
        }
        if !pardons.is_empty() {
            admission.charged.push((object, pardons));
        }
        Ok(())
    }

    /// Asks one object. `None` when it can't tell and the rule is to go on then.
    async fn take(
        &self,
        caller: &Caller,
        limited: Limited,
        object: &str,
        asked: Vec<Asked>,
    ) -> Result<Option<Vec<Grant>>, ApiError> {
        if asked.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let now = self.now();
        let refusals = &self.isolate.memory.refusals;
        for one in &asked {
            if let Some(throttled) = refusals.find(&key(object, &one.claim), now) {
                return Err(ApiError::Throttled(throttled));
            }
        }
        let (scopes, claims): (Vec<_>, Vec<_>) = asked.into_iter().map(|one| (one.scope, one.claim)).unzip();
        let request = ThrottleRequest::Take { claims };
        let fault = match self.ports.throttles().ask(object, &request).await {
            Ok(ThrottleAnswer::Taken { grants }) => return Ok(Some(grants)),
            Ok(ThrottleAnswer::Refused(refused)) => {
                let ThrottleRequest::Take { claims } = &request else { return Ok(None) };
                let scope = scopes.get(refused.claim).copied().unwrap_or(IP);
                let claim = claims.get(refused.claim);
                return Err(self.refuse(caller, limited, object, (scope, claim), refused));
            }
            Ok(ThrottleAnswer::Unavailable { cause }) => Fault::new(Part::Throttle, cause),
            Ok(ThrottleAnswer::Forgiven) => {
                Fault::new(Part::Throttle, "an answer of another kind than was asked for")
            }
            Err(fault) => fault,
        };
        if self.isolate.config.limits.is_open_without_throttle(limited) {
            self.record_fault(&fault, caller);
            return Ok(None);
        }
        Err(fault.into())
    }

    fn refuse(
        &self,
        caller: &Caller,
        limited: Limited,
        object: &str,
        (scope, claim): (&'static str, Option<&Claim>),
        refused: Refused,
    ) -> ApiError {
        let now = self.now();
        let rate = claim.and_then(|claim| claim.rate).unwrap_or(Rate::new(1, 1));
        let throttled = Throttled {
            policy: policy(limited, scope),
            quota: rate.burst,
            window: rate.window(),
            retry_after: whole_seconds(refused.until.since(now)),
        };
        if refused.settled
            && let Some(claim) = claim
        {
            self.isolate.memory.refusals.remember(key(object, claim), refused.until, &throttled, now);
        }
        let happening =
            Happening::Throttled { limit: throttled.policy.clone(), retry_after: throttled.retry_after };
        self.record(now, happening, caller.setting());
        if refused.alarm {
            self.record(now, stuffing(scope), caller.setting());
        }
        ApiError::Throttled(throttled)
    }
}

fn asked(scope: &'static str, row: &str, limited: Limited, rate: Option<Rate>) -> Asked {
    let claim = Claim {
        row: row.to_owned(),
        bucket: limited.name().to_owned(),
        rate,
        ladder: None,
        spread: None,
        one: String::new(),
    };
    Asked { scope, claim }
}

fn stuffing(scope: &'static str) -> Happening {
    Happening::StuffingDetected { pattern: if scope == NETWORK { "many_accounts" } else { "many_networks" } }
}

fn policy(limited: Limited, scope: &str) -> String {
    [limited.name(), scope].join("-")
}

fn object(kind: &str, name: &str) -> String {
    [kind, name].join(" ")
}

fn key(object: &str, claim: &Claim) -> String {
    [object, &claim.row, &claim.bucket].join(" ")
}

/// Rounded up, and never zero: a client that comes back then is not refused again.
fn whole_seconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1)
}
