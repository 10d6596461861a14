//! In which line of a settings file a mistake is.

use toml::de::{DeTable, DeValue};

/// Where what is in the file begins.
#[derive(Debug, Default)]
pub(crate) struct Lines(Vec<(String, usize)>);

impl Lines {
    /// Of a file's text; `env` is the environment of wrangler whose tables count.
    pub(crate) fn read(text: &str, env: Option<&str>) -> Self {
        let mut lines = Self::default();
        let Ok(whole) = DeTable::parse(text) else { return lines };
        let mut table = whole.get_ref();
        if let Some(env) = env {
            let own = table.get("env").and_then(|all| all.get_ref().get(env));
            let Some(DeValue::Table(own)) = own.map(toml::Spanned::get_ref) else { return lines };
            table = own;
        }
        let line = |at: usize| text.get(..at).unwrap_or(text).matches('\n').count() + 1;
        lines.table("", table, &line);
        lines
    }

    fn table(&mut self, path: &str, table: &DeTable<'_>, line: &impl Fn(usize) -> usize) {
        for (name, value) in table {
            // Variables are named without the table that they are in.
            let inner = if path.is_empty() && name.get_ref() == "vars" {
                String::new()
            } else if path.is_empty() {
                name.get_ref().to_string()
            } else {
                format!("{path}.{}", name.get_ref())
            };
            self.note(&inner, name.span().start, line);
            match value.get_ref() {
                DeValue::Table(table) => self.table(&inner, table, line),
                DeValue::Array(items) => {
                    for (index, item) in items.iter().enumerate() {
                        let inner = format!("{inner}[{index}]");
                        self.note(&inner, item.span().start, line);
                        if let DeValue::Table(table) = item.get_ref() {
                            self.table(&inner, table, line);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn note(&mut self, path: &str, at: usize, line: &impl Fn(usize) -> usize) {
        self.0.push((path.to_owned(), line(at)));
    }

    /// The line of what is at this path, or of the nearest that has it in it.
    pub(crate) fn of(&self, path: &str) -> Option<usize> {
        let mut path = path;
        loop {
            if let Some((_, line)) = self.0.iter().find(|(noted, _)| noted == path && !noted.is_empty()) {
                return Some(*line);
            }
            path = path.get(..path.rfind(['.', '['])?)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_has_the_line_of_what_is_wrong_or_of_what_lacks_it() {
        let text = "name = \"postern\"\n\n[[kv_namespaces]]\nbinding = \"K\"\nid = \"0\"\n\n[vars]\n\
                    POSTERN_LEEWAY = 9000\nPOSTERN_COOKIE = { domain = \"com\" }\n\n\
                    [[vars.POSTERN_ROUTES]]\npath = \"/a\"\n\n[[vars.POSTERN_ROUTES]]\npath = \"b\"\n";
        let lines = Lines::read(text, None);
        for (path, line) in [
            ("POSTERN_LEEWAY", Some(8)),
            ("POSTERN_COOKIE.domain", Some(9)),
            ("POSTERN_ROUTES[0].upstream", Some(11)),
            ("POSTERN_ROUTES[1].path", Some(15)),
            ("POSTERN_ROUTES[1]", Some(14)),
            ("kv_namespaces.id", Some(3)),
            ("POSTERN_ISSUER", None),
            ("d1_databases", None),
        ] {
            assert_eq!(lines.of(path), line, "{path}");
        }
    }

    #[test]
    fn an_environment_has_lines_of_its_own() {
        let text = "[vars]\nPOSTERN_LEEWAY = 1\n[env.eu.vars]\nPOSTERN_LEEWAY = 2\n";
        assert_eq!(Lines::read(text, Some("eu")).of("POSTERN_LEEWAY"), Some(4));
        assert_eq!(Lines::read(text, Some("us")).of("POSTERN_LEEWAY"), None);
    }
}
