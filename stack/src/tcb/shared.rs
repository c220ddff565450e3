//! Settings in the form the machinery of a connection wants them in, kept once for all connections.

use alloc::sync::Arc;

use crate::config::Config;
use crate::congestion::Rules;
use crate::send::rtt::RtoBounds;

/// What connections under the same settings have in common.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) rto: Arc<RtoBounds>,
    pub(crate) congestion: Arc<Rules>,
}

impl Shared {
    pub(crate) fn new(config: &Config) -> Shared {
        Shared {
            rto: Arc::new(config.into()),
            congestion: Arc::new(config.congestion),
        }
    }

    /// For connections opened under `config` from now on. Those that there are keep what they have.
    pub(crate) fn follow(&mut self, config: &Config) {
        let latest: RtoBounds = config.into();
        if *self.rto != latest {
            self.rto = Arc::new(latest);
        }
        if *self.congestion != config.congestion {
            self.congestion = Arc::new(config.congestion);
        }
    }
}
