use super::*;
use crate::wire::accecn::{AccEcnOrder, ByteCounters};
use crate::wire::fast_open::Cookie;
use proptest::prelude::*;
use rstest::rstest;

fn block(start: u32, end: u32) -> SeqRange {
    SeqRange::new(SeqNum::new(start), SeqNum::new(end))
}

fn with_mss(mss: u16) -> TcpOptions {
    TcpOptions {
        mss: Some(Mss::new(mss)),
        ..TcpOptions::NONE
    }
}

fn noted(note: OptionNote) -> TcpOptions {
    TcpOptions {
        note: Some(note),
        ..TcpOptions::NONE
    }
}

fn emitted(options: &TcpOptions) -> Vec<u8> {
    let mut out = Vec::new();
    options.emit(&mut out);
    out
}

#[rstest]
#[case::none(&[], TcpOptions::NONE)]
#[case::end_of_list(&[0], TcpOptions::NONE)]
#[case::only_nops(&[1, 1, 1, 1], TcpOptions::NONE)]
#[case::mss(&[2, 4, 5, 0xb4], with_mss(1460))]
#[case::unaligned(&[1, 2, 4, 5, 0xb4, 1, 1, 0], with_mss(1460))]
#[case::behind_the_end(&[2, 4, 3, 0xe8, 0, 3, 3, 7], with_mss(1000))]
#[case::unknown_kind(&[253, 5, 9, 9, 9, 2, 4, 2, 0xbc], with_mss(700))]
#[case::unknown_empty(&[253, 2, 2, 4, 2, 0xbc], with_mss(700))]
#[case::twice(&[2, 4, 2, 0xbc, 2, 4, 1, 0], with_mss(256))]
fn well_formed_options_are_read(#[case] bytes: &[u8], #[case] expected: TcpOptions) {
    assert_eq!(TcpOptions::parse(bytes), expected);
}

#[rstest]
#[case::no_length(&[2], noted(OptionNote::LengthMissing { kind: 2 }))]
#[case::length_0(&[0x7f, 0, 2, 4, 1, 0], noted(OptionNote::LengthTooSmall { kind: 0x7f, len: 0 }))]
#[case::length_1(&[3, 1, 2, 4, 1, 0], noted(OptionNote::LengthTooSmall { kind: 3, len: 1 }))]
#[case::overrun(&[2, 4, 5], noted(OptionNote::LengthOverrun { kind: 2, len: 4 }))]
#[case::unknown_overrun(&[29, 255, 0], noted(OptionNote::LengthOverrun { kind: 29, len: 255 }))]
#[case::short_mss(&[2, 3, 5, 1], noted(OptionNote::LengthUnexpected { kind: 2, len: 3 }))]
#[case::half_a_sack_block(&[5, 6, 0, 0, 0, 1], noted(OptionNote::LengthUnexpected { kind: 5, len: 6 }))]
#[case::empty_sack(&[5, 2], noted(OptionNote::LengthUnexpected { kind: 5, len: 2 }))]
#[case::short_scale(&[3, 2, 3, 3, 7], TcpOptions {
    window_scale: Some(WindowScale::new(7)),
    ..noted(OptionNote::LengthUnexpected { kind: 3, len: 2 })
})]
#[case::large_scale(&[3, 3, 118], TcpOptions {
    window_scale: Some(WindowScale::MAX),
    ..noted(OptionNote::WindowScaleTooLarge { shift: 118 })
})]
#[case::read_before_the_fault_is_kept(&[2, 4, 5, 0xb4, 3, 0], TcpOptions {
    note: Some(OptionNote::LengthTooSmall { kind: 3, len: 0 }),
    ..with_mss(1460)
})]
fn malformed_options_are_noted(#[case] bytes: &[u8], #[case] expected: TcpOptions) {
    assert_eq!(TcpOptions::parse(bytes), expected);
}

