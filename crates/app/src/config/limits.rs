//! `POSTERN_LIMITS`: rate limits, lockouts, and the behaviour while Throttle objects do not answer.

use super::reader::{Fields, Node};
use crate::rate::{MAX_PER_MINUTE, Rate};
use postern_core::throttle::{DistinctLimit, Limited, LockoutPolicy, messages::MAX_WINDOW};

/// The highest number of waiting sign-ins that can be configured for an isolate.
const MAX_HASH_QUEUE: u32 = 1000;

/// The configured limits. A rate of `None` was turned off with `"off"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitSettings {
    /// Turns off all limits and lockouts, for tests. Only the local profile allows it.
    pub off: bool,
    /// Sign-ins to one account from unknown devices.
    pub login_account: Option<Rate>,
    /// Sign-ins to an account from one known device.
    pub login_device: Option<Rate>,
    /// Sign-ins from unknown devices at one IP address.
    pub login_ip: Option<Rate>,
    /// Sign-ins from unknown devices in one network.
    pub login_network: Option<Rate>,
    /// Sign-ins from all known devices at one IP address. Beyond the rate, these devices count as unknown.
    pub login_known_ip: Option<Rate>,
    /// Sign-ins from all known devices in one network. Beyond the rate, these devices count as unknown.
    pub login_known_network: Option<Rate>,
    /// Sign-ins through one client, of all users.
    pub login_client: Option<Rate>,
    /// Rotations of one refresh family.
    pub refresh_family: Option<Rate>,
    /// Refreshes from one IP address.
    pub refresh_ip: Option<Rate>,
    /// Refreshes from one network.
    pub refresh_network: Option<Rate>,
    /// Registrations from one IP address.
    pub register_ip: Option<Rate>,
    /// Registrations from one network.
    pub register_network: Option<Rate>,
    /// Requests for one-time tokens of one account.
    pub reset_account: Option<Rate>,
    /// Requests and uses of one-time tokens from one IP address.
    pub reset_ip: Option<Rate>,
    /// Requests and uses of one-time tokens from one network.
    pub reset_network: Option<Rate>,
    /// Exports of a user's stored data.
    pub export_account: Option<Rate>,
    /// The lockout after failures at one account from unknown devices, and after failures of one known device.
    pub account_lock: LockoutPolicy,
    /// The lockout after failures of all known devices of an account. These devices then count as unknown.
    pub devices_lock: LockoutPolicy,
    /// The lockout after failures from one IP address at any accounts.
    pub ip_lock: LockoutPolicy,
    /// How many accounts with failures from one network indicate an attack.
    pub accounts_per_network: DistinctLimit,
    /// How many networks with failures at one account indicate an attack.
    pub networks_per_account: DistinctLimit,
    /// The calls that are not limited while a Throttle object does not answer. Other limited calls are refused.
    pub open_without_throttle: Vec<&'static str>,
    /// How many sign-ins in one isolate may wait for a password hash.
    pub hash_queue: u32,
    /// The platform's rate limiting binding that is checked before these limits.
    pub coarse_binding: Option<String>,
}

