//! The configuration that the documentation shows is one that Postern takes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use postern_app::{
    config::Config,
    http::PlainRequest,
    service::explain::{Answer, Explainer, Place, Supposed},
    time::Timestamp,
};
use serde_json::{Value, json};

/// The fenced blocks of TOML in a page, without the indentation of a list around them.
fn blocks(page: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(page)).unwrap();
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
fn the_settings_of_the_first_hour_are_sound() {
    let deployed = ["docs/start/deploy.md", "docs/start/identity-provider.md"].map(blocks).concat();
    let config = Config::from_vars(&vars(&deployed)).unwrap();
    assert_eq!((config.issuers.len(), config.routes.len()), (1, 2));
    let mut local = vars(&blocks("docs/start/your-api.md"));
    local.insert("POSTERN_PROFILE".to_owned(), json!("local"));
    assert_eq!(Config::from_vars(&local).unwrap().routes.len(), 1);
}

#[test]
fn the_settings_in_the_configuration_page_are_sound() {
    let config = Config::from_vars(&vars(&blocks("docs/reference/configuration.md"))).unwrap();
    assert_eq!(config.routes.len(), 1);
}

/// The guides with settings and sample requests.
const GUIDES: [&str; 7] = [
    "auth0",
    "amazon-cognito",
    "keycloak",
    "microsoft-entra-id",
    "route-recipes",
    "from-another-gateway",
    "mcp-server",
];

/// A recipe of a guide: its settings, and the lines with sample requests and their answers.
struct Recipe {
    title: String,
    settings: String,
    lines: Vec<String>,
}

fn recipes() -> Vec<Recipe> {
    GUIDES.iter().flat_map(|guide| recipes_of(guide)).collect()
}

/// A page is one recipe, or has one in each of its sections.
fn recipes_of(guide: &str) -> Vec<Recipe> {
    let path = format!("docs/guides/{guide}.md");
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(&path)).unwrap();
    let fenced = |section: &str, language: &str| {
        let open = format!("```{language}\n");
        let blocks: Vec<String> = section
            .split(&open)
            .skip(1)
            .map(|rest| rest.split("\n```").next().unwrap().to_owned() + "\n")
            .collect();
        assert_eq!(blocks.len(), 1, "{language} in {section}");
        blocks[0].clone()
    };
    page.split("\n## ")
        .filter(|section| section.contains("```text\n"))
        .map(|section| Recipe {
            title: format!("{path}: {}", section.lines().next().unwrap()),
            settings: fenced(section, "toml"),
            lines: fenced(section, "text").lines().map(str::to_owned).collect(),
        })
        .collect()
}

#[test]
fn every_recipe_is_sound_and_does_what_it_says() {
    let now = Timestamp::from_seconds(1_800_000_000);
    let recipes = recipes();
    assert_eq!(recipes.len(), 14);
    for Recipe { title, settings, lines } in recipes {
        let mut vars = vars(&[settings]);
        vars.insert("POSTERN_AUDIENCE".to_owned(), json!("https://api.example.com"));
        let explainer = Explainer::new(Config::from_vars(&vars).unwrap());
        // What a recipe says of itself: any issuer will do, and a platform's limit that every such rule has.
        let is_said = |code: &str| ["any_issuer", "websocket_without_flow_control"].contains(&code);
        let remarks = explainer.review().into_iter().filter(|remark| !is_said(remark.code));
        assert_eq!(remarks.collect::<Vec<_>>(), [], "{title}");
        assert!(lines.len() > 2, "{title}");
        for line in lines {
            let (request, expected) = line.rsplit_once(" => ").unwrap();
            let mut parts = request.splitn(3, ' ');
            let [method, url, caller] = [(); 3].map(|()| parts.next().unwrap());
            let claims = (caller != "-").then(|| serde_json::from_str(caller).unwrap());
            let supposed = claims.as_ref().map_or(Supposed::Nobody, Supposed::Claims);
            // As a page of the site sends it: the token where the route looks for it.
            let request = PlainRequest::new(method, url).with("x-csrf-token", "the session's");
            let by_header = explainer.explain(&request, supposed, Place::Header, now).unwrap();
            let takes_header = by_header.route.as_ref().is_none_or(|deciding| {
                explainer.gate().routes()[deciding.index].forwarding.token_sources.header
            });
            let told = if takes_header {
                by_header
            } else {
                explainer.explain(&request, supposed, Place::Cookie, now).unwrap()
            };
            let became = match &told.answer {
                Answer::Own | Answer::Preflight { .. } => "postern".to_owned(),
                Answer::Forwarded { .. } => told.route.unwrap().name,
                Answer::Refused { reply, .. } => {
                    let problem: Value = serde_json::from_slice(&reply.body).unwrap();
                    format!("{} {}", reply.status, problem["code"].as_str().unwrap())
                }
            };
            assert_eq!(became, expected, "{title}: {line}");
        }
    }
}

