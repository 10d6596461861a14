//! The route table in KV (`docs/reference/routes.md`).

use core::time::Duration;

use serde_json::Value;

use crate::{
    admin::request::{AdminRequest, object},
    config::{Config, ConfigError, RouteDocument},
    gate::route_loader::RouteLoader,
    gateway::{Access, Gate, HostPattern, Methods, Route, Upstream, explain::mismatch, path::NormalPath},
    http::{Problem, Reply, UrlParts},
    isolate::Isolate,
    jose::json::parse_text,
    ports::{Clock as _, Component, Fault, KvStore as _},
    runtime::{Runtime, ports::Ports},
    web::{body::BodyError, error::ApiError, paths::is_own},
};

/// How long a write to KV takes to be visible everywhere, according to the platform's documentation.
const KV_SPREAD: Duration = Duration::from_mins(1);

/// How many mistakes one answer lists, as one event does.
const MISTAKES_TOLD: usize = 20;

/// What the calls of `/admin/routes` need.
pub(crate) struct AdminRoutes<'r, P: Ports> {
    isolate: &'r Isolate,
    kv: &'r P::Kv,
    platform: &'r P::Platform,
    route_loader: RouteLoader<'r, P>,
}

impl<'r, P: Ports> AdminRoutes<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self {
            isolate: &runtime.isolate,
            kv: runtime.ports.kv(),
            platform: runtime.ports.platform(),
            route_loader: RouteLoader::of(runtime),
        }
    }

    /// `GET /admin/routes`: the place of the table, and the document if it is in KV.
    pub(crate) async fn show(&self) -> Result<Reply, ApiError> {
        let Some((source, _)) = self.isolate.tables.source() else {
            let count = self.isolate.config.routes.len();
            return Ok(Reply::json(200, &object([("source", "vars".into()), ("count", count.into())])));
        };
        let document = self.kv.read(&source.key).await?;
        // What stands there is shown even when it is no sound document: it is there to be seen.
        let document: Value =
            document.map_or(Value::Null, |text| parse_text(&text).unwrap_or(Value::String(text)));
        let member = |name: &str| document.get(name).cloned().unwrap_or_default();
        let (version, routes) = (member("version"), member("routes"));
        let count = routes.as_array().map_or(0, Vec::len);
        let in_force = self.isolate.tables.version().map_or(Value::Null, Value::from);
        Ok(Reply::json(
            200,
            &object([
                ("source", "kv".into()),
                ("count", count.into()),
                ("version", version),
                ("version_in_force_here", in_force),
                ("routes", routes),
            ]),
        ))
    }

    /// `GET /admin/routes/explain`: the table in force here, and with `url` which of its routes decides a request of this
    /// method without an access token, and why.
    pub(crate) async fn explain(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        let none = || Fault::new(Component::Kv, "there is no route table yet");
        let gate = self.route_loader.gate_in_force(self.platform.now()).await.ok_or_else(none)?;
        let rows = gate.routes().iter().map(row).collect();
        let explanation = match asked.query.value("url") {
            None => Value::Null,
            Some(url) => {
                let method = asked.query.value("method").unwrap_or("GET");
                let problem = "must be an absolute http or https URL";
                let wrong = ApiError::InvalidParameter { name: "url", problem };
                let parts = UrlParts::parse(url).ok_or(wrong)?;
                explained(&self.isolate.config, &gate, method, &parts)
            }
        };
        Ok(Reply::json(200, &object([("routes", Value::Array(rows)), ("explanation", explanation)])))
    }

    /// `PUT /admin/routes`: validates the routes as at a start, and publishes them.
    ///
    /// 409 `routes_in_vars` if the table is not in KV; 409 `version_conflict` if `replaces` is not the current version;
    /// 422 `invalid_routes` with the mistakes by path.
    pub(crate) async fn replace(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        let Some((source, context)) = self.isolate.tables.source() else {
            let title = "The route table is set in the Worker's variables, not in KV";
            return Ok(Problem::new(409, "routes_in_vars", title).into());
        };
        let routes = asked.body.value("routes").ok_or(BodyError::MissingMember("routes"))?;
        let replaces = asked.body.optional_number("replaces")?;
        let now = self.platform.now();
        let stored = self.kv.read(&source.key).await?;
        let stored = stored.and_then(|text| parse_text(&text).ok());
        let stored = stored.and_then(|document| document.get("version")?.as_u64());
        // KV's copy may be a minute old, and so may this isolate's.
        let known = stored.max(self.isolate.tables.version());
        if replaces.is_some() && replaces != known {
            let title = "The route table has changed since the version to replace";
            return Ok(Problem::new(409, "version_conflict", title).into());
        }
        // By the clock, so that it goes up even from an old copy.
        let version = known.map_or(0, |known| known.saturating_add(1)).max(now.seconds());
        let text = match RouteDocument::publishable(routes, version, context) {
            Ok(text) => text,
            Err(mistakes) => return Ok(invalid_routes(&mistakes).into()),
        };
        self.kv.write(&source.key, &text).await?;
        self.route_loader.take_in_routes(&text);
        let at = now.plus(KV_SPREAD).plus(source.refresh).plus(Duration::from_millis(999));
        Ok(Reply::json(
            200,
            &object([("version", version.into()), ("in_force_everywhere_at", at.seconds().into())]),
        ))
    }
}

