//! `POSTERN_LIMITS`: how often, how many failures, and what happens when nobody can tell.

use super::reader::{Fields, Node};
use crate::rate::{MAX_PER_MINUTE, Rate};
use postern_core::throttle::{Ladder, Limited, Spread, messages::MAX_WINDOW};

/// The most sign-ins of one isolate that may wait.
const MAX_HASH_QUEUE: u32 = 1000;

/// The limits in force. A rate of `None` is off, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitSettings {
    /// No limit holds and nobody is locked out: for tests, in the local profile only.
    pub off: bool,
    /// Sign-ins by strangers to one account.
    pub login_account: Option<Rate>,
    /// Sign-ins from one known device to its account.
    pub login_device: Option<Rate>,
    /// Sign-ins by strangers from one address.
    pub login_ip: Option<Rate>,
    /// The same from one network.
    pub login_network: Option<Rate>,
    /// Sign-ins from all known devices behind one address; beyond it they are strangers.
    pub login_known_ip: Option<Rate>,
    /// The same from one network.
    pub login_known_network: Option<Rate>,
    /// Sign-ins through one client, all users together.
    pub login_client: Option<Rate>,
    /// Rotations of one family.
    pub refresh_family: Option<Rate>,
    /// Refreshes from one address.
    pub refresh_ip: Option<Rate>,
    /// The same from one network.
    pub refresh_network: Option<Rate>,
    /// Registrations from one address.
    pub register_ip: Option<Rate>,
    /// The same from one network.
    pub register_network: Option<Rate>,
    /// One-time tokens asked for one account.
    pub reset_account: Option<Rate>,
    /// One-time tokens asked for or presented from one address.
    pub reset_ip: Option<Rate>,
    /// The same from one network.
    pub reset_network: Option<Rate>,
    /// Copies that a user takes of what is stored.
    pub export_account: Option<Rate>,
    /// Failures of strangers at one account, and of one known device.
    pub account_lock: Ladder,
    /// Failures of all known devices of one account; beyond it they are strangers.
    pub devices_lock: Ladder,
    /// Failures from one address, of whatever accounts.
    pub ip_lock: Ladder,
    /// So many accounts failing from one network are an attack.
    pub accounts_per_network: Spread,
    /// So many networks failing at one account are an attack.
    pub networks_per_account: Spread,
    /// What goes on unlimited while a Throttle object can't be asked; the rest is refused.
    pub open_without_throttle: Vec<&'static str>,
    /// How many sign-ins of one isolate may wait for their password to be hashed.
    pub hash_queue: u32,
    /// The platform's rate limiting binding that stands before all this.
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
            // Five times an address: a carrier's or an office's network holds many of them.
            login_network: rate(100, 100),
            // As the refreshes of an office: an attacker who has made many accounts of his own has
            // a known device for each, and every sign-in costs a hash.
            login_known_ip: rate(60, 120),
            login_known_network: rate(300, 600),
            login_client: None,
            // A page that is loaded again refreshes: an impatient reader does that many times.
            refresh_family: rate(5, 20),
            // An office behind one address comes back from lunch together.
            refresh_ip: rate(60, 120),
            refresh_network: rate(600, 1200),
            register_ip: rate(3, 3),
            register_network: rate(15, 15),
            reset_account: rate(1, 3),
            reset_ip: rate(3, 3),
            reset_network: rate(15, 15),
            // Whoever takes a copy takes one, and perhaps another where the first went wrong.
            export_account: rate(1, 5),
            account_lock: Ladder {
                delay_after: 3,
                lock_after: 5,
                locks: locks.clone(),
                // Strangers are left one guess an hour, as the last lock is long.
                forget: 3600,
                refuses: false,
            },
            // Four devices that are stolen or whose owner forgot the password, at once. One alone never
            // gets there: its own ladder leaves it one guess in the hour that forgets one.
            devices_lock: Ladder {
                delay_after: 20,
                lock_after: 20,
                locks: vec![3600],
                forget: 3600,
                refuses: true,
            },
            // An office mistypes a hundred times in a morning and not six times an hour after it.
            ip_lock: Ladder { delay_after: 100, lock_after: 100, locks, forget: 600, refuses: true },
            accounts_per_network: Spread { count: 20, window: 600 },
            networks_per_account: Spread { count: 10, window: 600 },
            // A refresh token can't be guessed. A password can, and whoever overloads his own
            // network's object must not be rid of the limit by it.
            open_without_throttle: vec![Limited::Refresh.name()],
            // A second of work at 25 ms each.
            hash_queue: 40,
            coarse_binding: None,
        }
    }
}

impl LimitSettings {
    /// None at all: whatever would be taken from a Throttle object is given.
    fn none() -> Self {
        Self {
            off: true,
            // The one rate that an Account object holds.
            refresh_family: None,
            // Each that waits holds its request: so many a test does not send at once.
            hash_queue: MAX_HASH_QUEUE,
            ..Self::default()
        }
    }

    /// Whether a call goes on unlimited when a Throttle object can't be asked.
    pub fn is_open_without_throttle(&self, limited: Limited) -> bool {
        self.open_without_throttle.contains(&limited.name())
    }

    /// The rates of one address and of its network.
    pub const fn by_origin(&self, limited: Limited) -> (Option<Rate>, Option<Rate>) {
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

/// `"off"`, or a rate. A wrong one is noted, which refuses the configuration as a whole.
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

fn read_ladder(node: &Node<'_>, ladder: &mut Ladder) {
    let Some(fields) = node.object(&["delay_after", "lock_after", "locks", "forget"]) else { return };
    ladder.delay_after = number(&fields, "delay_after", ladder.delay_after, 0, 1_000_000);
    ladder.lock_after = number(&fields, "lock_after", ladder.lock_after, 1, 1_000_000);
    ladder.forget = number(&fields, "forget", ladder.forget, 1, 86_400);
    if let Some(node) = fields.optional("locks") {
        // A day: whoever is kept out longer than that should be disabled, by name.
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

fn read_spread(node: &Node<'_>, spread: &mut Spread) {
    let Some(fields) = node.object(&["count", "window"]) else { return };
    // Each one is remembered: a thousand are 30 kB.
    spread.count = number(&fields, "count", spread.count, 2, 1000);
    spread.window = number(&fields, "window", spread.window, 1, MAX_WINDOW.as_secs());
}

fn read_open(node: &Node<'_>) -> Option<Vec<&'static str>> {
    let names = [Limited::Login, Limited::Refresh, Limited::Register, Limited::Reset, Limited::Export]
        .map(Limited::name);
    let choices = names.map(|name| (name, name));
    node.each(|item| item.choice(&choices))
}
