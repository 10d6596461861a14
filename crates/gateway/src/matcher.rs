//! The compiled route table: per host a tree over path segments. The first match in table order
//! wins, as in a plain list, but what a look-up costs depends on the depth of the path and not
//! on the length of the table. Only patterns that overlap (`/a/{x}` beside `/{y}/b`) make it
//! follow two branches: how far that can go is known from the table alone ([`most_steps`]), and
//! a table where it could go beyond [`MAX_STEPS`] is refused when it is read.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
};

use super::route::{HostPattern, Methods, Route, Segment};

/// Parameter names and their decoded values.
pub type Params = Vec<(String, String)>;

/// The most places of the tree that one look-up may visit: some 20 microseconds. Real tables stay
/// below 40; for more than this, patterns must overlap segment after segment in many ways.
pub const MAX_STEPS: usize = 256;

/// TRACE makes the origin send back the request, with the headers that only the origin may see, such as the signed
/// assertion (RFC 9110 section 9.3.8). No route takes it.
pub(super) const UNTAKEN: &str = "TRACE";

/// The methods that stand in `Allow` for a route that takes every one.
const IN_USE: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// Routes in table order, compiled.
#[derive(Debug, Clone)]
pub struct RouteTable {
    routes: Vec<Route>,
    hosts: Hosts,
}

/// The trees.
#[derive(Debug, Clone)]
struct Hosts {
    exact: HashMap<String, Node>,
    /// By suffix, without `*.`.
    wildcard: HashMap<String, Node>,
    /// How many labels the longest of those suffixes has: a host with thousands of them costs no
    /// more look-ups than that.
    most_labels: usize,
    any: Node,
}

/// A place in the tree. Literals and the parameter are alternatives: both are followed, and the
/// lowest index wins; `lowest` cuts off branches that cannot win any more.
#[derive(Debug, Clone)]
struct Node {
    lowest: usize,
    literals: HashMap<String, Self>,
    param: Option<Box<Self>>,
    here: Takers,
    rest: Takers,
}

/// The routes whose pattern is exactly this place: of several for one method only the first
/// can ever win, so one is kept.
#[derive(Debug, Clone, Default)]
struct Takers {
    any: Option<usize>,
    named: HashMap<String, usize>,
}

impl Takers {
    fn add(&mut self, methods: &Methods, index: usize) {
        match methods {
            Methods::Any => {
                self.any.get_or_insert(index);
            }
            Methods::Only(methods) => {
                for method in methods {
                    self.named.entry(method.clone()).or_insert(index);
                }
            }
        }
    }

    fn first(&self, method: &str) -> Option<usize> {
        self.any.into_iter().chain(self.named.get(method).copied()).min()
    }
}

impl Node {
    fn new() -> Self {
        Self {
            lowest: usize::MAX,
            literals: HashMap::new(),
            param: None,
            here: Takers::default(),
            rest: Takers::default(),
        }
    }

    fn add(&mut self, segments: &[Segment], methods: &Methods, index: usize) {
        self.lowest = self.lowest.min(index);
        match segments.split_first() {
            None => self.here.add(methods, index),
            Some((Segment::Rest(_), _)) => self.rest.add(methods, index),
            Some((Segment::Param(_), remaining)) => {
                self.param.get_or_insert_with(|| Box::new(Self::new())).add(remaining, methods, index);
            }
            Some((Segment::Literal(text), remaining)) => {
                self.literals.entry(text.clone()).or_insert_with(Self::new).add(remaining, methods, index);
            }
        }
    }

    /// The most places that a look-up from here on can visit: of the literals one at most, and the
    /// parameter beside it. No deeper than a pattern is long.
    fn most_steps(&self) -> usize {
        if self.lowest == usize::MAX {
            return 0;
        }
        let literal = self.literals.values().map(Self::most_steps).max().unwrap_or_default();
        1 + literal + self.param.as_deref().map_or(0, Self::most_steps)
    }

    /// Calls `visit` with all takers of the path that may hold an index below `best`.
    fn walk(&self, path: &[Cow<'_, str>], best: &mut usize, visit: &mut impl FnMut(&Takers, &mut usize)) {
        if self.lowest >= *best {
            return;
        }
        #[cfg(test)]
        tests::count_step();
        let Some((segment, remaining)) = path.split_first() else {
            visit(&self.here, best);
            return;
        };
        visit(&self.rest, best);
        if let Some(next) = self.literals.get(segment.as_ref()) {
            next.walk(remaining, best, visit);
        }
        if let Some(next) = &self.param
            && !segment.is_empty()
        {
            next.walk(remaining, best, visit);
        }
    }
}

impl RouteTable {
    /// Compiles the routes.
    pub(crate) fn new(routes: Vec<Route>) -> Self {
        let hosts = Hosts::new(&routes);
        Self { routes, hosts }
    }

