//! Limits: who is asked before a call is made, and what a refusal looks like.
//!
//! Other calls use [`Service::throttle`] (by address) and [`Service::throttle_login`] (by
//! account); a sign-in uses [`Service::admit`] and says afterwards how it went.

use core::time::Duration;

use super::{ApiError, Caller, Ports, Service, refusals::Throttled};
use crate::{
    abuse::{
        Claim, Grant, Ladder, Limited, Origin, Pardon, Rate, Refused, Taken, Throttles as _, device, name,
        network::NETWORK_ROW,
    },
    identity::Login,
    ids::{AccountId, DeviceId},
    observe::{Happening, Pseudonym, Setting, metrics::Family},
    ports::{Fault, Randomness as _, RateLimiter as _, Timer as _},
};

/// The row of strangers in an account's object.
pub(super) const STRANGERS_ROW: &str = "strangers";
/// The row of whoever is signed in and is asked for the password again.
pub(super) const SIGNED_IN_ROW: &str = "signed_in";

/// The row of all known devices of an account.
pub(super) const DEVICES_ROW: &str = "devices";
/// The row of all known devices of a network. No address has it.
pub(super) const KNOWN_ROW: &str = "known";
/// The bucket of known devices, apart from that of strangers at the same address.
pub(super) const KNOWN_BUCKET: &str = "login_known";

