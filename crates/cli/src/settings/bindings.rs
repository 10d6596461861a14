//! The bindings that the settings name, read off the variables as they are written: also beside
//! mistakes that keep them from being a configuration.

use std::collections::BTreeMap;

use postern_app::jose::json::parse_text;
use serde_json::Value;

/// A binding that a variable names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Where: `POSTERN_ROUTES[3].service`.
    pub(crate) path: String,
    /// The list of wrangler's that it must be in.
    pub(crate) list: &'static [&'static str],
    /// The member of that list's tables that has the name.
    pub(crate) member: &'static str,
    pub(crate) name: String,
}

const SERVICES: &[&str] = &["services"];
const QUEUES: &[&str] = &["queues", "producers"];
const LIMITS: &[&str] = &["ratelimits"];
const DATASETS: &[&str] = &["analytics_engine_datasets"];

/// Where settings name bindings.
const PLACES: [(&str, &str, &[&str], &str); 6] = [
    ("POSTERN_IDENTITY", "service", SERVICES, "binding"),
    ("POSTERN_NOTIFIER", "service", SERVICES, "binding"),
    ("POSTERN_NOTIFIER", "queue", QUEUES, "binding"),
    ("POSTERN_EVENTS", "queue", QUEUES, "binding"),
    ("POSTERN_METRICS", "dataset", DATASETS, "binding"),
    ("POSTERN_LIMITS", "coarse_binding", LIMITS, "name"),
];

/// All of them, in the order of the table of routes and then of the places.
pub(crate) fn wanted(vars: &BTreeMap<String, Value>) -> Vec<Wanted> {
    let value = |name: &str| vars.get(name).map(unwrapped);
    let mut wanted = Vec::new();
    let mut want = |path: String, list, member, name: Option<&Value>| {
        if let Some(name) = name.and_then(Value::as_str) {
            wanted.push(Wanted { path, list, member, name: name.to_owned() });
        }
    };
    let routes = value("POSTERN_ROUTES");
    for (index, route) in routes.iter().filter_map(Value::as_array).flatten().enumerate() {
        want(format!("POSTERN_ROUTES[{index}].service"), SERVICES, "binding", route.get("service"));
        let limit = route.pointer("/rate_limit/binding");
        want(format!("POSTERN_ROUTES[{index}].rate_limit.binding"), LIMITS, "name", limit);
    }
    for (variable, member_of_it, list, member) in PLACES {
        let value = value(variable);
        let name = value.as_ref().and_then(|value| value.get(member_of_it));
        want(format!("{variable}.{member_of_it}"), list, member, name);
    }
    wanted
}

/// A text that holds JSON is that JSON, as the Worker reads it.
fn unwrapped(value: &Value) -> Value {
    match value {
        Value::String(text) => parse_text(text).unwrap_or_else(|_| value.clone()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_binding_is_found_in_json_texts_and_beside_mistakes() {
        let vars: BTreeMap<String, Value> = serde_json::from_value(json!({
            "POSTERN_LEEWAY": "10m",
            "POSTERN_ROUTES": r#"[{"path": "no slash"}, {"service": "ORIGIN", "rate_limit": {"binding": "SHIELD"}}]"#,
            "POSTERN_NOTIFIER": { "queue": "MAIL" },
            "POSTERN_METRICS": "{\"dataset\": \"COUNTS\"}",
        }))
        .unwrap();
        let found: Vec<(String, String)> =
            wanted(&vars).into_iter().map(|wanted| (wanted.path, wanted.name)).collect();
        let expected = [
            ("POSTERN_ROUTES[1].service", "ORIGIN"),
            ("POSTERN_ROUTES[1].rate_limit.binding", "SHIELD"),
            ("POSTERN_NOTIFIER.queue", "MAIL"),
            ("POSTERN_METRICS.dataset", "COUNTS"),
        ];
        assert_eq!(found, expected.map(|(path, name)| (path.to_owned(), name.to_owned())));
    }
}
