//! How long a WebSocket may stay open.

use core::{cell::Cell, time::Duration};
use std::rc::Rc;

use crate::{
    access::{
        liveness::Liveness,
        refused::AccessRefused,
        revocation_cache::RevocationCache,
        session::{Session, session_of},
    },
    events::{EventContext, EventKind},
    gateway::{Identity, RevocationLevel, Route, StaleFeed},
    isolate::{Isolate, token_cache::KnownToken},
    ports::{Clock as _, Fault},
    runtime::{Runtime, events::Events, ports::Ports},
    time::Timestamp,
};

/// "An endpoint is terminating the connection because it has received a message that violates
/// its policy" (RFC 6455 section 7.4.1): the registered code that is nearest. The reason says more.
const POLICY_VIOLATION: u16 = 1008;

/// The client may open the socket again (IANA's registry of close codes).
const TRY_AGAIN_LATER: u16 = 1013;

/// The rule for an open socket, by the access token with which it was opened.
#[derive(Debug, Clone, PartialEq)]
pub struct SocketWatch {
    route: String,
    /// The time from which the token is refused everywhere, including the leeway.
    expires_at: Option<Timestamp>,
    /// How often to check whether the token was revoked, if at all.
    revocation: Option<(Watched, Duration)>,
}

#[derive(Debug, Clone, PartialEq)]
struct Watched {
    identity: Rc<Identity>,
    own: bool,
    /// The session to check, at every revocation level.
    session: Option<Session>,
    /// Whether the route uses the feed, which lists single tokens, clients and revocations of other issuers.
    feed: bool,
}

/// An open socket, with its rule and the results of its checks.
#[derive(Debug)]
pub struct OpenSocket {
    watch: SocketWatch,
    opened_at: Timestamp,
    /// The number of failed checks since the last successful one.
    failed_looks: Cell<u32>,
}

/// What to do with an open socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketVerdict {
    /// Keep it open, and check it again after this time.
    Keep(Duration),
    /// Close both ends with this code and reason (RFC 6455 section 7.4).
    Close(u16, &'static str),
}

const EXPIRED: SocketVerdict = SocketVerdict::Close(POLICY_VIOLATION, "access token expired");

const ENDED: SocketVerdict = SocketVerdict::Close(POLICY_VIOLATION, "session ended");

const REVOKED: SocketVerdict = SocketVerdict::Close(POLICY_VIOLATION, "access token revoked");

const UNCHECKED: SocketVerdict = SocketVerdict::Close(TRY_AGAIN_LATER, "session not checked");

/// How many checks in a row may fail, so that a short outage does not close sockets. When the platform's limit of
/// subrequests per invocation is used up, every further check fails.
const MAX_FAILED_LOOKS: u32 = 10;

/// The longest time for which a socket is checked. Then the client must open it again, and the gate decides again.
const LONGEST_WATCH: Duration = Duration::from_hours(24);

/// A timer of the platform takes no more than 2^31 ms; nothing here waits a day.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

impl SocketWatch {
    /// The time until the next check, unless the token has expired.
    fn next_look(&self, now: Timestamp) -> SocketVerdict {
        let left = self.expires_at.map(|expires_at| expires_at.since(now));
        if left == Some(Duration::ZERO) {
            return EXPIRED;
        }
        let interval = self.revocation.as_ref().map(|(_, interval)| *interval);
        SocketVerdict::Keep(left.into_iter().chain(interval).min().unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT))
    }
}

/// Checks open sockets.
pub(crate) struct Sockets<'r, P: Ports> {
    isolate: &'r Isolate,
    platform: &'r P::Platform,
    liveness: Liveness<'r, P>,
    revocation_cache: RevocationCache<'r, P>,
    events: Events<'r, P>,
}

