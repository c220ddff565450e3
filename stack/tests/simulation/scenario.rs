//! One simulated exchange from open to silence.

use crate::application::{Application, Failure, Handle, stream_byte};
use crate::packet_rules;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tcpdrill_stack::isn::IsnGenerator;
use tcpdrill_stack::segment::{self, Incoming};
use tcpdrill_stack::testing::netem::Impairments;
use tcpdrill_stack::testing::pair::{Happening, Pair, Setup, Side, Step, TraceEntry};
use tcpdrill_stack::wire::ip::IpVersion;
use tcpdrill_stack::{Config, Event, Instant, SocketId, SocketOptions, StateName};

const PORTS: [u16; 2] = [40_000, 80];

/// How the active side begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// With a SYN.
    Ordinary,
    /// With data on the SYN (RFC 7413); no cookies, for there is one exchange only.
    WithData,
    /// The same by the first SEND.
    OnFirstSend,
}

/// Everything that determines a run.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) version: IpVersion,
    /// Both sides open actively at the same time.
    pub(crate) simultaneous: bool,
    pub(crate) start: Start,
    /// Length of the stream that each side sends.
    pub(crate) lengths: [usize; 2],
    /// Each side reads with pauses of up to 3 s.
    pub(crate) slow_readers: [bool; 2],
    pub(crate) configs: [Config; 2],
    pub(crate) impairments: [Impairments; 2],
    /// This side's sequence numbers wrap after so many bytes, if its first SYN gets through.
    pub(crate) wrap: Option<(Side, u32)>,
}

impl Scenario {
    /// A clean, fast link and default settings.
    pub(crate) fn clean(seed: u64, lengths: [usize; 2]) -> Self {
        let impairments = Impairments {
            delay: Duration::from_millis(10),
            ..Impairments::default()
        };
        Self {
            seed,
            version: IpVersion::V4,
            simultaneous: false,
            start: Start::Ordinary,
            lengths,
            slow_readers: [false; 2],
            configs: [Config::default(), Config::default()],
            impairments: [impairments; 2],
            wrap: None,
        }
    }

    fn socket(&self, side: Side) -> SocketAddr {
        SocketAddr::new(side.address(self.version), PORTS[side as usize])
    }

    /// The time at which the ISN of the side in `wrap` is so far before the wrap.
    fn start(&self) -> Instant {
        let Some((side, before_wrap)) = self.wrap else {
            return Instant::ZERO;
        };
        let generator = IsnGenerator::new(Pair::secret(self.seed, side));
        let (local, remote) = (self.socket(side), self.socket(side.other()));
        let isn = generator.isn(Instant::ZERO, local, remote).raw();
        let ticks = 0u32.wrapping_sub(before_wrap).wrapping_sub(isn);
        // The passive side takes its ISN when the SYN arrives.
        let under_way = if side == Side::B && !self.simultaneous {
            self.impairments[0].delay.as_micros() as u64
        } else {
            0
        };
        let round = 4 * (1 << 32);
        Instant::from_micros((u64::from(ticks) * 4 + round - under_way) % round)
    }

    /// Answers by how many bytes of the stream are sent already as well.
    fn open(&self, pair: &mut Pair, side: Side) -> Result<(Handle, usize), Failure> {
        let (local, remote) = (self.socket(side), self.socket(side.other()));
        let fast_open = self.start != Start::Ordinary;
        let options = SocketOptions {
            fast_open_queue: usize::from(fast_open),
            fast_open_without_cookie: fast_open,
            ..SocketOptions::default()
        };
        if side == Side::B && !self.simultaneous {
            let listener = pair.act(side, |host, now| {
                host.open_passive(now, (None, local.port()), 8, options)
            })??;
            return Ok((Handle::Listener(listener), 0));
        }
        let first: Vec<u8> = (0..self.lengths[side as usize].min(3_000))
            .map(|position| stream_byte(side, position))
            .collect();
        let (id, written) = pair.act(side, |host, now| {
            let local = (Some(local.ip()), Some(local.port()));
            match self.start {
                Start::Ordinary => Ok((host.open_active(now, local, remote, options)?, 0)),
                Start::WithData => host.open_with_data(now, local, remote, options, &first),
                Start::OnFirstSend => {
                    let opened = host.open_on_first_send(now, local, remote, options);
                    opened.map(|(id, _)| (id, 0))
                }
            }
        })??;
        Ok((Handle::Connection(id), written))
    }

