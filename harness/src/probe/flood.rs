//! `syn-flood`: thousands of SYNs without a third step, and a real client among them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::call::Fd;
use crate::time::Time;
use crate::wire::{TcpFlags, TcpOption};

use super::Probe;
use super::file::Within;
use super::kit::{Bench, SILENCE, SYN_ACK, Seen, Tuple, Wire, unexpected};
use super::peer::{Half, wrong};
use super::stop::{Stop, code};

const PORT: u16 = 8080;
/// The number of every SYN of the flood.
const ISS: u32 = 5_000;
/// The MSS they offer: the largest any table of cookies has. With a smaller one, cookie + 2 may be the
/// cookie of the next larger MSS where the index is added to the hash; a script of its own shows that.
const MSS: u16 = 9_000;
/// The number of the real client's SYN.
const CLIENT_ISS: u32 = 70_000;
/// The real client's ports, one after the other; the flood's stand above them.
const CLIENT_PORT: u16 = 9_000;
const FLOOD_PORT: usize = 10_000;
const FLOOD_HOSTS: usize = 200;
/// SYNs sent before the answers are looked at: fewer than a TUN device queues.
const BATCH: usize = 64;
/// Where during the flood the real client comes, in percent.
const CLIENT_AT: [usize; 4] = [25, 50, 75, 100];
/// How long answers may take that come of themselves.
const PROMPT: Duration = Duration::from_millis(100);
/// Longer than the first two steps of the SYN-ACK ladder (1 s, 2 s).
const LADDER: Duration = Duration::from_millis(3_500);
/// The real client tries again that often.
const RETRY: Duration = Duration::from_secs(1);

/// Parameters of `syn-flood`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SynFlood {
    /// When the stack answers with cookies.
    cookies: Cookies,
    /// SYNs from as many different ends.
    syns: Within<256, 20_000>,
    /// Backlog of the listening socket.
    backlog: Within<1, 4096>,
}

/// When cookies are used, as Linux's `tcp_syncookies` says it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "when", deny_unknown_fields)]
enum Cookies {
    /// Never: once the queue is full, SYNs are not answered.
    Never {
        /// Repetitions of a SYN-ACK before its entry is given up.
        synack_retries: Within<1, 5>,
        /// Half-open entries held at a time, at most.
        entries_at_most: Within<1, 20_000>,
        /// Seconds within which entries expire and the client is answered.
        answered_within_s: Within<1, 600>,
    },
    /// Once the queue is full.
    OnOverflow {},
    /// For every SYN.
    Always {
        /// Cookies of the flood that are returned.
        returned: Within<1, 64>,
    },
}

impl Probe for SynFlood {
    const NAME: &'static str = "syn-flood";
    const FLOODS: bool = true;

    fn run(&self, bench: &Bench<'_>) -> Result<(), Stop> {
        let retries;
        let mut sysctls = vec![("net.ipv4.tcp_syncookies", self.cookies.setting())];
        if let Cookies::Never { synack_retries, .. } = &self.cookies {
            retries = synack_retries.get();
            sysctls.push(("net.ipv4.tcp_synack_retries", retries));
        }
        let mut wire = bench.open(&sysctls)?;
        let listener = wire.listen(PORT, self.backlog.get() as i32)?;
        let mut flood = Flood::default();
        match &self.cookies {
            Cookies::OnOverflow {} => {
                flood.run(&mut wire, self.syns.count(), Some(listener))?;
                let answered = flood.answers.len();
                wire.note(format!("{answered} SYNs of the flood were answered"));
                Ok(())
            }
            Cookies::Always { returned } => {
                flood.run(&mut wire, self.syns.count(), Some(listener))?;
                self.every_syn_answered(&flood)?;
                nothing_repeated(&mut wire)?;
                return_cookies(&mut wire, listener, &flood, returned.count())
            }
            Cookies::Never {
                entries_at_most,
                answered_within_s,
                ..
            } => {
                let began = wire.now();
                flood.run(&mut wire, self.syns.count(), None)?;
                self.few_answered(&flood, entries_at_most.count())?;
                let end = began + Duration::from_secs(answered_within_s.get());
                wait_for_room(&mut wire, listener, end)
            }
        }
    }
}

impl Cookies {
    fn setting(&self) -> u64 {
        match self {
            Cookies::Never { .. } => 0,
            Cookies::OnOverflow {} => 1,
            Cookies::Always { .. } => 2,
        }
    }
}

impl SynFlood {
    fn every_syn_answered(&self, flood: &Flood) -> Result<(), Stop> {
        if flood.answers.len() == self.syns.count() {
            return Ok(());
        }
        Err(Stop::failed(
            code::NO_ANSWER,
            "cookies cost nothing, yet SYNs went unanswered",
        )
        .differs("answers", self.syns.get(), flood.answers.len()))
    }

    fn few_answered(&self, flood: &Flood, bound: usize) -> Result<(), Stop> {
        let answered = flood.answers.len();
        if (1..=bound).contains(&answered) {
            return Ok(());
        }
        let message = "the queue of half-open connections is not bounded by the backlog";
        Err(Stop::failed(code::OUT_OF_BOUND, message).differs(
            "answers",
            format!("1 to {bound} with a backlog of {}", self.backlog.get()),
            answered,
        ))
    }
}

/// What the flood has drawn so far.
#[derive(Default)]
struct Flood {
    /// The first SYN-ACK on each tuple.
    answers: BTreeMap<Tuple, Seen>,
}

