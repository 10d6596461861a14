//! Makes one-time tokens and sends them to users, after the answer.

use crate::{
    account::{Accounts as _, OneTimeToken, Purpose},
    auth::{local_users::LocalUsers, users::keeps_users},
    config::{Config, NotifierWay, Profile},
    events::EventKind,
    http::UrlParts,
    identity::{IdentityStore as _, Login, User},
    ports::{Bindings as _, Component, Fault},
    runtime::{Runtime, background::BackgroundWork, events::Events, ports::Ports},
    throttle::{limits::CallLimits, pseudonym::setting_of},
    web::{
        caller::Caller,
        endpoints::page_paths::{NEW_PASSWORD, VERIFY_ADDRESS},
        error::ApiError,
    },
};
use postern_core::throttle::Limited;
use postern_pages::Language;

/// The time limits of the tries of a notification, which follow each other at once. The receiver passes the message on,
/// for example to a mail service. A try that a deployment of the receiver interrupts succeeds the next time. Together
/// with the work before them, the tries fit into the 30 s that the platform allows after an answer. A queue has its own
/// retries.
const NOTIFICATION_TIMEOUTS_MS: [u32; 3] = [8_000, 6_000, 4_000];

/// Only the status of the receiver's answer is used.
const NOTIFICATION_ANSWER_BYTES: usize = 0;

/// Whether Postern keeps the users, and a notifier delivers messages to them.
pub(crate) fn offers_one_time_tokens(config: &Config) -> Result<(), ApiError> {
    let reachable = config.notifier.is_some() || config.profile == Profile::Local;
    if reachable { keeps_users(config) } else { Err(ApiError::NotOffered) }
}

/// Makes one-time tokens and sends them.
pub(crate) struct OneTimeDelivery<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> OneTimeDelivery<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Makes a token for the user with this login, if there is one, after the answer. The message says in which language
    /// the user reads, if that is known.
    pub(crate) fn send_later(
        &self,
        (caller, language): (Caller, Option<Language>),
        login: Login,
        purpose: Purpose,
    ) {
        let runtime = self.0.clone();
        BackgroundWork::of(self.0).spawn_jittered(async move {
            let delivery = OneTimeDelivery::of(&runtime);
            if let Err(fault) = delivery.send_one_time((&caller, language), &login, purpose).await {
                Events::of(&runtime).record_fault(&fault, &caller);
            }
        });
    }

    async fn send_one_time(
        &self,
        (caller, language): (&Caller, Option<Language>),
        login: &Login,
        purpose: Purpose,
    ) -> Result<(), Fault> {
        LocalUsers::of(self.0).seed_local_users().await?;
        let user = self.0.ports.identity().find_by_login(login).await?;
        let happening = match purpose {
            Purpose::ResetPassword => EventKind::PasswordResetRequested,
            Purpose::VerifyEmail => EventKind::EmailVerificationRequested,
        };
        let setting = setting_of(&self.0.isolate.masters, caller, login, user.as_ref());
        Events::of(self.0).record(self.0.now(), happening, setting);
        let Some(user) = user.filter(|user| !user.disabled) else { return Ok(()) };
        match CallLimits::of(self.0).throttle_login(caller, Limited::Reset, &user.login).await {
            Ok(()) => {}
            Err(ApiError::Fault(fault)) => return Err(fault),
            // The log has the refusal. The caller must not learn that there is an account.
            Err(_) => return Ok(()),
        }

        let platform = self.0.ports.platform();
        let master = self.0.isolate.masters.current();
        let (hash, token) = OneTimeToken::make(master, user.account, purpose, platform)?;
        if self.0.ports.accounts().issue_one_time(user.account, hash, purpose, caller.context()).await? {
            self.notify(&user, (purpose, language), &token).await
        } else {
            // Too many are open: the user has them all.
            Ok(())
        }
    }

    /// The address of a page of the deployment, if it has pages.
    fn own_page(&self, path: &str) -> Option<String> {
        let config = &self.0.isolate.config;
        config.pages.as_ref()?;
        Some([&UrlParts::parse(&config.issuer)?.origin(), path].concat())
    }

    async fn notify(
        &self,
        user: &User,
        (purpose, language): (Purpose, Option<Language>),
        token: &str,
    ) -> Result<(), Fault> {
        let notifier = self.0.isolate.config.notifier.as_ref();
        let (kind, page, own) = match purpose {
            Purpose::ResetPassword => {
                ("reset_password", notifier.and_then(|way| way.reset_page.clone()), NEW_PASSWORD)
            }
            Purpose::VerifyEmail => {
                ("verify_email", notifier.and_then(|way| way.verify_page.clone()), VERIFY_ADDRESS)
            }
        };
        let page = page.or_else(|| self.own_page(own));
        let mut message = serde_json::json!({
            "kind": kind,
            "login": user.login.as_str(),
            "token": token,
            "expires_in": purpose.lifetime().as_secs(),
        });
        if let Some(message) = message.as_object_mut() {
            // In the fragment: it is sent to no server, and is in no `Referer` and no server's log.
            if let Some(page) = page {
                message.insert("link".to_owned(), [&page, "#token=", token].concat().into());
            }
            if let Some(language) = language {
                message.insert("language".to_owned(), language.tag().into());
            }
        }
        let message = crate::json::write(&message).unwrap_or_default();
        let bindings = self.0.ports.bindings();
        match notifier.map(|notifier| &notifier.way) {
            // Config lets this be so in the local profile alone.
            None => {
                bindings.print(&message);
                Ok(())
            }
            Some(NotifierWay::Queue(queue)) => bindings.send(Component::Notifier, queue, &message).await,
            Some(NotifierWay::Service(service)) => {
                let mut failure = String::new();
                for timeout_ms in NOTIFICATION_TIMEOUTS_MS {
                    let answer = bindings
                        .call(
                            Component::Notifier,
                            service,
                            "/notify",
                            &message,
                            NOTIFICATION_ANSWER_BYTES,
                            timeout_ms,
                        )
                        .await;
                    match answer {
                        Ok(answer) if (200..300).contains(&answer.status) => return Ok(()),
                        Ok(answer) => {
                            failure = format!("the notifier responded with status {}", answer.status);
                        }
                        Err(fault) => failure = fault.cause,
                    }
                }
                Err(Fault::new(Component::Notifier, failure))
            }
        }
    }
}
