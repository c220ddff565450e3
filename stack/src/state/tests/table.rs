//! The whole of SEGMENT ARRIVES at a glance: a table of states × segments, kept as a snapshot.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};

use crate::event::Event;
use crate::segment::Segment;
use crate::seq::SeqNum;
use crate::state::StateName;
use crate::testing::bench::{Bench, Conn, Seen, show};

/// Where the connection stands, to build segments around.
struct Place {
    /// RCV.NXT relative to the peer's ISN.
    r: i64,
    /// SND.UNA and SND.NXT.
    una: SeqNum,
    nxt: SeqNum,
    /// RCV.WND.
    wnd: i64,
}

fn place(bench: &Bench, conn: Conn) -> Place {
    match bench.host.status(conn.id) {
        Ok(status) if status.state == StateName::SynSent => Place {
            r: 0,
            una: status.snd_una,
            nxt: status.snd_nxt,
            wnd: 0,
        },
        Ok(status) if status.state != StateName::Listen => Place {
            r: i64::from(bench.irs.signed_distance_to(status.rcv_nxt)),
            una: status.snd_una,
            nxt: status.snd_nxt,
            wnd: i64::from(status.rcv_wnd),
        },
        _ => Place {
            r: 0,
            una: SeqNum::new(500),
            nxt: SeqNum::new(500),
            wnd: 0,
        },
    }
}

/// The kinds of segments: name, flags, sequence number, acknowledgment, payload bytes.
fn classes(place: &Place) -> Vec<(&'static str, &'static str, i64, SeqNum, usize)> {
    let Place { r, una, nxt, wnd } = *place;
    vec![
        ("RST at RCV.NXT", "R", r, nxt, 0),
        ("RST in window", "R", r + 1, nxt, 0),
        ("RST behind window", "R", r + wnd + 1, nxt, 0),
        ("RST, ACK of all", "R.", r, nxt, 0),
        ("SYN, the first again", "S", 0, nxt, 0),
        ("SYN in window", "S", r + 10, nxt, 0),
        ("SYN behind window", "S", r + wnd + 10, nxt, 0),
        ("SYN, ACK of all", "S.", 0, nxt, 0),
        ("SYN, ACK of nothing sent", "S.", 0, nxt + 1, 0),
        ("SYN, FIN", "SF", 0, nxt, 0),
        ("ACK of nothing new", ".", r, una, 0),
        ("ACK of all", ".", r, nxt, 0),
        ("ACK of nothing sent", ".", r, nxt + 1, 0),
        ("ACK far too old", ".", r, una - 100_000, 0),
        ("ACK before window", ".", r - 1, nxt, 0),
        ("text in order", "P.", r, nxt, 10),
        ("text behind a hole", "P.", r + 10, nxt, 10),
        ("text from before", "P.", r - 10, nxt, 10),
        ("text behind window", "P.", r + wnd, nxt, 10),
        ("text without ACK", "P", r, nxt, 10),
        ("FIN", "F.", r, una, 0),
        ("FIN, ACK of all", "F.", r, nxt, 0),
        ("FIN again", "F.", r - 1, nxt, 0),
        ("FIN behind a hole", "F.", r + 10, nxt, 0),
        ("FIN without ACK", "F", r, nxt, 0),
        ("no flags", "", r, nxt, 0),
    ]
}

/// What one segment did: state after, drops, packets.
fn react(state: StateName, index: usize) -> (String, String) {
    let mut bench = Bench::new(Bench::plain_config());
    let conn = bench.reach(state);
    let place = place(&bench, conn);
    let (name, flags, seq, ack, len) = classes(&place)[index];
    let mut segment: Segment = bench.peer_segment(flags, seq, ack);
    segment.payload = vec![b'x'; len];
    let before = bench.seen.len();
    bench.inject(&segment);
    let mut words = Vec::new();
    for (_, seen) in &bench.seen[before..] {
        match seen {
            Seen::Sent(segment) if conn.iss == SeqNum::new(0) => {
                words.push(format!("> {}", show(segment, place.nxt, bench.irs)));
            }
            Seen::Sent(segment) => words.push(format!("> {}", show(segment, conn.iss, bench.irs))),
            Seen::Event(Event::SegmentDropped { reason, .. }) => {
                words.push(format!("drop {reason:?}"))
            }
            Seen::Event(Event::StateChanged { to, .. }) => words.push(to.to_string()),
            Seen::Event(_) => {}
        }
    }
    if words.is_empty() {
        words.push(String::from("-"));
    }
    (name.to_string(), words.join("; "))
}

#[test]
fn every_state_and_every_segment() {
    let mut table = String::new();
    for state in StateName::ALL {
        let mut bench = Bench::new(Bench::plain_config());
        let conn = bench.reach(state);
        assert!(
            state == StateName::Closed || bench.state(conn.id) == state,
            "{state} is reached"
        );
        table.push_str(&format!("{state}\n"));
        for index in 0..classes(&place(&bench, conn)).len() {
            let (name, reaction) = react(state, index);
            table.push_str(&format!("  {name:<26}{reaction}\n"));
        }
        table.push('\n');
    }
    insta::assert_snapshot!("state_by_segment", table);
}
