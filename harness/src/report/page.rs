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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// The colours of one scheme, by name.
    fn colours(scheme: &str) -> BTreeMap<&str, [f64; 3]> {
        let part = |from: usize| u8::from_str_radix(&scheme[from..from + 2], 16);
        let of = |at: usize| [at + 1, at + 3, at + 5].map(|at| linear(part(at).expect("a colour")));
        let named = scheme.match_indices('#').filter_map(|(at, _)| {
            let name = scheme[..at].trim_end().strip_suffix(':')?;
            Some((name.rsplit("--").next()?, of(at)))
        });
        named.collect()
    }

    /// A channel as WCAG 2.2 defines relative luminance.
    fn linear(channel: u8) -> f64 {
        let share = f64::from(channel) / 255.0;
        match share <= 0.04045 {
            true => share / 12.92,
            false => ((share + 0.055) / 1.055).powf(2.4),
        }
    }

    fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
        let luminance =
            |[red, green, blue]: [f64; 3]| 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    #[test]
    fn every_text_can_be_read_in_the_light_and_in_the_dark() {
        let (light, rest) = STYLE.split_once("@media").expect("two schemes");
        let (dark, _) = rest.split_once("* {").expect("an end");
        for (scheme, colours) in [("light", colours(light)), ("dark", colours(dark))] {
            assert_eq!(colours.len(), 9, "{colours:?}");
            for text in ["text", "quiet", "link", "good", "odd", "bad"] {
                for ground in ["ground", "raised"] {
                    let found = contrast(colours[text], colours[ground]);
                    assert!(found >= 4.5, "{scheme}: {text} on {ground}: {found:.2}");
                }
            }
        }
    }

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        let grey = [linear(0x76); 3];
        assert!((contrast([1.0; 3], [0.0; 3]) - 21.0).abs() < 1e-9);
        assert!((contrast(grey, [1.0; 3]) - 4.54).abs() < 0.01);
    }
}
