//! The platform's prices and daily limits, as its documentation had them on [`READ_ON`].

/// The day on which the prices were read.
pub const READ_ON: &str = "2026-11-30";

/// The Workers Paid plan, in millionths of a dollar a month.
pub const PLAN_MICROS: u64 = 5_000_000;

/// How many kinds of things are billed.
pub const COUNTED: usize = 10;

/// A kind of thing that is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// Requests to the Worker.
    Requests,
    /// Processor time of the Worker, in milliseconds. Estimated: a Worker cannot measure it.
    CpuMillis,
    /// Requests to objects, alarms included.
    ObjectRequests,
    /// Time that objects are active, in thousandths of a GB-s. Estimated from their requests.
    ObjectDuration,
    /// Rows that objects read.
    ObjectRowsRead,
    /// Rows that objects wrote, alarms that were set included.
    ObjectRowsWritten,
    /// Reads of KV.
    KvReads,
    /// Writes of KV.
    KvWrites,
    /// Rows that D1 read.
    D1RowsRead,
    /// Rows that D1 wrote.
    D1RowsWritten,
}

/// The price of a kind of thing.
#[derive(Debug, Clone, Copy)]
pub struct Price {
    /// What it is.
    pub item: Item,
    /// The stable name, in JSON.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// How many the paid plan includes each month.
    pub included: u64,
    /// The price of a million beyond that, in millionths of a dollar.
    pub micros_a_million: u64,
    /// How many the free plan allows each day, from 00:00 UTC. `None` where it has no daily limit.
    pub free_a_day: Option<u64>,
    /// How many make one of the unit that people read.
    pub divisor: u64,
    /// Whether the amount is estimated and not counted.
    pub estimated: bool,
    /// Where the price stands.
    pub source: &'static str,
}

const WORKERS: &str = "https://developers.cloudflare.com/workers/platform/pricing/";
const OBJECTS: &str = "https://developers.cloudflare.com/durable-objects/platform/pricing/";
const KV: &str = "https://developers.cloudflare.com/kv/platform/pricing/";
const D1: &str = "https://developers.cloudflare.com/d1/platform/pricing/";

const fn price(
    item: Item,
    (name, title): (&'static str, &'static str),
    (included, micros_a_million): (u64, u64),
    free_a_day: Option<u64>,
    source: &'static str,
) -> Price {
    Price { item, name, title, included, micros_a_million, free_a_day, divisor: 1, estimated: false, source }
}

/// All prices, in the order of [`Item`].
pub static PRICES: [Price; COUNTED] = [
    price(Item::Requests, ("requests", "Worker requests"), (10_000_000, 300_000), Some(100_000), WORKERS),
    // The free plan limits the time of each request (10 ms) and not that of a day.
    Price {
        estimated: true,
        ..price(Item::CpuMillis, ("cpu_ms", "CPU, ms"), (30_000_000, 20_000), None, WORKERS)
    },
    price(
        Item::ObjectRequests,
        ("object_requests", "object requests"),
        (1_000_000, 150_000),
        Some(100_000),
        OBJECTS,
    ),
    // In thousandths of a GB-s: 400 000 GB-s are included, a million cost 12.50 dollars.
    Price {
        estimated: true,
        divisor: 1000,
        ..price(
            Item::ObjectDuration,
            ("object_gb_s", "object duration, GB-s"),
            (400_000_000, 12_500),
            Some(13_000_000),
            OBJECTS,
        )
    },
    price(
        Item::ObjectRowsRead,
        ("object_rows_read", "rows read in objects"),
        (25_000_000_000, 1_000),
        Some(5_000_000),
        OBJECTS,
    ),
    price(
        Item::ObjectRowsWritten,
        ("object_rows_written", "rows written in objects"),
        (50_000_000, 1_000_000),
        Some(100_000),
        OBJECTS,
    ),
    price(Item::KvReads, ("kv_reads", "KV reads"), (10_000_000, 500_000), Some(100_000), KV),
    price(Item::KvWrites, ("kv_writes", "KV writes"), (1_000_000, 5_000_000), Some(1_000), KV),
    price(Item::D1RowsRead, ("d1_rows_read", "D1 rows read"), (25_000_000_000, 1_000), Some(5_000_000), D1),
    price(
        Item::D1RowsWritten,
        ("d1_rows_written", "D1 rows written"),
        (50_000_000, 1_000_000),
        Some(100_000),
        D1,
    ),
];
