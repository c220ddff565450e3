//! What ICMP errors may do to a connection (RFC 9293 §3.9.2.2, RFC 5927), and how long segments may be behind them
//! (RFC 1191, RFC 8201).

use super::{Choices, Fate, Oracle, Violation, Wanted};
use crate::fuzz::icmp::{Class, Error, Flaw};
use crate::fuzz::ledger::{Ledger, after};
use crate::fuzz::packet::{Packet, RST, SYN};
use crate::fuzz::subject::{Micros, State};

/// Every IPv6 link carries this (RFC 8200 §5); over IPv4 it is a choice.
const IPV6_MINIMUM: u32 = 1_280;
/// Nobody may try larger packets within this (RFC 1191 §6.3, RFC 8201 §4).
const NO_INCREASE: Micros = 300_000_000;
/// Segments whose lengths are remembered, to be quoted.
const REMEMBERED: usize = 8;
/// Bytes of the TCP header, and of timestamps in it.
const HEADER: u32 = 20;
const TIMESTAMPS: u32 = 12;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fuzz) enum Due {
    /// Nothing may change: it is about nothing that is in flight, or nobody may act upon it.
    Nothing(&'static [&'static str]),
    /// It is told to the connection: this becomes of it, and nothing is sent.
    Told(Fate, &'static [&'static str]),
    /// What is in flight may be sent again, in segments that are shorter.
    Shorter,
    /// Nobody can say.
    Open,
}

/// Where a connection stands when an error comes.
#[derive(Clone, Copy, Debug)]
pub struct Stand<'a> {
    /// As the subject tells it.
    pub state: State,
    /// SND.UNA by the specification's reckoning, if that is sure.
    pub snd_una: Option<u32>,
    /// What both sides have said.
    pub ledger: &'a Ledger,
    /// Over IPv6.
    pub v6: bool,
    /// When.
    pub now: Micros,
}

impl Stand<'_> {
    /// SND.UNA ≤ SEG.SEQ < SND.NXT; `None` if nobody can say.
    // RFC5927-1
    fn is_in_flight(&self, seq: u32) -> Option<bool> {
        let first = self.ledger.subject.first;
        let una = match self.state {
            State::Closed | State::Listen | State::TimeWait => return Some(false),
            State::SynSent | State::SynReceived => first,
            _ => self.snd_una,
        }?;
        Some(!after(una, seq) && after(self.ledger.subject.next, seq))
    }

    /// Bytes of both headers, and of options that every segment has.
    fn headers(&self) -> u32 {
        let ip = if self.v6 { 40 } else { 20 };
        let stamps = match self.ledger.has_timestamps() {
            true => TIMESTAMPS,
            false => 0,
        };
        ip + HEADER + stamps
    }
}

/// What must come of an error.
pub(in crate::fuzz) fn due(error: &Error, stand: &Stand<'_>, choices: &Choices) -> Due {
    const STALE: &[&str] = &["RFC5927-1"];
    if error.flaw != Flaw::None {
        return Due::Nothing(&["RFC9293-MUST-54"]);
    }
    let is_in_flight = match stand.is_in_flight(error.seq) {
        Some(is_in_flight) => is_in_flight,
        None => return Due::Open,
    };
    let icmp = &choices.icmp;
    let is_handshake = matches!(stand.state, State::SynSent | State::SynReceived);
    let told = |fate, rules| match (fate, stand.state) {
        // Of one that no user has heard of yet nobody need be told either.
        (Fate::Ends, State::SynReceived) => Due::Told(Fate::Either, rules),
        _ => Due::Told(fate, rules),
    };
    match error.class(stand.v6) {
        _ if !is_in_flight => Due::Nothing(STALE),
        Class::Nothing => Due::Nothing(&["RFC9293-MUST-55"]),
        Class::Soft if is_handshake => told(icmp.soft_in_handshake, &["RFC9293-MUST-56"]),
        Class::Soft => Due::Told(Fate::Stays, &["RFC9293-MUST-56"]),
        Class::Hard if is_handshake => told(Fate::Ends, &["RFC9293-SHLD-26"]),
        Class::Hard if icmp.hard_when_synchronized == Fate::Stays => {
            Due::Told(Fate::Stays, &["RFC5927-2"])
        }
        Class::Hard => Due::Told(icmp.hard_when_synchronized, &["RFC9293-SHLD-26"]),
        Class::TooBig => {
            let is_below = stand.v6 && u32::from(error.mtu) < IPV6_MINIMUM;
            match is_below && !icmp.takes_below_minimum {
                true => Due::Nothing(&["RFC8201-2"]),
                false => Due::Shorter,
            }
        }
    }
}

