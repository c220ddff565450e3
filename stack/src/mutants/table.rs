//! The defects: what is wrong, whose it was, and which rules of the catalogue
//! (`conformance-cases/requirements/`) it breaks.
//!
//! A row is what somebody shipped once; the ones marked "none" are ours, close relatives of such. Only
//! the defect is described, in our own words.

macro_rules! mutants {
    ($($id:ident $title:literal, from $source:literal, breaks [$($rule:literal),+ $(,)?];)*) => {
        /// A defect.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Mutant {
            $(#[doc = $title] $id,)*
        }

        impl Mutant {
            /// All of them, by name.
            pub const ALL: &[Mutant] = &[$(Mutant::$id,)*];

            /// Its name.
            pub const fn id(self) -> &'static str {
                match self { $(Mutant::$id => stringify!($id),)* }
            }

            /// What is wrong.
            pub const fn title(self) -> &'static str {
                match self { $(Mutant::$id => $title,)* }
            }

            /// Where it was found: commits, reports, advisories.
            pub const fn source(self) -> &'static str {
                match self { $(Mutant::$id => $source,)* }
            }

            /// The rules that it breaks, as the catalogue names them.
            pub const fn breaks(self) -> &'static [&'static str] {
                match self { $(Mutant::$id => &[$($rule),+],)* }
            }
        }
    };
}

mutants! {
    // A: header and option parsing.
    A07 "An MSS of 0 is believed",
        from "lwIP bug #22249, smoltcp 43697943, CVE-2018-16523",
        breaks ["RFC9293-MUST-16"];
    // C: resets, challenge ACKs, and what is acceptable.
    C01 "Any RST in the window ends the connection",
        from "CVE-2004-0230, lwIP bug #48170, gVisor 484ef1208, TCP-Fuzz on TLDK",
        breaks ["RFC5961-3"];
    C08 "Acknowledgments of acknowledgments have no limit",
        from "smoltcp f6a73807 and #338, gVisor 8c7c5abaf",
        breaks ["RFC5961-11"];
    C13 "An acknowledgment of what was sent before the ISN is accepted",
        from "CVE-2023-52881, draft-ietf-tcpm-tcp-ghost-acks, FreeBSD D45894",
        breaks ["RFC5961-9", "RFC5961-10"];
    // D: sequence arithmetic and windows.
    D02 "The edges of SACK blocks do not wrap",
        from "smoltcp 25d4f7c5",
        breaks ["RFC9293-SM-05", "RFC2018-4"];
    D07 "Text behind the right edge of the window is taken",
        from "gVisor db2a60be6, smoltcp f56ed8b4, picoTCP 9b6682af",
        breaks ["RFC9293-SM-07", "RFC9293-SM-09"];
    // E: reassembly.
    E06 "A FIN counts before the gap ahead of it is filled",
        from "smoltcp fcffa6a5 and #111",
        breaks ["RFC9293-SM-40"];
    // F: windows and probes.
    F03 "A closed window is not probed",
        from "gVisor e590314fe, smoltcp ddc495ba, lwIP f79eabd2, RFC 2525 §2.12",
        breaks ["RFC9293-MUST-36"];
    F13 "Text out of order makes the right edge of the window go back",
        from "gVisor db36d948f, b645fcd24",
        breaks ["RFC9293-SHLD-14"];
    // G: closing.
    G03 "LAST-ACK is left by any acknowledgment",
        from "smoltcp 24f94d24 and #470, gVisor 27e2c4ddc, lwIP 0d7805a8",
        breaks ["RFC9293-SM-35"];
    // H: retransmission and congestion control.
    H01 "The retransmission timeout does not double",
        from "smoltcp 9b9f60b5, RFC 2525 §2.10",
        breaks ["RFC6298-11"];
    H04 "An acknowledgment of a part stops the retransmission timer",
        from "smoltcp a25c9f2f, 86ac3253",
        breaks ["RFC6298-9"];
    H09 "A timeout leaves the congestion window as it was",
        from "smoltcp 0f4f7ec1, 25239972, RFC 2525 §2.1 to §2.8",
        breaks ["RFC5681-10"];
    H11 "Each acknowledgment opens the window by a segment, however little it acknowledges",
        from "smoltcp 68bad6c0, 8a616d2f, ACK division (Savage 1999)",
        breaks ["RFC5681-6"];
    // I: window scale, timestamps, SACK.
    I07 "A timestamp is remembered of a segment that is not acceptable",
        from "CVE-2005-0356",
        breaks ["RFC7323-21"];
}
