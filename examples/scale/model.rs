//! Arithmetic, and nothing else: habits of users, what each call of theirs does, what the platform takes for it.
#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "estimates")]

use std::fmt::Write as _;

/// Users of the three deployments.
pub(crate) const SIZES: [f64; 3] = [1e3, 1e6, 1e8];

const DAYS: f64 = 30.0;
const SECONDS: f64 = DAYS * 86_400.0;
/// The busiest second against the average one: most users sleep at the same time.
const PEAK: f64 = 3.0;

/// What users do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Habits {
    /// The share of users who are active on a day.
    pub(crate) active: f64,
    /// Requests through the gate on such a day.
    pub(crate) requests: f64,
    /// Refreshes on such a day: access tokens live ten minutes, and people stay for an hour and a half.
    pub(crate) refreshes: f64,
    /// Sign-ins of a user in a month, on known devices.
    pub(crate) sign_ins: f64,
    /// The share of sign-ins that end in a logout.
    pub(crate) logouts: f64,
    /// Sessions alive at any time, for a user.
    pub(crate) sessions: f64,
}

impl Default for Habits {
    fn default() -> Self {
        Self { active: 0.2, requests: 200.0, refreshes: 9.0, sign_ins: 1.0, logouts: 0.5, sessions: 2.0 }
    }
}

/// What one call does. Read off the code (`crates/app/src/service`, `crates/core/src/abuse`, `crates/core/src/account`); processor time from docs/reference/growth.md
/// and docs/reference/performance.md, rounded up.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Call {
    pub(crate) objects: f64,
    pub(crate) rows_written: f64,
    pub(crate) rows_read: f64,
    pub(crate) d1_read: f64,
    /// Milliseconds, in the Worker and in the objects it asks.
    pub(crate) cpu: f64,
}

/// Route level `feed`, the token known to the isolate.
pub(crate) const GATE: Call =
    Call { objects: 0.0, rows_written: 0.0, rows_read: 0.0, d1_read: 0.0, cpu: 0.2 };
/// Route level `strong`: the Account object is asked, which reads the family and the account's own record.
pub(crate) const STRONG: Call =
    Call { objects: 1.0, rows_written: 0.0, rows_read: 2.0, d1_read: 0.0, cpu: 1.0 };
/// The throttle of address and network (two rows), the rotation (one), and the gate's receipt (one more call and row).
pub(crate) const REFRESH: Call =
    Call { objects: 3.0, rows_written: 4.0, rows_read: 6.0, d1_read: 0.0, cpu: 4.0 };
/// The known devices' buckets of address and network charged (two rows), those of the device and of all of the account's
/// charged and forgiven (two calls, two rows each), the family opened (family, activity, alarm), one user read; almost all
/// of the time is the password's hash.
pub(crate) const SIGN_IN: Call =
    Call { objects: 4.0, rows_written: 9.0, rows_read: 12.0, d1_read: 1.0, cpu: 60.0 };
/// The account: what is to be told, the family's end and a note, and the first gone again when it is told (four rows, two
/// alarms); the feed: its state, the entry, and the entry's end. Asked: the account, its alarm, the feed.
pub(crate) const LOGOUT: Call =
    Call { objects: 3.0, rows_written: 9.0, rows_read: 6.0, d1_read: 0.0, cpu: 4.0 };

/// Dollars a million, beyond what the plan includes; what it includes; both a month. docs/reference/scaling.md has the sources.
struct Price {
    name: &'static str,
    dollars: f64,
    included: f64,
}

