//! `postern audit`.

use std::{env, fs, path::PathBuf};

use clap::Subcommand;
use postern_app::{
    audit::{
        Page,
        chain::{Broken, Digest, Head, Sealed, verify_chain},
    },
    config::Config,
    json,
    secrets::Masters,
    service::Isolate,
};
use serde_json::{Value, json};

use crate::{context::Context, failure::Failure, http::Client, report::Report};

/// Entries asked for at once: what the deployment gives at most.
const PAGE: u64 = 100;

/// The audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Verify that no entry was changed, removed, inserted or moved
    ///
    /// The deployment checks the entries' MACs; with `POSTERN_MASTER_KEY` in the environment they
    /// are checked here too, and a deployment that lies is found out.
    Verify {
        /// Entries from a file, one JSON object a line, in place of the deployment's
        #[arg(long, value_name = "PATH")]
        file: Option<PathBuf>,
        /// An entry that was noted elsewhere, as an `admin_action` event has it: SEQ:HASH. It must
        /// be in the chain; if it is not, an older state was put back or all was written anew
        #[arg(long, value_name = "SEQ:HASH", value_parser = noted)]
        noted: Vec<Head>,
    },
    /// Print the entries, one JSON object a line
    Export,
}

fn noted(text: &str) -> Result<Head, String> {
    let parsed = text
        .split_once(':')
        .and_then(|(seq, hash)| Some(Head { seq: seq.parse().ok()?, hash: Digest::parse(hash)? }));
    parsed.ok_or_else(|| "must be a number, a colon and a hash of 43 characters".to_owned())
}

impl Audit {
    pub(crate) fn run(&self, context: &Context) -> Result<Report, Failure> {
        match self {
            Self::Verify { file, noted } => {
                let masters = masters()?;
                let mut check = Check { head: Head::EMPTY, missing: noted.clone(), masters };
                let found = match file {
                    Some(path) => check.file(path)?,
                    None => check.deployment(&context.admin()?)?,
                };
                Ok(check.report(found))
            }
            Self::Export => {
                let client = context.admin()?;
                let (mut after, mut entries, mut lines) = (0, Vec::new(), Vec::new());
                loop {
                    let page = page(&client, after)?;
                    for sealed in page.entries {
                        let value = serde_json::to_value(&sealed).unwrap_or_default();
                        lines.push(value.to_string());
                        entries.push(value);
                    }
                    after += PAGE;
                    if after >= page.last {
                        return Ok(Report::lines(json!({ "entries": entries }), lines));
                    }
                }
            }
        }
    }
}

/// The entries behind `after`.
fn page(client: &Client, after: u64) -> Result<Page, Failure> {
    let mut answer = client.admin("GET", &format!("/audit?after={after}&limit={PAGE}"), None)?;
    if let Some(members) = answer.as_object_mut() {
        // Where to go on: known here by counting.
        members.remove("next");
    }
    json::read(&answer.to_string())
        .map_err(|error| Failure::refused(format!("an entry after {after} has an unknown format: {error}")))
}

/// The masters of `POSTERN_MASTER_KEY`, if it is set.
fn masters() -> Result<Option<Masters>, Failure> {
    let Ok(text) = env::var("POSTERN_MASTER_KEY") else { return Ok(None) };
    // By the reader of the Worker's own configuration, which wants an issuer too.
    let vars = [("POSTERN_ISSUER", "https://issuer.invalid".into()), ("POSTERN_MASTER_KEY", text.into())];
    let vars = vars.map(|(name, value): (&str, Value)| (name.to_owned(), value)).into();
    match Config::from_vars(&vars).and_then(Isolate::new) {
        Ok(isolate) => Ok(Some(isolate.masters)),
        Err(_) => Err(Failure::usage(
            "POSTERN_MASTER_KEY is not a master key; docs/reference/configuration.md describes its format",
        )),
    }
}

struct Check {
    head: Head,
    /// Of the noted ones, those that were not met yet.
    missing: Vec<Head>,
    masters: Option<Masters>,
}

/// What is wrong, if anything: the entry's number and a sentence.
type Found = Option<(u64, String)>;

