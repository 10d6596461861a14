//! `postern user import`: users from a file, a batch at a time, so that a run that was killed
//! goes on where it was.
//!
//! One thread reads batches, some send them, and the first one writes down, in the order of the
//! file, what became of each: first the refused rows, then the journal. Whatever is killed
//! between the two is done again, and the deployment makes no user twice.

mod file;
mod journal;
mod options;
mod row;
mod send;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, mpsc},
    thread,
};

use indicatif::{ProgressBar, ProgressStyle};
use postern_app::identity::{UnicodeTables, import::ImportRow};
use serde_json::{Value, json};

pub(crate) use self::options::Import;
use self::{
    file::Records,
    journal::{Done, Journal},
    options::{BATCH_BYTES, Format},
    row::Rejected,
    send::{Batch, Sender, Sent},
};
use crate::{context::Context, failure::Failure, report::Report};

/// How many refused rows a dry run shows to a person.
const SHOWN: usize = 20;

impl Import {
    pub(crate) fn run(&self, context: &Context) -> Result<Report, Failure> {
        let format = match self.format {
            Some(format) => format,
            None => Format::of(&self.file)?,
        };
        if self.dry_run { self.check(context, format) } else { self.import(context, format) }
    }

    /// The rows, checked as the deployment checks them but for what only it knows: whether a
    /// login is taken.
    fn check(&self, context: &Context, format: Format) -> Result<Report, Failure> {
        let now = context.now();
        let mut records = Records::open(&self.file, format, 0)?;
        let progress = progress(context, records.bytes());
        let (mut sound, mut refused, mut shown) = (0_u64, BTreeMap::<String, u64>::new(), Vec::new());
        let mut number = 0;
        while let Some(record) = records.next()? {
            number += 1;
            let row = record.map(|members| row::of(self, members));
            let checked = row.and_then(|row| match ImportRow::parse(&row, &UnicodeTables, now) {
                Ok(_) => Ok(()),
                Err(error) => Err(Rejected::of(&error, &row)),
            });
            match checked {
                Ok(()) => sound += 1,
                Err(rejected) => {
                    if shown.len() < SHOWN {
                        shown.push(rejected.shown(number));
                    }
                    *refused.entry(rejected.code).or_default() += 1;
                }
            }
            progress.set_position(records.offset());
        }
        progress.finish_and_clear();
        let wrong: u64 = refused.values().sum();
        let value =
            json!({ "dry_run": true, "rows": number, "sound": sound, "refused": wrong, "codes": refused });
        let mut lines = vec![format!("{sound} of {number} rows can be imported, {wrong} would be refused")];
        lines.extend(refused.iter().map(|(code, count)| format!("  {count} x {code}")));
        let hidden = wrong.saturating_sub(u64::try_from(shown.len()).unwrap_or(u64::MAX));
        lines.extend(shown);
        if hidden > 0 {
            lines.push(format!(
                "and {hidden} more refused rows; without --dry-run, each is written to FILE.rejects"
            ));
        }
        let report = Report::lines(value, lines);
        Ok(if wrong > 0 { report.found_wrong() } else { report })
    }

    fn import(&self, context: &Context, format: Format) -> Result<Report, Failure> {
        let started_at = context.now();
        let base = context.public()?.base().to_owned();
        let beside = |given: &Option<PathBuf>, ending: &str| {
            given.clone().unwrap_or_else(|| {
                let mut name = self.file.clone().into_os_string();
                name.push(ending);
                name.into()
            })
        };
        let (journal, rejects) = (beside(&self.journal, ".journal"), beside(&self.rejects, ".rejects"));
        // Both are written to: a slip of the pen must not cost the file itself.
        if [&journal, &rejects].contains(&&self.file) || journal == rejects {
            return Err(Failure::usage(
                "the journal and the refused rows must be different files, and not the input file",
            ));
        }
        let heading = self.heading(&base, format)?;
        let mut journal = Journal::open(&journal, &rejects, &heading, self.restart)?;
        let begin = journal.done().clone();
        if !begin.finished {
            self.send(context, format, &mut journal)?;
        }
        let Done { records, created, existing, refused, .. } = *journal.done();
        let seconds = context.now().since(started_at).as_secs_f64();
        let value = json!({
            "rows": records, "created": created, "existing": existing, "refused": refused,
            "resumed_at": begin.records, "seconds": seconds, "journal": journal.path(),
            "rejects": (refused > 0).then_some(&rejects),
        });
        let mut lines = vec![format!(
            "{records} rows: {created} users added, {existing} already existed, {refused} rows refused; {}",
            rate(records - begin.records, seconds)
        )];
        if begin.finished {
            lines
                .push(format!("an earlier run imported all rows, according to {}", journal.path().display()));
        } else if begin.records > 0 {
            lines.push(format!("resumed after row {}", begin.records));
        }
        if refused > 0 {
            lines.push(format!("refused rows and their reasons: {}", rejects.display()));
        }
        let report = Report::lines(value, lines);
        Ok(if refused > 0 { report.found_wrong() } else { report })
    }

