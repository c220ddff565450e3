//! Accurate ECN (RFC 9768).

use std::time::Duration;

use rstest::rstest;
use tcpdrill_stack::config::{AccEcnConfig, AccEcnOptionUse, EcnUse, FastOpenConfig};
use tcpdrill_stack::ecn::{Codepoint, Feedback};
use tcpdrill_stack::event::Event;
use tcpdrill_stack::segment::Segment;
use tcpdrill_stack::socket::EcnStatus;
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::wire::accecn::{AccEcnOption, AccEcnOrder, ByteCounters};
use tcpdrill_stack::wire::fast_open::FastOpenOption;
use tcpdrill_stack::wire::options::Timestamps;
use tcpdrill_stack::{Config, ConnectionError, SocketOptions, StateName};

use crate::support::Talk;

const NOT_ECT: u8 = 0b00;
const ECT1: u8 = 0b01;
const ECT0: u8 = 0b10;
const CE: u8 = 0b11;

fn config() -> Config {
    Config {
        ecn: EcnUse::AccurateRequest,
        ..Bench::plain_config()
    }
}

/// The same without the option.
fn bare() -> Config {
    Config {
        accecn: AccEcnConfig {
            option: AccEcnOptionUse::Never,
            ..AccEcnConfig::default()
        },
        ..config()
    }
}

fn ace(mut segment: Segment, ace: u8) -> Segment {
    segment.flags = segment.flags.with_ace(ace);
    segment
}

fn arrived(mut segment: Segment, codepoint: u8) -> Segment {
    segment.traffic_class = codepoint;
    segment
}

fn counters(e0b: u32, ceb: u32, e1b: u32) -> Option<AccEcnOption> {
    let counters = ByteCounters { e0b, ceb, e1b };
    Some(AccEcnOption::new(AccEcnOrder::Ect0First, 3, counters))
}

/// The three flags and the codepoint of each.
fn fields(segments: &[Segment]) -> Vec<(u8, u8)> {
    let fields = |segment: &Segment| (segment.flags.ace(), segment.traffic_class & 3);
    segments.iter().map(fields).collect()
}

fn status(talk: &Talk) -> EcnStatus {
    talk.bench.host.status(talk.conn.id).expect("alive").ecn
}

fn cwnd(talk: &Talk) -> u32 {
    talk.bench.host.status(talk.conn.id).expect("alive").cwnd
}

/// A server whose peer acknowledges the SYN-ACK with these flags.
fn served(config: Config, third: u8) -> Talk {
    let mut bench = Bench::new(config);
    let listener = bench.listen();
    let syn = ace(bench.peer_syn(false), 0b111);
    let iss = bench.inject(&syn)[0].seq;
    bench.inject(&ace(bench.peer_segment(".", 1, iss + 1), third));
    let id = bench.host.accept(bench.now, listener).expect("accepted");
    bench.drain();
    let conn = tcpdrill_stack::testing::bench::Conn {
        id,
        iss,
        listener: Some(listener),
    };
    Talk::on(bench, conn)
}

/// A client whose peer answers with these flags, in a packet that arrives like this.
fn opened(config: Config, syn_ack: u8, codepoint: u8) -> (Talk, Vec<Segment>) {
    let mut bench = Bench::new(config);
    let conn = bench.connecting(SocketOptions::default());
    let answer = bench.peer_segment("S.", 0, conn.iss + 1);
    let mut answer = arrived(ace(answer, syn_ack), codepoint);
    answer.options.accecn = counters(1, 0, 1);
    let sent = bench.inject(&answer);
    (Talk::on(bench, conn), sent)
}

#[rstest]
#[case::not_ect(NOT_ECT, 0b010)]
#[case::ect1(ECT1, 0b011)]
#[case::ect0(ECT0, 0b100)]
#[case::marked(CE, 0b110)]
fn a_server_tells_how_the_syn_arrived(#[case] codepoint: u8, #[case] flags: u8) {
    let mut bench = Bench::new(config());
    bench.listen();
    let syn = arrived(ace(bench.peer_syn(false), 0b111), codepoint);
    assert_eq!(fields(&bench.inject(&syn)), [(flags, NOT_ECT)]);
}

