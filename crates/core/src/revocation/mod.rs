//! Revocation of access tokens that are out: what can be revoked, the feed that says so to every
//! isolate, and the object that writes it.
//!
//! An access token verifies by itself until it expires. What was revoked meanwhile stands in the
//! **feed**: one KV value of 64-bit marks that every isolate keeps a [`FeedCopy`] of. The copy can
//! only say "perhaps": a hit is confirmed where the exact answer is, the session's Account object
//! or the [`Feed`] object, so that no collision ever locks anyone out.

mod client;
mod copy;
mod key;
mod loaded;
#[cfg(not(target_family = "wasm"))]
pub mod memory;
pub mod messages;
mod object;
mod policy;
mod stored;

use core::time::Duration;

use sha2::{Digest as _, Sha256};

pub use self::{
    client::{Added, FeedObject, FeedSnapshot},
    copy::{FeedCopy, MAX_LISTED, MalformedFeed, Overflow, RevocationMatches},
    key::{Kind, RevocationKey, RevocationKeys, may_predate},
    messages::{FeedAnswer, FeedEntry, FeedRequest, Rule, Target},
    object::{Alarmed, Feed, FeedReply, MAX_BATCH},
    policy::{FeedPolicy, LONGEST_HEARTBEAT},
};
use postern_jose::encoding::base64url;

/// The KV key of the feed of the deployment that issues as `issuer`: several may share a
/// namespace. Hashed, as issuers are URLs of any length, and KV keys are short.
pub fn kv_key(issuer: &str) -> String {
    format!("revocations:{}", base64url(&Sha256::digest(issuer)))
}

/// Where the feed was before the issuer was in its key.
pub const FORMER_KV_KEY: &str = "revocations";

/// The value of that key now. It is no feed, so a version that still reads the key asks the object.
pub const MOVED: &str = "postern-feed.moved";

/// How old a copy may be that KV gives for an isolate to go by it without asking the object: KV has
/// what is revoked within a second, and its own copies serve for 30 s; twice that is seldom passed
/// while KV works.
pub const TRUSTED_FOR: Duration = Duration::from_mins(1);

/// How long an access token of ours can outlive its revocation: the longest lifetime that
/// configuration takes (15 min), the largest leeway (2 min), and a minute for clocks that differ.
/// Not today's settings: tokens issued under yesterday's must stay revoked.
pub const OWN_HORIZON: Duration = Duration::from_mins(18);

/// How much later than its decision an access token may say that it was issued: the Worker signs
/// after the Account object has answered, by a clock of its own. What the feed says of subjects
/// and of sessions that found no room reaches so far beyond the revocation; a hit is confirmed by
/// the Account object, so a user who signs in again within that time costs one call.
const IN_FLIGHT: Duration = Duration::from_mins(1);

/// How long a revocation of what another issuer issued is listed: a day and the largest leeway.
/// Nothing here knows how long its tokens live; a day is the default of the longest-lived of the
/// large identity providers.
pub const FOREIGN_HORIZON: Duration = Duration::from_mins(24 * 60 + 2);

/// How long a client's not-before is listed: as long as a session of before may last, the
/// longest absolute lifetime that configuration takes. Clients are few.
pub const CLIENT_HORIZON: Duration = Duration::from_hours(366 * 24);
