//! What all HTML pages have in common: no scripts, nothing from elsewhere, readable in the dark and on a
//! phone. Text is escaped by `maud`; nothing of a packet or a script gets by it.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Colours by name, light and dark, and the few forms that the pages use.
pub(super) const STYLE: &str = include_str!("page.css");

/// Where a page finds the colours and forms.
#[derive(Clone, Copy, Debug)]
pub(super) enum Style<'a> {
    /// In itself: the page is one file.
    Inside,
    /// In the file at this address.
    At(&'a str),
}

/// A whole page. What `body` holds stands below the title.
pub(super) fn page(title: &str, style: Style<'_>, body: &Markup) -> String {
    // Nothing here needs a script, so none is let in, whatever should get past the escaping.
    const POLICY: &str = "script-src 'none'; object-src 'none'; base-uri 'none'";
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (title) }
                @match style {
                    Style::Inside => style { (PreEscaped(STYLE)) },
                    Style::At(address) => link rel="stylesheet" href=(address);
                }
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