#[rstest]
#[case::no_ecn(0b000, 0b000, None)]
#[case::classic(0b011, 0b001, Some(Feedback::Classic))]
#[case::of_the_future(0b100, 0b010, Some(Feedback::Accurate))]
fn a_server_falls_back_to_what_is_asked(
    #[case] syn: u8,
    #[case] syn_ack: u8,
    #[case] feedback: Option<Feedback>,
) {
    let mut bench = Bench::new(config());
    bench.listen();
    let sent = bench.inject(&ace(bench.peer_syn(false), syn));
    assert_eq!(fields(&sent), [(syn_ack, NOT_ECT)]);
    assert_eq!(sent[0].options.accecn.is_some(), syn != 0 && syn != 0b011);
    let talk = Talk::accepted_by(config(), |first| *first = ace(first.clone(), syn));
    assert_eq!(status(&talk).feedback, feedback);
}

#[rstest]
#[case::not_ect(NOT_ECT, 0b010, 0)]
#[case::ect1(ECT1, 0b011, 0)]
#[case::ect0(ECT0, 0b100, 0)]
#[case::marked(CE, 0b110, 1)]
fn a_client_tells_how_the_syn_ack_arrived(
    #[case] codepoint: u8,
    #[case] flags: u8,
    #[case] counted: u32,
) {
    let (mut talk, sent) = opened(config(), 0b010, codepoint);
    assert_eq!(fields(&sent), [(flags, NOT_ECT)]);
    assert_eq!(
        talk.full(&sent[0]),
        format!(
            "{} 1:1(0) ack 1 win 65535 <ECN e1b 1 ceb 0 e0b 1>",
            talk.line(&sent[0]).split(' ').next().unwrap_or_default()
        )
    );
    assert_eq!(status(&talk).received_marked, counted);
    // The counter follows, on data with ECT(0).
    talk.send(10);
    let data = talk.bench.sent().next_back().expect("data").clone();
    assert_eq!(fields(&[data]), [((5 + counted) as u8, ECT0)]);
}

#[rstest]
#[case::accurate(0b010, Some(Feedback::Accurate), true)]
#[case::reserved(0b101, Some(Feedback::Accurate), true)]
#[case::a_syn_that_was_rewritten(0b100, Some(Feedback::Accurate), false)]
#[case::classic(0b001, Some(Feedback::Classic), true)]
#[case::no_ecn(0b000, None, false)]
#[case::broken(0b111, None, false)]
fn a_client_takes_what_there_is(
    #[case] syn_ack: u8,
    #[case] feedback: Option<Feedback>,
    #[case] sends_ect: bool,
) {
    let (talk, _) = opened(config(), syn_ack, NOT_ECT);
    let status = status(&talk);
    assert_eq!((status.feedback, status.sends_ect), (feedback, sends_ect));
}

#[test]
fn a_pure_ack_goes_before_data_that_waits() {
    let mut bench = Bench::new(config());
    let conn = bench.connecting(SocketOptions::default());
    assert_eq!(
        bench
            .host
            .send(bench.now, conn.id, b"x", Default::default()),
        Ok(1)
    );
    bench.drain();
    let answer = ace(bench.peer_segment("S.", 0, conn.iss + 1), 0b010);
    let sent = bench.inject(&arrived(answer, ECT0));
    assert_eq!(fields(&sent), [(0b100, NOT_ECT), (0b101, ECT0)]);
    assert_eq!((sent[0].payload.len(), sent[1].payload.len()), (0, 1));
    // Both have the option; a later segment with nothing new to tell has not.
    assert!(sent.iter().all(|segment| segment.options.accecn.is_some()));
    assert_eq!(
        bench
            .host
            .send(bench.now, conn.id, b"y", Default::default()),
        Ok(1)
    );
    bench.inject(&ace(bench.peer_segment(".", 1, conn.iss + 2), 0b101));
    assert_eq!(
        bench.sent().next_back().map(|last| last.options.accecn),
        Some(None)
    );
}

#[test]
fn the_second_repeat_of_a_syn_asks_no_more() {
    let mut bench = Bench::new(config());
    bench.connecting(SocketOptions::default());
    let sent = bench.wait(Duration::from_secs(7));
    let asked: Vec<u8> = sent.iter().map(|(_, syn)| syn.flags.ace()).collect();
    assert_eq!(asked, [0b111, 0b000, 0b000]);
    let isn = bench.sent().next().map(|first| first.seq);
    assert!(sent.iter().all(|(_, syn)| Some(syn.seq) == isn));
}