    /// Runs to the end: everything delivered, both sides closed, no timer left.
    ///
    /// # Errors
    /// What went wrong, and the last things that happened before.
    pub(crate) fn run(&self) -> Result<Outcome, String> {
        let mut pair = Pair::new(Setup {
            configs: self.configs.clone(),
            impairments: self.impairments,
            version: self.version,
            start: self.start(),
            seed: self.seed,
        });
        self.run_on(&mut pair).map_err(|failure| match failure {
            Failure::Other(text) => text,
            Failure::Pair(_) | Failure::Call(_) => {
                format!("{failure:?}\n{}", trace_tail(pair.trace()))
            }
        })
    }

    fn run_on(&self, pair: &mut Pair) -> Result<Outcome, Failure> {
        let mut applications = Vec::new();
        for side in [Side::B, Side::A] {
            let (handle, written) = self.open(pair, side)?;
            let (length, slow) = (
                self.lengths[side as usize],
                self.slow_readers[side as usize],
            );
            let seed = self.seed ^ side as u64;
            let mut application = Application::new(side, handle, length, slow, seed);
            application.written = written;
            applications.push(application);
        }
        loop {
            for application in &mut applications {
                application.run(pair)?;
            }
            let wake = applications.iter().filter_map(|a| a.wakes_at).min();
            if pair.step(wake)? == Step::Idle {
                break;
            }
        }
        self.check_delivery(&applications)?;
        let outcome = Outcome {
            ended_at: pair.now(),
            trace: pair.trace().to_vec(),
        };
        outcome.check_ends()?;
        packet_rules::check(&outcome.trace).map_err(|(index, complaint)| {
            let trace = trace_tail(&outcome.trace[..=index]);
            Failure::Other(format!("{complaint}\n{trace}"))
        })?;
        Ok(outcome)
    }

    fn check_delivery(&self, applications: &[Application]) -> Result<(), Failure> {
        for (application, side) in applications.iter().zip([Side::B, Side::A]) {
            let sender = side.other();
            let expected: Vec<u8> = (0..self.lengths[sender as usize])
                .map(|position| stream_byte(sender, position))
                .collect();
            let received = &application.received;
            if *received != expected {
                let same = received.iter().zip(&expected).take_while(|(a, b)| a == b);
                return Err(Failure::Other(format!(
                    "{side:?} received {} bytes of {}, right up to {}",
                    received.len(),
                    expected.len(),
                    same.count()
                )));
            }
            if !application.closed {
                return Err(Failure::Other(format!("{side:?} never saw the end")));
            }
        }
        Ok(())
    }
}

/// What a run left behind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) ended_at: Instant,
    pub(crate) trace: Vec<TraceEntry>,
}

impl Outcome {
    /// The events of one side.
    pub(crate) fn events(&self, side: Side) -> impl Iterator<Item = &Event> {
        self.trace
            .iter()
            .filter_map(move |entry| match &entry.what {
                Happening::Event(event) if entry.side == side => Some(event),
                _ => None,
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
        let sent = |e: &&TraceEntry| e.side == side && matches!(e.what, Happening::Sent(_));
        self.trace.iter().filter(sent).count()
    }

    /// Nothing was aborted, and both sides came to an orderly end.
    fn check_ends(&self) -> Result<(), Failure> {
        for side in Side::BOTH {
            let mut over = false;
            for event in self.events(side) {
                match event {
                    Event::StateChanged { from, to, .. } if *from != StateName::Listen => {
                        over = *to == StateName::Closed;
                    }
                    // A late duplicate may find its connection gone.
                    Event::ResetSent { id: None, .. } if over => {}
                    Event::ConnectionAborted { .. } | Event::ResetSent { .. } => {
                        return Err(Failure::Other(format!("{side:?}: {event:?}")));
                    }
                    _ => {}
                }
            }
            if !over {
                return Err(Failure::Other(format!("{side:?}: {:?}", self.states(side))));
            }
        }
        Ok(())
    }
}

/// The last lines of a trace, one for each thing that happened.
fn trace_tail(trace: &[TraceEntry]) -> String {
    let tail = &trace[trace.len().saturating_sub(60)..];
    let mut text = String::new();
    for TraceEntry { at, side, what } in tail {
        let what = match what {
            Happening::Sent(datagram) => format!("> {}", show(datagram)),
            Happening::Received(datagram) => format!("< {}", show(datagram)),
            Happening::Event(event) => format!("{event:?}"),
        };
        text += &format!("{:>12} {side:?} {what}\n", at.as_micros());
    }
    text
}

fn show(datagram: &[u8]) -> String {
    let segment = match segment::parse(datagram) {
        Ok(Incoming::Segment(segment)) => segment,
        other => return format!("{other:?}"),
    };
    let ack = segment
        .ack
        .map_or(String::new(), |ack| format!(" ack {ack}"));
    format!(
        "{} {}:{}({}){ack} win {} {:?}",
        segment.flags,
        segment.seq,
        segment.end(),
        segment.payload.len(),
        segment.wnd.raw(),
        segment.options.timestamps
    )
}