impl Flood {
    /// Sends all SYNs; real clients of `listener` connect in between.
    fn run(&mut self, wire: &mut Wire<'_>, syns: usize, listener: Option<Fd>) -> Result<(), Stop> {
        let mut clients = CLIENT_AT.iter().zip(CLIENT_PORT..).peekable();
        for number in 0..syns {
            let tuple = attacker(wire, number);
            let mut syn = tuple.segment(TcpFlags::SYN, ISS, 0);
            syn.options = vec![TcpOption::MaximumSegmentSize(MSS)];
            wire.send(&tuple, syn)?;
            let sent = number + 1;
            if sent % BATCH == 0 {
                let answers = wire.take()?;
                self.note(answers)?;
            }
            let due = clients.next_if(|(percent, _)| sent * 100 >= *percent * syns);
            if let (Some(listener), Some((_, port))) = (listener, due) {
                real_client(wire, listener, port)?;
            }
        }
        let end = wire.now() + PROMPT;
        let answers = wire.take_until(end)?;
        self.note(answers)
    }

    fn note(&mut self, answers: Vec<Seen>) -> Result<(), Stop> {
        for seen in answers {
            if seen.tuple.remote.port() < FLOOD_PORT as u16 {
                // The end of a real client's connection.
                continue;
            }
            if !seen.is(SYN_ACK) || seen.segment.acknowledgment != ISS + 1 {
                return Err(wrong(&seen, "a SYN of the flood", "SYN-ACK of its number"));
            }
            self.answers.entry(seen.tuple).or_insert(seen);
        }
        Ok(())
    }
}

fn attacker(wire: &Wire<'_>, number: usize) -> Tuple {
    let hosts = wire.hosts(FLOOD_HOSTS);
    let port = (FLOOD_PORT + number / hosts) as u16;
    Tuple {
        local: wire.local(PORT),
        remote: wire.remote(number % hosts, port),
    }
}

fn client(wire: &Wire<'_>, port: u16) -> Tuple {
    Tuple {
        local: wire.local(PORT),
        remote: wire.remote(0, port),
    }
}

/// A client that finishes its handshake gets a connection that carries data both ways.
fn real_client(wire: &mut Wire<'_>, listener: Fd, port: u16) -> Result<(), Stop> {
    wire.note("a real client connects");
    let tuple = client(wire, port);
    let half = wire.half_open(&tuple, CLIENT_ISS, &[])?;
    use_connection(wire, listener, &half)
}

fn use_connection(wire: &mut Wire<'_>, listener: Fd, half: &Half) -> Result<(), Stop> {
    let mut peer = wire.third_step(half)?;
    let fd = wire.accept(listener)?;
    wire.deliver(&mut peer, fd, b"from the client")?;
    wire.fetch(&mut peer, fd, b"from the server")?;
    wire.reset(&peer.tuple, peer.snd_nxt)?;
    wire.close(fd)
}

/// Who keeps nothing repeats nothing: no SYN-ACK comes again.
fn nothing_repeated(wire: &mut Wire<'_>) -> Result<(), Stop> {
    let end = wire.now() + LADDER;
    let repeated = wire.take_until(end)?;
    let mut of_flood = repeated
        .iter()
        .filter(|seen| seen.tuple.remote.port() >= FLOOD_PORT as u16);
    match of_flood.next() {
        None => Ok(()),
        Some(seen) => Err(unexpected(seen, "with cookies a SYN answered once")),
    }
}

/// A cookie plus two draws RST and opens nothing, a cookie plus one opens a connection.
fn return_cookies(
    wire: &mut Wire<'_>,
    listener: Fd,
    flood: &Flood,
    count: usize,
) -> Result<(), Stop> {
    for (tuple, seen) in flood.answers.iter().take(count) {
        let isn = seen.segment.sequence;
        let wrong_ack = isn.wrapping_add(2);
        wire.send(tuple, tuple.segment(TcpFlags::ACK, ISS + 1, wrong_ack))?;
        let answer = wire.answer(tuple, "an ACK of cookie + 2")?;
        if !answer.is(TcpFlags::RST) || answer.segment.sequence != wrong_ack {
            let expected = format!("RST with seq {wrong_ack}");
            return Err(wrong(&answer, "an ACK of cookie + 2", &expected));
        }
        if wire.accept_now(listener)?.is_some() {
            let message = "an ACK of cookie + 2 opened a connection";
            return Err(Stop::failed(code::WRONG_CALL, message));
        }
        let half = Half {
            asked: Default::default(),
            seen: seen.clone(),
        };
        use_connection(wire, listener, &half)?;
    }
    Ok(())
}

/// Without cookies the client is not answered while the queue is full, and is once entries have gone.
fn wait_for_room(wire: &mut Wire<'_>, listener: Fd, end: Time) -> Result<(), Stop> {
    let tuple = client(wire, CLIENT_PORT);
    wire.send(&tuple, tuple.segment(TcpFlags::SYN, CLIENT_ISS, 0))?;
    if let Some(seen) = wire.next(&tuple, SILENCE)? {
        return Err(unexpected(&seen, "a SYN that finds the queue full"));
    }
    while wire.now() < end {
        wire.wait(RETRY)?;
        let asked = wire.send(&tuple, tuple.segment(TcpFlags::SYN, CLIENT_ISS, 0))?;
        let Some(seen) = wire.next(&tuple, PROMPT)? else {
            continue;
        };
        if !seen.is(SYN_ACK) || seen.segment.acknowledgment != CLIENT_ISS + 1 {
            return Err(wrong(&seen, "the client's SYN", "SYN-ACK"));
        }
        return use_connection(wire, listener, &Half { asked, seen });
    }
    let message = "half-open entries never made room for a real client";
    Err(Stop::failed(code::NO_ANSWER, message).differs("packet", "SYN-ACK", "nothing"))
}
