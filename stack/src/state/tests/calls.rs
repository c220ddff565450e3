//! The user calls in each state (RFC 9293 §3.10.2 to §3.10.5), as one table.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::error::CallError;
use crate::socket::{SendFlags, SocketId};
use crate::state::StateName;
use crate::testing::bench::{Bench, Conn, Seen, show};

type Call = fn(&mut Bench, SocketId) -> Result<String, CallError>;

const CALLS: [(&str, Call); 7] = [
    ("SEND", |bench, id| {
        let taken = bench
            .host
            .send(bench.now, id, b"hello", SendFlags::default())?;
        Ok(format!("{taken} bytes"))
    }),
    ("RECEIVE", |bench, id| {
        let got = bench.host.recv(bench.now, id, &mut [0; 10])?;
        Ok(format!("{got} bytes"))
    }),
    ("ACCEPT", |bench, id| {
        bench.host.accept(bench.now, id).map(|_| String::from("ok"))
    }),
    ("CLOSE writing", |bench, id| {
        bench
            .host
            .shutdown_write(bench.now, id)
            .map(|()| String::from("ok"))
    }),
    ("CLOSE", |bench, id| {
        bench.host.close(bench.now, id).map(|()| String::from("ok"))
    }),
    ("ABORT", |bench, id| {
        bench.host.abort(bench.now, id).map(|()| String::from("ok"))
    }),
    ("STATUS", |bench, id| {
        Ok(bench.host.status(id)?.state.to_string())
    }),
];

fn perform(state: StateName, crossed: bool, call: Call) -> String {
    let mut bench = Bench::new(Bench::plain_config());
    let conn: Conn = bench.reach(if crossed { StateName::SynSent } else { state });
    if crossed {
        bench.inject(&bench.peer_segment("S", 0, conn.iss));
        assert_eq!(bench.state(conn.id), state);
    }
    let before = bench.seen.len();
    let result = match call(&mut bench, conn.id) {
        Ok(answer) => answer,
        Err(error) => format!("error: {error}"),
    };
    bench.drain();
    let sent: Vec<String> = bench.seen[before..]
        .iter()
        .filter_map(|(_, seen)| match seen {
            Seen::Sent(segment) => Some(format!("; > {}", show(segment, conn.iss, bench.irs))),
            Seen::Event(_) => None,
        })
        .collect();
    let after = bench.state(conn.id);
    let moved = if after == state {
        String::new()
    } else {
        format!("; {after}")
    };
    format!("{result}{moved}{}", sent.concat())
}

#[test]
fn every_state_and_every_call() {
    let mut table = String::new();
    let states = StateName::ALL.map(|state| (state.to_string(), state, false));
    let crossed = (
        String::from("SYN-RECEIVED, crossed"),
        StateName::SynReceived,
        true,
    );
    for (title, state, crossed) in states.into_iter().chain([crossed]) {
        table.push_str(&format!("{title}\n"));
        for (name, call) in CALLS {
            table.push_str(&format!("  {name:<15}{}\n", perform(state, crossed, call)));
        }
        table.push('\n');
    }
    insta::assert_snapshot!("state_by_call", table);
}
