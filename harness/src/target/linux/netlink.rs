//! Netlink (netlink(7)): requests, and the messages that they are made of.
//!
//! Written by hand because forking `ip` costs 10 ms a call and `ip` may not be installed.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};

use super::rtnetlink::{self, Route};

nix::ioctl_read_bad!(interface_index, libc::SIOCGIFINDEX, libc::ifreq);

/// A netlink socket of the calling thread's network namespace.
#[derive(Debug)]
pub(super) struct Netlink {
    fd: OwnedFd,
    sequence: u32,
}

impl Netlink {
    /// For links, addresses, routes and queueing disciplines.
    pub(super) fn open() -> Result<Netlink, Errno> {
        Netlink::speaking(SockProtocol::NetlinkRoute)
    }

    pub(super) fn speaking(protocol: SockProtocol) -> Result<Netlink, Errno> {
        let fd = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            protocol,
        )?;
        Ok(Netlink { fd, sequence: 0 })
    }

    /// Adds a route or replaces the one to the same prefix.
    ///
    /// The runners of packetdrill's scripts name the host's own address as the gateway. The kernel
    /// takes that if it may look for the gateway itself, but not as one that is on the link.
    pub(super) fn set_route(&mut self, route: &Route) -> Result<(), Errno> {
        match self.request(rtnetlink::route(route, rtnetlink::RTNH_F_ONLINK)) {
            Err(Errno::EINVAL) => self.request(rtnetlink::route(route, 0)),
            other => other,
        }
    }

    /// Sends several requests in one piece, and waits until the kernel has dealt with all.
    ///
    /// # Errors
    /// The place of the first that is refused, and why; the others are dealt with all the same.
    pub(super) fn request_all(&mut self, messages: Vec<Message>) -> Result<(), (usize, Errno)> {
        let Some(last) = messages.len().checked_sub(1) else {
            return Ok(());
        };
        let first = self.sequence + 1;
        let mut piece = Vec::new();
        for (place, mut message) in messages.into_iter().enumerate() {
            if place < last {
                message.is_not_to_be_acknowledged();
            }
            self.sequence += 1;
            piece.extend(message.finish(self.sequence));
        }
        let fd = self.fd.as_raw_fd();
        send(fd, &piece, MsgFlags::empty()).map_err(|errno| (0, errno))?;
        let mut refused = None;
        loop {
            let answer = self.answer().map_err(|errno| (0, errno))?;
            let Some((sequence, result)) = acknowledgement(&answer) else {
                continue;
            };
            let place = sequence.wrapping_sub(first) as usize;
            if let Err(errno) = result {
                refused = refused.or(Some((place, errno)));
            }
            if place == last {
                return refused.map_or(Ok(()), Err);
            }
        }
    }

    /// Sends one request and waits for the kernel's acknowledgement, which always comes.
    pub(super) fn request(&mut self, message: Message) -> Result<(), Errno> {
        self.ask(message, |_| {})
    }

    /// As [`request`](Self::request), for questions: `answer` is given what comes before the
    /// acknowledgement.
    pub(super) fn ask(
        &mut self,
        message: Message,
        mut answer_is: impl FnMut(&[u8]),
    ) -> Result<(), Errno> {
        self.sequence += 1;
        let bytes = message.finish(self.sequence);
        send(self.fd.as_raw_fd(), &bytes, MsgFlags::empty())?;
        loop {
            let answer = self.answer()?;
            match acknowledgement(&answer) {
                Some((sequence, result)) if sequence == self.sequence => return result,
                _ => answer_is(&answer),
            }
        }
    }

    fn answer(&self) -> Result<Vec<u8>, Errno> {
        let mut answer = [0; 4096];
        loop {
            match recv(self.fd.as_raw_fd(), &mut answer, MsgFlags::empty()) {
                Err(Errno::EINTR) => {}
                other => return other.map(|len| answer[..len].to_vec()),
            }
        }
    }

    /// The number of an interface.
    pub(super) fn index(&self, name: &str) -> Result<u32, Errno> {
        // SAFETY: `ifreq` is plain data for which all zeros is a valid value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (place, byte) in request.ifr_name.iter_mut().zip(name.bytes().take(15)) {
            *place = byte as libc::c_char;
        }
        // SAFETY: the kernel reads the name, which ends in a zero, and writes one `int` into the union.
        unsafe { interface_index(self.fd.as_raw_fd(), &raw mut request) }?;
        // SAFETY: the kernel has just written this member.
        let index = unsafe { request.ifr_ifru.ifru_ifindex };
        u32::try_from(index).map_err(|_| Errno::ENODEV)
    }
}

