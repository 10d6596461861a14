//! Imports of users, in batches.

use serde_json::Value;

use crate::{
    admin::{
        request::{AdminRequest, object},
        user_import::{MAX_ROWS, RowOutcome, UserImport, counts},
    },
    auth::users::keeps_users,
    http::Reply,
    isolate::Isolate,
    runtime::{Runtime, ports::Ports},
    web::{body::BodyError, error::ApiError},
};

impl AdminRequest<'_> {
    /// The rows of a batch: 1 to [`MAX_ROWS`].
    pub(crate) fn rows(&self) -> Result<&[Value], BodyError> {
        let rows = self.body.value("rows").ok_or(BodyError::MissingMember("rows"))?;
        let rows = rows.as_array().filter(|rows| (1..=MAX_ROWS).contains(&rows.len()));
        rows.map(Vec::as_slice).ok_or(BodyError::InvalidMember("rows"))
    }
}

/// What `POST /admin/users/import` needs.
pub(crate) struct AdminImports<'r, P: Ports> {
    isolate: &'r Isolate,
    user_import: UserImport<'r, P>,
}

impl<'r, P: Ports> AdminImports<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self { isolate: &runtime.isolate, user_import: UserImport::of(runtime) }
    }

    /// `POST /admin/users/import`: answers with the result of each row, in their order. The call can be repeated.
    pub(crate) async fn import(&self, asked: &AdminRequest<'_>, rows: &[Value]) -> Result<Reply, ApiError> {
        keeps_users(&self.isolate.config)?;
        let outcomes = self.user_import.import_users(rows, asked.caller.setting()).await?;
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