const REQUESTS: Price = Price { name: "Worker requests", dollars: 0.30, included: 10e6 };
const CPU: Price = Price { name: "CPU, ms", dollars: 0.02, included: 30e6 };
const OBJECTS: Price = Price { name: "object requests", dollars: 0.15, included: 1e6 };
const DURATION: Price = Price { name: "object duration, GB-s", dollars: 12.50, included: 400e3 };
const ROWS_READ: Price = Price { name: "rows read in objects", dollars: 0.001, included: 25e9 };
const ROWS_WRITTEN: Price = Price { name: "rows written in objects", dollars: 1.00, included: 50e6 };
const KV_READS: Price = Price { name: "KV reads", dollars: 0.50, included: 10e6 };
const KV_WRITES: Price = Price { name: "KV writes", dollars: 5.00, included: 1e6 };
const D1_READ: Price = Price { name: "D1 rows read", dollars: 0.001, included: 25e9 };
/// Gigabytes and their dollars a month, not a million of anything.
const OBJECT_GB: f64 = 0.20;
const D1_GB: f64 = 0.75;
const STORAGE_INCLUDED_GB: f64 = 5.0;
const PLAN: f64 = 5.0;

/// An object is billed 128 MB while it works; 10 ms a call, most of it the write on its way to disk.
const GB_SECONDS_A_CALL: f64 = 0.128 * 0.010;
/// A family's record with its key, and an account's other rows, with SQLite's own overhead.
pub(crate) const FAMILY_BYTES: f64 = 1_000.0;
pub(crate) const ACCOUNT_BYTES: f64 = 4_000.0;
/// A user's row and its place in the index of logins: 323 bytes each with 200 000 of them.
pub(crate) const USER_BYTES: f64 = 350.0;
/// What the feed's entry is in KV (`crates/core/src/revocation/copy.rs`: 12 bytes in base64url), and for how long a session is listed.
pub(crate) const ENTRY_BYTES: f64 = 16.0;
pub(crate) const LISTED_SECONDS: f64 = 18.0 * 60.0;

/// One isolate takes this many requests a second before another is started; at least this many are awake where there is
/// traffic at all. How the platform spreads them is not published: an assumption.
const REQUESTS_AN_ISOLATE: f64 = 50.0;
const LEAST_ISOLATES: f64 = 20.0;
/// Of a quiet deployment, this share of the time.
const AWAKE: f64 = 0.3;

/// A month of one deployment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Month {
    pub(crate) users: f64,
    gate: f64,
    refreshes: f64,
    sign_ins: f64,
    logouts: f64,
    isolates: f64,
    requests: f64,
    cpu: f64,
    objects: f64,
    rows_written: f64,
    rows_read: f64,
    kv_reads: f64,
    kv_writes: f64,
    d1_read: f64,
    object_gb: f64,
    pub(crate) d1_gb: f64,
    pub(crate) ended_a_second: f64,
}

impl Month {
    pub(crate) fn of(users: f64, habits: &Habits) -> Self {
        let days = users * habits.active * DAYS;
        let (gate, refreshes) = (days * habits.requests, days * habits.refreshes);
        let sign_ins = users * habits.sign_ins;
        let logouts = sign_ins * habits.logouts;
        let calls = [(GATE, gate), (REFRESH, refreshes), (SIGN_IN, sign_ins), (LOGOUT, logouts)];
        let sum = |of: fn(&Call) -> f64| calls.iter().map(|(call, times)| of(call) * times).sum::<f64>();
        let requests = gate + refreshes + sign_ins + logouts;
        let isolates = (requests / SECONDS * PEAK / REQUESTS_AN_ISOLATE).max(LEAST_ISOLATES);
        let awake = if isolates > LEAST_ISOLATES { 1.0 } else { AWAKE };
        let every = |seconds: f64| isolates * awake * SECONDS / seconds;
        let ended_a_second = logouts / SECONDS * PEAK;
        Self {
            users,
            gate,
            refreshes,
            sign_ins,
            logouts,
            isolates,
            requests,
            cpu: sum(|call| call.cpu),
            // Each isolate sends its counts every ten seconds and reads the signing key once a minute.
            objects: sum(|call| call.objects) + every(10.0) + every(60.0),
            rows_written: sum(|call| call.rows_written) + every(10.0) * 10.0,
            rows_read: sum(|call| call.rows_read) + every(10.0) * 10.0,
            // The feed every half a minute, a key set every five minutes.
            kv_reads: every(30.0) + every(300.0),
            // The feed at most once a second, twice for each entry: when it comes and when it goes.
            kv_writes: (2.0 * logouts).min(SECONDS),
            d1_read: sum(|call| call.d1_read),
            object_gb: users * (ACCOUNT_BYTES + habits.sessions * FAMILY_BYTES) / 1e9,
            d1_gb: users * USER_BYTES / 1e9,
            ended_a_second,
        }
    }

