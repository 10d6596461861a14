//! The compiled table against the list it was made from.

use proptest::prelude::*;

use super::{super::tests::route, tests::steps, *};
use crate::{NormalPath, PathPattern, review::review};

/// The definition: the first route of the list that takes the request.
fn naive<'r>(routes: &'r [Route], method: &str, host: &str, path: &[Cow<'_, str>]) -> Option<&'r Route> {
    routes.iter().find(|route| {
        let host_matches = match &route.host {
            HostPattern::Any => true,
            HostPattern::Exact(own) => own == host,
            HostPattern::Wildcard(suffix) => host.ends_with(&format!(".{suffix}")),
        };
        host_matches && route.path.matches(path) && route.methods.admits(method)
    })
}

fn hosts() -> impl Strategy<Value = HostPattern> {
    prop_oneof![
        Just(HostPattern::Any),
        prop::sample::select(vec!["a.x", "x", "b.a.x"]).prop_map(|host| HostPattern::Exact(host.into())),
        prop::sample::select(vec!["x", "a.x"]).prop_map(|host| HostPattern::Wildcard(host.into())),
    ]
}

fn methods() -> impl Strategy<Value = Methods> {
    prop_oneof![
        Just(Methods::Any),
        prop::sample::subsequence(vec!["GET", "POST", "HEAD"], 1..3)
            .prop_map(|names| Methods::only(names.into_iter().map(str::to_owned))),
    ]
}

fn patterns() -> impl Strategy<Value = PathPattern> {
    let piece = prop::sample::select(vec!["a", "b", "c", "{}", "{}"]);
    let end = prop::sample::select(vec!["", "a", "{}", "{*rest}"]);
    (prop::collection::vec(piece, 0..4), end).prop_map(|(pieces, end)| {
        let mut text = String::new();
        for (index, piece) in pieces.into_iter().chain([end]).enumerate() {
            text.push('/');
            text.push_str(&piece.replace("{}", &format!("{{p{index}}}")));
        }
        PathPattern::parse(&text).unwrap()
    })
}

fn tables() -> impl Strategy<Value = Vec<Route>> {
    prop::collection::vec((hosts(), patterns(), methods()), 0..25).prop_map(|lines| {
        let make = |(index, (host, path, methods)): (usize, _)| {
            let mut route = route("/");
            route.name = index.to_string();
            (route.host, route.path, route.methods) = (host, path, methods);
            route
        };
        lines.into_iter().enumerate().map(make).collect()
    })
}

proptest! {
    #[test]
    fn the_compiled_table_decides_as_the_plain_list(
        routes in tables(),
        method in prop::sample::select(vec!["GET", "POST", "HEAD", "PUT"]),
        host in prop::sample::select(vec!["x", "a.x", "b.a.x", "c.b.a.x", "y", "ax"]),
        pieces in prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "d"]), 0..5),
        slash in any::<bool>(),
    ) {
        let text = format!("/{}{}", pieces.join("/"), if slash && !pieces.is_empty() { "/" } else { "" });
        let path = NormalPath::parse(&text).unwrap();
        let segments = path.segments();
        let table = RouteTable::new(routes.clone());
        let expected = naive(&routes, method, host, &segments);
        prop_assert_eq!(table.find(method, host, &segments).map(|(_, r)| &r.name), expected.map(|r| &r.name));
        if expected.is_none() {
            let known = ["GET", "POST", "HEAD"].into_iter();
            let allowed: Vec<&str> = {
                let mut allowed: Vec<&str> =
                    known.filter(|known| naive(&routes, known, host, &segments).is_some()).collect();
                allowed.sort_unstable();
                allowed
            };
            prop_assert_eq!(table.allowed(host, &segments), allowed);
        }
    }
}

proptest! {
    #[test]
    fn no_look_up_takes_more_steps_than_the_table_was_said_to(
        routes in tables(),
        host in prop::sample::select(vec!["x", "a.x", "b.a.x", "c.b.a.x", "y", "ax"]),
        pieces in prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "d"]), 0..5),
    ) {
        let most = Hosts::new(&routes).most_steps();
        prop_assert!(most <= most_steps(&routes));
        let (taken, _) = steps(&RouteTable::new(routes), "PUT", host, &format!("/{}", pieces.join("/")));
        prop_assert!(taken <= most, "{taken} > {most}");
    }

    #[test]
    fn a_route_that_is_said_to_be_unreachable_never_decides(
        routes in tables(),
        method in prop::sample::select(vec!["GET", "POST", "HEAD", "PUT"]),
        host in prop::sample::select(vec!["x", "a.x", "b.a.x", "c.b.a.x", "y", "ax"]),
        pieces in prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "d", ""]), 0..5),
    ) {
        let remarks = review(&routes, 1, |_| false, |_, _| None);
        let text = format!("/{}", pieces.join("/"));
        if let Ok(path) = NormalPath::parse(&text)
            && let Some((_, found)) = RouteTable::new(routes).find(method, host, &path.segments())
        {
            let remark = remarks
                .iter()
                .find(|remark| remark.code == "unreachable" && remark.index.to_string() == found.name);
            prop_assert_eq!(remark, None);
        }
    }
}
