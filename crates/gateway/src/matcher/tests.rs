use core::cell::Cell;

use super::{super::tests::route, *};
use crate::{NormalPath, PathPattern};

std::thread_local! {
    static STEPS: Cell<usize> = const { Cell::new(0) };
}

/// Called for every place of a tree that a look-up visits.
pub(super) fn count_step() {
    STEPS.set(STEPS.get() + 1);
}

/// How many places the look-up visits, and its result.
pub(super) fn steps(table: &RouteTable, method: &str, host: &str, path: &str) -> (usize, Option<String>) {
    let path = NormalPath::parse(path).unwrap();
    STEPS.set(0);
    let found = table.find(method, host, &path.segments()).map(|(_, route)| route.name.clone());
    (STEPS.get(), found)
}

#[test]
fn first_match_wins_whatever_is_more_specific() {
    let table = RouteTable::new(vec![route("/{*all}"), route("/a")]);
    let path = NormalPath::parse("/a").unwrap();
    assert_eq!(table.find("GET", "h", &path.segments()).unwrap().1.name, "/{*all}");
}

#[test]
fn patterns_with_mistakes_are_refused() {
    use crate::PatternError as E;
    for (text, error) in [
        ("api", E::Path(crate::PathError::NotAbsolute)),
        ("/a//b", E::Path(crate::PathError::EmptySegment)),
        ("/a/../b", E::Path(crate::PathError::DotSegment)),
        ("/a%2fb", E::Path(crate::PathError::EncodedSeparator)),
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

/// What differs from table to table: one route of many.
type Line = fn(usize) -> (HostPattern, String, Methods);

fn table(count: usize, line: Line) -> Vec<Route> {
    let make = |index| {
        let (host, path, methods) = line(index);
        Route { name: index.to_string(), host, methods, ..route(&path) }
    };
    (0..count).map(make).collect()
}

// As many in a table of 1000 routes as in one of 10.
#[test]
fn a_look_up_takes_no_more_steps_in_a_longer_table() {
    let lines: [(&str, Line, &str, &str); 7] = [
        ("other prefixes", |n| (HostPattern::Any, format!("/s{n}/{{*rest}}"), Methods::Any), "h", "/s9/a/b"),
        (
            "one prefix, with parameters",
            |n| (HostPattern::Any, format!("/api/v1/r{n}/{{id}}/parts/{{part}}"), Methods::Any),
            "h",
            "/api/v1/r9/7/parts/8",
        ),
        (
            "parameters first",
            |n| (HostPattern::Any, format!("/{{tenant}}/{{project}}/r{n}"), Methods::Any),
            "h",
            "/acme/x/r9",
        ),
        (
            "wildcard hosts",
            |n| (HostPattern::Wildcard(format!("s{n}.example.com")), "/{*all}".to_owned(), Methods::Any),
            "a.b.c.s9.example.com",
            "/x",
        ),
        (
            "hosts of their own",
            |n| (HostPattern::Exact(format!("s{n}.example.com")), "/x/{id}".to_owned(), Methods::Any),
            "s9.example.com",
            "/x/1",
        ),
        (
            "methods on one path",
            |n| (HostPattern::Any, "/one".to_owned(), Methods::only([format!("M{n}")])),
            "h",
            "/one",
        ),
        (
            "a general route before a special one for each",
            |n| match n % 2 {
                0 => (HostPattern::Any, format!("/t/{{tenant}}/r{n}"), Methods::only(["POST".to_owned()])),
                _ => (HostPattern::Any, format!("/t/t{n}/{{resource}}"), Methods::Any),
            },
            "h",
            "/t/t9/r8",
        ),
    ];
    for (what, line, host, path) in lines {
        for (method, path) in [("GET", path), ("M9", path), ("GET", "/t/t9/nothing/here"), ("GET", "/")] {
            let [few, some, many] =
                [10, 100, 1000].map(|count| steps(&RouteTable::new(table(count, line)), method, host, path));
            assert_eq!((&few, &few), (&some, &many), "{what}: {method} {path}");
            assert!(few.0 <= 8, "{what}: {few:?}");
        }
        let worst: Vec<usize> = [100, 1000].map(|count| Hosts::new(&table(count, line)).most_steps()).into();
        assert_eq!(worst[0], worst[1], "{what}");
    }
    // The same path for another method is found no slower, and a miss is a miss.
    let table = RouteTable::new(table(1000, |n| (HostPattern::Any, format!("/s{n}"), Methods::Any)));
    assert_eq!(steps(&table, "GET", "h", "/s999"), (2, Some("999".into())));
    assert_eq!(steps(&table, "GET", "h", "/s1000"), (1, None));
}

// No more than the longest wildcard.
#[test]
fn a_host_of_thousands_of_labels_costs_no_more() {
    let table = RouteTable::new(table(1000, |n| {
        (HostPattern::Wildcard(format!("s{n}.example.com")), "/{*all}".to_owned(), Methods::Any)
    }));
    let host = format!("{}s7.example.com", "a.".repeat(4000));
    assert_eq!(table.hosts.most_labels, 3);
    assert_eq!(steps(&table, "GET", &host, "/x"), (1, Some("7".into())));
}

/// `/{a|p}/{a|p}/...`: every way to write a path of this depth.
fn every_way(depth: usize) -> Vec<Route> {
    let pattern = |way: usize| {
        (0..depth).fold(String::new(), |path, at| match way >> at & 1 {
            0 => path + "/a",
            _ => path + &format!("/{{p{at}}}"),
        })
    };
    (0..1 << depth)
        .map(|way| Route { methods: Methods::only(["POST".into()]), ..route(&pattern(way)) })
        .collect()
}

// Patterns that overlap in every way.
#[test]
fn overlapping_patterns_are_counted_before_they_cost() {
    // A path that fits all of them, with a method that none takes, visits every place.
    for depth in [1, 3, 6] {
        let routes = every_way(depth);
        let exact = Hosts::new(&routes).most_steps();
        assert_eq!(steps(&RouteTable::new(routes), "GET", "h", &"/a".repeat(depth)).0, exact);
        assert_eq!(exact, (2 << depth) - 1);
    }
    assert!(most_steps(&every_way(6)) <= MAX_STEPS);
    assert!(most_steps(&every_way(8)) > MAX_STEPS);
}
