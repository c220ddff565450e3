//! Fast Open as Linux's calls show it: options, settings, and a send that opens.

use tcpdrill_stack::config::FastOpenConfig;
use tcpdrill_stack::fast_open::{Key, Keys};
use tcpdrill_stack::{CallError, SendFlags, SocketId, StateName};

use super::abi::msg;
use super::blocking::{Attempt, Progress, Stop};
use super::calls::{checked_address, read_int};
use super::descriptors::{Link, Socket, Stage};
use super::errno::{EINPROGRESS, EINVAL, EISCONN, EOPNOTSUPP};
use super::kernel::Kernel;
use crate::call::{Address, Fd, Outcome};

/// The socket options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FastOpen {
    /// `TCP_FASTOPEN`: how many connections may wait for the end of their handshake.
    Queue,
    /// `TCP_FASTOPEN_CONNECT`
    Connect,
    /// `TCP_FASTOPEN_KEY`
    Key,
    /// `TCP_FASTOPEN_NO_COOKIE`
    NoCookie,
}

/// Bits of `net.ipv4.tcp_fastopen`, as the kernel's `ip-sysctl` describes them. Others mean nothing.
mod bit {
    pub(super) const CLIENT: u64 = 0x1;
    pub(super) const SERVER: u64 = 0x2;
    pub(super) const SEND_WITHOUT_COOKIE: u64 = 0x4;
    pub(super) const ACCEPT_WITHOUT_COOKIE: u64 = 0x200;
    pub(super) const EVERY_LISTENER: u64 = 0x400;
}

/// `net.ipv4.tcp_fastopen`
pub(super) fn set_bits(config: &mut FastOpenConfig, bits: u64) {
    let on = |bit| bits & bit != 0;
    config.client = on(bit::CLIENT);
    config.server = on(bit::SERVER);
    config.send_without_cookie = on(bit::SEND_WITHOUT_COOKIE);
    config.accept_without_cookie = on(bit::ACCEPT_WITHOUT_COOKIE);
    config.every_listener = on(bit::EVERY_LISTENER);
}

/// `net.ipv4.tcp_fastopen_key`: four words of up to eight hexadecimal digits, and perhaps the same
/// again behind a comma for the key before.
pub(super) fn keys(text: &str) -> Option<Keys> {
    let key = |text: &str| {
        let words: Option<Vec<u32>> = text
            .trim()
            .split('-')
            .map(|word| {
                let digits = (1..=8).contains(&word.len()) && !word.starts_with('+');
                digits.then(|| u32::from_str_radix(word, 16).ok())?
            })
            .collect();
        Some(Key::from_words(words?.try_into().ok()?))
    };
    let (current, previous) = match text.split_once(',') {
        Some((current, previous)) => (current, Some(key(previous)?)),
        None => (text, None),
    };
    Some(Keys {
        current: key(current)?,
        previous,
    })
}

/// `TCP_FASTOPEN_KEY`: 16 bytes, or 32 with the key before.
fn read_keys(value: &[u8]) -> Result<Keys, Stop> {
    let (current, previous) = match value.split_first_chunk::<16>() {
        Some((current, [])) => (current, None),
        Some((current, rest)) => {
            let previous: Result<[u8; 16], _> = rest.try_into();
            (current, Some(previous.map_err(|_| Stop::Failed(EINVAL))?))
        }
        None => return Err(EINVAL.into()),
    };
    Ok(Keys {
        current: Key::new(*current),
        previous: previous.map(Key::new),
    })
}

/// What `getsockopt` shows of keys.
fn written_keys(keys: Option<Keys>) -> Vec<u8> {
    let keys = keys.map(|keys| [Some(keys.current), keys.previous]);
    let keys = keys.into_iter().flatten().flatten();
    keys.flat_map(|key| key.bytes()).collect()
}

fn flag(value: i32) -> Result<bool, Stop> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(EINVAL.into()),
    }
}

fn unconnected(socket: &Socket) -> Result<(), Stop> {
    match socket.stage {
        Stage::Fresh | Stage::Listening(_) => Ok(()),
        Stage::Connection(..) => Err(EINVAL.into()),
    }
}

