//! Finds the endpoint of a request in the table.

use crate::web::endpoints::{CorsAudience, ENDPOINTS, Endpoint};

/// What a request is for.
#[derive(Debug)]
pub(crate) struct EndpointMatch<'p> {
    /// The pages that may read the answer.
    pub(crate) cors: CorsAudience,
    pub(crate) found: Found<'p>,
}

/// The part of the table that a request matches.
#[derive(Debug)]
pub(crate) enum Found<'p> {
    /// An endpoint, with the values of the `{...}` in its path.
    Endpoint(&'static Endpoint, Vec<&'p str>),
    /// `OPTIONS` on an existing path.
    Options {
        /// The value of `Allow`.
        allow: String,
    },
    /// The path exists and does not support the method.
    OtherMethods {
        /// The value of `Allow`.
        allow: String,
    },
    /// The path does not exist.
    Nothing,
}

/// Finds the endpoint of a request. `admin` says that `path` is the part below the administrators' prefix.
pub(crate) fn find<'p>(method: &str, path: &'p str, admin: bool) -> EndpointMatch<'p> {
    let wanted = if method == "HEAD" { "GET" } else { method };
    let mut allow = String::new();
    let mut cors = if admin { CorsAudience::None } else { CorsAudience::Listed };
    let of_area = || ENDPOINTS.iter().filter(|endpoint| endpoint.is_admin() == admin);
    // A path that is in the table as it stands is no `{...}` of another: `import` is no user.
    let named = of_area().any(|endpoint| endpoint.path == path);
    for endpoint in of_area().filter(|endpoint| !named || endpoint.path == path) {
        let Some(parameters) = parameters_of(endpoint.path, path) else { continue };
        cors = endpoint.cors;
        if endpoint.method == wanted {
            return EndpointMatch { cors, found: Found::Endpoint(endpoint, parameters) };
        }
        allow.push_str(if endpoint.method == "GET" { "GET, HEAD" } else { endpoint.method });
        allow.push_str(", ");
    }
    if allow.is_empty() {
        return EndpointMatch { cors, found: Found::Nothing };
    }
    allow.push_str("OPTIONS");
    let found = if method == "OPTIONS" { Found::Options { allow } } else { Found::OtherMethods { allow } };
    EndpointMatch { cors, found }
}

/// The values of the `{...}` in the template, if the path matches it.
fn parameters_of<'p>(template: &str, path: &'p str) -> Option<Vec<&'p str>> {
    let mut parameters = Vec::new();
    let mut segments = path.split('/');
    for wanted in template.split('/') {
        let segment = segments.next()?;
        if wanted.starts_with('{') {
            if segment.is_empty() {
                return None;
            }
            parameters.push(segment);
        } else if segment != wanted {
            return None;
        }
    }
    segments.next().is_none().then_some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::endpoints::{AdminCall, ByPath, Call};

    #[test]
    fn each_endpoint_is_found_by_its_own_row_alone() {
        for endpoint in ENDPOINTS {
            let path = endpoint.path.replace(['{', '}'], "");
            let found = find(endpoint.method, &path, endpoint.is_admin()).found;
            assert!(
                matches!(found, Found::Endpoint(found, _) if found.call == endpoint.call),
                "{}",
                endpoint.path
            );
            let with_slash = format!("{path}/");
            assert!(
                matches!(find(endpoint.method, &with_slash, endpoint.is_admin()).found, Found::Nothing),
                "{}",
                endpoint.path
            );
            let elsewhere = find(endpoint.method, &path, !endpoint.is_admin()).found;
            assert!(matches!(elsewhere, Found::Nothing), "{}", endpoint.path);
        }
    }

    #[test]
    fn parameters_come_in_the_order_of_the_path() {
        let Found::Endpoint(endpoint, parameters) = find("DELETE", "/users/u/sessions/s", true).found else {
            panic!()
        };
        assert_eq!(endpoint.call, Call::Admin(AdminCall::ByPath(ByPath::EndUserSession)));
        assert_eq!(parameters, vec!["u", "s"]);
    }

    #[test]
    fn an_empty_parameter_is_no_parameter() {
        assert!(matches!(find("DELETE", "/users//sessions", true).found, Found::Nothing));
        assert!(matches!(find("DELETE", "/auth/sessions/", false).found, Found::Nothing));
    }

    #[test]
    fn another_method_is_answered_with_those_there_are() {
        let expected = "GET, HEAD, DELETE, OPTIONS";
        for (path, admin) in [("/users/u/sessions", true), ("/auth/sessions", false)] {
            assert!(
                matches!(find("PUT", path, admin).found, Found::OtherMethods { allow } if allow == expected)
            );
            assert!(
                matches!(find("OPTIONS", path, admin).found, Found::Options { allow } if allow == expected)
            );
        }
        let found = find("get", "/keys", true).found;
        assert!(matches!(found, Found::OtherMethods { allow } if allow == "GET, HEAD, OPTIONS"));
    }
}
