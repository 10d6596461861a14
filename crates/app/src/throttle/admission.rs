//! Admits sign-ins: charges each as a failure beforehand, and takes the charge back when it succeeds.

use core::time::Duration;

use crate::{
    events::{EventContext, EventKind, Pseudonym},
    identity::Login,
    ids::DeviceId,
    ports::{Fault, Randomness as _, Timer as _},
    runtime::{Runtime, events::Events, ports::Ports},
    throttle::{
        limits::CallLimits,
        pseudonym::pseudonym,
        rows::{
            ACCOUNT, CLIENT, DEVICE, DEVICES, DEVICES_ROW, IP, KNOWN_BUCKET, KNOWN_IP, KNOWN_NETWORK,
            KNOWN_ROW, LimitCheck, NETWORK, SESSION, SIGNED_IN_ROW, STRANGERS_ROW, asked, key, object,
            of_login, policy, stuffing,
        },
    },
    web::{caller::Caller, error::ApiError, throttled::whole_seconds},
};
use postern_core::throttle::{
    Claim, Grant, Ladder, Limited, Origin, Pardon, Throttles as _, device, network::NETWORK_ROW,
};

/// A sign-in that may be tried, and was charged as a failure beforehand.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    /// It must fail whatever its password is, after the same work.
    pub(crate) locked: bool,
    /// The device, if it is known for the login.
    pub(crate) device: Option<DeviceId>,
    /// How long it has to wait.
    delay: Duration,
    /// What was charged, by object.
    charged: Vec<(String, Vec<Pardon>)>,
    /// What is to be told if it fails.
    told_of_failure: Vec<EventKind>,
}

