//! `tcpdrill profiles`: every choice of the reference stack, in every profile.

use crate::cli::ProfilesArgs;
use crate::exit::Exit;
use crate::report::profiles;
use crate::target::reference::{ReferenceTarget, profile_settings};

/// Shows the settings, as a table or as JSON.
pub(super) fn profiles(args: &ProfilesArgs) -> Exit {
    let names: Vec<&str> = ReferenceTarget::profiles().collect();
    let settings = profile_settings();
    if args.json {
        return match profiles::json(&names, &settings) {
            Ok(text) => {
                super::say(&text);
                Exit::Success
            }
            Err(problem) => super::refuse(&problem),
        };
    }
    let first = names.first().unwrap_or(&"");
    let table = match args.long {
        true => profiles::long_table(&names, &settings),
        false => profiles::table(&names, &settings),
    };
    super::say(&format_args!("{table}\n\n= is the value of {first}."));
    if !args.long {
        super::say(&"`--long` adds bounds, requirements and sysctls; so does `--json`.");
    }
    Exit::Success
}
