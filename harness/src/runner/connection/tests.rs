//! Script numbers and live ones, without a run.

use super::*;

fn line(flags: u16, seq: u32, ack: Option<u32>) -> TcpPattern {
    TcpPattern {
        ports: None,
        flags: Some(TcpFlags(flags)),
        seq: Match::Is(seq),
        absolute: false,
        len: Match::Is(0),
        ack: ack.map(Match::Is),
        window: Match::Is(1000),
        urgent: Match::Is(0),
        options: OptionsPattern::exactly([]),
        payload: None,
        damage: TcpDamage::default(),
    }
}

fn sent(flags: u16, sequence: u32, acknowledgment: u32) -> TcpSegment {
    TcpSegment {
        source_port: 8080,
        destination_port: 40000,
        sequence,
        acknowledgment,
        flags: TcpFlags(flags),
        reserved: 0,
        window: 500,
        urgent: 0,
        options: Vec::new(),
        payload: Vec::new(),
    }
}

const SYN: u16 = 0x02;
const SYN_ACK: u16 = 0x12;
const ACK: u16 = 0x10;

#[test]
fn numbers_count_from_the_syn_on_both_sides_across_the_wrap() {
    let mut connection = Connection::new(Some(8080), 40000);
    let syn = connection
        .inbound(&line(SYN, u32::MAX - 5, None), false)
        .unwrap();
    assert_eq!(syn.sequence, u32::MAX - 5);
    let reply = sent(SYN_ACK, u32::MAX, u32::MAX - 4);
    connection.learn(&reply, Some(&line(SYN_ACK, 0, None)));
    let shown = connection.outbound(&reply, false);
    let numbers = (Match::Is(0), Some(Match::Is(u32::MAX - 4)));
    assert_eq!((shown.seq, shown.ack), numbers);
    let third = connection.inbound(&line(ACK, 11, Some(1)), false).unwrap();
    assert_eq!((third.sequence, third.acknowledgment), (5, 0));
    let shown = connection.outbound(&sent(ACK, 0, 5), false);
    let numbers = (Match::Is(1), Some(Match::Is(11)));
    assert_eq!((shown.seq, shown.ack), numbers);
}

#[test]
fn a_repeated_syn_ack_must_keep_its_number() {
    let mut connection = Connection::new(Some(8080), 40000);
    connection.inbound(&line(SYN, 0, None), false).unwrap();
    connection.learn(&sent(SYN_ACK, 700, 1), None);
    let other = sent(SYN_ACK, 900, 1);
    connection.learn(&other, None);
    assert_eq!(connection.outbound(&other, false).seq, Match::Is(200));
}

#[test]
fn a_new_incarnation_is_taken_over_only_when_the_stack_accepts_it() {
    let mut connection = Connection::new(Some(8080), 40000);
    connection.inbound(&line(SYN, 0, None), false).unwrap();
    connection.learn(&sent(SYN_ACK, 700, 1), None);
    connection.inbound(&line(SYN, 5000, None), false).unwrap();
    let challenge = sent(ACK, 701, 1);
    connection.learn(&challenge, None);
    assert_eq!(
        connection.outbound(&challenge, false).ack,
        Some(Match::Is(1))
    );
    let accepted = sent(SYN_ACK, 90_000, 5001);
    connection.learn(&accepted, None);
    assert_eq!(connection.outbound(&accepted, false).seq, Match::Is(0));
    let third = connection.inbound(&line(ACK, 1, Some(1)), false).unwrap();
    assert_eq!((third.sequence, third.acknowledgment), (5001, 90_001));
}

#[test]
fn a_challenge_ack_that_fits_a_refused_syn_changes_nothing() {
    let mut connection = Connection::new(Some(8080), 40000);
    connection.inbound(&line(SYN, 0, None), false).unwrap();
    connection.learn(&sent(SYN_ACK, 700, 1), None);
    connection.inbound(&line(SYN, 100, None), false).unwrap();
    let challenge = sent(ACK, 701, 101);
    connection.learn(&challenge, None);
    assert_eq!(
        connection.outbound(&challenge, false).ack,
        Some(Match::Is(101))
    );
}

#[test]
fn a_syn_ack_against_a_line_without_syn_keeps_its_number() {
    let mut connection = Connection::new(Some(8080), 40000);
    connection.inbound(&line(SYN, 0, None), false).unwrap();
    let syn_ack = sent(SYN_ACK, 700, 1);
    connection.learn(&syn_ack, Some(&line(SYN_ACK, 0, None)));
    connection.learn(&syn_ack, Some(&line(ACK, 1, Some(1))));
    assert_eq!(connection.outbound(&syn_ack, false).seq, Match::Is(0));
}

