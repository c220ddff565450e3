use super::*;
use alloc::vec::Vec;
use rstest::rstest;

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

const A: SocketId = SocketId::new(1, 0);
const B: SocketId = SocketId::new(2, 1);
const C: SocketId = SocketId::new(3, 2);

#[test]
fn a_connection_is_found_by_all_four_parts_and_by_its_port() {
    let mut demux = Demux::new([1; 16]);
    let tuple = (addr("192.0.2.1:80"), addr("203.0.113.1:1000"));
    let other = (addr("192.0.2.1:80"), addr("203.0.113.1:1001"));
    let at = |place| Some(if place == 0 { (A, tuple) } else { (B, other) });
    demux.add_connection(tuple, A, at);
    demux.add_connection(other, B, at);
    // Twice, as the first answer is remembered.
    for _ in 0..2 {
        assert_eq!(demux.arriving_for(tuple, at), Some(A));
    }
    assert_eq!(demux.arriving_for(other, at), Some(B));
    assert_eq!(demux.connection(tuple, at), Some(A));
    assert_eq!(demux.connection((tuple.1, tuple.0), at), None);
    assert_eq!(
        demux.connections_on(80).collect::<Vec<_>>(),
        [A.place(), B.place()]
    );
    demux.remove_connection(tuple, A);
    assert_eq!(demux.arriving_for(tuple, at), None);
    assert_eq!(demux.arriving_for(other, at), Some(B));
    demux.remove_connection(other, B);
    assert_eq!(demux.arriving_for(other, at), None);
    assert_eq!(demux.connections_on(80).collect::<Vec<_>>(), []);
    assert_eq!(demux.connection_count(), 0);
}

#[test]
fn a_place_taken_over_is_not_removed_by_its_old_owner() {
    let mut demux = Demux::new([1; 16]);
    let tuple = (addr("192.0.2.1:80"), addr("203.0.113.1:1000"));
    let at = |place| Some((if place == 0 { A } else { B }, tuple));
    demux.add_connection(tuple, A, at);
    demux.add_connection(tuple, B, at);
    assert_eq!(demux.connection_count(), 1);
    demux.remove_connection(tuple, A);
    assert_eq!(demux.arriving_for(tuple, at), Some(B));
    assert_eq!(demux.connection(tuple, at), Some(B));
}

#[test]
fn many_are_found_while_the_table_grows() {
    let mut demux = Demux::new([1; 16]);
    let local = addr("[2001:db8::1]:80");
    let at = |place: u32| {
        let remote = SocketAddr::new(local.ip(), place as u16);
        Some((SocketId::new(u64::from(place), place), (local, remote)))
    };
    let all = || (1..1000).map(|place| at(place).unwrap());
    for (id, tuple) in all() {
        demux.add_connection(tuple, id, at);
    }
    for (id, tuple) in all() {
        assert_eq!(demux.connection(tuple, at), Some(id));
    }
}

#[test]
fn the_most_exact_listener_wins() {
    let mut demux = Demux::new([1; 16]);
    demux.add_listener((None, 80), A);
    demux.add_listener((Some(ip("0.0.0.0")), 80), B);
    demux.add_listener((Some(ip("192.0.2.1")), 80), C);
    assert_eq!(demux.listener(addr("192.0.2.1:80")), Some(C));
    assert_eq!(demux.listener(addr("192.0.2.2:80")), Some(B));
    assert_eq!(demux.listener(addr("[2001:db8::1]:80")), Some(A));
    assert_eq!(demux.listener(addr("192.0.2.1:81")), None);
    demux.remove_listener(80, C);
    assert_eq!(demux.listener(addr("192.0.2.1:80")), Some(B));
}

#[rstest]
#[case::same(Some("192.0.2.1"), Some("192.0.2.1"), true)]
#[case::different(Some("192.0.2.1"), Some("192.0.2.2"), false)]
#[case::any_of_the_family(Some("192.0.2.1"), Some("0.0.0.0"), true)]
#[case::any_of_the_other_family(Some("192.0.2.1"), Some("::"), false)]
#[case::all(Some("192.0.2.1"), None, true)]
fn overlaps(#[case] a: Option<&str>, #[case] b: Option<&str>, #[case] expected: bool) {
    let (a, b) = (a.map(ip), b.map(ip));
    assert_eq!((overlap(a, b), overlap(b, a)), (expected, expected));
}
