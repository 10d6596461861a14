//! What a user has consented to: for each client, redirect URI, and resource, the scopes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    oauth_messages::Consent,
    stored::{CONSENT_KIND, Store, decode, encode},
};
use crate::ports::{Fault, Records};
use postern_jose::{encoding::base64url, time::Timestamp};

/// How many consents are kept. The oldest makes room: its user is asked again.
const CAPACITY: usize = 100;

/// A consent as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredConsent {
    pub(super) consent: Consent,
    /// When the user last gave it.
    pub(super) at: Timestamp,
}

/// Remembers a consent, with the scopes that the user has allowed before.
pub(super) fn remember(
    store: &Store<'_, impl Records>,
    consent: &Consent,
    now: Timestamp,
) -> Result<(), Fault> {
    let id = id_of(&consent.client_id, &consent.redirect_uri, consent.resource.as_deref());
    let mut consent = consent.clone();
    let before = read(store, &id)?.map(|stored| stored.consent.scopes).unwrap_or_default();
    let scopes: BTreeSet<String> = consent.scopes.into_iter().chain(before).collect();
    consent.scopes = scopes.into_iter().collect();
    let mut others = Vec::new();
    for (other, record) in store.0.scan(CONSENT_KIND)? {
        others.push((decode::<StoredConsent>(&record)?.at, other));
    }
    others.retain(|(_, other)| *other != id);
    while others.len() >= CAPACITY
        && let Some((place, (_, oldest))) = others.iter().enumerate().min_by_key(|(_, other)| *other)
    {
        store.0.remove(CONSENT_KIND, oldest)?;
        others.swap_remove(place);
    }
    store.0.write(CONSENT_KIND, &id, &encode(&StoredConsent { consent, at: now })?)
}

/// The scopes that the user has allowed before.
pub(super) fn find(
    store: &Store<'_, impl Records>,
    client_id: &str,
    redirect_uri: &str,
    resource: Option<&str>,
) -> Result<Option<Vec<String>>, Fault> {
    let stored = read(store, &id_of(client_id, redirect_uri, resource))?;
    Ok(stored.map(|stored| stored.consent.scopes))
}

/// Forgets every consent to a client: the user has ended a grant of it, so they are asked before it gets another.
pub(super) fn forget(store: &Store<'_, impl Records>, client_id: &str) -> Result<(), Fault> {
    for (id, record) in store.0.scan(CONSENT_KIND)? {
        if decode::<StoredConsent>(&record)?.consent.client_id == client_id {
            store.0.remove(CONSENT_KIND, &id)?;
        }
    }
    Ok(())
}

fn read(store: &Store<'_, impl Records>, id: &str) -> Result<Option<StoredConsent>, Fault> {
    store.0.read(CONSENT_KIND, id)?.as_deref().map(decode).transpose()
}

/// The id of the record: the first 16 bytes of SHA-256 over its key, each part but the last ended by a zero byte, which
/// none of them can have.
fn id_of(client_id: &str, redirect_uri: &str, resource: Option<&str>) -> String {
    let mut hash = Sha256::new();
    for part in [client_id, "\0", redirect_uri, "\0", resource.unwrap_or_default()] {
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    base64url(digest.first_chunk::<16>().map_or(&digest[..], |chunk| &chunk[..]))
}
