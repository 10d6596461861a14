//! Batches to the deployment, again and again until it has taken them.

use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use super::row::Rejected;
use crate::{
    auth::access_token,
    context::Context,
    failure::{Failure, Kind},
    http::{Answer, Client, failed},
};

/// The first pause before a request is repeated; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A deployment that asks for more is not waited for.
const LONGEST_RETRY_AFTER: u64 = 120;

/// Some rows in the order of the file.
#[derive(Debug)]
pub(super) struct Batch {
    /// The how-manieth batch of this run, from 0.
    pub(super) place: u64,
    /// The number of its first row, from 1.
    pub(super) first: u64,
    /// The rows, and those that are none.
    pub(super) rows: Vec<Result<Value, Rejected>>,
    /// Where the file goes on.
    pub(super) offset: u64,
}

/// The batches to be sent. When the last sender leaves, the reader notices.
pub(super) type Waiting = Arc<Mutex<mpsc::Receiver<Batch>>>;

/// What became of a batch.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) place: u64,
    pub(super) records: u64,
    pub(super) offset: u64,
    pub(super) created: u64,
    pub(super) existing: u64,
    /// With their numbers.
    pub(super) rejected: Vec<(u64, Rejected)>,
}

/// One of those who send.
pub(super) struct Sender<'c> {
    context: &'c Context,
    client: Client,
    retries: u32,
}

impl<'c> Sender<'c> {
    pub(super) fn new(context: &'c Context, retries: u32) -> Result<Self, Failure> {
        Ok(Self { context, client: context.admin()?, retries })
    }

    /// Sends batches until the reader or the receiver of the outcomes has stopped.
    pub(super) fn work(mut self, waiting: &Waiting, sent: &mpsc::Sender<Result<Sent, Failure>>) {
        loop {
            let batch = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(batch) = batch else { return };
            let outcome = self.send(batch);
            let failed = outcome.is_err();
            if sent.send(outcome).is_err() || failed {
                return;
            }
        }
    }

    fn send(&mut self, batch: Batch) -> Result<Sent, Failure> {
        let Batch { place, first, rows, offset } = batch;
        let records = rows.len() as u64;
        let (mut rejected, mut sound) = (Vec::new(), Vec::new());
        for (number, row) in (first..).zip(rows) {
            match row {
                Ok(row) => sound.push((number, row)),
                Err(refused) => rejected.push((number, refused)),
            }
        }
        let mut done = Sent { place, records, offset, created: 0, existing: 0, rejected: Vec::new() };
        if !sound.is_empty() {
            let rows: Vec<&Value> = sound.iter().map(|(_, row)| row).collect();
            let answer = self.until_taken(&json!({ "rows": rows }))?;
            let outcomes =
                answer.get("rows").and_then(Value::as_array).filter(|rows| rows.len() == sound.len());
            let outcomes = outcomes.ok_or_else(|| {
                Failure::unavailable("the deployment's answer does not contain a result for each row")
            })?;
            for ((number, row), outcome) in sound.iter().zip(outcomes) {
                match outcome.get("status").and_then(Value::as_str) {
                    Some("created") => done.created += 1,
                    Some("existing") => done.existing += 1,
                    _ => rejected.push((*number, Rejected::answered(outcome, row))),
                }
            }
        }
        rejected.sort_by_key(|(number, _)| *number);
        Ok(Sent { rejected, ..done })
    }

    /// The one that is kept is renewed before it expires, by one sender: it is kept in one file.
    fn token(&self) -> Result<String, Failure> {
        static RENEWING: Mutex<()> = Mutex::new(());
        let _guard = RENEWING.lock().unwrap_or_else(PoisonError::into_inner);
        access_token(&self.client, self.context.now())
    }

    fn until_taken(&mut self, body: &Value) -> Result<Value, Failure> {
        let mut tries = 0;
        loop {
            let token = self.token()?;
            self.client.renew(&token);
            let (failure, pause) = match self.client.send_admin("POST", "/users/import", Some(body)) {
                Ok(answer) if answer.status == 200 => return Ok(answer.json()),
                Ok(answer) if matches!(answer.status, 429 | 500..) => (failed(&answer), asked_for(&answer)),
                Ok(answer) => return Err(failed(&answer)),
                Err(failure) if failure.kind == Kind::Unavailable => (failure, None),
                Err(failure) => return Err(failure),
            };
            if tries >= self.retries || pause.is_some_and(|pause| pause.as_secs() > LONGEST_RETRY_AFTER) {
                return Err(failure);
            }
            let own = FIRST_PAUSE.saturating_mul(1 << tries.min(16)).min(LONGEST_PAUSE);
            thread::sleep(pause.unwrap_or_default().max(own));
            tries += 1;
        }
    }
}

/// The pause of `Retry-After` (RFC 9110 section 10.2.3), if it is told in seconds.
fn asked_for(answer: &Answer) -> Option<Duration> {
    answer.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}
