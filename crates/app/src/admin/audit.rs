//! The entries of the audit log, for `postern audit verify`.

use serde::Serialize;

use crate::{
    admin::request::AdminRequest,
    audit::{AuditLog as _, Page, chain::Sealed},
    http::Reply,
    runtime::{Runtime, ports::Ports},
    web::error::ApiError,
};

/// The largest integer that every JSON parser represents exactly (RFC 8259 section 6), including the platform's.
const LAST_NUMBER: u64 = (1 << 53) - 1;

/// A [`Page`], with the cursor of the next one.
#[derive(Serialize)]
struct Shown {
    entries: Vec<Sealed>,
    last: u64,
    forged: Vec<u64>,
    unproved: Vec<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What `GET /admin/audit` needs.
pub(crate) struct AdminAudit<'r, P: Ports> {
    audit_log: &'r P::AuditLog,
}

impl<'r, P: Ports> AdminAudit<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self { audit_log: runtime.ports.audit_log() }
    }

    /// `GET /admin/audit`: entries in order, oldest first, as they stand in the chain. `after` is
    /// the number of the entry before the page.
    pub(crate) async fn list(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        let after = match asked.query.value("after") {
            None => 0,
            Some(text) => {
                let problem = "must be the number of an entry";
                let number = text.parse().ok().filter(|number| *number <= LAST_NUMBER);
                number.ok_or(ApiError::InvalidParameter { name: "after", problem })?
            }
        };
        let limit = u64::try_from(asked.query.limit()?).unwrap_or(1);
        let page = self.audit_log.page(after, u16::try_from(limit).unwrap_or(1)).await?;
        // By number, not by what is there: a hole in the chain must not end the reading.
        let end = after.saturating_add(limit);
        let next = (end < page.last).then(|| end.to_string());
        let Page { entries, last, forged, unproved } = page;
        Ok(Reply::json(200, &Shown { entries, last, forged, unproved, next }))
    }
}