/// What follows `name` in a source file, up to the end of the statement, without `_` and words.
fn constant(file: &str, name: &str) -> String {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file)).unwrap();
    let (_, rest) = text.split_once(name).unwrap_or_else(|| panic!("{file} has no {name}"));
    let value = rest.lines().next().unwrap();
    value.chars().filter(char::is_ascii_digit).collect()
}

/// Numbers that a page tells and the code decides, each in the sentence that tells it.
#[test]
fn the_numbers_in_the_pages_are_those_of_the_code() {
    let (context, types) = ("crates/core/src/refresh/context.rs", "crates/app/src/config/types.rs");
    let (password, foreign) =
        ("crates/core/src/identity/password/parameters.rs", "crates/core/src/identity/password/foreign.rs");
    let (grants, token_size) = ("crates/core/src/identity/grants.rs", "crates/app/src/config/token_size.rs");
    for (page, told, numbers) in [
        (
            "docs/reference/configuration.md",
            "scores # or more of 100: another operating system #, program #, country #, network #",
            vec![
                (types, "SIGN_IN_FROM_SCORE: u8 ="),
                (context, "Self::Platform =>"),
                (context, "Self::Product =>"),
                (context, "Self::Country =>"),
                (context, "Self::Network =>"),
            ],
        ),
        (
            "docs/reference/storage-schema.md",
            r#"{"sign_in":{"from_score":#}}"#,
            vec![(types, "SIGN_IN_FROM_SCORE: u8 =")],
        ),
        ("docs/reference/users.md", "bcrypt #; scrypt 64 MiB", vec![(foreign, "BCRYPT_MAX_COST: u32 =")]),
        (
            "docs/reference/users.md",
            "Argon2 64 MiB, # passes, # lanes",
            vec![(password, "MAX_PASSES: u32 ="), (password, "MAX_FOREIGN_LANES: u32 =")],
        ),
        (
            "docs/reference/users.md",
            "At most # scopes and 64 roles, each of at most # bytes",
            vec![(grants, "MAX_GRANTS: usize ="), (grants, "MAX_GRANT_BYTES: usize =")],
        ),
        (
            "docs/reference/users.md",
            "for # minutes after the change",
            vec![("crates/core/src/account/sessions.rs", "FENCE: Duration =")],
        ),
        ("docs/reference/users.md", "carry: 7 680 bytes", vec![]),
        (
            "docs/reference/users.md",
            "or # bytes with `POSTERN_COOKIE.access`",
            vec![(token_size, "MOST_AS_COOKIE: usize =")],
        ),
    ] {
        let mut sentence = told.to_owned();
        for (file, name) in numbers {
            sentence = sentence.replacen('#', &constant(file, name), 1);
        }
        let text =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(page)).unwrap();
        // Thousands are set apart.
        assert!(
            text.contains(&sentence) || text.contains(&sentence.replace("4000", "4 000")),
            "{page}: {sentence}"
        );
    }
    assert_eq!(constant(token_size, "const MOST: usize ="), "7680");
}

#[test]
fn the_page_names_every_key_that_is_derived_from_a_master() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let source = fs::read_to_string(root.join("crates/core/src/secrets.rs")).unwrap();
    let page = fs::read_to_string(root.join("docs/reference/storage-schema.md")).unwrap();
    let derived: Vec<&str> =
        source.split(": key(\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(derived.len() >= 9, "{derived:?}");
    let (_, told) = page.split_once("## Keys derived from a master secret").unwrap();
    for purpose in derived {
        assert!(told.contains(&format!("`{purpose}`")), "{purpose}");
    }
}

/// All words in the sources below `folder`.
fn words_of(folder: &Path, words: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            words_of(&path, words);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let parts = text.split(|character: char| !character.is_alphanumeric() && character != '_');
            words.extend(parts.map(str::to_owned));
        }
    }
}

// A rename that forgets the glossary fails here.
#[test]
fn the_glossary_names_items_of_the_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut words = BTreeSet::new();
    for crate_name in ["app", "core", "gateway", "jose"] {
        words_of(&root.join("crates").join(crate_name).join("src"), &mut words);
    }
    // Crates are modules in a path, too.
    words.extend(["gateway".to_owned()]);
    let page = fs::read_to_string(root.join("docs/glossary.md")).unwrap();
    let mut names = 0;
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let cell = row.split(" | ").nth(2).unwrap();
        for name in cell.split('`').skip(1).step_by(2) {
            let known = if name.contains('/') {
                root.join(name).exists()
            } else {
                name.split("::").all(|part| words.contains(part))
            };
            assert!(known, "{name} in {row}");
            names += 1;
        }
    }
    assert!(names > 50, "{names}");
}
