//! The users in D1, for administrators (`docs/reference/users.md`).

use serde_json::Value;

use crate::{
    account::Purpose,
    admin::{
        paging::{page, page_of, to_read},
        request::{AdminRequest, object},
    },
    auth::{
        hashing::Hashing,
        one_time_delivery::{OneTimeDelivery, offers_one_time_tokens},
        password_policy::{chosen_password, parse_login, refuse_login_as_password},
        user_changes::fits_a_token,
        users::keeps_users,
        users::{GrantsRefused, Regranted, Users, has_users},
    },
    encoding::{base64url, from_base64url},
    http::Reply,
    identity::{Grants, GrantsOrder, Login, User, UserQuery},
    ids::AccountId,
    isolate::Isolate,
    runtime::{Runtime, ports::Ports},
    web::{
        body::{Body, BodyError},
        caller::Caller,
        error::ApiError,
    },
};

/// What the calls of `/admin/users` need.
pub(crate) struct AdminUsers<'r, P: Ports> {
    isolate: &'r Isolate,
    platform: &'r P::Platform,
    hashing: Hashing<'r, P>,
    users: Users<'r, P>,
    delivery: OneTimeDelivery<'r, P>,
}

impl<'r, P: Ports> AdminUsers<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self {
            isolate: &runtime.isolate,
            platform: runtime.ports.platform(),
            hashing: Hashing::of(runtime),
            users: Users::of(runtime),
            delivery: OneTimeDelivery::of(runtime),
        }
    }

    /// `GET /admin/users`: users in the order of their logins; with `search` those whose login begins with it, with
    /// `contains` those whose login or id has it anywhere, with `login` the user with this login.
    pub(crate) async fn list(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        keeps_users(&self.isolate.config)?;
        if let Some(text) = asked.query.value("login") {
            let found = self.users.find_user_by_login(&parse_login(self.platform, text)?).await?;
            return Ok(page("users", found.iter().map(row).collect(), None));
        }
        let limit = asked.query.limit()?;
        let after = asked.query.value("after").map(cursor).transpose()?;
        // In the spelling that logins are stored in, as far as a beginning has one.
        let prefix = asked.query.value("search").unwrap_or_default().to_lowercase();
        let contains = asked.query.value("contains").unwrap_or_default().to_owned();
        let query = UserQuery { prefix, contains, after, limit: to_read(limit) };
        let users = self.users.list_users(&query).await?;
        Ok(page_of("users", users, limit, row, |user| base64url(user.login.as_str().as_bytes())))
    }

    /// `GET /admin/users/{sub}`.
    pub(crate) async fn show(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        keeps_users(&self.isolate.config)?;
        let user = self.users.find_user(asked.account()?).await?.ok_or(ApiError::UserNotFound)?;
        Ok(Reply::json(200, &row(&user)))
    }

    /// `POST /admin/users`: 201, 409 `login_taken`, or 503 `busy` if too many sign-ins wait for a hash.
    pub(crate) async fn add(
        &self,
        asked: &AdminRequest<'_>,
        login: &Login,
        grants: Grants,
    ) -> Result<Reply, ApiError> {
        keeps_users(&self.isolate.config)?;
        fits_a_token(&self.isolate.config, &grants)?;
        let password = chosen_password(self.platform, asked.body.text("password")?)?;
        refuse_login_as_password(&password, login)?;
        let hash = self.hashing.hash_in_turn(&password)?;
        let added = self.users.add_user(login, hash, grants, asked.caller.setting()).await?;
        let account = added.ok_or(ApiError::LoginTaken)?;
        Ok(Reply::json(201, &object([("sub", account.to_string().into())])))
    }

    /// `PUT /admin/users/{sub}/grants` replaces scopes, roles and tenant, and `PATCH` adds and removes some. The answer
    /// lists the changes. If something is taken away, all sessions of the user end.
    pub(crate) async fn set_grants(
        &self,
        asked: &AdminRequest<'_>,
        order: &GrantsOrder,
    ) -> Result<Reply, ApiError> {
        keeps_users(&self.isolate.config)?;
        let account = asked.account()?;
        if order.takes_administration() {
            refuse_oneself(asked, account)?;
        }
        let regranted = match self.users.set_grants(account, order, asked.caller.setting()).await {
            Ok(regranted) => regranted.ok_or(ApiError::UserNotFound)?,
            Err(GrantsRefused::TooMany(name)) => return Err(BodyError::InvalidMember(name).into()),
            Err(GrantsRefused::TooLarge(error)) => return Err(error.into()),
            Err(GrantsRefused::Fault(fault)) => return Err(fault.into()),
        };
        let Regranted { before, now } = regranted;
        let body = object([
            ("sub", account.to_string().into()),
            ("scopes", now.scopes.as_slice().into()),
            ("roles", now.roles.as_slice().into()),
            ("tenant_id", now.tenant_id.as_deref().map_or(Value::Null, Value::from)),
            ("added", grants(&now.beyond(&before))),
            ("removed", grants(&before.beyond(&now))),
        ]);
        Ok(Reply::json(200, &body))
    }

    /// `POST /admin/users/{sub}/disable` and `/enable`. A disabled user's sessions end.
    pub(crate) async fn set_disabled(
        &self,
        asked: &AdminRequest<'_>,
        disabled: bool,
    ) -> Result<Reply, ApiError> {
        keeps_users(&self.isolate.config)?;
        let account = asked.account()?;
        refuse_oneself(asked, account)?;
        there(self.users.set_disabled(account, disabled, asked.caller.setting()).await?)
    }

    /// `POST /admin/users/{sub}/reset`: sends the user a message with a token for a new password, as if they had asked for
    /// it. Nothing else changes. The message and the user's activity do not have the administrator's address.
    pub(crate) async fn reset(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        offers_one_time_tokens(&self.isolate.config)?;
        let user = self.users.find_user(asked.account()?).await?.ok_or(ApiError::UserNotFound)?;
        let caller = Caller { request_id: asked.caller.request_id.clone(), ..Caller::default() };
        self.delivery.send_later((caller, None), user.login, Purpose::ResetPassword);
        Ok(Reply::empty(204))
    }

    /// `DELETE /admin/users/{sub}`: erases everything that is stored. The call can be repeated.
    pub(crate) async fn erase(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        let account = asked.account()?;
        refuse_oneself(asked, account)?;
        let was_there = self.users.erase(account, asked.caller.setting()).await?;
        // Where another service keeps the users, Postern cannot tell whether there was one.
        there(was_there || !has_users(&self.isolate.config))
    }
}