impl Kernel {
    /// What `getsockopt` gives.
    pub(super) fn fast_open_option(&self, fd: Fd, option: FastOpen) -> Result<Vec<u8>, Stop> {
        let socket = self.table.socket(fd)?;
        let number = match option {
            FastOpen::Queue => i32::try_from(socket.options.fast_open_queue).unwrap_or(i32::MAX),
            FastOpen::Connect => i32::from(socket.local.fast_open_connect),
            FastOpen::NoCookie => i32::from(socket.options.fast_open_without_cookie),
            FastOpen::Key => {
                let set = self.engine.host().config().fast_open.keys;
                return Ok(written_keys(socket.options.fast_open_keys.or(set)));
            }
        };
        Ok(number.to_ne_bytes().to_vec())
    }

    /// What `setsockopt` does to a socket.
    pub(super) fn set_fast_open(
        &self,
        socket: &mut Socket,
        option: FastOpen,
        value: &[u8],
    ) -> Result<(), Stop> {
        match option {
            FastOpen::Key => socket.options.fast_open_keys = Some(read_keys(value)?),
            FastOpen::Queue => {
                let len = usize::try_from(read_int(value, 0)?);
                let len = len.map_err(|_| Stop::Failed(EINVAL))?;
                unconnected(socket)?;
                socket.options.fast_open_queue = len.min(self.max_backlog);
            }
            FastOpen::NoCookie => {
                let on = flag(read_int(value, 0)?)?;
                unconnected(socket)?;
                socket.options.fast_open_without_cookie = on;
            }
            FastOpen::Connect => {
                let on = flag(read_int(value, 0)?)?;
                if !self.engine.host().config().fast_open.client {
                    return Err(EOPNOTSUPP.into());
                }
                if socket.stage != Stage::Fresh {
                    return Err(EINVAL.into());
                }
                socket.local.fast_open_connect = on;
            }
        }
        Ok(())
    }

    /// `connect` on a fresh socket. The answer says whether it has succeeded already: the SYN then
    /// waits for data (`TCP_FASTOPEN_CONNECT`).
    pub(super) fn start_connect(
        &mut self,
        fd: Fd,
        remote: std::net::SocketAddr,
    ) -> Result<(SocketId, bool), Stop> {
        let on_first_send = self.table.socket(fd)?.local.fast_open_connect;
        let (id, waits) = self.begin_connect(fd, remote, |host, now, local, options| {
            if on_first_send {
                host.open_on_first_send(now, local, remote, options)
            } else {
                let id = host.open_active(now, local, remote, options)?;
                Ok((id, false))
            }
        })?;
        if waits {
            self.table.socket_mut(fd)?.stage = Stage::Connection(id, Link::Connected);
        }
        Ok((id, waits))
    }

    /// The connection of a socket whose `connect` succeeded before its SYN was sent.
    pub(super) fn waits_for_data(&self, fd: Fd) -> Result<Option<SocketId>, Stop> {
        let Stage::Connection(id, Link::Connected) = self.table.socket(fd)?.stage else {
            return Ok(None);
        };
        let status = self.engine.host().status(id);
        Ok(status
            .is_ok_and(|status| status.state == StateName::SynSent)
            .then_some(id))
    }

    /// A send with `MSG_FASTOPEN`: `connect` and a send in one.
    pub(super) fn send_fast_open(
        &mut self,
        fd: Fd,
        data: &[u8],
        flags: i32,
        address: Option<Address>,
        progress: &mut Progress,
    ) -> Attempt {
        let stage = self.table.socket(fd)?.stage;
        let offered = self.engine.host().config().fast_open.client;
        if !offered || address == Some(Address::Unspecified) {
            return Err(EOPNOTSUPP.into());
        }
        match stage {
            Stage::Fresh if !progress.connecting => {
                let address = address.ok_or(Stop::Failed(EINVAL))?;
                let remote = checked_address(self.table.socket(fd)?, address)?;
                let (id, taken) = self.begin_connect(fd, remote, |host, now, local, options| {
                    host.open_with_data(now, local, remote, options, data)
                })?;
                progress.sent = taken;
                self.send_rest(fd, id, true, (data, flags), progress)
            }
            Stage::Connection(id, Link::Connecting) => {
                self.send_rest(fd, id, false, (data, flags), progress)
            }
            // A call that slept sees what became of the socket meanwhile.
            Stage::Fresh | Stage::Connection(..) if progress.connecting => {
                self.send_bytes(fd, data, flags, progress)
            }
            Stage::Connection(..) if self.waits_for_data(fd)?.is_some() => {
                self.send_bytes(fd, data, flags, progress)
            }
            Stage::Fresh | Stage::Listening(_) | Stage::Connection(..) => Err(EISCONN.into()),
        }
    }