/// The kinds of objects, and by what something is limited.
pub(super) const ACCOUNT: &str = "account";
const CLIENT: &str = "client";
pub(super) const DEVICE: &str = "device";
pub(super) const DEVICES: &str = "devices";
const KNOWN_IP: &str = "known-ip";
pub(super) const KNOWN_NETWORK: &str = "known-network";
pub(super) const IP: &str = "ip";
pub(super) const NETWORK: &str = "network";
pub(super) const SESSION: &str = "session";

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
            Limited::Refresh | Limited::Register | Limited::Export => None,
        };
        if rate.is_some() {
            let asked = vec![asked(ACCOUNT, STRANGERS_ROW, limited, rate)];
            self.take(caller, limited, &of_login(login), asked).await?;
        }
        Ok(())
    }

    /// Holds a copy of what is stored to the limit of the account, whichever session asks for it.
    ///
    /// # Errors
    /// As [`Self::throttle`].
    pub(super) async fn throttle_export(&self, caller: &Caller, account: AccountId) -> Result<(), ApiError> {
        let rate = self.isolate.config.limits.export_account;
        if rate.is_some() {
            let asked = vec![asked(ACCOUNT, SIGNED_IN_ROW, Limited::Export, rate)];
            // Not by the login: where another service keeps the users, nobody here knows it.
            self.take(caller, Limited::Export, &object(SESSION, &account.to_string()), asked).await?;
        }
        Ok(())
    }

    /// Forgets the failures at an account, but for those of known devices: its owner has proved
    /// himself by other means, such as a reset.
    pub(super) async fn lift_lock(&self, login: &Login) -> Result<(), ApiError> {
        let pardon = |row: &str| Pardon { row: row.to_owned(), all: true, ..Pardon::default() };
        let pardons = vec![pardon(STRANGERS_ROW), pardon(SIGNED_IN_ROW)];
        let object = of_login(login);
        self.ports.throttles().forgive(&object, pardons).await?;
        self.isolate.memory.refusals.forget(&object);
        Ok(())
    }

    /// Asks whether a sign-in may be tried, charges it as a failure, and waits as long as it
    /// has to.
    ///
    /// 1. A known device is judged by its own bucket and ladder, and by what all known devices of
    ///    its network and of its account may do: neither strangers at the account nor neighbours on
    ///    the network can lock its owner out. Beyond what those together may do it is a stranger:
    ///    a token that many have is no way around the limits.
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
        device_tokens: &[String],
    ) -> Result<Admission, ApiError> {
        self.shield(caller, Limited::Login).await?;
        let mut device = None;
        for token in device_tokens {
            match device::open(&self.isolate.masters, token, login, self.now()) {
                Ok(found) => device = device.or(found),
                Err(newer) => {
                    // A stranger here, who gets another token when the sign-in succeeds. To refuse it
                    // would let whoever can plant a cookie keep its owner out.
                    let _ = self.newer_master(caller, "device_token", newer);
                }
            }
        }
        let mut admission = Admission { device, ..Admission::default() };
        let caller = &Caller { login: Some(self.pseudonym(login)), ..caller.clone() };
        let known = match device {
            Some(device) => self.admit_device(caller, &mut admission, login, device).await?,
            None => false,
        };
        if !known {
            self.admit_stranger(caller, &mut admission, login, client_id).await?;
        }
        if !admission.delay.is_zero() {
            self.ports.platform().sleep(admission.delay).await;
        }
        Ok(admission)
    }

    /// Charges a known device. `false` when all of its network, or of its account, have had what
    /// known devices get: it is a stranger then, which is never worse than to have no token.
    async fn admit_device(
        &self,
        caller: &Caller,
        admission: &mut Admission,
        login: &Login,
        device: DeviceId,
    ) -> Result<bool, ApiError> {
        let limits = &self.isolate.config.limits;
        let origin = Origin::of(caller.ip.as_deref());
        let mut ip = asked(KNOWN_IP, &origin.address, Limited::Login, limits.login_known_ip);
        KNOWN_BUCKET.clone_into(&mut ip.claim.bucket);
        let network = asked(KNOWN_NETWORK, KNOWN_ROW, Limited::Login, limits.login_known_network);
        let mut one = asked(DEVICE, &device.to_string(), Limited::Login, limits.login_device);
        one.claim.ladder = Some(limits.account_lock.clone());
        let mut all = asked(DEVICES, DEVICES_ROW, Limited::Login, None);
        all.claim.ladder = Some(limits.devices_lock.clone());
        for (object, asked) in
            [(object(IP, &origin.network), vec![ip, network]), (of_login(login), vec![one, all])]
        {
            match self.charge(caller, admission, object, asked).await {
                Err(ApiError::Throttled(throttled)) if throttled.policy != policy(Limited::Login, DEVICE) => {
                    return Ok(false);
                }
                charged => charged?,
            }
        }
        Ok(true)
    }

    async fn admit_stranger(
        &self,
        caller: &Caller,
        admission: &mut Admission,
        login: &Login,
        client_id: &str,
    ) -> Result<(), ApiError> {
        let limits = &self.isolate.config.limits;
        let origin = Origin::of(caller.ip.as_deref());
        let mut strangers = asked(ACCOUNT, STRANGERS_ROW, Limited::Login, limits.login_account);
        strangers.claim.ladder = Some(limits.account_lock.clone());
        strangers.claim.spread = Some(limits.networks_per_account);
        // What stands in records is made with a secret, and with the one that all versions of a
        // deployment have: else each of them would count the same network anew.
        let master = self.isolate.masters.eldest();
        strangers.claim.one = Pseudonym::of_network(master, &origin.network).to_string();
        let account = of_login(login);
        // Known to be refused in the end: the objects before it need not be asked.
        let known = key(&account, &strangers.claim);
        if let Some(throttled) = self.isolate.memory.refusals.find(&known, self.now()) {
            return Err(self.throttled(throttled));
        }
        let mut ip = asked(IP, &origin.address, Limited::Login, limits.login_ip);
        ip.claim.ladder = Some(limits.ip_lock.clone());
        let mut network = asked(NETWORK, NETWORK_ROW, Limited::Login, limits.login_network);
        network.claim.spread = Some(limits.accounts_per_network);
        network.claim.one = Pseudonym::of_login(master, login).to_string();
        self.charge(caller, admission, object(IP, &origin.network), vec![ip, network]).await?;
        if limits.login_client.is_some() {
            let one = asked(CLIENT, NETWORK_ROW, Limited::Login, limits.login_client);
            self.charge(caller, admission, object(CLIENT, client_id), vec![one]).await?;
        }
        self.charge(caller, admission, account, vec![strangers]).await
    }

    /// Asks whether somebody who is signed in may try the account's password, charges it as a
    /// failure, and waits as long as it has to. Whoever has stolen an access token gets as many
    /// guesses as a stranger at the sign-in, from however many addresses. They are counted apart
    /// from those: neither of the two can shut the owner out of the other.
    ///
    /// # Errors
    /// As [`Self::throttle`]; a lock is told, since who asks knows the account.
    pub(super) async fn admit_signed_in(
        &self,
        caller: &Caller,
        login: &Login,
    ) -> Result<Admission, ApiError> {
        self.throttle(caller, Limited::Login).await?;
        let limits = &self.isolate.config.limits;
        let mut one = asked(SESSION, SIGNED_IN_ROW, Limited::Login, limits.login_account);
        one.claim.ladder = Some(Ladder { refuses: true, ..limits.account_lock.clone() });
        let mut admission = Admission::default();
        self.charge(caller, &mut admission, of_login(login), vec![one]).await?;
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

    pub(super) fn stand_in(&self, login: &Login) -> String {
        self.pseudonym(login).to_string()
    }

    /// What a login is called where it must not stand itself.
    pub(super) fn pseudonym(&self, login: &Login) -> Pseudonym {
        Pseudonym::of_login(self.isolate.masters.current(), login)
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
                let _ = ports.throttles().forgive(&object, pardons).await;
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
                Err(self.throttled(Throttled { policy, quota: 1, window: 10, retry_after: 10 }))
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
                    all: matches!(scope, ACCOUNT | DEVICE | SESSION),
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
        if asked.is_empty() || self.isolate.config.limits.off {
            return Ok(Some(Vec::new()));
        }
        let now = self.now();
        let refusals = &self.isolate.memory.refusals;
        for one in &asked {
            if let Some(throttled) = refusals.find(&key(object, &one.claim), now) {
                return Err(self.throttled(throttled));
            }
        }
        let (scopes, claims): (Vec<_>, Vec<_>) = asked.into_iter().map(|one| (one.scope, one.claim)).unzip();
        let fault = match self.ports.throttles().take(object, &claims).await {
            Ok(Taken::Granted(grants)) => return Ok(Some(grants)),
            Ok(Taken::Refused(refused)) => {
                let scope = scopes.get(refused.claim).copied().unwrap_or(IP);
                let claim = claims.get(refused.claim);
                return Err(self.refuse(caller, limited, object, (scope, claim), refused));
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
        let refusals = &self.isolate.memory.refusals;
        let is_news = match claim.filter(|_| refused.settled) {
            Some(claim) => refusals.remember(key(object, claim), refused.until, &throttled, now),
            None => true,
        };
        if is_news {
            let (limit, retry_after) = (throttled.policy.clone(), throttled.retry_after);
            self.record(now, Happening::Throttled { limit, retry_after }, caller.setting());
        }
        if refused.alarm {
            self.record(now, stuffing(scope), caller.setting());
        }
        self.throttled(throttled)
    }

    /// Every call that is refused is counted, also those that no event tells of.
    pub(super) fn throttled(&self, throttled: Throttled) -> ApiError {
        self.isolate.counters.add(Family::Throttled, &throttled.policy, "");
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

/// The object of an account, which need not exist.
pub(super) fn of_login(login: &Login) -> String {
    object(ACCOUNT, &name::of_login(login))
}

pub(super) fn object(kind: &str, name: &str) -> String {
    [kind, name].join(" ")
}

fn key(object: &str, claim: &Claim) -> String {
    [object, &claim.row, &claim.bucket].join(" ")
}

/// Rounded up, and never zero: a client that comes back then is not refused again.
pub(super) fn whole_seconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1)
}