fn there(found: bool) -> Result<Reply, ApiError> {
    if found { Ok(Reply::empty(204)) } else { Err(ApiError::UserNotFound) }
}

/// Refuses changes by which administrators would remove their own access, because they could be the last one.
fn refuse_oneself(asked: &AdminRequest<'_>, account: AccountId) -> Result<(), ApiError> {
    if account == asked.admin.session.account { Err(ApiError::OwnAccount) } else { Ok(()) }
}

fn cursor(text: &str) -> Result<Login, ApiError> {
    let login = from_base64url(text).and_then(|bytes| String::from_utf8(bytes).ok());
    let login = login.and_then(|login| Login::from_stored(&login).ok());
    login.ok_or(ApiError::InvalidParameter { name: "after", problem: "is not a cursor of this list" })
}

/// The grants in a body.
pub(crate) fn grants_of(body: &Body) -> Result<Grants, ApiError> {
    Grants::read(&|name| body.value(name)).map_err(|name| BodyError::InvalidMember(name).into())
}

/// Scopes, roles and tenant for an answer.
fn grants(grants: &Grants) -> Value {
    object([
        ("scopes", grants.scopes.as_slice().into()),
        ("roles", grants.roles.as_slice().into()),
        ("tenant_id", grants.tenant_id.as_deref().map_or(Value::Null, Value::from)),
    ])
}

/// The grants that a body adds and removes.
pub(crate) fn amendment_of(body: &Body) -> Result<GrantsOrder, ApiError> {
    GrantsOrder::amend(body.value("add"), body.value("remove"))
        .map_err(|name| BodyError::InvalidMember(name).into())
}

/// A user as administrators see them, without the password hash.
fn row(user: &User) -> Value {
    let tenant_id = user.grants.tenant_id.as_deref().map_or(Value::Null, Value::from);
    object([
        ("sub", user.account.to_string().into()),
        ("login", user.login.as_str().into()),
        ("scopes", user.grants.scopes.as_slice().into()),
        ("roles", user.grants.roles.as_slice().into()),
        ("tenant_id", tenant_id),
        ("disabled", user.disabled.into()),
        ("email_verified", user.email_verified.into()),
        ("created_at", user.created_at.seconds().into()),
    ])
}
