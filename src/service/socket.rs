//! An open WebSocket after the gate let it open: until when it may stay.

use core::time::Duration;

use super::{Caller, Ports, Service, credentials::Session};
use crate::{
    gateway::{Identity, Route},
    observe::{Happening, Setting},
    time::Timestamp,
};

/// "An endpoint is terminating the connection because it has received a message that violates
/// its policy" (RFC 6455 section 7.4.1): the registered code that is nearest. The reason says more.
const POLICY_VIOLATION: u16 = 1008;

/// What an open socket is held to: the access token it was opened with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketWatch {
    route: String,
    /// When that token is refused everywhere, leeway included.
    expires_at: Option<Timestamp>,
    /// The session to ask about, and how often.
    session: Option<(Watched, Duration)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Watched {
    session: Session,
    issued_at: Timestamp,
}

/// What is to be done with an open socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketVerdict {
    /// It may stay: look again after this time.
    Keep(Duration),
    /// Close both ends with this code and reason.
    Close(u16, &'static str),
}

const EXPIRED: SocketVerdict = SocketVerdict::Close(POLICY_VIOLATION, "access token expired");
const ENDED: SocketVerdict = SocketVerdict::Close(POLICY_VIOLATION, "session ended");

/// A timer of the platform takes no more than 2^31 ms; nothing here waits a day.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

impl SocketWatch {
    /// When to look for the first or next time, if the token has not expired by now.
    fn next_look(&self, now: Timestamp) -> SocketVerdict {
        let left = self.expires_at.map(|expires_at| expires_at.since(now));
        if left == Some(Duration::ZERO) {
            return EXPIRED;
        }
        let interval = self.session.as_ref().map(|(_, interval)| *interval);
        SocketVerdict::Keep(left.into_iter().chain(interval).min().unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT))
    }
}

impl<P: Ports> Service<P> {
    /// How a socket that `identity` opens on the route is watched; `None` when it is not.
    pub(super) fn watch(&self, route: &Route, identity: Option<&Identity>) -> Option<SocketWatch> {
        let (rule, identity) = (route.forwarding.websocket?, identity?);
        let own = identity.issuer == self.isolate.config.issuer;
        let session = rule.check_session_every.filter(|_| own).and_then(|interval| {
            let watched =
                Watched { session: self.isolate.session_of(identity)?, issued_at: identity.issued_at };
            Some((watched, interval))
        });
        let leeway = self.isolate.config.leeway;
        let expires_at = rule.close_on_expiry.then(|| identity.expires_at.plus(leeway));
        (expires_at.is_some() || session.is_some()).then(|| SocketWatch {
            route: route.name.clone(),
            expires_at,
            session,
        })
    }

    /// When to look at a socket that opens now.
    pub fn first_look(&self, watch: &SocketWatch) -> SocketVerdict {
        watch.next_look(self.now())
    }

    /// Looks at an open socket. A session whose object does not answer keeps its socket until
    /// the next look: our own fault cuts nobody off.
    pub async fn look_at_socket(&self, watch: &SocketWatch) -> SocketVerdict {
        let now = self.now();
        let verdict = watch.next_look(now);
        let Some((Watched { session, issued_at }, _)) = &watch.session else {
            return self.told(watch, verdict);
        };
        if let SocketVerdict::Close(..) = verdict {
            return self.told(watch, verdict);
        }
        match self.is_alive(session, *issued_at).await {
            Ok(true) => verdict,
            Ok(false) => self.told(watch, ENDED),
            Err(fault) => {
                self.record_fault(&fault, &Caller::default());
                verdict
            }
        }
    }

    fn told(&self, watch: &SocketWatch, verdict: SocketVerdict) -> SocketVerdict {
        if let SocketVerdict::Close(..) = verdict {
            let code = if verdict == ENDED { "session_ended" } else { "expired" };
            let happening =
                Happening::AccessRefused { code, route: Some(watch.route.clone()), signature_tail: None };
            let session = watch.session.as_ref().map(|(watched, _)| &watched.session);
            let setting = Setting {
                account: session.map(|session| session.account),
                session_id: session.map(|session| session.family),
                ..Setting::default()
            };
            self.record(self.now(), happening, setting);
        }
        verdict
    }
}
