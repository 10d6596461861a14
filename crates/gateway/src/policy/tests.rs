use core::time::Duration;

use postern_core::{http::Reply, resource::ResourceId};
use serde_json::json;

use super::{
    super::{
        HostPattern, NormalPath, PathPattern, ProtectedResource, ScopeImplications,
        tests::{identity, route},
    },
    *,
};

const NOW: Timestamp = Timestamp::from_seconds(1100);

fn decide_on(requirement: Requirement, identity: Option<&Identity>) -> PolicyVerdict {
    let mut route = route("/t/{tenant}/docs");
    route.access = Access::Required(requirement);
    route.host = HostPattern::Any;
    let found = Match {
        route: &route,
        index: 0,
        path: NormalPath::parse("/t/acme/docs").unwrap(),
        params: vec![("tenant".into(), "acme".into())],
        host: "api.example.com".into(),
        method: "GET".into(),
    };
    decide(&found, identity, NOW)
}

fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

fn challenge_of(verdict: &PolicyVerdict) -> String {
    match verdict {
        PolicyVerdict::Forward => "forward".into(),
        PolicyVerdict::Challenge(challenge) => challenge.www_authenticate(),
        PolicyVerdict::Forbid(forbid) => forbid.www_authenticate().unwrap_or_else(|| "forbidden".into()),
    }
}

// Tests RFC 6750 section 3.1: without credentials the challenge has no error code
// Tests RFC 9110 section 11.6.1: a 401 has a WWW-Authenticate header with a challenge
#[test]
fn without_credentials_the_challenge_names_no_error() {
    let verdict = decide_on(Requirement::default(), None);
    assert_eq!(challenge_of(&verdict), "Bearer realm=\"postern\"");
    assert_eq!(decide_on(Requirement::default(), Some(&identity())), PolicyVerdict::Forward);
}

// Tests RFC 6750 section 3.1: a token for another audience is answered with invalid_token
// Tests RFC 9700 section 2.3: an access token serves at the audience that it names
#[test]
fn a_token_of_another_issuer_audience_or_age_is_invalid_here() {
    let caller = identity();
    for requirement in [
        Requirement { issuers: set(&["https://other.example"]), ..Requirement::default() },
        Requirement { audiences: set(&["https://other.example"]), ..Requirement::default() },
        Requirement { max_token_age: Some(Duration::from_secs(99)), ..Requirement::default() },
    ] {
        let verdict = decide_on(requirement, Some(&caller));
        assert_eq!(challenge_of(&verdict), "Bearer realm=\"postern\", error=\"invalid_token\"");
    }
    let met = Requirement {
        issuers: set(&["https://auth.example.com"]),
        audiences: set(&["https://api.example.com", "x"]),
        max_token_age: Some(Duration::from_secs(100)),
        ..Requirement::default()
    };
    assert_eq!(decide_on(met, Some(&caller)), PolicyVerdict::Forward);
}

// Tests RFC 6750 section 3.1: a missing scope is 403 insufficient_scope, and the challenge names the scope
#[test]
fn a_missing_scope_is_403_and_named() {
    let mut caller = identity();
    caller.scopes = set(&["read:orders"]);
    let requirement =
        Requirement { scopes_all: set(&["read:orders", "write:orders"]), ..Requirement::default() };
    let verdict = decide_on(requirement.clone(), Some(&caller));
    assert_eq!(
        challenge_of(&verdict),
        "Bearer realm=\"postern\", error=\"insufficient_scope\", scope=\"read:orders write:orders\""
    );
    caller.scopes.insert("write:orders".into());
    assert_eq!(decide_on(requirement, Some(&caller)), PolicyVerdict::Forward);
    let any = Requirement { scopes_any: set(&["a", "read:orders"]), ..Requirement::default() };
    assert_eq!(decide_on(any, Some(&caller)), PolicyVerdict::Forward);
    let none = Requirement { scopes_any: set(&["a", "b"]), ..Requirement::default() };
    assert_eq!(
        challenge_of(&decide_on(none, Some(&caller))),
        "Bearer realm=\"postern\", error=\"insufficient_scope\", scope=\"a b\""
    );
}

