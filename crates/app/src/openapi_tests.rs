//! `docs/reference/openapi.yaml` describes what there is: every path, method, parameter, member of an
//! administrator's body and problem code, and nothing else. What answers look like is checked
//! against the running Worker (`tests/worker/openapi.test.ts`, `make proof NAME=api`).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use yaml_rust2::{Yaml, YamlLoader};

use crate::web::endpoints::{Authentication, ENDPOINTS, Endpoint};

/// What a path's item may hold besides operations.
const NO_OPERATION: [&str; 2] = ["parameters", "summary"];

/// The repository: the pages are there, not beside this crate.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn document() -> Yaml {
    let text = fs::read_to_string(root().join("docs/reference/openapi.yaml")).unwrap();
    YamlLoader::load_from_str(&text).unwrap().remove(0)
}

/// The node itself, or the one that its `$ref` names.
fn resolved<'y>(document: &'y Yaml, node: &'y Yaml) -> &'y Yaml {
    match node["$ref"].as_str() {
        Some(pointer) => pointer.trim_start_matches("#/").split('/').fold(document, |node, name| &node[name]),
        None => node,
    }
}

fn names(node: &Yaml) -> BTreeSet<String> {
    node.as_hash().into_iter().flatten().filter_map(|(name, _)| name.as_str()).map(str::to_owned).collect()
}

/// Path and methods, as the description has them.
fn described(document: &Yaml) -> BTreeMap<String, BTreeSet<String>> {
    let paths = document["paths"].as_hash().unwrap();
    let methods = |item: &Yaml| {
        let all = names(item).into_iter().filter(|name| !NO_OPERATION.contains(&name.as_str()));
        all.map(|name| name.to_uppercase()).collect()
    };
    paths.iter().map(|(path, item)| (path.as_str().unwrap().to_owned(), methods(item))).collect()
}

/// The path as the description has it.
fn path_of(endpoint: &Endpoint) -> String {
    let prefix = if endpoint.is_admin() { "/admin" } else { "" };
    format!("{prefix}{}", endpoint.path)
}

#[test]
fn every_path_and_method_is_described_and_no_other() {
    let mut actual: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for endpoint in ENDPOINTS {
        actual.entry(path_of(endpoint)).or_default().insert(endpoint.method.to_owned());
    }
    assert_eq!(described(&document()), actual);
}

// Parameters too.
#[test]
fn the_credentials_described_are_those_of_the_table() {
    let document = document();
    for endpoint in ENDPOINTS {
        let operation =
            &document["paths"][path_of(endpoint).as_str()][endpoint.method.to_lowercase().as_str()];
        let own = &operation["security"];
        let security = if own.is_badvalue() { &document["security"] } else { own };
        let ways: Vec<BTreeSet<String>> = security.as_vec().unwrap().iter().map(names).collect();
        let schemes: BTreeSet<&str> = ways.iter().flatten().map(String::as_str).collect();
        let expected: &[&str] = match endpoint.authentication {
            Authentication::None => {
                assert!(ways.is_empty() || ways.contains(&BTreeSet::new()), "{}", endpoint.path);
                continue;
            }
            Authentication::AccessToken | Authentication::Administrator => &["accessToken"],
            // `GET /auth/csrf` answers with the CSRF token that the others need.
            Authentication::RefreshToken if endpoint.method == "GET" => &["refreshCookie"],
            Authentication::RefreshToken => &["csrfToken", "refreshCookie"],
            Authentication::AccessOrRefreshToken => &["accessToken", "csrfToken", "refreshCookie"],
            // Public clients have no secret.
            Authentication::Client => &["clientSecret"],
            Authentication::Metrics => &["accessToken", "metricsToken"],
            Authentication::AdministratorAtPage => &["browserSession"],
        };
        assert_eq!(schemes, expected.iter().copied().collect(), "{} {}", endpoint.method, endpoint.path);
    }
}

#[test]
fn members_of_administrators_calls_are_those_described() {
    let document = document();
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.is_admin()) {
        let item = &document["paths"][path_of(endpoint).as_str()];
        let operation = &item[endpoint.method.to_lowercase().as_str()];
        let in_query = |node: &Yaml| -> Option<String> {
            let parameter = resolved(&document, node);
            (parameter["in"].as_str() == Some("query"))
                .then(|| parameter["name"].as_str().unwrap().to_owned())
        };
        let query: BTreeSet<String> =
            operation["parameters"].as_vec().into_iter().flatten().filter_map(in_query).collect();
        assert_eq!(query, endpoint.query.iter().map(|&name| name.to_owned()).collect(), "{}", endpoint.path);

        let body = resolved(&document, &operation["requestBody"]);
        let schema = resolved(&document, &body["content"]["application/json"]["schema"]);
        let expected: BTreeSet<String> = endpoint.members.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(names(&schema["properties"]), expected, "{} {}", endpoint.method, endpoint.path);
    }
}

