//! Limits and lockouts of an account or an address, for administrators (`docs/reference/limits.md`).

use serde_json::Value;

use crate::{
    admin::request::{AdminRequest, object},
    auth::password_policy::parse_login,
    http::Reply,
    isolate::Isolate,
    ports::Clock as _,
    rate::Rate,
    runtime::{Runtime, ports::Ports},
    throttle::{
        pseudonym::stand_in,
        rows::{
            self, ACCOUNT, DEVICE, DEVICES, DEVICES_ROW, IP, KNOWN_BUCKET, KNOWN_NETWORK, KNOWN_ROW, NETWORK,
            SESSION, SIGNED_IN_ROW, STRANGERS_ROW,
        },
    },
    time::Timestamp,
    web::{body::BodyError, error::ApiError},
};
use postern_core::throttle::{
    Limited, Origin, ThrottleState, Throttles as _, messages::MAX_ROWS, network::NETWORK_ROW,
};

/// The problem of a call without a valid login or address.
const WRONG: &str = "must be a login; or set ip to an IP address instead";

/// The Throttle object and the rows of a login or an address.
pub(crate) struct ThrottleTarget {
    object: String,
    /// The name for the audit log: the pseudonym of the login, or the network instead of the address.
    pub(crate) told: String,
    /// The rows to read. Empty means all rows.
    rows: Vec<String>,
}

/// What the calls of `/admin/throttle` need.
pub(crate) struct AdminThrottle<'r, P: Ports> {
    isolate: &'r Isolate,
    platform: &'r P::Platform,
    throttles: &'r P::Throttles,
}

impl<'r, P: Ports> AdminThrottle<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self {
            isolate: &runtime.isolate,
            platform: runtime.ports.platform(),
            throttles: runtime.ports.throttles(),
        }
    }

    /// `GET /admin/throttle?login=` or `?ip=`: failures, lockouts and limits.
    pub(crate) async fn show(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        let (login, ip) = (asked.query.value("login"), asked.query.value("ip"));
        let wrong = |name| ApiError::InvalidParameter { name, problem: WRONG };
        let ThrottleTarget { object: name, told, rows } = self.throttle_subject(login, ip, wrong)?;
        let by_login = login.is_some();
        let throttles = self.throttles;
        let mut more = false;
        let rows = if by_login {
            // Read by name first: one reading has a bounded number of rows, and a user's devices may fill it. They must
            // not hide these rows, which have the locks.
            let named = [STRANGERS_ROW, SIGNED_IN_ROW, DEVICES_ROW].map(str::to_owned).to_vec();
            let mut first = throttles.standings(&name, named.clone()).await?;
            let all = throttles.standings(&name, Vec::new()).await?;
            more = all.len() == MAX_ROWS;
            first.extend(all.into_iter().filter(|(row, _)| !named.contains(row)));
            first
        } else {
            throttles.standings(&name, rows).await?
        };
        let rows = rows.iter().map(|(row, standing)| self.standing(by_login, row, standing)).collect();
        Ok(Reply::json(
            200,
            &object([("of", told.into()), ("rows", Value::Array(rows)), ("more", more.into())]),
        ))
    }

    /// `POST /admin/throttle/clear` with `login` or `ip`: removes failures, lockouts and used quota. Other isolates
    /// notice within seconds.
    pub(crate) async fn clear(&self, subject: ThrottleTarget) -> Result<Reply, ApiError> {
        let ThrottleTarget { object: name, rows, .. } = subject;
        self.throttles.clear(&name, rows).await?;
        self.isolate.memory.refusals.forget(&name);
        Ok(Reply::empty(204))
    }

    pub(crate) fn subject_to_clear(&self, asked: &AdminRequest<'_>) -> Result<ThrottleTarget, ApiError> {
        let (login, ip) = (asked.body.optional_text("login")?, asked.body.optional_text("ip")?);
        self.throttle_subject(login, ip, |name| BodyError::InvalidMember(name).into())
    }

    fn throttle_subject(
        &self,
        login: Option<&str>,
        ip: Option<&str>,
        wrong: fn(&'static str) -> ApiError,
    ) -> Result<ThrottleTarget, ApiError> {
        match (login, ip) {
            (Some(login), None) => {
                let login = parse_login(self.platform, login)?;
                let told = rows::object(ACCOUNT, &stand_in(&self.isolate.masters, &login));
                Ok(ThrottleTarget { object: rows::of_login(&login), told, rows: Vec::new() })
            }
            (None, Some(ip)) => {
                if ip.parse::<core::net::IpAddr>().is_err() {
                    return Err(wrong("ip"));
                }
                let Origin { network, address } = Origin::of(Some(ip));
                let rows = vec![address, NETWORK_ROW.to_owned(), KNOWN_ROW.to_owned()];
                let object = rows::object(IP, &network);
                Ok(ThrottleTarget { told: object.clone(), object, rows })
            }
            _ => Err(wrong("login")),
        }
    }

    /// One row, with its subject, limits and lockouts. Times are in seconds since 1970.
    fn standing(&self, by_login: bool, row: &str, standing: &ThrottleState) -> Value {
        let limits = &self.isolate.config.limits;
        let now = self.platform.now();
        let (whose, ladder) = match (by_login, row) {
            (true, STRANGERS_ROW) => (ACCOUNT, Some(&limits.account_lock)),
            (true, SIGNED_IN_ROW) => (SESSION, Some(&limits.account_lock)),
            (true, DEVICES_ROW) => (DEVICES, Some(&limits.devices_lock)),
            (true, _) => (DEVICE, Some(&limits.account_lock)),
            (false, NETWORK_ROW) => (NETWORK, None),
            (false, KNOWN_ROW) => (KNOWN_NETWORK, None),
            (false, _) => (IP, Some(&limits.ip_lock)),
        };
        let rate_of = |bucket: &str| -> Option<Rate> {
            match (whose, bucket) {
                (ACCOUNT | SESSION, "login") => limits.login_account,
                (ACCOUNT, "reset") => limits.reset_account,
                (DEVICE, "login") => limits.login_device,
                (IP, KNOWN_BUCKET) => limits.login_known_ip,
                (KNOWN_NETWORK, _) => limits.login_known_network,
                _ => {
                    let limited = [Limited::Login, Limited::Refresh, Limited::Register, Limited::Reset];
                    let limited = limited.into_iter().find(|limited| limited.name() == bucket)?;
                    let (ip, network) = limits.by_origin(limited);
                    if whose == IP { ip } else { network }
                }
            }
        };
        let until = |at: Timestamp| if now < at { at.millis().div_ceil(1000).into() } else { Value::Null };
        let alarmed = standing.seen.is_alarmed(now);
        let buckets =
            standing.buckets.iter().filter(|(_, bucket)| !bucket.is_full(now)).map(|(name, bucket)| {
                let rate = rate_of(name).map(|rate| if alarmed { rate.tightened() } else { rate });
                let left = rate.map_or(Value::Null, |rate| rate.left(*bucket, now).into());
                object([("limit", name.as_str().into()), ("left", left), ("full_at", until(bucket.at()))])
            });
        let failures = ladder.map_or(Value::Null, |ladder| ladder.failures(standing.rung, now).into());
        object([
            ("whose", whose.into()),
            ("failures", failures),
            ("locked_until", until(standing.rung.locked_until)),
            ("forgotten_at", until(standing.rung.clean_at)),
            ("tightened_until", until(standing.seen.alarmed_until)),
            ("buckets", Value::Array(buckets.collect())),
        ])
    }
}