#[test]
fn another_role_is_forbidden() {
    let mut caller = identity();
    caller.roles = set(&["user"]);
    let requirement = Requirement { roles_any: set(&["admin", "root"]), ..Requirement::default() };
    assert_eq!(challenge_of(&decide_on(requirement.clone(), Some(&caller))), "forbidden");
    caller.roles = set(&["user", "root"]);
    assert_eq!(decide_on(requirement, Some(&caller)), PolicyVerdict::Forward);
}

#[test]
fn crossing_into_another_tenant_is_forbidden() {
    let requirement = |claim: &str, operand| asks(claim, Comparison::Equals, operand);
    let tenant = || requirement("tenant_id", Operand::Param("tenant".into()));
    let mut caller = identity();
    assert_eq!(challenge_of(&decide_on(tenant(), Some(&caller))), "forbidden");
    for other in ["ACME", "acme ", "", "other"] {
        caller.tenant_id = Some(other.into());
        assert_eq!(challenge_of(&decide_on(tenant(), Some(&caller))), "forbidden", "{other}");
    }
    // The raw claim does not count beside the mapped one.
    caller.claims.insert("tenant_id".into(), json!("acme"));
    assert_eq!(challenge_of(&decide_on(tenant(), Some(&caller))), "forbidden");
    caller.tenant_id = Some("acme".into());
    assert_eq!(decide_on(tenant(), Some(&caller)), PolicyVerdict::Forward);

    // A claim with several values equals no single one.
    caller.claims.insert("org".into(), json!(["acme", "other"]));
    assert_eq!(
        challenge_of(&decide_on(requirement("org", Operand::Param("tenant".into())), Some(&caller))),
        "forbidden"
    );
    caller.claims.insert("h".into(), json!("api.example.com"));
    assert_eq!(decide_on(requirement("h", Operand::Host), Some(&caller)), PolicyVerdict::Forward);
    caller.claims.insert("level".into(), json!(3));
    assert_eq!(
        decide_on(requirement("level", Operand::Literal("3".into())), Some(&caller)),
        PolicyVerdict::Forward
    );
}

fn asks(claim: &str, comparison: Comparison, operand: Operand) -> Requirement {
    Requirement {
        attributes: vec![Attribute { claim: claim.into(), comparison, operand }],
        ..Requirement::default()
    }
}

// A text or an object contains nothing.
#[test]
fn a_list_contains_an_item_by_all_of_its_bytes() {
    let wanted = || asks("tenants", Comparison::Contains, Operand::Param("tenant".into()));
    let mut caller = identity();
    assert_eq!(challenge_of(&decide_on(wanted(), Some(&caller))), "forbidden");
    for other in [
        json!([]),
        json!(["ACME", "acme ", "acm", "acmee"]),
        json!("acme"),
        json!("other acme"),
        json!({"acme": true}),
        json!([["acme"], {"acme": 1}, null]),
        json!(null),
        json!(true),
    ] {
        caller.claims.insert("tenants".into(), other.clone());
        assert_eq!(challenge_of(&decide_on(wanted(), Some(&caller))), "forbidden", "{other}");
    }
    caller.claims.insert("tenants".into(), json!(["other", "acme"]));
    assert_eq!(decide_on(wanted(), Some(&caller)), PolicyVerdict::Forward);
    let equals = asks("tenants", Comparison::Equals, Operand::Param("tenant".into()));
    assert_eq!(challenge_of(&decide_on(equals, Some(&caller))), "forbidden");

    let method = || asks("may", Comparison::Contains, Operand::Method);
    caller.claims.insert("may".into(), json!(["get", "POST"]));
    assert_eq!(challenge_of(&decide_on(method(), Some(&caller))), "forbidden");
    caller.claims.insert("may".into(), json!(["GET"]));
    assert_eq!(decide_on(method(), Some(&caller)), PolicyVerdict::Forward);
}

