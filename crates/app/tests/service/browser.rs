//! A browser at the pages: cookies and forms.

use postern_app::http::{PlainRequest, Reply};

use super::world::{PASSWORD, World, block_on};

pub(crate) const ORIGIN: &str = "http://localhost:8787";
pub(crate) const ALICE: &str = "alice@example.com";

/// A browser with its cookies.
pub(crate) struct Browser<'w> {
    world: &'w World,
    pub(crate) cookies: Vec<(String, String)>,
    headers: Vec<(&'static str, String)>,
}

impl<'w> Browser<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        Self { world, cookies: Vec::new(), headers: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn send(&mut self, request: PlainRequest, body: &str) -> Reply {
        let jar: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = if jar.is_empty() { request } else { request.with("cookie", &jar.join("; ")) };
        for (name, value) in &self.headers {
            request = request.with(name, value);
        }
        let reply = block_on(self.world.service().own(&request, body.as_bytes()));
        for (_, line) in reply.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (pair, attributes) = line.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !attributes.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        reply
    }

    pub(crate) fn get(&mut self, address: &str) -> Reply {
        self.send(PlainRequest::new("GET", &format!("{ORIGIN}{address}")), "")
    }

    /// Posts a form of a page with its hidden fields and these entries.
    pub(crate) fn post_with(
        &mut self,
        path: &str,
        hidden: Vec<(String, String)>,
        entries: &[(&str, &str)],
    ) -> Reply {
        self.post_all(ORIGIN, path, hidden, entries)
    }

    /// As above, from a page of another origin.
    pub(crate) fn post_all(
        &mut self,
        origin: &str,
        path: &str,
        mut fields: Vec<(String, String)>,
        entries: &[(&str, &str)],
    ) -> Reply {
        fields.extend(entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post_from(origin, path, &fields)
    }

    pub(crate) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.post_from(ORIGIN, path, fields)
    }

    pub(crate) fn post_from(&mut self, origin: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let request = PlainRequest::new("POST", &format!("{ORIGIN}{path}"))
            .with("content-type", "application/x-www-form-urlencoded")
            .with("origin", origin);
        self.send(request, &body.join("&"))
    }

    /// Opens a page and posts its form with these entries.
    pub(crate) fn fill(&mut self, address: &str, entries: &[(&str, &str)]) -> Reply {
        let page = html(&self.get(address));
        let path = address.split('?').next().unwrap();
        self.post_with(path, hidden(&page), entries)
    }

    pub(crate) fn sign_in(&mut self) -> Reply {
        self.fill("/auth/sign-in", &[("login", ALICE), ("password", PASSWORD)])
    }

    pub(crate) fn is_signed_in(&mut self) -> bool {
        html(&self.get("/auth/sign-in")).contains("You are signed in as <bdi>alice@example.com</bdi>")
    }
}

pub(crate) fn encoded(text: &str) -> String {
    text.bytes().flat_map(|byte| ['%', digit(byte >> 4), digit(byte & 15)]).collect()
}

fn digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).unwrap()
}

pub(crate) fn html(reply: &Reply) -> String {
    assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"), "{}", reply.status);
    String::from_utf8(reply.body.clone()).unwrap()
}

/// The hidden fields of a page's form.
pub(crate) fn hidden(page: &str) -> Vec<(String, String)> {
    let fields = page.split("<input type=\"hidden\" name=\"").skip(1);
    fields
        .map(|rest| {
            let (name, rest) = rest.split_once("\" value=\"").unwrap();
            let value = rest.split('"').next().unwrap().replace("&amp;", "&");
            (name.to_owned(), value)
        })
        .collect()
}
