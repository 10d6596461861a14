//! Programs that users authorize: OAuth clients, which get codes by a browser, redeem and refresh, and lose answers.

use core::cell::RefCell;
use std::rc::Rc;

use postern_app::encoding::base64url;
use sha2::{Digest as _, Sha256};

use crate::{
    browser::{Browser, Led},
    client::{self, Device, Got, Pair},
    code_thief, codes,
    faults::Kind,
    invariants, judge,
    ledger::{self, Access},
    machine::START,
    owners::{Owner, haunt},
    settings::{LEVELS, Program},
    world::{Answered, World},
};

#[derive(Default)]
struct Stored {
    refresh: Option<String>,
    got_at: u64,
    access: Option<Access>,
}

/// A program that a user has.
pub(crate) struct Installed {
    pub(crate) program: Program,
    pub(crate) device: Device,
    browser: Browser,
    pub(crate) owner: Rc<Owner>,
    /// Whether thieves may be after its codes.
    is_hunted: bool,
    stored: RefCell<Stored>,
}

/// A code with what a redemption needs.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) text: String,
    pub(crate) grant: String,
    pub(crate) verifier: String,
    pub(crate) program: Program,
}

impl Code {
    /// The form of a redemption.
    pub(crate) async fn redeem(
        &self,
        world: &Rc<World>,
        device: &Device,
        verifier: &str,
        secret: Option<&str>,
    ) -> (Got, Answered) {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("client_id", self.program.id),
            ("code", &*self.text),
            ("code_verifier", verifier),
            ("redirect_uri", self.program.redirect),
        ];
        fields.extend(secret.map(|secret| ("client_secret", secret)));
        device.form(world, "/oauth/token", &fields).await
    }
}

impl Installed {
    /// Begins to use a program as soon as its user has an account.
    pub(crate) fn begin(
        world: &Rc<World>,
        owner: &Rc<Owner>,
        program: Program,
        pause: u64,
        is_hunted: bool,
    ) -> Rc<Self> {
        let name = format!("{} of {}", program.id, owner.device.name);
        let installed = Rc::new(Self {
            program,
            device: Device::new(world, &name),
            browser: Browser::new(world, &format!("browser of {}", owner.device.name)),
            owner: Rc::clone(owner),
            is_hunted,
            stored: RefCell::default(),
        });
        let (this, there) = (Rc::clone(&installed), Rc::clone(world));
        world.executor.spawn(world.people, async move { this.go_on(&there, pause).await });
        installed
    }

    async fn go_on(&self, world: &Rc<World>, pause: u64) {
        loop {
            world.executor.sleep(world.dice.about(pause)).await;
            if world.faults.is_on(Kind::Quiet) || !self.owner.is_registered() {
                continue;
            }
            let access = self.stored.borrow().access.clone();
            let Some(access) = access else {
                self.authorize(world).await;
                continue;
            };
            match world.dice.below(100) {
                0 => self.disconnect(world, &access).await,
                // The user authorizes it anew, as on another device.
                1 => drop(self.authorize(world).await),
                _ if access.expires <= world.now() + 20_000 => drop(self.refresh(world, false).await),
                _ => {
                    let level = LEVELS[world.dice.below(LEVELS.len())];
                    if self.visit(world, level).await == Some(false) {
                        self.refresh(world, true).await;
                    }
                }
            }
        }
    }

    pub(crate) async fn visit(&self, world: &Rc<World>, level: &'static str) -> Option<bool> {
        let access = self.stored.borrow().access.clone()?;
        self.device.visit(world, level, &access).await
    }

