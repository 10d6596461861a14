//! How a grant ends on purpose: by its user, who forgets the consent with it, or by its program.

use std::rc::Rc;

use serde_json::Value;

use crate::{
    client::Got,
    judge,
    ledger::{Access, Target},
    programs::Installed,
    world::World,
};

impl Installed {
    pub(crate) async fn disconnect(&self, world: &Rc<World>, access: &Access) {
        if world.dice.percent(50) {
            self.ended_by_user(world, access).await;
        } else {
            self.ended_by_program(world, access).await;
        }
    }

    async fn ended_by_user(&self, world: &Rc<World>, access: &Access) {
        let Some(session) = self.owner.access() else { return };
        let number = world.ledger.ordered(Target::Session(access.sid.clone()), world.now());
        let path = format!("/auth/grants/{}", access.sid);
        for _ in 0..5 {
            let sent_at = world.now();
            let (got, answered) =
                self.device.call(world, "DELETE", &path, Some(&session.token), &Value::Null).await;
            match got {
                Got::Done(_) => {
                    let is_off = judge::is_clock_wrong(answered.machine.as_ref());
                    world.ledger.stored(number, answered.ended, true, is_off);
                    world.ledger.codes.ended(&self.owner.login, self.program.id, sent_at, world.now());
                }
                Got::Later => {
                    world.executor.sleep(world.dice.between(2000, 5000)).await;
                    continue;
                }
                // The session has ended, or an attempt before got through.
                Got::Refused(..) => {}
            }
            break;
        }
        self.forget(world);
    }

    async fn ended_by_program(&self, world: &Rc<World>, access: &Access) {
        let Some(refresh) = self.refresh_token() else { return };
        let number = world.ledger.ordered(Target::Session(access.sid.clone()), world.now());
        let mut fields = vec![("client_id", self.program.id), ("token", &*refresh)];
        fields.extend(self.program.secret.map(|secret| ("client_secret", secret)));
        for _ in 0..5 {
            let (got, answered) = self.device.form(world, "/oauth/revoke", &fields).await;
            match got {
                // A token that the server cannot read is answered so, too (RFC 7009 section 2.2): it ends nothing.
                Got::Done(_) if judge::is_of_a_removed_master(world, &refresh) => {}
                Got::Done(_) => {
                    let is_off = judge::is_clock_wrong(answered.machine.as_ref());
                    world.ledger.stored(number, answered.ended, true, is_off);
                }
                Got::Later => {
                    world.executor.sleep(world.dice.between(2000, 5000)).await;
                    continue;
                }
                Got::Refused(..) => {}
            }
            break;
        }
        self.forget(world);
    }
}