#[test]
fn an_answer_to_the_first_syn_counts_after_the_fallback() {
    let mut bench = Bench::new(config());
    let conn = bench.connecting(SocketOptions::default());
    bench.wait(Duration::from_secs(4));
    bench.inject(&ace(bench.peer_segment("S.", 0, conn.iss + 1), 0b010));
    let talk = Talk::on(bench, conn);
    let status = status(&talk);
    assert_eq!(
        (status.feedback, status.sends_ect),
        (Some(Feedback::Accurate), true)
    );
}

#[test]
fn a_syn_ack_falls_back_step_by_step() {
    let mut bench = Bench::new(config());
    bench.listen();
    let mut sent = bench.inject(&ace(bench.peer_syn(false), 0b111));
    sent.extend(
        bench
            .wait(Duration::from_secs(4))
            .into_iter()
            .map(|(_, sent)| sent),
    );
    let steps: Vec<(u8, bool)> = sent
        .iter()
        .map(|sent| (sent.flags.ace(), sent.options.accecn.is_some()))
        .collect();
    assert_eq!(steps, [(0b010, true), (0b010, false), (0b000, false)]);
    // The mode stays, but nothing may be marked.
    let third = ace(bench.peer_segment(".", 1, sent[0].seq + 1), 0b010);
    bench.inject(&arrived(third, CE));
    let id = bench.events().find_map(|event| match event {
        Event::StateChanged {
            id,
            to: StateName::Established,
            ..
        } => Some(*id),
        _ => None,
    });
    let status = bench
        .host
        .status(id.expect("established"))
        .expect("alive")
        .ecn;
    assert_eq!(
        (status.feedback, status.sends_ect),
        (Some(Feedback::Accurate), false)
    );
    assert_eq!(status.received_marked, 1);
}

#[rstest]
#[case::no_ecn_after_accurate(0b111, 0b000, Some(Feedback::Accurate), false)]
#[case::accurate_again(0b111, 0b111, Some(Feedback::Accurate), true)]
#[case::accurate_after_no_ecn(0b000, 0b111, None, false)]
#[case::classic_again(0b011, 0b011, Some(Feedback::Classic), true)]
fn another_syn_does_not_change_the_mode(
    #[case] first: u8,
    #[case] second: u8,
    #[case] feedback: Option<Feedback>,
    #[case] sends_ect: bool,
) {
    let mut bench = Bench::new(config());
    let listener = bench.listen();
    let syn_ack = bench.inject(&ace(bench.peer_syn(false), first))[0].clone();
    bench.inject(&ace(bench.peer_syn(false), second));
    let iss = syn_ack.seq;
    bench.inject(&ace(bench.peer_segment(".", 1, iss + 1), 0b010));
    let id = bench.host.accept(bench.now, listener).expect("accepted");
    let status = bench.host.status(id).expect("alive").ecn;
    assert_eq!((status.feedback, status.sends_ect), (feedback, sends_ect));
}

#[rstest]
#[case::classic_after_accurate(0b111, 0b011)]
#[case::accurate_after_classic(0b011, 0b111)]
fn two_ways_of_asking_in_one_handshake_end_it(#[case] first: u8, #[case] second: u8) {
    let mut bench = Bench::new(config());
    bench.listen();
    bench.inject(&ace(bench.peer_syn(false), first));
    let sent = bench.inject(&ace(bench.peer_syn(false), second));
    assert!(sent.len() == 1 && sent[0].flags.rst, "{sent:?}");
}

/// The same after a SYN whose data was taken, or that crossed ours: a user has the connection, and is told.
#[rstest]
#[case::early(true)]
#[case::crossed(false)]
fn two_ways_of_asking_end_what_a_user_has(#[case] early: bool) {
    let mut config = config();
    config.fast_open.server = true;
    config.fast_open.accept_without_cookie = true;
    let mut bench = Bench::new(config);
    let mut syn = ace(bench.peer_syn(false), 0b111);
    let id = if early {
        let listener = bench.listen_with(
            8,
            SocketOptions {
                fast_open_queue: 1,
                ..SocketOptions::default()
            },
        );
        syn.payload = b"hello".to_vec();
        bench.inject(&syn);
        bench.host.accept(bench.now, listener).expect("handed out")
    } else {
        let conn = bench.connecting(SocketOptions::default());
        bench.inject(&syn);
        conn.id
    };
    assert_eq!(bench.state(id), StateName::SynReceived);
    let sent = bench.inject(&ace(syn, 0b011));
    assert!(sent.len() == 1 && sent[0].flags.rst, "{sent:?}");
    assert_eq!(bench.state(id), StateName::Closed);
    let told = bench.host.take_error(id);
    assert_eq!(told, Some(ConnectionError::Aborted));
}

