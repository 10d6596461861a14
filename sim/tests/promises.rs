//! The promises are sentences of the documentation, and the documentation has the table of them.

use std::{fs, path::Path};

use postern_sim::{Kind, invariants};

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The words without Markdown's marks, and links by their text alone.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("](") {
        let (before, link) = rest.split_at(at);
        plain.push_str(before);
        rest = link.find(')').map_or("", |end| &link[end + 1..]);
    }
    plain.push_str(rest);
    plain.retain(|letter| !"*`[]".contains(letter));
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_promise_is_a_sentence_of_its_page() {
    let missing: Vec<String> = invariants::ALL
        .iter()
        .filter(|one| {
            let page = one.place.split('#').next().unwrap_or_default();
            !plain(&read(page)).contains(&plain(one.says))
        })
        .map(|one| format!("{}: {} ({})", one.name, one.says, one.place))
        .collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn the_page_lists_every_promise_and_every_fault() {
    let page = plain(&read("docs/concepts/simulation.md"));
    for one in invariants::ALL {
        assert!(page.contains(&plain(one.says)), "{}: {}", one.name, one.says);
    }
    for kind in Kind::ALL {
        assert!(page.contains(kind.name()) && page.contains(&plain(kind.words())), "{}", kind.name());
    }
}
