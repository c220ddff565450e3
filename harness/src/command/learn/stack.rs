//! The stacks that can be learned, by name.

use std::fmt;

use clap::ValueEnum;

use crate::cli::{LearnArgs, LearnName};
use crate::fuzz::arena::Arena;
use crate::fuzz::subject::Micros;
use crate::learn::study::Study;
use crate::learn::{Expense, Learned};
use crate::target::linux::LinuxTarget;
use crate::target::reference::{Infected, ReferenceTarget};
use crate::target::smoltcp::SmoltcpTarget;
use crate::vm;

use super::run;

/// What is done with a stack.
pub(super) trait Act {
    /// What comes of it.
    type Result;

    /// Does it.
    ///
    /// # Errors
    /// What stands in the way.
    fn act<A: Arena>(self, arena: &A) -> Result<Self::Result, String>;
}

/// Which one, and how it is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stack {
    name: LearnName,
    profile: Option<String>,
    defect: Option<String>,
}

impl Stack {
    /// The one that the command line asks for.
    ///
    /// # Errors
    /// If the arguments do not fit together.
    pub(super) fn of_args(args: &LearnArgs) -> Result<Stack, String> {
        let is_other = args.target != LearnName::Reference;
        if is_other && (args.profile.is_some() || args.defect.is_some()) {
            return Err("--profile and --defect are for the reference stack only".to_owned());
        }
        Ok(Stack {
            name: args.target,
            profile: args.profile.clone(),
            defect: args.defect.clone(),
        })
    }

    /// The one of this name: `reference`, `reference:linux` with a profile, `reference+C01` with a defect, `smoltcp`.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn of_name(text: &str) -> Result<Stack, String> {
        let (rest, defect) = match text.split_once('+') {
            Some((rest, defect)) => (rest, Some(defect.to_owned())),
            None => (text, None),
        };
        let (name, profile) = match rest.split_once(':') {
            Some((name, profile)) => (name, Some(profile.to_owned())),
            None => (rest, None),
        };
        let name = LearnName::from_str(name, false)
            .map_err(|_| format!("`{text}` is neither a stack nor a file"))?;
        let is_other = name != LearnName::Reference;
        if is_other && (profile.is_some() || defect.is_some()) {
            return Err(format!(
                "`{text}`: only the reference has profiles and defects"
            ));
        }
        Ok(Stack {
            name,
            profile,
            defect,
        })
    }

    /// Whether waiting takes as long as it says.
    pub(super) fn is_real_time(&self) -> bool {
        self.name == LearnName::Linux
    }

    /// What has to pass after every input, in microseconds, for this stack to have few states. smoltcp rations its
    /// challenge ACKs to one a second, whatever is set: each millisecond of that second would be a state.
    pub(super) fn moment(&self) -> Micros {
        match self.name {
            LearnName::Smoltcp => 1_100_000,
            LearnName::Reference | LearnName::Linux | LearnName::LinuxVm => 1_000,
        }
    }

    /// Learns it.
    ///
    /// # Errors
    /// If there is no such stack here, or it cannot be learned.
    pub(super) fn learn(
        &self,
        args: &LearnArgs,
        study: &Study,
        progress: &mut dyn FnMut(&Expense),
    ) -> Result<Learned, String> {
        if self.name == LearnName::LinuxVm {
            return vm::study(&super::super::vm::kernel(&args.vm)?, study, progress);
        }
        self.with(Learning { study, progress })
    }

    /// What scripts run on: whether one passes, or what it fails of.
    ///
    /// # Errors
    /// If there is no such stack here.
    pub(super) fn failure(&self, args: &LearnArgs, text: &str) -> Result<Option<String>, String> {
        if self.name == LearnName::LinuxVm {
            let target = super::super::vm::kernel(&args.vm)?;
            return Ok(run::inside(&target, text));
        }
        self.with(Trying(text))
    }

    /// Acts on it where it can be talked to from here: the one place where stacks have names.
    ///
    /// # Errors
    /// If it cannot, there is no such profile or defect, and those of the act.
    pub(super) fn with<A: Act>(&self, act: A) -> Result<A::Result, String> {
        match self.name {
            LearnName::Reference => act.act(&self.reference()?),
            LearnName::Smoltcp => act.act(&SmoltcpTarget),
            LearnName::Linux => act.act(&LinuxTarget::default()),
            LearnName::LinuxVm => Err(
                "scripts are written on stacks that run outside of a kernel: give another first"
                    .to_owned(),
            ),
        }
    }

    fn reference(&self) -> Result<ReferenceTarget, String> {
        let target = match &self.profile {
            Some(profile) => ReferenceTarget::of_profile(profile)?,
            None => ReferenceTarget::default(),
        };
        let Some(id) = &self.defect else {
            return Ok(target);
        };
        let infected = Infected::with(target, id).ok_or_else(|| {
            format!("there is no defect `{id}` here (they are built in with --features mutants)")
        })?;
        Ok(infected.target)
    }
}

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.name.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))?;
        if let Some(profile) = &self.profile {
            write!(f, ":{profile}")?;
        }
        if let Some(defect) = &self.defect {
            write!(f, "+{defect}")?;
        }
        Ok(())
    }
}

/// Learns whatever it is.
struct Learning<'a> {
    study: &'a Study,
    progress: &'a mut dyn FnMut(&Expense),
}

impl Act for Learning<'_> {
    type Result = Learned;

    fn act<A: Arena>(self, arena: &A) -> Result<Learned, String> {
        arena.prepare()?;
        self.study.of(arena, self.progress)
    }
}

/// Runs a script.
struct Trying<'a>(&'a str);

impl Act for Trying<'_> {
    type Result = Option<String>;

    fn act<A: Arena>(self, arena: &A) -> Result<Option<String>, String> {
        arena.prepare()?;
        Ok(run::failure(arena.target(), self.0))
    }
}