impl Default for LimitSettings {
    fn default() -> Self {
        let rate = |per_minute, burst| Some(Rate::new(per_minute, burst));
        let locks = vec![60, 600, 3600];
        Self {
            off: false,
            login_account: rate(5, 5),
            login_device: rate(5, 5),
            login_ip: rate(20, 20),
            // Five times the rate of an address, because the network of a carrier or an office has many addresses.
            login_network: rate(100, 100),
            // The rate of refreshes from an office. An attacker with many accounts of their own has a known device for each
            // of them, and every sign-in costs a hash.
            login_known_ip: rate(60, 120),
            login_known_network: rate(300, 600),
            login_client: None,
            // A page refreshes whenever it is loaded, and an impatient user reloads it many times.
            refresh_family: rate(5, 20),
            // All people of an office behind one address may return from lunch at the same time.
            refresh_ip: rate(60, 120),
            refresh_network: rate(600, 1200),
            register_ip: rate(3, 3),
            register_network: rate(15, 15),
            reset_account: rate(1, 3),
            reset_ip: rate(3, 3),
            reset_network: rate(15, 15),
            // A user exports once, and perhaps a few times more if a download fails.
            export_account: rate(1, 5),
            account_lock: LockoutPolicy {
                delay_after: 3,
                lock_after: 5,
                locks: locks.clone(),
                // Unknown devices then have one guess an hour, the length of the last lockout.
                forget: 3600,
                refuses: false,
            },
            // The failures of four stolen devices, or of four devices whose owner forgot the password, at once. A single device
            // never reaches this: its own lockout leaves it one guess an hour, in which one failure expires.
            devices_lock: LockoutPolicy {
                delay_after: 20,
                lock_after: 20,
                locks: vec![3600],
                forget: 3600,
                refuses: true,
            },
            // The people of an office may mistype a hundred passwords in a morning, but not six in each hour after it.
            ip_lock: LockoutPolicy { delay_after: 100, lock_after: 100, locks, forget: 600, refuses: true },
            accounts_per_network: DistinctLimit { count: 20, window: 600 },
            networks_per_account: DistinctLimit { count: 10, window: 600 },
            // A refresh token cannot be guessed, but a password can. An attacker who overloads the Throttle object of their own
            // network must not escape the limit.
            open_without_throttle: vec![Limited::Refresh.name()],
            // One second of work, at 25 ms for each hash.
            hash_queue: 40,
            coarse_binding: None,
        }
    }
}

impl LimitSettings {
    /// Settings without any limit. Throttle objects are not called.
    fn none() -> Self {
        Self {
            off: true,
            // The Account object enforces this rate.
            refresh_family: None,
            // Each waiting sign-in occupies its request. A test does not send this many at once.
            hash_queue: MAX_HASH_QUEUE,
            ..Self::default()
        }
    }

    /// Whether a call is not limited while a Throttle object does not answer.
    pub(crate) fn is_open_without_throttle(&self, limited: Limited) -> bool {
        self.open_without_throttle.contains(&limited.name())
    }

    /// The rates of one IP address and of its network.
    pub(crate) const fn by_origin(&self, limited: Limited) -> (Option<Rate>, Option<Rate>) {
        match limited {
            Limited::Login => (self.login_ip, self.login_network),
            Limited::Refresh => (self.refresh_ip, self.refresh_network),
            Limited::Register => (self.register_ip, self.register_network),
            Limited::Reset => (self.reset_ip, self.reset_network),
            Limited::Export => (None, None),
        }
    }
}

