//! A run as a packetdrill script: what was sent to the subject, what it answered, and what it should have.
//!
//! Up to the finding the subject's packets stand there as they came. At the finding stands what the
//! specification wants, where that is one thing: the script fails on the stack it was found in, and passes
//! on one that is right. Otherwise what came stands there, with a remark: the script shows how it goes.

use std::fmt::Write;

use super::icmp;
use super::input::{Call, Setup};
use super::oracle::Wanted;
use super::packet::{self, ACK, FIN, PSH, Packet, RST, SYN, URG};
use super::play::{Found, Witness, buffer};
use super::subject::{Answer, Micros, State};

/// Shorter than this nobody waits, in microseconds.
const SHORTEST: Micros = 3_000;

/// What a fuzzed kernel does not ration, or put off, is not to be rationed in the script.
const SETTINGS: &str =
    "+0   `sysctl -q net.ipv4.tcp_invalid_ratelimit=0 net.ipv4.tcp_comp_sack_nr=0`\n";

/// What a script is made of.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A datagram arrives at the stack.
    Arrived(Vec<u8>),
    /// The stack sends one.
    Sent(Vec<u8>),
    /// The user calls.
    Called(Call, Answer),
}

/// Takes notes of a run.
#[derive(Clone, Debug, Default)]
pub struct Scribe {
    steps: Vec<(Micros, Step)>,
    /// What is shorter is no wait: on a live stack whatever is done takes its time.
    shortest: Micros,
}

impl Witness for Scribe {
    fn arrived(&mut self, at: Micros, datagram: &[u8]) {
        self.steps.push((at, Step::Arrived(datagram.to_vec())));
    }

    fn sent(&mut self, at: Micros, datagram: &[u8]) {
        self.steps.push((at, Step::Sent(datagram.to_vec())));
    }

    fn called(&mut self, at: Micros, call: Call, answer: Answer) {
        self.steps.push((at, Step::Called(call, answer)));
    }
}

impl Scribe {
    /// Of a stack whose time is real.
    pub fn live() -> Scribe {
        Scribe {
            shortest: SHORTEST,
            ..Scribe::default()
        }
    }

    /// The script, with the finding at its end if there is one.
    pub fn script(&self, setup: &Setup, found: Option<&Found>) -> String {
        let mut text = header(setup, found);
        let wanted = found.and_then(|found| found.violation.wanted);
        // What was wrong is an answer to the last segment.
        let is_arrival = |(_, step): &(Micros, Step)| matches!(step, Step::Arrived(_));
        let end = self.steps.iter().rposition(is_arrival);
        let (usual, rest) = match (wanted, end) {
            (Some(_), Some(end)) => self.steps.split_at(end + 1),
            _ => (&self.steps[..], &[][..]),
        };
        if self.shortest > 0 {
            text.push_str(SETTINGS);
        }
        let mut writer = Writer::new(setup);
        let mut last = usual.first().map_or(0, |(at, _)| *at);
        for (at, step) in usual {
            let mut wait = at - last;
            if wait < self.shortest {
                wait = 0;
            }
            for line in writer.lines(step) {
                if line.starts_with("//") {
                    let _ = writeln!(text, "{line}");
                    continue;
                }
                let time = format!("+{}", wait as f64 / 1e6);
                let _ = writeln!(text, "{time:<4} {line}");
                (wait, last) = (0, *at);
            }
        }
        let came: Vec<String> = rest
            .iter()
            .flat_map(|(_, step)| writer.lines(step))
            .collect();
        if let Some(found) = found {
            mark(&mut text, found, &came);
        }
        if let Some(wanted) = wanted {
            let time = match wanted {
                Wanted::Nothing => "+0~+.001",
                _ => "+0  ",
            };
            let _ = writeln!(text, "{time} {}", writer.wanted(wanted));
        }
        text
    }
}

fn header(setup: &Setup, found: Option<&Found>) -> String {
    let mut text = match found.map(|found| &found.violation) {
        None => "// title: An input of the fuzzer\n".to_owned(),
        Some(violation) => {
            let title = title(violation.oracle.name(), &violation.rules);
            let rules = violation.rules.join(", ");
            match rules.is_empty() {
                true => format!("// title: {title}\n"),
                false => format!("// title: {title}\n// covers: {rules}\n"),
            }
        }
    };
    text.push_str("// why: Found by fuzzing.\n\n");
    text.push_str(match setup.v6 {
        true => "--ip_version=ipv6\n--mtu=1500\n",
        false => "--ip_version=ipv4\n",
    });
    text
}

