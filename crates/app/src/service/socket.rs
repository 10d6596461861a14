//! An open WebSocket after the gate let it open: until when it may stay.

use core::time::Duration;
use std::rc::Rc;

use super::{Caller, Ports, Service, authenticate::AccessRefused, credentials::Session, token_cache::Known};
use crate::{
    gateway::{Identity, Revocation, Route, StaleFeed},
    observe::{Happening, Setting},
    time::Timestamp,
};

/// "An endpoint is terminating the connection because it has received a message that violates
/// its policy" (RFC 6455 section 7.4.1): the registered code that is nearest. The reason says more.
const POLICY_VIOLATION: u16 = 1008;

/// What an open socket is held to: the access token it was opened with.
#[derive(Debug, Clone, PartialEq)]
pub struct SocketWatch {
    route: String,
    /// When that token is refused everywhere, leeway included.
    expires_at: Option<Timestamp>,
    /// Whether it was revoked, and how often to ask.
    revocation: Option<(Watched, Duration)>,
}

#[derive(Debug, Clone, PartialEq)]
struct Watched {
    identity: Rc<Identity>,
    own: bool,
    /// The session of ours to ask about, at every level.
    session: Option<Session>,
    /// Whether the route looks at the feed, which knows of single tokens, of clients, and of what
    /// other issuers issued.
    feed: bool,
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
const REVOKED: SocketVerdict = SocketVerdict::Close(POLICY_VIOLATION, "access token revoked");

/// A timer of the platform takes no more than 2^31 ms; nothing here waits a day.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

impl SocketWatch {
    /// When to look for the first or next time, if the token has not expired by now.
    fn next_look(&self, now: Timestamp) -> SocketVerdict {
        let left = self.expires_at.map(|expires_at| expires_at.since(now));
        if left == Some(Duration::ZERO) {
            return EXPIRED;
        }
        let interval = self.revocation.as_ref().map(|(_, interval)| *interval);
        SocketVerdict::Keep(left.into_iter().chain(interval).min().unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT))
    }
}

impl<P: Ports> Service<P> {
    /// How a socket that `identity` opens on the route is watched; `None` when it is not.
    pub(super) fn watch(&self, route: &Route, identity: Option<&Rc<Identity>>) -> Option<SocketWatch> {
        let (rule, identity) = (route.forwarding.websocket?, identity?);
        let revocation = rule.check_session_every.and_then(|interval| {
            let own = identity.issuer == self.isolate.config.issuer;
            let session = self.isolate.session_of(identity).filter(|_| own);
            let feed = route.revocation != Revocation::None;
            let watched = Watched { identity: Rc::clone(identity), own, session, feed };
            (watched.session.is_some() || feed).then_some((watched, interval))
        });
        let expires_at = rule.close_on_expiry.then(|| {
            let issuer = self.isolate.issuers.get(&identity.issuer);
            identity.expires_at.plus(issuer.map_or(Duration::ZERO, |issuer| issuer.policy.leeway))
        });
        (expires_at.is_some() || revocation.is_some()).then(|| SocketWatch {
            route: route.name.clone(),
            expires_at,
            revocation,
        })
    }

    /// When to look at a socket that opens now.
    pub fn first_look(&self, watch: &SocketWatch) -> SocketVerdict {
        watch.next_look(self.now())
    }

    /// Looks at an open socket. Where a part does not answer, the socket stays until the next
    /// look: our own fault cuts nobody off, and a feed that is out of date neither.
    pub async fn look_at_socket(&self, watch: &SocketWatch) -> SocketVerdict {
        let verdict = watch.next_look(self.now());
        if let SocketVerdict::Close(..) = verdict {
            return self.told(watch, verdict);
        }
        let Some((watched, _)) = &watch.revocation else { return verdict };
        if watched.feed && self.is_in_feed(watched).await {
            return self.told(watch, REVOKED);
        }
        let Some(session) = &watched.session else { return verdict };
        match self.is_alive(session, watched.identity.issued_at).await {
            Ok(true) => verdict,
            Ok(false) => self.told(watch, ENDED),
            Err(fault) => {
                self.record_fault(&fault, &Caller::default());
                verdict
            }
        }
    }

    /// Whether the feed knows that the token was revoked, and whom it asks confirms it.
    async fn is_in_feed(&self, watched: &Watched) -> bool {
        let marks = watched.identity.marks(watched.own);
        let known = Known { identity: Rc::clone(&watched.identity), marks };
        match self.check_revoked(&known, Revocation::Feed, StaleFeed::Pass).await {
            Ok(()) => false,
            Err(AccessRefused::Token(_) | AccessRefused::Invalid(_)) => true,
            Err(AccessRefused::Fault(fault)) => {
                self.record_fault(&fault, &Caller::default());
                false
            }
        }
    }

    fn told(&self, watch: &SocketWatch, verdict: SocketVerdict) -> SocketVerdict {
        if let SocketVerdict::Close(..) = verdict {
            let code = match verdict {
                ENDED => "session_ended",
                REVOKED => "revoked",
                _ => "expired",
            };
            let happening = Happening::access_refused(code, Some(watch.route.clone()));
            let session = watch.revocation.as_ref().and_then(|(watched, _)| watched.session.as_ref());
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