impl Check {
    fn file(&mut self, path: &PathBuf) -> Result<Found, Failure> {
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("{} could not be read: {error}", path.display())))?;
        for line in text.lines() {
            let Ok(sealed) = json::read::<Sealed>(line) else {
                let seq = self.head.seq + 1;
                return Ok(Some((seq, format!("entry {seq} has an unknown format"))));
            };
            if let Some(found) = self.take(&sealed) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn deployment(&mut self, client: &Client) -> Result<Found, Failure> {
        let mut after = 0;
        loop {
            let page = page(client, after)?;
            for sealed in &page.entries {
                if let Some(found) = self.take(sealed) {
                    return Ok(Some(found));
                }
            }
            let objection = page
                .forged
                .first()
                .map(|seq| (*seq, "cannot be read, or its MAC does not match the master secret"));
            let objection = objection.or_else(|| {
                page.unproved.first().map(|seq| (*seq, "names a master secret that is not in force"))
            });
            if let Some((seq, problem)) = objection {
                return Ok(Some((seq, format!("the deployment reports that entry {seq} {problem}"))));
            }
            after += PAGE;
            if after >= page.last {
                let short = self.head.seq < page.last;
                return Ok(short.then(|| (self.head.seq + 1, "entries are missing at the end".to_owned())));
            }
        }
    }

    fn take(&mut self, sealed: &Sealed) -> Found {
        match verify_chain(self.head, core::slice::from_ref(sealed), self.masters.as_ref()) {
            Ok(head) => {
                self.head = head;
                self.missing.retain(|noted| *noted != head);
                None
            }
            Err(Broken { seq, flaw }) => Some((seq, format!("entry {seq} {}", flaw.meaning()))),
        }
    }

    fn report(self, found: Found) -> Report {
        let found = found.or_else(|| {
            let noted = self.missing.first()?;
            Some((noted.seq, format!("entry {} differs from the noted one", noted.seq)))
        });
        let Head { seq, hash } = self.head;
        let value = json!({
            "sound": found.is_none(),
            "entries": seq,
            "head": format!("{seq}:{hash}"),
            "macs_checked_here": self.masters.is_some(),
            "broken_at": found.as_ref().map_or(Value::Null, |(seq, _)| (*seq).into()),
            "problem": found.as_ref().map_or(Value::Null, |(_, problem)| problem.clone().into()),
        });
        match found {
            None => {
                let line = format!("the chain is sound: {seq} entries, head {seq}:{hash}");
                Report::lines(value, [line])
            }
            Some((_, problem)) => {
                let line = format!("the chain is BROKEN: {problem}. It is sound up to entry {seq}");
                Report::lines(value, [line]).found_wrong()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use postern_app::{audit::Act, secrets::Master, time::Timestamp};

    use super::*;

    fn masters() -> Masters {
        Masters::new(Master::derive(1, &[7; 32]).unwrap(), Vec::new())
    }

    fn chain(length: u64) -> Vec<Sealed> {
        let mut head = Head::EMPTY;
        let entry = |number: u64| {
            let sealed = head.seal(
                Act::new("root", "user_disable", &number.to_string(), ""),
                Timestamp::default(),
                &masters(),
            );
            head = sealed.head();
            sealed
        };
        (0..length).map(entry).collect()
    }

    fn check(entries: &[Sealed], missing: Vec<Head>) -> Report {
        let mut check = Check { head: Head::EMPTY, missing, masters: Some(masters()) };
        let found = entries.iter().find_map(|sealed| check.take(sealed));
        check.report(found)
    }

    // And with the place of the change.
    #[test]
    fn a_sound_chain_ends_with_0_and_a_changed_one_with_1() {
        let mut entries = chain(5);
        let sound = check(&entries, vec![entries[2].head()]);
        assert!(sound.to_text(Timestamp::default()).starts_with("the chain is sound: 5 entries"));
        entries[3].entry.who = "nobody".into();
        let broken = check(&entries, Vec::new()).to_text(Timestamp::default());
        assert!(broken.contains("BROKEN: entry 4 was changed"), "{broken}");
    }

    #[test]
    fn an_older_state_that_was_put_back_is_found_by_a_noted_head() {
        let entries = chain(5);
        let broken = check(&entries[..3], vec![entries[4].head()]).to_text(Timestamp::default());
        assert!(broken.contains("entry 5 differs from the noted one"), "{broken}");
    }
}