fn title(oracle: &str, rules: &[&str]) -> String {
    match rules.first() {
        Some(rule) => format!("Found by the oracle `{oracle}`: {rule}"),
        None => format!("Found by the oracle `{oracle}`"),
    }
}

/// Says in front of the differing packet, or behind the last one, what is wrong.
fn mark(text: &mut String, found: &Found, came: &[String]) {
    for line in found.violation.message.lines() {
        let _ = writeln!(text, "// FOUND: {line}");
    }
    if found.violation.wanted.is_some() {
        if came.is_empty() {
            let _ = writeln!(text, "// What came instead: nothing.");
        }
        for line in came {
            let _ = writeln!(text, "// What came instead: {line}");
        }
    }
}

/// Writes lines, and keeps what they count from.
#[derive(Debug)]
pub(crate) struct Writer {
    /// Bytes that a socket is told to receive.
    buffer: Option<u32>,
    /// Of what is sent only flags, numbers and lengths are written.
    is_loose: bool,
    irs: u32,
    /// The first number of a SYN that has just come, and the one behind its last.
    offered: Option<(u32, u32)>,
    iss: Option<u32>,
    /// The values of the subject's timestamps.
    stamps: Vec<u32>,
    /// Descriptors in use.
    used: Vec<u32>,
    listener: Option<u32>,
    connection: Option<u32>,
}

impl Writer {
    fn new(setup: &Setup) -> Writer {
        Writer {
            buffer: Some(buffer(setup)),
            is_loose: false,
            irs: setup.isn,
            offered: None,
            iss: None,
            stamps: Vec::new(),
            used: Vec::new(),
            listener: None,
            connection: None,
        }
    }

    /// One that leaves open what is free: windows, options and PSH, and how large the user's buffer is.
    pub(crate) fn loose(setup: &Setup) -> Writer {
        Writer {
            buffer: None,
            is_loose: true,
            ..Writer::new(setup)
        }
    }

    /// The descriptor of the connection.
    pub(crate) fn connection(&self) -> Option<u32> {
        self.connection
    }

    pub(crate) fn lines(&mut self, step: &Step) -> Vec<String> {
        match step {
            Step::Arrived(datagram) => {
                let Ok(packet) = packet::read(datagram) else {
                    return vec![icmp::script::arrival(datagram, self.iss.unwrap_or(0))];
                };
                if packet.has(SYN) {
                    self.offered = Some((packet.seq, packet.end()));
                }
                let iss = self.iss.unwrap_or(0);
                let told = |echo: u32| self.stamps.contains(&echo);
                vec![format!(
                    "< {}",
                    segment(&packet, self.irs, iss, Some(packet.seq), &told)
                )]
            }
            Step::Sent(datagram) => {
                let Ok(packet) = packet::read(datagram) else {
                    return vec!["// What is sent cannot be read.".to_owned()];
                };
                if packet.has(SYN) {
                    self.iss = Some(packet.seq);
                }
                // A SYN counts that is acknowledged, with or without its text.
                if let Some((seq, end)) = self.offered.take()
                    && packet.has(ACK)
                    && packet.ack.wrapping_sub(seq).wrapping_sub(1) < end.wrapping_sub(seq).max(1)
                {
                    self.irs = seq;
                }
                let iss = self.iss.unwrap_or(0);
                self.stamps
                    .extend(packet.options.stamp.map(|(value, _)| value));
                if self.is_loose {
                    return vec![format!("> {} <...>", numbers(&packet, iss, self.irs, None))];
                }
                vec![format!(
                    "> {}",
                    segment(&packet, iss, self.irs, None, &|_| true)
                )]
            }
            Step::Called(call, answer) => self.called(*call, *answer),
        }
    }

    fn wanted(&self, wanted: Wanted) -> String {
        let iss = self.iss.unwrap_or(0);
        let own = |seq: u32| seq.wrapping_sub(iss);
        let peers = |ack: u32| ack.wrapping_sub(self.irs);
        match wanted {
            Wanted::Nothing => "> nothing".to_owned(),
            Wanted::Reset { seq } => format!("> R {0}:{0}(0) <...>", own(seq)),
            Wanted::ResetAck { ack } => format!("> R. 0:0(0)! ack {} <...>", peers(ack)),
            Wanted::SynAck { ack } => format!("> S. 0:0(0) ack {ack} <...>"),
            Wanted::Ack { seq, ack } => {
                format!("> . {0}:{0}(0) ack {1} <...>", own(seq), peers(ack))
            }
            Wanted::Abort { seq, ack } => {
                format!("> R. {0}:{0}(0) ack {1} <...>", own(seq), peers(ack))
            }
            Wanted::State(state) => {
                format!(
                    "%{{ assert tcpi_state == {}, tcpi_state }}%",
                    constant(state)
                )
            }
        }
    }

