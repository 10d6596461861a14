//! The clients with a document that this isolate has read.

use core::{cell::RefCell, time::Duration};
use std::{collections::BTreeMap, rc::Rc};

use postern_oauth::client::Client;

use crate::time::Timestamp;

/// How long what was read is used, at most as long as the document is fresh. So long, an isolate may serve a document that
/// another one has fetched anew.
const AGE: Duration = Duration::from_mins(5);

/// The most clients that are kept: at some 2 KB each, half a megabyte.
const MOST: usize = 256;

/// The clients that were read a moment ago.
#[derive(Debug, Default)]
pub(crate) struct DocumentClients(RefCell<BTreeMap<String, (Rc<Client>, Timestamp)>>);

impl DocumentClients {
    /// The client, if it was read a moment ago.
    pub(crate) fn get(&self, client_id: &str, now: Timestamp) -> Option<Rc<Client>> {
        let kept = self.0.borrow();
        kept.get(client_id).filter(|(_, until)| is_young(*until, now)).map(|(client, _)| Rc::clone(client))
    }

    /// Keeps a client whose document is fresh until then. One that is old already is not kept.
    pub(crate) fn put(&self, client: &Rc<Client>, fresh_until: Timestamp, now: Timestamp) {
        let mut kept = self.0.borrow_mut();
        if kept.len() >= MOST {
            kept.retain(|_, (_, until)| is_young(*until, now));
        }
        if kept.len() < MOST && fresh_until > now {
            let until = fresh_until.min(now.plus(AGE));
            kept.insert(client.client_id.clone(), (Rc::clone(client), until));
        }
    }
}

fn is_young(until: Timestamp, now: Timestamp) -> bool {
    !now.has_reached(until, AGE)
}
