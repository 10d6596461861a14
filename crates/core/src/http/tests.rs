use super::*;

// Tests RFC 9457 section 3: a problem has type, title and status, as application/problem+json
// Tests RFC 9457 section 3.2: members beyond the standard ones say more about a problem
// Tests RFC 9110 section 10.2.3: Retry-After says when to come back
#[test]
fn a_problem_is_written_as_rfc_9457_asks() {
    let reply: Reply = Problem::new(400, "invalid_body", "The body is not what this call takes")
        .with_detail("two fields are wrong")
        .with_error("login", "too long")
        .with_retry_after(7)
        .into();
    assert_eq!(reply.status, 400);
    assert_eq!(reply.header("Content-Type"), Some("application/problem+json"));
    assert_eq!(reply.header("Retry-After"), Some("7"));
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({
            "type": "/auth/errors#invalid_body",
            "title": "The body is not what this call takes",
            "status": 400,
            "code": "invalid_body",
            "detail": "two fields are wrong",
            "retry_after": 7,
            "errors": [{"field": "login", "detail": "too long"}],
        })
    );
}

// Tests RFC 9111 section 5.2.2.5: an answer with tokens or personal data is not stored
// Tests RFC 6749 section 5.1: an answer with tokens has Cache-Control: no-store
// Tests RFC 9700 section 4.16: frame-ancestors keeps our answers out of frames
#[test]
fn every_answer_has_security_headers_and_is_not_stored() {
    for reply in
        [Reply::empty(204), Reply::json(200, &[1]), Problem::new(404, "not_found", "No such thing").into()]
    {
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert!(reply.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
    }
    let public = Reply::json(200, &[1]).cacheable(core::time::Duration::from_mins(5));
    assert_eq!(public.header("cache-control"), Some("public, max-age=300"));
    assert_eq!(public.headers.iter().filter(|(name, _)| name == "cache-control").count(), 1);
}

// Tests RFC 9110 section 5.5: a header value has no CR, LF or NUL
#[test]
fn response_splitting_by_a_header_value_is_impossible() {
    let reply = Reply::empty(200).with_header("x-name", "a\r\nset-cookie: b=c").with_header("x y", "z");
    assert_eq!(reply.header("x-name"), None);
    assert_eq!(reply.header("x y"), None);
}

// Tests RFC 9110 section 5.3: Set-Cookie lines are not combined into one
#[test]
fn two_cookies_stand_beside_each_other() {
    let reply = Reply::empty(200).with_header("Set-Cookie", "a=1").with_header("Set-Cookie", "b=2");
    assert_eq!(reply.headers.iter().filter(|(name, _)| name == "set-cookie").count(), 2);
}

#[test]
fn the_debug_form_of_an_answer_shows_no_token() {
    let reply = Reply::json(200, "prt_secret").with_header("set-cookie", "r=prt_secret");
    assert!(!format!("{reply:?}").contains("secret"));
}

#[test]
fn a_plain_request_joins_headers_of_one_name() {
    let request = PlainRequest::new("GET", "https://a/").with("X-A", "1").with("x-a", "2");
    assert_eq!(request.header("X-a").as_deref(), Some("1, 2"));
    assert_eq!(request.header_names(), ["x-a"]);
}

#[test]
fn a_problem_names_its_request_and_nothing_that_could_break_it() {
    let problem = || Reply::from(Problem::new(404, "not_found", "Not found"));
    let body = |reply: &Reply| serde_json::from_slice::<serde_json::Value>(&reply.body).unwrap();
    let named = problem().naming_request(Some("8f1c-VIE"));
    assert_eq!(body(&named)["request_id"], "8f1c-VIE");
    assert_eq!(named.clone().naming_request(Some("other")), named);
    for id in [None, Some(""), Some("a\"b"), Some(&*"a".repeat(65))] {
        assert_eq!(problem().naming_request(id), problem(), "{id:?}");
    }
    let plain = Reply::json(200, &serde_json::json!({})).naming_request(Some("8f1c"));
    assert_eq!((plain.header(REQUEST_ID_HEADER), &*plain.body), (Some("8f1c"), &b"{}"[..]));
    // A cache would give it to the next request.
    let kept = Reply::json(200, "keys").cacheable(core::time::Duration::from_mins(10));
    assert_eq!(kept.clone().naming_request(Some("8f1c")), kept);
}
