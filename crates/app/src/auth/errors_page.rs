//! `GET /auth/errors`: the list of all problem codes, to which the `type` of a problem leads. It is made from the page
//! of the documentation, so that there is only one list.

use core::fmt::Write as _;

use crate::http::Reply;

const PAGE: &str = include_str!("../../../../docs/reference/errors.md");

/// A day, because the list changes only with a deployment.
const MAX_AGE: core::time::Duration = core::time::Duration::from_hours(24);

/// The page, with one row for each code and the code as its anchor.
pub(crate) fn page() -> Reply {
    let mut html = String::from(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Errors</title><h1>Errors</h1><table><thead><tr><th>code<th>status<th>when<th>what to do<tbody>",
    );
    for (code, cells) in rows() {
        let _ = write!(html, "<tr id={code}><td><code>{code}</code>");
        for cell in cells {
            html.push_str("<td>");
            push_text(&mut html, cell);
        }
    }
    html.push_str("</table>");
    Reply::empty(200).with_body("text/html; charset=utf-8", html.into_bytes()).cacheable(MAX_AGE)
}

/// Each code with its status, its cause and the advice.
fn rows() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    PAGE.lines().filter_map(|line| {
        let (code, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
        Some((code, rest.strip_suffix(" |")?.split(" | ").collect()))
    })
}

/// Converts Markdown to plain text. Links become their text, because deployments do not serve the other pages.
fn push_text(html: &mut String, mut text: &str) {
    while let Some((before, rest)) = text.split_once('[') {
        let link = rest.split_once("](").and_then(|(words, rest)| Some((words, rest.split_once(')')?.1)));
        let Some((words, after)) = link else { break };
        push_escaped(html, before);
        push_escaped(html, words);
        text = after;
    }
    push_escaped(html, text);
}

fn push_escaped(html: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '<' => html.push_str("&lt;"),
            '&' => html.push_str("&amp;"),
            '`' => {}
            other => html.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_anchor_a_cause_and_something_to_do() {
        let page = String::from_utf8(page().body).unwrap();
        let mut codes = Vec::new();
        for (code, cells) in rows() {
            assert_eq!(cells.len(), 3, "{code}");
            let status: u16 = cells[0].parse().unwrap();
            assert!((400..600).contains(&status) && cells[1..].iter().all(|cell| cell.len() > 5), "{code}");
            assert!(page.contains(&format!("<tr id={code}>")) && !codes.contains(&code), "{code}");
            codes.push(code);
        }
        assert!(codes.len() > 50, "{}", codes.len());
        for left in ["](", "`", "| "] {
            assert!(!page.contains(left), "{left} is no text");
        }
    }
}
