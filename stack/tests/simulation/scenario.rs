//! One exchange between two hosts, and what it must come to: everything delivered, nothing broken,
//! both sides closed in order.

use std::collections::BTreeMap;
use std::time::Duration;
use tcpdrill_stack::isn::IsnGenerator;
use tcpdrill_stack::testing::netem::Impairments;
use tcpdrill_stack::testing::pair::{Happening, Pair, Side};
use tcpdrill_stack::testing::simulation::{
    ConnectionPlan, Entry, FeatureSet, HostPlan, Open, Plan, Report, UserPlan, run, show,
};
use tcpdrill_stack::wire::ip::IpVersion;
use tcpdrill_stack::{Config, Event, Instant, SocketId, SocketOptions, StateName};

/// Everything that determines an exchange. Side A is host 0, and the client.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) version: IpVersion,
    /// Without cookies, for there is one exchange only.
    pub(crate) open: Open,
    /// Length of the stream that each side sends.
    pub(crate) lengths: [u64; 2],
    /// Each side reads with pauses of up to 3 s.
    pub(crate) slow_readers: [bool; 2],
    pub(crate) configs: [Config; 2],
    /// What happens to what each side sends.
    pub(crate) impairments: [Impairments; 2],
    /// This side's sequence numbers wrap after so many bytes, if its first SYN gets through.
    pub(crate) wrap: Option<(Side, u32)>,
}

impl Scenario {
    /// A clean, fast link and default settings.
    pub(crate) fn clean(seed: u64, lengths: [u64; 2]) -> Self {
        let impairments = Impairments {
            delay: Duration::from_millis(10),
            ..Impairments::default()
        };
        Self {
            seed,
            version: IpVersion::V4,
            open: Open::Ordinary,
            lengths,
            slow_readers: [false; 2],
            configs: [Config::default(), Config::default()],
            impairments: [impairments; 2],
            wrap: None,
        }
    }

    fn plan(&self) -> Plan {
        let fast_open = matches!(self.open, Open::WithData | Open::OnFirstSend);
        let options = SocketOptions {
            fast_open_queue: usize::from(fast_open),
            fast_open_without_cookie: fast_open,
            ..SocketOptions::default()
        };
        let host = |side: Side| HostPlan {
            config: self.configs[side as usize].clone(),
            impairments: self.impairments[side.other() as usize],
            link_mtu: u16::MAX,
            batching: false,
            backlog: 8,
            listener_options: options.clone(),
        };
        let user = |side: Side| UserPlan {
            length: self.lengths[side as usize],
            chunk: 4_000,
            read_pause: match self.slow_readers[side as usize] {
                true => Duration::from_secs(3),
                false => Duration::ZERO,
            },
            options: options.clone(),
            ..UserPlan::default()
        };
        let mut plan = Plan {
            seed: self.seed,
            features: FeatureSet::default(),
            version: self.version,
            start: Instant::ZERO,
            hosts: Side::BOTH.map(host).into(),
            connections: vec![ConnectionPlan {
                hosts: [0, 1],
                start: Instant::ZERO,
                open: self.open,
                users: Side::BOTH.map(user),
            }],
            disturbances: Vec::new(),
            attacks: Vec::new(),
            patience: Duration::from_secs(1_200),
        };
        let start = self.start(&plan);
        (plan.start, plan.connections[0].start) = (start, start);
        plan
    }

    /// The time at which the ISN of the side in `wrap` is so far before the wrap.
    fn start(&self, plan: &Plan) -> Instant {
        let Some((side, before_wrap)) = self.wrap else {
            return Instant::ZERO;
        };
        let generator = IsnGenerator::new(Pair::secret(self.seed, side));
        let sockets = plan.sockets(0);
        let (local, remote) = (sockets[side as usize], sockets[side.other() as usize]);
        let isn = generator.isn(Instant::ZERO, local, remote).raw();
        let ticks = 0u32.wrapping_sub(before_wrap).wrapping_sub(isn);
        // The passive side takes its ISN when the SYN arrives.
        let under_way = if side == Side::B && self.open != Open::Crossing {
            self.impairments[0].delay.as_micros() as u64
        } else {
            0
        };
        let round = 4 * (1 << 32);
        Instant::from_micros((u64::from(ticks) * 4 + round - under_way) % round)
    }

    /// Runs to the end: everything delivered, both sides closed, no timer left.
    ///
    /// # Errors
    /// What went wrong, and the last things that happened before.
    pub(crate) fn run(&self) -> Result<Outcome, String> {
        let plan = self.plan();
        let report = run(plan.clone(), true);
        let outcome = Outcome {
            ended_at: plan.start + report.lasted,
            trace: report.entries.clone(),
        };
        let tail = report.entries.len().saturating_sub(60);
        self.check(&report)
            .and_then(|()| outcome.check_ends())
            .map_err(|what| format!("{what}\n{}", show(&report.entries[tail..], plan.start)))?;
        Ok(outcome)
    }

    fn check(&self, report: &Report) -> Result<(), String> {
        if let Some(violation) = &report.violation {
            return Err(violation.to_string());
        }
        for (user, expected) in report.users.iter().zip([self.lengths[1], self.lengths[0]]) {
            if user.received != expected || !user.closed {
                return Err(format!("{user:?} instead of {expected} bytes and the end"));
            }
        }
        Ok(())
    }
}

/// What a run left behind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) ended_at: Instant,
    pub(crate) trace: Vec<Entry>,
}

impl Outcome {
    /// What happened at one side.
    pub(crate) fn at(&self, side: Side) -> impl Iterator<Item = &Entry> {
        let host = side as usize;
        self.trace.iter().filter(move |entry| entry.host == host)
    }

    /// The events of one side.
    pub(crate) fn events(&self, side: Side) -> impl Iterator<Item = &Event> {
        self.at(side).filter_map(|entry| match &entry.what {
            Happening::Event(event) => Some(event),
            Happening::Sent(_) | Happening::Received(_) => None,
        })
    }

    /// The states that the last connection of `side` went through. A listener is none.
    pub(crate) fn states(&self, side: Side) -> Vec<StateName> {
        let mut states: BTreeMap<SocketId, Vec<StateName>> = BTreeMap::new();
        for event in self.events(side) {
            if let Event::StateChanged { id, to, .. } = event {
                states.entry(*id).or_default().push(*to);
            }
        }
        let is_connection = |states: &Vec<StateName>| states.first() != Some(&StateName::Listen);
        let mut connections = states.into_values().filter(is_connection);
        connections.next_back().unwrap_or_default()
    }

    /// How many datagrams `side` sent.
    pub(crate) fn sent(&self, side: Side) -> usize {
        let sent = |e: &&Entry| matches!(e.what, Happening::Sent(_));
        self.at(side).filter(sent).count()
    }

    /// Nothing was aborted, and both sides came to an orderly end.
    fn check_ends(&self) -> Result<(), String> {
        for side in Side::BOTH {
            let mut over = false;
            for event in self.events(side) {
                match event {
                    Event::StateChanged { to, .. } if *to != StateName::Listen => {
                        over = *to == StateName::Closed;
                    }
                    // A late duplicate may find its connection gone.
                    Event::ResetSent { id: None, .. } if over => {}
                    Event::ConnectionAborted { .. } | Event::ResetSent { .. } => {
                        return Err(format!("{side:?}: {event:?}"));
                    }
                    _ => {}
                }
            }
            if !over {
                return Err(format!("{side:?}: {:?}", self.states(side)));
            }
        }
        Ok(())
    }
}