    /// What a journal belongs to: the file, where it goes, and how it is read.
    fn heading(&self, base: &str, format: Format) -> Result<Value, Failure> {
        let (bytes, digest) = file::digest(&self.file)?;
        Ok(json!({
            "journal": 1,
            "url": base,
            "file": { "bytes": bytes, "sha256": digest },
            "read_as": format!(
                "{format:?} {:?} {:?} {} {} {:?} {:?} {:?}",
                self.source, self.fields, self.ignore_other, self.without_password,
                self.grants.scopes, self.grants.roles, self.grants.tenant
            ),
        }))
    }

    fn send(&self, context: &Context, format: Format, journal: &mut Journal) -> Result<(), Failure> {
        let mut records = Records::open(&self.file, format, journal.done().offset)?;
        let progress = progress(context, records.bytes());
        progress.set_position(journal.done().offset);
        // Without a sign-in no row is read.
        let senders = (0..self.in_flight).map(|_| Sender::new(context, self.retries));
        let senders = senders.collect::<Result<Vec<Sender<'_>>, Failure>>()?;
        // One batch more than are under way waits to be sent: memory does not grow with the file.
        let (batches, waiting) = mpsc::sync_channel::<Batch>(1);
        let waiting = Arc::new(Mutex::new(waiting));
        let (sent, outcomes) = mpsc::channel::<Result<Sent, Failure>>();
        let first = journal.done().records;
        thread::scope(|scope| {
            for sender in senders {
                let (waiting, sent) = (Arc::clone(&waiting), sent.clone());
                scope.spawn(move || sender.work(&waiting, &sent));
            }
            drop(waiting);
            scope.spawn(move || {
                if let Err(failure) = self.read(&mut records, first, &batches) {
                    let _ = sent.send(Err(failure));
                }
            });
            let outcome = write_down(&outcomes, journal, &progress);
            // The senders see a closed channel, and then the reader does too.
            drop(outcomes);
            outcome
        })?;
        progress.finish_and_clear();
        journal.finish()
    }

    /// Reads batches until the file ends or the senders have stopped.
    fn read(
        &self,
        records: &mut Records,
        first: u64,
        batches: &mpsc::SyncSender<Batch>,
    ) -> Result<(), Failure> {
        let mut number = first;
        for place in 0.. {
            let mut batch = Batch { place, first: number + 1, rows: Vec::new(), offset: 0 };
            let mut bytes = 0;
            while (batch.rows.len() as u64) < self.batch && bytes < BATCH_BYTES {
                let Some(record) = records.next()? else { break };
                number += 1;
                let row = record.and_then(|members| row::within_bounds(row::of(self, members)));
                bytes += row.as_ref().map_or(0, |(_, bytes)| *bytes);
                batch.rows.push(row.map(|(row, _)| row));
            }
            batch.offset = records.offset();
            if batch.rows.is_empty() || batches.send(batch).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// Writes down what became of the batches, in their order, until there are no more.
fn write_down(
    outcomes: &mpsc::Receiver<Result<Sent, Failure>>,
    journal: &mut Journal,
    progress: &ProgressBar,
) -> Result<(), Failure> {
    let mut early = BTreeMap::new();
    let mut next = 0;
    for outcome in outcomes {
        let sent = outcome.map_err(|failure| {
            let done = journal.done();
            let message = format!(
                "{}. {} rows are done; repeat the same command to continue",
                failure.message.trim_end_matches('.'),
                done.records
            );
            Failure { message, ..failure }
        })?;
        early.insert(sent.place, sent);
        while let Some(sent) = early.remove(&next) {
            journal.add(&sent)?;
            next += 1;
        }
        let Done { offset, created, existing, refused, .. } = journal.done();
        progress.set_position(*offset);
        progress.set_message(format!("{created} added, {existing} existing, {refused} refused"));
    }
    Ok(())
}

fn progress(context: &Context, bytes: u64) -> ProgressBar {
    if !context.watched() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(bytes);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3} % {msg} ({eta} left)") {
        bar.set_style(style);
    }
    bar
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn rate(rows: u64, seconds: f64) -> String {
    format!("{rows} in {seconds:.1} s, {:.0} per second", rows as f64 / seconds.max(0.001))
}