    /// The lowest descriptor that is free.
    fn open(&mut self) -> u32 {
        let fd = (3..).find(|fd| !self.used.contains(fd)).unwrap_or(3);
        self.used.push(fd);
        fd
    }

    fn close(&mut self) -> Option<u32> {
        let fd = self.connection.take()?;
        self.used.retain(|used| *used != fd);
        Some(fd)
    }

    fn called(&mut self, call: Call, answer: Answer) -> Vec<String> {
        let count = match answer {
            Answer::Refused => return Vec::new(),
            Answer::Bytes(count) => count,
            Answer::Done | Answer::End => 0,
        };
        let only = |line: String| vec![line];
        let fd = self.connection.unwrap_or(4);
        match call {
            Call::Listen => {
                let fd = self.open();
                self.listener = Some(fd);
                let mut lines = self.socket(fd);
                lines.push(format!("bind({fd}, ..., ...) = 0"));
                lines.push(format!("listen({fd}, 1000) = 0"));
                lines
            }
            Call::Connect => {
                let fd = self.open();
                self.connection = Some(fd);
                let mut lines = self.socket(fd);
                lines.push(format!("fcntl({fd}, F_SETFL, O_RDWR|O_NONBLOCK) = 0"));
                lines.push(format!("connect({fd}, ..., ...) = -1 EINPROGRESS"));
                lines
            }
            Call::Accept => {
                let new = self.open();
                self.connection = Some(new);
                let from = self.listener.unwrap_or(3);
                vec![
                    format!("accept({from}, ..., ...) = {new}"),
                    format!("fcntl({new}, F_SETFL, O_RDWR|O_NONBLOCK) = 0"),
                ]
            }
            Call::Send(length) => only(format!("write({fd}, ..., {length}) = {count}")),
            Call::Recv(most) => only(format!("read({fd}, ..., {most}) = {count}")),
            Call::Shutdown => only(format!("shutdown({fd}, SHUT_WR) = 0")),
            Call::Close => self
                .close()
                .map_or(Vec::new(), |fd| only(format!("close({fd}) = 0"))),
            Call::Abort => self.close().map_or(Vec::new(), |fd| {
                vec![
                    format!(
                        "setsockopt({fd}, SOL_SOCKET, SO_LINGER, {{onoff=1, linger=0}}, 8) = 0"
                    ),
                    format!("close({fd}) = 0"),
                ]
            }),
            Call::NoDelay(is_on) => only(option(fd, "SOL_TCP, TCP_NODELAY", is_on)),
            Call::KeepAlive(is_on) => only(option(fd, "SOL_SOCKET, SO_KEEPALIVE", is_on)),
        }
    }

    /// A new socket with the buffer of the setup.
    fn socket(&self, fd: u32) -> Vec<String> {
        let mut lines = vec![
            format!("socket(..., SOCK_STREAM, IPPROTO_TCP) = {fd}"),
            option(fd, "SOL_SOCKET, SO_REUSEADDR", true),
        ];
        lines.extend(
            self.buffer
                .map(|bytes| format!("setsockopt({fd}, SOL_SOCKET, SO_RCVBUF, [{bytes}], 4) = 0")),
        );
        lines
    }
}

fn option(fd: u32, name: &str, is_on: bool) -> String {
    format!("setsockopt({fd}, {name}, [{}], 4) = 0", u8::from(is_on))
}

/// A segment of one side: its numbers count from `seq_origin` and `ack_origin`, but for a SYN's, which is
/// written as `syn` (the subject's own by the name 0); `told` says whether a timestamp was the other side's.
fn segment(
    packet: &Packet<'_>,
    seq_origin: u32,
    ack_origin: u32,
    syn: Option<u32>,
    told: &dyn Fn(u32) -> bool,
) -> String {
    let mut line = format!(
        "{} {}",
        flags(packet),
        numbers_behind_flags(packet, seq_origin, ack_origin, syn)
    );
    let _ = write!(line, " win {}", packet.window);
    if packet.has(URG) {
        let _ = write!(line, " urg {}", packet.urgent);
    }
    let options = options(packet, ack_origin, told);
    if !options.is_empty() {
        let _ = write!(line, " <{}>", options.join(","));
    }
    line
}

