//! The log of administrative acts, for who checks it (`postern audit verify`).

use serde_json::Value;

use super::Asked;
use crate::{
    http::Reply,
    jose::json::parse_text,
    json,
    observe::AuditLog as _,
    ports::{Fault, Part},
    service::{ApiError, Ports, Service},
};

/// The highest number that every reader of JSON holds exactly (RFC 8259 section 6), the platform
/// among them.
const LAST_NUMBER: u64 = (1 << 53) - 1;

impl<P: Ports> Service<P> {
    /// `GET /admin/audit`: entries in order, oldest first, as they stand in the chain. `after` is
    /// the number of the entry before the page.
    pub(super) async fn admin_audit(&self, asked: &Asked<'_>) -> Result<Reply, ApiError> {
        let after = match asked.query.value("after") {
            None => 0,
            Some(text) => {
                let problem = "must be the number of an entry";
                let number = text.parse().ok().filter(|number| *number <= LAST_NUMBER);
                number.ok_or(ApiError::InvalidParameter { name: "after", problem })?
            }
        };
        let limit = u64::try_from(asked.query.limit()?).unwrap_or(1);
        let page = self.ports.audit_log().page(after, u16::try_from(limit).unwrap_or(1)).await?;
        // By number, not by what is there: a hole in the chain must not end the reading.
        let end = after.saturating_add(limit);
        let next = (end < page.last).then(|| Value::String(end.to_string()));
        // By way of its text, which is written elsewhere too.
        let text = json::write(&page).map_err(|error| Fault::new(Part::AuditLog, error))?;
        let mut page = parse_text(&text).map_err(|error| Fault::new(Part::AuditLog, error))?;
        if let (Some(members), Some(next)) = (page.as_object_mut(), next) {
            members.insert("next".to_owned(), next);
        }
        Ok(Reply::json(200, &page))
    }
}
