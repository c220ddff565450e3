//! Reading a TCP header and its options, checksum verified, beside three other readers.
//!
//! Each has to answer with the same fields, which are compared before anything is timed.

use crate::timing::Race;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

const SRC: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const DST: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
const TIMES: u64 = 20_000;
const ROUNDS: usize = 101;

/// What a stack needs of a segment.
#[derive(Debug, Default, PartialEq, Eq)]
struct Fields {
    ports: (u16, u16),
    seq: u32,
    ack: Option<u32>,
    syn_fin_rst_psh: [bool; 4],
    window: u16,
    mss: Option<u16>,
    scale: Option<u8>,
    sack_permitted: bool,
    timestamps: Option<(u32, u32)>,
    payload: usize,
}

fn ours(segment: &[u8]) -> Option<Fields> {
    use tcpdrill_stack::wire::tcp::TcpHeader;
    let (header, payload) = TcpHeader::parse(segment, IpAddr::V4(SRC), IpAddr::V4(DST)).ok()?;
    let (flags, options) = (header.flags, &header.options);
    Some(Fields {
        ports: (header.src_port, header.dst_port),
        seq: header.seq.raw(),
        ack: header.ack.map(|ack| ack.raw()),
        syn_fin_rst_psh: [flags.syn, flags.fin, flags.rst, flags.psh],
        window: header.wnd.raw(),
        mss: options.mss.map(|mss| mss.raw()),
        scale: options.window_scale.map(|scale| scale.shift()),
        sack_permitted: options.sack_permitted,
        timestamps: options.timestamps.map(|t| (t.value, t.echo)),
        payload: payload.len(),
    })
}

fn smoltcp(segment: &[u8]) -> Option<Fields> {
    use smoltcp::phy::ChecksumCapabilities;
    use smoltcp::wire::{IpAddress, TcpControl, TcpPacket, TcpRepr};
    let packet = TcpPacket::new_checked(segment).ok()?;
    let (src, dst) = (IpAddress::Ipv4(SRC), IpAddress::Ipv4(DST));
    let repr = TcpRepr::parse(&packet, &src, &dst, &ChecksumCapabilities::default()).ok()?;
    Some(Fields {
        ports: (repr.src_port, repr.dst_port),
        seq: repr.seq_number.0 as u32,
        ack: repr.ack_number.map(|ack| ack.0 as u32),
        syn_fin_rst_psh: [
            repr.control == TcpControl::Syn,
            repr.control == TcpControl::Fin,
            repr.control == TcpControl::Rst,
            repr.control == TcpControl::Psh,
        ],
        window: repr.window_len,
        mss: repr.max_seg_size,
        scale: repr.window_scale,
        sack_permitted: repr.sack_permitted,
        timestamps: repr.timestamp.map(|t| (t.tsval, t.tsecr)),
        payload: repr.payload.len(),
    })
}

fn etherparse(segment: &[u8]) -> Option<Fields> {
    use etherparse::{TcpOptionElement, TcpSlice};
    let tcp = TcpSlice::from_slice(segment).ok()?;
    if tcp.calc_checksum_ipv4(SRC.octets(), DST.octets()).ok()? != tcp.checksum()
        || tcp.source_port() == 0
        || tcp.destination_port() == 0
    {
        return None;
    }
    let mut fields = Fields {
        ports: (tcp.source_port(), tcp.destination_port()),
        seq: tcp.sequence_number(),
        ack: tcp.ack().then(|| tcp.acknowledgment_number()),
        syn_fin_rst_psh: [tcp.syn(), tcp.fin(), tcp.rst(), tcp.psh()],
        window: tcp.window_size(),
        payload: tcp.payload().len(),
        ..Fields::default()
    };
    for option in tcp.options_iterator() {
        match option.ok()? {
            TcpOptionElement::MaximumSegmentSize(mss) => fields.mss = Some(mss),
            TcpOptionElement::WindowScale(scale) => fields.scale = Some(scale),
            TcpOptionElement::SelectiveAcknowledgementPermitted => fields.sack_permitted = true,
            TcpOptionElement::Timestamp(value, echo) => fields.timestamps = Some((value, echo)),
            TcpOptionElement::Noop | TcpOptionElement::SelectiveAcknowledgement(..) => {}
        }
    }
    Some(fields)
}

