//! Reads what a page shows: by the administrators' API, inside the Worker.

use serde_json::{Map, Value};

use crate::{
    admin::{api::AdminApi, paging::Query, request::AdminRequest},
    dashboard::{
        desk::Desk,
        refused::{Refused, body_of},
    },
    http::Reply,
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
        let of_call = |endpoint: &&Endpoint| endpoint.call == Call::Admin(AdminCall::ByPath(call));
        let endpoint = ENDPOINTS.iter().find(of_call).ok_or(ApiError::NotFound)?;
        let body = Body::of(Map::new());
        Ok(body_of(&carry_out(self.0, desk, endpoint, parameters, Query::of(query), body).await?))
    }

    /// The same about a user, or null where another service keeps the users. Their sessions are here all the same.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub(super) async fn read_if_offered(
        &self,
        desk: &Desk<'_>,
        call: ByPath,
        parameters: Vec<&str>,
    ) -> Result<Value, Refused> {
        match self.read(desk, call, parameters, Vec::new()).await {
            Err(Refused::Error(ApiError::NotOffered)) => Ok(Value::Null),
            answer => answer,
        }
    }
}

/// What a call of the administrators' API answers to this administrator.
///
/// # Errors
/// The refusal of the call.
pub(super) async fn carry_out<P: Ports>(
    runtime: &Runtime<P>,
    desk: &Desk<'_>,
    endpoint: &'static Endpoint,
    parameters: Vec<&str>,
    query: Query,
    body: Body,
) -> Result<Reply, Refused> {
    let Call::Admin(call) = endpoint.call else { return Err(ApiError::NotFound.into()) };
    let (admin, caller) = (desk.admin.clone(), desk.caller.clone());
    let asked = AdminRequest { endpoint, call, parameters, query, body, admin, caller };
    let reply = AdminApi::of(runtime).carry_out(asked).await?;
    if reply.status < 400 { Ok(reply) } else { Err(Refused::Answer(reply)) }
}
