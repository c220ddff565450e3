//! What a SYN cookie and the timestamp beside it keep of a SYN (RFC 4987 §3.6).

use std::time::Duration;

use rstest::rstest;
use tcpdrill_stack::config::{EcnUse, SynCookies};
use tcpdrill_stack::segment::Segment;
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::window::{Mss, WindowScale};
use tcpdrill_stack::wire::options::Timestamps;
use tcpdrill_stack::{Config, SocketId, Status};

/// Cookies for everybody; with everything that can be agreed on.
fn config() -> Config {
    Config {
        syn_cookies: SynCookies::Always,
        ecn: EcnUse::Accept,
        ..Config::default()
    }
}

const THEIR_TSVAL: u32 = 77;

fn full_syn(bench: &Bench, shift: Option<u8>, sack: bool, ecn: bool) -> Segment {
    let mut syn = bench.peer_syn(false);
    syn.options.timestamps = Some(Timestamps {
        value: THEIR_TSVAL,
        echo: 0,
    });
    syn.options.window_scale = shift.map(WindowScale::new);
    syn.options.sack_permitted = sack;
    syn.flags.ece = ecn;
    syn.flags.cwr = ecn;
    syn
}

/// A SYN that gets a cookie.
fn ask(bench: &mut Bench, syn: &Segment) -> Segment {
    let sent = bench.inject(syn);
    assert_eq!(sent.len(), 1, "{sent:?}");
    sent[0].clone()
}

/// The third segment, with what the SYN-ACK's timestamp was turned into.
fn third(bench: &Bench, syn_ack: &Segment, edit: impl FnOnce(u32) -> u32) -> Segment {
    let mut third = bench.peer_segment(".", 1, syn_ack.seq + 1);
    third.options.timestamps = syn_ack.options.timestamps.map(|timestamps| Timestamps {
        value: THEIR_TSVAL + 1,
        echo: edit(timestamps.value),
    });
    third
}

fn accepted(bench: &mut Bench, listener: SocketId) -> Status {
    let id = bench.host.accept(bench.now, listener).expect("accepted");
    bench.host.status(id).expect("alive")
}

#[rstest]
#[case::all(Some(9), true, true)]
#[case::no_shift(Some(0), false, false)]
#[case::largest_shift(Some(14), true, false)]
#[case::no_scaling(None, true, false)]
#[case::ecn_alone(None, false, true)]
fn what_the_syn_offered_is_agreed_on(
    #[case] shift: Option<u8>,
    #[case] sack: bool,
    #[case] ecn: bool,
) {
    let mut bench = Bench::new(config());
    let listener = bench.listen();
    bench.wait(Duration::from_millis(12_345));
    let syn = full_syn(&bench, shift, sack, ecn);
    let syn_ack = ask(&mut bench, &syn);
    let options = syn_ack.options;
    assert_eq!(options.window_scale.is_some(), shift.is_some());
    assert_eq!((options.sack_permitted, syn_ack.flags.ece), (sack, ecn));
    assert_eq!(options.timestamps.expect("timestamps").echo, THEIR_TSVAL);
    // A cookie is good for two periods.
    bench.wait(Duration::from_secs(60));
    let mut ack = third(&bench, &syn_ack, |value| value);
    ack.payload = b"hello".to_vec();
    bench.peer_window = 100;
    bench.inject(&ack);
    let status = accepted(&mut bench, listener);
    assert_eq!(status.snd_wscale, shift);
    assert_eq!(status.rcv_wscale, shift.map(|_| 7));
    assert_eq!((status.sack, status.timestamps), (sack, true));
    assert_eq!(status.recv_queued, 5);
    assert_eq!(status.snd_wnd, 65_535 << shift.unwrap_or(0));
}

#[test]
fn ecn_is_used_as_agreed() {
    let mut bench = Bench::new(config());
    let listener = bench.listen();
    let syn = full_syn(&bench, None, false, true);
    let syn_ack = ask(&mut bench, &syn);
    bench.inject(&third(&bench, &syn_ack, |value| value));
    let id = bench.host.accept(bench.now, listener).expect("accepted");
    let sent = bench.host.send(bench.now, id, b"x", Default::default());
    assert_eq!(sent, Ok(1));
    assert_eq!(bench.drain()[0].traffic_class & 3, 2, "ECT(0)");
}

#[test]
fn later_timestamps_do_not_run_backwards() {
    let mut bench = Bench::new(config());
    let listener = bench.listen();
    let syn = full_syn(&bench, Some(14), true, true);
    let syn_ack = ask(&mut bench, &syn);
    bench.inject(&third(&bench, &syn_ack, |value| value));
    let id = bench.host.accept(bench.now, listener).expect("accepted");
    let sent = bench.host.send(bench.now, id, b"x", Default::default());
    assert_eq!(sent, Ok(1));
    let value = |segment: &Segment| segment.options.timestamps.expect("timestamps").value;
    let data = bench.drain()[0].clone();
    assert!((value(&data).wrapping_sub(value(&syn_ack)) as i32) >= 0);
}

/// What an echo claims that cannot be of a cookie's time says nothing; the cookie itself still does.
#[rstest]
#[case::ahead(|value: u32| value.wrapping_add(10_000))]
#[case::too_old(|value: u32| value.wrapping_sub(200_000))]
#[case::zero(|_| 0)]
fn an_echo_of_another_time_is_not_believed(#[case] edit: fn(u32) -> u32) {
    let mut bench = Bench::new(config());
    let listener = bench.listen();
    let syn = full_syn(&bench, Some(9), true, false);
    let syn_ack = ask(&mut bench, &syn);
    bench.inject(&third(&bench, &syn_ack, edit));
    let status = accepted(&mut bench, listener);
    assert_eq!((status.snd_wscale, status.sack), (None, false));
    assert!(!status.timestamps);
    assert_eq!(status.snd_mss, 1460);
}

#[rstest]
#[case::peer_without(config(), false)]
#[case::switched_off(Config { syn_cookie_options: false, ..config() }, true)]
#[case::host_without(Config { timestamps: false, ..config() }, true)]
fn without_timestamps_only_the_mss_is_kept(#[case] config: Config, #[case] theirs: bool) {
    let mut bench = Bench::new(config);
    let listener = bench.listen();
    let mut syn = full_syn(&bench, Some(9), true, true);
    syn.options.mss = Some(Mss::new(1400));
    if !theirs {
        syn.options.timestamps = None;
    }
    let syn_ack = ask(&mut bench, &syn);
    let options = syn_ack.options;
    assert!(options.timestamps.is_none() && options.window_scale.is_none());
    assert!(!options.sack_permitted && !syn_ack.flags.ece);
    bench.inject(&third(&bench, &syn_ack, |value| value));
    let status = accepted(&mut bench, listener);
    assert_eq!((status.snd_wscale, status.sack), (None, false));
    assert!(!status.timestamps);
    assert_eq!(status.snd_mss, 1300, "the next smaller one of the table");
}

#[test]
fn what_this_host_does_not_offer_is_not_taken_from_an_echo() {
    // Every value of the six bits, whatever the connection's offset made of them.
    for earlier in 0..64 {
        let mut bench = Bench::new(Config {
            window_scale: None,
            sack: false,
            ..config()
        });
        let listener = bench.listen();
        let syn = full_syn(&bench, Some(9), true, false);
        let syn_ack = ask(&mut bench, &syn);
        bench.inject(&third(&bench, &syn_ack, |value| {
            value.wrapping_sub(earlier)
        }));
        let status = accepted(&mut bench, listener);
        assert_eq!((status.snd_wscale, status.sack), (None, false));
        assert!(status.timestamps);
    }
}
