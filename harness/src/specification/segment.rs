//! Segments as the table sees them.

/// The four flags that decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the RFC's")]
pub struct Flags {
    pub syn: bool,
    pub ack: bool,
    pub rst: bool,
    pub fin: bool,
}

impl Flags {
    /// All sixteen.
    pub fn all() -> impl Iterator<Item = Flags> {
        (0_u8..16).map(|bits| Flags {
            fin: bits & 1 != 0,
            syn: bits & 2 != 0,
            rst: bits & 4 != 0,
            ack: bits & 8 != 0,
        })
    }

    /// As names of cases have it: `rst-fin-ack`, `none`.
    pub fn name(self) -> String {
        match self.set() {
            set if set.is_empty() => "none".to_string(),
            set => set.join("-"),
        }
    }

    /// As titles have it: `RST, FIN, ACK`, `no flags`.
    pub fn title(self) -> String {
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

/// How the timestamp option of a segment stands to what was agreed (RFC 7323 §3.2, §5.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stamp {
    /// As agreed, and not older than TS.Recent.
    #[default]
    Usual,
    /// Of a SYN: newer than TS.Recent, or there where the connection before had none. In TIME-WAIT that proves
    /// the SYN new (RFC 6191 §2).
    Newer,
    /// It was agreed on and is missing.
    Missing,
    /// TSval is older than TS.Recent.
    Old,
    /// In SYN-SENT: TSecr was never sent.
    Wild,
}

/// One segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its control bits.
    pub flags: Flags,
    /// PSH goes along.
    pub push: bool,
    /// URG goes along, and the pointer names the end of the text.
    pub urgent: bool,
    /// SEG.SEQ.
    pub seq: u32,
    /// SEG.ACK; zero without the ACK bit.
    pub ack: u32,
    /// Bytes of text.
    pub text: u32,
    /// Its timestamp.
    pub stamp: Stamp,
}

impl Segment {
    /// SEG.LEN: what the segment occupies of the sequence space.
    pub fn seg_len(&self) -> u32 {
        self.text + u32::from(self.flags.syn) + u32::from(self.flags.fin)
    }

    /// The segment as a script writes it.
    pub fn written(&self) -> String {
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