#[test]
fn the_described_members_of_a_route_are_those_read() {
    use crate::config::{Profile, RouteContext, RouteDocument};

    let context = RouteContext {
        authorization_servers: Vec::new(),
        scope_implies: postern_gateway::ScopeImplications::default(),
        issuers: BTreeSet::new(),
        profile: Profile::Local,
        access_cookie: false,
        audience: String::new(),
    };
    let document = document();
    let route = &document["components"]["schemas"]["Route"];
    // Of an object with a member that nobody knows, the mistake names those that are known.
    let inner = ["attributes", "cors", "rate_limit", "websocket"];
    for place in [None].into_iter().chain(inner.map(Some)) {
        let strange = serde_json::json!({"?": 1});
        let (routes, schema) = match place {
            None => (strange, route),
            Some("attributes") => {
                (serde_json::json!({"attributes": [strange]}), &route["properties"]["attributes"]["items"])
            }
            Some(name) => (serde_json::json!({ name: strange }), &route["properties"][name]),
        };
        let table = serde_json::json!({"version": 1, "routes": [routes]});
        let mistakes = RouteDocument::validate(&table, &context).unwrap_err();
        let (_, known) =
            mistakes.iter().find_map(|mistake| mistake.problem.split_once("known names: ")).unwrap();
        let known: BTreeSet<String> = known.split(", ").map(str::to_owned).collect();
        assert_eq!(names(&schema["properties"]), known, "{place:?}");
        assert_eq!(schema["additionalProperties"].as_bool(), Some(false), "{place:?}");
    }
}

#[test]
fn the_problem_codes_described_are_those_that_the_source_has() {
    let document = document();
    let enumerated = document["components"]["schemas"]["ProblemCode"]["enum"].as_vec().unwrap();
    let described: BTreeSet<String> =
        enumerated.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    let mut source = String::new();
    for folder in ["crates/core/src", "crates/gateway/src", "crates/app/src"] {
        read_all(&root().join(folder), &mut source);
    }
    // `Problem::new(404, "not_found", ...)` and the closures named `problem` over it.
    let mut actual = BTreeSet::new();
    for made in ["Problem::new(", "problem("] {
        for (at, _) in source.match_indices(made) {
            let rest = source.get(at + made.len()..).unwrap();
            let mut arguments = rest.splitn(3, ',').map(str::trim);
            let (status, code) = (arguments.next().unwrap(), arguments.next().unwrap_or_default());
            let is_status = status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit());
            if let (true, Some(code)) =
                (is_status, code.strip_prefix('"').and_then(|code| code.strip_suffix('"')))
            {
                actual.insert(code.to_owned());
            }
        }
    }
    for code in
        ["credentials_required", "invalid_request", "invalid_token", "insufficient_user_authentication"]
    {
        // From `Challenge::code`.
        assert!(source.contains(&format!("\"{code}\"")));
        actual.insert(code.to_owned());
    }
    // Made up in tests.
    actual.retain(|code| !["code", "x"].contains(&code.as_str()));
    assert_eq!(described, actual);
    // And each has its line for people.
    let page = fs::read_to_string(root().join("docs/reference/errors.md")).unwrap();
    let missing: Vec<&String> =
        described.iter().filter(|code| !page.contains(&format!("| `{code}` |"))).collect();
    assert!(missing.is_empty(), "docs/reference/errors.md has no line for {missing:?}");
}

#[test]
fn the_kinds_of_activity_described_are_those_that_there_are() {
    let document = document();
    let enumerated = document["components"]["schemas"]["ActivityKind"]["enum"].as_vec().unwrap();
    let described: BTreeSet<String> =
        enumerated.iter().map(|kind| kind.as_str().unwrap().to_owned()).collect();
    let source = include_str!("../../core/src/account/activity.rs");
    let (_, rest) = source.split_once("pub enum ActivityKind {").unwrap();
    let (variants, _) = rest.split_once('}').unwrap();
    let mut actual = BTreeSet::new();
    for variant in variants.lines().filter_map(|line| line.trim().strip_suffix(',')) {
        if variant.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let mut name = String::new();
            for character in variant.chars() {
                if character.is_ascii_uppercase() && !name.is_empty() {
                    name.push('_');
                }
                name.push(character.to_ascii_lowercase());
            }
            actual.insert(name);
        }
    }
    assert_eq!(described, actual);
}

/// The text of every source file but tests.
fn read_all(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            read_all(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !name.contains("tests") {
            into.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}
