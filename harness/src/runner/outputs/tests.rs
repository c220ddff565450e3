use super::*;
use rstest::rstest;

const TOLERANCE: Duration = Duration::from_micros(4_000);

/// Each difference as `expected / actual`.
fn shown(expect: &OutputExpectation, output: &Output) -> Vec<String> {
    differences(expect, output, TOLERANCE)
        .into_iter()
        .map(|one| format!("{} / {}", one.expected, one.actual))
        .collect()
}

fn message(data: ControlData, level: i32, kind: i32) -> OutputExpectation {
    OutputExpectation::Message {
        flags: Some(0x2000),
        control: Some(vec![ControlExpectation { level, kind, data }]),
        data: None,
        address: AddressExpectation::default(),
    }
}

fn given(level: i32, kind: i32, data: Vec<u8>) -> Output {
    Output::Message {
        data: Vec::new(),
        flags: 0x2000,
        control: vec![ControlMessage { level, kind, data }],
        address: None,
    }
}

fn words(words: &[i64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

fn extended_error(info: u32) -> Vec<u8> {
    let mut bytes = 42_u32.to_ne_bytes().to_vec();
    bytes.extend([5, 0, 1, 0]);
    bytes.extend(info.to_ne_bytes());
    bytes.extend(7_u32.to_ne_bytes());
    bytes.extend([0; 16]);
    bytes
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = (4 + value.len() as u16).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

#[test]
fn only_the_first_epoll_event_counts_and_none_is_all_zeros() {
    let output = Output::Epoll(vec![(1, 3), (4, 5)]);
    assert!(shown(&OutputExpectation::Epoll(1, 3), &output).is_empty());
    assert_eq!(
        shown(&OutputExpectation::Epoll(4, 5), &output),
        ["events EPOLLOUT / events EPOLLIN", "data 5 / data 3"]
    );
    let none = Output::Epoll(Vec::new());
    assert!(shown(&OutputExpectation::Epoll(0, 0), &none).is_empty());
    assert_eq!(shown(&OutputExpectation::Epoll(1, 0), &none).len(), 1);
}

#[test]
fn each_set_of_select_is_named() {
    let expect = OutputExpectation::Select([vec![(3, true), (4, false)], vec![(4, true)], vec![]]);
    let output = |first, second| Output::Select([vec![first, second], vec![true], vec![]]);
    assert!(shown(&expect, &output(true, false)).is_empty());
    assert_eq!(
        shown(&expect, &output(true, true)),
        ["ready to read [3] / ready to read [3, 4]"]
    );
}

#[test]
fn each_entry_of_poll_is_named() {
    let output = Output::Poll(vec![1, 0x18]);
    let expect = OutputExpectation::Poll(vec![1, 4]);
    assert_eq!(
        shown(&expect, &output),
        ["revents of entry 1 POLLOUT / revents of entry 1 POLLERR|POLLHUP"]
    );
}

#[rstest]
#[case::exact(0, 10_000_000, 10_000, true)]
#[case::late_within(0, 13_999_000, 10_000, true)]
#[case::early_within(0, 6_000_000, 10_000, true)]
#[case::too_late(0, 14_001_000, 10_000, false)]
#[case::other_second(1, 10_000_000, 10_000, false)]
#[case::not_looked_at(77, 0, 0, true)]
fn stamps_are_held_to_the_tolerance(
    #[case] sec: i64,
    #[case] nsec: i64,
    #[case] want: i64,
    #[case] fits: bool,
) {
    let expect = message(ControlData::Stamp(Time::from_micros(want)), 1, 37);
    let output = given(1, 37, words(&[sec, nsec, 0, 0, 0, 0]));
    assert_eq!(shown(&expect, &output).is_empty(), fits);
    let cut = given(1, 37, words(&[sec]));
    assert_eq!(shown(&expect, &cut).is_empty(), want == 0);
}

#[test]
fn a_stamp_that_is_off_is_a_matter_of_time() {
    let expect = message(ControlData::Stamp(Time::from_micros(1)), 1, 37);
    let output = given(1, 37, words(&[5, 0, 0, 0, 0, 0]));
    let found = differences(&expect, &output, TOLERANCE);
    assert_eq!(
        found.iter().map(|one| one.field).collect::<Vec<_>>(),
        ["time"]
    );
}

#[test]
fn members_of_an_extended_error_are_compared_by_name() {
    let want = |info| {
        let all = [Some(42), Some(5), Some(0), Some(1), info, Some(7)];
        message(ControlData::Error(all), 0, 11)
    };
    let output = given(0, 11, extended_error(3));
    assert!(shown(&want(Some(3)), &output).is_empty());
    assert!(shown(&want(None), &output).is_empty());
    assert_eq!(
        shown(&want(Some(4)), &output),
        ["msg_control[0].ee_info 4 / msg_control[0].ee_info 3"]
    );
    let other = given(0, 11, vec![0, 0]);
    assert_eq!(shown(&want(None), &other).len(), 5);
    assert!(
        shown(&want(None), &other)[0].contains("ee_errno ENOMSG / msg_control[0].ee_errno nothing")
    );
}

#[test]
fn statistics_are_compared_in_order() {
    let data = [
        attribute(1, &10_000_u64.to_ne_bytes()),
        attribute(0, &[]),
        attribute(2, &0_u64.to_ne_bytes()),
        attribute(8, &10_u32.to_ne_bytes()),
        attribute(11, &[1]),
    ]
    .concat();
    let output = given(1, 54, data);
    let judge = |pairs: Vec<(u16, Option<u64>)>| {
        shown(&message(ControlData::Statistics(pairs), 1, 54), &output)
    };
    let fine = vec![(1, Some(7_000)), (2, Some(0)), (8, Some(10)), (11, None)];
    assert!(judge(fine.clone()).is_empty());
    let mut far = fine.clone();
    far[0].1 = Some(5_999);
    far[2].1 = Some(9);
    assert_eq!(
        judge(far),
        [
            "msg_control[0].TCP_NLA_BUSY 5999 / msg_control[0].TCP_NLA_BUSY 10000",
            "msg_control[0].TCP_NLA_SND_CWND 9 / msg_control[0].TCP_NLA_SND_CWND 10"
        ]
    );
    let mut zero = fine.clone();
    zero[1].1 = Some(1);
    assert!(judge(zero).is_empty(), "1 µs is within the tolerance");
    let mut precise = fine.clone();
    precise[0].1 = Some(0);
    assert_eq!(judge(precise).len(), 1, "zero is exact");
    assert_eq!(
        judge(fine[..3].to_vec()),
        ["msg_control[0] statistic 3 none / msg_control[0] statistic 3 TCP_NLA_RECUR_RETRANS"]
    );
    assert_eq!(judge([fine, vec![(12, None)]].concat()).len(), 1);
}

#[test]
fn messages_that_are_missing_or_too_many_are_named() {
    let expect = message(ControlData::Bytes(9_i32.to_ne_bytes().to_vec()), 6, 36);
    let none = Output::Message {
        data: Vec::new(),
        flags: 0x2008,
        control: Vec::new(),
        address: None,
    };
    assert_eq!(
        shown(&expect, &none),
        [
            "msg_flags MSG_ERRQUEUE / msg_flags MSG_CTRUNC|MSG_ERRQUEUE",
            "msg_control[0] SOL_TCP/TCP_CM_INQ / msg_control[0] none"
        ]
    );
    let other = given(1, 37, Vec::new());
    assert_eq!(
        shown(&expect, &other),
        ["msg_control[0] SOL_TCP/TCP_CM_INQ / msg_control[0] SOL_SOCKET/SCM_TIMESTAMPING"]
    );
    let value = given(6, 36, 8_i32.to_ne_bytes().to_vec());
    assert_eq!(
        shown(&expect, &value),
        ["msg_control[0].cmsg_data 9 (4 bytes) / msg_control[0].cmsg_data 8 (4 bytes)"]
    );
}

#[test]
fn an_address_is_compared_member_by_member() {
    let got = Output::Address(Some("192.0.2.1:80".parse().unwrap()));
    let open = AddressExpectation {
        family: Some(AF_INET),
        len: Some(16),
        ..AddressExpectation::default()
    };
    assert!(shown(&OutputExpectation::Address(open), &got).is_empty());
    let wrong = AddressExpectation {
        family: Some(AF_INET6),
        port: Some(81),
        ip: Some("192.0.2.2".parse().unwrap()),
        len: Some(28),
    };
    assert_eq!(
        shown(&OutputExpectation::Address(wrong), &got),
        [
            "sa_family AF_INET6 / sa_family AF_INET",
            "sin_port 81 / sin_port 80",
            "sin_addr 192.0.2.2 / sin_addr 192.0.2.1",
            "address length 28 / address length 16"
        ]
    );
    let none = Output::Address(None);
    assert_eq!(shown(&OutputExpectation::Address(open), &none).len(), 1);
    let any = OutputExpectation::Address(AddressExpectation::default());
    assert!(shown(&any, &none).is_empty());
}

#[test]
fn bytes_read_are_compared_with_the_string() {
    let expect = OutputExpectation::Received {
        data: Some(b"hello".to_vec()),
        address: AddressExpectation::default(),
    };
    assert!(shown(&expect, &Output::Bytes(b"hello".to_vec())).is_empty());
    assert_eq!(
        shown(&expect, &Output::Bytes(b"hell\0".to_vec())),
        ["data \"hello\" (5 bytes) / data \"hell\\x00\" (5 bytes)"]
    );
    assert_eq!(shown(&expect, &Output::Bytes(b"hello!".to_vec())).len(), 1);
}

#[test]
fn members_of_a_structure_are_compared_by_name() {
    let want = vec![("tcpi_state".to_string(), 1), ("tcpi_lost".to_string(), 0)];
    let got = [("tcpi_state".to_string(), 8)].into_iter().collect();
    assert_eq!(
        shown(&OutputExpectation::Members(want), &Output::Members(got)),
        [
            "tcpi_state 1 / tcpi_state 8",
            "tcpi_lost 0 / tcpi_lost nothing"
        ]
    );
}
