//! Which scope contains which (RFC 6749 section 3.3 leaves it to the server): a token with a broader scope passes where a
//! narrower one is required.

use std::collections::{BTreeMap, BTreeSet};

/// Which scopes contain which others, directly or through further ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeImplications {
    /// By scope: every broader one.
    broader: BTreeMap<String, BTreeSet<String>>,
}

/// A scope that contains itself through others. No reading of such a table makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeCircle {
    /// A scope of the circle.
    pub scope: String,
}

impl ScopeImplications {
    /// Completes a table of scopes, each with those that it contains directly.
    ///
    /// # Errors
    /// Returns the first scope that contains itself.
    pub fn new(direct: &BTreeMap<String, BTreeSet<String>>) -> Result<Self, ScopeCircle> {
        let mut broader: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for scope in direct.keys() {
            let mut contained = BTreeSet::new();
            let mut waiting = vec![scope];
            while let Some(next) = waiting.pop() {
                for inner in direct.get(next).into_iter().flatten() {
                    if inner == scope {
                        return Err(ScopeCircle { scope: scope.clone() });
                    }
                    if contained.insert(inner) {
                        waiting.push(inner);
                    }
                }
            }
            for inner in contained {
                broader.entry(inner.clone()).or_default().insert(scope.clone());
            }
        }
        Ok(Self { broader })
    }

    /// The scopes that contain one of these, by the scope that they contain: the part of the table that a route with these
    /// scopes needs.
    pub fn broader_than<'s>(
        &self,
        scopes: impl IntoIterator<Item = &'s String>,
    ) -> BTreeMap<String, BTreeSet<String>> {
        let broader = |scope: &String| Some((scope.clone(), self.broader.get(scope)?.clone()));
        let mut table = BTreeMap::new();
        table.extend(scopes.into_iter().filter_map(broader));
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(&str, &[&str])]) -> BTreeMap<String, BTreeSet<String>> {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        rows.iter().map(|(scope, inner)| ((*scope).to_owned(), set(inner))).collect()
    }

    #[test]
    fn a_scope_contains_all_that_its_scopes_contain() {
        let direct = table(&[("admin", &["write", "audit"]), ("write", &["read"]), ("owner", &["admin"])]);
        let implied = ScopeImplications::new(&direct).unwrap();
        let asked = ["read".to_owned(), "audit".to_owned(), "owner".to_owned(), "else".to_owned()];
        let expected = table(&[("audit", &["admin", "owner"]), ("read", &["admin", "owner", "write"])]);
        assert_eq!(implied.broader_than(&asked), expected);
    }

    #[test]
    fn a_circle_of_scopes_is_found_however_long() {
        let circles: [&[(&str, &[&str])]; 4] = [
            &[("a", &["a"])],
            &[("a", &["b"]), ("b", &["a"])],
            &[("a", &["x", "b"]), ("b", &["c"]), ("c", &["y", "a"])],
            &[("z", &["a"]), ("a", &["b"]), ("b", &["a"])],
        ];
        for rows in circles {
            assert!(ScopeImplications::new(&table(rows)).is_err(), "{rows:?}");
        }
        // Two ways to one scope are no circle.
        let diamond = table(&[("a", &["b", "c"]), ("b", &["d"]), ("c", &["d"])]);
        assert!(ScopeImplications::new(&diamond).is_ok());
    }
}