#[test]
fn the_latest_syn_is_the_one_that_is_told_of() {
    let mut config = config();
    config.duplicate_syn_in_syn_received = tcpdrill_stack::config::DuplicateSyn::RetransmitSynAck;
    let mut bench = Bench::new(config);
    bench.listen();
    bench.inject(&ace(bench.peer_syn(false), 0b111));
    let again = arrived(ace(bench.peer_syn(false), 0b111), CE);
    let sent = bench.inject(&again);
    assert_eq!(fields(&sent), [(0b110, NOT_ECT)]);
    assert_eq!(sent[0].options.accecn, None);
}

/// RFC 9768 table 4.
#[rstest]
#[case(0b000, 0, false)]
#[case(0b001, 0, true)]
#[case(0b010, 0, true)]
#[case(0b011, 0, false)]
#[case(0b100, 0, false)]
#[case(0b101, 0, true)]
#[case(0b110, 1, false)]
#[case(0b111, 0, true)]
fn a_server_reads_the_third_segment(
    #[case] third: u8,
    #[case] marked: u32,
    #[case] sends_ect: bool,
) {
    let mut talk = served(config(), third);
    let status = status(&talk);
    assert_eq!(
        (status.delivered_marked, status.sends_ect),
        (marked, sends_ect)
    );
    let window = if third == 0b110 { 7300 } else { 14_600 };
    assert_eq!(cwnd(&talk), window);
    // Only after a zero are marks no matter.
    talk.send(1460);
    let next = (5 + marked as u8 + 1) & 7;
    let ack = ace(talk.segment(".", 1, 1461, 0), next);
    talk.inject(&ack);
    let answered = cwnd(&talk) < window;
    assert_eq!(answered, third != 0);
}

#[test]
fn a_third_segment_with_data_counts_already() {
    let mut bench = Bench::new(bare());
    let listener = bench.listen();
    let iss = bench.inject(&ace(bench.peer_syn(false), 0b111))[0].seq;
    let mut third = ace(bench.peer_segment("P.", 1, iss + 1), 0b110);
    third.payload = vec![1; 10];
    bench.inject(&arrived(third, ECT0));
    let id = bench.host.accept(bench.now, listener).expect("accepted");
    let status = bench.host.status(id).expect("alive").ecn;
    assert_eq!((status.delivered_marked, status.sends_ect), (1, true));
    assert_eq!(status.received_bytes.e0b, 11);
}

#[test]
fn a_repeated_syn_ack_gets_the_same_encoding() {
    let (mut talk, _) = opened(config(), 0b010, NOT_ECT);
    for codepoint in [CE, ECT0, CE] {
        let again = arrived(ace(talk.segment("S.", 0, 1, 0), 0b010), codepoint);
        let sent = talk.bench.inject(&again);
        let expected = if codepoint == CE { 0b110 } else { 0b100 };
        assert_eq!(fields(&sent), [(expected, NOT_ECT)]);
    }
    // It counts once.
    assert_eq!(status(&talk).received_marked, 1);
}

#[test]
fn every_marked_packet_is_counted_and_every_ack_says_so() {
    let mut talk = served(config(), 0b010);
    let mut seen = Vec::new();
    for n in 0..4 {
        let text = arrived(ace(talk.segment("P.", 1 + n * 1000, 1, 1000), 5), CE);
        seen.extend(fields(&talk.bench.inject(&text)));
    }
    // The first follows a packet that was not marked, then every second.
    assert_eq!(seen, [(6, 0), (0, 0)]);
    // A mark on a pure ACK counts as well, and text does not.
    let bare = arrived(ace(talk.segment(".", 4001, 1, 0), 5), CE);
    talk.inject(&bare);
    let got = status(&talk);
    assert_eq!((got.received_marked, got.received_bytes.ceb), (5, 4000));
    // So does one on text that came before; one outside the window does not.
    let again = arrived(ace(talk.segment("P.", 3001, 1, 1010), 5), CE);
    talk.inject(&again);
    let outside = arrived(ace(talk.segment("P.", 200_000, 1, 10), 5), CE);
    talk.inject(&outside);
    let got = status(&talk);
    assert_eq!((got.received_marked, got.received_bytes.ceb), (6, 5010));
}