#[rstest]
#[case::none(TcpOptions::NONE, &[])]
#[case::syn(
    TcpOptions {
        mss: Some(Mss::new(1460)),
        window_scale: Some(WindowScale::new(7)),
        sack_permitted: true,
        timestamps: Some(Timestamps { value: 0x01020304, echo: 0 }),
        ..TcpOptions::NONE
    },
    &[2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7],
)]
#[case::syn_without_timestamps(
    TcpOptions {
        mss: Some(Mss::new(536)),
        window_scale: Some(WindowScale::ZERO),
        sack_permitted: true,
        ..TcpOptions::NONE
    },
    &[2, 4, 2, 24, 1, 1, 4, 2, 1, 3, 3, 0],
)]
#[case::ack(
    TcpOptions { timestamps: Some(Timestamps { value: 1, echo: 2 }), ..TcpOptions::NONE },
    &[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2],
)]
#[case::sack(
    TcpOptions { sack: [block(u32::MAX, 9)].into_iter().collect(), ..TcpOptions::NONE },
    &[1, 1, 5, 10, 255, 255, 255, 255, 0, 0, 0, 9],
)]
fn options_are_written(#[case] options: TcpOptions, #[case] expected: &[u8]) {
    assert_eq!(emitted(&options), expected);
}

fn fast_open(cookie: &[u8], experimental: bool) -> TcpOptions {
    TcpOptions {
        fast_open: Some(FastOpenOption {
            cookie: Cookie::new(cookie),
            experimental,
        }),
        ..TcpOptions::NONE
    }
}

#[rstest]
#[case::request(&[34, 2, 1, 1], fast_open(&[], false))]
#[case::shortest(&[34, 6, 1, 2, 3, 4, 1, 1], fast_open(&[1, 2, 3, 4], false))]
#[case::aligned(&[34, 8, 1, 2, 3, 4, 5, 6], fast_open(&[1, 2, 3, 4, 5, 6], false))]
#[case::experiment_request(&[254, 4, 0xf9, 0x89], fast_open(&[], true))]
#[case::experiment(&[254, 8, 0xf9, 0x89, 1, 2, 3, 4], fast_open(&[1, 2, 3, 4], true))]
#[case::experiment_padded(
    &[254, 10, 0xf9, 0x89, 1, 2, 3, 4, 5, 6, 1, 1], fast_open(&[1, 2, 3, 4, 5, 6], true))]
fn fast_open_is_read_and_written(#[case] bytes: &[u8], #[case] options: TcpOptions) {
    assert_eq!(TcpOptions::parse(bytes), options);
    assert_eq!(emitted(&options), bytes);
}

#[rstest]
#[case::empty_experiment(&[254, 2], TcpOptions::NONE)]
#[case::other_experiment(&[254, 4, 0xe2, 0xd4], TcpOptions::NONE)]
#[case::two_bytes(&[34, 4, 1, 2], noted(OptionNote::LengthUnexpected { kind: 34, len: 4 }))]
#[case::odd(&[34, 7, 1, 2, 3, 4, 5], noted(OptionNote::LengthUnexpected { kind: 34, len: 7 }))]
#[case::eighteen(&[&[34, 20][..], &[7; 18]].concat(),
    noted(OptionNote::LengthUnexpected { kind: 34, len: 20 }))]
#[case::odd_experiment(&[254, 9, 0xf9, 0x89, 1, 2, 3, 4, 5],
    noted(OptionNote::LengthUnexpected { kind: 254, len: 9 }))]
fn a_cookie_of_a_wrong_length_is_none(#[case] bytes: &[u8], #[case] expected: TcpOptions) {
    assert_eq!(TcpOptions::parse(bytes), expected);
}

#[test]
fn the_longest_cookie_fits_beside_everything_else_of_a_syn() {
    let options = TcpOptions {
        mss: Some(Mss::new(1460)),
        window_scale: Some(WindowScale::new(8)),
        sack_permitted: true,
        timestamps: Some(Timestamps::default()),
        ..fast_open(&[9; 16], true)
    };
    assert_eq!((options.len(), options.sack_capacity()), (40, 0));
    let bytes = emitted(&options);
    assert_eq!(bytes[20..24], [254, 20, 0xf9, 0x89]);
    assert_eq!(TcpOptions::parse(&bytes), options);
}