    fn billed(&self) -> [(&'static str, f64, f64); 9] {
        let of = |price: Price, amount: f64| {
            (price.name, amount, (amount - price.included).max(0.0) / 1e6 * price.dollars)
        };
        [
            of(REQUESTS, self.requests),
            of(CPU, self.cpu),
            of(OBJECTS, self.objects),
            of(DURATION, self.objects * GB_SECONDS_A_CALL),
            of(ROWS_WRITTEN, self.rows_written),
            of(ROWS_READ, self.rows_read),
            of(KV_READS, self.kv_reads),
            of(KV_WRITES, self.kv_writes),
            of(D1_READ, self.d1_read),
        ]
    }

    fn storage(&self) -> [(&'static str, f64, f64); 2] {
        let of = |gb: f64, dollars: f64| (gb - STORAGE_INCLUDED_GB).max(0.0) * dollars;
        [
            ("objects, GB", self.object_gb, of(self.object_gb, OBJECT_GB)),
            ("D1, GB", self.d1_gb, of(self.d1_gb, D1_GB)),
        ]
    }

    fn dollars(&self) -> f64 {
        let billed = self.billed().iter().map(|(_, _, dollars)| dollars).sum::<f64>();
        PLAN + billed + self.storage().iter().map(|(_, _, dollars)| dollars).sum::<f64>()
    }

    /// What is nearest to a limit: its name, what there is of it at the peak, and the limit.
    fn limits(&self) -> [(&'static str, f64, f64); 5] {
        let busiest = |times: f64| times / SECONDS * PEAK;
        [
            ("D1: GB in the one database", self.d1_gb, 10.0),
            ("D1: queries a second, 1 ms each", busiest(self.sign_ins), 1_000.0),
            ("revocation feed: sessions ended a second that are listed", self.ended_a_second, 74.0),
            ("metrics: calls a second to one of four objects", self.isolates / 10.0 / 4.0, 500.0),
            ("signing keys: calls a second to the one object", self.isolates / 60.0, 1_000.0),
        ]
    }
}

/// Dollars for a million of one call, beyond what the plan includes.
fn dollars_a_million(call: &Call) -> f64 {
    REQUESTS.dollars
        + call.cpu * CPU.dollars
        + call.objects * (OBJECTS.dollars + GB_SECONDS_A_CALL * DURATION.dollars)
        + call.rows_written * ROWS_WRITTEN.dollars
        + call.rows_read * ROWS_READ.dollars
        + call.d1_read * D1_READ.dollars
}

fn amount(value: f64) -> String {
    match value {
        value if value >= 1e9 => format!("{:.1} G", value / 1e9),
        value if value >= 1e6 => format!("{:.1} M", value / 1e6),
        value if value >= 1e4 => format!("{:.0} k", value / 1e3),
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 0.01 => format!("{value:.2}"),
        value => format!("{value:.5}"),
    }
}

fn money(value: f64) -> String {
    let whole = value.round() as u64;
    if whole >= 10_000 { format!("${},{:03}", whole / 1000, whole % 1000) } else { format!("${value:.2}") }
}

fn row(text: &mut String, name: &str, cells: impl IntoIterator<Item = String>) {
    let cells: Vec<String> = cells.into_iter().collect();
    let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
}

fn head(text: &mut String, name: &str, columns: &[String]) {
    row(text, name, columns.iter().cloned());
    let _ = writeln!(text, "|---|{}", "---:|".repeat(columns.len()));
}

/// The tables, as Markdown.
pub(crate) fn tables(sizes: &[f64], habits: &Habits) -> String {
    let months: Vec<Month> = sizes.iter().map(|users| Month::of(*users, habits)).collect();
    let users: Vec<String> = months.iter().map(|month| format!("{} users", amount(month.users))).collect();
    let mut text = String::new();

    let _ = writeln!(text, "### What a million calls cost\n");
    let names = ["objects asked", "rows written", "CPU, ms", "dollars a million"].map(str::to_owned);
    head(&mut text, "call", &names);
    for (name, call) in [
        ("gate, level `none` or `feed`", GATE),
        ("gate, level `strong`", STRONG),
        ("refresh, with its receipt", REFRESH),
        ("sign-in on a known device", SIGN_IN),
        ("logout", LOGOUT),
    ] {
        let cells = [call.objects, call.rows_written, call.cpu].map(|value| format!("{value}"));
        row(&mut text, name, cells.into_iter().chain([money(dollars_a_million(&call))]));
    }

    let _ = writeln!(text, "\n### What happens in a month\n");
    head(&mut text, "", &users);
    let mut line = |name: &str, of: &dyn Fn(&Month) -> String| row(&mut text, name, months.iter().map(of));
    line("requests through the gate", &|month| amount(month.gate));
    line("refreshes", &|month| amount(month.refreshes));
    line("sign-ins", &|month| amount(month.sign_ins));
    line("logouts", &|month| amount(month.logouts));
    line("requests in the busiest second", &|month| amount(month.requests / SECONDS * PEAK));
    line("isolates awake then (assumed)", &|month| amount(month.isolates));
    line("Account objects with something stored", &|month| amount(month.users));
    line("revoked sessions in the feed, at the peak", &|month| amount(month.ended_a_second * LISTED_SECONDS));
    line("the feed in KV, kB", &|month| amount(month.ended_a_second * LISTED_SECONDS * ENTRY_BYTES / 1e3));

    let _ = writeln!(text, "\n### What it costs in a month\n");
    head(&mut text, "", &users);
    for index in 0..9 {
        let name = months.first().and_then(|month| month.billed().get(index).map(|(name, ..)| *name));
        let cells = months.iter().filter_map(|month| month.billed().get(index).copied());
        row(
            &mut text,
            name.unwrap_or(""),
            cells.map(|(_, much, dollars)| format!("{}: {}", amount(much), money(dollars))),
        );
    }
    for index in 0..2 {
        let name = months.first().and_then(|month| month.storage().get(index).map(|(name, ..)| *name));
        let cells = months.iter().filter_map(|month| month.storage().get(index).copied());
        row(
            &mut text,
            name.unwrap_or(""),
            cells.map(|(_, much, dollars)| format!("{}: {}", amount(much), money(dollars))),
        );
    }
    row(&mut text, "the plan", months.iter().map(|_| money(PLAN)));
    row(&mut text, "**in all**", months.iter().map(|month| format!("**{}**", money(month.dollars()))));
    row(&mut text, "for 1 000 users", months.iter().map(|month| money(month.dollars() / month.users * 1e3)));
    row(
        &mut text,
        "for a million requests of all kinds",
        months.iter().map(|month| money(month.dollars() / month.requests * 1e6)),
    );

    let _ = writeln!(text, "\n### How near the limits are, at the peak\n");
    let columns: Vec<String> =
        users.iter().cloned().chain(["limit".to_owned(), "reached with, users".to_owned()]).collect();
    head(&mut text, "", &columns);
    for index in 0..5 {
        let all: Vec<_> = months.iter().filter_map(|month| month.limits().get(index).copied()).collect();
        let Some((name, _, limit)) = all.first().copied() else { continue };
        let most =
            months.last().zip(all.last()).map_or(0.0, |(month, (_, much, _))| month.users * limit / much);
        let cells = all.iter().map(|(_, much, _)| amount(*much)).chain([amount(limit), amount(most)]);
        row(&mut text, name, cells);
    }
    text
}
