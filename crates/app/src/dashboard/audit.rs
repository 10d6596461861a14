//! `/admin/ui/audit`: the audit log, newest first.

use postern_pages::dashboard::{Cell, Entry, Link, Part, Screen, Search, Table};

use crate::{
    admin::paging::Query,
    audit::{
        AuditLog as _, Page,
        chain::{Broken, Digest, Flaw, Head, Sealed, verify_chain},
    },
    dashboard::{desk::Desk, reading::Reading, refused::Refused},
    runtime::ports::Ports,
    web::error::ApiError,
};

/// How many entries one page lists.
const ON_A_PAGE: usize = 50;

/// How many entries the log gives at once.
const AT_ONCE: u16 = 200;

/// How many times the log is asked for one page of a filtered list: 1000 entries.
const READINGS: usize = 5;

/// The texts that entries are filtered by, each by any part of it.
const FILTERS: [(&str, &str); 3] = [("who", "Administrator"), ("action", "Action"), ("target", "Target")];

/// The entries of one page.
#[derive(Default)]
struct Found {
    /// The newest first.
    entries: Vec<Sealed>,
    /// The numbers that were looked at, the first and the last.
    from: u64,
    to: u64,
    /// The hash that the first of them has of the entry before it.
    behind: Option<Digest>,
    /// The number of the last entry of the log.
    last: u64,
    /// What is wrong with the chain among those that were looked at.
    broken: Vec<String>,
    /// How many entries name a master that is not in force any more.
    unproved: usize,
}

impl<P: Ports> Reading<'_, P> {
    pub(super) async fn audit(&self, desk: &Desk<'_>, query: &Query) -> Result<Screen, Refused> {
        let before = match query.value("before") {
            None => None,
            Some(text) => {
                let problem = "must be the number of an entry";
                Some(text.parse().map_err(|_| ApiError::InvalidParameter { name: "before", problem })?)
            }
        };
        let found = self.find(before, query).await?;
        let value = |name| query.value(name).unwrap_or_default();
        let filters = FILTERS.map(|(name, label)| Entry::text(name, label, value(name))).to_vec();
        let mut parts = vec![
            Part::Search(Search {
                name: "Filter the audit log",
                action: desk.around.link("/ui/audit"),
                entries: filters,
                button: "Filter",
            }),
            state(&found),
            Part::Table(entries(&found, "Entries, newest first", "No entry matches.")),
        ];
        let mut pages = Vec::new();
        let link = |text: &str, before: &str| {
            let query = [
                ("before", before),
                ("who", value("who")),
                ("action", value("action")),
                ("target", value("target")),
            ];
            Link::new(text, desk.around.link_with("/ui/audit", &query))
        };
        if before.is_some() {
            pages.push(link("Newest", ""));
        }
        if found.from > 1 {
            pages.push(link("Older", &found.from.to_string()));
        }
        parts.push(Part::Pages(pages));
        Ok(Screen::new("Audit log", parts))
    }

    /// The revocations that the log has last, and whether its chain is intact: the feed itself has hashes, and no names.
    pub(super) async fn revoked(&self) -> Result<Vec<Part>, Refused> {
        let found = self.find(None, &Query::of(vec![("action", "revoke".to_owned())])).await?;
        let table = entries(
            &found,
            "Revocations of administrators, newest first",
            "No revocation is among the last entries of the audit log.",
        );
        Ok(vec![state(&found), Part::Table(table)])
    }

    /// Looks for entries from `before` backwards, until the page is full or enough were looked at.
    async fn find(&self, before: Option<u64>, query: &Query) -> Result<Found, Refused> {
        let log = self.0.ports.audit_log();
        let last = log.page(0, 1).await?.last;
        let end = before.unwrap_or(u64::MAX).min(last.saturating_add(1));
        let mut found = Found { last, from: end, to: end.saturating_sub(1), ..Found::default() };
        for _ in 0..READINGS {
            if found.from <= 1 || found.entries.len() >= ON_A_PAGE {
                break;
            }
            let after = found.from.saturating_sub(1).saturating_sub(AT_ONCE.into());
            let limit = u16::try_from(found.from.saturating_sub(1).saturating_sub(after)).unwrap_or(AT_ONCE);
            let page = log.page(after, limit).await?;
            found.take(page, after, query);
        }
        Ok(found)
    }
}

