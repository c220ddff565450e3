//! Where the files of a report stand, and how a page names them.

use std::fmt::Write as _;
use std::path::{Component, Path};

use crate::verdict::CaseResult;

/// Below which everything of single cases stands.
const CASES: &str = "cases";

/// The path of a result's page. Whatever a case is called, it stays in the folder.
pub(super) fn page(result: &CaseResult) -> String {
    inside(&format!("{}.{}.html", result.case, result.ip_version))
}

/// The path of its capture.
pub(super) fn capture(result: &CaseResult) -> String {
    let CaseResult {
        case,
        target,
        ip_version,
        ..
    } = result;
    inside(&format!("{case}.{target}.{ip_version}.pcapng"))
}

fn inside(name: &str) -> String {
    let parts = Path::new(name).components().filter_map(|part| match part {
        Component::Normal(part) => part.to_str(),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => {
            None
        }
    });
    let parts: Vec<&str> = std::iter::once(CASES).chain(parts).collect();
    parts.join("/")
}

/// How the page at path `from` names the file at path `to`.
pub(super) fn link(from: &str, to: &str) -> String {
    let up = "../".repeat(from.matches('/').count());
    up + &encoded(to)
}

/// A path as part of an address: everything but plain characters as `%` and hexadecimal digits.
fn encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => {
                text.push(char::from(byte));
            }
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("close/half", "cases/close/half")]
    #[case("/etc/x", "cases/etc/x")]
    #[case("../../x", "cases/x")]
    fn a_page_stays_in_its_folder(#[case] name: &str, #[case] want: &str) {
        assert_eq!(inside(name), want);
    }

    #[rstest]
    #[case("index.html", "cases/a/b.html", "cases/a/b.html")]
    #[case("cases/a/b.html", "index.html", "../../index.html")]
    #[case(
        "index.html",
        "cases/java\"script:<x>?#.html",
        "cases/java%22script%3A%3Cx%3E%3F%23.html"
    )]
    fn a_link_holds_nothing_but_plain_characters(
        #[case] from: &str,
        #[case] to: &str,
        #[case] want: &str,
    ) {
        assert_eq!(link(from, to), want);
    }
}
