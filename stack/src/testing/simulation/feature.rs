//! What a run has: drawn from its seed, so that each run leaves much out (swarm testing) and what it
//! has meets in combinations nobody wrote down.

use crate::rng::Rng;
use alloc::vec::Vec;
use core::fmt;

macro_rules! features {
    ($($(#[$doc:meta])* $name:ident $text:literal $chance:literal,)*) => {
        /// Something a run has or lacks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Feature {
            $($(#[$doc])* $name,)*
        }

        impl Feature {
            /// All of them.
            pub const ALL: &[Feature] = &[$(Feature::$name,)*];

            /// Its name in reports.
            pub const fn name(self) -> &'static str {
                match self { $(Feature::$name => $text,)* }
            }

            /// How many of 100 runs have it.
            const fn chance(self) -> u64 {
                match self { $(Feature::$name => $chance,)* }
            }
        }
    };
}

features! {
    /// Addresses are those of IPv6.
    Ipv6 "ipv6" 40,
    /// Settings start from what Linux does.
    LinuxProfile "linux" 30,
    /// Settings start from what FreeBSD does.
    FreebsdProfile "freebsd" 25,
    /// Each host takes a profile of its own.
    MixedProfiles "mixed-profiles" 30,
    /// Selective acknowledgments.
    Sack "sack" 70,
    /// Reports of duplicates.
    Dsack "dsack" 60,
    /// Timestamps.
    Timestamps "timestamps" 60,
    /// Window scaling, by any shift.
    WindowScale "wscale" 60,
    /// Explicit congestion notification.
    Ecn "ecn" 40,
    /// Data on the SYN.
    FastOpen "fast-open" 25,
    /// Losses are found by time.
    Rack "rack" 50,
    /// CUBIC.
    Cubic "cubic" 50,
    /// HyStart++.
    HyStart "hystart" 40,
    /// Reductions are taken back.
    Undo "undo" 50,
    /// F-RTO.
    Frto "frto" 50,
    /// Nagle's algorithm.
    Nagle "nagle" 60,
    /// Delayed acknowledgments.
    DelayedAck "delayed-ack" 70,
    /// Listeners answer with cookies.
    Cookies "cookies" 15,
    /// Keep-alive probes, often.
    KeepAlive "keep-alive" 15,
    /// The initial window of RFC 6928.
    WideStart "iw10" 50,
    /// A receive buffer of a few segments or less.
    SmallReceiveBuffer "small-rcvbuf" 25,
    /// A send buffer of a few segments or less.
    SmallSendBuffer "small-sndbuf" 25,
    /// Hosts whose links carry less, or more, than 1500 bytes.
    OddMtu "odd-mtu" 30,
    /// A user who asks for corking, quick acknowledgments, a small MSS.
    SocketOptions "socket-options" 25,
    /// Losses, each for itself.
    Loss "loss" 50,
    /// Losses in bursts.
    BurstLoss "burst-loss" 25,
    /// Datagrams that arrive twice.
    Duplication "duplication" 30,
    /// Datagrams that are overtaken.
    Reordering "reordering" 35,
    /// Datagrams with a wrong bit.
    Corruption "corruption" 20,
    /// A delay that varies.
    Jitter "jitter" 35,
    /// Links of limited rate and queue.
    Bottleneck "bottleneck" 30,
    /// Routers that mark instead of dropping.
    Marking "marking" 40,
    /// Links that come to carry less, and a router that says so.
    MtuChange "mtu-change" 15,
    /// The network changes its ways a few times.
    Phases "phases" 35,
    /// Links that carry nothing for a while.
    Blackout "blackout" 20,
    /// Hosts that do nothing for a while.
    Stall "stall" 20,
    /// Hosts take all that has arrived at once.
    Batching "batching" 25,
    /// More than two hosts.
    ManyHosts "many-hosts" 15,
    /// More than one connection.
    ManyConnections "many-connections" 25,
    /// More data than a few segments.
    Long "long" 4,
    /// Users who read seldom.
    SlowReader "slow-reader" 25,
    /// Users who write seldom.
    SlowWriter "slow-writer" 20,
    /// Users who abort.
    Abort "abort" 10,
    /// Both sides open at once.
    CrossingOpens "crossing-opens" 10,
    /// Sequence numbers that wrap on the way.
    Wrap "wrap" 20,
    /// Somebody who sees nothing and guesses.
    OffPathAttacker "off-path-attacker" 25,
    /// Somebody on the path who resets connections.
    OnPathResets "on-path-resets" 4,
    /// Somebody on the path who puts in data of his own.
    OnPathData "on-path-data" 4,
    /// Somebody on the path who sends once more what he saw, cut another way.
    OnPathRepeats "on-path-repeats" 8,
    /// A box on the path that rewrites the options of SYNs.
    OptionRewriting "option-rewriting" 8,
    /// SYNs from everywhere.
    SynFlood "syn-flood" 6,
}

/// The features of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeatureSet(u64);

impl FeatureSet {
    /// Draws a set.
    pub fn draw(rng: &mut Rng) -> FeatureSet {
        let mut set = FeatureSet::default();
        for feature in Feature::ALL {
            if rng.chance(feature.chance(), 100) {
                set.insert(*feature);
            }
        }
        set
    }

    /// Adds one.
    pub const fn insert(&mut self, feature: Feature) {
        self.0 |= 1 << feature as u64;
    }

    /// Takes one out.
    pub const fn remove(&mut self, feature: Feature) {
        self.0 &= !(1 << feature as u64);
    }

    /// Whether the run has it.
    pub const fn has(self, feature: Feature) -> bool {
        self.0 & (1 << feature as u64) != 0
    }
}

impl fmt::Display for FeatureSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = Feature::ALL
            .iter()
            .filter(|feature| self.has(**feature))
            .map(|feature| feature.name())
            .collect();
        f.write_str(&names.join(" "))
    }
}