    /// From the authorization request to tokens.
    pub(crate) async fn authorize(&self, world: &Rc<World>) -> bool {
        let (program, began) = (self.program, world.now());
        let mut verifier = [0; 32];
        world.dice.bytes(&mut verifier);
        let verifier = base64url(&verifier);
        let challenge = base64url(&Sha256::digest(&verifier));
        let query = client::form(&[
            ("client_id", program.id),
            ("redirect_uri", program.redirect),
            ("response_type", "code"),
            ("scope", "read:orders"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("state", "s"),
        ]);
        let login = &self.owner.login;
        let consented = || world.ledger.codes.consented(login, program.id, world.now());
        let led = self.browser.authorize(world, login, &query, consented).await;
        let Led::Back { address, asked } = led else {
            world.executor.sleep(world.dice.between(10_000, 30_000)).await;
            return false;
        };
        let parameters = address.split_once('?').map_or("", |(_, query)| query);
        let Some(text) = parameters.split('&').find_map(|pair| pair.strip_prefix("code=")) else {
            return false;
        };
        world.ledger.look(invariants::CONSENT);
        let is_ours = program.secret.is_some();
        if !is_ours && !asked && !world.ledger.codes.has_consent(login, program.id, began) {
            let seen = format!("{login} was not asked, and {} got a code", program.id);
            world.ledger.violated(invariants::CONSENT, world.now(), seen);
        }
        let Some(grant) = codes::grant_of(text) else { return false };
        let code = Code { text: text.to_owned(), grant, verifier, program };
        if self.is_hunted && !world.faults.are_over() && world.dice.percent(40) {
            code_thief::hunt(world, code.clone());
        }
        // Some programs are closed on the way.
        if self.is_hunted && world.dice.percent(10) {
            code_thief::find_late(world, code);
            return false;
        }
        self.redeem(world, &code, world.now()).await
    }

    async fn redeem(&self, world: &Rc<World>, code: &Code, got_at: u64) -> bool {
        loop {
            world.ledger.codes.sends(&code.grant);
            let (got, answered) = code.redeem(world, &self.device, &code.verifier, code.program.secret).await;
            match got {
                Got::Done(body) => {
                    world.ledger.look(invariants::CODE);
                    let Some(Pair { access, refresh }) = client::pair(world, &body, &answered) else {
                        return false;
                    };
                    self.opened(world, access, refresh, &answered);
                    return true;
                }
                Got::Refused(status, why) => {
                    world.ledger.look(invariants::CODE);
                    // The right way is to begin anew.
                    judge::code_refused(world, code, got_at, &format!("{status} {why}"), &answered);
                    return false;
                }
                // Some programs try a code again.
                Got::Later if world.dice.percent(70) => return false,
                Got::Later => world.executor.sleep(world.dice.between(500, 4000)).await,
            }
        }
    }

    fn opened(&self, world: &Rc<World>, mut access: Access, refresh: String, answered: &Answered) {
        let claims = ledger::read(&access.token).map(|(_, claims)| claims).unwrap_or_default();
        let signed_in = claims["auth_time"].as_u64().unwrap_or_default().saturating_mul(1000);
        access.signed_in = signed_in.saturating_sub(START);
        access.is_grant = true;
        access.is_off = self.browser.is_off.get() || judge::is_clock_wrong(answered.machine.as_ref());
        world.ledger.signed_in(&access, access.signed_in);
        let mut stored = self.stored.borrow_mut();
        stored.refresh = Some(refresh);
        stored.got_at = world.now();
        stored.access = Some(access);
    }

    /// Refreshes, by the same rules as a device.
    pub(crate) async fn refresh(&self, world: &Rc<World>, forced: bool) -> bool {
        let (presented, access) = {
            let stored = self.stored.borrow();
            let (Some(refresh), Some(access)) = (&stored.refresh, &stored.access) else { return false };
            if !world.ledger.may_refresh(&access.sid, stored.got_at, world.now(), forced) {
                return false;
            }
            (refresh.clone(), access.clone())
        };
        let mut fields = vec![
            ("grant_type", "refresh_token"),
            ("client_id", self.program.id),
            ("refresh_token", &*presented),
        ];
        fields.extend(self.program.secret.map(|secret| ("client_secret", secret)));
        let (got, answered) = self.device.form(world, "/oauth/token", &fields).await;
        match got {
            Got::Done(body) => {
                let Some(mut pair) = client::pair(world, &body, &answered) else { return false };
                pair.access.is_grant = true;
                let mut stored = self.stored.borrow_mut();
                stored.refresh = Some(pair.refresh);
                stored.got_at = world.now();
                stored.access = Some(pair.access);
                true
            }
            Got::Refused(status, code) => {
                let what = format!("{status} {code}");
                judge::ended(world, &access.sid, &presented, &what, &answered);
                self.forget(world);
                false
            }
            Got::Later => {
                world.executor.sleep(world.dice.between(2000, 4000)).await;
                false
            }
        }
    }

    pub(crate) fn refresh_token(&self) -> Option<String> {
        self.stored.borrow().refresh.clone()
    }

    pub(crate) fn forget(&self, world: &Rc<World>) {
        let stored = self.stored.take();
        if let Some(access) = stored.access {
            haunt(world, access);
        }
    }
}