#[test]
fn acks_of_acks_leave_after_three_marks() {
    let mut talk = served(bare(), 0b010);
    let marked = |talk: &Talk| arrived(ace(talk.segment(".", 1, 1, 0), 5), CE);
    let answers: Vec<usize> = (0..6)
        .map(|_| {
            let ack = marked(&talk);
            talk.inject(&ack).len()
        })
        .collect();
    assert_eq!(answers, [0, 0, 1, 0, 0, 1]);
}

#[test]
fn the_option_has_what_moved() {
    let mut talk = served(config(), 0b010);
    let mut shown = Vec::new();
    for (n, codepoint) in [ECT0, ECT0, CE, ECT1].into_iter().enumerate() {
        for half in 0..2 {
            let seq = 1 + (2 * n as i64 + half) * 1000;
            let text = arrived(ace(talk.segment("P.", seq, 1, 1000), 5), codepoint);
            let sent = talk.bench.inject(&text);
            shown.extend(sent.iter().map(|ack| talk.full(ack)));
        }
    }
    let options: Vec<&str> = shown
        .iter()
        .map(|line| line.split_once('<').map_or("", |(_, options)| options))
        .collect();
    assert_eq!(
        options,
        [
            "ECN e0b 2001>",
            "ECN e0b 4001>",
            "ECN e0b 4001 ceb 1000>",
            "ECN e0b 4001 ceb 2000 e1b 1001>",
        ]
    );
}

#[test]
fn selective_acknowledgments_come_first() {
    let config = Config {
        sack: true,
        timestamps: true,
        ..config()
    };
    let mut bench = Bench::new(config);
    let mut syn = ace(bench.peer_syn(true), 0b111);
    let stamp = tcpdrill_stack::wire::options::Timestamps { value: 9, echo: 0 };
    syn.options.timestamps = Some(stamp);
    let conn = bench.accepted_by(&syn, SocketOptions::default());
    let mut talk = Talk::on(bench, conn);
    // Islands in three markings. Beside two blocks there is room for two counters, and for the one that
    // moved when three would be needed.
    let mut lengths = Vec::new();
    for (n, codepoint) in [ECT0, CE, ECT0, ECT1].into_iter().enumerate() {
        let mut text = arrived(
            ace(talk.segment("P.", 2001 + n as i64 * 2000, 1, 1000), 5),
            codepoint,
        );
        text.options.timestamps = Some(stamp);
        let sent = talk.bench.inject(&text);
        let options = sent[0].options;
        lengths.push((
            options.sack.len(),
            options.accecn.map(|option| option.fields()),
        ));
    }
    assert_eq!(
        lengths,
        [(1, Some(1)), (2, Some(2)), (2, Some(2)), (2, Some(1))]
    );
}

