//! Users from elsewhere, a batch at a time.

use serde_json::Value;

use super::{Asked, object};
use crate::{
    http::Reply,
    service::{
        ApiError, Ports, Service,
        body::BodyError,
        imports::{MAX_ROWS, RowOutcome, counts},
    },
};

impl Asked<'_> {
    /// The rows of a batch: 1 to [`MAX_ROWS`].
    pub(super) fn rows(&self) -> Result<&[Value], BodyError> {
        let rows = self.body.value("rows").ok_or(BodyError::MissingMember("rows"))?;
        let rows = rows.as_array().filter(|rows| (1..=MAX_ROWS).contains(&rows.len()));
        rows.map(Vec::as_slice).ok_or(BodyError::InvalidMember("rows"))
    }
}

impl<P: Ports> Service<P> {
    /// `POST /admin/users/import`: what became of each row, in their order. May be repeated.
    pub(super) async fn admin_import_users(
        &self,
        asked: &Asked<'_>,
        rows: &[Value],
    ) -> Result<Reply, ApiError> {
        self.users_are_here()?;
        let outcomes = self.import_users(rows, asked.caller.setting()).await?;
        let outcomes = outcomes.map_err(|_| ApiError::Body(BodyError::TooLarge))?;
        let (created, existing, refused) = counts(&outcomes);
        let body = object([
            ("created", created.into()),
            ("existing", existing.into()),
            ("refused", refused.into()),
            ("rows", outcomes.iter().map(row).collect()),
        ]);
        Ok(Reply::json(200, &body))
    }
}

fn row(outcome: &RowOutcome) -> Value {
    match outcome {
        RowOutcome::Created(account) => {
            object([("status", "created".into()), ("sub", account.to_string().into())])
        }
        RowOutcome::Existing(account) => {
            object([("status", "existing".into()), ("sub", account.to_string().into())])
        }
        RowOutcome::Refused(error) => object([
            ("status", "refused".into()),
            ("code", error.code().into()),
            ("field", error.field().map_or(Value::Null, Value::from)),
            ("detail", error.to_string().into()),
        ]),
    }
}
