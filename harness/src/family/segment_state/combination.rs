//! Which segments are worth sending: where SEG.SEQ and SEG.ACK lie, and how much text there is.

use super::standing::standing;
use crate::specification::{Facts, Flags, Place, Segment, Stamp, State};

/// Bytes of a segment with some text.
const SOME: u32 = 10;

/// Where SEG.SEQ lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seq {
    /// Anywhere: there is no window yet.
    Any,
    Below,
    LastBelow,
    RcvNxt,
    Inside,
    LastInside,
    FirstBeyond,
    Far,
    HalfAway,
}

impl Seq {
    /// The places that there are in a state.
    fn of(state: State) -> &'static [Seq] {
        match state {
            State::Closed | State::Listen | State::SynSent => &[Seq::Any, Seq::HalfAway],
            _ => &[
                Seq::Below,
                Seq::LastBelow,
                Seq::RcvNxt,
                Seq::Inside,
                Seq::LastInside,
                Seq::FirstBeyond,
                Seq::Far,
                Seq::HalfAway,
            ],
        }
    }

    /// The number.
    fn number(self, place: &Place) -> u32 {
        let Place {
            rcv_nxt, rcv_wnd, ..
        } = *place;
        match self {
            Seq::Any | Seq::RcvNxt => rcv_nxt,
            Seq::Below => rcv_nxt.wrapping_sub(100),
            Seq::LastBelow => rcv_nxt.wrapping_sub(1),
            Seq::Inside => rcv_nxt + 50,
            Seq::LastInside => rcv_nxt + rcv_wnd - 1,
            Seq::FirstBeyond => rcv_nxt + rcv_wnd,
            Seq::Far => rcv_nxt + rcv_wnd + 100_000,
            Seq::HalfAway => rcv_nxt.wrapping_add(1 << 31),
        }
    }

    /// For the name of a case, and for its title.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Seq::Any => ("any", ""),
            Seq::Below => ("below", " below the window"),
            Seq::LastBelow => ("last-below", " at the last number below the window"),
            Seq::RcvNxt => ("rcv-nxt", " at RCV.NXT"),
            Seq::Inside => ("inside", " inside the window"),
            Seq::LastInside => ("last-inside", " at the last number of the window"),
            Seq::FirstBeyond => ("first-beyond", " at the first number beyond the window"),
            Seq::Far => ("far", " far beyond the window"),
            Seq::HalfAway => ("half-away", " half the sequence space away"),
        }
    }
}

/// Where SEG.ACK lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ack {
    /// There is no ACK bit.
    None,
    /// One below SND.UNA - MAX.SND.WND.
    TooOld,
    /// SND.UNA - MAX.SND.WND.
    Oldest,
    /// SND.UNA.
    Una,
    /// Between SND.UNA and SND.NXT.
    Inside,
    /// SND.NXT.
    Nxt,
    /// SND.NXT + 1.
    Beyond,
}

impl Ack {
    /// The number.
    fn number(self, place: &Place) -> u32 {
        let oldest = place.snd_una.wrapping_sub(place.max_snd_wnd);
        match self {
            Ack::None => 0,
            Ack::TooOld => oldest.wrapping_sub(1),
            Ack::Oldest => oldest,
            Ack::Una => place.snd_una,
            Ack::Inside => place.snd_una + 25,
            Ack::Nxt => place.snd_nxt,
            Ack::Beyond => place.snd_nxt + 1,
        }
    }

    /// Whether there is such a number that is none of the others.
    fn exists(self, place: &Place) -> bool {
        match self {
            Ack::Una => place.snd_una != place.snd_nxt,
            Ack::Inside => place.snd_nxt - place.snd_una > 1,
            Ack::None | Ack::TooOld | Ack::Oldest | Ack::Nxt | Ack::Beyond => true,
        }
    }

    /// For the name of a case, and for its title.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Ack::None => ("", ""),
            Ack::TooOld => ("-ack-too-old", ", SEG.ACK one below SND.UNA - MAX.SND.WND"),
            Ack::Oldest => ("-ack-oldest", ", SEG.ACK = SND.UNA - MAX.SND.WND"),
            Ack::Una => ("-ack-una", ", SEG.ACK = SND.UNA"),
            Ack::Inside => ("-ack-inside", ", SEG.ACK between SND.UNA and SND.NXT"),
            Ack::Nxt => ("-ack-nxt", ", SEG.ACK = SND.NXT"),
            Ack::Beyond => ("-ack-beyond", ", SEG.ACK one beyond SND.NXT"),
        }
    }
}

/// One combination: which segment is sent to a connection in which state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Combination {
    pub(super) state: State,
    pub(super) flags: Flags,
    seq: Seq,
    ack: Ack,
    text: u32,
    push: bool,
    urgent: bool,
}