/// RFC 9768 §3.2.3.3: what is for congestion control comes before other options. With SACK permitted,
/// timestamps, scale and a cookie of 8 bytes there is room for two counters.
#[test]
fn a_user_timeout_waits_for_room() {
    let config = Config {
        sack: true,
        timestamps: true,
        window_scale: Some(2),
        fast_open: FastOpenConfig {
            server: true,
            ..FastOpenConfig::default()
        },
        ..config()
    };
    let mut bench = Bench::new(config);
    let options = SocketOptions {
        user_timeout_option: true,
        fast_open_queue: 1,
        ..SocketOptions::default()
    };
    let listener = bench.listen_with(8, options);
    let mut syn = ace(bench.peer_syn(true), 0b111);
    syn.options.timestamps = Some(Timestamps { value: 9, echo: 0 });
    syn.options.fast_open = Some(FastOpenOption {
        cookie: None,
        experimental: false,
    });
    let answer = bench.inject(&syn)[0].clone();
    let told = |segment: &Segment| {
        let accecn = segment.options.accecn.map(|option| option.fields());
        (accecn, segment.options.user_timeout.is_some())
    };
    assert!(answer.options.fast_open.is_some());
    assert_eq!(told(&answer), (Some(2), false));
    let echo = answer.options.timestamps.expect("agreed").value;
    let with_stamp = |mut segment: Segment| {
        segment.options.timestamps = Some(Timestamps { value: 9, echo });
        segment
    };
    let third = bench.peer_segment(".", 1, answer.seq + 1);
    bench.inject(&with_stamp(ace(third, 0b010)));
    let id = bench.host.accept(bench.now, listener).expect("accepted");
    let conn = tcpdrill_stack::testing::bench::Conn {
        id,
        iss: answer.seq,
        listener: Some(listener),
    };
    let mut talk = Talk::on(bench, conn);
    let arrive = |talk: &mut Talk, seq, codepoint| {
        let text = arrived(ace(talk.segment("P.", seq, 1, 1000), 5), codepoint);
        let sent = talk.bench.inject(&with_stamp(text));
        let (accecn, timeout) = told(&sent[0]);
        (sent[0].options.sack.len(), accecn, timeout)
    };
    assert_eq!(arrive(&mut talk, 2001, ECT0), (1, Some(1), true));
    let change = SocketOptions {
        user_timeout_option: true,
        user_timeout: Some(Duration::from_secs(200)),
        ..SocketOptions::default()
    };
    let set = talk.bench.host.set_options(talk.conn.id, change);
    assert_eq!(set, Ok(()));
    // Two islands and two counters fill the header.
    assert_eq!(arrive(&mut talk, 4001, CE), (2, Some(2), false));
    assert_eq!(arrive(&mut talk, 1, ECT0), (2, Some(2), false));
    assert_eq!(arrive(&mut talk, 1001, ECT0), (1, Some(2), true));
    assert_eq!(arrive(&mut talk, 3001, ECT0), (0, Some(2), false));
}

#[test]
fn marks_halve_the_window_once_a_round_trip_and_nothing_is_said_of_it() {
    let mut talk = served(bare(), 0b010);
    assert_eq!(talk.send(1460 * 10).len(), 10);
    let tell = |talk: &mut Talk, ack: i64, count: u8| {
        let segment = ace(talk.segment(".", 1, ack, 0), count);
        talk.bench.inject(&segment)
    };
    tell(&mut talk, 1461, 6);
    assert_eq!(cwnd(&talk), 1460 * 10 / 2);
    tell(&mut talk, 2921, 0);
    assert_eq!(cwnd(&talk), 1460 * 10 / 2);
    assert_eq!(status(&talk).delivered_marked, 3);
    // One that was overtaken says nothing.
    tell(&mut talk, 1461, 6);
    assert_eq!(status(&talk).delivered_marked, 3);
    tell(&mut talk, 1460 * 10 + 1, 0);
    talk.send(1460 * 2);
    let last: Vec<Segment> = talk.bench.sent().rev().take(2).cloned().collect();
    assert_eq!(fields(&last), [(5, ECT0), (5, ECT0)]);
    // The next round trip is another matter.
    tell(&mut talk, 1460 * 11 + 1, 1);
    assert!(cwnd(&talk) < 1460 * 10 / 2);
}

#[test]
fn only_new_data_may_be_marked() {
    let mut talk = served(bare(), 0b010);
    talk.send(100);
    let again = talk.bench.wait(Duration::from_secs(2));
    assert!(
        again
            .iter()
            .all(|(_, segment)| segment.traffic_class & 3 == NOT_ECT)
    );
    assert!(!again.is_empty());
}

#[test]
fn a_reset_carries_the_count() {
    let mut talk = served(config(), 0b010);
    let text = arrived(ace(talk.segment("P.", 1, 1, 10), 5), CE);
    talk.inject(&text);
    assert_eq!(talk.bench.host.abort(talk.bench.now, talk.conn.id), Ok(()));
    let reset = talk.bench.drain();
    assert!(reset[0].flags.rst);
    assert_eq!(fields(&reset), [(6, NOT_ECT)]);
}