#[test]
fn mapped_lists_count_and_the_raw_claims_beside_them_do_not() {
    let mut caller = identity();
    for claim in ["roles", "scope", "aud"] {
        caller.claims.insert(claim.into(), json!(["acme"]));
        let rule = || asks(claim, Comparison::Contains, Operand::Param("tenant".into()));
        assert_eq!(challenge_of(&decide_on(rule(), Some(&caller))), "forbidden", "{claim}");
        let mut own = caller.clone();
        (own.roles, own.scopes) = (set(&["acme"]), set(&["acme"]));
        own.audience.push("acme".into());
        assert_eq!(decide_on(rule(), Some(&own)), PolicyVerdict::Forward, "{claim}");
    }
}

#[test]
fn the_subdomain_is_all_that_the_wildcard_stands_for() {
    let mut route = route("/docs");
    route.host = HostPattern::Wildcard("example.com".into());
    route.access = Access::Required(asks("tenant_id", Comparison::Equals, Operand::Subdomain));
    let mut caller = identity();
    caller.tenant_id = Some("acme".into());
    let gate = crate::Gate::new(vec![route], vec![]);
    let verdict = |host: &str| match gate.find("GET", host, "/docs") {
        crate::RouteMatch::Match(found) => decide(&found, Some(&caller), NOW),
        other => panic!("{other:?}"),
    };
    for host in ["acme.example.com", "ACME.example.com:8443", "acme.example.com."] {
        assert_eq!(verdict(host), PolicyVerdict::Forward, "{host}");
    }
    for host in
        ["other.example.com", "acme.other.example.com", "other.acme.example.com", "acme.acme.example.com"]
    {
        assert_eq!(challenge_of(&verdict(host)), "forbidden", "{host}");
    }
}

