//! What holds between the match and what is forwarded.

use proptest::prelude::*;

use super::{
    path::properties::odd_paths,
    tests::{gate, route},
    *,
};

proptest! {
    #[test]
    fn what_is_matched_is_what_is_forwarded(raw in odd_paths()) {
        let mut admin = route("/a/{*rest}");
        admin.name = "a".into();
        let gate = gate(vec![admin, route("/{x}/e"), route("/{*all}")]);
        if let RouteMatch::Match(found) = gate.find("GET", "h", &raw) {
            let target = UpstreamTarget::of(found.route, &found.path, Some("x=/../"), || "https://own".to_owned());
            let url = target.unwrap().url;
            let parts = postern_core::http::UrlParts::parse(&url).unwrap();
            // The upstream, were it a gate with this table, would decide the same.
            let RouteMatch::Match(again) = gate.find("GET", "h", parts.path) else { panic!("{url}") };
            prop_assert_eq!(&again.path, &found.path);
            prop_assert_eq!(&again.route.name, &found.route.name);
            prop_assert_eq!(again.params, found.params);
        }
    }
}
