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
    A01 "An option of length 0 is read for ever",
        from "TCP-Fuzz on TLDK, CVE-2019-15702 (RIOT)",
        breaks ["RFC9293-MUST-7"];
    A02 "An option that runs past the header is read all the same",
        from "lwIP 3d896ba0 and bug #24596, CVE-2020-13988 (uIP), CVE-2023-34100 (Contiki-NG)",
        breaks ["RFC9293-MUST-7"];
    A03 "What follows an unknown option is misread",
        from "lwIP bug #48402",
        breaks ["RFC9293-MUST-6"];
    A05 "A data offset below 5, or behind the end of the segment, is trusted",
        from "TCP-Fuzz on TLDK, CVE-2020-24341 (picoTCP), CVE-2018-16603 (FreeRTOS)",
        breaks ["RFC9293-SM-03"];
    A06 "The length of the text wraps below zero when the datagram is shorter than its headers",
        from "CVE-2021-31401 (NicheStack), CVE-2021-31890 (Nucleus)",
        breaks ["RFC9293-SM-03"];
    A07 "An MSS of 0 is believed",
        from "lwIP bug #22249, smoltcp 43697943, CVE-2018-16523",
        breaks ["RFC9293-MUST-16"];
    A08 "An MSS that the options use up leaves empty segments",
        from "smoltcp b0b7bcfd",
        breaks ["RFC9293-MUST-16"];
    A09 "Without an MSS option nothing fits a segment",
        from "TCP-Fuzz on TLDK and mTCP",
        breaks ["RFC9293-MUST-15"];
    A10 "Options do not count against the MSS",
        from "gVisor 87cce0ec0, smoltcp 16100ffb, RFC 2525 §2.18",
        breaks ["RFC9293-MUST-16", "RFC6691-2"];
    A14 "The last byte of an odd text is added to the checksum at the wrong place",
        from "lwIP bug #43840, uTCP 980599f",
        breaks ["RFC9293-MUST-2", "RFC9293-SM-50"];
    A15 "A segment with a wrong checksum is taken",
        from "none; next of kin: TCP-Fuzz on TLDK (IP version 3)",
        breaks ["RFC9293-MUST-3"];
    // B: LISTEN, SYN-SENT, SYN-RECEIVED.
    B01 "A SYN from a socket to itself is taken (LAND)",
        from "CVE-1999-0016, CVE-2005-0688",
        breaks ["RFC9293-MUST-63"];
    B02 "A SYN from the unspecified address is taken",
        from "smoltcp (changes of 2026)",
        breaks ["RFC9293-MUST-63"];
    B03 "The FIN of a SYN is remembered",
        from "CVE-2012-6638 (Linux), FreeBSD D30627",
        breaks ["RFC9293-SM-39"];
    B04 "The text of a SYN is acknowledged and lost",
        from "TCP-Fuzz on TLDK, FreeBSD PR 250363",
        breaks ["RFC9293-SM-12", "RFC9293-SM-13", "RFC7413-9"];
    B05 "An ACK to a listener draws no reset",
        from "lwIP bug #34111, smoltcp 56ee8e5d, gVisor 3dc3cffb2",
        breaks ["RFC9293-SM-15"];
    B06 "A listener does not look at the RST bit",
        from "smoltcp c573e9b3, gVisor 77dc0f5bc",
        breaks ["RFC9293-SM-14"];
    B07 "A SYN-ACK to a listener counts as a SYN",
        from "gVisor d0d89ceed",
        breaks ["RFC9293-SM-15"];
    B08 "In SYN-SENT an ACK that cannot be right draws no reset",
        from "smoltcp bdfa4427, 2c306b50",
        breaks ["RFC9293-SM-19"];
    B09 "In SYN-SENT a segment without SYN opens the connection",
        from "smoltcp 5d31ae01",
        breaks ["RFC9293-SM-21"];
    B10 "In SYN-SENT an acknowledgment of nothing wraps below zero",
        from "smoltcp c3a06024",
        breaks ["RFC9293-SM-19"];
    B11 "SYN-RECEIVED is left by an acknowledgment that is one off",
        from "smoltcp f95b0bf6, 1adca5b9, gVisor 45835a60f, FreeBSD D52934",
        breaks ["RFC9293-SM-22"];
    B13 "SYNs that cross do not open a connection",
        from "smoltcp before 06eb8b72, lwIP",
        breaks ["RFC9293-MUST-10"];
    B15 "Text and FIN of the ACK that ends the handshake are dropped",
        from "gVisor 03f17c7d9, smoltcp b971d913",
        breaks ["DOC-HS-30"];
    B16 "The window of the ACK that ends the handshake is not taken",
        from "gVisor 67f261a87, uTCP af09e24",
        breaks ["RFC9293-SM-29", "DOC-HDR-25"];
    B17 "A bare ACK to a SYN draws the next SYN at once, as often as it comes",
        from "lwIP 5827c168",
        breaks ["RFC9293-SM-19"];
    B18 "A SYN-ACK that is sent again has another ISN",
        from "picoTCP 647f7dc1",
        breaks ["DOC-HS-10"];
    B20 "The reset for a SYN to a closed port does not acknowledge the SYN",
        from "FreeRTOS+TCP 9e71095e4",
        breaks ["RFC9293-SM-16"];
    B21 "A reset to a closed port is answered",
        from "picoTCP 3dbdb5b4, gVisor 3dc3cffb2",
        breaks ["RFC9293-SM-18"];
    // C: resets, challenge ACKs, and what is acceptable.
    C01 "Any RST in the window ends the connection",
        from "CVE-2004-0230, lwIP bug #48170, gVisor 484ef1208, TCP-Fuzz on TLDK",
        breaks ["RFC5961-3"];
    C02 "A reset with the right number only draws a challenge",
        from "none; the overdone remedy of C01",
        breaks ["RFC5961-2"];
    C03 "A SYN in the window ends the connection",
        from "FreeBSD-SA-14:19, CAV 2016 on Linux",
        breaks ["RFC5961-6", "RFC5961-7"];
    C04 "The text of a SYN out of order is kept",
        from "lwIP adbc5b5f, bug #56397",
        breaks ["RFC5961-6", "RFC5961-7"];
    C05 "All connections share one budget of challenge ACKs",
        from "CVE-2016-5696 (Linux)",
        breaks ["RFC5961-3"];
    C06 "The budget of challenge ACKs also holds back what is owed for old text",
        from "smoltcp 9d532a7b",
        breaks ["RFC9293-SM-08"];
    C07 "A reset outside the window is answered",
        from "smoltcp 566128f8, picoTCP b783dad2",
        breaks ["RFC5961-1"];
    C08 "Acknowledgments of acknowledgments have no limit",
        from "smoltcp f6a73807 and #338, gVisor 8c7c5abaf",
        breaks ["RFC5961-11"];
    C09 "The ACK of a segment that finds a closed window is not taken",
        from "draft-gont-tcpm-tcp-seq-validation",
        breaks ["RFC9293-SM-52"];
    C10 "A challenge ACK has a wrong sequence number",
        from "FreeRTOS+TCP #1236",
        breaks ["RFC5961-3"];
    C12 "Text is taken whatever its segment acknowledges",
        from "FreeBSD PR 250357, TCP-Fuzz on f-stack, TLDK and mTCP",
        breaks ["RFC9293-SM-26", "RFC5961-10"];
    C13 "An acknowledgment of what was sent before the ISN is accepted",
        from "CVE-2023-52881, draft-ietf-tcpm-tcp-ghost-acks, FreeBSD D45894",
        breaks ["RFC5961-9", "RFC5961-10"];
    // D: sequence arithmetic and windows.
    D02 "The edges of SACK blocks do not wrap",
        from "smoltcp 25d4f7c5",
        breaks ["RFC9293-SM-05", "RFC2018-4"];
    D03 "The right edge is compared without wrapping",
        from "lwIP 32f6e7e2",
        breaks ["RFC9293-SM-05"];
    D04 "Sequence numbers are compared without wrapping",
        from "picoTCP e9ccb56b, uTCP 062fa23",
        breaks ["RFC9293-SM-05"];
    D05 "A SACK block half a turn away lies both below and above all that was sent",
        from "OpenBSD, 1998 to 2026",
        breaks ["RFC9293-SM-05"];
    D06 "A segment counts only if it lies in the window with both ends",
        from "smoltcp 6acc2b47, TCP-Fuzz on mTCP",
        breaks ["RFC9293-SM-07", "RFC9293-SM-09"];
    D07 "Text behind the right edge of the window is taken",
        from "gVisor db2a60be6, smoltcp f56ed8b4, picoTCP 9b6682af",
        breaks ["RFC9293-SM-07", "RFC9293-SM-09"];
    D08 "An acknowledgment of what was not sent is not answered",
        from "smoltcp cef2d58c, lwIP bug #36210, gVisor 40faeaa18",
        breaks ["RFC9293-SM-26"];
    D10 "An old segment changes the window",
        from "lwIP bug #27199",
        breaks ["RFC9293-SM-29"];
    // E: reassembly.
    E01 "A longer segment over a shorter one brings the old bytes again",
        from "F-Stack in TCP-Fuzz, lwIP 574bd6e5",
        breaks ["RFC9293-SM-09"];
    E02 "With its table of gaps full a receiver refuses even what comes in order",
        from "smoltcp 8bd28ab6 and #452",
        breaks ["RFC9293-SHLD-31"];
    E04 "Where text joins two stretches, the second is lost",
        from "smoltcp 6da8854c, bd220ebc, uTCP f31dec6, 1ff4d86",
        breaks ["RFC9293-SHLD-31"];
    E05 "A segment that is cut in front keeps its sequence number",
        from "gVisor 9f4e1cb79, lwIP bug #27209",
        breaks ["RFC9293-SM-09"];
    E06 "A FIN counts before the gap ahead of it is filled",
        from "smoltcp fcffa6a5 and #111",
        breaks ["RFC9293-SM-40"];
    E07 "A second FIN moves the end of a stream that waits behind a gap",
        from "lwIP bugs #28288 and #28054",
        breaks ["RFC9293-SM-38"];
    E08 "Text behind a FIN is taken",
        from "FreeBSD PR 250360, TCP-Fuzz on TLDK and mTCP",
        breaks ["RFC9293-SM-38"];
    E09 "The FIN of a segment that is cut in front is lost",
        from "smoltcp bde1a1ee, 284a2c97",
        breaks ["RFC9293-SM-09"];
    E10 "Of a long read what lies behind byte 2041 is wrong",
        from "mTCP in TCP-Fuzz, smoltcp eff0e0b9",
        breaks ["DOC-CHAR-05"];
    E11 "A selective acknowledgment reports what was delivered",
        from "lwIP b7e5de38, 2b2fa0ed, 1a1c360f",
        breaks ["RFC2018-3"];
    E13 "A FIN out of order after CLOSE crashes",
        from "TLDK in TCP-Fuzz",
        breaks ["RFC9293-SM-40"];
    // F: windows and probes.
    F01 "A window that shrinks below what is out counts as a huge one",
        from "smoltcp e798dfdd and #489",
        breaks ["RFC9293-MUST-34"];
    F02 "The peer's window does not bound what is sent",
        from "smoltcp 2080152b",
        breaks ["RFC5681-1", "DOC-HDR-26"];
    F03 "A closed window is not probed",
        from "gVisor e590314fe, smoltcp ddc495ba, lwIP f79eabd2, RFC 2525 §2.12",
        breaks ["RFC9293-MUST-36"];
    F04 "A probe of a closed window has the byte that was to be sent next, under the number of the oldest",
        from "lwIP bug #34426",
        breaks ["RFC9293-MUST-36"];
    F05 "The acknowledgment of a probe's byte is not believed",
        from "lwIP 9ba9dee2",
        breaks ["RFC9293-MUST-36"];
    F06 "A probe of a closed window has no text",
        from "gVisor 91a283f8f, picoTCP 0d58927d, lwIP bug #20779",
        breaks ["RFC9293-MUST-36"];
    F07 "A receiver without room does not answer probes",
        from "lwIP cceea73c, uTCP b88b6f3",
        breaks ["RFC9293-SM-47"];
    F08 "What is to be sent again into a closed window leaves without text, again and again",
        from "smoltcp 675c0a10",
        breaks ["RFC9293-MUST-35"];
    F11 "A reader who makes room again does not make the window open",
        from "smoltcp 21282fdb, gVisor c1761378a, 028e045da",
        breaks ["DOC-HDR-29"];
    F12 "A receiver announces every byte of room",
        from "gVisor c276e4740, 7ea2dcbae, lwIP bug #27783",
        breaks ["RFC9293-MUST-39"];
    F13 "Text out of order makes the right edge of the window go back",
        from "gVisor db36d948f, b645fcd24",
        breaks ["RFC9293-SHLD-14"];
    F14 "A sender waits for a window of a whole segment",
        from "lwIP bug #25882",
        breaks ["RFC9293-MUST-38"];
    // G: closing.
    G01 "CLOSE with text unread ends in a FIN",
        from "CAV 2016 on FreeBSD, TCP-Fuzz on TLDK, RFC 2525 §2.16 and §2.17",
        breaks ["RFC9293-SHLD-3"];
    G03 "LAST-ACK is left by any acknowledgment",
        from "smoltcp 24f94d24 and #470, gVisor 27e2c4ddc, lwIP 0d7805a8",
        breaks ["RFC9293-SM-35"];
    G04 "LAST-ACK before a closed window has no end",
        from "CVE-2015-5358",
        breaks ["RFC9293-MUST-20"];
    G05 "FIN-WAIT-2 throws text away",
        from "smoltcp b7a14980, 65e58931",
        breaks ["RFC9293-SM-37"];
    G06 "CLOSING does not send its FIN again",
        from "smoltcp 2219af77, b38faa58",
        breaks ["RFC9293-SM-36"];
    G07 "CLOSE ends TIME-WAIT",
        from "gVisor b928d074b",
        breaks ["RFC9293-MUST-13"];
    G08 "A reset ends TIME-WAIT though it is to be ignored",
        from "RFC 1337, lwIP bug #26251",
        breaks ["RFC1337-1"];
    G09 "A SYN in TIME-WAIT counts as new if it is old, and the other way round",
        from "gVisor 45cd7c1b1",
        breaks ["RFC9293-MAY-2"];
    G10 "A connection that is half closed on purpose ends with the timer of FIN-WAIT-2",
        from "lwIP bug #34636",
        breaks ["RFC9293-SM-37"];
    G11 "CLOSE-WAIT and LAST-ACK do not answer what they cannot accept",
        from "gVisor 5d7d5ed7d, smoltcp 816a4f96",
        breaks ["RFC9293-SM-08"];
    G12 "CLOSE before a closed window leaves the state as it is",
        from "gVisor bcb259a28",
        breaks ["RFC9293-SM-31"];
    G18 "A FIN is not acknowledged",
        from "picoTCP 685d946d, cf1a516d",
        breaks ["RFC9293-SM-30"];
    // H: retransmission, congestion control and acknowledgments.
    H01 "The retransmission timeout does not double",
        from "smoltcp 9b9f60b5, RFC 2525 §2.10",
        breaks ["RFC6298-11"];
    H02 "An acknowledgment of new data does not start the timer anew",
        from "smoltcp 13774ff2",
        breaks ["RFC6298-9"];
    H04 "An acknowledgment of a part stops the retransmission timer",
        from "smoltcp a25c9f2f, 86ac3253",
        breaks ["RFC6298-9"];
    H05 "A round trip is measured on a segment that was sent twice",
        from "smoltcp 29340b71, gVisor bd12e9524",
        breaks ["RFC6298-6"];
    H06 "The thirteenth retransmission reads behind the table of waits",
        from "lwIP 7ffe5bfb",
        breaks ["RFC6298-10", "RFC9293-MUST-21"];
    H07 "Segments with text or another window count as duplicate acknowledgments",
        from "smoltcp cce9ae77, lwIP bugs #27329 and #28106",
        breaks ["RFC5681-13"];
    H08 "With nothing outstanding every repeated acknowledgment is answered",
        from "smoltcp 7699265a and #224",
        breaks ["RFC5681-13"];
    H09 "A timeout leaves the congestion window as it was",
        from "smoltcp 0f4f7ec1, 25239972, RFC 2525 §2.1 to §2.8",
        breaks ["RFC5681-10"];
    H11 "Each acknowledgment opens the window by a segment, however little it acknowledges",
        from "smoltcp 68bad6c0, 8a616d2f, ACK division (Savage 1999)",
        breaks ["RFC5681-6"];
    H13 "Selective acknowledgments count what lies between their blocks",
        from "gVisor f03c7e48e, cc0e96a4b, 08f4846eb",
        breaks ["RFC2018-7", "RFC6675-1"];
    H15 "What was acknowledged selectively is not sent again after a timeout",
        from "none; RFC 2018 §8",
        breaks ["RFC2018-8"];
    H16 "An acknowledgment is delayed by a second",
        from "smoltcp 0d304bc4, a27c0173, RFC 2525 §2.13",
        breaks ["RFC9293-MUST-40"];
    H17 "The acknowledgment of text out of order is delayed",
        from "smoltcp 64369d98",
        breaks ["RFC5681-11", "RFC5681-12"];
    H19 "The first timeout is 200 ms",
        from "picoTCP bb7d8f1e, RFC 2525 §2.7",
        breaks ["RFC6298-1"];
    // I: window scale, timestamps, SACK.
    I01 "The window of a SYN is scaled",
        from "smoltcp 6a082745, lwIP 6f1304e0",
        breaks ["RFC7323-4"];
    I02 "Windows are announced scaled though only one side offered that",
        from "smoltcp 9ca8408d, 2ac0321d",
        breaks ["RFC7323-2"];
    I03 "A shift above 14 is used as it is",
        from "TLDK in TCP-Fuzz",
        breaks ["RFC7323-7"];
    I04 "A window scale is taken from any segment",
        from "lwIP 98f98048",
        breaks ["RFC7323-3"];
    I06 "Timestamps are not compared modulo 2^32",
        from "gVisor 5f3eeb472",
        breaks ["RFC7323-20"];
    I07 "A timestamp is remembered of a segment that is not acceptable",
        from "CVE-2005-0356",
        breaks ["RFC7323-20"];
    I09 "The echo of a timestamp is always that of the SYN",
        from "TCP-Fuzz on TLDK and mTCP, lwIP 41a36098",
        breaks ["RFC7323-16", "RFC7323-17"];
    I10 "Timestamps are used though the peer did not offer them",
        from "mTCP in TCP-Fuzz",
        breaks ["RFC7323-10"];
    I13 "A client forgets that SACK was agreed on",
        from "smoltcp 805eed84",
        breaks ["RFC2018-3"];
    // J: initial sequence numbers.
    J01 "Initial sequence numbers are zero",
        from "smoltcp before e533b0f8",
        breaks ["RFC9293-MUST-9"];
    J02 "Initial sequence numbers go up by 64,000 for each connection",
        from "CVE-1999-0077",
        breaks ["RFC9293-SHLD-1"];
    J03 "The initial sequence number is the clock",
        from "CVE-2020-27213",
        breaks ["RFC9293-SHLD-1", "RFC9293-MUST-9"];
    J04 "Initial sequence numbers come from a linear congruential generator",
        from "CVE-2020-27630 to -27636",
        breaks ["RFC9293-SHLD-1", "RFC9293-MUST-9"];
    J05 "A bit of the initial sequence number never changes",
        from "mirage-tcpip #371",
        breaks ["RFC9293-MUST-9"];
    J06 "Initial sequence numbers go up by small random steps",
        from "CVE-2001-0328",
        breaks ["RFC9293-SHLD-1", "RFC9293-MUST-9"];
    J08 "The hash in the initial sequence number leaves out the local port",
        from "none",
        breaks ["RFC9293-SHLD-1"];
    J09 "There is no clock in the initial sequence number",
        from "none",
        breaks ["RFC9293-MUST-8"];
    J10 "Initial sequence numbers count from 6510, by the ticks since the start",
        from "lwIP tcp_next_iss",
        breaks ["RFC9293-MUST-8", "RFC9293-MUST-9"];
    J11 "Initial sequence numbers are random and nothing else",
        from "smoltcp 5393f885",
        breaks ["RFC9293-SHLD-1", "RFC9293-MUST-8"];
    // L: urgent data.
    L01 "An urgent pointer of 0 counts one octet less than none",
        from "CVE-2019-12255",
        breaks ["RFC9293-SM-48"];
    L02 "An urgent pointer behind the segment reads behind it",
        from "CVE-2021-31400, CVE-2020-17437",
        breaks ["RFC9293-SM-48"];
}
