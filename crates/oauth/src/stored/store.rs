//! The port to the store of clients: D1 on the Worker.

use postern_core::ports::Fault;
use postern_jose::time::Timestamp;

use super::{StoredClient, StoredId};

/// Where clients live: D1 on the Worker.
///
/// After a [`Fault`] of a call that writes, the change may have been made all the same.
#[expect(async_fn_in_trait, reason = "one thread: no caller needs a Send bound")]
pub trait ClientStore {
    /// The client of this id.
    async fn find_client(&self, client_id: &StoredId) -> Result<Option<StoredClient>, Fault>;

    /// Adds a client. `false` if the id is taken.
    async fn insert_client(&self, client: &StoredClient) -> Result<bool, Fault>;

    /// Adds a client that registered itself, unless `most_unused` of them are there that were never used. Returns whether it was added.
    async fn register_client(&self, client: &StoredClient, most_unused: u32) -> Result<bool, Fault>;

    /// Puts the members, the secrets and `disabled` in the place of those of the same version, which goes up. `false` if the
    /// client is of another version by now, or is gone.
    async fn replace_client(&self, client: &StoredClient) -> Result<bool, Fault>;

    /// Notes a use of a client that registered itself.
    async fn renew_client(
        &self,
        client_id: &StoredId,
        used_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), Fault>;

    /// Removes a client. `false` if there was none.
    async fn remove_client(&self, client_id: &StoredId) -> Result<bool, Fault>;

    /// Removes clients that have expired: a hundred at most.
    async fn sweep_clients(&self, now: Timestamp) -> Result<(), Fault>;

    /// Clients in the order of their ids, after this one.
    async fn list_clients(&self, after: Option<&StoredId>, limit: u16) -> Result<Vec<StoredClient>, Fault>;

    /// Answers if the table is there.
    async fn ping_clients(&self) -> Result<(), Fault>;
}

/// Says what to do about the fault that an upgrade without its migration makes.
#[must_use]
pub fn explained(fault: Fault) -> Fault {
    if fault.cause.contains("no such table: clients") {
        let cause = "the table `clients` is missing: apply the migrations (npx wrangler d1 migrations apply DB --remote)";
        return Fault::new(fault.part, cause);
    }
    fault
}
