//! What all HTML pages have in common: one file, no scripts, nothing from elsewhere, readable in the
//! dark and on a phone. Text is escaped by `maud`; nothing of a packet or a script gets by it.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Colours by name, light and dark, and the few forms that the pages use.
const STYLE: &str = include_str!("page.css");

/// A whole page.
pub(super) fn page(title: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { h1 { (title) } }
                main { (body) }
                footer { "tcpdrill " (env!("CARGO_PKG_VERSION")) }
            }
        }
    }
    .into_string()
}