impl Combination {
    /// The name of the case: `established/fin-ack/inside-ack-beyond`.
    pub(super) fn name(&self) -> String {
        let (seq, ack) = (self.seq.words().0, self.ack.words().0);
        let text = match (self.text, self.push, self.urgent) {
            (0, ..) => String::new(),
            (_, _, true) => "-urgent".to_string(),
            (text, ..) => format!("-len-{text}"),
        };
        let (state, flags) = (self.state.folder(), self.flags.name());
        format!("{state}/{flags}/{seq}{ack}{text}")
    }

    /// The title of the case.
    pub(super) fn title(&self) -> String {
        let (seq, ack) = (self.seq.words().1, self.ack.words().1);
        let text = match self.text {
            0 => String::new(),
            1 => ", 1 byte".to_string(),
            text => format!(", {text} bytes"),
        };
        let urgent = if self.urgent { ", urgent" } else { "" };
        let (state, flags) = (self.state.title(), self.flags.title());
        format!("{state}: {flags}{seq}{ack}{text}{urgent}")
    }

    /// The segment, to a connection that stands here.
    pub(super) fn segment(&self, place: &Place) -> Segment {
        Segment {
            flags: self.flags,
            push: self.push,
            urgent: self.urgent,
            seq: self.seq.number(place),
            ack: self.ack.number(place),
            text: self.text,
            stamp: Stamp::Usual,
        }
    }

    /// Whether the RFC has an answer at all.
    fn has_answer(&self) -> bool {
        let Flags { syn, ack, rst, .. } = self.flags;
        // Of two numbers half the space apart neither is the newer one; that decides about a SYN here.
        let may_open = self.state == State::TimeWait && syn && !ack && !rst;
        if may_open && self.seq == Seq::HalfAway {
            return false;
        }
        // Its text reaches into the window, its SYN does not: is it still there when its turn comes?
        let straddles = self.seq == Seq::LastBelow && self.text > 0;
        !(self.state == State::SynReceived && straddles && syn && ack && !rst)
    }
}

/// Every combination that is sent.
pub(super) fn all() -> Vec<Combination> {
    let mut all = Vec::new();
    for state in State::ALL {
        let place = standing(state, Facts::RFC);
        for flags in Flags::all() {
            for seq in Seq::of(state) {
                let with = |(ack, text): (Ack, u32)| Combination {
                    state,
                    flags,
                    seq: *seq,
                    ack,
                    text,
                    push: flags.ack && text == SOME,
                    urgent: false,
                };
                let chosen = chosen(state, flags, *seq).into_iter();
                all.extend(chosen.filter(|(ack, _)| ack.exists(&place)).map(with));
                if *seq == Seq::RcvNxt && flags.ack && !flags.rst && !flags.syn {
                    all.push(Combination {
                        push: false,
                        urgent: true,
                        ..with((Ack::Nxt, SOME))
                    });
                }
            }
        }
    }
    all.retain(Combination::has_answer);
    all
}

/// The places of SEG.ACK, and the amounts of text, that are tried with these flags. A RST or SYN
/// settles most before they count, so that few must do.
fn chosen(state: State, flags: Flags, seq: Seq) -> Vec<(Ack, u32)> {
    let has_window = seq != Seq::Any && state != State::SynSent;
    match (flags.ack, flags.rst || flags.syn) {
        (false, true) if flags.fin => vec![(Ack::None, 0)],
        (false, true) => vec![(Ack::None, 0), (Ack::None, SOME)],
        (false, false) => vec![(Ack::None, 0), (Ack::None, 1), (Ack::None, SOME)],
        (true, _) if matches!(state, State::Closed | State::Listen) => {
            vec![(Ack::Nxt, 0), (Ack::Nxt, SOME)]
        }
        (true, true) if has_window && flags.fin => vec![(Ack::Nxt, SOME)],
        (true, true) if has_window => vec![(Ack::Nxt, 0), (Ack::Beyond, 0)],
        (true, false) if has_window && seq != Seq::RcvNxt => vec![
            (Ack::TooOld, 0),
            (Ack::Una, 0),
            (Ack::Nxt, 0),
            (Ack::Beyond, 0),
            (Ack::Nxt, 1),
            (Ack::Nxt, SOME),
        ],
        (true, _) => vec![
            (Ack::TooOld, 0),
            (Ack::Oldest, 0),
            (Ack::Una, 0),
            (Ack::Inside, 0),
            (Ack::Nxt, 0),
            (Ack::Beyond, 0),
            (Ack::Nxt, 1),
            (Ack::TooOld, SOME),
            (Ack::Una, SOME),
            (Ack::Nxt, SOME),
            (Ack::Beyond, SOME),
        ],
    }
}
