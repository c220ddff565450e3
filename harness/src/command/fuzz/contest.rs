//! Which stack is fuzzed, and how.

use crate::cli::{SubjectArgs, SubjectName};
use crate::exit::Exit;
use crate::fuzz::arena::{Against, Alone, Arena, Contest};
use crate::target::linux::LinuxTarget;
use crate::target::reference::ReferenceTarget;
use crate::target::smoltcp::SmoltcpTarget;

/// What is done with a stack.
pub(in crate::command) trait Act {
    /// Does it.
    ///
    /// # Errors
    /// What stands in the way.
    fn act<C: Contest>(self, contest: &C) -> Result<Exit, String>;
}

/// Acts on the stack that was asked for: the one place where stacks have names.
///
/// # Errors
/// If the arguments do not fit together, and those of the act.
pub(in crate::command) fn with_contest(args: &SubjectArgs, act: impl Act) -> Result<Exit, String> {
    if args.profile.is_some() && args.target != SubjectName::Reference {
        return Err("--profile is for the reference stack only".to_owned());
    }
    match args.target {
        SubjectName::Reference => {
            let reference = match &args.profile {
                Some(profile) => ReferenceTarget::of_profile(profile)?,
                None => ReferenceTarget::default(),
            };
            if args.differential {
                return Err("--differential compares another stack with the reference".to_owned());
            }
            act.act(&Alone(&reference))
        }
        SubjectName::Smoltcp => with(&SmoltcpTarget, args, act),
        SubjectName::Linux if args.differential => {
            Err("--differential is for stacks whose time can be moved".to_owned())
        }
        SubjectName::Linux => {
            let linux = LinuxTarget::default();
            linux.prepare()?;
            act.act(&Alone(&linux))
        }
    }
}

fn with<A: Arena>(target: &A, args: &SubjectArgs, act: impl Act) -> Result<Exit, String> {
    if !args.differential {
        return act.act(&Alone(target));
    }
    act.act(&Against {
        one: &ReferenceTarget::default(),
        other: target,
    })
}