/// Which request an answer is the acknowledgement of, if of any, and what it says.
fn acknowledgement(answer: &[u8]) -> Option<(u32, Result<(), Errno>)> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let sequence = u32::from_ne_bytes(answer.get(8..12)?.try_into().ok()?);
    if i32::from(kind) != libc::NLMSG_ERROR {
        return None;
    }
    let code = i32::from_ne_bytes(answer.get(16..20)?.try_into().ok()?);
    let result = match code {
        0 => Ok(()),
        code => Err(Errno::from_raw(-code)),
    };
    Some((sequence, result))
}

/// A netlink message being built.
pub(super) struct Message {
    bytes: Vec<u8>,
}

impl Message {
    pub(super) fn new(kind: u16, flags: i32) -> Message {
        let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK | flags) as u16;
        let mut message = Message::bare();
        message.put(&0_u32.to_ne_bytes());
        message.put(&kind.to_ne_bytes());
        message.put(&flags.to_ne_bytes());
        message.put(&[0; 8]);
        message
    }

    /// Attributes only, to be nested in another message.
    pub(super) fn bare() -> Message {
        Message { bytes: Vec::new() }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn attribute(&mut self, kind: u16, value: &[u8]) {
        let len = 4 + value.len();
        self.put(&(len as u16).to_ne_bytes());
        self.put(&kind.to_ne_bytes());
        self.put(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    /// Only a refusal is told.
    fn is_not_to_be_acknowledged(&mut self) {
        let flags = u16::from_ne_bytes([self.bytes[6], self.bytes[7]]) & !(libc::NLM_F_ACK as u16);
        self.bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
    }

    fn finish(mut self, sequence: u32) -> Vec<u8> {
        let len = self.bytes.len() as u32;
        self.bytes[0..4].copy_from_slice(&len.to_ne_bytes());
        self.bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_padded_to_four_bytes() {
        let mut message = Message::bare();
        message.attribute(7, b"reno\0");
        assert_eq!(message.bytes.len(), 12);
        assert_eq!(message.bytes[0..2], 9_u16.to_ne_bytes());
    }

    #[test]
    fn an_acknowledgement_tells_which_request_and_what_came_of_it() {
        let mut answer = vec![0; 36];
        assert_eq!(acknowledgement(&answer), None);
        answer[4..6].copy_from_slice(&(libc::NLMSG_ERROR as u16).to_ne_bytes());
        answer[8..12].copy_from_slice(&7_u32.to_ne_bytes());
        assert_eq!(acknowledgement(&answer), Some((7, Ok(()))));
        answer[16..20].copy_from_slice(&(-libc::EPERM).to_ne_bytes());
        assert_eq!(acknowledgement(&answer), Some((7, Err(Errno::EPERM))));
        assert_eq!(acknowledgement(&answer[..18]), None);
    }

    #[test]
    fn of_several_requests_the_first_that_is_refused_is_told() {
        let mut netlink = Netlink::open().unwrap();
        let about = |name: &[u8]| {
            let mut message = Message::new(libc::RTM_GETLINK, 0);
            message.put(&[0; 16]);
            message.attribute(libc::IFLA_IFNAME, name);
            message
        };
        let (lo, none) = (|| about(b"lo\0"), || about(b"none of ours\0"));
        let refusal = netlink.request(none()).unwrap_err();
        let several = vec![lo(), none(), lo(), none(), lo()];
        assert_eq!(netlink.request_all(several), Err((1, refusal)));
        assert_eq!(netlink.request_all(vec![lo(), none()]), Err((1, refusal)));
        assert_eq!(netlink.request_all(vec![lo(), lo()]), Ok(()));
        assert_eq!(netlink.request_all(Vec::new()), Ok(()));
    }

    #[test]
    fn an_interface_has_its_number() {
        let netlink = Netlink::open().unwrap();
        assert_eq!(netlink.index("lo"), nix::net::if_::if_nametoindex("lo"));
        assert_eq!(netlink.index("none of ours"), Err(Errno::ENODEV));
    }
}