/// A route of the table in force.
fn row(route: &Route) -> Value {
    let host = match &route.host {
        HostPattern::Any => "*".to_owned(),
        HostPattern::Exact(host) => host.clone(),
        HostPattern::Wildcard(suffix) => ["*.", suffix].concat(),
    };
    let methods: Vec<Value> = match &route.methods {
        Methods::Any => Vec::new(),
        Methods::Only(methods) => methods.iter().map(|method| method.as_str().into()).collect(),
    };
    let access = match route.access {
        Access::Public => "public",
        Access::Optional => "optional",
        Access::Required(_) => "required",
    };
    let upstream = match &route.upstream {
        Upstream::Url { base } => base.clone(),
        Upstream::Service { binding } => ["service ", binding].concat(),
        Upstream::Answer => "answer".to_owned(),
    };
    object([
        ("name", route.name.as_str().into()),
        ("host", host.into()),
        ("path", route.path.to_string().into()),
        ("methods", Value::Array(methods)),
        ("access", access.into()),
        ("requires", requirement(&route.access)),
        ("upstream", upstream.into()),
    ])
}

/// Which route decides a request, and why those before it do not: by the function that `postern routes explain` uses. What a
/// token would change, that program says.
fn explained(config: &Config, gate: &Gate, method: &str, url: &UrlParts<'_>) -> Value {
    let mut passed = Vec::new();
    let mut route = Value::Null;
    let path = NormalPath::parse(url.path).ok();
    let (mut answer, mut why) = ("refused", "no route matches this host, path, and method");
    if is_own(config, url.path) {
        (answer, why) = ("postern", "a path of Postern itself");
    } else if let Some(path) = &path {
        for (index, own) in gate.routes().iter().enumerate() {
            let members = |more| {
                let number = index.saturating_add(1);
                object([("number", number.into()), ("name", own.name.as_str().into()), ("why", more)])
            };
            if let Some(why) = mismatch(own, method, url.authority, path) {
                passed.push(members(why.into()));
                continue;
            }
            (answer, why) = match own.access {
                Access::Public | Access::Optional => ("forwarded", "the route requires no access token"),
                Access::Required(_) => ("refused", "the route requires an access token"),
            };
            route = members(Value::Null);
            break;
        }
    } else {
        why = "the path is ambiguous";
    }
    object([
        ("path", path.map_or(Value::Null, |path| path.to_string().into())),
        ("passed_over", Value::Array(passed)),
        ("route", route),
        ("answer", answer.into()),
        ("why", why.into()),
    ])
}

/// What a route requires of a token, as its members and their values.
fn requirement(access: &Access) -> Value {
    let mut told = Vec::new();
    if let Access::Required(requirement) = access {
        for (member, names) in [
            ("issuers", &requirement.issuers),
            ("scopes_all", &requirement.scopes_all),
            ("scopes_any", &requirement.scopes_any),
            ("roles_any", &requirement.roles_any),
        ] {
            for name in names {
                told.push(Value::from([member, ": ", name].concat()));
            }
        }
    }
    Value::Array(told)
}

fn invalid_routes(mistakes: &[ConfigError]) -> Problem {
    let problem = Problem::new(422, "invalid_routes", "The route table has mistakes")
        .with_detail(format!("{} mistakes; the current table stays in force", mistakes.len()));
    mistakes
        .iter()
        .take(MISTAKES_TOLD)
        .fold(problem, |problem, mistake| problem.with_error(mistake.path.as_str(), mistake.problem.as_str()))
}
