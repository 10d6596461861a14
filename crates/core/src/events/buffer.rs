//! Events on their way to a queue, for deployments that want them there beside the log.
//!
//! An isolate gathers what happens for a moment and sends it after the answers. The queue is a
//! copy: nothing waits for it, and what it does not take is counted and left out. The log has it.

use core::{
    cell::{Cell, RefCell},
    time::Duration,
};

use postern_jose::time::Timestamp;

/// What happens within a request, and beside it, goes in one batch.
pub const LINGER: Duration = Duration::from_millis(100);

/// The request that was to send may have been cancelled: after this long another one sends.
const LOST_AFTER: Duration = Duration::from_secs(10);

/// A batch may have 100 messages of 256 kB in all (the platform's limits); half of that leaves
/// room for how they are wrapped.
const MAX_MESSAGES: usize = 100;
const MAX_BYTES: usize = 128 * 1024;

/// How many events may wait: what an isolate under attack tells in the seconds that a queue takes
/// to answer, and half a megabyte.
const MAX_WAITING: usize = 1000;

/// How often a batch is sent before it is given up.
pub const TRIES: u8 = 2;

/// The events that wait.
#[derive(Debug, Default)]
pub struct EventBuffer {
    lines: RefCell<Vec<String>>,
    armed_until: Cell<Timestamp>,
}

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// It waits, and another request sends it.
    Waits,
    /// It waits, and the caller is to see to it that it is sent after [`LINGER`].
    Send,
    /// Too many wait: it is dropped.
    Dropped,
}

impl EventBuffer {
    /// Takes the line of an event.
    pub fn offer(&self, line: String, now: Timestamp) -> Offered {
        let mut lines = self.lines.borrow_mut();
        if lines.len() >= MAX_WAITING {
            return Offered::Dropped;
        }
        lines.push(line);
        if !now.has_reached(self.armed_until.get(), LOST_AFTER) {
            return Offered::Waits;
        }
        self.armed_until.set(now.plus(LOST_AFTER));
        Offered::Send
    }

    /// The next batch and how many events it has: a JSON array of messages as a queue's
    /// `sendBatch` takes them. `None` when nothing waits; the next event then needs a sender.
    pub fn batch(&self) -> Option<(String, usize)> {
        let mut lines = self.lines.borrow_mut();
        let mut bytes = 0;
        let fit = lines.iter().take(MAX_MESSAGES).take_while(|line| {
            bytes += line.len();
            bytes <= MAX_BYTES
        });
        // A line that is too long by itself goes alone, and the queue decides.
        let count = fit.count().max(1).min(lines.len());
        if count == 0 {
            self.armed_until.set(Timestamp::default());
            return None;
        }
        let mut batch = String::with_capacity(bytes.min(MAX_BYTES) + 40 * count);
        for line in lines.drain(..count) {
            batch.push_str(if batch.is_empty() { "[{\"body\":" } else { ",{\"body\":" });
            batch.push_str(&line);
            batch.push_str(",\"contentType\":\"json\"}");
        }
        batch.push(']');
        Some((batch, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn offer(buffer: &EventBuffer, number: usize) -> Offered {
        buffer.offer(format!("{{\"n\":{number}}}"), NOW)
    }

    #[test]
    fn events_go_in_order_and_once_in_batches_that_a_queue_takes() {
        let buffer = EventBuffer::default();
        assert_eq!(offer(&buffer, 0), Offered::Send);
        for number in 1..250 {
            assert_eq!(offer(&buffer, number), Offered::Waits);
        }
        let mut seen = Vec::new();
        while let Some((batch, count)) = buffer.batch() {
            let messages: Vec<serde_json::Value> = serde_json::from_str(&batch).unwrap();
            assert!(messages.len() == count && count <= 100);
            assert!(messages.iter().all(|message| message["contentType"] == "json"));
            seen.extend(messages.iter().map(|message| message["body"]["n"].as_u64().unwrap()));
        }
        assert_eq!(seen, (0..250).collect::<Vec<_>>());
        assert_eq!(offer(&buffer, 0), Offered::Send, "who comes after that sends again");
    }

    // One that is too long goes alone.
    #[test]
    fn long_events_make_small_batches() {
        let buffer = EventBuffer::default();
        for length in [100_000, 100_000, 300_000, 10] {
            buffer.offer(format!("\"{}\"", "x".repeat(length)), NOW);
        }
        let counts: Vec<usize> = core::iter::from_fn(|| buffer.batch()).map(|(_, count)| count).collect();
        assert_eq!(counts, [1, 1, 1, 1]);
    }

    #[test]
    fn more_than_can_wait_is_dropped_and_nothing_before_it() {
        let buffer = EventBuffer::default();
        for number in 0..1000 {
            assert_ne!(offer(&buffer, number), Offered::Dropped);
        }
        assert_eq!(offer(&buffer, 1000), Offered::Dropped);
        assert_eq!(core::iter::from_fn(|| buffer.batch()).map(|(_, count)| count).sum::<usize>(), 1000);
    }

    #[test]
    fn a_sender_that_was_cancelled_is_replaced() {
        let buffer = EventBuffer::default();
        assert_eq!(buffer.offer("1".to_owned(), NOW), Offered::Send);
        assert_eq!(buffer.offer("2".to_owned(), NOW.plus(Duration::from_secs(9))), Offered::Waits);
        assert_eq!(buffer.offer("3".to_owned(), NOW.plus(Duration::from_secs(10))), Offered::Send);
        assert_eq!(buffer.batch().unwrap().1, 3);
    }
}