#[test]
fn a_fourth_block_gives_way_to_timestamps() {
    let blocks: Vec<SeqRange> = (0..4).map(|n| block(n * 20, n * 20 + 10)).collect();
    let mut options = TcpOptions {
        sack: blocks.iter().copied().collect(),
        ..TcpOptions::NONE
    };
    assert_eq!((options.sack_capacity(), options.len()), (4, 36));
    options.timestamps = Some(Timestamps::default());
    assert_eq!((options.sack_capacity(), options.len()), (3, 40));
    let read = TcpOptions::parse(&emitted(&options));
    assert_eq!(read.sack.as_slice(), &blocks[..3]);
}

/// Length without SACK blocks, with one, and how many fit.
#[rstest]
#[case::empty(0, false, 4, 12, 4)]
#[case::one(1, false, 8, 16, 4)]
#[case::two(2, false, 8, 20, 3)]
#[case::three(3, false, 12, 24, 3)]
#[case::empty_with_timestamps(0, true, 16, 24, 3)]
#[case::one_with_timestamps(1, true, 20, 28, 2)]
#[case::two_with_timestamps(2, true, 20, 32, 2)]
#[case::three_with_timestamps(3, true, 24, 36, 1)]
fn the_accecn_option_shares_its_padding(
    #[case] fields: u8,
    #[case] timestamps: bool,
    #[case] alone: usize,
    #[case] with_block: usize,
    #[case] blocks: usize,
) {
    let counters = ByteCounters::default();
    let mut options = TcpOptions {
        accecn: Some(AccEcnOption::new(AccEcnOrder::Ect0First, fields, counters)),
        timestamps: timestamps.then(Timestamps::default),
        ..TcpOptions::NONE
    };
    assert_eq!((options.len(), emitted(&options).len()), (alone, alone));
    options.sack.push(block(1, 2));
    let long = (options.len(), emitted(&options).len());
    assert_eq!(long, (with_block, with_block));
    assert_eq!(options.sack_capacity(), blocks);
    let len = options.accecn.map_or(0, |option| option.len());
    assert!(options.accecn_room(blocks) >= len);
    assert!(blocks == SackBlocks::MAX || options.accecn_room(blocks + 1) < len);
}

#[test]
fn a_syn_ack_has_the_accecn_option_behind_the_timestamps() {
    let counters = ByteCounters {
        e0b: 1,
        ceb: 0,
        e1b: 1,
    };
    let options = TcpOptions {
        accecn: Some(AccEcnOption::new(AccEcnOrder::Ect1First, 3, counters)),
        sack_permitted: true,
        window_scale: Some(WindowScale::new(8)),
        ..with_mss(1460)
    };
    let accecn = [174, 11, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1];
    let behind = [1, 1, 4, 2, 1, 3, 3, 8];
    assert_eq!(
        emitted(&options),
        [&[2, 4, 5, 0xb4], &accecn[..], &behind].concat()
    );
}

/// RFC 5482 §3.3: the option is of least use on a SYN and may be left out anywhere; 40 bytes are all there are
/// (RFC 9293 §3.1), and nothing else gives way to it.
#[rstest]
#[case::alone(0, false, true)]
#[case::in_the_last_four_bytes(4, false, true)]
#[case::beside_timestamps(2, true, true)]
#[case::nothing_left(3, true, false)]
fn a_user_timeout_takes_nobodys_place(
    #[case] blocks: u32,
    #[case] timestamps: bool,
    #[case] fits: bool,
) {
    let mut options = TcpOptions {
        timestamps: timestamps.then_some(Timestamps { value: 1, echo: 2 }),
        ..TcpOptions::NONE
    };
    assert_eq!(options.is_empty(), !timestamps);
    for at in 0..blocks {
        options.sack.push(block(10 * at, 10 * at + 5));
    }
    let before = options.len();
    options.add_user_timeout(UserTimeout::of(core::time::Duration::from_secs(9)));
    assert_eq!(options.user_timeout.is_some(), fits);
    assert_eq!(options.len(), before + 4 * usize::from(fits));
    assert!(options.sack.len() <= options.sack_capacity());
}

