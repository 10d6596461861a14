//! Reads what a page shows: by the administrators' API, inside the Worker.

use serde_json::{Map, Value};

use crate::{
    admin::{api::AdminApi, paging::Query, request::AdminRequest},
    dashboard::{
        desk::Desk,
        refused::{Refused, body_of},
    },
    runtime::{Runtime, ports::Ports},
    web::{
        body::Body,
        endpoints::{AdminCall, ByPath, Call, ENDPOINTS, Endpoint},
        error::ApiError,
    },
};

/// Reads what a page shows. Each file of a page adds the function that makes it.
pub(super) struct Reading<'r, P: Ports>(pub(super) &'r Runtime<P>);

impl<P: Ports> Reading<'_, P> {
    /// What a call of the administrators' API answers that reads.
    ///
    /// # Errors
    /// The refusal of the call.
    pub(super) async fn read(
        &self,
        desk: &Desk<'_>,
        call: ByPath,
        parameters: Vec<&str>,
        query: Vec<(&'static str, String)>,
    ) -> Result<Value, Refused> {
        let call = AdminCall::ByPath(call);
        let of_call = |endpoint: &&Endpoint| endpoint.call == Call::Admin(call);
        let endpoint = ENDPOINTS.iter().find(of_call).ok_or(ApiError::NotFound)?;
        let asked = AdminRequest {
            endpoint,
            call,
            parameters,
            query: Query::of(query),
            body: Body::of(Map::new()),
            admin: desk.admin.clone(),
            caller: desk.caller.clone(),
        };
        let reply = AdminApi::of(self.0).carry_out(asked).await?;
        if reply.status < 400 { Ok(body_of(&reply)) } else { Err(Refused::Answer(reply)) }
    }
}
