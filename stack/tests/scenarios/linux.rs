//! What Linux does with odd segments, and the RFCs do not: each setting both ways.

use std::time::Duration;

use rstest::rstest;
use tcpdrill_stack::config::{DataAfterClose, ResetError, SynData, SynWithFin};
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::wire::options::Timestamps;
use tcpdrill_stack::{Config, ConnectionError, StateName};

use crate::support::Talk;

fn opening(config: Config) -> Talk {
    Talk::reach(config, StateName::SynSent)
}

/// 1 s and doubled; or four times 1 s, then doubled, and given up at the end of the wait in which
/// the time is over: of 7 s, 4 + 2 + 4 = 10 s would be one too many, for 4 + 1 + 2 = 7; of 127 s, as Linux has
/// it, 131 are waited.
#[rstest]
#[case::rfc_6298(0, 7, &[1000, 3000], 7000)]
#[case::linear(4, 7, &[1000, 2000, 3000, 4000, 5000], 7000)]
#[case::linux(4, 127, &[1000, 2000, 3000, 4000, 5000, 7000, 11_000, 19_000, 35_000, 67_000], 131_000)]
fn the_first_repeats_of_a_syn(
    #[case] linear: u32,
    #[case] give_up: u64,
    #[case] times: &[u64],
    #[case] end: u64,
) {
    let config = Config {
        syn_linear_timeouts: linear,
        syn_give_up: Duration::from_secs(give_up),
        max_rto: Duration::from_secs(120),
        ..Bench::plain_config()
    };
    let mut talk = opening(config);
    let sent: Vec<u64> = talk.wait_ms(end - 1).iter().map(|(at, _)| *at).collect();
    assert_eq!(sent, times);
    assert_eq!(talk.state(), StateName::SynSent);
    talk.wait_ms(1);
    assert_eq!(talk.state(), StateName::Closed);
}

#[rstest]
#[case::rfc_9293(None, 1000)]
#[case::linux(Some(2), 12)]
fn an_acknowledgment_of_nothing_hastens_the_syn(#[case] wait: Option<u64>, #[case] at: u64) {
    let config = Config {
        syn_repeat_after_bad_ack: wait.map(Duration::from_millis),
        ..Bench::plain_config()
    };
    let mut talk = opening(config);
    talk.wait_ms(10);
    assert_eq!(talk.peer("S.", 0, 0, 0), ["R 0:0(0)"]);
    assert_eq!(talk.wait_ms(1000)[0].0, at);
}

#[rstest]
#[case::taken(SynData::Queue, ". 1:1(0) ack 101", 100)]
#[case::dropped(SynData::Drop, ". 1:1(0) ack 1", 0)]
fn text_on_a_syn_ack(#[case] rule: SynData, #[case] answer: &str, #[case] readable: usize) {
    let config = Config {
        syn_ack_data: rule,
        ..Bench::plain_config()
    };
    let mut talk = opening(config);
    assert_eq!(talk.peer("S.", 0, 1, 100), [answer]);
    assert_eq!(talk.state(), StateName::Established);
    let status = talk.bench.host.status(talk.conn.id);
    assert_eq!(status.map(|status| status.recv_queued), Ok(readable));
}

#[rstest]
#[case::taken(SynWithFin::TakeSyn, 1)]
#[case::dropped(SynWithFin::Drop, 0)]
fn a_syn_with_fin(#[case] rule: SynWithFin, #[case] answers: usize) {
    let mut bench = Bench::new(Config {
        syn_with_fin: rule,
        ..Bench::plain_config()
    });
    bench.listen();
    let mut syn = bench.peer_syn(false);
    syn.flags.fin = true;
    assert_eq!(bench.inject(&syn).len(), answers);
}

#[rstest]
#[case::rfc(ResetError::ByOpen, ConnectionError::Reset)]
#[case::linux(ResetError::ByState, ConnectionError::ResetAfterClose)]
fn a_reset_after_the_peers_fin(#[case] rule: ResetError, #[case] error: ConnectionError) {
    let config = Config {
        reset_error: rule,
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::CloseWait);
    talk.peer("R.", 2, 1, 0);
    assert_eq!(talk.take_error(), Some(error));
}

#[rstest]
#[case::rfc(ResetError::ByOpen, ConnectionError::Refused)]
#[case::linux(ResetError::ByState, ConnectionError::Reset)]
fn a_reset_after_crossed_syns(#[case] rule: ResetError, #[case] error: ConnectionError) {
    let config = Config {
        reset_error: rule,
        ..Bench::plain_config()
    };
    let mut talk = opening(config);
    talk.peer("S", 0, 0, 0);
    assert_eq!(talk.state(), StateName::SynReceived);
    talk.peer("R.", 1, 1, 0);
    assert_eq!(talk.take_error(), Some(error));
}

#[rstest]
#[case::rfc(DataAfterClose::Reset, "R. 2:2(0) ack 1")]
#[case::linux(DataAfterClose::ResetAsUnknown, "R 2:2(0)")]
fn text_for_a_user_who_is_gone(#[case] rule: DataAfterClose, #[case] answer: &str) {
    let config = Config {
        data_after_close: rule,
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::Established);
    talk.close();
    talk.peer(".", 1, 2, 0);
    assert_eq!(talk.peer("P.", 1, 2, 100), [answer]);
    assert_eq!(talk.state(), StateName::Closed);
}

/// Our SYN had some timestamp at 0 ms; 10 ms later an echo of anything but the last ten is a lie.
#[rstest]
#[case::true_echo(0, false)]
#[case::too_new(11, true)]
#[case::too_old(u32::MAX, true)]
fn a_syn_ack_that_echoes_what_was_never_sent(#[case] offset: u32, #[case] refused: bool) {
    let config = Config {
        check_syn_ack_echo: true,
        timestamps: true,
        ..Bench::plain_config()
    };
    let mut talk = opening(config);
    let syn = talk.bench.sent().next_back().cloned();
    let ours = syn.and_then(|syn| syn.options.timestamps);
    let ours = ours.map_or(0, |timestamps| timestamps.value);
    talk.wait_ms(10);
    let mut answer = talk.segment("S.", 0, 1, 0);
    answer.options.timestamps = Some(Timestamps {
        value: 1,
        echo: ours.wrapping_add(offset),
    });
    let sent = talk.inject(&answer);
    assert_eq!(sent == ["R 1:1(0)"], refused, "{sent:?}");
}

/// Linux counts a segment as delivered once all of it is acknowledged: ACKs of parts open the window
/// by no more than the ACK of the whole.
#[rstest]
#[case::at_once(&[1460])]
#[case::in_quarters(&[365, 730, 1095, 1460])]
fn an_acknowledgment_of_a_part_delivers_no_segment(#[case] parts: &[i64]) {
    let mut config = Bench::plain_config();
    config.congestion.count_segments = true;
    let mut talk = Talk::reach(config, StateName::Established);
    talk.send(1460 * 12);
    for part in parts {
        talk.peer(".", 1, 1 + part, 0);
    }
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    assert_eq!(status.cwnd, 1460 * 11);
}
