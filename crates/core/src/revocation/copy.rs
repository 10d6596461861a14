//! The feed as KV carries it and an isolate keeps it.
//!
//! Text: `postern-feed.1.` and unpadded base64url of, big-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | version: when it was written, in milliseconds since 1970 |
//! | 8 | overflow: sessions of ours issued until then are not all listed, in milliseconds; 0 for none |
//! | 4 + 4 | how many entries are listed, how many not-before |
//! | 12 each | listed: mark, and until when it is, in seconds; ascending by mark |
//! | 12 each | not-before: mark, and the time, in seconds; ascending by mark |
//!
//! Anything else is refused whole: half a feed would be a feed that forgot something.

use super::key::{RevocationKeys, may_predate};
use postern_jose::{
    encoding::{base64url, from_base64url},
    time::Timestamp,
};

/// What every feed begins with; the number is the version of the form.
const PREFIX: &str = "postern-feed.1.";
const HEADER_BYTES: usize = 24;
const ENTRY_BYTES: usize = 12;

/// The most entries a feed is read with. A million are 16 MB, what KV takes is 25 MiB, and the
/// object writes far fewer.
pub const MAX_LISTED: usize = 1_000_000;

/// The longest text that [`MAX_LISTED`] entries make.
const MAX_TEXT_BYTES: usize = PREFIX.len() + (HEADER_BYTES + MAX_LISTED * ENTRY_BYTES).div_ceil(3) * 4;

/// There were more revoked sessions than the feed lists: every session of ours issued until
/// `issued_until` has to be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overflow {
    /// The moment of the last session that found no room.
    pub issued_until: Timestamp,
}

/// A text that is no feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedFeed {
    /// Longer than any feed.
    #[error("the feed is too long")]
    TooLong,
    /// Another form or version.
    #[error("the feed has an unknown format or version")]
    Prefix,
    /// No base64url.
    #[error("the feed is not base64url")]
    Encoding,
    /// Not as long as it says.
    #[error("the feed's length differs from its header")]
    Length,
    /// Not ascending.
    #[error("the feed is not in order")]
    Order,
}

/// Marks in ascending order, with a time in seconds for each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Column {
    marks: Vec<u64>,
    seconds: Vec<u32>,
}

impl Column {
    /// From entries in ascending order of mark. Two that share a mark become one with the later
    /// time: more is listed then, never less.
    fn from_sorted(entries: impl Iterator<Item = (u64, u32)>) -> Self {
        let mut column = Self::default();
        for (mark, seconds) in entries {
            match (column.marks.last(), column.seconds.last_mut()) {
                (Some(last), Some(known)) if *last == mark => *known = seconds.max(*known),
                _ => {
                    column.marks.push(mark);
                    column.seconds.push(seconds);
                }
            }
        }
        column
    }

    fn find(&self, mark: u64) -> Option<Timestamp> {
        let at = self.marks.binary_search(&mark).ok()?;
        self.seconds.get(at).map(|seconds| Timestamp::from_seconds((*seconds).into()))
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        for (mark, seconds) in self.marks.iter().zip(&self.seconds) {
            bytes.extend_from_slice(&mark.to_be_bytes());
            bytes.extend_from_slice(&seconds.to_be_bytes());
        }
    }

    fn read(bytes: &[u8]) -> Result<Self, MalformedFeed> {
        let count = bytes.len() / ENTRY_BYTES;
        let mut column = Self { marks: Vec::with_capacity(count), seconds: Vec::with_capacity(count) };
        for entry in bytes.chunks_exact(ENTRY_BYTES) {
            let (mark, seconds) = entry.split_first_chunk().ok_or(MalformedFeed::Length)?;
            let seconds = seconds.first_chunk().ok_or(MalformedFeed::Length)?;
            let mark = u64::from_be_bytes(*mark);
            if column.marks.last().is_some_and(|last| *last >= mark) {
                return Err(MalformedFeed::Order);
            }
            column.marks.push(mark);
            column.seconds.push(u32::from_be_bytes(*seconds));
        }
        Ok(column)
    }
}

/// Which of a token's marks the feed knows. Not yet a revocation: see [`super::RevocationKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "four independent marks")]
pub struct RevocationMatches {
    /// Its session is listed, or sessions of its time have to be asked about.
    pub session: bool,
    /// It is listed itself.
    pub access_token: bool,
    /// It may be from before its subject's not-before.
    pub subject: bool,
    /// It may be from before its client's not-before.
    pub client: bool,
}

impl RevocationMatches {
    /// Whether there is one.
    pub const fn any(self) -> bool {
        self.session || self.access_token || self.subject || self.client
    }
}

/// One whole feed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedCopy {
    version: u64,
    overflow: u64,
    listed: Column,
    not_before: Column,
}