#[test]
fn a_reset_that_must_be_ignored_lets_no_new_number_pass() {
    for (seq, new_incarnation) in [(900_000, false), (1, true)] {
        let mut connection = Connection::new(Some(8080), 40000);
        connection.inbound(&line(SYN, 0, None), false).unwrap();
        connection.learn(&sent(SYN_ACK, 700, 1), None);
        connection.inbound(&line(0x04, seq, None), false).unwrap();
        connection.inbound(&line(SYN, 0, None), false).unwrap();
        let again = sent(SYN_ACK, 900, 1);
        connection.learn(&again, None);
        assert_eq!(
            connection.outbound(&again, false).seq == Match::Is(0),
            new_incarnation
        );
    }
}

#[test]
fn a_segment_of_other_ports_says_nothing_about_this_connection() {
    let mut connection = Connection::new(Some(8080), 40000);
    connection.inbound(&line(SYN, 0, None), false).unwrap();
    connection.learn(&sent(SYN_ACK, 700, 1), None);
    let foreign = TcpPattern {
        ports: Some((4001, 8080)),
        ..line(SYN, 1000, None)
    };
    connection.inbound(&foreign, false).unwrap();
    let later = sent(SYN_ACK, 900, 1001);
    connection.learn(&later, None);
    assert_eq!(connection.outbound(&later, false).seq, Match::Is(200));
}

#[test]
fn an_echo_that_was_never_sent_is_refused() {
    let mut connection = Connection::new(Some(8080), 40000);
    let mut wrong = line(ACK, 1, Some(1));
    wrong.options = OptionsPattern::exactly([TcpOption::Timestamps {
        value: 1,
        echo_reply: 4000,
    }]);
    assert!(
        connection
            .inbound(&wrong, false)
            .unwrap_err()
            .contains("ecr 4000")
    );
}

#[test]
fn a_time_stamp_that_is_not_looked_at_counts_as_zero() {
    let stamped = |value| TcpSegment {
        options: vec![TcpOption::Timestamps {
            value,
            echo_reply: 0,
        }],
        ..sent(ACK, 701, 1)
    };
    let open = |value| TcpPattern {
        options: OptionsPattern::List(vec![OptionPattern::Timestamps {
            value,
            echo_reply: Match::Any,
            absolute_echo: false,
        }]),
        ..line(ACK, 1, Some(1))
    };
    let mut connection = Connection::new(Some(8080), 40000);
    connection.learn(&stamped(5000), Some(&open(Match::Within(1, 2))));
    assert_eq!(connection.script_timestamp(5000), 5000);
    connection.learn(&stamped(5000), Some(&open(Match::Any)));
    connection.learn(&stamped(5007), Some(&open(Match::Is(7))));
    assert_eq!(connection.script_timestamp(5010), 10);
    assert_eq!(connection.live_echo(7, false), Ok(5007));
    assert!(connection.live_echo(0, false).is_err());
}

#[test]
fn a_new_incarnation_of_any_number_is_not_measured_against_the_old() {
    let any = |flags| TcpPattern {
        seq: Match::Any,
        ..line(flags, 0, Some(1))
    };
    let mut connection = Connection::new(Some(8080), 40000);
    connection.inbound(&line(SYN, 0, None), false).unwrap();
    connection.learn(&sent(SYN_ACK, 700, 1), Some(&any(SYN_ACK)));
    connection.inbound(&line(SYN, 5000, None), false).unwrap();
    let accepted = sent(SYN_ACK, 90_000, 5001);
    connection.learn(&accepted, Some(&any(SYN_ACK)));
    assert_eq!(connection.outbound(&accepted, false).seq, Match::Is(0));
}

#[test]
fn an_absolute_number_is_left_as_it_is() {
    let mut connection = Connection::new(Some(8080), 40000);
    connection.inbound(&line(SYN, 1000, None), false).unwrap();
    connection.learn(&sent(SYN_ACK, 700, 1001), None);
    let absolute = TcpPattern {
        absolute: true,
        ..line(ACK, 1006, Some(1))
    };
    let live = connection.inbound(&absolute, false).unwrap();
    assert_eq!((live.sequence, live.acknowledgment), (1006, 701));
    assert_eq!(connection.relative_remote(&live), 6);
    let seen = sent(ACK, 701, 1006);
    assert_eq!(connection.outbound(&seen, true).seq, Match::Is(701));
    assert_eq!(connection.outbound(&seen, false).seq, Match::Is(1));
}

#[test]
fn an_open_field_cannot_be_sent() {
    let open = [
        TcpPattern {
            seq: Match::Any,
            ..line(ACK, 1, Some(1))
        },
        TcpPattern {
            flags: None,
            ..line(ACK, 1, Some(1))
        },
        TcpPattern {
            window: Match::Within(1, 2),
            ..line(ACK, 1, Some(1))
        },
        TcpPattern {
            options: OptionsPattern::List(vec![OptionPattern::Others]),
            ..line(ACK, 1, Some(1))
        },
    ];
    for pattern in open {
        assert!(
            Connection::new(Some(8080), 40000)
                .inbound(&pattern, false)
                .is_err()
        );
    }
}
