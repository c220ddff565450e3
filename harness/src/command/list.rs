//! `tcpdrill list`: cases with their titles and what they cover.

use std::io::{self, Write};

use crate::cli::ListArgs;
use crate::exit::Exit;
use crate::suite::Selection;

/// Lists cases, one line each and a second with the ids.
pub(super) fn list(args: &ListArgs) -> Exit {
    let suite = match super::suite(&args.paths) {
        Ok(suite) => suite,
        Err(problem) => return super::refuse(&problem),
    };
    let selection = Selection {
        filter: args.filter.clone(),
    };
    let mut out = io::stdout().lock();
    for case in suite.cases.iter().filter(|case| selection.takes(case)) {
        let header = case.header();
        let title = header.title.unwrap_or_default();
        let covers = header.covers.join(", ");
        // A reader such as `head` may close the pipe: nothing is lost then.
        if writeln!(out, "{:<44} {title}\n{:<44}   {covers}", case.name, "").is_err() {
            break;
        }
    }
    Exit::Success
}