impl FeedCopy {
    /// A feed of these: `listed` until a time and `not_before` of a time, each in ascending order
    /// of mark. Times are rounded so that nothing is listed too short.
    pub fn new(
        version: Timestamp,
        overflow: Option<Overflow>,
        listed: impl Iterator<Item = (u64, Timestamp)>,
        not_before: impl Iterator<Item = (u64, Timestamp)>,
    ) -> Self {
        let seconds = |at: u64| u32::try_from(at).unwrap_or(u32::MAX);
        Self {
            version: version.millis(),
            overflow: overflow.map_or(0, |overflow| overflow.issued_until.millis()),
            listed: Column::from_sorted(
                listed.map(|(mark, until)| (mark, seconds(until.millis().div_ceil(1000)))),
            ),
            not_before: Column::from_sorted(not_before.map(|(mark, at)| (mark, seconds(at.seconds())))),
        }
    }

    /// When it was written. A later one replaces an earlier one.
    pub const fn version(&self) -> Timestamp {
        Timestamp::from_millis(self.version)
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.listed.marks.len() + self.not_before.marks.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether sessions have to be asked about because they did not all fit.
    pub fn overflow(&self) -> Option<Overflow> {
        (self.overflow > 0).then(|| Overflow { issued_until: Timestamp::from_millis(self.overflow) })
    }

    /// Whether no token can be a hit.
    pub fn names_nothing(&self) -> bool {
        self.is_empty() && self.overflow == 0
    }

    /// What it knows of an access token: no allocation, at most four binary searches.
    pub fn look_up(&self, token: &RevocationKeys, now: Timestamp) -> RevocationMatches {
        if self.names_nothing() {
            return RevocationMatches::default();
        }
        let listed = |mark: Option<u64>| mark.is_some_and(|mark| self.lists(mark, now));
        let early = |mark: Option<u64>, at: Timestamp| {
            mark.and_then(|mark| self.not_before.find(mark))
                .is_some_and(|not_before| may_predate(at, not_before))
        };
        // A subject of ours has no session left that could be refreshed, and its Account object
        // tells of the rest. To go by the sign-in would only be to ask it more often.
        let subject_at = if token.own { token.issued_at } else { token.signed_in_at };
        let unlisted = token.own
            && self.overflow > 0
            && may_predate(token.issued_at, Timestamp::from_millis(self.overflow));
        RevocationMatches {
            session: unlisted || listed(token.session),
            access_token: listed(token.access_token),
            subject: early(Some(token.subject), subject_at),
            client: early(token.client, token.signed_in_at),
        }
    }

    /// Whether the other one says the same, whenever it was written.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        self.overflow == other.overflow && self.listed == other.listed && self.not_before == other.not_before
    }

    /// Whether a mark is listed, whatever it is of.
    pub fn lists(&self, mark: u64, now: Timestamp) -> bool {
        self.listed.find(mark).is_some_and(|until| now < until)
    }

    /// The not-before of a mark, in whole seconds.
    pub fn not_before(&self, mark: u64) -> Option<Timestamp> {
        self.not_before.find(mark)
    }

    /// The text for KV.
    pub fn encode(&self) -> String {
        let count = |column: &Column| u32::try_from(column.marks.len()).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.len() * ENTRY_BYTES);
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.extend_from_slice(&self.overflow.to_be_bytes());
        bytes.extend_from_slice(&count(&self.listed).to_be_bytes());
        bytes.extend_from_slice(&count(&self.not_before).to_be_bytes());
        self.listed.write(&mut bytes);
        self.not_before.write(&mut bytes);
        let mut text = PREFIX.to_owned();
        text.push_str(&base64url(&bytes));
        text
    }

    /// Reads a text strictly: every byte has its one place, or it is no feed.
    ///
    /// # Errors
    /// What is wrong with it; nothing of it is repeated.
    pub fn parse(text: &str) -> Result<Self, MalformedFeed> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(MalformedFeed::TooLong);
        }
        let encoded = text.strip_prefix(PREFIX).ok_or(MalformedFeed::Prefix)?;
        let bytes = from_base64url(encoded).ok_or(MalformedFeed::Encoding)?;
        let (version, rest) = bytes.split_first_chunk().ok_or(MalformedFeed::Length)?;
        let (overflow, rest) = rest.split_first_chunk().ok_or(MalformedFeed::Length)?;
        let (listed, rest) = rest.split_first_chunk().ok_or(MalformedFeed::Length)?;
        let (not_before, rest) = rest.split_first_chunk().ok_or(MalformedFeed::Length)?;
        let length = |count: &[u8; 4]| {
            let count = usize::try_from(u32::from_be_bytes(*count)).ok()?;
            // Checked: 32-bit targets would overflow at a count that no text of ours can have.
            count.checked_mul(ENTRY_BYTES)
        };
        let (listed, not_before) = length(listed).zip(length(not_before)).ok_or(MalformedFeed::Length)?;
        if listed.checked_add(not_before) != Some(rest.len()) {
            return Err(MalformedFeed::Length);
        }
        let (listed, not_before) = rest.split_at_checked(listed).ok_or(MalformedFeed::Length)?;
        Ok(Self {
            version: u64::from_be_bytes(*version),
            overflow: u64::from_be_bytes(*overflow),
            listed: Column::read(listed)?,
            not_before: Column::read(not_before)?,
        })
    }
}

#[cfg(test)]
#[cfg(feature = "thorough")]
mod properties;
#[cfg(test)]
mod tests;
