//! The file: records one by one, whatever its size, from any record on.

use std::{
    fs,
    io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use postern_app::{encoding::hex, jose::json};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{options::Format, row::Rejected};
use crate::{failure::Failure, files};

/// The longest record in bytes: far above any user. A quote that is never closed would make one
/// record of the rest of the file.
const MAX_RECORD_BYTES: usize = 1024 * 1024;

/// The length of a file and its SHA-256: what a journal knows it by.
pub(super) fn digest(path: &Path) -> Result<(u64, String), Failure> {
    let mut file = fs::File::open(path).map_err(|error| files::failed(path, &error))?;
    let (mut hash, mut chunk, mut bytes) = (Sha256::new(), vec![0; 64 * 1024], 0);
    loop {
        let read = file.read(&mut chunk).map_err(|error| files::failed(path, &error))?;
        if read == 0 {
            return Ok((bytes, hex(&hash.finalize())));
        }
        hash.update(chunk.get(..read).unwrap_or_default());
        bytes += read as u64;
    }
}

/// A record: the members of a row under the names that the file has, or why there are none.
pub(super) type Record = Result<Map<String, Value>, Rejected>;

/// The records of a file.
pub(super) struct Records {
    path: PathBuf,
    bytes: u64,
    form: Form,
}

enum Form {
    Csv { reader: csv::Reader<Bounded>, names: Vec<String>, since: Arc<AtomicUsize> },
    Lines { reader: BufReader<fs::File>, offset: u64 },
}

impl Records {
    /// From the record that begins at `offset` on; 0 is the first.
    pub(super) fn open(path: &Path, format: Format, offset: u64) -> Result<Self, Failure> {
        let wrong = |error: &dyn core::fmt::Display| files::failed(path, error);
        let mut file = fs::File::open(path).map_err(|error| wrong(&error))?;
        let bytes = file.metadata().map_err(|error| wrong(&error))?.len();
        let form = match format {
            Format::Csv => {
                let since = Arc::new(AtomicUsize::new(0));
                let bounded = Bounded { file, since: Arc::clone(&since) };
                // Lengths are looked at here: a record of another length is refused by itself.
                let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bounded);
                let names = reader.headers().map_err(|error| wrong(&error))?;
                let names: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
                if let Some(twice) = names
                    .iter()
                    .enumerate()
                    .find(|(at, name)| names.iter().take(*at).any(|other| other == *name))
                {
                    return Err(Failure::usage(format!(
                        "{}: two columns are called {:?}",
                        path.display(),
                        twice.1
                    )));
                }
                if offset > 0 {
                    let mut position = csv::Position::new();
                    position.set_byte(offset);
                    reader.seek(position).map_err(|error| wrong(&error))?;
                }
                Form::Csv { reader, names, since }
            }
            Format::Jsonl => {
                file.seek(SeekFrom::Start(offset)).map_err(|error| wrong(&error))?;
                Form::Lines { reader: BufReader::with_capacity(64 * 1024, file), offset }
            }
        };
        Ok(Self { path: path.to_owned(), bytes, form })
    }

    /// How long the file is.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where the next record begins.
    pub(super) fn offset(&self) -> u64 {
        match &self.form {
            Form::Csv { reader, .. } => reader.position().byte(),
            Form::Lines { offset, .. } => *offset,
        }
    }

    /// The next record; none at the end.
    ///
    /// # Errors
    /// When the file cannot be read on. A record that is none is no error of the file.
    pub(super) fn next(&mut self) -> Result<Option<Record>, Failure> {
        match &mut self.form {
            Form::Csv { reader, names, since } => {
                let mut fields = csv::ByteRecord::new();
                since.store(0, Relaxed);
                let read = reader.read_byte_record(&mut fields);
                let more = read.map_err(|error| files::failed(&self.path, &error))?;
                Ok(more.then(|| of_fields(names, &fields)))
            }
            Form::Lines { reader, offset } => loop {
                let mut line = Vec::new();
                let limit = MAX_RECORD_BYTES as u64 + 1;
                let read = reader.by_ref().take(limit).read_until(b'\n', &mut line);
                let read = read.map_err(|error| files::failed(&self.path, &error))?;
                if read > MAX_RECORD_BYTES {
                    return Err(files::failed(&self.path, &TOO_LONG));
                }
                let first = *offset == 0;
                *offset += read as u64;
                if read == 0 {
                    return Ok(None);
                }
                let text = if first { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line) } else { &line };
                if !text.trim_ascii().is_empty() {
                    return of_line(&self.path, text, first).map(Some);
                }
            },
        }
    }
}

const TOO_LONG: &str = "a record is longer than 1 MB. Either a quote is not closed, or the file is a single JSON document. \
                        The file must have one object per line; jq -c '.[]' converts an array";

fn of_line(path: &Path, line: &[u8], first: bool) -> Result<Record, Failure> {
    match json::parse_object(line) {
        Ok(members) => Ok(Ok(members)),
        // A document over many lines would be refused line by line.
        Err(_) if first && matches!(line.trim_ascii(), b"[" | b"{") => Err(files::failed(path, &TOO_LONG)),
        Err(error) => Ok(Err(Rejected::new(error.code(), &format!("the line is {error}")))),
    }
}

/// An empty field is none: CSV cannot tell the two apart.
fn of_fields(names: &[String], fields: &csv::ByteRecord) -> Record {
    if fields.len() != names.len() {
        let detail =
            format!("the record has {} fields, but the first line has {}", fields.len(), names.len());
        return Err(Rejected::new("wrong_field_count", &detail));
    }
    let mut members = Map::new();
    for (name, field) in names.iter().zip(fields) {
        let text =
            core::str::from_utf8(field).map_err(|_| Rejected::new("not_utf8", "the record is not UTF-8"))?;
        if !text.is_empty() {
            members.insert(name.clone(), text.into());
        }
    }
    Ok(members)
}

/// Fails when too much is read without a record coming to its end.
struct Bounded {
    file: fs::File,
    since: Arc<AtomicUsize>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since.load(Relaxed) > MAX_RECORD_BYTES {
            return Err(io::Error::other(TOO_LONG));
        }
        let read = self.file.read(buffer)?;
        self.since.fetch_add(read, Relaxed);
        Ok(read)
    }
}

impl io::Seek for Bounded {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}
