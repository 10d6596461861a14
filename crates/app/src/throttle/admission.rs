//! Admits sign-ins. Each sign-in is charged as a failure in advance, and refunded if it succeeds.

use core::time::Duration;

use crate::{
    events::{EventContext, EventKind, Pseudonym},
    identity::Login,
    ids::DeviceId,
    ports::{Fault, Timer as _},
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
    Allowance, Charge, Limited, LockoutPolicy, Origin, Refund, Throttles as _, device, network::NETWORK_ROW,
};

/// An admitted sign-in, which is charged as a failure in advance.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    /// Whether it must fail regardless of the password, after the same work.
    pub(crate) locked: bool,
    /// The device, if it is a known device of the login.
    pub(crate) device: Option<DeviceId>,
    /// The delay before the password is checked.
    delay: Duration,
    /// The charges, by Throttle object.
    charged: Vec<(String, Vec<Refund>)>,
    /// The events to record if the sign-in fails.
    told_of_failure: Vec<EventKind>,
}

/// Admits sign-ins, and settles their charges.
pub(crate) struct Admissions<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> Admissions<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Removes the failures at an account, except for those of known devices, after the owner has proved their identity
    /// in another way, such as a reset.
    pub(crate) async fn lift_lock(&self, login: &Login) -> Result<(), ApiError> {
        let pardon = |row: &str| Refund { row: row.to_owned(), all: true, ..Refund::default() };
        let pardons = vec![pardon(STRANGERS_ROW), pardon(SIGNED_IN_ROW)];
        let object = of_login(login);
        self.0.ports.throttles().forgive(&object, pardons).await?;
        self.0.isolate.memory.refusals.forget(&object);
        Ok(())
    }

    /// Decides whether a sign-in may be tried, charges it as a failure, and waits for its delay.
    ///
    /// 1. A known device has its own bucket and lockout, and shares the limits of all known devices of its network and
    ///    of its account. So neither unknown devices at the account nor others on the network can lock its owner out.
    ///    Beyond the shared limits, it counts as unknown, so that a token that many devices share cannot evade the
    ///    limits.
    /// 2. For other sign-ins, the address and the network are checked first, then the client, then the account. A
    ///    refusal by one does not charge those that follow.
    /// 3. A locked address is refused. A sign-in to a locked account is admitted, but must fail.
    ///
    /// # Errors
    /// Returns the errors of [`CallLimits::throttle`].
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
                    // The device counts as unknown, and gets another token when the sign-in succeeds. A refusal would let an
                    // attacker who can plant a cookie keep the owner out.
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

    /// Charges a known device. `false` means that the known devices of its network or its account have used up their
    /// limits. It then counts as unknown, which is never worse than having no device token.
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

    /// Decides whether a signed-in user may try the account's password, charges the try as a failure, and waits for its
    /// delay. The thief of an access token gets as many guesses as an unknown device at the sign-in, from any number of
    /// addresses. The two are counted separately, so that neither can lock the owner out of the other.
    ///
    /// # Errors
    /// Returns the errors of [`CallLimits::throttle`]. A lockout is reported, because the caller knows the account.
    pub(crate) async fn admit_signed_in(
        &self,
        caller: &Caller,
        login: &Login,
    ) -> Result<Admission, ApiError> {
        CallLimits::of(self.0).throttle(caller, Limited::Login).await?;
        let limits = &self.0.isolate.config.limits;
        let mut one = asked(SESSION, SIGNED_IN_ROW, Limited::Login, limits.login_account);
        one.claim.ladder = Some(LockoutPolicy { refuses: true, ..limits.account_lock.clone() });
        let mut admission = Admission::default();
        self.charge(caller, &mut admission, of_login(login), vec![one]).await?;
        if !admission.delay.is_zero() {
            self.0.ports.platform().sleep(admission.delay).await;
        }
        Ok(admission)
    }

    /// Settles a successful sign-in: removes the failures of the owner, and this one at the address.
    pub(crate) fn forgive(&self, admission: &Admission) {
        self.take_back(admission, true);
    }

    /// Refunds a sign-in that a fault prevented.
    pub(crate) fn undo(&self, admission: &Admission) {
        self.take_back(admission, false);
    }

    /// Records the events of a failed sign-in.
    pub(crate) fn failed(&self, admission: &Admission, setting: &EventContext) {
        for happening in &admission.told_of_failure {
            Events::of(self.0).record(self.0.now(), happening.clone(), setting.clone());
        }
    }

    /// A new device token after a sign-in. A known device keeps its id.
    pub(crate) fn device_token(&self, admission: &Admission, login: &Login) -> Result<String, Fault> {
        let device = match admission.device {
            Some(device) => device,
            None => DeviceId::random(self.0.ports.platform())?,
        };
        Ok(device::issue(self.0.isolate.masters.current(), device, login, self.0.now()))
    }

    fn take_back(&self, admission: &Admission, owner: bool) {
        use crate::ports::Background as _;

        for (object, pardons) in &admission.charged {
            let mut pardons = pardons.clone();
            for pardon in &mut pardons {
                // A sign-in proves that the user owns the account or the device, not the network.
                pardon.all &= owner;
            }
            let (ports, object) = (self.0.ports.clone(), object.clone());
            self.0.ports.background().spawn(async move {
                // Lost, it costs one failure too many, which is forgotten in time.
                let _ = ports.throttles().forgive(&object, pardons).await;
            });
        }
    }

    /// Charges a sign-in, and collects its refunds and events.
    async fn charge(
        &self,
        caller: &Caller,
        admission: &mut Admission,
        object: String,
        asked: Vec<LimitCheck>,
    ) -> Result<(), ApiError> {
        let noted: Vec<(&'static str, Charge)> =
            asked.iter().map(|asked| (asked.scope, asked.claim.clone())).collect();
        let Some(grants) = CallLimits::of(self.0).take(caller, Limited::Login, &object, asked).await? else {
            return Ok(());
        };
        let mut pardons = Vec::with_capacity(grants.len());
        for ((scope, claim), grant) in noted.into_iter().zip(grants) {
            let Allowance { delay, locked, lock, alarm } = grant;
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
                pardons.push(Refund {
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
