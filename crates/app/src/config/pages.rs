//! `POSTERN_PAGES`: the pages that a person sees, and their look.

use core::time::Duration;
use std::collections::BTreeMap;

use postern_pages::{Colour, Language, Links, LowContrast, Palette, Theme};

use super::{
    reader::{Fields, Node},
    values::{self, UrlRule},
};
use crate::http::UrlParts;

/// The longest name of a service, in characters. It is on one line of a phone.
const MAX_NAME: usize = 60;

/// The longest logo as a `data:` URL, in bytes. A page stays below 14 kB compressed with it.
const MAX_LOGO: usize = 4096;

const DAY: u64 = 86_400;

/// How long a browser stays signed in without use, in seconds: until the next working day.
const IDLE: u64 = DAY;

/// How long a browser stays signed in at all, in seconds.
const ABSOLUTE: u64 = 7 * DAY;

/// The settings of the pages.
#[derive(Debug, Clone, PartialEq)]
pub struct PagesSettings {
    /// The look, for all clients without one of their own.
    pub theme: Theme,
    /// The looks of single clients, by `client_id`.
    pub clients: BTreeMap<String, Theme>,
    /// The descriptions of scopes, by scope and language. English is always there.
    pub scopes: BTreeMap<String, Vec<(Language, String)>>,
    /// How long a browser stays signed in without use.
    pub idle_lifetime: Duration,
    /// How long a browser stays signed in at all.
    pub absolute_lifetime: Duration,
}

impl PagesSettings {
    /// The default settings, under the name of the issuer's host.
    pub(super) fn of_issuer(issuer: &str) -> Self {
        Self {
            theme: Theme::named(host_of(Some(issuer))),
            clients: BTreeMap::new(),
            scopes: BTreeMap::new(),
            idle_lifetime: Duration::from_secs(IDLE),
            absolute_lifetime: Duration::from_secs(ABSOLUTE),
        }
    }

    /// The look for a client.
    pub(crate) fn theme_of(&self, client_id: Option<&str>) -> &Theme {
        client_id.and_then(|id| self.clients.get(id)).unwrap_or(&self.theme)
    }

    /// The description of a scope in a language, or else in English.
    pub(crate) fn description(&self, scope: &str, language: Language) -> Option<&str> {
        let texts = self.scopes.get(scope)?;
        let of =
            |wanted| texts.iter().find(|(language, _)| *language == wanted).map(|(_, text)| text.as_str());
        of(language).or_else(|| of(Language::English))
    }
}

/// The members that a theme has.
const THEME: [&str; 5] = ["name", "logo", "links", "light", "dark"];

