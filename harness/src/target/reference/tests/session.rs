//! Virtual time and repeatability.

use std::time::Duration;

use super::bench::*;
use crate::call::Call;
use crate::program::{Capability, IpVersion};
use crate::target::reference::ReferenceTarget;
use crate::target::{Session, Target, TargetError};
use crate::time::Time;

/// A connection with loss, data both ways and a close; every packet with its time.
fn run(seed: u64) -> Vec<(Time, Vec<u8>)> {
    let mut bench = Bench::with(IpVersion::Ipv4, seed);
    let fd = bench.nonblocking_socket();
    let address = bench.remote();
    bench.fails(Call::Connect { fd, address }, EINPROGRESS);
    bench.expect_syn(SYN);
    bench.next(Duration::from_secs(5)).expect("the SYN again");
    bench.send(SYN_ACK, 0, 1, &[]);
    bench.expect(ACK, 1, 1, 0);
    bench.write(fd, 3000);
    bench.send(PSH_ACK, 1, 1, &bytes(500));
    bench.sleep(Duration::from_secs(3));
    bench.ok(Call::Close { fd });
    while bench.next(Duration::from_secs(30)).is_some() {}
    bench.log
}

#[test]
fn the_same_seed_gives_the_same_bytes_at_the_same_times() {
    let first = run(7);
    assert!(first.len() > 6, "{}", first.len());
    assert_eq!(first, run(7));
    assert_ne!(first, run(8));
}

#[test]
fn a_minute_of_silence_is_a_step() {
    let mut bench = Bench::new();
    bench.listener();
    bench.send_syn(1000);
    bench.expect_syn(SYN_ACK);
    let mut times = Vec::new();
    while let Some((at, segment)) = bench.next(Duration::from_secs(100)) {
        assert_eq!(segment.flags, SYN_ACK);
        times.push(at / 1_000_000);
    }
    assert_eq!(times, [1, 3, 7, 15, 31]);
    // `None` only once the clock stands at the deadline.
    assert_eq!(bench.now(), 131_000_000);
}

#[test]
fn the_clock_starts_at_zero_and_never_goes_back() {
    let mut bench = Bench::new();
    bench.sleep(Duration::from_secs(1));
    bench.session.start();
    assert_eq!(bench.now(), 0);
    bench.session.sleep_until(Time::from_micros(-5)).unwrap();
    assert_eq!(bench.now(), 0);
    assert_eq!(bench.session.next_packet(Time::ZERO).unwrap(), None);
    assert_eq!(bench.now(), 0);
}

#[test]
fn packets_sent_while_a_call_sleeps_keep_their_times() {
    let mut bench = Bench::new();
    bench.listener();
    bench.send_syn(1000);
    bench.expect_syn(SYN_ACK);
    bench.sleep(Duration::from_secs(4));
    let times: Vec<i64> = [bench.next(Duration::ZERO), bench.next(Duration::ZERO)]
        .into_iter()
        .map(|packet| packet.expect("a SYN-ACK again").0)
        .collect();
    assert_eq!(times, [1_000_000, 3_000_000]);
}

#[test]
fn only_one_call_can_be_in_flight() {
    let mut bench = Bench::new();
    let fd = bench.listener();
    let call = Call::Accept { fd, flags: None };
    bench.session.start_call(&call).unwrap();
    assert!(matches!(
        bench.session.start_call(&call),
        Err(TargetError::Machine(_))
    ));
    let mut idle = Bench::new();
    assert!(matches!(
        idle.session.finish_call(Time::ZERO),
        Err(TargetError::Machine(_))
    ));
}

#[test]
fn a_call_can_release_the_one_in_flight() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench
        .session
        .start_call(&Call::Read { fd, len: 1 })
        .unwrap();
    bench.ok(Call::Shutdown { fd, how: 0 });
    let (_, outcome) = bench.finish(Duration::ZERO);
    assert_eq!((outcome.result, outcome.errno), (0, None));
}

#[test]
fn settings_that_make_no_host_are_refused() {
    let target = ReferenceTarget::default();
    let mut small = settings(IpVersion::Ipv4, 1);
    small.mtu = 500;
    assert!(matches!(target.open(&small), Err(TargetError::Machine(_))));
    let mut mixed = settings(IpVersion::Ipv4, 1);
    mixed.local_ip = "2001:db8::7".parse().unwrap();
    assert!(matches!(target.open(&mixed), Err(TargetError::Machine(_))));
}

#[test]
fn the_target_says_what_it_is_and_lacks() {
    let target = ReferenceTarget::default();
    assert_eq!(target.name(), "reference");
    assert_eq!(target.defines(), ["reference", "rfc9293"]);
    assert!(target.is_virtual());
    let lacks = |name: &str| target.lacks(&Capability(name.to_owned()));
    assert_eq!(lacks("call:connect"), None);
    insta::assert_snapshot!(
        lacks("call:eventfd").unwrap(),
        @"the reference target has TCP sockets, epoll instances, pipes and files only"
    );
}
