//! The journal: how far an import has come, in a file beside its own. The first line says what
//! it belongs to, each further one what is done after one more batch. A torn last line is what a
//! kill leaves; it is cut off.

use std::{
    fs,
    io::{BufRead as _, BufReader, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::send::Sent;
use crate::{failure::Failure, files};

/// What is done.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Done {
    /// Rows, from the first on.
    pub(super) records: u64,
    /// Where the next one begins.
    pub(super) offset: u64,
    /// How long the file of refused rows is.
    pub(super) rejects: u64,
    pub(super) created: u64,
    pub(super) existing: u64,
    pub(super) refused: u64,
    /// The whole file.
    #[serde(default)]
    pub(super) finished: bool,
}

/// The journal and the refused rows, kept in step.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: fs::File,
    rejects_path: PathBuf,
    /// Made when the first row is refused.
    rejects: Option<fs::File>,
    done: Done,
}

impl Journal {
    /// Begins one, or takes up the one that is there, if it belongs to the same import.
    pub(super) fn open(path: &Path, rejects: &Path, heading: &Value, restart: bool) -> Result<Self, Failure> {
        let wrong = |error: &dyn core::fmt::Display| files::failed(path, error);
        let mut file = files::private_for_update(path)?;
        file.try_lock().map_err(|_| wrong(&"another import is using it"))?;
        let (mut done, mut length, mut line) = (Done::default(), 0_u64, String::new());
        let mut reader = BufReader::new(&mut file);
        loop {
            line.clear();
            // Only whole lines count.
            let read = reader.read_line(&mut line).map_err(|error| wrong(&error))?;
            if !line.ends_with('\n') {
                if length == 0 && !line.is_empty() && !line.starts_with('{') {
                    return Err(wrong(&"this is not the journal of an import"));
                }
                break;
            }
            if length == 0 {
                let found =
                    serde_json::from_str(&line).ok().filter(|found: &Value| found.get("journal").is_some());
                let found = found.ok_or_else(|| wrong(&"this is not the journal of an import"))?;
                if restart {
                    break;
                }
                if found != *heading {
                    return Err(wrong(&differs(&found, heading)));
                }
            } else if let Ok(next) = serde_json::from_str(&line) {
                done = next;
            } else {
                break;
            }
            length += read as u64;
        }
        drop(reader);
        file.set_len(length).and_then(|()| file.seek(SeekFrom::End(0))).map_err(|error| wrong(&error))?;
        if length == 0 {
            writeln!(file, "{heading}").map_err(|error| wrong(&error))?;
        }
        let mut journal =
            Self { path: path.to_owned(), file, rejects_path: rejects.to_owned(), rejects: None, done };
        // What was written there after the last batch that counts is written again.
        if journal.done.rejects > 0 || rejects.exists() {
            let file = files::private_for_update(rejects)?;
            let cut = file.metadata().and_then(|metadata| {
                if metadata.len() < journal.done.rejects {
                    return Ok(false);
                }
                file.set_len(journal.done.rejects).map(|()| true)
            });
            if !cut.map_err(|error| files::failed(rejects, &error))? {
                return Err(files::failed(
                    rejects,
                    &"it is shorter than the journal says; pass --restart to start over",
                ));
            }
            journal.rejects = Some(file);
        }
        Ok(journal)
    }

    pub(super) const fn done(&self) -> &Done {
        &self.done
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// One more batch is done: its refused rows first, then that it is.
    pub(super) fn add(&mut self, sent: &Sent) -> Result<(), Failure> {
        let lines: String = sent.rejected.iter().map(|(number, rejected)| rejected.line(*number)).collect();
        if !lines.is_empty() {
            let mut file = match self.rejects.take() {
                Some(file) => file,
                None => files::private_for_update(&self.rejects_path)?,
            };
            let written = file
                .seek(SeekFrom::Start(self.done.rejects))
                .and_then(|_| file.write_all(lines.as_bytes()))
                .and_then(|()| file.sync_data());
            written.map_err(|error| files::failed(&self.rejects_path, &error))?;
            self.rejects = Some(file);
        }
        self.done.rejects += lines.len() as u64;
        self.done.records += sent.records;
        self.done.offset = sent.offset;
        self.done.created += sent.created;
        self.done.existing += sent.existing;
        self.done.refused += sent.rejected.len() as u64;
        self.write()
    }

    /// The file has no more rows.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        self.done.finished = true;
        self.write()
    }

    fn write(&mut self) -> Result<(), Failure> {
        let wrong = |error: &dyn core::fmt::Display| files::failed(&self.path, error);
        let line = serde_json::to_string(&self.done).map_err(|error| wrong(&error))? + "\n";
        self.file
            .write_all(line.as_bytes())
            .and_then(|()| self.file.sync_data())
            .map_err(|error| wrong(&error))
    }
}

fn differs(found: &Value, heading: &Value) -> String {
    let what = |name: &str| found.get(name) != heading.get(name);
    let reason = if what("url") {
        "it belongs to an import to another deployment"
    } else if what("file") {
        "the input file has changed since the journal was written"
    } else {
        "it belongs to an import with other options"
    };
    format!("{reason}. Pass --restart to start over; existing users are not changed")
}
