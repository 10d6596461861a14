//! A browser at the pages: it keeps cookies, fills in forms, and follows redirects.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use postern_app::http::Reply;

use crate::{
    client::{self, Device},
    judge,
    settings::PASSWORD,
    world::{Answered, World},
};

/// How many pages a browser goes through for one authorization.
const STEPS: usize = 6;

/// Where an authorization request led to.
pub(crate) enum Led {
    /// Back to the program, by this address.
    Back {
        address: String,
        /// Whether the user was asked on the way.
        asked: bool,
    },
    /// Nowhere: a fault, or no answer.
    Nowhere,
}

pub(crate) struct Browser {
    pub(crate) device: Device,
    cookies: RefCell<Vec<(String, String)>>,
    /// Whether the sign-in was dated by a machine whose clock was wrong.
    pub(crate) is_off: Cell<bool>,
}

impl Browser {
    pub(crate) fn new(world: &World, name: &str) -> Self {
        Self { device: Device::new(world, name), cookies: RefCell::default(), is_off: Cell::new(false) }
    }

    /// Follows an authorization request through sign-in and consent, where they are asked for.
    pub(crate) async fn authorize(
        &self,
        world: &Rc<World>,
        login: &str,
        query: &str,
        consented: impl Fn(),
    ) -> Led {
        let (mut address, mut asked) = (format!("/oauth/authorize?{query}"), false);
        for _ in 0..STEPS {
            let Some((reply, _)) = self.get(world, &address).await else { return Led::Nowhere };
            let reply = match (reply.status, reply.header("location")) {
                (303, Some(there)) if there.starts_with("/auth/sign-in") => {
                    let page = there.to_owned();
                    let Some(reply) = self.sign_in(world, &page, login).await else { return Led::Nowhere };
                    reply
                }
                (200, _) => {
                    consented();
                    asked = true;
                    let entries = [("answer", "allow"), ("scope", "read:orders")];
                    let Some((reply, _)) = self.fill(world, "/auth/consent", &reply, &entries).await else {
                        return Led::Nowhere;
                    };
                    reply
                }
                _ => reply,
            };
            match reply.header("location") {
                Some(there) if there.starts_with("https://") => {
                    return Led::Back { address: there.to_owned(), asked };
                }
                Some(there) if reply.status == 303 => there.clone_into(&mut address),
                _ => return Led::Nowhere,
            }
        }
        Led::Nowhere
    }

    async fn sign_in(&self, world: &Rc<World>, page: &str, login: &str) -> Option<Reply> {
        let (form, _) = self.get(world, page).await?;
        let path = page.split('?').next().unwrap_or_default();
        let entries = [("login", login), ("password", PASSWORD)];
        let (reply, answered) = self.fill(world, path, &form, &entries).await?;
        self.is_off.set(judge::is_clock_wrong(answered.machine.as_ref()));
        Some(reply)
    }

    async fn get(&self, world: &Rc<World>, address: &str) -> Option<(Reply, Answered)> {
        self.device.page(world, "GET", address, &self.cookies, None).await
    }

    /// Posts the form of a page with these entries.
    async fn fill(
        &self,
        world: &Rc<World>,
        path: &str,
        page: &Reply,
        entries: &[(&str, &str)],
    ) -> Option<(Reply, Answered)> {
        let hidden = hidden(&String::from_utf8_lossy(&page.body));
        let own = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields: Vec<(&str, &str)> = own.chain(entries.iter().copied()).collect();
        // A person reads it first.
        world.executor.sleep(world.dice.between(500, 8000)).await;
        self.device.page(world, "POST", path, &self.cookies, Some(&client::form(&fields))).await
    }
}

/// The hidden fields of a page's form.
fn hidden(page: &str) -> Vec<(String, String)> {
    let fields = page.split("<input type=\"hidden\" name=\"").skip(1);
    let field = |rest: &str| {
        let (name, rest) = rest.split_once("\" value=\"")?;
        let value = rest.split('"').next()?;
        Some((name.to_owned(), value.replace("&amp;", "&").replace("&#38;", "&")))
    };
    fields.filter_map(field).collect()
}