impl Found {
    /// Takes the entries behind `after` in, newest first, until the page is full.
    fn take(&mut self, page: Page, after: u64, query: &Query) {
        let Page { entries, forged, unproved, .. } = page;
        let start = match entries.first() {
            Some(first) if after > 0 => Head { seq: after, hash: first.entry.prev },
            _ => Head { seq: after, ..Head::EMPTY },
        };
        // The last of them is the one before those behind them, which were read first.
        let behind = self.behind.take();
        let end = verify_chain(start, &entries, None).and_then(|end| {
            let seq = end.seq.saturating_add(1);
            if seq != self.from {
                Err(Broken { seq, flaw: Flaw::Sequence })
            } else if behind.is_some_and(|prev| prev != end.hash) {
                Err(Broken { seq, flaw: Flaw::Unlinked })
            } else {
                Ok(())
            }
        });
        self.broken.extend(end.err().map(|broken| broken.to_string()));
        self.behind = entries.first().map(|first| first.entry.prev);
        self.broken.extend(forged.iter().map(|seq| format!("entry {seq} was not written by Postern")));
        self.unproved += unproved.len();
        self.from = after.saturating_add(1);
        for sealed in entries.into_iter().rev() {
            if self.entries.len() == ON_A_PAGE {
                // The next page begins behind the last entry of this one.
                self.from = self.entries.last().map_or(self.from, |last| last.entry.seq);
                return;
            }
            let entry = &sealed.entry;
            let texts = [&entry.who, &entry.action, &entry.target];
            let fits = FILTERS.iter().zip(texts).all(|((name, _), text)| {
                query.value(name).is_none_or(|part| text.to_lowercase().contains(&part.to_lowercase()))
            });
            if fits {
                self.entries.push(sealed);
            }
        }
    }
}

/// What is known of the chain.
fn state(found: &Found) -> Part {
    if found.last == 0 {
        return Part::Text("The log has no entry yet.".to_owned());
    }
    let (from, to, last) = (found.from, found.to, found.last);
    if !found.broken.is_empty() {
        return Part::Alert {
            title: "The chain of the audit log is broken".to_owned(),
            lines: found.broken.clone(),
            code: String::new(),
        };
    }
    let unproved = match found.unproved {
        0 => String::new(),
        number => format!(" {number} of them name a master secret that is not in force any more."),
    };
    Part::Text(format!(
        "Entries {from} to {to} of {last} were read, and their chain is intact.{unproved} postern audit verify checks the whole log."
    ))
}

fn entries(found: &Found, caption: &str, empty: &'static str) -> Table {
    Table {
        caption: caption.to_owned(),
        head: vec!["Number", "Time (UTC)", "Administrator", "Action", "Target", "Detail", "Result"],
        rows: found.entries.iter().map(row).collect(),
        empty,
    }
}

fn row(sealed: &Sealed) -> Vec<Cell> {
    let entry = &sealed.entry;
    let of = entry.of.map(|of| format!("{} {of}", entry.result.name()));
    let result = of.unwrap_or_else(|| entry.result.name().to_owned());
    let is_done = matches!(entry.result.name(), "done" | "requested");
    vec![
        Cell::Text(entry.seq.to_string()),
        Cell::Time(entry.at.seconds()),
        Cell::Code(entry.who.clone()),
        Cell::Code(entry.action.clone()),
        if entry.target.is_empty() { Cell::Nothing } else { Cell::Code(entry.target.clone()) },
        Cell::text(&entry.detail),
        if is_done { Cell::Text(result) } else { Cell::Bad(result) },
    ]
}
