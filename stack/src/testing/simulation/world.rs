//! The hosts, what lies between them, and the time: one step after the other.

use super::application::{Application, Stage};
use super::budget::{AckBudget, BackOff, SendBudget};
use super::draw;
use super::flow::Flow;
use super::packet_rules::Limits;
use super::pattern::Pattern;
use super::plan::{AttackKind, Disturbance, FIRST_CLIENT_PORT, Plan, SERVER_PORT};
use super::trace::Trace;
use super::{Oracle, Trouble, Violation};
use crate::config::SynCookies;
use crate::error::ConnectionError;
use crate::host::{Host, Output};
use crate::invariant;
use crate::rng::Rng;
use crate::socket::SocketId;
use crate::testing::netem::Link;
use crate::testing::pair::Happening;
use crate::time::Instant;
use crate::wire::ip::IpVersion;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::SocketAddr;

/// More outputs than a host may have after one input.
const MAX_OUTPUTS: usize = 5_000;
/// More steps than any run needs.
const MAX_STEPS: u64 = 2_000_000;

/// A host, its link, and who uses it.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) host: Host,
    /// From the router to the host.
    pub(super) link: Link,
    pub(super) link_mtu: u16,
    pub(super) limits: Limits,
    pub(super) listener: Option<SocketId>,
    stalled_until: Instant,
    batching: bool,
    pub(super) applications: Vec<usize>,
    /// The connections of the plan that its sockets are, and which side.
    pub(super) sides: BTreeMap<SocketId, (usize, usize)>,
    /// More sockets than it can need.
    most_sockets: usize,
}

/// A run in progress.
#[derive(Debug)]
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) now: Instant,
    pub(super) nodes: Vec<Node>,
    pub(super) applications: Vec<Application>,
    pub(super) flows: Vec<Flow>,
    pub(super) pattern: Pattern,
    pub(super) rng: Rng,
    pub(super) trace: Trace,
    /// How often each attack may still happen.
    pub(super) attacks_left: Vec<u16>,
    /// Attacks that the last step called for.
    pub(super) attacks_due: Vec<usize>,
    steps: u64,
    pub(super) packets: u64,
    next_disturbance: usize,
    /// Connections not opened yet, the next one last.
    to_open: Vec<usize>,
    end: Instant,
    /// Nothing will change any more.
    settled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Disturbance,
    Open,
    Arrival(usize),
    Timer(usize),
    Wake(usize),
}

impl World {
    pub(super) fn new(plan: Plan, trace: Trace) -> World {
        let mut rng = Rng::new(plan.seed ^ 0x0077_6f72_6c64);
        let nodes = (0..plan.hosts.len())
            .map(|index| node(&plan, index, &mut rng))
            .collect();
        let mut world = World {
            now: plan.start,
            nodes,
            applications: Vec::new(),
            flows: Vec::new(),
            pattern: Pattern::new(),
            trace,
            attacks_left: plan.attacks.iter().map(|attack| attack.times).collect(),
            attacks_due: Vec::new(),
            steps: 0,
            packets: 0,
            next_disturbance: 0,
            to_open: (0..plan.connections.len()).collect(),
            end: plan.settled_at() + plan.patience,
            settled: false,
            rng,
            plan,
        };
        world.to_open.sort_by_key(|connection| {
            core::cmp::Reverse((world.plan.connections[*connection].start, *connection))
        });
        for connection in 0..world.plan.connections.len() {
            world.add_connection(connection);
        }
        world
    }

    fn add_connection(&mut self, connection: usize) {
        let plan = &self.plan.connections[connection];
        for side in 0..2 {
            let host = plan.hosts[side];
            let user = plan.users[side].clone();
            let rng = self.rng.fork();
            self.nodes[host].applications.push(2 * connection + side);
            let application = Application::new(connection, side, host, user, rng);
            self.applications.push(application);
        }
        let budgets = plan.hosts.map(|host| {
            let config = &self.plan.hosts[host].config;
            let least = config.min_rto.min(config.initial_rto);
            (
                AckBudget::new(config.challenge_ack_limit, config.challenge_ack_interval),
                BackOff::new(least.min(config.syn_ack_timeout), config.max_rto),
                SendBudget::new(config.congestion.count_segments),
            )
        });
        self.flows.push(Flow::new(connection, budgets));
    }

    /// Runs to the end: everything delivered or reported broken, everything closed, no timer left.
    pub(super) fn run(&mut self) -> Result<(), Violation> {
        self.run_to_end().map_err(|trouble| Violation {
            at: self.now,
            trouble,
        })
    }