    /// The first bytes for a socket whose SYN waited for them.
    pub(super) fn send_first(
        &mut self,
        fd: Fd,
        id: SocketId,
        (data, flags): (&[u8], i32),
        progress: &mut Progress,
    ) -> Attempt {
        let now = self.engine.now();
        let sent = self
            .engine
            .host_mut()
            .send(now, id, data, send_flags(flags));
        self.engine.settle();
        progress.sent = match sent {
            Ok(taken) => taken,
            Err(CallError::WouldBlock) => 0,
            Err(error) => return Err(Kernel::lost_socket(fd, error)),
        };
        self.table.socket_mut(fd)?.stage = Stage::Connection(id, Link::Connecting);
        self.send_rest(fd, id, true, (data, flags), progress)
    }

    /// What did not go along with the SYN leaves once the connection is there.
    pub(super) fn send_rest(
        &mut self,
        fd: Fd,
        id: SocketId,
        begun: bool,
        (data, flags): (&[u8], i32),
        progress: &mut Progress,
    ) -> Attempt {
        progress.connecting = true;
        let dont_wait = flags & msg::DONTWAIT != 0;
        if !dont_wait && !self.table.socket(fd)?.nonblocking {
            self.queue_rest(id, data, flags, progress);
        }
        match self.await_connect(fd, id, begun, dont_wait, progress) {
            Ok(_) => {
                progress.connecting = false;
                self.send_bytes(fd, data, flags, progress)
            }
            Err(Stop::Failed(EINPROGRESS)) if progress.sent > 0 => {
                let sent = i64::try_from(progress.sent).unwrap_or(i64::MAX);
                Ok(Outcome::ok(sent))
            }
            Err(stop) => Err(stop),
        }
    }

    /// Who waits for the connection leaves the data with the stack meanwhile, so that the
    /// acknowledgment of the SYN-ACK travels with it (RFC 9293 §3.10.7.3).
    fn queue_rest(&mut self, id: SocketId, data: &[u8], flags: i32, progress: &mut Progress) {
        let now = self.engine.now();
        let rest = &data[progress.sent.min(data.len())..];
        let connecting = matches!(
            self.engine.host().status(id),
            Ok(status) if status.state == StateName::SynSent
        );
        if connecting && !rest.is_empty() {
            let sent = self
                .engine
                .host_mut()
                .send(now, id, rest, send_flags(flags));
            // No room: the rest follows once there is a connection.
            progress.sent += sent.unwrap_or(0);
        }
    }
}

pub(super) fn send_flags(flags: i32) -> SendFlags {
    SendFlags {
        urgent: flags & msg::OOB != 0,
        more: flags & msg::MORE != 0,
        end_of_record: flags & msg::EOR != 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("1-2-3-4", true)]
    #[case("a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4", true)]
    #[case("1-2-3-4,5-6-7-8", true)]
    #[case("1-2-3", false)]
    #[case("1-2-3-4-5", false)]
    #[case("1-2-3-", false)]
    #[case("1-2-3-+4", false)]
    #[case("1-2-3-123456789", false)]
    #[case("1-2-3-4,", false)]
    #[case("", false)]
    fn a_key_is_four_words(#[case] text: &str, #[case] good: bool) {
        assert_eq!(keys(text).is_some(), good);
    }

    #[test]
    fn the_words_of_a_key_are_its_bytes_from_the_least_significant_on() {
        let keys = keys("04030201-08070605-0c0b0a09-100f0e0d,0-0-0-0").unwrap();
        let bytes: Vec<u8> = (1..=16).chain([0; 16]).collect();
        assert_eq!(written_keys(Some(keys)), bytes);
        assert_eq!(read_keys(&bytes).unwrap(), keys);
        assert!(written_keys(None).is_empty());
    }

    #[rstest]
    #[case(0, false)]
    #[case(3, false)]
    #[case(16, true)]
    #[case(17, false)]
    #[case(32, true)]
    #[case(33, false)]
    fn a_key_option_has_one_or_two_keys(#[case] len: usize, #[case] good: bool) {
        assert_eq!(read_keys(&vec![7; len]).is_ok(), good);
    }
}
