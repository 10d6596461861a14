//! `POSTERN_PAGES` as a user meets it: the default look, and each mistake by its name.

use std::{collections::BTreeMap, time::Duration};

use postern_app::config::{Config, PagesSettings};
use serde_json::{Value, json};

fn config(pages: Option<Value>, more: Value) -> Result<Config, Vec<String>> {
    let mut vars = BTreeMap::from([
        ("POSTERN_ISSUER".to_owned(), json!("https://auth.example.com")),
        ("POSTERN_MASTER_KEY".to_owned(), json!("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")),
    ]);
    vars.extend(pages.map(|pages| ("POSTERN_PAGES".to_owned(), pages)));
    let more: BTreeMap<String, Value> = serde_json::from_value(more).unwrap();
    vars.extend(more);
    Config::from_vars(&vars).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

fn pages(pages: Value) -> PagesSettings {
    config(Some(pages), json!({})).unwrap().pages.unwrap()
}

fn mistakes(pages: Value) -> Vec<String> {
    config(Some(pages), json!({})).unwrap_err()
}

#[test]
fn pages_are_there_by_their_setting_or_with_a_client() {
    assert_eq!(config(None, json!({})).unwrap().pages, None);
    let settings = pages(json!({}));
    assert_eq!(settings.theme.name, "auth.example.com");
    assert_eq!(settings.idle_lifetime, Duration::from_hours(24));
    assert_eq!(settings.absolute_lifetime, Duration::from_hours(7 * 24));
    let client = json!({"POSTERN_CLIENTS": [{"client_id": "a", "redirect_uris": ["https://a.example/cb"]}]});
    assert_eq!(config(None, client).unwrap().pages, Some(settings));
}

// Tests WCAG 2.2 success criterion 1.4.3: a theme whose text cannot be read is a mistake
#[test]
fn too_little_contrast_is_a_mistake_at_its_colour() {
    let found =
        mistakes(json!({"light": {"accent": "#ffd400"}, "clients": {"a": {"dark": {"text": "#333333"}}}}));
    let at = |path: &str| found.iter().filter(|problem| problem.starts_with(path)).count();
    assert_eq!(at("POSTERN_PAGES.light.accent: is too close to `card`: the contrast is 1."), 1, "{found:?}");
    assert_eq!(at("POSTERN_PAGES.light.accent: "), 2, "card and background");
    assert_eq!(at("POSTERN_PAGES.light.on_accent: "), 1);
    assert_eq!(at("POSTERN_PAGES.clients.a.dark.text: "), 5, "{found:?}");
    assert!(
        pages(json!({"light": {"accent": "#ffd400", "background": "#101010", "card": "#101010",
        "text": "#ffffff", "on_accent": "#000000"}}))
        .scopes
        .is_empty()
    );
}

#[test]
fn each_mistake_of_the_look_has_its_place() {
    let wrong = json!({
        "name": "",
        "logo": "https://cdn.example/logo.png",
        "links": {"privacy": "javascript:alert(1)", "terms": "//evil.example", "help": "mailto:nobody"},
        "light": {"card": "white"},
        "scopes": {"a": {"de": "A"}, "b": ""},
        "absolute_lifetime": 300,
        "colour": 1,
    });
    let paths: Vec<String> =
        mistakes(wrong).iter().map(|text| text.split(": ").next().unwrap().to_owned()).collect();
    for place in [
        "name",
        "logo",
        "links.privacy",
        "links.terms",
        "links.help",
        "light.card",
        "scopes.a.en",
        "scopes.b",
        "absolute_lifetime",
        "colour",
    ] {
        assert!(paths.contains(&format!("POSTERN_PAGES.{place}")), "{place}: {paths:?}");
    }
    assert_eq!(paths.len(), 10, "{paths:?}");
}

#[test]
fn a_client_has_what_it_says_and_the_rest_of_the_deployments() {
    let settings = pages(json!({
        "name": "Acme",
        "logo": "/logo.svg",
        "links": {"privacy": "/privacy"},
        "clients": {"notes": {"name": "Notes", "links": {"help": "https://notes.example/help"}}},
    }));
    let notes = &settings.clients["notes"];
    assert_eq!((notes.name.as_str(), notes.logo.as_deref()), ("Notes", Some("/logo.svg")));
    assert_eq!(notes.links.privacy.as_deref(), Some("/privacy"));
    assert_eq!(notes.links.help.as_deref(), Some("https://notes.example/help"));
}