pub(super) fn read(node: &Node<'_>, issuer: Option<&str>, local: bool) -> Option<PagesSettings> {
    let own = ["clients", "scopes", "idle_lifetime", "absolute_lifetime"];
    let known: Vec<&str> = THEME.into_iter().chain(own).collect();
    let fields = node.object(&known)?;
    let theme = theme(&fields, &Theme::named(host_of(issuer)), local);
    let clients = fields.or("clients", BTreeMap::new(), |node| {
        let each = |(id, node): (&str, Node<'_>)| {
            Some((id.to_owned(), self::theme(&node.object(&THEME)?, &theme, local)))
        };
        let mut themes = BTreeMap::new();
        themes.extend(node.members()?.into_iter().filter_map(each));
        Some(themes)
    });
    let scopes = fields.or("scopes", BTreeMap::new(), |node| {
        let each = |(scope, node): (&str, Node<'_>)| Some((scope.to_owned(), descriptions(&node)?));
        let mut scopes = BTreeMap::new();
        scopes.extend(node.members()?.into_iter().filter_map(each));
        Some(scopes)
    });
    let least = if local { 1 } else { 300 };
    let lifetime =
        |name, default| fields.or(name, Duration::from_secs(default), |node| node.seconds(least..=90 * DAY));
    let idle_lifetime = lifetime("idle_lifetime", IDLE);
    let absolute_lifetime = lifetime("absolute_lifetime", ABSOLUTE);
    if absolute_lifetime < idle_lifetime {
        fields.wrong(
            "absolute_lifetime",
            format!("must be at least `idle_lifetime`, which is {}", idle_lifetime.as_secs()),
        );
    }
    Some(PagesSettings { theme, clients, scopes, idle_lifetime, absolute_lifetime })
}

fn host_of(issuer: Option<&str>) -> String {
    issuer.and_then(UrlParts::parse).map(|parts| parts.host.to_owned()).unwrap_or_default()
}

fn theme(fields: &Fields<'_>, default: &Theme, local: bool) -> Theme {
    Theme {
        name: fields.or("name", default.name.clone(), |node| node.parsed(name)),
        logo: fields.optional("logo").map_or_else(|| default.logo.clone(), |node| node.parsed(logo)),
        links: fields.or("links", default.links.clone(), |node| links(node, &default.links, local)),
        light: fields.or("light", default.light, |node| palette(node, default.light)),
        dark: fields.or("dark", default.dark, |node| palette(node, default.dark)),
    }
}

fn links(node: &Node<'_>, default: &Links, local: bool) -> Option<Links> {
    let fields = node.object(&["privacy", "terms", "help"])?;
    let link = |name, default: &Option<String>| {
        fields.optional(name).map_or_else(|| default.clone(), |node| node.parsed(|text| link(text, local)))
    };
    Some(Links {
        privacy: link("privacy", &default.privacy),
        terms: link("terms", &default.terms),
        help: link("help", &default.help),
    })
}

fn palette(node: &Node<'_>, default: Palette) -> Option<Palette> {
    let fields = node.object(&["background", "card", "text", "accent", "on_accent"])?;
    let colour = |name, default| {
        fields.or(name, default, |node| {
            node.parsed(|text| Colour::parse(text).ok_or("must be a colour such as #3448c5"))
        })
    };
    let palette = Palette {
        background: colour("background", default.background),
        card: colour("card", default.card),
        text: colour("text", default.text),
        accent: colour("accent", default.accent),
        on_accent: colour("on_accent", default.on_accent),
    };
    for LowContrast { colour, against, contrast, least } in palette.low_contrasts() {
        fields.wrong(colour, low(colour, against, contrast, least));
    }
    Some(palette)
}

/// The problem of two colours. A text in a derived colour, such as that of a hint, is paler than `text` itself.
fn low(colour: &str, against: &str, contrast: f64, least: f64) -> String {
    let what = match colour {
        "card" => "is too close to the colours of errors on it".to_owned(),
        "text" => format!("is too pale on `{against}` for hints and borders, which are paler"),
        _ => format!("is too close to `{against}`"),
    };
    format!("{what}: the contrast is {contrast:.1}, and WCAG 2.2 requires {least}")
}

fn descriptions(node: &Node<'_>) -> Option<Vec<(Language, String)>> {
    if !node.is_object() {
        return Some(vec![(Language::English, node.parsed(description)?)]);
    }
    let fields = node.object(&Language::ALL.map(Language::tag))?;
    let texts: Vec<(Language, String)> = Language::ALL
        .into_iter()
        .filter_map(|language| Some((language, fields.optional(language.tag())?.parsed(description)?)))
        .collect();
    fields.needed("en", "is missing: other languages fall back to it")?;
    Some(texts)
}

fn name(text: &str) -> Result<String, &'static str> {
    let sound = !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control);
    if sound && text.chars().count() <= MAX_NAME {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 60 characters without control characters, leading or trailing spaces")
    }
}

fn description(text: &str) -> Result<String, &'static str> {
    let sound = !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control);
    if sound && text.len() <= 200 {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 200 bytes without control characters, leading or trailing spaces")
    }
}

/// Checks a logo. Nothing is fetched from another host: its operator would see every sign-in.
fn logo(text: &str) -> Result<String, &'static str> {
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>\\".contains(&byte));
    if text.starts_with('/') && !text.starts_with("//") && text.len() <= 256 && plain(text) {
        return Ok(text.to_owned());
    }
    let types = ["data:image/svg+xml;base64,", "data:image/png;base64,", "data:image/webp;base64,"];
    if types.iter().any(|start| text.starts_with(start)) && text.len() <= MAX_LOGO && plain(text) {
        return Ok(text.to_owned());
    }
    Err(
        "must be a path on the same host, such as /logo.svg, or a data: URL of an image (svg+xml, png, webp; base64) of at most 4096 bytes",
    )
}

fn link(text: &str, local: bool) -> Result<String, &'static str> {
    if text.starts_with('/') && !text.starts_with("//") && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    if let Some(address) = text.strip_prefix("mailto:")
        && address.contains('@')
        && text.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Ok(text.to_owned());
    }
    values::url(text, UrlRule::Document, local)
        .map_err(|_| "must be an https URL, a path on the same host, or mailto:")
}
