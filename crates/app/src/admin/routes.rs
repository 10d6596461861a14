//! The route table in KV (`docs/reference/routes.md`).

use core::time::Duration;

use serde_json::Value;

use crate::{
    admin::request::{AdminRequest, object},
    config::{ConfigError, RouteDocument},
    gate::route_loader::RouteLoader,
    http::{Problem, Reply},
    isolate::Isolate,
    jose::json::parse_text,
    ports::{Clock as _, KvStore as _},
    runtime::{Runtime, ports::Ports},
    web::{body::BodyError, error::ApiError},
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

fn invalid_routes(mistakes: &[ConfigError]) -> Problem {
    let problem = Problem::new(422, "invalid_routes", "The route table has mistakes")
        .with_detail(format!("{} mistakes; the current table stays in force", mistakes.len()));
    mistakes
        .iter()
        .take(MISTAKES_TOLD)
        .fold(problem, |problem, mistake| problem.with_error(mistake.path.as_str(), mistake.problem.as_str()))
}