/// Admits sign-ins, and accounts for how they went.
pub(crate) struct Admissions<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> Admissions<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Forgets the failures at an account, but for those of known devices: its owner has proved
    /// himself by other means, such as a reset.
    pub(crate) async fn lift_lock(&self, login: &Login) -> Result<(), ApiError> {
        let pardon = |row: &str| Pardon { row: row.to_owned(), all: true, ..Pardon::default() };
        let pardons = vec![pardon(STRANGERS_ROW), pardon(SIGNED_IN_ROW)];
        let object = of_login(login);
        self.0.ports.throttles().forgive(&object, pardons).await?;
        self.0.isolate.memory.refusals.forget(&object);
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
    /// As [`CallLimits::throttle`].
    pub(crate) async fn admit(
        &self,
        caller: &Caller,
        login: &Login,
        client_id: &str,
        device_tokens: &[String],
    ) -> Result<Admission, ApiError> {
        CallLimits::of(self.0).shield(caller, Limited::Login).await?;
        let mut device = None;
        for token in device_tokens {
            match device::open(&self.0.isolate.masters, token, login, self.0.now()) {
                Ok(found) => device = device.or(found),
                Err(newer) => {
                    // A stranger here, who gets another token when the sign-in succeeds. To refuse it
                    // would let whoever can plant a cookie keep its owner out.
                    let _ = Events::of(self.0).newer_master(caller, "device_token", newer);
                }
            }
        }
        let mut admission = Admission { device, ..Admission::default() };
        let caller = &Caller { login: Some(pseudonym(&self.0.isolate.masters, login)), ..caller.clone() };
        let known = match device {
            Some(device) => self.admit_device(caller, &mut admission, login, device).await?,
            None => false,
        };
        if !known {
            self.admit_stranger(caller, &mut admission, login, client_id).await?;
        }
        if !admission.delay.is_zero() {
            self.0.ports.platform().sleep(admission.delay).await;
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
        let limits = &self.0.isolate.config.limits;
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
        let limits = &self.0.isolate.config.limits;
        let origin = Origin::of(caller.ip.as_deref());
        let mut strangers = asked(ACCOUNT, STRANGERS_ROW, Limited::Login, limits.login_account);
        strangers.claim.ladder = Some(limits.account_lock.clone());
        strangers.claim.spread = Some(limits.networks_per_account);
        // What stands in records is made with a secret, and with the one that all versions of a
        // deployment have: else each of them would count the same network anew.
        let master = self.0.isolate.masters.eldest();
        strangers.claim.one = Pseudonym::of_network(master, &origin.network).to_string();
        let account = of_login(login);
        // Known to be refused in the end: the objects before it need not be asked.
        let known = key(&account, &strangers.claim);
        if let Some(throttled) = self.0.isolate.memory.refusals.find(&known, self.0.now()) {
            return Err(CallLimits::of(self.0).throttled(throttled));
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
    /// As [`CallLimits::throttle`]; a lock is told, since who asks knows the account.
    pub(crate) async fn admit_signed_in(
        &self,
        caller: &Caller,
        login: &Login,
    ) -> Result<Admission, ApiError> {
        CallLimits::of(self.0).throttle(caller, Limited::Login).await?;
        let limits = &self.0.isolate.config.limits;
        let mut one = asked(SESSION, SIGNED_IN_ROW, Limited::Login, limits.login_account);
        one.claim.ladder = Some(Ladder { refuses: true, ..limits.account_lock.clone() });
        let mut admission = Admission::default();
        self.charge(caller, &mut admission, of_login(login), vec![one]).await?;
        if !admission.delay.is_zero() {
            self.0.ports.platform().sleep(admission.delay).await;
        }
        Ok(admission)
    }

    /// The sign-in succeeded: the owner's failures are forgotten, and at the address this one.
    pub(crate) fn forgive(&self, admission: &Admission) {
        self.take_back(admission, true);
    }

    /// The sign-in was not decided, for a fault of ours: it was no failure.
    pub(crate) fn undo(&self, admission: &Admission) {
        self.take_back(admission, false);
    }

    /// The sign-in failed: what the charge brought about is told.
    pub(crate) fn failed(&self, admission: &Admission, setting: &EventContext) {
        for happening in &admission.told_of_failure {
            Events::of(self.0).record(self.0.now(), happening.clone(), setting.clone());
        }
    }

    /// A new token for the device that just signed in. Its id stays when it was known.
    pub(crate) fn device_token(&self, admission: &Admission, login: &Login) -> Result<String, Fault> {
        let device = if let Some(device) = admission.device {
            device
        } else {
            let mut id = [0; 16];
            self.0.ports.platform().fill(&mut id)?;
            DeviceId::from_bytes(id)
        };
        Ok(device::issue(self.0.isolate.masters.current(), device, login, self.0.now()))
    }

    fn take_back(&self, admission: &Admission, owner: bool) {
        use crate::ports::Background as _;

        for (object, pardons) in &admission.charged {
            let mut pardons = pardons.clone();
            for pardon in &mut pardons {
                // Whoever signs in has proved to own the account or the device, not the network.
                pardon.all &= owner;
            }
            let (ports, object) = (self.0.ports.clone(), object.clone());
            self.0.ports.background().spawn(async move {
                // Lost, it costs one failure too many, which is forgotten in time.
                let _ = ports.throttles().forgive(&object, pardons).await;
            });
        }
    }

    /// Takes for a sign-in, and notes what to take back or to tell.
    async fn charge(
        &self,
        caller: &Caller,
        admission: &mut Admission,
        object: String,
        asked: Vec<LimitCheck>,
    ) -> Result<(), ApiError> {
        let noted: Vec<(&'static str, Claim)> =
            asked.iter().map(|asked| (asked.scope, asked.claim.clone())).collect();
        let Some(grants) = CallLimits::of(self.0).take(caller, Limited::Login, &object, asked).await? else {
            return Ok(());
        };
        let mut pardons = Vec::with_capacity(grants.len());
        for ((scope, claim), grant) in noted.into_iter().zip(grants) {
            let Grant { delay, locked, lock, alarm } = grant;
            admission.delay = admission.delay.max(Duration::from_millis(delay.into()));
            admission.locked |= locked;
            if let Some(until) = lock {
                let seconds = whole_seconds(until.since(self.0.now()));
                admission.told_of_failure.push(EventKind::Locked { what: scope, seconds });
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
}
