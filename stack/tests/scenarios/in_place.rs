//! SEND and RECEIVE without a copy: the user writes in the send buffer and reads in the receive buffer
//! (RFC 9293 §3.9.1.2, §3.9.1.3).

use rstest::rstest;
use tcpdrill_stack::segment::Segment;
use tcpdrill_stack::testing::bench::{Bench, Conn};
use tcpdrill_stack::{CallError, Config, Profile, SendFlags, SocketOptions, StateName, Status};

use crate::support::{Talk, byte_at};

const NO_FLAGS: SendFlags = SendFlags {
    urgent: false,
    more: false,
    end_of_record: false,
};

fn pattern(len: usize) -> Vec<u8> {
    (0..len as u32).map(byte_at).collect()
}

impl Talk {
    /// The user writes the first `len` bytes of the pattern in place, of at most `most`.
    fn write_in_place(&mut self, most: usize, len: usize) -> Result<usize, CallError> {
        let (now, id) = (self.bench.now, self.conn.id);
        let host = &mut self.bench.host;
        host.send_with(now, id, most, NO_FLAGS, |room| {
            let len = len.min(room.len());
            room[..len].copy_from_slice(&pattern(len));
            len
        })
    }

    /// The user is handed a piece and uses `len` bytes of it; answers the piece.
    fn read_in_place(&mut self, len: usize) -> Result<(usize, Vec<u8>), CallError> {
        let mut seen = Vec::new();
        let (now, id) = (self.bench.now, self.conn.id);
        let taken = self.bench.host.recv_with(now, id, |piece| {
            seen = piece.to_vec();
            len
        })?;
        Ok((taken, seen))
    }

    /// A call that must not come so far as to ask the user for text.
    fn write_nothing(&mut self, most: usize) -> Result<usize, CallError> {
        let (now, id) = (self.bench.now, self.conn.id);
        let fill = |_: &mut [u8]| panic!("nobody is to write");
        self.bench.host.send_with(now, id, most, NO_FLAGS, fill)
    }

    fn read_nothing(&mut self) -> Result<usize, CallError> {
        let (now, id) = (self.bench.now, self.conn.id);
        let read = |_: &[u8]| panic!("there is nothing to read");
        self.bench.host.recv_with(now, id, read)
    }
}

/// What a connection sends for 5000 bytes, then when the peer has acknowledged them and the writer has
/// found the buffer full, and where it stands then.
fn sent_by(
    profile: Profile,
    write: impl Fn(&mut Bench, Conn, &[u8]) -> Result<usize, CallError>,
) -> (Vec<Segment>, Status) {
    let mut bench = Bench::new(profile.config());
    let conn = bench.accepted();
    assert_eq!(write(&mut bench, conn, &pattern(5000)), Ok(5000));
    let mut sent = bench.drain();
    sent.extend(bench.inject(&bench.peer_segment(".", 1, conn.iss + 5001)));
    bench.peer_window = 0;
    bench.inject(&bench.peer_segment(".", 1, conn.iss + 5001));
    let full = (0..1000).find_map(|_| write(&mut bench, conn, &pattern(5000)).err());
    assert_eq!(full, Some(CallError::WouldBlock));
    sent.extend(bench.drain());
    (sent, bench.host.status(conn.id).expect("alive"))
}

#[rstest]
fn what_is_written_in_place_leaves_as_if_it_had_been_copied(
    #[values(Profile::Rfc9293, Profile::Linux, Profile::Freebsd)] profile: Profile,
    #[values(
        NO_FLAGS,
        SendFlags { more: true, ..NO_FLAGS },
        SendFlags { urgent: true, ..NO_FLAGS },
        SendFlags { end_of_record: true, ..NO_FLAGS },
    )]
    flags: SendFlags,
) {
    let copied = sent_by(profile, |bench, conn, data| {
        bench.host.send(bench.now, conn.id, data, flags)
    });
    let in_place = sent_by(profile, |bench, conn, data| {
        let (now, most) = (bench.now, data.len());
        bench.host.send_with(now, conn.id, most, flags, |room| {
            let len = room.len().min(data.len());
            room[..len].copy_from_slice(&data[..len]);
            len
        })
    });
    assert!(copied.0.iter().any(|segment| !segment.payload.is_empty()));
    assert_eq!(in_place, copied);
}