    pub(super) const fn steps(&self) -> u64 {
        self.steps
    }

    fn run_to_end(&mut self) -> Result<(), Trouble> {
        self.listen()?;
        while let Some((at, next)) = self.next() {
            if self.settled {
                return Ok(());
            }
            self.steps += 1;
            self.now = self.now.max(at);
            if self.steps > MAX_STEPS {
                let what = format!("no end after {MAX_STEPS} steps");
                return Err(Trouble::new(Oracle::Storm, None, what));
            }
            if self.now > self.end && !self.all_over() {
                self.check_progress()?;
            }
            self.take(next)?;
            self.carry_out_attacks()?;
        }
        self.check_ends("nothing will ever happen, and they wait", |_| true)?;
        self.check_leftovers()
    }

    fn all_over(&self) -> bool {
        self.applications.iter().all(|application| {
            // Whoever never got a connection has nothing to end.
            application.is_over() || application.stage == Stage::Waiting
        }) && self.to_open.is_empty()
    }

    /// Nothing disturbs anybody any more: whoever is not through gets on.
    fn check_progress(&mut self) -> Result<(), Trouble> {
        let (now, patience) = (self.now, self.plan.patience);
        let stuck = |flow: &Flow| flow.last_progress + patience < now;
        let flows = self.flows.iter().filter(|flow| !stuck(flow));
        let oldest = flows.map(|flow| flow.last_progress).min();
        self.end = oldest.unwrap_or(now) + patience;
        self.check_ends("for too long nothing has got on", |connection| {
            stuck(&self.flows[connection])
        })?;
        // Who is left waits for a reason, and may do so for ever.
        let mut left = self
            .applications
            .iter()
            .filter(|a| matches!(a.stage, Stage::Open(_)));
        self.settled = left.all(|a| stuck(&self.flows[a.connection]));
        Ok(())
    }

    /// Nobody waits without a reason.
    fn check_ends(&self, what: &str, of: impl Fn(usize) -> bool) -> Result<(), Trouble> {
        let waiting = self.applications.iter().filter(|a| of(a.connection));
        let waiting = waiting.filter(|a| self.waits_in_vain(a));
        let waiting: Vec<String> = waiting
            .map(|a| {
                format!(
                    "connection {} side {}: wrote {} of {}, got {}",
                    a.connection, a.side, a.written, a.plan.length, a.received
                )
            })
            .collect();
        if waiting.is_empty() {
            return Ok(());
        }
        let what = format!("{what}: {}", waiting.join("; "));
        Err(Trouble::new(Oracle::Liveness, None, what))
    }

    /// Who gave up says nothing to the peer, which may then wait for ever if it has nothing to send
    /// itself (RFC 9293 §3.8.3).
    fn waits_in_vain(&self, application: &Application) -> bool {
        let (connection, side) = (application.connection, application.side);
        let flow = &self.flows[connection];
        let peer = &self.applications[2 * connection + 1 - side];
        matches!(application.stage, Stage::Open(_))
            && peer.stage != Stage::Failed
            && !flow.harmed
            && flow.lost_since_progress[side] < 3
            && flow.lost_when_broken[1 - side] < 3
    }

    fn listen(&mut self) -> Result<(), Trouble> {
        for host in 0..self.nodes.len() {
            let plan = &self.plan.hosts[host];
            let (backlog, options) = (plan.backlog, plan.listener_options.clone());
            let opened =
                self.nodes[host]
                    .host
                    .open_passive(self.now, (None, SERVER_PORT), backlog, options);
            let listener = opened
                .map_err(|error| Trouble::new(Oracle::Call, Some(host), error.to_string()))?;
            self.nodes[host].listener = Some(listener);
            self.drain(host)?;
        }
        Ok(())
    }

    /// What comes next. At one instant: changes, opens, arrivals, timers, users.
    fn next(&self) -> Option<(Instant, Next)> {
        let mut best: Option<(Instant, Next)> = None;
        let mut offer = |at: Option<Instant>, what| {
            if let Some(at) = at
                && best.is_none_or(|(earliest, _)| at < earliest)
            {
                best = Some((at, what));
            }
        };
        let over = self.all_over();
        let disturbance = self.plan.disturbances.get(self.next_disturbance);
        offer(
            disturbance.filter(|_| !over).map(|(at, _)| *at),
            Next::Disturbance,
        );
        let open = self.to_open.last();
        offer(
            open.map(|which| self.plan.connections[*which].start),
            Next::Open,
        );
        for (index, node) in self.nodes.iter().enumerate() {
            let awake = |at: Instant| at.max(node.stalled_until);
            offer(node.link.next_arrival().map(awake), Next::Arrival(index));
            offer(node.host.poll_deadline().map(awake), Next::Timer(index));
            for which in &node.applications {
                let at = self.applications[*which].wakes_at();
                offer(at.map(awake), Next::Wake(index));
            }
        }
        best
    }

