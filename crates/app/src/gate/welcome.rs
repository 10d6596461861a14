//! The welcome page of the local profile. It does not exist in production.

use crate::{
    config::{Config, Profile},
    gateway::{Access, Gate, Methods, Route, RouteMatch},
    http::{Reply, RequestView, UrlParts},
    identity::seed,
};

/// Where `make dev` serves `examples/spa`.
const DEMO: &str = "/app/";

/// The page for `/`, if no route matches it.
pub(crate) fn welcome(
    config: &Config,
    gate: &Gate,
    request: &impl RequestView,
    parts: &UrlParts<'_>,
) -> Option<Reply> {
    let method = request.method();
    let is_asked = matches!(parts.path, "/" | "") && matches!(method.as_str(), "GET" | "HEAD");
    if !is_asked || config.profile != Profile::Local {
        return None;
    }
    let has_demo = matches!(gate.find("GET", parts.authority, DEMO), RouteMatch::Match(_));
    let reply = Reply::empty(200);
    if method == "HEAD" {
        return Some(reply);
    }
    let page = page(gate.routes(), has_demo);
    Some(reply.with_body("text/html; charset=utf-8", page.into_bytes()))
}

fn page(routes: &[Route], has_demo: bool) -> String {
    let (alice, admin, password) = (seed::ALICE.login, seed::ADMIN.login, seed::PASSWORD);
    let demo = if has_demo {
        format!("<li><a href=\"{DEMO}\">The example app</a> in a browser\n")
    } else {
        String::new()
    };
    let rows: String = routes.iter().map(row).collect();
    format!(
        "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Postern</title>
<h1>Postern runs here</h1>
<p>In the local profile, for this machine alone: there are two users whose password everybody knows,
<code>{alice}</code> and <code>{admin}</code>, with <code>{password}</code>.
<ul>
{demo}<li><a href=\"/healthz\">Health</a>, <a href=\"/readyz\">readiness</a>, <a href=\"/.well-known/jwks.json\">public keys</a>
<li>Sign in: <code>POST /auth/login</code>; docs/reference/http-api.md has all calls
</ul>
<h2>Routes</h2>
<p>The first route that matches a request decides. A request that no route matches gets 404.
<table>
<tr><th>Methods<th>Path<th>Who<th>Name
{rows}</table>
</html>
"
    )
}

fn row(route: &Route) -> String {
    let methods = match &route.methods {
        Methods::Any => "any".to_owned(),
        Methods::Only(methods) => methods.iter().map(String::as_str).collect::<Vec<_>>().join(" "),
    };
    let who = match route.access {
        Access::Public => "everyone",
        Access::Optional => "everyone; a token is checked if there is one",
        Access::Required(_) => "with an access token",
    };
    let (path, name) = (escaped(&route.path.to_string()), escaped(&route.name));
    format!("<tr><td>{methods}<td>{path}<td>{who}<td>{name}\n")
}

/// Escapes names and paths, which may contain HTML characters.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
