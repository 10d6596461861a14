//! What all pages of the dashboard have in common: areas, heading, and the policy that browsers hold them to.

use maud::{DOCTYPE, PreEscaped, html};

use super::part::{Link, Part};
use crate::{
    frame::{Document, GATE, hash},
    theme::Theme,
};

/// The rules of the dashboard, behind those of the other pages.
const STYLE: &str = include_str!("../../dashboard.css");

/// An area of the dashboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    /// Its name.
    pub name: &'static str,
    /// The address of its first page.
    pub href: String,
    /// Whether the page is in it.
    pub is_current: bool,
}

/// The surroundings of a page.
#[derive(Debug, Clone)]
pub struct Dashboard<'a> {
    /// Its look, which is that of the other pages.
    pub theme: &'a Theme,
    /// The areas. Empty for a visitor who is no administrator.
    pub areas: Vec<Area>,
    /// The administrator's login, if it is known.
    pub login: Option<String>,
    /// The pages for signing in as another user and for signing out.
    pub account: Vec<Link>,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screen {
    /// The title of the window, and the heading.
    pub title: String,
    /// Whether it reports an error, which its title then says first.
    pub is_error: bool,
    /// What follows the heading.
    pub parts: Vec<Part>,
    /// A module that keeps parts of the page up to date. It may ask this host, and the policy names it by its hash. The page
    /// is complete without it.
    pub script: Option<&'static str>,
}

impl Screen {
    /// A page without a script.
    pub fn new(title: &str, parts: Vec<Part>) -> Self {
        Self { title: title.to_owned(), is_error: false, parts, script: None }
    }
}

impl Dashboard<'_> {
    /// Renders a page.
    pub fn render(&self, screen: &Screen) -> Document {
        let style = [self.theme.style().as_str(), STYLE].concat();
        let html = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    title { @if screen.is_error { "Error: " } (screen.title) " – " (self.theme.name) " dashboard" }
                    style { (PreEscaped(&style)) }
                }
                body.dashboard {
                    header {
                        a.skip href="#main" { "Skip to the page" }
                        div.brand {
                            @if let Some(logo) = &self.theme.logo { img src=(logo) alt=""; } @else { (PreEscaped(GATE)) }
                            (self.theme.name)
                        }
                        ul.account {
                            @if let Some(login) = &self.login { li { bdi { (login) } } }
                            @for link in &self.account { li { (link.render()) } }
                        }
                        @if !self.areas.is_empty() {
                            nav aria-label="Areas" {
                                ul {
                                    @for area in &self.areas {
                                        li {
                                            a href=(area.href) aria-current=[area.is_current.then_some("page")] { (area.name) }
                                        }
                                    }
                                }
                            }
                        }
                    }
                    main id="main" tabindex="-1" {
                        h1 { (screen.title) }
                        @for part in &screen.parts { (part.render()) }
                    }
                    @if let Some(script) = screen.script { script type="module" { (PreEscaped(script)) } }
                }
            }
        };
        let mut policy = ["default-src 'none'; style-src '", &hash(&style), "'"].concat();
        if let Some(script) = screen.script {
            policy.push_str(&["; script-src '", &hash(script), "'; connect-src 'self'"].concat());
        }
        self.theme.allow_logo(&mut policy);
        policy.push_str("; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
        Document { html: html.into_string(), policy }
    }
}
