//! `tcpdrill agent`.

use std::net::TcpListener;
use std::sync::Arc;

use crate::agent::machine;
use crate::agent::secret::Secret;
use crate::agent::server::{Agent, AgentSettings};
use crate::cli::AgentArgs;
use crate::exit::Exit;

/// Serves controllers until it is ended.
pub(super) fn agent(args: &AgentArgs) -> Exit {
    if let Err(reason) = machine::open() {
        super::complain("error", &reason);
        return Exit::NothingRan;
    }
    let secret = match Secret::load(args.secret_file.as_deref()) {
        Ok(secret) => secret,
        Err(problem) => return super::refuse(&problem),
    };
    let listener = match TcpListener::bind(args.listen) {
        Ok(listener) => listener,
        Err(error) => {
            let problem = format!("the agent cannot listen on {}: {error}", args.listen);
            return super::refuse(&problem);
        }
    };
    let address = listener.local_addr().unwrap_or(args.listen);
    let commands = if args.allow_commands {
        "; commands of scripts are run"
    } else {
        ""
    };
    super::say(&format_args!("listening on {address}{commands}"));
    let settings = AgentSettings {
        secret,
        allow_commands: args.allow_commands,
    };
    let agent = Agent::new(
        settings,
        Arc::new(|line: &str| super::complain("agent", &line)),
    );
    match agent.serve(&listener) {
        Ok(()) => Exit::Success,
        Err(error) => super::refuse(&format!("no more connections can be taken: {error}")),
    }
}
