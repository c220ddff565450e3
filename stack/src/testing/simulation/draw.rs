//! A plan from a seed.

use super::feature::{Feature, FeatureSet};
use super::plan::{
    Attack, AttackKind, ConnectionPlan, Disturbance, HostPlan, Open, Plan, UserPlan,
};
use crate::config::{Config, EcnUse, InitialWindow, KeepAliveConfig, LossDetection, SynCookies};
use crate::congestion::Algorithm;
use crate::isn::IsnGenerator;
use crate::profile::Profile;
use crate::rng::Rng;
use crate::socket::SocketOptions;
use crate::testing::netem::{Bottleneck, Burst, Impairments};
use crate::time::Instant;
use crate::wire::ip::IpVersion;
use alloc::vec::Vec;
use core::time::Duration;

/// Nobody answers for longer than this.
const LONGEST_BLACKOUT_MS: u64 = 90_000;

impl Plan {
    /// The plan of a seed.
    pub fn from_seed(seed: u64) -> Plan {
        let mut rng = Rng::new(seed.wrapping_mul(0xd134_2543_de82_ef95) ^ 0x5eed);
        let features = FeatureSet::draw(&mut rng);
        let version = if features.has(Feature::Ipv6) {
            IpVersion::V6
        } else {
            IpVersion::V4
        };
        let mut draw = Draw {
            rng,
            features,
            version,
        };
        let count = if draw.has(Feature::ManyHosts) {
            3 + draw.rng.below(3) as usize
        } else {
            2
        };
        let shared = draw.profile();
        let hosts: Vec<HostPlan> = (0..count).map(|_| draw.host(shared)).collect();
        let mut plan = Plan {
            seed,
            features,
            version,
            start: Instant::from_micros(draw.rng.below(1 << 34)),
            hosts,
            connections: Vec::new(),
            disturbances: Vec::new(),
            attacks: Vec::new(),
            patience: Duration::from_secs(1_200),
        };
        draw.connections(&mut plan);
        draw.wrap(&mut plan);
        draw.disturbances(&mut plan);
        draw.attacks(&mut plan);
        plan
    }
}

/// The secret of a host.
pub(super) fn secret(seed: u64, host: usize) -> [u8; 16] {
    let mut rng = Rng::new(seed.rotate_left(17) ^ host as u64);
    let mut secret = [0; 16];
    secret.fill_with(|| rng.next_u32() as u8);
    secret
}

struct Draw {
    rng: Rng,
    features: FeatureSet,
    version: IpVersion,
}

impl Draw {
    fn has(&self, feature: Feature) -> bool {
        self.features.has(feature)
    }

    /// True in three of four cases where the run has the feature.
    fn wants(&mut self, feature: Feature) -> bool {
        let wanted = self.rng.chance(3, 4);
        self.has(feature) && wanted
    }

    fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.rng.below(to.saturating_sub(from) + 1)
    }

    /// As often between 1 and 2 as between 1024 and 2048.
    fn log_between(&mut self, from: u64, to: u64) -> u64 {
        let octaves = (to.max(1) / from.max(1)).ilog2();
        let low = from << self.rng.below(u64::from(octaves) + 1);
        self.between(low, (2 * low).min(to).max(low))
    }

    fn profile(&mut self) -> Profile {
        let mut choices = Vec::from([Profile::Rfc9293]);
        if self.has(Feature::LinuxProfile) {
            choices.push(Profile::Linux);
        }
        if self.has(Feature::FreebsdProfile) {
            choices.push(Profile::Freebsd);
        }
        choices[self.rng.below(choices.len() as u64) as usize]
    }

    fn host(&mut self, shared: Profile) -> HostPlan {
        let own = self.profile();
        let profile = if self.has(Feature::MixedProfiles) {
            own
        } else {
            shared
        };
        let config = self.config(profile);
        HostPlan {
            link_mtu: config.mtu,
            impairments: self.impairments(config.mtu),
            batching: self.wants(Feature::Batching),
            backlog: self.between(2, 8) as usize,
            listener_options: SocketOptions {
                fast_open_queue: usize::from(self.has(Feature::FastOpen)) * 4,
                fast_open_without_cookie: self.rng.chance(1, 2),
                ..self.socket_options()
            },
            config,
        }
    }

    fn config(&mut self, profile: Profile) -> Config {
        let mut config = profile.config();
        config.sack = self.wants(Feature::Sack);
        config.dsack = self.wants(Feature::Dsack);
        config.timestamps = self.wants(Feature::Timestamps);
        let shift = self.rng.below(15) as u8;
        config.window_scale = self.wants(Feature::WindowScale).then_some(shift);
        config.ecn = match (self.has(Feature::Ecn), self.rng.below(3)) {
            (false, _) | (true, 0) => EcnUse::Off,
            (true, 1) => EcnUse::Accept,
            (true, _) => EcnUse::Request,
        };
        config.loss_detection = if self.wants(Feature::Rack) {
            LossDetection::RackTlp
        } else {
            LossDetection::SelectiveAcks
        };
        config.congestion.algorithm = if self.wants(Feature::Cubic) {
            Algorithm::Cubic
        } else {
            Algorithm::Reno
        };
        config.congestion.hystart = self.wants(Feature::HyStart);
        if self.wants(Feature::WideStart) {
            config.congestion.initial_window = InitialWindow::Rfc6928;
        }
        config.undo = self.wants(Feature::Undo);
        config.frto = self.wants(Feature::Frto);
        config.nagle = self.wants(Feature::Nagle);
        if !self.wants(Feature::DelayedAck) {
            config.delayed_ack = Duration::ZERO;
        }
        if self.wants(Feature::Cookies) {
            config.syn_cookies = SynCookies::Always;
        }
        config.fast_open.server = self.has(Feature::FastOpen);
        self.sizes(&mut config);
        config
    }

    fn sizes(&mut self, config: &mut Config) {
        if self.wants(Feature::SmallReceiveBuffer) {
            config.recv_buffer = self.log_between(64, 8_192) as usize;
        } else if self.rng.chance(1, 4) {
            config.recv_buffer = self.log_between(16_384, 1 << 20) as usize;
        }
        if self.wants(Feature::SmallSendBuffer) {
            config.send_buffer = self.log_between(16, 8_192) as usize;
        }
        // A window below the unit of its scale could not be announced.
        let unit = 1usize << config.window_scale.unwrap_or(0);
        config.recv_buffer = config.recv_buffer.max(2 * unit);
        if self.wants(Feature::OddMtu) {
            let least = match self.version {
                IpVersion::V4 => 576,
                IpVersion::V6 => 1280,
            };
            config.mtu = self.between(least, 9_000) as u16;
        }
        if self.has(Feature::KeepAlive) {
            config.keepalive = KeepAliveConfig {
                idle: Duration::from_millis(self.log_between(500, 20_000)),
                interval: Duration::from_millis(self.log_between(2_000, 20_000)),
                probes: 9,
                ..config.keepalive
            };
        }
    }

    fn socket_options(&mut self) -> SocketOptions {
        let mut options = SocketOptions {
            keepalive: self.wants(Feature::KeepAlive),
            ..SocketOptions::default()
        };
        if self.wants(Feature::SocketOptions) {
            options.nodelay = self.rng.chance(1, 3);
            options.cork = self.rng.chance(1, 6);
            options.quick_ack = self.rng.chance(1, 4);
            if self.rng.chance(1, 3) {
                options.mss = Some(self.between(88, 1_460) as u16);
            }
        }
        options
    }

    /// Each impairment that the run has, none so bad that giving up would be right.
    fn impairments(&mut self, mtu: u16) -> Impairments {
        let most = if self.rng.chance(1, 3) { 1_200 } else { 200 };
        let rate = |draw: &mut Draw, feature| {
            let rate = draw.between(1, most) as u16;
            if draw.wants(feature) { rate } else { 0 }
        };
        let loss = rate(self, Feature::Loss);
        let duplication = rate(self, Feature::Duplication);
        let reordering = rate(self, Feature::Reordering);
        let corruption = rate(self, Feature::Corruption);
        let delay = Duration::from_micros(self.log_between(50, 200_000));
        let burst = Burst {
            enter: self.between(10, 300) as u16,
            leave: self.between(1_500, 6_000) as u16,
            loss: self.between(5_000, 10_000) as u16,
        };
        let jitter = Duration::from_micros(self.log_between(10, 100_000));
        Impairments {
            loss,
            duplication,
            reordering,
            corruption,
            delay,
            reordering_delay: Duration::from_micros(self.log_between(100, 400_000)),
            jitter: if self.wants(Feature::Jitter) {
                jitter
            } else {
                Duration::ZERO
            },
            burst: self.wants(Feature::BurstLoss).then_some(burst),
            bottleneck: self.bottleneck(mtu),
        }
    }

    fn bottleneck(&mut self, mtu: u16) -> Option<Bottleneck> {
        let queue = self.log_between(2, 64) * u64::from(mtu);
        let bottleneck = Bottleneck {
            rate: self.log_between(20_000, 20_000_000),
            queue,
            mark: self.wants(Feature::Marking).then_some(queue / 3),
        };
        self.wants(Feature::Bottleneck).then_some(bottleneck)
    }

    fn connections(&mut self, plan: &mut Plan) {
        let count = if self.has(Feature::ManyConnections) {
            self.between(2, 8)
        } else {
            1
        };
        for _ in 0..count {
            let hosts = plan.hosts.len() as u64;
            let client = self.rng.below(hosts);
            let server = (client + self.between(1, hosts - 1)) % hosts;
            let late = if plan.connections.is_empty() {
                0
            } else {
                self.log_between(1, 10_000_000)
            };
            let open = match self.rng.below(4) {
                0 | 1 if self.has(Feature::CrossingOpens) => Open::Crossing,
                2 if self.has(Feature::FastOpen) => Open::WithData,
                3 if self.has(Feature::FastOpen) => Open::OnFirstSend,
                _ => Open::Ordinary,
            };
            let mut users = [self.user(), self.user()];
            for side in 0..2 {
                let host = [client, server][side] as usize;
                let other = [client, server][1 - side] as usize;
                let buffer = plan.hosts[host].config.send_buffer;
                let buffer = buffer.min(plan.hosts[other].config.recv_buffer) as u64;
                users[side].length = users[side].length.min(100 * buffer);
            }
            for side in 0..2 {
                let most =
                    users[1 - side].length.max(users[side].length) / users[side].chunk as u64;
                let most = Duration::from_secs(500) / (most as u32 + 1);
                users[side].read_pause = users[side].read_pause.min(most);
                users[side].write_pause = users[side].write_pause.min(most);
            }
            users[0].options.fast_open_without_cookie =
                self.has(Feature::FastOpen) && self.rng.chance(1, 2);
            plan.connections.push(ConnectionPlan {
                hosts: [client as usize, server as usize],
                start: plan.start + Duration::from_micros(late),
                open,
                users,
            });
        }
    }

    fn user(&mut self) -> UserPlan {
        let length = match self.rng.below(10) {
            0..=2 => 0,
            3..=5 => self.log_between(1, 3_000),
            _ => self.log_between(1_000, 30_000),
        };
        let long = self.log_between(30_000, 2_000_000);
        let length = if self.has(Feature::Long) && self.rng.chance(1, 2) {
            long
        } else {
            length
        };
        let write_pause = Duration::from_millis(self.log_between(1, 4_000));
        let read_pause = Duration::from_millis(self.log_between(1, 3_000));
        let slow = length < 100_000;
        let abort_after = self.rng.below(length + 2_000);
        UserPlan {
            length,
            chunk: self.log_between(64, 8_000) as usize,
            write_pause: if self.wants(Feature::SlowWriter) && slow {
                write_pause
            } else {
                Duration::ZERO
            },
            read_pause: if self.wants(Feature::SlowReader) && slow {
                read_pause
            } else {
                Duration::ZERO
            },
            abort_after: self.wants(Feature::Abort).then_some(abort_after),
            options: self.socket_options(),
        }
    }

    /// Moves the start so that the client's numbers of the first connection wrap on the way, or the
    /// server's.
    fn wrap(&mut self, plan: &mut Plan) {
        let side = self.rng.below(2) as usize;
        let ahead = self.log_between(1, 40_000) as u32;
        if !self.has(Feature::Wrap) {
            return;
        }
        let generator = IsnGenerator::new(secret(plan.seed, plan.connections[0].hosts[side]));
        let sockets = plan.sockets(0);
        let (local, remote) = (sockets[side], sockets[1 - side]);
        let isn = generator.isn(Instant::ZERO, local, remote).raw();
        let ticks = 0u32.wrapping_sub(ahead).wrapping_sub(isn);
        let round = 4 << 32;
        let delay = if side == 0 {
            0
        } else {
            let server = plan.connections[0].hosts[1];
            plan.hosts[server].impairments.delay.as_micros() as u64
        };
        let start = Instant::from_micros((u64::from(ticks) * 4 + round - delay) % round);
        for connection in &mut plan.connections {
            let late = connection.start.saturating_duration_since(plan.start);
            connection.start = start + late;
        }
        plan.start = start;
    }

    /// What every host gets its datagrams through. Below its floor a host neither goes nor lets routers
    /// fragment, as RFC 1191 §2 would allow: nothing large would ever pass.
    fn least_believed(&self, hosts: &[HostPlan]) -> u16 {
        let floors = hosts.iter().map(|host| host.config.path_mtu.min_ipv4_mtu);
        match self.version {
            IpVersion::V4 => floors.max().unwrap_or(0),
            IpVersion::V6 => 0,
        }
    }

    fn disturbances(&mut self, plan: &mut Plan) {
        let start = plan.start;
        let mut list = Vec::new();
        for host in 0..plan.hosts.len() {
            let usual = plan.hosts[host].impairments;
            if self.wants(Feature::Phases) {
                for _ in 0..self.between(1, 3) {
                    let impairments = self.impairments(plan.hosts[host].config.mtu);
                    list.push((
                        self.moment(start),
                        Disturbance::Impair { host, impairments },
                    ));
                }
            }
            if self.wants(Feature::Blackout) {
                self.blackout(start, host, usual, &mut list);
            }
            if self.wants(Feature::MtuChange) {
                let least = match self.version {
                    IpVersion::V4 => 300,
                    IpVersion::V6 => 1_280,
                };
                let mtu = self.between(least, u64::from(plan.hosts[host].config.mtu)) as u16;
                let mtu = mtu.max(self.least_believed(&plan.hosts));
                list.push((self.moment(start), Disturbance::Mtu { host, mtu }));
            }
            if self.wants(Feature::Stall) {
                for _ in 0..self.between(1, 3) {
                    let time = Duration::from_micros(self.log_between(100, 30_000_000));
                    list.push((self.moment(start), Disturbance::Stall { host, time }));
                }
            }
        }
        list.sort_by_key(|(at, _)| *at);
        plan.disturbances = list;
    }

    fn moment(&mut self, start: Instant) -> Instant {
        start + Duration::from_micros(self.log_between(100, 60_000_000))
    }

    fn blackout(
        &mut self,
        start: Instant,
        host: usize,
        usual: Impairments,
        list: &mut Vec<(Instant, Disturbance)>,
    ) {
        let begin = self.moment(start);
        let time = Duration::from_millis(self.log_between(10, LONGEST_BLACKOUT_MS));
        let dead = Impairments {
            loss: 10_000,
            duplication: 0,
            ..usual
        };
        for (at, impairments) in [(begin, dead), (begin + time, usual)] {
            list.push((at, Disturbance::Impair { host, impairments }));
        }
    }

    fn attacks(&mut self, plan: &mut Plan) {
        const KINDS: [(Feature, AttackKind); 6] = [
            (Feature::OffPathAttacker, AttackKind::OffPath),
            (Feature::SynFlood, AttackKind::SynFlood),
            (Feature::OnPathResets, AttackKind::Reset),
            (Feature::OnPathData, AttackKind::Data),
            (Feature::OnPathRepeats, AttackKind::Repeats),
            (Feature::OptionRewriting, AttackKind::Options),
        ];
        for (feature, kind) in KINDS {
            if !self.has(feature) {
                continue;
            }
            let connection = self.rng.below(plan.connections.len() as u64) as usize;
            plan.attacks.push(Attack {
                connection,
                kind,
                rate: match kind {
                    AttackKind::Options => 1_000,
                    _ => self.log_between(10, 500) as u16,
                },
                times: match kind {
                    AttackKind::Options => u16::MAX,
                    AttackKind::SynFlood => 400,
                    _ => self.between(1, 40) as u16,
                },
            });
        }
    }
}
