//! Keeps marked parts of a page up to date while a person looks at it.

use maud::html;

use super::part::{Drawing, Part};

/// The module. It fetches the page that it is on, and puts the new parts in the place of the old ones.
///
/// It rests while the window is hidden, while the switch is off, and while the focus is inside a part, so that nothing moves
/// under a keyboard. Where the answer is no page any more (the session has ended), it says so and stops.
pub const LIVE: &str = include_str!("../../live.js");

/// These parts, which the module replaces, and the switch for it. Without scripts there is no switch, and the parts are what
/// they are.
pub fn live(parts: &[Part], every_seconds: u64) -> Part {
    let markup = html! {
        p hidden data-live-switch=(every_seconds) {
            button.button.quiet type="button" aria-pressed="true" { "Live" }
            " " span role="status" {}
        }
        @for (number, part) in parts.iter().enumerate() {
            div id={ "live-" (number) } data-live {
                (part.render())
            }
        }
    };
    Part::Drawing(Drawing(markup.into_string()))
}