#[test]
fn a_writer_may_leave_room_and_cannot_claim_more_than_there_is() {
    let mut talk = Talk::plain();
    assert_eq!(talk.write_in_place(1000, 100), Ok(100));
    assert_eq!(talk.drain(), ["P. 1:101(100) ack 1"]);
    assert_eq!(talk.last_sent().payload, pattern(100));
    let (now, id) = (talk.bench.now, talk.conn.id);
    let claim = |room: &mut [u8]| {
        assert_eq!(room.len(), 50);
        usize::MAX
    };
    let taken = talk.bench.host.send_with(now, id, 50, NO_FLAGS, claim);
    assert_eq!(taken, Ok(50));
    assert_eq!(talk.write_in_place(1000, 0), Ok(0));
}

#[test]
fn without_room_or_a_connection_nobody_is_asked_to_write() {
    let mut talk = Talk::plain();
    assert_eq!(talk.write_nothing(0), Ok(0));
    talk.peer_window(".", 1, 1, 0);
    while talk.write_in_place(usize::MAX, usize::MAX).is_ok() {}
    assert_eq!(talk.write_nothing(1), Err(CallError::WouldBlock));
    talk.shutdown();
    assert_eq!(talk.write_nothing(1), Err(CallError::Closing));
    talk.close();
    assert_eq!(talk.write_nothing(1), Err(CallError::NoSuchSocket));
}

/// `TCP_NOTSENT_LOWAT`: so much may wait, and no more.
#[rstest]
#[case::copied(false)]
#[case::in_place(true)]
fn a_limit_on_unsent_bytes_holds_for_either_way(#[case] in_place: bool) {
    let options = SocketOptions {
        unsent_low_water: Some(1000),
        ..SocketOptions::default()
    };
    let mut talk = Talk::with_options(Bench::plain_config(), options);
    talk.peer_window(".", 1, 1, 0);
    let write = |talk: &mut Talk| {
        if in_place {
            return talk.write_in_place(3000, 3000);
        }
        let (now, id) = (talk.bench.now, talk.conn.id);
        let host = &mut talk.bench.host;
        host.send(now, id, &pattern(3000), NO_FLAGS)
    };
    assert_eq!(write(&mut talk), Ok(1000));
    assert_eq!(write(&mut talk), Err(CallError::WouldBlock));
    let readiness = talk.bench.host.readiness(talk.conn.id);
    assert!(!readiness.writable);
    // What is sent does not wait any more.
    assert_eq!(
        talk.peer_window(".", 1, 1, 65_535),
        ["P. 1:1001(1000) ack 1"]
    );
    assert!(talk.bench.host.readiness(talk.conn.id).writable);
    assert_eq!(write(&mut talk), Ok(1000));
}

#[test]
fn text_is_read_where_it_lies() {
    let mut talk = Talk::plain();
    assert_eq!(talk.read_nothing(), Err(CallError::WouldBlock));
    talk.peer("P.", 1, 1, 10);
    let text: Vec<u8> = (1..=10).map(byte_at).collect();
    assert_eq!(talk.read_in_place(3), Ok((3, text.clone())));
    // Who says that he used more than he was handed used all.
    assert_eq!(talk.read_in_place(99), Ok((7, text[3..].to_vec())));
    assert_eq!(talk.read_nothing(), Err(CallError::WouldBlock));
    talk.peer("F.", 11, 1, 0);
    assert_eq!(talk.read_nothing(), Ok(0));
}

#[test]
fn reading_in_place_opens_the_window_as_copying_does() {
    let config = Config {
        recv_buffer: 4000,
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::Established);
    talk.peer("P.", 1, 1, 1460);
    talk.peer("P.", 1461, 1, 1460);
    talk.peer("P.", 2921, 1, 1080);
    talk.wait_s(1);
    assert_eq!(talk.last_sent().wnd.raw(), 0);
    assert_eq!(talk.read_in_place(4000).map(|(len, _)| len), Ok(4000));
    talk.drain();
    assert_eq!(talk.last_sent().wnd.raw(), 4000);
}

#[test]
fn one_piece_ends_before_the_urgent_byte() {
    let options = SocketOptions {
        urgent_inline: false,
        ..SocketOptions::default()
    };
    let mut talk = Talk::with_options(Bench::plain_config(), options);
    let mut urgent = talk.segment("PU.", 1, 1, 10);
    urgent.up = 5;
    talk.inject(&urgent);
    let bytes = |range: std::ops::RangeInclusive<u32>| range.map(byte_at).collect::<Vec<u8>>();
    assert_eq!(talk.read_in_place(99), Ok((4, bytes(1..=4))));
    assert_eq!(talk.read_in_place(99), Ok((5, bytes(6..=10))));
}
