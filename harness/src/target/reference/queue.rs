//! The queue below the stack, as far as there is one: `tc qdisc`.

use super::kernel::Kernel;
use crate::script::command::{Change, Qdisc};
use crate::target::TargetError;

/// Disciplines that delay nothing and, within their limits, drop nothing: what is there already.
const PLAIN: [&str; 5] = ["pfifo", "bfifo", "pfifo_fast", "noqueue", "fq_codel"];

impl Kernel {
    /// Puts another queue below the stack.
    ///
    /// `fq` lets the segments of each connection leave at the rate that its sender has: the same as a
    /// sender that paces itself. A queue with room for nothing takes nothing from the stack.
    pub(super) fn set_queue(&mut self, qdisc: &Qdisc) -> Result<(), TargetError> {
        let kind = qdisc.kind.as_deref();
        let (paced, blocked) = match (qdisc.change, kind, qdisc.limit) {
            (Change::Delete, ..) => (false, false),
            (_, Some(kind), None) if PLAIN.contains(&kind) => (false, false),
            (_, Some("pfifo" | "bfifo"), Some(0)) => (false, true),
            (_, Some("fq"), None) => (true, false),
            _ => {
                return Err(lacking(
                    kind,
                    "the reference target has no such queue below its stack",
                ));
            }
        };
        if paced && self.engine.has_connections() {
            return Err(lacking(
                kind,
                "connections that are open already would not be paced",
            ));
        }
        let host = self.engine.host_mut();
        host.config_mut().pacing.always = paced;
        host.set_link_blocked(blocked);
        Ok(())
    }
}

fn lacking(kind: Option<&str>, reason: &str) -> TargetError {
    TargetError::Unsupported {
        capability: format!("qdisc:{}", kind.unwrap_or("none")),
        reason: reason.to_owned(),
    }
}
