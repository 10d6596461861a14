//! What all pages have in common: head, card, links, languages, and the policy that browsers hold them to.

use core::fmt::Write as _;

use base64ct::{Base64, Encoding as _};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use crate::{
    Language,
    messages::{Messages, filled_plain},
    theme::Theme,
};

/// Takes a one-time token out of the fragment of the address into its field. Browsers send the fragment to no server, so
/// no other part of a page can do it. Without scripts the user pastes the token.
const TOKEN_SCRIPT: &str = "const f=location.hash,t=f.slice(0,7)=='#token='&&document.querySelector('[name=token]');\
if(t){t.value=decodeURIComponent(f.slice(7));history.replaceState(null,'',location.pathname+location.search)}";

/// The mark of a service without a logo: a small gate.
pub(crate) const GATE: &str = "<svg viewBox=\"0 0 24 24\" width=\"36\" height=\"36\" fill=\"none\" stroke=\"currentColor\" \
stroke-width=\"1.75\" stroke-linecap=\"round\" stroke-linejoin=\"round\" aria-hidden=\"true\">\
<path d=\"M3.5 21V11a8.5 8.5 0 0 1 17 0v10\"/><path d=\"M8 21V6.5M12 21V5M16 21V6.5M5.5 11.5h13M5.5 16.5h13\"/></svg>";

/// The surroundings of a page.
#[derive(Debug, Clone)]
pub struct Frame<'a> {
    /// The language of the page.
    pub language: Language,
    /// Its look.
    pub theme: &'a Theme,
    /// The address of the same page in each language. Empty if it cannot be had again, because a form was posted.
    pub in_languages: Vec<(Language, String)>,
    /// The sources, besides the page's own origin, to which an answer to its form may redirect (`form-action` of CSP).
    /// Chromium applies that directive to redirects too.
    pub form_targets: Vec<String>,
}

/// A page and its policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The page, in UTF-8.
    pub html: String,
    /// The value of `Content-Security-Policy`: it names the style by its hash, and forbids all else.
    pub policy: String,
}

/// One page before its frame is around it.
pub(crate) struct Page {
    /// The title of the window, and the heading of the card.
    pub(crate) title: String,
    /// The heading, if it has more than text.
    pub(crate) heading: Option<Markup>,
    /// Whether the page reports an error, which its title then says first.
    pub(crate) is_error: bool,
    /// Whether a script may take a one-time token out of the fragment.
    pub(crate) takes_token: bool,
    /// What follows the heading.
    pub(crate) content: Markup,
}

impl Page {
    /// A page that has its title as its heading and takes no token.
    pub(crate) fn titled(title: &str, is_error: bool, content: Markup) -> Self {
        Self { title: title.to_owned(), heading: None, is_error, takes_token: false, content }
    }
}

impl Frame<'_> {
    pub(crate) const fn messages(&self) -> &'static Messages {
        self.language.messages()
    }

    pub(crate) fn around(&self, page: &Page) -> Document {
        let messages = self.messages();
        let style = self.theme.style();
        let title = if page.is_error {
            filled_plain(messages.error_title, "{title}", &page.title)
        } else {
            page.title.clone()
        };
        let html = html! {
            (DOCTYPE)
            html lang=(self.language.tag()) dir=(self.language.direction()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    title { (title) " – " (self.theme.name) }
                    style { (PreEscaped(&style)) }
                }
                body {
                    main {
                        div.brand {
                            @if let Some(logo) = &self.theme.logo { img src=(logo) alt=""; } @else { (PreEscaped(GATE)) }
                            (self.theme.name)
                        }
                        h1 { @if let Some(heading) = &page.heading { (heading) } @else { (page.title) } }
                        (page.content)
                    }
                    footer {
                        (self.links())
                        (self.switches())
                    }
                    @if page.takes_token { script { (PreEscaped(TOKEN_SCRIPT)) } }
                }
            }
        };
        let policy = self.policy(&style, page.takes_token);
        Document { html: html.into_string(), policy }
    }

    fn links(&self) -> Markup {
        let messages = self.messages();
        let links = &self.theme.links;
        let links = [
            (&links.privacy, messages.privacy),
            (&links.terms, messages.terms),
            (&links.help, messages.help),
        ];
        html! {
            @if links.iter().any(|(target, _)| target.is_some()) {
                ul {
                    @for (target, text) in links {
                        @if let Some(target) = target { li { a href=(target) { (text) } } }
                    }
                }
            }
        }
    }

    fn switches(&self) -> Markup {
        html! {
            @if !self.in_languages.is_empty() {
                nav aria-label=(self.messages().languages) {
                    ul {
                        @for (language, target) in &self.in_languages {
                            li lang=(language.tag()) {
                                @if *language == self.language {
                                    span aria-current="true" { (language.name()) }
                                } @else {
                                    a href=(target) hreflang=(language.tag()) { (language.name()) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn policy(&self, style: &str, takes_token: bool) -> String {
        let mut policy = format!("default-src 'none'; style-src '{}'", hash(style));
        if takes_token {
            let _ = write!(policy, "; script-src '{}'", hash(TOKEN_SCRIPT));
        }
        self.theme.allow_logo(&mut policy);
        policy.push_str("; form-action 'self'");
        for target in &self.form_targets {
            policy.push(' ');
            policy.push_str(target);
        }
        policy.push_str("; base-uri 'none'; frame-ancestors 'none'");
        policy
    }
}

/// The source expression of an inline element (CSP level 3, section 2.3.1).
pub(crate) fn hash(content: &str) -> String {
    ["sha256-", &Base64::encode_string(&Sha256::digest(content))].concat()
}
