//! `tcpdrill list`: cases with their titles and what they cover.

use crate::cli::ListArgs;
use crate::exit::Exit;

/// Lists cases, one line each and a second with the ids.
pub(super) fn list(args: &ListArgs) -> Exit {
    let suite = match super::suite(&args.paths) {
        Ok(suite) => suite,
        Err(problem) => return super::refuse(&problem),
    };
    let cases = match super::chosen(&suite, args.filter.as_ref()) {
        Ok(cases) => cases,
        Err(exit) => return exit,
    };
    for case in cases {
        let header = case.header();
        let title = header.title.unwrap_or_default();
        let covers = header.covers.join(", ");
        super::say(&format_args!(
            "{:<44} {title}\n{:<44}   {covers}",
            case.name, ""
        ));
    }
    Exit::Success
}