#[test]
fn an_option_in_the_way_is_given_up() {
    let (mut talk, _) = opened(config(), 0b010, NOT_ECT);
    talk.send(100);
    let first = talk.bench.sent().next_back().expect("sent").clone();
    assert!(first.options.accecn.is_some());
    let again = talk.bench.wait(Duration::from_secs(1));
    assert_eq!(again[0].1.options.accecn, None);
    let text = arrived(ace(talk.segment("P.", 1, 101, 3000), 5), ECT0);
    let answer = talk.bench.inject(&text);
    assert_eq!(answer[0].options.accecn, None);
}

/// Data is under way before the handshake ends: the pure ACK that ends it acknowledges the data too,
/// but its flags are no count.
#[test]
fn the_end_of_an_early_handshake_is_no_count() {
    let mut bench = Bench::new(config());
    let options = SocketOptions {
        fast_open_queue: 8,
        fast_open_without_cookie: true,
        ..SocketOptions::default()
    };
    let listener = bench.listen_with(8, options);
    let mut syn = ace(bench.peer_syn(false), 0b111);
    syn.payload = vec![1; 10];
    let iss = bench.inject(&syn)[0].seq;
    let id = bench.host.accept(bench.now, listener).expect("accepted");
    let sent = bench
        .host
        .send(bench.now, id, &[2; 100], Default::default());
    assert_eq!(sent, Ok(100));
    assert_eq!(fields(&bench.drain()), [(5, ECT0)]);
    bench.inject(&ace(bench.peer_segment(".", 11, iss + 101), 0b010));
    let status = bench.host.status(id).expect("alive");
    assert_eq!(
        (status.state, status.send_queued),
        (StateName::Established, 0)
    );
    assert_eq!(
        (status.ecn.delivered_marked, status.ecn.sends_ect),
        (0, true)
    );
    // What follows is one.
    let sent = bench
        .host
        .send(bench.now, id, &[2; 100], Default::default());
    assert_eq!(sent, Ok(100));
    bench.drain();
    bench.inject(&ace(bench.peer_segment(".", 11, iss + 201), 6));
    assert_eq!(
        bench.host.status(id).expect("alive").ecn.delivered_marked,
        1
    );
}

#[rstest]
#[case::first(false, true)]
#[case::answers(true, false)]
fn options_may_wait_for_theirs(#[case] option_answers: bool, #[case] has_option: bool) {
    let accecn = AccEcnConfig {
        option_answers,
        ..AccEcnConfig::default()
    };
    let mut talk = served(Config { accecn, ..config() }, 0b010);
    let text = arrived(ace(talk.segment("P.", 1, 1, 3000), 5), ECT0);
    let answer = talk.bench.inject(&text);
    assert_eq!(answer[0].options.accecn.is_some(), has_option);
    let mut text = arrived(ace(talk.segment("P.", 3001, 1, 3000), 5), ECT0);
    text.options.accecn = counters(1, 0, 1);
    let answer = talk.bench.inject(&text);
    assert!(answer[0].options.accecn.is_some());
}

#[test]
fn a_cookie_remembers_by_what_its_ack_says() {
    let config = Config {
        syn_cookies: tcpdrill_stack::config::SynCookies::Always,
        ..config()
    };
    for (syn, syn_ack, third, feedback) in [
        (0b111, 0b010, 0b010, Some(Feedback::Accurate)),
        (0b000, 0b000, 0b000, None),
        (0b011, 0b000, 0b001, None),
    ] {
        let mut bench = Bench::new(config.clone());
        let listener = bench.listen();
        let sent = bench.inject(&ace(bench.peer_syn(false), syn));
        assert_eq!(fields(&sent), [(syn_ack, NOT_ECT)]);
        bench.inject(&ace(bench.peer_segment(".", 1, sent[0].seq + 1), third));
        let id = bench.host.accept(bench.now, listener).expect("accepted");
        assert_eq!(bench.host.status(id).expect("alive").ecn.feedback, feedback);
    }
}

#[test]
fn codepoints_have_the_bits_of_rfc_3168() {
    for (codepoint, bits) in [
        (Codepoint::NotEct, NOT_ECT),
        (Codepoint::Ect1, ECT1),
        (Codepoint::Ect0, ECT0),
        (Codepoint::Ce, CE),
    ] {
        assert_eq!(codepoint.bits(), bits);
    }
}