    fn take(&mut self, next: Next) -> Result<(), Trouble> {
        match next {
            Next::Disturbance => {
                self.disturb();
                Ok(())
            }
            Next::Open => match self.to_open.pop() {
                Some(connection) => self.open(connection),
                None => Ok(()),
            },
            Next::Arrival(host) => {
                while let Some(datagram) = self.nodes[host].link.receive(self.now) {
                    self.deliver(host, datagram);
                    if !self.nodes[host].batching {
                        break;
                    }
                }
                self.after_input(host)
            }
            Next::Timer(host) => {
                self.nodes[host].host.timeout(self.now);
                self.after_input(host)
            }
            Next::Wake(host) => self.after_input(host),
        }
    }

    pub(super) fn deliver(&mut self, host: usize, datagram: Vec<u8>) {
        self.note_delivered(host, &datagram);
        self.nodes[host].host.receive(self.now, &datagram);
        self.trace
            .note(self.now, host, Happening::Received(datagram));
    }

    pub(super) fn after_input(&mut self, host: usize) -> Result<(), Trouble> {
        self.drain(host)?;
        self.run_applications(host)
    }

    /// Takes everything that a host has to say, then looks at it.
    pub(super) fn drain(&mut self, host: usize) -> Result<(), Trouble> {
        for _ in 0..MAX_OUTPUTS {
            match self.nodes[host].host.poll() {
                Output::Transmit(datagram) => {
                    self.packets += 1;
                    let judged = self.judge_sent(host, &datagram);
                    let routed = judged.is_ok().then(|| datagram.clone());
                    self.trace.note(self.now, host, Happening::Sent(datagram));
                    judged?;
                    if let Some(datagram) = routed {
                        self.route(host, datagram);
                    }
                }
                Output::Event(event) => {
                    self.note_event(host, &event);
                    self.trace.note(self.now, host, Happening::Event(event));
                }
                Output::Deadline(_) => return self.check(host),
            }
        }
        let what = format!("more than {MAX_OUTPUTS} outputs at once");
        Err(Trouble::new(Oracle::Storm, Some(host), what))
    }

    fn check(&self, host: usize) -> Result<(), Trouble> {
        let node = &self.nodes[host];
        invariant::check(&node.host)
            .map_err(|broken| Trouble::new(Oracle::Invariant, Some(host), broken.to_string()))?;
        let sockets = node.host.sockets.len();
        if sockets > node.most_sockets {
            let what = format!("{sockets} sockets where {} are enough", node.most_sockets);
            return Err(Trouble::new(Oracle::Memory, Some(host), what));
        }
        Ok(())
    }

    fn disturb(&mut self) {
        let (_, disturbance) = self.plan.disturbances[self.next_disturbance].clone();
        self.next_disturbance += 1;
        match disturbance {
            Disturbance::Impair { host, impairments } => {
                self.nodes[host].link.set_impairments(impairments);
            }
            Disturbance::Mtu { host, mtu } => self.nodes[host].link_mtu = mtu,
            Disturbance::Stall { host, time } => {
                let node = &mut self.nodes[host];
                node.stalled_until = node.stalled_until.max(self.now + time);
            }
        }
    }

    /// Nothing is left once all have closed and all timers have run out.
    fn check_leftovers(&self) -> Result<(), Trouble> {
        for (host, node) in self.nodes.iter().enumerate() {
            let held = node.applications.iter();
            let held =
                held.filter(|which| matches!(self.applications[**which].stage, Stage::Open(_)));
            let held = 1 + held.count();
            let sockets = node.host.sockets.len();
            if sockets > held {
                let what = format!("{} sockets are left of closed connections", sockets - held);
                return Err(Trouble::new(Oracle::Memory, Some(host), what));
            }
        }
        Ok(())
    }

    /// Whether a stream of this connection may hold foreign bytes or end early.
    pub(super) fn may_be_foreign(&self, connection: usize) -> bool {
        self.flows[connection].harmed
    }

