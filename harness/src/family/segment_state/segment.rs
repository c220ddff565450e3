//! The segments that the family sends.

/// The four flags that decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) syn: bool,
    pub(super) ack: bool,
    pub(super) rst: bool,
    pub(super) fin: bool,
}

impl Flags {
    /// All sixteen.
    pub(super) fn all() -> impl Iterator<Item = Flags> {
        (0_u8..16).map(|bits| Flags {
            fin: bits & 1 != 0,
            syn: bits & 2 != 0,
            rst: bits & 4 != 0,
            ack: bits & 8 != 0,
        })
    }

    /// As names of cases have it: `rst-fin-ack`, `none`.
    pub(super) fn name(self) -> String {
        match self.set() {
            set if set.is_empty() => "none".to_string(),
            set => set.join("-"),
        }
    }

    /// As titles have it: `RST, FIN, ACK`, `no flags`.
    pub(super) fn title(self) -> String {
        match self.set() {
            set if set.is_empty() => "no flags".to_string(),
            set => set.join(", ").to_uppercase(),
        }
    }

    fn set(self) -> Vec<&'static str> {
        [
            (self.rst, "rst"),
            (self.syn, "syn"),
            (self.fin, "fin"),
            (self.ack, "ack"),
        ]
        .into_iter()
        .filter_map(|(is_set, name)| is_set.then_some(name))
        .collect()
    }
}

/// One segment, in script numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) flags: Flags,
    /// PSH goes along.
    pub(super) push: bool,
    /// URG goes along, and the pointer names the end of the text.
    pub(super) urgent: bool,
    /// SEG.SEQ.
    pub(super) seq: u32,
    /// SEG.ACK; zero without the ACK bit.
    pub(super) ack: u32,
    /// Bytes of text.
    pub(super) text: u32,
}

impl Segment {
    /// SEG.LEN: what the segment occupies of the sequence space.
    pub(super) fn len(&self) -> u32 {
        self.text + u32::from(self.flags.syn) + u32::from(self.flags.fin)
    }

    /// The segment as a script writes it.
    pub(super) fn written(&self) -> String {
        let Flags { syn, ack, rst, fin } = self.flags;
        let mut flags: String = [
            (fin, 'F'),
            (syn, 'S'),
            (rst, 'R'),
            (self.push, 'P'),
            (self.urgent, 'U'),
            (ack, '.'),
        ]
        .into_iter()
        .filter_map(|(is_set, letter)| is_set.then_some(letter))
        .collect();
        if flags.is_empty() {
            flags.push('-');
        }
        let Segment { seq, text, .. } = self;
        let end = seq.wrapping_add(*text);
        let mut line = format!("{flags} {seq}:{end}({text})");
        if ack {
            line.push_str(&format!(" ack {}", self.ack));
        }
        line.push_str(" win 100");
        if self.urgent {
            line.push_str(&format!(" urg {text}"));
        }
        line
    }
}
