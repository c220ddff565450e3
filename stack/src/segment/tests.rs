use super::*;
use crate::window::{Mss, WindowScale};
use crate::wire::fast_open::{Cookie, FastOpenOption};
use crate::wire::options::{SackBlocks, Timestamps};
use crate::wire::user_timeout::UserTimeout;
use alloc::vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use proptest::prelude::*;
use rstest::rstest;

fn v4() -> Segment {
    Segment::new(
        "192.0.2.1:1000".parse().unwrap(),
        "192.0.2.2:80".parse().unwrap(),
    )
}

#[rstest]
#[case::bare(Flags::NONE, 0, 0)]
#[case::syn(Flags::SYN, 0, 1)]
#[case::fin(Flags::FIN, 0, 1)]
#[case::rst(Flags::RST, 0, 0)]
#[case::data(Flags::PSH, 7, 7)]
#[case::data_and_fin(Flags::FIN, 7, 8)]
#[case::syn_data_fin(Flags { syn: true, fin: true, ..Flags::NONE }, 7, 9)]
fn syn_and_fin_count_one_each(#[case] flags: Flags, #[case] text: usize, #[case] len: u32) {
    let segment = Segment {
        flags,
        seq: SeqNum::new(u32::MAX),
        payload: vec![0; text],
        ..v4()
    };
    assert_eq!(segment.len(), len);
    assert_eq!(segment.is_empty(), len == 0);
    assert_eq!(segment.range().len(), len);
    assert_eq!(segment.end(), SeqNum::new(u32::MAX) + len);
    assert_eq!(
        segment.text_seq() == segment.seq,
        !flags.syn,
        "text follows the SYN"
    );
}

#[test]
fn a_segment_to_itself_is_dropped() {
    let mut land = v4();
    land.dst = land.src;
    assert_eq!(parse(&land.emit()), Err(DropReason::SourceIsDestination));
    land.dst.set_port(81);
    assert!(parse(&land.emit()).is_ok());
}

#[rstest]
#[case(17)]
#[case(PROTOCOL_ICMPV6)]
fn other_protocols_are_dropped(#[case] protocol: u8) {
    let header = IpHeader {
        src: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        dst: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)),
        ttl: 64,
        traffic_class: 0,
        flow_label: 0,
    };
    let datagram = ip::emit(&header, protocol, &[0; 40]);
    assert_eq!(parse(&datagram), Err(DropReason::UnknownProtocol));
}

fn any_addresses() -> impl Strategy<Value = (SocketAddr, SocketAddr, u32)> {
    let host = 1u8..250;
    (
        any::<bool>(),
        host.clone(),
        host,
        1u16..,
        1u16..,
        0u32..1 << 20,
    )
        .prop_filter("a segment to itself", |(_, a, b, p, q, _)| (a, p) != (b, q))
        .prop_map(|(is_v4, a, b, src_port, dst_port, label)| {
            let address = |last: u8| -> IpAddr {
                if is_v4 {
                    Ipv4Addr::new(192, 0, 2, last).into()
                } else {
                    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into()).into()
                }
            };
            (
                SocketAddr::new(address(a), src_port),
                SocketAddr::new(address(b), dst_port),
                if is_v4 { 0 } else { label },
            )
        })
}

fn any_fast_open() -> impl Strategy<Value = Option<FastOpenOption>> {
    let cookie = (any::<[u8; 16]>(), 1usize..=8);
    let option =
        (any::<bool>(), cookie).prop_map(|(experimental, (bytes, pairs))| FastOpenOption {
            cookie: Cookie::new(&bytes[..2 * pairs]),
            experimental,
        });
    prop::option::of(option)
}

fn any_options() -> impl Strategy<Value = TcpOptions> {
    (
        any::<Option<u16>>(),
        any::<Option<u8>>(),
        any::<bool>(),
        prop::collection::vec(any::<(u32, u32)>(), 0..2),
        any::<Option<(u32, u32)>>(),
        any_fast_open(),
    )
        .prop_map(
            |(mss, scale, sack_permitted, sack, timestamps, fast_open)| TcpOptions {
                mss: mss.map(Mss::new),
                window_scale: scale.map(WindowScale::new),
                sack_permitted,
                sack: sack
                    .into_iter()
                    .map(|(a, b)| SeqRange::new(SeqNum::new(a), SeqNum::new(b)))
                    .collect::<SackBlocks>(),
                timestamps: timestamps.map(|(value, echo)| Timestamps { value, echo }),
                fast_open,
                accecn: None,
                // There is no room for both.
                user_timeout: UserTimeout::new(mss.unwrap_or_default())
                    .filter(|_| fast_open.is_none()),
                signature: None,
                note: None,
            },
        )
}

fn any_flags() -> impl Strategy<Value = Flags> {
    any::<[bool; 8]>().prop_map(|[fin, syn, rst, psh, urg, ece, cwr, ae]| Flags {
        fin,
        syn,
        rst,
        psh,
        urg,
        ece,
        cwr,
        ae,
    })
}

fn any_segment() -> impl Strategy<Value = Segment> {
    (
        any_addresses(),
        any::<(u32, Option<u32>, u16, u16, u8, u8)>(),
        any_flags(),
        any_options(),
        prop::collection::vec(any::<u8>(), 0..40),
    )
        .prop_map(
            |((src, dst, flow_label), numbers, flags, options, payload)| {
                let (seq, ack, wnd, up, ttl, traffic_class) = numbers;
                Segment {
                    src,
                    dst,
                    seq: SeqNum::new(seq),
                    ack: ack.map(SeqNum::new),
                    flags,
                    wnd: UnscaledWindow::new(wnd),
                    up,
                    // Four options and blocks never fit together; see the options' own law.
                    options: if options.len() > 28 {
                        TcpOptions {
                            sack: SackBlocks::EMPTY,
                            ..options
                        }
                    } else {
                        options
                    },
                    ttl,
                    traffic_class,
                    flow_label,
                    payload,
                }
            },
        )
}

proptest! {
    #[test]
    fn a_sent_segment_is_read_back(segment in any_segment()) {
        prop_assert_eq!(parse(&segment.emit()), Ok(Incoming::Segment(segment)));
    }

    #[test]
    fn one_damaged_bit_never_goes_unseen(segment in any_segment(), bit: prop::sample::Index) {
        let mut datagram = segment.emit();
        let bit = bit.index(datagram.len() * 8);
        datagram[bit / 8] ^= 1 << (bit % 8);
        if let Ok(Incoming::Segment(read)) = parse(&datagram) {
            // IPv6 has no header checksum: these fields are not protected.
            let restored = Segment {
                ttl: segment.ttl,
                traffic_class: segment.traffic_class,
                flow_label: segment.flow_label,
                ..read
            };
            prop_assert_eq!(restored, segment);
        }
    }

    #[test]
    fn reading_is_total(datagram: Vec<u8>, version in prop::sample::select(vec![0x45u8, 0x60])) {
        let _ = parse(&datagram);
        let mut plausible = datagram;
        if let Some(first) = plausible.first_mut() {
            *first = version;
        }
        let _ = parse(&plausible);
    }
}
