//! The connection under test: which live numbers its script numbers stand for.

use std::collections::BTreeMap;

use crate::program::{Match, OptionPattern, OptionsPattern, TcpPattern};
use crate::wire::{TcpDamage, TcpFlags, TcpOption, TcpSegment};

/// A script number and the live number it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Anchor {
    script: u32,
    live: u32,
}

/// One connection as the script sees it.
///
/// On SYN segments sequence numbers are taken as they are; on all others they count
/// from the SYN, on both sides. The harness's own SYN carries the script's number,
/// the stack's SYN is learned when it is seen.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    /// The stack's port; `None` until its first segment shows it.
    pub(super) local_port: Option<u16>,
    /// The port the harness plays.
    pub(super) remote_port: u16,
    local: Option<Anchor>,
    remote: Option<Anchor>,
    /// Whether the stack has acknowledged the harness's SYN.
    confirmed: bool,
    /// The last number the stack acknowledged.
    last_ack: Option<u32>,
    /// A SYN was injected that may start a new incarnation: its number.
    pending: Option<u32>,
    /// A reset was sent, or injected where it must be obeyed: the next SYN may start a new incarnation.
    reset: bool,
    timestamps: Timestamps,
}

/// Script timestamps of the stack and the live ones they stand for.
#[derive(Clone, Debug, Default)]
struct Timestamps {
    first: Option<Anchor>,
    seen: BTreeMap<u32, u32>,
}

impl Connection {
    /// A connection on these ports.
    pub(super) fn new(local_port: Option<u16>, remote_port: u16) -> Connection {
        Connection {
            local_port,
            remote_port,
            local: None,
            remote: None,
            confirmed: false,
            last_ack: None,
            pending: None,
            reset: false,
            timestamps: Timestamps::default(),
        }
    }

    /// The live segment for an inbound line. `payload` is filled in by the caller.
    ///
    /// # Errors
    /// If a timestamp echo stands for no value that the script gave an outbound packet.
    pub(super) fn inbound(
        &mut self,
        pattern: &TcpPattern,
        scaled_echo: bool,
    ) -> Result<TcpSegment, String> {
        let line = Line::new(pattern)?;
        let syn = line.flags.contains(TcpFlags::SYN);
        let own = self.owns(pattern.ports);
        if own && syn {
            self.note_injected_syn(line.seq);
        }
        let sequence = match pattern.absolute {
            true => line.seq,
            false => self.remote_base(syn).wrapping_add(line.seq),
        };
        if own && line.flags.contains(TcpFlags::RST) {
            self.note_injected_reset(&line, sequence);
        }
        let local_base = self.local_base(syn);
        let OptionsPattern::List(list) = &pattern.options else {
            return Err("an inbound packet needs its options written out".to_string());
        };
        let has_ack = line.flags.contains(TcpFlags::ACK);
        let options = list
            .iter()
            .map(|option| self.inbound_option(option, local_base, has_ack, scaled_echo))
            .collect::<Result<_, _>>()?;
        let (source, destination) = pattern.ports.unwrap_or((0, 0));
        Ok(TcpSegment {
            source_port: if source == 0 {
                self.remote_port
            } else {
                source
            },
            destination_port: match destination {
                0 => self.local_port.unwrap_or(0),
                port => port,
            },
            sequence,
            acknowledgment: line.ack.map_or(0, |ack| local_base.wrapping_add(ack)),
            flags: line.flags,
            reserved: 0,
            window: one(pattern.window)?,
            urgent: one(pattern.urgent)?,
            options,
            payload: Vec::new(),
        })
    }

    /// Learns from a segment of the stack, before it is shown in script numbers:
    /// `expected` is the line it is held against, if any.
    pub(super) fn learn(&mut self, segment: &TcpSegment, expected: Option<&TcpPattern>) {
        if self.local_port.is_none() {
            self.local_port = Some(segment.source_port);
        }
        let syn = segment.flags.contains(TcpFlags::SYN);
        if segment.flags.contains(TcpFlags::RST) {
            self.reset = true;
        } else if segment.flags.contains(TcpFlags::ACK) {
            self.note_ack(segment.acknowledgment, syn, expected);
        }
        if syn {
            let known = self.local.map_or(0, |anchor| anchor.script);
            let line = expected.filter(|pattern| pattern.has(TcpFlags::SYN));
            let script = line
                .and_then(|pattern| pattern.seq.exact())
                .unwrap_or(known);
            let live = segment.sequence;
            // A SYN seen before its line was reached gets its script number when it is.
            if self.local.is_none_or(|anchor| anchor.live == live) {
                self.local = Some(Anchor { script, live });
            }
        }
        self.learn_timestamp(segment, expected);
    }