/// The same without windows and options. Where PSH stands is free: so are the flags of text.
fn numbers(packet: &Packet<'_>, seq_origin: u32, ack_origin: u32, syn: Option<u32>) -> String {
    let flags = match packet.text.is_empty() || packet.has(SYN | FIN | RST) {
        true => flags(packet),
        false => "*".to_owned(),
    };
    let numbers = numbers_behind_flags(packet, seq_origin, ack_origin, syn);
    format!("{flags} {numbers}")
}

fn flags(packet: &Packet<'_>) -> String {
    let letters = [
        (FIN, 'F'),
        (SYN, 'S'),
        (RST, 'R'),
        (PSH, 'P'),
        (URG, 'U'),
        (packet::ECE, 'E'),
        (packet::CWR, 'W'),
        (ACK, '.'),
    ];
    let set = letters.iter().filter(|(flag, _)| packet.has(*flag));
    match set.map(|(_, letter)| *letter).collect::<String>() {
        none if none.is_empty() => "-".to_owned(),
        flags => flags,
    }
}

fn numbers_behind_flags(
    packet: &Packet<'_>,
    seq_origin: u32,
    ack_origin: u32,
    syn: Option<u32>,
) -> String {
    let is_of_none = packet.has(RST) && packet.has(ACK) && packet.seq == 0;
    let seq = match packet.has(SYN) {
        true => syn.unwrap_or(0),
        false if is_of_none => 0,
        false => packet.seq.wrapping_sub(seq_origin),
    };
    let end = seq.wrapping_add(packet.text.len() as u32);
    let mut line = format!("{seq}:{end}({})", packet.text.len());
    if is_of_none {
        line.push('!');
    }
    if packet.has(ACK) {
        // So is the number of the peer's SYN in the answer to it.
        let is_answer = packet.has(SYN) && syn.is_none();
        let origin = if is_answer { 0 } else { ack_origin };
        let _ = write!(line, " ack {}", packet.ack.wrapping_sub(origin));
    }
    line
}

fn options(packet: &Packet<'_>, ack_origin: u32, told: &dyn Fn(u32) -> bool) -> Vec<String> {
    let mut bytes = packet.option_bytes;
    let mut options = Vec::new();
    while let [kind, rest @ ..] = bytes {
        let len = match kind {
            0 | 1 => 1,
            // What was read has lengths that fit.
            _ => usize::from(rest.first().copied().unwrap_or(2)).clamp(2, bytes.len().max(2)),
        };
        let value = bytes.get(2..len).unwrap_or(&[]);
        options.push(match (kind, packet.options.stamp) {
            (8, Some((_, echo))) if packet.has(ACK) && !told(echo) => {
                format!("{}!", one_option(8, value, packet, ack_origin))
            }
            _ => one_option(*kind, value, packet, ack_origin),
        });
        bytes = bytes.get(len..).unwrap_or(&[]);
    }
    options
}

fn one_option(kind: u8, value: &[u8], packet: &Packet<'_>, ack_origin: u32) -> String {
    let found = &packet.options;
    match (kind, found.mss, found.scale, found.stamp) {
        (0, ..) => "eol".to_owned(),
        (1, ..) => "nop".to_owned(),
        (2, Some(mss), ..) => format!("mss {mss}"),
        (3, _, Some(shift), _) => format!("wscale {shift}"),
        (4, ..) => "sackOK".to_owned(),
        (5, ..) => {
            let blocks = &found.sacks[..usize::from(found.sack_count.min(4))];
            let block = |(from, to): &(u32, u32)| {
                let [from, to] = [from, to].map(|number| number.wrapping_sub(ack_origin));
                format!("{from}:{to}")
            };
            let blocks: Vec<String> = blocks.iter().map(block).collect();
            format!("sack {}", blocks.join(" "))
        }
        (8, _, _, Some((value, echo))) => format!("TS val {value} ecr {echo}"),
        _ => {
            let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("gen-{kind} {hex}")
        }
    }
}

/// The kernel's name of a state.
fn constant(state: State) -> &'static str {
    match state {
        State::Closed => "TCP_CLOSE",
        State::Listen => "TCP_LISTEN",
        State::SynSent => "TCP_SYN_SENT",
        State::SynReceived => "TCP_SYN_RECV",
        State::Established => "TCP_ESTABLISHED",
        State::FinWait1 => "TCP_FIN_WAIT1",
        State::FinWait2 => "TCP_FIN_WAIT2",
        State::CloseWait => "TCP_CLOSE_WAIT",
        State::Closing => "TCP_CLOSING",
        State::LastAck => "TCP_LAST_ACK",
        State::TimeWait => "TCP_TIME_WAIT",
    }
}
