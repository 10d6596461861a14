//! The clients that this isolate has read from elsewhere, a moment ago.

use core::{cell::RefCell, time::Duration};
use std::{collections::HashMap, rc::Rc};

use postern_oauth::{client::Client, no_client::NoClient};

use crate::time::Timestamp;

/// How long a stored client is used. So long, an isolate may still serve a client that was disabled or changed elsewhere:
/// `docs/reference/limits.md`. A busy client costs each isolate one query in that time.
pub(crate) const STORED_AGE: Duration = Duration::from_secs(10);

/// How long a client with a document is used, at most as long as the document is fresh. So long, an isolate may serve a
/// document that another one has fetched anew.
pub(crate) const DOCUMENT_AGE: Duration = Duration::from_mins(5);

/// The most clients of one cache: at some 2 KB each, half a megabyte.
const MOST: usize = 256;

/// What a look-up found. Ids that no client has are not kept: anyone can make up as many as they like.
#[derive(Debug, Clone)]
struct Seen {
    client: Result<Rc<Client>, NoClient>,
    until: Timestamp,
    /// Whether its next use is to be noted.
    notes_use: bool,
}

/// The clients of one place, each for a while.
#[derive(Debug, Default)]
pub(crate) struct ClientCache(RefCell<HashMap<String, Seen>>);

impl ClientCache {
    /// What was found, if that may still be used.
    pub(crate) fn get(&self, client_id: &str, now: Timestamp) -> Option<Result<Rc<Client>, NoClient>> {
        let seen = self.0.borrow();
        seen.get(client_id).filter(|seen| is_young(seen, now)).map(|seen| seen.client.clone())
    }

    /// Keeps what was found until then, which is at most [`DOCUMENT_AGE`] away. `notes_use` says whether the next use of the
    /// client is to be noted.
    pub(crate) fn put(
        &self,
        client_id: &str,
        client: Result<Rc<Client>, NoClient>,
        notes_use: bool,
        (until, now): (Timestamp, Timestamp),
    ) {
        let mut seen = self.0.borrow_mut();
        if seen.len() >= MOST {
            seen.retain(|_, seen| is_young(seen, now));
        }
        if seen.len() < MOST && until > now {
            seen.insert(client_id.to_owned(), Seen { client, until, notes_use });
        }
    }

    /// Whether a use of the client is to be noted now. Says so once for what was read.
    pub(crate) fn takes_note(&self, client_id: &str) -> bool {
        let mut seen = self.0.borrow_mut();
        seen.get_mut(client_id).is_some_and(|seen| core::mem::take(&mut seen.notes_use))
    }

    /// Forgets a client that is changed here.
    pub(crate) fn forget(&self, client_id: &str) {
        self.0.borrow_mut().remove(client_id);
    }
}

fn is_young(seen: &Seen, now: Timestamp) -> bool {
    !now.has_reached(seen.until, DOCUMENT_AGE)
}