    /// A live segment of the stack in the script's numbers, every field present. `absolute` leaves
    /// its sequence number as it is.
    pub(super) fn outbound(&self, segment: &TcpSegment, absolute: bool) -> TcpPattern {
        let syn = segment.flags.contains(TcpFlags::SYN);
        let remote_base = self.remote_base(syn);
        let options = segment.options.iter().map(|option| match option {
            TcpOption::Sack(blocks) => TcpOption::Sack(
                blocks
                    .iter()
                    .map(|(left, right)| {
                        (
                            left.wrapping_sub(remote_base),
                            right.wrapping_sub(remote_base),
                        )
                    })
                    .collect(),
            ),
            TcpOption::Timestamps { value, echo_reply } => TcpOption::Timestamps {
                value: self.script_timestamp(*value),
                echo_reply: *echo_reply,
            },
            other => other.clone(),
        });
        let has_ack = segment.flags.contains(TcpFlags::ACK);
        let ack = match (has_ack, segment.acknowledgment) {
            (false, 0) => None,
            (false, raw) => Some(raw),
            (true, live) => Some(live.wrapping_sub(remote_base)),
        };
        let base = if absolute { 0 } else { self.local_base(syn) };
        TcpPattern {
            ports: None,
            flags: Some(segment.flags),
            seq: Match::Is(segment.sequence.wrapping_sub(base)),
            absolute,
            len: Match::Is(u16::try_from(segment.payload.len()).unwrap_or(u16::MAX)),
            ack: ack.map(Match::Is),
            window: Match::Is(segment.window),
            urgent: Match::Is(segment.urgent),
            options: OptionsPattern::exactly(options),
            payload: None,
            damage: TcpDamage::default(),
        }
    }

    /// The live number of a sequence number that the stack sent, relative to its SYN.
    pub(super) fn live_local(&self, relative: u32) -> u32 {
        self.local_base(false).wrapping_add(relative)
    }

    /// The script number of a live one that the harness sent, relative to its SYN.
    pub(super) fn remote_number(&self, live: u32) -> u32 {
        live.wrapping_sub(self.remote_base(false))
    }

    /// The stream offset of the first payload byte of a segment with this script number.
    pub(super) fn stream_offset(seq_relative: u32, syn: bool) -> u64 {
        // Data starts at relative number 1; on a SYN the byte after it has that number.
        u64::from(if syn { 0 } else { seq_relative.wrapping_sub(1) })
    }

    /// The relative number of a live one, for payload offsets: what the stack sent.
    pub(super) fn relative_local(&self, segment: &TcpSegment) -> u32 {
        segment.sequence.wrapping_sub(self.local_base(false))
    }

    /// The relative number of a live one on the harness's side.
    pub(super) fn relative_remote(&self, segment: &TcpSegment) -> u32 {
        segment.sequence.wrapping_sub(self.remote_base(false))
    }

    /// Whether a line's ports, if it names any, are this connection's.
    fn owns(&self, ports: Option<(u16, u16)>) -> bool {
        ports.is_none_or(|(source, destination)| {
            (source == 0 || source == self.remote_port)
                && (destination == 0 || self.local_port.is_none_or(|port| port == destination))
        })
    }

    /// The stack acknowledges `ack`: it has taken the harness's SYN, or even a new one. Only a
    /// SYN-ACK takes a new one; a challenge ACK may happen to carry the same number.
    fn note_ack(&mut self, ack: u32, syn: bool, expected: Option<&TcpPattern>) {
        self.last_ack = Some(ack);
        let taken = self.remote.is_some_and(|anchor| {
            let beyond = ack.wrapping_sub(anchor.live);
            beyond != 0 && beyond < 1 << 31
        });
        self.confirmed |= taken;
        if let (true, Some(isn)) = (syn, self.pending.filter(|isn| ack == isn.wrapping_add(1))) {
            self.pending = None;
            self.reset = false;
            self.take_over(isn, expected);
        }
    }

    /// A reset opens the way for a new incarnation only if the stack must obey it: at exactly
    /// the number it waits for, or, before it has answered a SYN, with an ACK of its own SYN.
    fn note_injected_reset(&mut self, line: &Line, sequence: u32) {
        let exact = self.last_ack == Some(sequence);
        let refuses = !self.confirmed
            && line.flags.contains(TcpFlags::ACK)
            && line.ack.map(|ack| self.local_base(false).wrapping_add(ack))
                == self.local.map(|anchor| anchor.live.wrapping_add(1));
        self.reset |= exact || refuses;
    }

    /// The stack has accepted a new SYN of the harness: numbers count from the new SYNs, unless
    /// the script measures the new one against the old (its number is not the first one's).
    fn take_over(&mut self, isn: u32, expected: Option<&TcpPattern>) {
        let measured = match (self.local, expected) {
            (Some(anchor), Some(pattern)) => {
                pattern.seq.exact().is_some_and(|seq| seq != anchor.script)
            }
            _ => false,
        };
        if !measured {
            self.remote = Some(Anchor {
                script: isn,
                live: isn,
            });
            self.local = None;
            self.timestamps = Timestamps::default();
        }
    }

