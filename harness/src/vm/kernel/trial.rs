//! A new kernel is tried out before anybody relies on it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::program::IpVersion;
use crate::source::Source;
use crate::suite::{Body, Case, ExecuteSettings, Interrupt, KnownDeviations, Origin};
use crate::verdict::Verdict;
use crate::vm::{VmTarget, execute};

use super::Kernel;

/// A connection, and a minute that passes at once.
const SCRIPT: &str = "\
 0    socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0    bind(3, ..., ...) = 0
+0    listen(3, 1) = 0
+0    < S 0:0(0) win 32792 <mss 1000>
+0    > S. 0:0(0) ack 1 <...>
+0    < . 1:1(0) ack 1 win 32792
+0    accept(3, ..., ...) = 4
+60   < P. 1:1001(1000) ack 1 win 32792
+0    > . 1:1(0) ack 1001
";

/// How long it may say nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// What goes wrong in a new kernel.
#[derive(Debug, thiserror::Error)]
#[error("{kernel} was built, but one connection in it does not go well:\n{told}")]
pub struct TrialError {
    kernel: String,
    told: String,
}

/// Boots a kernel, makes a connection in it over IPv4 and one over IPv6, and turns it off.
///
/// # Errors
/// If that does not go well, with what the kernel said.
pub fn try_out(kernel: &Kernel, interrupt: &Interrupt) -> Result<(), TrialError> {
    let failed = |told: String| TrialError {
        kernel: kernel.path.display().to_string(),
        told,
    };
    let target = VmTarget::new(&kernel.path, None, PATIENCE).map_err(failed)?;
    let case = Case {
        name: "trial".into(),
        origin: Origin::Bundled,
        body: Body::Script(Source::new("trial.pkt", SCRIPT)),
    };
    let settings = ExecuteSettings {
        ip_versions: vec![IpVersion::Ipv4, IpVersion::Ipv6],
        jobs: Some(1),
        defines: Vec::new(),
        seed: 0,
        drop_in: false,
        exact: false,
        allow_commands: false,
        given: BTreeMap::new(),
        convention: None,
        patience: Duration::ZERO,
        interrupt: interrupt.clone(),
    };
    let known = KnownDeviations::default();
    let results = execute(&[&case], &target, &known, &settings, &mut |_| {});
    let wrong = results
        .into_iter()
        .find(|result| !matches!(result.verdict, Verdict::Pass));
    match wrong {
        Some(result) => Err(failed(format!("{}: {}", result.ip_version, result.message))),
        None => Ok(()),
    }
}
