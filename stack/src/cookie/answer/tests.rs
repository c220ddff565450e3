use super::Rules;
use crate::config::{Config, EcnUse};
use crate::cookie::options::CookieOptions;
use crate::host::Host;
use crate::input::handshake;
use crate::md5::Md5Key;
use crate::segment::{Flags, Head, Segment, SegmentRef};
use crate::send::segments;
use crate::seq::SeqNum;
use crate::socket::{SocketId, SocketOptions};
use crate::time::Instant;
use crate::window::{Mss, WindowScale};
use crate::wire::options::{TcpOptions, Timestamps};
use alloc::sync::Arc;
use proptest::prelude::*;

/// What a connection block answers to the SYN, if all is forgotten of it that a cookie cannot hold.
fn by_a_block(
    host: &mut Host,
    options: &SocketOptions,
    syn: &SegmentRef<'_>,
    cookie: SeqNum,
) -> Head {
    let (config, now) = (Arc::clone(&host.config), host.now);
    let id = SocketId::new(1, 0);
    let mut tcb = host.new_tcb(id, (syn.dst, syn.src), config, Arc::new(options.clone()));
    let mut kept = syn.with_text(&[][..]);
    let keeps = tcb.config.syn_cookie_options && tcb.wants_timestamps();
    if !keeps || syn.options.timestamps.is_none() {
        kept.flags = Flags::SYN;
        kept.options = TcpOptions {
            mss: syn.options.mss,
            ..TcpOptions::NONE
        };
    }
    handshake::take_syn(&mut tcb, &kept, now);
    let mut segment = segments::syn_ack(&mut tcb, None, now);
    segment.seq = cookie;
    segment.options.accecn = None;
    if !tcb.ecn.is_classic() {
        let ace = crate::ecn::negotiation::on_cookie(&tcb.config, syn, false);
        segment.flags = segment.flags.with_ace(ace);
    }
    if let Some(timestamps) = &mut segment.options.timestamps {
        let negotiated = &tcb.negotiated;
        let options = CookieOptions {
            window_scale: negotiated.scaling.then_some(negotiated.snd_scale),
            sack: negotiated.sack,
            ecn: tcb.ecn.is_classic(),
        };
        let offset = negotiated.timestamp_offset;
        let clock = negotiated.timestamp_clock(now).wrapping_sub(offset);
        timestamps.value = options.stamp(clock).wrapping_add(offset);
    }
    if let Some(key) = &tcb.md5 {
        key.sign_around(&mut segment, [&[], &[]]);
    }
    segment
}

/// Settings that an answer to a SYN depends on.
fn settings() -> impl Strategy<Value = (Config, SocketOptions)> {
    let ecn = prop_oneof![
        Just(EcnUse::Off),
        Just(EcnUse::Accept),
        Just(EcnUse::AccurateAccept),
    ];
    let config = (any::<[bool; 6]>(), 0u8..15, ecn, 0usize..100_000);
    let options = (
        prop::option::of(1u8..),
        any::<u8>(),
        prop::option::of(0usize..100_000),
        prop::option::of(0u32..100_000),
        prop::option::of(500u16..2000),
        any::<bool>(),
    );
    (config, options).prop_map(|(ours, theirs)| {
        let ([timestamps, keep, sack, scaled, tuned, signed_with], shift, ecn, buffer) = ours;
        let mut config = Config {
            timestamps,
            syn_cookie_options: keep,
            sack,
            window_scale: scaled.then_some(shift),
            ecn,
            recv_buffer: buffer,
            ..Config::default()
        };
        config.tuning.receive = tuned;
        config.md5.timestamps = signed_with;
        let (ttl, traffic_class, recv_buffer, window_clamp, mss, signed) = theirs;
        let mut options = SocketOptions {
            ttl,
            traffic_class,
            recv_buffer,
            window_clamp,
            mss,
            ..SocketOptions::default()
        };
        if signed {
            let key = Md5Key::new(b"key").unwrap();
            options
                .md5_keys
                .set("198.51.100.7".parse().unwrap(), 32, key);
            options
                .md5_keys
                .set("2001:db8::7".parse().unwrap(), 128, key);
        }
        (config, options)
    })
}

fn syn() -> impl Strategy<Value = Segment> {
    let options = (
        prop::option::of(any::<u16>()),
        prop::option::of(0u8..15),
        any::<bool>(),
        prop::option::of(any::<[u32; 2]>()),
    );
    (
        any::<[bool; 2]>(),
        any::<u32>(),
        0u8..8,
        any::<u8>(),
        options,
    )
        .prop_map(
            |([v6, text], seq, ace, traffic_class, (mss, scale, sack, timestamps))| {
                let (src, dst) = match v6 {
                    false => ("198.51.100.7:40000", "192.0.2.1:80"),
                    true => ("[2001:db8::7]:40000", "[2001:db8::1]:80"),
                };
                let mut syn = Segment::new(src.parse().unwrap(), dst.parse().unwrap());
                syn.seq = SeqNum::new(seq);
                syn.flags = Flags::SYN.with_ace(ace);
                syn.traffic_class = traffic_class;
                syn.options.mss = mss.map(Mss::new);
                syn.options.window_scale = scale.map(WindowScale::new);
                syn.options.sack_permitted = sack;
                syn.options.timestamps = timestamps.map(|[value, echo]| Timestamps { value, echo });
                if text {
                    syn.payload = b"text".to_vec();
                }
                syn
            },
        )
}

proptest! {
    #[test]
    fn it_says_what_a_block_would_say(
        (config, options) in settings(),
        syn in syn(),
        cookie: u32,
        secs in 0u64..100_000,
    ) {
        let cookie = SeqNum::new(cookie);
        let mut host = Host::new(config.clone(), &[syn.dst.ip()], [7; 16], 1);
        host.now = Instant::from_secs(secs);
        let segment = syn.with_text(&syn.payload[..]);
        let expected = by_a_block(&mut host, &options, &segment, cookie);
        let rules = Rules { config: &config, options: &options };
        let offset = || host.timestamp_offset(syn.dst, syn.src);
        prop_assert_eq!(rules.syn_ack(&segment, cookie, offset, host.now), expected);
    }
}