impl<'r, P: Ports> Sockets<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self {
            isolate: &runtime.isolate,
            platform: runtime.ports.platform(),
            liveness: Liveness::of(runtime),
            revocation_cache: RevocationCache::of(runtime),
            events: Events::of(runtime),
        }
    }

    /// The rule for a socket that `identity` opens on the route. `None` means that it is not checked.
    pub(crate) fn watch(&self, route: &Route, identity: Option<&Rc<Identity>>) -> Option<SocketWatch> {
        let (rule, identity) = (route.forwarding.websocket?, identity?);
        let revocation = rule.check_session_every.and_then(|interval| {
            let own = identity.issuer == self.isolate.config.issuer;
            let session = session_of(&self.isolate.config, identity).filter(|_| own);
            let feed = route.revocation != RevocationLevel::None;
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

    /// The state of a socket that opens now.
    pub(crate) fn opened(&self, watch: &SocketWatch) -> OpenSocket {
        OpenSocket { watch: watch.clone(), opened_at: self.platform.now(), failed_looks: Cell::new(0) }
    }

    /// When to check a socket that opens now.
    pub(crate) fn first_look(&self, socket: &OpenSocket) -> SocketVerdict {
        self.told(&socket.watch, socket.watch.next_look(self.platform.now()))
    }

    /// Checks an open socket. If a component does not answer, or the feed is out of date, the check has failed. The
    /// socket stays open for up to [`MAX_FAILED_LOOKS`] failed checks in a row.
    pub(crate) async fn look_at_socket(&self, socket: &OpenSocket) -> SocketVerdict {
        let (watch, now) = (&socket.watch, self.platform.now());
        let verdict = watch.next_look(now);
        let Some((watched, _)) = &watch.revocation else { return self.told(watch, verdict) };
        if let SocketVerdict::Close(..) = verdict {
            return self.told(watch, verdict);
        }
        if now.since(socket.opened_at) >= LONGEST_WATCH {
            return self.told(watch, UNCHECKED);
        }
        match self.objection_to_socket(watched).await {
            Ok(None) => {
                socket.failed_looks.set(0);
                verdict
            }
            Ok(Some(close)) => self.told(watch, close),
            Err(fault) => {
                let setting = EventContext { route: Some(watch.route.clone()), ..EventContext::default() };
                self.events.record(self.platform.now(), fault.into(), setting);
                socket.failed_looks.set(socket.failed_looks.get().saturating_add(1));
                if socket.failed_looks.get() >= MAX_FAILED_LOOKS {
                    return self.told(watch, UNCHECKED);
                }
                verdict
            }
        }
    }

    /// Whether the feed knows that the token was revoked, and whom it asks confirms it; whether its
    /// session has ended. The session is asked about although the feed failed: its end closes the socket all the same.
    async fn objection_to_socket(&self, watched: &Watched) -> Result<Option<SocketVerdict>, Fault> {
        let mut by_feed = Ok(None);
        if watched.feed {
            let known = KnownToken::new(Rc::clone(&watched.identity), watched.own);
            match self.revocation_cache.check_revoked(&known, RevocationLevel::Feed, StaleFeed::Refuse).await
            {
                Ok(()) => {}
                Err(AccessRefused::Token(_) | AccessRefused::Invalid(_)) => return Ok(Some(REVOKED)),
                Err(AccessRefused::Fault(fault)) => by_feed = Err(fault),
            }
        }
        if let Some(session) = &watched.session
            && !self.liveness.is_alive(session, watched.identity.issued_at).await?
        {
            return Ok(Some(ENDED));
        }
        by_feed
    }

    /// Records a socket that was closed because one end did not read.
    pub(crate) fn socket_overrun(&self, socket: &OpenSocket) {
        self.record_closed(&socket.watch, "messages_not_read");
    }

    fn told(&self, watch: &SocketWatch, verdict: SocketVerdict) -> SocketVerdict {
        match verdict {
            SocketVerdict::Keep(_) => {}
            ENDED => self.record_closed(watch, "session_ended"),
            REVOKED => self.record_closed(watch, "revoked"),
            UNCHECKED => self.record_closed(watch, "session_not_checked"),
            SocketVerdict::Close(..) => self.record_closed(watch, "expired"),
        }
        verdict
    }

    fn record_closed(&self, watch: &SocketWatch, code: &'static str) {
        let happening = EventKind::access_refused(code, Some(watch.route.clone()));
        let session = watch.revocation.as_ref().and_then(|(watched, _)| watched.session.as_ref());
        let setting = EventContext {
            account: session.map(|session| session.account),
            session_id: session.map(|session| session.family),
            ..EventContext::default()
        };
        self.events.record(self.platform.now(), happening, setting);
    }
}