pub(super) fn read(node: &Node<'_>, local: bool) -> Option<LimitSettings> {
    if node.is_text() {
        if !local {
            return node
                .wrong("must be an object (\"off\" is allowed only with POSTERN_PROFILE = \"local\")");
        }
        return node.choice(&[("off", ())]).map(|()| LimitSettings::none());
    }
    let fields = node.object(&[
        "login_account",
        "login_device",
        "login_ip",
        "login_network",
        "login_known_ip",
        "login_known_network",
        "login_client",
        "refresh_family",
        "refresh_ip",
        "refresh_network",
        "register_ip",
        "register_network",
        "reset_account",
        "reset_ip",
        "reset_network",
        "export_account",
        "account_lock",
        "devices_lock",
        "ip_lock",
        "accounts_per_network",
        "networks_per_account",
        "open_without_throttle",
        "hash_queue",
        "coarse_binding",
    ])?;
    let mut settings = LimitSettings::default();
    for (name, rate) in [
        ("login_account", &mut settings.login_account),
        ("login_device", &mut settings.login_device),
        ("login_ip", &mut settings.login_ip),
        ("login_network", &mut settings.login_network),
        ("login_known_ip", &mut settings.login_known_ip),
        ("login_known_network", &mut settings.login_known_network),
        ("login_client", &mut settings.login_client),
        ("refresh_family", &mut settings.refresh_family),
        ("refresh_ip", &mut settings.refresh_ip),
        ("refresh_network", &mut settings.refresh_network),
        ("register_ip", &mut settings.register_ip),
        ("register_network", &mut settings.register_network),
        ("reset_account", &mut settings.reset_account),
        ("reset_ip", &mut settings.reset_ip),
        ("reset_network", &mut settings.reset_network),
        ("export_account", &mut settings.export_account),
    ] {
        if let Some(node) = fields.optional(name) {
            *rate = read_rate(node);
        }
    }
    for (name, ladder) in [
        ("account_lock", &mut settings.account_lock),
        ("devices_lock", &mut settings.devices_lock),
        ("ip_lock", &mut settings.ip_lock),
    ] {
        if let Some(node) = fields.optional(name) {
            read_ladder(node, ladder);
        }
    }
    for (name, spread) in [
        ("accounts_per_network", &mut settings.accounts_per_network),
        ("networks_per_account", &mut settings.networks_per_account),
    ] {
        if let Some(node) = fields.optional(name) {
            read_spread(node, spread);
        }
    }
    if let Some(node) = fields.optional("open_without_throttle") {
        settings.open_without_throttle = read_open(node).unwrap_or_default();
    }
    settings.hash_queue = number(&fields, "hash_queue", settings.hash_queue, 1, MAX_HASH_QUEUE.into());
    settings.coarse_binding =
        fields.optional("coarse_binding").and_then(|node| node.parsed(super::values::binding));
    Some(settings)
}

fn number(fields: &Fields<'_>, name: &str, default: u32, least: u64, most: u64) -> u32 {
    fields.or(name, default, |node| node.number(least..=most).and_then(|number| u32::try_from(number).ok()))
}

/// Reads `"off"` or a rate. A mistake refuses the whole configuration.
fn read_rate(node: &Node<'_>) -> Option<Rate> {
    if node.is_text() {
        return node.choice(&[("off", None::<Rate>)]).flatten();
    }
    let fields = node.object(&["per_minute", "burst"])?;
    let most = u64::from(MAX_PER_MINUTE);
    let read = |name: &str| {
        let number = fields.required(name)?.number(1..=most)?;
        u32::try_from(number).ok()
    };
    let (per_minute, burst) = (read("per_minute"), read("burst"));
    Some(Rate::new(per_minute?, burst?))
}

fn read_ladder(node: &Node<'_>, ladder: &mut LockoutPolicy) {
    let Some(fields) = node.object(&["delay_after", "lock_after", "locks", "forget"]) else { return };
    ladder.delay_after = number(&fields, "delay_after", ladder.delay_after, 0, 1_000_000);
    ladder.lock_after = number(&fields, "lock_after", ladder.lock_after, 1, 1_000_000);
    ladder.forget = number(&fields, "forget", ladder.forget, 1, 86_400);
    if let Some(node) = fields.optional("locks") {
        // At most a day: to lock a user out for longer, an administrator should disable them.
        let locks = node.each(|item| item.number(1..=86_400).and_then(|seconds| u32::try_from(seconds).ok()));
        match locks {
            Some(locks) if locks.is_empty() || locks.len() > 8 => {
                let _: Option<()> = node.wrong("must have 1 to 8 items");
            }
            Some(locks) => ladder.locks = locks,
            None => {}
        }
    }
}

fn read_spread(node: &Node<'_>, spread: &mut DistinctLimit) {
    let Some(fields) = node.object(&["count", "window"]) else { return };
    // Each account or network is stored; a thousand take 30 kB.
    spread.count = number(&fields, "count", spread.count, 2, 1000);
    spread.window = number(&fields, "window", spread.window, 1, MAX_WINDOW.as_secs());
}

fn read_open(node: &Node<'_>) -> Option<Vec<&'static str>> {
    let names = [Limited::Login, Limited::Refresh, Limited::Register, Limited::Reset, Limited::Export]
        .map(Limited::name);
    let choices = names.map(|name| (name, name));
    node.each(|item| item.choice(&choices))
}
