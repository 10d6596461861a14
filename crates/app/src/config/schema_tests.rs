//! `packages/postern/schema/settings.schema.json`, by which editors complete settings, has the variables, members, choices
//! and limits of the reader, and nothing else. Each is asked for with a value that is wrong everywhere: the reader's mistake
//! names what it knows. The limits are those of the local profile, which are the widest.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{Config, VARIABLES};

/// Not a member, a choice, a number or a flag.
const WRONG: &str = "zz\u{1}";

/// Choices that the reader words in another way, or that are one of several forms.
const OTHER_WORDS: [&str; 2] = ["POSTERN_CLIENTS[0].grant_types", "POSTERN_ROUTES[0].timeout_ms"];

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../../packages/postern/schema/settings.schema.json")).unwrap()
}

/// One form that a value can have, with the steps to it from the variables.
struct Form<'s> {
    steps: Vec<Step>,
    schema: &'s Value,
}

#[derive(Clone)]
enum Step {
    /// A member, beside those of a complete example of its object.
    Member(String, Map<String, Value>),
    /// The only item of a list.
    Item,
}

fn path(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Member(name, _) if path.is_empty() => path.push_str(name),
            Step::Member(name, _) => path = format!("{path}.{name}"),
            Step::Item => path.push_str("[0]"),
        }
    }
    path
}

/// All forms of all values.
fn forms(schema: &Value) -> Vec<Form<'_>> {
    let mut found = Vec::new();
    walk(schema, schema, &[], &mut found);
    found
}

fn walk<'s>(root: &'s Value, schema: &'s Value, steps: &[Step], found: &mut Vec<Form<'s>>) {
    if let Some(name) = schema["$ref"].as_str() {
        return walk(root, &root["definitions"][name.rsplit('/').next().unwrap()], steps, found);
    }
    if let Some(alternatives) = schema["anyOf"].as_array() {
        return alternatives.iter().for_each(|one| walk(root, one, steps, found));
    }
    found.push(Form { steps: steps.to_vec(), schema });
    let example = schema["examples"][0].as_object().cloned().unwrap_or_default();
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        walk(root, member, &[steps, &[Step::Member(name.clone(), example.clone())]].concat(), found);
    }
    if schema["additionalProperties"].is_object() {
        let any = Step::Member("any".to_owned(), Map::new());
        walk(root, &schema["additionalProperties"], &[steps, &[any]].concat(), found);
    }
    if schema["items"].is_object() {
        walk(root, &schema["items"], &[steps, &[Step::Item]].concat(), found);
    }
}

/// The variables with this value at the end of the steps.
fn vars(steps: &[Step], value: Value) -> BTreeMap<String, Value> {
    let whole = steps.iter().rev().fold(value, |inner, step| match step {
        Step::Member(name, beside) => {
            let mut members = beside.clone();
            members.insert(name.clone(), inner);
            members.into()
        }
        Step::Item => json!([inner]),
    });
    let mut vars: BTreeMap<String, Value> = BTreeMap::from([
        ("POSTERN_PROFILE".to_owned(), "local".into()),
        ("POSTERN_ISSUER".to_owned(), "http://localhost:8787".into()),
        ("POSTERN_MASTER_KEY".to_owned(), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8".into()),
    ]);
    vars.extend(whole.as_object().cloned().unwrap_or_default());
    vars
}

/// What the reader says of a wrong value there.
fn problem(form: &Form<'_>, value: Value, at: &str) -> Option<String> {
    let mistakes = Config::from_vars(&vars(&form.steps, value)).err()?;
    mistakes.into_iter().find(|mistake| mistake.path == at).map(|mistake| mistake.problem)
}

fn names(of: &Value) -> BTreeSet<String> {
    let list = of.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    list.chain(of.as_object().into_iter().flatten().map(|(name, _)| name.clone())).collect()
}

#[test]
fn the_schema_has_every_variable_and_no_other() {
    assert_eq!(names(&schema()["properties"]), VARIABLES.map(str::to_owned).into());
}

#[test]
fn the_schema_has_every_member_and_no_other() {
    let schema = schema();
    let objects: Vec<_> =
        forms(&schema).into_iter().filter(|form| form.schema["properties"].is_object()).skip(1).collect();
    assert!(objects.len() > 40, "{}", objects.len());
    for form in objects {
        let here = path(&form.steps);
        let mut value = form.schema["examples"][0].as_object().cloned().unwrap_or_default();
        value.insert(WRONG.to_owned(), 1.into());
        let told = problem(&form, value.into(), &format!("{here}.{WRONG}")).unwrap_or_default();
        let known = told.split_once("known names: ").map(|(_, names)| names).unwrap_or_default();
        let known: BTreeSet<String> = known.split(", ").map(str::to_owned).collect();
        assert_eq!(names(&form.schema["properties"]), known, "{here}: {told}");
    }
}

#[test]
fn the_schema_has_every_choice_and_no_other() {
    let schema = schema();
    let choices: Vec<_> = forms(&schema).into_iter().filter(|form| form.schema["enum"].is_array()).collect();
    assert!(choices.len() > 20, "{}", choices.len());
    for form in choices {
        let here = path(&form.steps);
        let told = problem(&form, WRONG.into(), &here).unwrap_or_default();
        if OTHER_WORDS.contains(&here.trim_end_matches("[0]")) {
            assert!(!told.is_empty(), "{here}");
            continue;
        }
        let known = told.strip_prefix("must be one of: ").unwrap_or_default();
        let mut known: BTreeSet<String> = known.split(", ").map(str::to_owned).collect();
        if known.contains("EdDSA") && here.starts_with("POSTERN_ISSUERS") {
            // RFC 9864 gave the algorithm a second name.
            known.insert("Ed25519".to_owned());
        }
        assert_eq!(names(&form.schema["enum"]), known, "{here}: {told}");
    }
}

#[test]
fn the_schema_has_every_limit_of_a_number() {
    let schema = schema();
    let numbers: Vec<_> =
        forms(&schema).into_iter().filter(|form| form.schema["type"] == "integer").collect();
    assert!(numbers.len() > 50, "{}", numbers.len());
    for form in numbers {
        let here = path(&form.steps);
        let told = problem(&form, WRONG.into(), &here).unwrap_or_default();
        let limits = format!(" from {} to {};", form.schema["minimum"], form.schema["maximum"]);
        assert!(told.starts_with("must be a whole number") && told.contains(&limits), "{here}: {told}");
    }
}

#[test]
fn the_examples_of_the_schema_have_no_mistakes() {
    let schema = schema();
    let examples: Vec<_> =
        forms(&schema).into_iter().filter(|form| form.schema["examples"].is_array()).collect();
    assert!(examples.len() >= 4);
    for form in examples {
        let variables = vars(&form.steps, form.schema["examples"][0].clone());
        let mistakes = Config::from_vars(&variables).err().unwrap_or_default();
        let here = path(&form.steps);
        assert!(!mistakes.iter().any(|mistake| mistake.path.starts_with(&here)), "{here}: {mistakes:?}");
    }
}