#[test]
fn the_host_is_all_of_the_host_and_head_is_no_get() {
    let mut route = route("/docs");
    route.host = HostPattern::Wildcard("example.com".into());
    let mut caller = identity();
    caller.tenant_id = Some("acme".into());
    caller.claims.insert("site".into(), json!("acme.example.com"));
    caller.claims.insert("may".into(), json!(["GET"]));
    let verdict = |claim, comparison, operand, method: &str| {
        let mut route = route.clone();
        route.access = Access::Required(asks(claim, comparison, operand));
        let gate = crate::Gate::new(vec![route], vec![]);
        match gate.find(method, "ACME.example.com.", "/docs") {
            crate::RouteMatch::Match(found) => challenge_of(&decide(&found, Some(&caller), NOW)),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(verdict("site", Comparison::Equals, Operand::Host, "GET"), "forward");
    assert_eq!(verdict("tenant_id", Comparison::Equals, Operand::Host, "GET"), "forbidden");
    assert_eq!(verdict("may", Comparison::Contains, Operand::Method, "GET"), "forward");
    assert_eq!(verdict("may", Comparison::Contains, Operand::Method, "HEAD"), "forbidden");
}

#[test]
fn numbers_with_two_spellings_equal_no_text() {
    let mut caller = identity();
    for (claim, text, met) in [
        (json!(42), "42", true),
        (json!(42), "042", false),
        (json!(42.0), "42", false),
        (json!(1e3), "1000", false),
        (json!(true), "true", true),
        (json!(null), "null", false),
    ] {
        caller.claims.insert("n".into(), claim.clone());
        let verdict = decide_on(asks("n", Comparison::Equals, Operand::Literal(text.into())), Some(&caller));
        assert_eq!(verdict == PolicyVerdict::Forward, met, "{claim} {text}");
    }
}

// Tests RFC 9470 section 3: a weak sign-in is answered with insufficient_user_authentication and acr_values
#[test]
fn a_weak_sign_in_is_asked_to_step_up() {
    let mut caller = identity();
    caller.amr = vec!["pwd".into()];
    let requirement = Requirement {
        acr: vec!["gold".into(), "silver".into()],
        amr: set(&["pwd", "otp"]),
        ..Requirement::default()
    };
    assert_eq!(
        challenge_of(&decide_on(requirement.clone(), Some(&caller))),
        "Bearer realm=\"postern\", error=\"insufficient_user_authentication\", acr_values=\"gold silver\""
    );
    caller.acr = Some("silver".into());
    assert!(challenge_of(&decide_on(requirement.clone(), Some(&caller))).contains("insufficient_user"));
    caller.amr = vec!["otp".into(), "pwd".into()];
    assert_eq!(decide_on(requirement, Some(&caller)), PolicyVerdict::Forward);
}

// Tests RFC 9110 section 5.6.4: a quoted string escapes quotes and backslashes
#[test]
fn a_challenge_can_not_be_split_by_what_it_quotes() {
    let challenge = Challenge::StepUp {
        acr_values: vec!["a\"b\\c\r\nx: y\u{e9}".into()],
        objection: Objection { claim: "acr", member: "acr" },
    };
    let text = challenge.www_authenticate();
    assert!(text.ends_with("acr_values=\"a\\\"b\\\\c??x: y?\""), "{text}");
    let reply = Reply::from(&challenge);
    assert_eq!((reply.status, reply.header("www-authenticate")), (401, Some(text.as_str())));
}

#[test]
fn a_forbidden_answer_does_not_say_which_rule_refused() {
    let tenant = Reply::from(&Forbid { cause: ForbidCause::Attribute { claim: "tenant_id".into() } });
    assert_eq!(tenant, Reply::from(&Forbid { cause: ForbidCause::Role }));
    assert_eq!(tenant.status, 403);
}

#[test]
fn public_and_optional_routes_ask_for_nothing() {
    for access in [Access::Public, Access::Optional] {
        let mut route = route("/");
        route.access = access;
        route.path = PathPattern::parse("/").unwrap();
        let path = NormalPath::parse("/").unwrap();
        let found =
            Match { route: &route, index: 0, path, params: vec![], host: "h".into(), method: "GET".into() };
        assert_eq!(decide(&found, None, NOW), PolicyVerdict::Forward);
    }
}

fn resource(id: &str) -> ProtectedResource {
    ProtectedResource {
        id: ResourceId::parse(id, false).unwrap(),
        authorization_servers: vec!["https://auth.example.com".into()],
        scopes: set(&["mcp:use"]),
        known_scopes: set(&["mcp:use", "files:read", "files:list"]),
        name: None,
        documentation: None,
    }
}

// Attack: a token for resource A, or for none, is presented at resource B.
// Tests RFC 8707 section 2: an access token serves at the resource that its audience names
// Tests MCP Authorization section "Token Handling": a token must be issued for this server as its audience (R4)
// Tests MCP Authorization section "Canonical Server URI": scheme and host in upper case are accepted (R11)
#[test]
fn a_token_serves_only_at_the_resource_that_it_names() {
    let requirement = Requirement {
        resource: Some(Box::new(resource("https://api.example.com/mcp"))),
        audiences: set(&["api://mcp"]),
        ..Requirement::default()
    };
    let mut caller = identity();
    for audience in ["https://api.example.com/mcp", "HTTPS://API.example.com/mcp", "api://mcp"] {
        caller.audience = vec!["https://else.example".into(), audience.into()];
        assert_eq!(decide_on(requirement.clone(), Some(&caller)), PolicyVerdict::Forward, "{audience}");
    }
    for audience in [
        "https://api.example.com",
        "https://api.example.com/mcp/",
        "https://api.example.com/mcp2",
        "https://api.example.com/MCP",
        "API://mcp",
        "",
    ] {
        caller.audience = vec![audience.into()];
        let verdict = decide_on(requirement.clone(), Some(&caller));
        assert_eq!(verdict.objection(), Some(("aud", "resource")), "{audience}");
        assert!(challenge_of(&verdict).contains("error=\"invalid_token\""), "{audience}");
    }
    caller.audience = Vec::new();
    assert_ne!(decide_on(requirement, Some(&caller)), PolicyVerdict::Forward);
}

/// The challenge in the answer of a route with this requirement.
fn answered(requirement: Requirement, verdict: &PolicyVerdict) -> String {
    let mut route = route("/mcp");
    route.access = Access::Required(requirement);
    let reply = match verdict {
        PolicyVerdict::Forward => panic!("forward"),
        PolicyVerdict::Challenge(challenge) => challenge.answer_of(&route),
        PolicyVerdict::Forbid(forbid) => forbid.answer_of(&route),
    };
    reply.header("www-authenticate").unwrap_or_default().to_owned()
}

// Tests RFC 9728 section 5.1: a challenge names the URL of the resource's metadata, quoted
// Tests RFC 6750 section 3: a challenge has the scopes of the request
// Tests MCP Authorization section "Scope Selection Strategy": a 401 names the scopes that are required (R9)
// Tests MCP Authorization section "Runtime Insufficient Scope Errors": error, all scopes at once, resource_metadata (R9)
#[test]
fn a_resources_challenges_lead_to_its_metadata() {
    let metadata = "resource_metadata=\"https://api.example.com/.well-known/oauth-protected-resource/mcp\"";
    let requirement = || Requirement {
        resource: Some(Box::new(resource("https://api.example.com/mcp"))),
        scopes_all: set(&["files:read"]),
        scopes_any: set(&["files:write", "files:admin"]),
        acr: vec!["gold".into()],
        ..Requirement::default()
    };
    let all = "scope=\"files:admin files:read files:write mcp:use\"";
    let unauthorized = |challenge| answered(requirement(), &PolicyVerdict::Challenge(challenge));
    assert_eq!(
        unauthorized(Challenge::NoCredentials),
        format!("Bearer realm=\"postern\", {metadata}, {all}")
    );
    assert_eq!(
        unauthorized(Challenge::InvalidToken),
        format!("Bearer realm=\"postern\", error=\"invalid_token\", {metadata}, {all}")
    );
    let mut caller = identity();
    caller.audience = vec!["https://api.example.com/mcp".into()];
    assert_eq!(
        answered(requirement(), &decide_on(requirement(), Some(&caller))),
        format!(
            "Bearer realm=\"postern\", error=\"insufficient_user_authentication\", acr_values=\"gold\", {metadata}, {all}"
        )
    );
    caller.acr = Some("gold".into());
    assert_eq!(
        answered(requirement(), &decide_on(requirement(), Some(&caller))),
        format!("Bearer realm=\"postern\", error=\"insufficient_scope\", {metadata}, {all}")
    );
    // What the client has and the resource knows is not lost by asking again.
    caller.scopes = set(&["files:list", "offline_access", "openid"]);
    let again = answered(requirement(), &decide_on(requirement(), Some(&caller)));
    assert!(again.ends_with("scope=\"files:admin files:list files:read files:write mcp:use\""), "{again}");
    // A 400 says that the request is wrong: no sign-in mends that.
    assert_eq!(
        unauthorized(Challenge::InvalidRequest),
        "Bearer realm=\"postern\", error=\"invalid_request\""
    );
    // Outside of resources nothing changes.
    let plain = Requirement { resource: None, ..requirement() };
    assert_eq!(
        answered(plain, &PolicyVerdict::Challenge(Challenge::NoCredentials)),
        "Bearer realm=\"postern\""
    );
}

// Tests MCP Authorization section "Step-Up Authorization Flow": broader scopes count for narrower ones (R8)
#[test]
fn a_broader_scope_is_as_good_as_the_scope_itself() {
    let direct = [("files:admin", "files:write"), ("files:write", "files:read")];
    let direct = direct.into_iter().map(|(scope, inner)| (scope.to_owned(), set(&[inner]))).collect();
    let implied = ScopeImplications::new(&direct).unwrap();
    let asked = |all: &[&str], any: &[&str]| Requirement {
        broader_scopes: implied.broader_than(set(all).union(&set(any))),
        scopes_all: set(all),
        scopes_any: set(any),
        ..Requirement::default()
    };
    let mut caller = identity();
    caller.scopes = set(&["files:write"]);
    let met = |requirement| decide_on(requirement, Some(&caller)) == PolicyVerdict::Forward;
    assert!(met(asked(&["files:read"], &[])) && met(asked(&["files:write"], &["files:read", "else"])));
    assert!(!met(asked(&["files:admin"], &[])) && !met(asked(&["files:read"], &["files:admin"])));
    assert!(!met(asked(&["files:read", "else"], &[])));
    let unasked = Requirement { scopes_all: set(&["files:read"]), ..Requirement::default() };
    assert!(!met(unasked), "the table decides, not the names");
}
