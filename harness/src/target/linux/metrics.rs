//! `ip tcp_metrics flush` by generic netlink: what the kernel remembers of peers is forgotten.

use nix::errno::Errno;
use nix::sys::socket::SockProtocol;

use super::netlink::{Message, Netlink};

/// `linux/genetlink.h` and `linux/tcp_metrics.h`.
const GENL_ID_CTRL: u16 = 0x10;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;
const TCP_METRICS_CMD_DEL: u8 = 2;
const VERSION: u8 = 1;

/// Forgets the metrics of every peer of the calling thread's namespace.
///
/// In a user namespace the kernel refuses with EPERM. A namespace made for one case has nothing to
/// forget but what the case itself has taught it, so that counts as done.
pub(super) fn flush() -> Result<(), Errno> {
    let mut netlink = Netlink::speaking(SockProtocol::NetlinkGeneric)?;
    let mut question = Message::new(GENL_ID_CTRL, 0);
    question.put(&[CTRL_CMD_GETFAMILY, VERSION, 0, 0]);
    question.attribute(CTRL_ATTR_FAMILY_NAME, b"tcp_metrics\0");
    let mut family = None;
    netlink.ask(question, |answer| {
        // The netlink header is 16 bytes, that of generic netlink another 4.
        family = family.or(attribute(
            answer.get(20..).unwrap_or_default(),
            CTRL_ATTR_FAMILY_ID,
        ));
    })?;
    let mut order = Message::new(family.ok_or(Errno::ENOENT)?, 0);
    order.put(&[TCP_METRICS_CMD_DEL, VERSION, 0, 0]);
    match netlink.request(order) {
        Err(Errno::EPERM) => Ok(()),
        other => other,
    }
}

/// The 16-bit attribute `wanted` among attributes.
fn attribute(mut bytes: &[u8], wanted: u16) -> Option<u16> {
    loop {
        let len = usize::from(u16::from_ne_bytes(bytes.get(0..2)?.try_into().ok()?));
        let kind = u16::from_ne_bytes(bytes.get(2..4)?.try_into().ok()?);
        if kind == wanted {
            return Some(u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?));
        }
        bytes = bytes.get(len.max(4).next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_found_behind_others_and_none_in_rubbish() {
        let mut message = Message::bare();
        message.attribute(2, b"tcp_metrics\0");
        message.attribute(1, &29_u16.to_ne_bytes());
        assert_eq!(attribute(message.bytes(), 1), Some(29));
        assert_eq!(attribute(message.bytes(), 7), None);
        for len in 0..12 {
            assert_eq!(attribute(&vec![0; len], 1), None);
            assert_eq!(attribute(&vec![0xff; len], 1), None);
        }
    }
}