    /// The routes in table order.
    pub(crate) fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The first route that takes the request, with its place in the table. `host` as [`normal_host`]
    /// gives it, `path` as decoded segments.
    pub(crate) fn find(&self, method: &str, host: &str, path: &[Cow<'_, str>]) -> Option<(usize, &Route)> {
        let mut best = usize::MAX;
        self.hosts.walk(host, path, &mut best, &mut |takers, best| {
            if let Some(index) = takers.first(method) {
                *best = index.min(*best);
            }
        });
        Some((best, self.routes.get(best)?))
    }

    /// The methods that routes of this path take; empty when no route knows the path. Of a route
    /// that takes every method, those that are in use.
    pub(crate) fn allowed(&self, host: &str, path: &[Cow<'_, str>]) -> Vec<String> {
        let mut methods = BTreeSet::new();
        self.hosts.walk(host, path, &mut usize::MAX.clone(), &mut |takers, _| {
            methods.extend(takers.named.keys().cloned());
            if takers.any.is_some() {
                methods.extend(IN_USE.map(str::to_owned));
            }
        });
        methods.into_iter().collect()
    }
}

/// The most places of the tree that a look-up in a table of these routes can visit, whatever is
/// asked for.
pub fn most_steps(routes: &[Route]) -> usize {
    // No look-up visits more places than there are.
    let places: usize = routes.iter().map(|route| route.path.segments().len() + 1).sum();
    if places <= MAX_STEPS { places } else { Hosts::new(routes).most_steps() }
}

impl Hosts {
    fn new(routes: &[Route]) -> Self {
        let mut hosts =
            Self { exact: HashMap::new(), wildcard: HashMap::new(), most_labels: 0, any: Node::new() };
        for (index, route) in routes.iter().enumerate() {
            let root = match &route.host {
                HostPattern::Any => &mut hosts.any,
                HostPattern::Exact(host) => hosts.exact.entry(host.clone()).or_insert_with(Node::new),
                HostPattern::Wildcard(suffix) => {
                    hosts.most_labels = hosts.most_labels.max(suffix.split('.').count());
                    hosts.wildcard.entry(suffix.clone()).or_insert_with(Node::new)
                }
            };
            root.add(route.path.segments(), &route.methods, index);
        }
        hosts
    }

    /// Calls `visit` with each tree that the host leads to.
    fn roots<'h>(&'h self, host: &str, mut visit: impl FnMut(&'h Node)) {
        visit(&self.any);
        if let Some(root) = self.exact.get(host) {
            visit(root);
        }
        // From the right: the suffix of one label first.
        for (position, _) in host.rmatch_indices('.').take(self.most_labels) {
            if let Some(root) = host.get(position + 1..).and_then(|suffix| self.wildcard.get(suffix)) {
                visit(root);
            }
        }
    }

    fn walk(
        &self,
        host: &str,
        path: &[Cow<'_, str>],
        best: &mut usize,
        visit: &mut impl FnMut(&Takers, &mut usize),
    ) {
        self.roots(host, |root| root.walk(path, best, visit));
    }

    fn most_steps(&self) -> usize {
        // Every set of trees that one host leads to is among these hosts' ones.
        let below = self.wildcard.keys().map(|suffix| ["*.", suffix].concat());
        let hosts = self.exact.keys().cloned().chain(below);
        let steps = |host: &str| {
            let mut steps = 0;
            self.roots(host, |root| steps += root.most_steps());
            steps
        };
        hosts.map(|host| steps(&host)).max().unwrap_or_else(|| steps(""))
    }
}

/// A host as the table compares it: lower case, without port and without the final dot of a
/// fully qualified name.
pub fn normal_host(host: &str) -> String {
    let without_port = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    };
    without_port.strip_suffix('.').unwrap_or(without_port).to_ascii_lowercase()
}

#[cfg(test)]
#[cfg(feature = "thorough")]
mod properties;
#[cfg(test)]
mod tests;
