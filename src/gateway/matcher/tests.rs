use super::{super::tests::route, *};
use crate::gateway::{NormalPath, PathPattern};

#[test]
fn first_match_wins_whatever_is_more_specific() {
    let table = RouteTable::new(vec![route("/{*all}"), route("/a")]);
    let path = NormalPath::parse("/a").unwrap();
    assert_eq!(table.find("GET", "h", &path.segments()).unwrap().name, "/{*all}");
}

#[test]
fn patterns_with_mistakes_are_refused() {
    use crate::gateway::PatternError as E;
    for (text, error) in [
        ("api", E::Path(crate::gateway::PathError::NotAbsolute)),
        ("/a//b", E::Path(crate::gateway::PathError::EmptySegment)),
        ("/a/../b", E::Path(crate::gateway::PathError::DotSegment)),
        ("/a%2fb", E::Path(crate::gateway::PathError::EncodedSeparator)),
        ("/a{b}", E::Brace),
        ("/{a}b", E::Brace),
        ("/{A}", E::Name),
        ("/{}", E::Name),
        ("/{host}", E::Name),
        ("/{a}/{a}", E::Repeated),
        ("/{*a}/b", E::RestNotLast),
    ] {
        assert_eq!(PathPattern::parse(text), Err(error), "{text}");
    }
    assert_eq!(PathPattern::parse(&"/a".repeat(33)), Err(E::TooManySegments));
}

#[test]
fn a_parameter_takes_no_empty_segment_and_a_rest_does() {
    let matches = |pattern: &str, path: &str| {
        PathPattern::parse(pattern).unwrap().matches(&NormalPath::parse(path).unwrap().segments())
    };
    assert!(!matches("/t/{tenant}", "/t/"));
    assert!(matches("/files/{*rest}", "/files/"));
    assert!(matches("/files/{*rest}", "/files/a/b"));
    assert!(!matches("/files/{*rest}", "/files"));
    assert!(matches("/{*all}", "/"));
}

#[test]
fn a_host_is_compared_without_port_case_and_final_dot() {
    for (raw, normal) in [
        ("API.Example.com:8443", "api.example.com"),
        ("a.b.", "a.b"),
        ("a.b.:80", "a.b"),
        ("[::1]:80", "[::1]"),
        ("[::1]", "[::1]"),
    ] {
        assert_eq!(normal_host(raw), normal, "{raw}");
    }
}