    /// A connection broke: is that explained by what happened to it?
    pub(super) fn judge_failure(&mut self, which: usize) -> Result<(), Trouble> {
        let application = &self.applications[which];
        let (connection, side) = (application.connection, application.side);
        let Some(error) = application.error else {
            return Ok(());
        };
        if self.is_excused(connection, side, error) {
            return Ok(());
        }
        let flow = &self.flows[connection];
        let what = format!(
            "connection {connection}, side {side}: {error:?} though only {} datagrams were lost, {} \
             of them since anything was acknowledged",
            flow.lost, flow.lost_when_broken[side]
        );
        Err(Trouble::new(Oracle::Failure, Some(application.host), what))
    }

    fn is_excused(&self, connection: usize, side: usize, error: ConnectionError) -> bool {
        let flow = &self.flows[connection];
        let peer = &self.applications[2 * connection + 1 - side];
        let plan = &self.plan.connections[connection];
        if flow.harmed {
            return true;
        }
        let flooded = self.has_attack(AttackKind::SynFlood);
        match error {
            ConnectionError::TimedOut => {
                let opening = flow.broke_opening[side] && (flow.lost >= 3 || self.has_stall());
                // Nine probes may all come while the peer sleeps.
                let asleep = self.has_stall() && self.probes_idle(connection, side);
                flow.lost_when_broken[side] >= 3 || opening || asleep || flooded
            }
            // The peer broke first, or never knew of the connection, or there was nothing yet to
            // open it with.
            ConnectionError::Reset
            | ConnectionError::ResetAfterClose
            | ConnectionError::Refused => {
                // Behind a cookie stands no state: what overtakes the ACK that brings it back, or
                // comes though that is lost, is for nobody (RFC 4987 §3.6).
                flow.cookie_sent
                    || flooded
                    || peer.stage == Stage::Failed
                    || flow.lost_when_broken[1 - side] >= 3
                    || (peer.stage == Stage::Waiting && (flow.lost > 0 || self.has_stall()))
                    || plan.open == super::plan::Open::Crossing
            }
            ConnectionError::Aborted | ConnectionError::Unreachable(_) => false,
        }
    }

    /// Whether a side asks for keep-alive probes; who is accepted has the listener's options.
    fn probes_idle(&self, connection: usize, side: usize) -> bool {
        let plan = &self.plan.connections[connection];
        let listener = &self.plan.hosts[plan.hosts[1]].listener_options;
        let own = plan.users[side].options.keepalive;
        own || (side == 1 && listener.keepalive)
    }

    /// A host that sleeps may find that the other side has given up.
    fn has_stall(&self) -> bool {
        let stall = |what: &Disturbance| matches!(what, Disturbance::Stall { .. });
        self.plan.disturbances.iter().any(|(_, what)| stall(what))
    }

    pub(super) fn has_attack(&self, kind: AttackKind) -> bool {
        self.plan.attacks.iter().any(|attack| attack.kind == kind)
    }

    /// The connection of the plan that has `remote` for its client, if `host` serves it.
    pub(super) fn connection_of(&self, remote: SocketAddr, host: usize) -> Option<usize> {
        let connection = usize::from(remote.port().checked_sub(FIRST_CLIENT_PORT)?);
        let plan = self.plan.connections.get(connection)?;
        let known = self.plan.sockets(connection)[0] == remote && plan.hosts[1] == host;
        known.then_some(connection)
    }
}

fn node(plan: &Plan, index: usize, rng: &mut Rng) -> Node {
    let host = &plan.hosts[index];
    let secret = draw::secret(plan.seed, index);
    let addresses = [plan.address(index)];
    let users = plan.connections.iter().flat_map(|plan| plan.hosts);
    let connections = users.filter(|user| *user == index).count();
    let ip_header = match plan.version {
        IpVersion::V4 => 20,
        IpVersion::V6 => 40,
    };
    Node {
        host: Host::new(host.config.clone(), &addresses, secret, rng.next_u64()),
        link: Link::new(host.impairments, rng.fork()),
        link_mtu: host.link_mtu,
        limits: Limits {
            mtu: host.config.mtu,
            // The least size that a cookie can hold is a peer's default (RFC 4987 §3.6).
            min_mss: match (host.config.syn_cookies, plan.version) {
                (SynCookies::Never, _) => host.config.min_mss,
                (_, IpVersion::V4) => 536,
                (_, IpVersion::V6) => 1_220,
            },
            ip_header,
        },
        listener: None,
        stalled_until: Instant::ZERO,
        batching: host.batching,
        applications: Vec::new(),
        sides: BTreeMap::new(),
        most_sockets: 2 + 2 * connections + host.backlog + host.config.syn_queue,
    }
}
