//! The configuration that the documentation shows is one that Postern takes.

use std::{collections::BTreeMap, fs, path::Path};

use postern::config::Config;
use serde_json::{Value, json};

/// The fenced blocks of TOML in a page, without the indentation of a list around them.
fn blocks(page: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines().map(str::trim) {
        match &mut open {
            None if line == "```toml" => open = Some(String::new()),
            None => {}
            Some(_) if line == "```" => blocks.extend(open.take()),
            Some(block) => {
                block.push_str(line);
                block.push('\n');
            }
        }
    }
    blocks
}

/// What `[vars]` of the blocks say together: tables as they are, lists joined.
fn vars(blocks: &[String]) -> BTreeMap<String, Value> {
    let mut vars = BTreeMap::from([
        ("POSTERN_ISSUER".to_owned(), json!("https://auth.example.com")),
        ("POSTERN_MASTER_KEY".to_owned(), json!("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")),
    ]);
    for block in blocks {
        let table: toml::Table = block.parse().unwrap();
        let Some(toml::Value::Table(own)) = table.get("vars") else { continue };
        for (name, value) in own {
            match (vars.get_mut(name), serde_json::to_value(value).unwrap()) {
                (Some(Value::Array(list)), Value::Array(more)) => list.extend(more),
                (_, value) => {
                    vars.insert(name.clone(), value);
                }
            }
        }
    }
    vars
}

#[test]
fn the_settings_in_the_readme_are_sound() {
    let config = Config::from_vars(&vars(&blocks("README.md"))).unwrap();
    assert_eq!((config.issuers.len(), config.routes.len()), (3, 2));
}

#[test]
fn the_settings_in_the_configuration_page_are_sound() {
    let config = Config::from_vars(&vars(&blocks("docs/configuration.md"))).unwrap();
    assert_eq!(config.routes.len(), 1);
}
