//! The two users of the local profile.

use crate::{
    config::Profile,
    identity::{IdentityStore as _, seed},
    ports::Fault,
    runtime::{Runtime, ports::Ports},
};

/// Adds the users of the local profile.
pub(crate) struct LocalUsers<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> LocalUsers<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Adds the two users of the local profile, once for each isolate.
    pub(crate) async fn seed_local_users(&self) -> Result<(), Fault> {
        let isolate = &self.0.isolate;
        if isolate.config.profile != Profile::Local || isolate.memory.seeded.get() {
            return Ok(());
        }
        let master = isolate.masters.current();
        let platform = self.0.ports.platform();
        for user in seed::users(isolate.hash_parameters, master, platform, self.0.now())? {
            // `false` is a user that is there already.
            self.0.ports.identity().insert(&user).await?;
        }
        isolate.memory.seeded.set(true);
        Ok(())
    }
}
