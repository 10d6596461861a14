//! `/admin/ui/confirm/{action}`: asks once before a change, and makes it.

use core::time::Duration;

use postern_pages::dashboard::{Ask, Cell, Fact, Link, Part, Screen};
use serde_json::Value;

use crate::{
    admin::{access::AdminAccess, paging::Query},
    dashboard::{
        change::{CHANGES, CONFIRM, Change, Wanted},
        desk::Desk,
        reading::{Reading, carry_out},
        refused::{self, Refused, body_of},
        show,
    },
    http::Reply,
    pages::{form_token, pending::encoded},
    ports::Clock as _,
    runtime::{Runtime, events::Events, ports::Ports},
    web::error::ApiError,
};

/// How long the page that asks may stay open: as long as a sign-in is recent, at most.
const ASK_LIFETIME: Duration = Duration::from_hours(1);

/// How long the note about a change is shown.
const NOTE_LIFETIME: Duration = Duration::from_mins(1);

/// Asks before changes, and makes them.
pub(super) struct Changes<'r, P: Ports>(pub(super) &'r Runtime<P>);

impl<P: Ports> Changes<'_, P> {
    /// The page that asks. It needs a recent sign-in already, so that the answer is one step.
    pub(super) async fn ask(&self, desk: &Desk<'_>, wanted: &Wanted) -> Result<Reply, Refused> {
        match AdminAccess::of(self.0).admit_to(wanted.endpoint, &desk.admin, &desk.caller) {
            Ok(()) => Ok(desk.page(200, &self.question(desk, wanted, None).await?)),
            Err(_) => Ok(desk.around.sign_in()),
        }
    }

    /// Makes the change that was posted: what the call of the API does, with its limits, its audit log and its events.
    pub(super) async fn change(
        &self,
        desk: &Desk<'_>,
        wanted: &Wanted,
        token: &str,
    ) -> Result<Reply, Refused> {
        if AdminAccess::of(self.0).admit_to(wanted.endpoint, &desk.admin, &desk.caller).is_err() {
            return Ok(desk.around.sign_in());
        }
        if !self.is_issued(desk, &asked_at(desk, wanted), ASK_LIFETIME, token)? {
            let expired = refused::alert(&Reply::from(&ApiError::CsrfFailed));
            return Ok(desk.page(403, &self.question(desk, wanted, Some(expired)).await?));
        }
        let (parameters, query) = (wanted.parameters(), Query::of(Vec::new()));
        let reply = carry_out(self.0, desk, wanted.endpoint, parameters, query, wanted.body()?).await?;
        let back = desk.around.link(&wanted.filled(wanted.change.back, &Value::Null, &encoded));
        if reply.body.is_empty() {
            let note = self.issue(desk, &noted_at(wanted.change))?;
            let before = if back.contains('?') { '&' } else { '?' };
            return Ok(desk.around.redirect(&format!("{back}{before}done={}.{note}", wanted.change.action)));
        }
        let parts = vec![
            Part::Note(wanted.change.done.to_owned()),
            show::answer(&body_of(&reply)),
            Part::Pages(vec![Link::new("Back", back)]),
        ];
        Ok(desk.page(200, &Screen::new(wanted.change.title, parts)))
    }

    /// The note about the change that has just led to this page. It has a token of ours, so that no link of another site
    /// claims that something was done.
    pub(super) fn note(&self, desk: &Desk<'_>, query: &Query) -> Result<Option<Part>, Refused> {
        let Some((action, token)) = query.value("done").and_then(|done| done.split_once('.')) else {
            return Ok(None);
        };
        let Some(change) = CHANGES.iter().find(|change| change.action == action) else { return Ok(None) };
        let is_true = self.is_issued(desk, &noted_at(change), NOTE_LIFETIME, token)?;
        Ok(is_true.then(|| Part::Note(change.done.to_owned())))
    }

    async fn question(
        &self,
        desk: &Desk<'_>,
        wanted: &Wanted,
        alert: Option<Part>,
    ) -> Result<Screen, Refused> {
        let about = match wanted.change.about {
            None => Value::Null,
            Some(call) => {
                let first = wanted.parameters().first().copied().unwrap_or_default();
                Reading(self.0).read_if_offered(desk, call, vec![first]).await?
            }
        };
        let token = self.issue(desk, &asked_at(desk, wanted))?;
        let mut hidden = wanted.fields.clone();
        hidden.push(("form_token", token));
        let plain = |text: &str| text.to_owned();
        let ask = Ask {
            action: desk.around.link(&[CONFIRM, wanted.change.action].concat()),
            hidden,
            does: wanted.filled(wanted.change.does, &about, &plain),
            undo: wanted.filled(wanted.change.undo, &about, &plain),
            button: wanted.change.title.to_owned(),
            cancel: desk.around.link(&wanted.filled(wanted.change.back, &about, &encoded)),
        };
        let is_error = alert.is_some();
        let fact = |(name, value): &(&'static str, String)| Fact {
            name: name.replace('_', " "),
            value: Cell::Code(value.clone()),
        };
        let mut parts: Vec<Part> = alert.into_iter().collect();
        if !wanted.fields.is_empty() {
            parts.push(Part::Facts(wanted.fields.iter().map(fact).collect()));
        }
        parts.push(Part::Ask(ask));
        Ok(Screen { is_error, ..Screen::new(&[wanted.change.title, "?"].concat(), parts) })
    }

    fn issue(&self, desk: &Desk<'_>, address: &str) -> Result<String, Refused> {
        let (master, platform) = (self.0.isolate.masters.current(), self.0.ports.platform());
        Ok(form_token::issue(master, desk.around.browser, address, platform.now(), platform)?)
    }

    fn is_issued(
        &self,
        desk: &Desk<'_>,
        address: &str,
        lifetime: Duration,
        token: &str,
    ) -> Result<bool, Refused> {
        let in_time = (self.0.now(), lifetime);
        form_token::verify(&self.0.isolate.masters, desk.around.browser, address, in_time, token)
            .map(|issued_at| issued_at.is_some())
            .map_err(|newer| Events::of(self.0).newer_master(&desk.caller, "form_token", newer).into())
    }
}

/// What the token of the page that asks is bound to: the session of the administrator, the change, and all its fields.
fn asked_at(desk: &Desk<'_>, wanted: &Wanted) -> String {
    let page = desk.around.link_with(&[CONFIRM, wanted.change.action].concat(), &wanted.query());
    [&desk.admin.session.family.to_string(), " ", &page].concat()
}

fn noted_at(change: &Change) -> String {
    ["done ", change.action].concat()
}
