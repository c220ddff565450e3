//! How much memory a host holds.

use rstest::rstest;
use tcpdrill_stack::config::HardIcmp;
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::{Config, Profile, StateName};

use crate::icmp::error;
use crate::support::Talk;

/// Bytes of text in the tests: much more than a block.
const LEN: usize = 20_000;
/// More than a host with one connection and nothing to send takes.
const LITTLE: usize = 8_000;

#[derive(Clone, Copy, Debug)]
enum End {
    /// A reset comes.
    Reset,
    /// A hard error comes (RFC9293-SHLD-26).
    Unreachable,
    /// The peer is silent for longer than anybody waits.
    Silence,
}

/// The user has not closed: his error waits for him, but nothing else does.
#[rstest]
fn a_failed_connection_keeps_nothing_to_send(
    #[values(End::Reset, End::Unreachable, End::Silence)] end: End,
    #[values(Profile::Rfc9293, Profile::Linux)] profile: Profile,
) {
    let config = Config {
        hard_icmp: HardIcmp::Abort,
        ..profile.config()
    };
    let mut talk = Talk::reach(config, StateName::Established);
    assert!(
        talk.bench.host.held() < LITTLE,
        "{}",
        talk.bench.host.held()
    );
    talk.send(LEN);
    assert!(talk.bench.host.held() > LEN / 2);
    match end {
        End::Reset => drop(talk.peer("R", 1, 0, 0)),
        End::Unreachable => {
            let datagram = error(&talk, 3, 3, 0, 1);
            talk.bench.host.receive(talk.bench.now, &datagram);
            talk.drain();
        }
        End::Silence => drop(talk.wait_s(4_000)),
    }
    assert_eq!(talk.state(), StateName::Closed);
    assert!(
        talk.bench.host.held() < LITTLE,
        "{}",
        talk.bench.host.held()
    );
}

/// What cannot be sent again is not kept through TIME-WAIT.
#[test]
fn time_wait_keeps_nothing_to_send() {
    let mut talk = Talk::plain();
    talk.send(1_000);
    talk.peer(".", 1, 1_001, 0);
    let before = talk.bench.host.held();
    talk.shutdown();
    talk.peer("F.", 1, 1_002, 0);
    assert_eq!(talk.state(), StateName::TimeWait);
    let after = talk.bench.host.held();
    // Its text goes, and a few bytes for a timer come.
    assert!(after + 900 <= before, "{after} of {before}");
}

#[test]
fn what_waits_for_the_user_or_behind_a_gap_is_held() {
    let mut talk = Talk::reach(Bench::plain_config(), StateName::Established);
    let before = talk.bench.host.held();
    talk.peer(".", 1, 1, 1_000);
    let unread = talk.bench.host.held();
    assert!(unread >= before + 1_000, "{before} to {unread}");
    talk.peer(".", 3_001, 1, 1_000);
    let behind_gap = talk.bench.host.held();
    assert!(behind_gap >= before + 4_000, "{before} to {behind_gap}");
}