#[test]
fn a_fifth_block_is_refused() {
    let mut blocks: SackBlocks = (0..4).map(|n| block(n, n + 1)).collect();
    assert!(!blocks.push(block(9, 10)));
    assert_eq!(blocks.len(), 4);
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

fn any_accecn() -> impl Strategy<Value = Option<AccEcnOption>> {
    let option = (any::<bool>(), 0u8..=3, any::<[u32; 3]>()).prop_map(|(first, fields, n)| {
        let order = match first {
            true => AccEcnOrder::Ect0First,
            false => AccEcnOrder::Ect1First,
        };
        let [e0b, ceb, e1b] = n;
        AccEcnOption::new(order, fields, ByteCounters { e0b, ceb, e1b })
    });
    prop::option::of(option)
}

fn any_options() -> impl Strategy<Value = TcpOptions> {
    (
        any::<Option<u16>>(),
        any::<Option<u8>>(),
        any::<bool>(),
        prop::collection::vec(any::<(u32, u32)>(), 0..6),
        any::<Option<(u32, u32)>>(),
        any_fast_open(),
        any_accecn(),
        any::<Option<[u8; 16]>>(),
    )
        .prop_map(
            |(mss, scale, sack_permitted, sack, timestamps, fast_open, accecn, digest)| {
                TcpOptions {
                    mss: mss.map(Mss::new),
                    window_scale: scale.map(WindowScale::new),
                    sack_permitted,
                    sack: sack.into_iter().map(|(a, b)| block(a, b)).collect(),
                    timestamps: timestamps.map(|(value, echo)| Timestamps { value, echo }),
                    fast_open,
                    accecn,
                    user_timeout: UserTimeout::new(mss.unwrap_or_default()),
                    signature: digest.map(|digest| Signature {
                        digest,
                        ..Signature::default()
                    }),
                    note: None,
                }
            },
        )
}

proptest! {
    #[test]
    fn reading_is_total(bytes in prop::collection::vec(any::<u8>(), 0..=40)) {
        let read = TcpOptions::parse(&bytes);
        prop_assert_eq!(TcpOptions::parse(&bytes), read);
    }

    #[test]
    fn only_what_is_too_much_is_left_out(options in any_options()) {
        let bare = TcpOptions {
            fast_open: None,
            user_timeout: None,
            sack: SackBlocks::EMPTY,
            ..options
        };
        if options.fitting_fast_open() != options.fast_open {
            let len = options.fast_open.map_or(0, |option| option.len());
            prop_assert!(bare.len() + len > MAX_OPTIONS_LEN);
        }
        if options.signature.is_none() && options.fast_open.is_none() {
            prop_assert_eq!(options.fitting_user_timeout(), options.user_timeout);
        }
    }

    #[test]
    fn written_options_are_read_back(options in any_options()) {
        let bytes = emitted(&options);
        prop_assert_eq!(bytes.len(), options.len());
        prop_assert!(bytes.len().is_multiple_of(4) && bytes.len() <= MAX_OPTIONS_LEN);
        let fitting = options.sack_capacity().min(options.sack.len());
        let expected = TcpOptions {
            sack: options.sack.as_slice()[..fitting].iter().copied().collect(),
            // All of them do not fit together.
            accecn: options.accecn.filter(|accecn| accecn.len() <= options.accecn_room(0)),
            fast_open: options.fitting_fast_open(),
            user_timeout: options.fitting_user_timeout(),
            ..options
        };
        prop_assert_eq!(TcpOptions::parse(&bytes), expected);
    }
}

/// The short ways through the usual layouts answer as the long one does, also next to them.
#[rstest]
#[case::timestamps(&[1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8])]
#[case::syn(&[2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7])]
fn the_usual_layouts_are_read_like_any(#[case] usual: &[u8]) {
    assert_eq!(TcpOptions::parse(usual), TcpOptions::parse_any(usual));
    for at in 0..usual.len() {
        for byte in 0..=u8::MAX {
            let mut other = usual.to_vec();
            other[at] = byte;
            assert_eq!(TcpOptions::parse(&other), TcpOptions::parse_any(&other));
        }
        let (cut, longer) = (&usual[..at], [usual, &[1; 4]].concat());
        assert_eq!(TcpOptions::parse(cut), TcpOptions::parse_any(cut));
        assert_eq!(TcpOptions::parse(&longer), TcpOptions::parse_any(&longer));
    }
}