fn pnet(segment: &[u8]) -> Option<Fields> {
    use pnet_packet::Packet;
    use pnet_packet::tcp::{TcpFlags, TcpOptionNumbers, TcpPacket, ipv4_checksum};
    let tcp = TcpPacket::new(segment)?;
    if usize::from(tcp.get_data_offset()) * 4 > segment.len()
        || tcp.get_data_offset() < 5
        || ipv4_checksum(&tcp, &SRC, &DST) != tcp.get_checksum()
        || tcp.get_source() == 0
        || tcp.get_destination() == 0
    {
        return None;
    }
    let flags = tcp.get_flags();
    let has = |flag| flags & flag != 0;
    let mut fields = Fields {
        ports: (tcp.get_source(), tcp.get_destination()),
        seq: tcp.get_sequence(),
        ack: has(TcpFlags::ACK).then(|| tcp.get_acknowledgement()),
        syn_fin_rst_psh: [TcpFlags::SYN, TcpFlags::FIN, TcpFlags::RST, TcpFlags::PSH].map(has),
        window: tcp.get_window(),
        payload: tcp.payload().len(),
        ..Fields::default()
    };
    let word = |bytes: &[u8], at: usize| {
        let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(bytes))
    };
    for option in tcp.get_options_iter() {
        let value = option.payload();
        match option.get_number() {
            TcpOptionNumbers::MSS => {
                fields.mss = Some(u16::from_be_bytes([*value.first()?, *value.get(1)?]));
            }
            TcpOptionNumbers::WSCALE => fields.scale = Some(*value.first()?),
            TcpOptionNumbers::SACK_PERMITTED => fields.sack_permitted = true,
            TcpOptionNumbers::TIMESTAMPS => fields.timestamps = word(value, 0).zip(word(value, 4)),
            _ => {}
        }
    }
    Some(fields)
}

/// A SYN with 20 bytes of options, and 1,000 bytes of data with timestamps.
fn segments() -> [(&'static str, Vec<u8>); 2] {
    use tcpdrill_stack::seq::SeqNum;
    use tcpdrill_stack::window::{Mss, UnscaledWindow, WindowScale};
    use tcpdrill_stack::wire::options::{TcpOptions, Timestamps};
    use tcpdrill_stack::wire::tcp::{Flags, TcpHeader};
    let timestamps = Some(Timestamps {
        value: 0x0102_0304,
        echo: 0x0506_0708,
    });
    let syn = TcpHeader {
        src_port: 40_000,
        dst_port: 443,
        seq: SeqNum::new(0x1122_3344),
        ack: None,
        flags: Flags::SYN,
        wnd: UnscaledWindow::new(64_240),
        up: 0,
        options: TcpOptions {
            mss: Some(Mss::new(1460)),
            window_scale: Some(WindowScale::new(7)),
            sack_permitted: true,
            timestamps,
            ..TcpOptions::NONE
        },
    };
    let data = TcpHeader {
        ack: Some(SeqNum::new(0x5566_7788)),
        flags: Flags::PSH,
        options: TcpOptions {
            timestamps,
            ..TcpOptions::NONE
        },
        ..syn
    };
    let payload: Vec<u8> = (0..1000u32).map(|n| (n * 13) as u8).collect();
    let emit = |header: TcpHeader, payload: &[u8]| header.emit(payload, SRC.into(), DST.into());
    [
        ("SYN, 20 bytes of options", emit(syn, &[])),
        ("1,000 bytes, timestamps", emit(data, &payload)),
    ]
}

type Reader = fn(&[u8]) -> Option<Fields>;

/// Reads one of the segments so many times, for somebody who counts instructions.
pub fn work(segment: usize, count: u64) {
    let (_, segment) = &segments()[segment];
    for _ in 0..count {
        black_box(ours(black_box(segment)));
    }
}

pub fn run() {
    let readers: [(&str, Reader); 4] = [
        ("this stack", ours),
        ("smoltcp", smoltcp),
        ("etherparse", etherparse),
        ("pnet", pnet),
    ];
    println!("TCP header and options with checksum, {ROUNDS} turns of {TIMES}: ns a segment");
    println!(
        "                            reader        median   least   median ratio to this stack"
    );
    for (name, segment) in segments() {
        let expected = ours(&segment);
        assert!(expected.is_some());
        let mut damaged = segment.clone();
        damaged[9] ^= 1;
        for (reader, read) in readers {
            assert_eq!(read(&segment), expected, "{reader} reads {name}");
            assert_eq!(read(&damaged), None, "{reader} sees damage of {name}");
        }
        let mut runs = readers.map(|(_, read)| {
            let segment = &segment;
            move || {
                for _ in 0..TIMES {
                    black_box(read(black_box(segment)));
                }
                TIMES
            }
        });
        let mut contenders: Vec<&mut dyn FnMut() -> u64> = Vec::new();
        for run in &mut runs {
            contenders.push(run);
        }
        let race = Race::run(ROUNDS, &mut contenders);
        for (index, (reader, _)) in readers.iter().enumerate() {
            println!(
                "{name:<26}  {reader:<11}  {:>7.1}  {:>6.1}   {:>6.2}",
                race.median(index),
                race.least(index),
                race.ratio(0, index)
            );
        }
    }
}