    /// A SYN of the harness: until the stack has taken one, the last one counts.
    fn note_injected_syn(&mut self, seq: u32) {
        match self.remote {
            Some(anchor) if self.confirmed && (anchor.live != seq || self.reset) => {
                self.pending = Some(seq);
            }
            Some(_) if self.confirmed => {}
            Some(_) | None => {
                self.remote = Some(Anchor {
                    script: seq,
                    live: seq,
                })
            }
        }
    }

    /// What to add to a script number of the harness's side to get the live one.
    fn remote_base(&self, syn: bool) -> u32 {
        match self.remote {
            Some(anchor) if !syn => anchor.live,
            Some(_) | None => 0,
        }
    }

    /// What to add to a script number of the stack's side to get the live one.
    fn local_base(&self, syn: bool) -> u32 {
        match self.local {
            Some(Anchor { script, live }) if syn => live.wrapping_sub(script),
            Some(Anchor { live, .. }) => live,
            None => 0,
        }
    }

    fn inbound_option(
        &self,
        option: &OptionPattern,
        local_base: u32,
        has_ack: bool,
        scaled_echo: bool,
    ) -> Result<TcpOption, String> {
        let option = match option {
            OptionPattern::Is(option) => option,
            OptionPattern::Timestamps {
                value,
                echo_reply,
                absolute_echo: true,
            } => {
                return Ok(TcpOption::Timestamps {
                    value: one(*value)?,
                    echo_reply: one(*echo_reply)?,
                });
            }
            // The digest is filled in when the packet is whole.
            OptionPattern::Md5Valid => return Ok(TcpOption::Md5(vec![0; 16])),
            _ => return Err("an inbound packet needs its options written out".to_string()),
        };
        match option {
            TcpOption::Sack(blocks) => {
                let live = |edge: &u32| local_base.wrapping_add(*edge);
                let blocks = blocks.iter().map(|(left, right)| (live(left), live(right)));
                Ok(TcpOption::Sack(blocks.collect()))
            }
            TcpOption::Timestamps { value, echo_reply } if has_ack => {
                let echo_reply = self.live_echo(*echo_reply, scaled_echo)?;
                Ok(TcpOption::Timestamps {
                    value: *value,
                    echo_reply,
                })
            }
            other => Ok(other.clone()),
        }
    }

    fn live_echo(&self, script: u32, scaled: bool) -> Result<u32, String> {
        if let Some(live) = self.timestamps.seen.get(&script) {
            return Ok(*live);
        }
        match self.timestamps.first {
            Some(first) if scaled => Ok(first.live.wrapping_add(script.wrapping_sub(first.script))),
            Some(_) | None => Err(format!(
                "ecr {script} stands for no TS val that an earlier outbound line carried"
            )),
        }
    }

    fn learn_timestamp(&mut self, segment: &TcpSegment, expected: Option<&TcpPattern>) {
        let live = segment.options.iter().find_map(timestamp_value);
        let written = match expected.map(|pattern| &pattern.options) {
            Some(OptionsPattern::List(list)) => list.iter().find_map(written_timestamp),
            Some(OptionsPattern::Any) | None => None,
        };
        let (Some(live), Some(written)) = (live, written) else {
            return;
        };
        match written {
            Match::Is(script) => {
                self.timestamps.first.get_or_insert(Anchor { script, live });
                self.timestamps.seen.insert(script, live);
            }
            // As packetdrill has it, a first value that is not looked at counts as 0.
            Match::Any => {
                let anchor = Anchor { script: 0, live };
                self.timestamps.first.get_or_insert(anchor);
            }
            Match::Within(..) => {}
        }
    }

    fn script_timestamp(&self, live: u32) -> u32 {
        self.timestamps.first.map_or(live, |first| {
            live.wrapping_sub(first.live).wrapping_add(first.script)
        })
    }
}

fn timestamp_value(option: &TcpOption) -> Option<u32> {
    match option {
        TcpOption::Timestamps { value, .. } => Some(*value),
        _ => None,
    }
}

/// What a line says of the time stamp value.
fn written_timestamp(option: &OptionPattern) -> Option<Match<u32>> {
    match option {
        OptionPattern::Is(option) => timestamp_value(option).map(Match::Is),
        OptionPattern::Timestamps { value, .. } => Some(*value),
        _ => None,
    }
}

/// The fields of an inbound line that decide what it does to the connection.
struct Line {
    flags: TcpFlags,
    seq: u32,
    ack: Option<u32>,
}

impl Line {
    fn new(pattern: &TcpPattern) -> Result<Line, String> {
        Ok(Line {
            flags: pattern.flags.ok_or_else(not_one_value)?,
            seq: one(pattern.seq)?,
            ack: pattern.ack.map(one).transpose()?,
        })
    }
}

/// The one value of a field that is to be sent; the check of scripts lets nothing else pass.
fn one<T: PartialOrd + Copy>(field: Match<T>) -> Result<T, String> {
    field.exact().ok_or_else(not_one_value)
}

fn not_one_value() -> String {
    "an inbound packet needs one value in each field".to_string()
}

#[cfg(test)]
mod tests;