/// Holds what was sent at once, and the state afterwards, against what was due.
///
/// # Errors
/// What was not allowed.
pub(in crate::fuzz) fn judge(
    due: Due,
    (before, now): (&Stand<'_>, State),
    sent: &[Packet<'_>],
    choices: &Choices,
) -> Result<(), Violation> {
    let wrong = |rules: &[&'static str], message: String, wanted: Wanted| {
        Err(Violation {
            wanted: Some(wanted),
            ..Violation::of_rules(Oracle::Specification, rules, message)
        })
    };
    let (snd_nxt, before) = (before.ledger.subject.next, before.state);
    let is_over = |state| matches!(state, State::Closed | State::Listen);
    let (from, to) = (before.name(), now.name());
    let (fate, rules) = match due {
        Due::Open => return Ok(()),
        Due::Nothing(rules) => (Fate::Stays, rules),
        Due::Told(fate, rules) => (fate, rules),
        Due::Shorter => (Fate::Stays, &["RFC1191-8", "RFC9293-MUST-54"][..]),
    };
    let has_ended = is_over(now) && !is_over(before);
    let what = match due {
        Due::Nothing(_) => "an ICMP error that is to be ignored",
        _ => "an ICMP error",
    };
    if fate == Fate::Ends && !has_ended {
        let message = format!("{what} is to end the attempt or connection: {from} is now {to}");
        return wrong(rules, message, Wanted::State(State::Closed));
    }
    if before != now && !(has_ended && fate != Fate::Stays) {
        let message = format!("{what} changes the state: from {from} to {to}");
        return wrong(rules, message, Wanted::State(before));
    }
    // Where text leaves in bursts, what could have left already goes with whatever happens.
    let is_late = |packet: &Packet<'_>| choices.sends_bursts && !after(snd_nxt, packet.seq);
    let may_be_sent = |packet: &Packet<'_>| {
        let is_bare = packet.is_empty() || packet.has(SYN | RST);
        !is_bare && (due == Due::Shorter || is_late(packet))
    };
    match sent.iter().find(|packet| !may_be_sent(packet)) {
        None => Ok(()),
        Some(packet) => wrong(
            rules,
            format!("{what} is answered: with {}", super::shown(packet)),
            Wanted::Nothing,
        ),
    }
}

/// The path to the peer: how long packets may be.
#[derive(Clone, Debug, Default)]
pub struct PathMtu {
    /// No packet is longer than this, which a router said then.
    limit: Option<(u32, Micros)>,
    /// Bytes of text of the longest segment since then, or since the connection began.
    longest: u32,
    /// The peer has told of text behind a hole.
    has_blocks: bool,
    /// SEG.SEQ and the length of the text of the last segments, the oldest first.
    last: std::collections::VecDeque<(u32, u16)>,
}

impl PathMtu {
    /// Another connection: the path is the same.
    pub fn begin(&mut self) {
        self.longest = 0;
        self.has_blocks = false;
        self.last.clear();
    }

    /// The peer says something.
    pub fn heard(&mut self, packet: &Packet<'_>) {
        self.has_blocks |= packet.options.sack_count > 0;
    }

    /// Bytes of text of the segment with this number, 0 if there was none lately.
    pub fn length_of(&self, seq: u32) -> u16 {
        let found = self.last.iter().rev().find(|(first, _)| *first == seq);
        found.map_or(0, |(_, len)| *len)
    }

    /// A packet to the peer leaves.
    ///
    /// # Errors
    /// If it is longer than the path carries.
    pub fn sent(&mut self, packet: &Packet<'_>, now: Micros) -> Result<(), Violation> {
        if packet.text.is_empty() {
            return Ok(());
        }
        // A datagram has at most 65,535 bytes.
        let text = packet.text.len() as u16;
        self.longest = self.longest.max(text.into());
        if self.last.len() == REMEMBERED {
            self.last.pop_front();
        }
        self.last.push_back((packet.seq, text));
        self.limit = self.limit.filter(|(_, since)| now - since < NO_INCREASE);
        let long = length(packet);
        match self.limit.filter(|(limit, _)| long > *limit) {
            None => Ok(()),
            Some((limit, _)) => Err(Violation::of_rules(
                Oracle::Outgoing,
                &["RFC9293-MUST-16", "RFC1191-1", "RFC1191-9", "RFC8201-1"],
                format!(
                    "a packet is longer than the path is said to carry: {long} bytes, and that is {limit}"
                ),
            )),
        }
    }

    /// A router has said that a segment in flight was too big.
    pub fn told(&mut self, mtu: u16, stand: &Stand<'_>, choices: &Choices) {
        // Who says no MTU leaves it to the host (RFC 1191 §5).
        if mtu == 0 || stand.v6 && u32::from(mtu) < IPV6_MINIMUM {
            return;
        }
        let icmp = &choices.icmp;
        let least = match stand.v6 {
            true => IPV6_MINIMUM,
            false => icmp.least_mtu.into(),
        };
        let (payload, headers) = (
            u32::from(mtu).saturating_sub(stand.headers()),
            stand.headers(),
        );
        let limit = u32::from(mtu).max(least);
        // A claim of more than was ever sent is none (RFC 5927 §7.2).
        if self.longest + headers <= limit {
            return;
        }
        // One of less than has arrived may wait for a timeout.
        let iss = stand.ledger.subject.first;
        let arrived = iss
            .zip(stand.snd_una)
            .map(|(iss, una)| una.wrapping_sub(iss));
        // How long a segment was of which a block tells nobody else can say.
        let has_arrived = self.has_blocks || arrived.is_none_or(|numbers| numbers > payload + 1);
        if has_arrived && !icmp.believes_at_once {
            return;
        }
        if self.limit.is_none_or(|(before, _)| limit < before) {
            self.limit = Some((limit, stand.now));
            self.longest = 0;
        }
    }

    /// What is sent at once because of a small MTU is not smaller than any path (RFC 791, RFC 8200 §5).
    ///
    /// # Errors
    /// If it is.
    pub fn least(
        &self,
        sent: &[Packet<'_>],
        window_ends: Option<u32>,
        stand: &Stand<'_>,
        choices: &Choices,
    ) -> Result<(), Violation> {
        let least = match stand.v6 {
            true => IPV6_MINIMUM,
            false => choices.icmp.least_mtu.into(),
        };
        // What is sent first was too long: it is cut where the path wants it, or the window ends.
        let Some(first) = sent.first() else {
            return Ok(());
        };
        let is_again = !after(first.end(), stand.ledger.subject.next);
        let is_cut = window_ends.is_none_or(|edge| !after(edge, first.end()));
        let is_shortest = Some(length(first)).filter(|long| *long < least);
        match is_shortest.filter(|_| is_again && !is_cut) {
            None => Ok(()),
            Some(long) => Err(Violation::of_rules(
                Oracle::Specification,
                &["RFC1191-4", "RFC8201-3"],
                format!(
                    "what was too big is sent again in pieces smaller than any path has: {long} bytes, and that is {least}"
                ),
            )),
        }
    }
}

/// Bytes of a packet.
fn length(packet: &Packet<'_>) -> u32 {
    let ip = match packet.source.0.is_ipv6() {
        true => 40,
        false => 20,
    };
    ip + HEADER + (packet.option_bytes.len() + packet.text.len()) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::input::Icmp;
    use crate::fuzz::ledger::Side;
    use rstest::rstest;

    /// SYN 1,000 is sent, and text up to 5,000; all before 3,000 is acknowledged.
    fn ledger() -> Ledger {
        Ledger {
            subject: Side {
                first: Some(1_000),
                next: 5_000,
                ..Side::default()
            },
            ..Ledger::default()
        }
    }

    const STALE: Due = Due::Nothing(&["RFC5927-1"]);
    const UNKNOWN: Due = Due::Nothing(&["RFC9293-MUST-54"]);

    fn told(fate: Fate, rule: &'static str) -> (Fate, String) {
        (fate, rule.to_owned())
    }

    fn due_of(state: State, (kind, code): (u8, u8), seq: u32, choices: &Choices) -> Due {
        let ledger = ledger();
        let stand = Stand {
            state,
            snd_una: Some(3_000),
            ledger: &ledger,
            v6: false,
            now: 0,
        };
        let error = Error {
            kind,
            code,
            ..Error::of(&Icmp::default(), false, seq, 100)
        };
        due(&error, &stand, choices)
    }

    #[rstest]
    #[case::oldest(State::Established, 3_000, true)]
    #[case::last(State::Established, 4_999, true)]
    #[case::acknowledged(State::Established, 2_999, false)]
    #[case::never_sent(State::Established, 5_000, false)]
    #[case::syn(State::SynSent, 1_000, true)]
    #[case::before_the_syn(State::SynSent, 999, false)]
    #[case::none(State::TimeWait, 3_000, false)]
    #[case::no_connection(State::Listen, 3_000, false)]
    fn only_what_is_in_flight_counts(#[case] state: State, #[case] seq: u32, #[case] counts: bool) {
        let due = due_of(state, (3, 1), seq, &Choices::RFC);
        assert_eq!(due != STALE, counts, "{due:?}");
    }

    #[rstest]
    #[case::soft(State::Established, (3, 0), Fate::Ends, told(Fate::Stays, "RFC9293-MUST-56"))]
    #[case::time(State::CloseWait, (11, 0), Fate::Ends, told(Fate::Stays, "RFC9293-MUST-56"))]
    #[case::prohibited(State::SynSent, (3, 13), Fate::Ends, told(Fate::Stays, "RFC9293-MUST-56"))]
    #[case::hard(State::Established, (3, 2), Fate::Ends, told(Fate::Ends, "RFC9293-SHLD-26"))]
    #[case::hard_as_soft(State::Established, (3, 3), Fate::Stays, told(Fate::Stays, "RFC5927-2"))]
    #[case::refused(State::SynSent, (3, 3), Fate::Stays, told(Fate::Ends, "RFC9293-SHLD-26"))]
    #[case::half_open(State::SynReceived, (3, 3), Fate::Stays, told(Fate::Either, "RFC9293-SHLD-26"))]
    fn what_is_told_has_a_fate(
        #[case] state: State,
        #[case] kind: (u8, u8),
        #[case] hard: Fate,
        #[case] expected: (Fate, String),
    ) {
        let mut choices = Choices::RFC;
        choices.icmp.hard_when_synchronized = hard;
        let seq = if state == State::Established || state == State::CloseWait {
            3_000
        } else {
            1_000
        };
        match due_of(state, kind, seq, &choices) {
            Due::Told(fate, rules) => assert_eq!((fate, rules.join(" ")), expected),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn source_quench_and_foreign_quotes_are_nobodys() {
        let quench = due_of(State::Established, (4, 0), 3_000, &Choices::RFC);
        assert_eq!(quench, Due::Nothing(&["RFC9293-MUST-55"]));
        let ledger = ledger();
        let stand = Stand {
            state: State::Established,
            snd_una: None,
            ledger: &ledger,
            v6: false,
            now: 0,
        };
        let event = |quote| Icmp {
            quote,
            ..Icmp::default()
        };
        for quote in 11..16 {
            let error = Error::of(&event(quote), false, 3_000, 0);
            assert_eq!(due(&error, &stand, &Choices::RFC), UNKNOWN, "{quote}");
        }
        let error = Error::of(&event(0), false, 3_000, 0);
        assert_eq!(due(&error, &stand, &Choices::RFC), Due::Open);
    }

    /// A path after one segment of 1,460 bytes and one error.
    fn limit(mtu: u16, (v6, snd_una): (bool, u32), choices: &Choices) -> Option<u32> {
        let ledger = ledger();
        let stand = Stand {
            state: State::Established,
            snd_una: Some(snd_una),
            ledger: &ledger,
            v6,
            now: 0,
        };
        let mut path = PathMtu {
            longest: 1_460,
            ..PathMtu::default()
        };
        path.told(mtu, &stand, choices);
        // A larger one changes nothing.
        path.longest = 1_460;
        path.told(1_490, &stand, choices);
        path.limit
            .map(|(limit, _)| limit)
            .filter(|limit| *limit != 1_490)
    }

    #[rstest]
    #[case::usual(1_000, (false, 1_001), false, Some(1_000))]
    #[case::least(68, (false, 1_001), false, Some(104))]
    #[case::not_said(0, (false, 1_001), false, None)]
    #[case::larger(9_000, (false, 1_001), false, None)]
    #[case::much_has_arrived(1_000, (false, 3_000), false, None)]
    #[case::at_once(1_000, (false, 3_000), true, Some(1_000))]
    #[case::v6(1_300, (true, 1_001), false, Some(1_300))]
    #[case::v6_below_minimum(1_000, (true, 1_001), false, None)]
    fn what_a_router_says_is_a_limit(
        #[case] mtu: u16,
        #[case] stand: (bool, u32),
        #[case] at_once: bool,
        #[case] expected: Option<u32>,
    ) {
        let mut choices = Choices::RFC;
        choices.icmp.believes_at_once = at_once;
        assert_eq!(limit(mtu, stand, &choices), expected);
    }
}
