//! `sendmsg` and `recvmsg`, and control messages.

use nix::sys::time::TimeSpec;

use super::address::{AddressRoom, RawAddress};
use super::buffers::{Parts, pin_if_needed, vector_of};
use super::{MAX_BUFFER, failed, outcome, outcome_with};
use crate::call::{Address, Call, ControlMessage, Outcome, Output};
use crate::target::TargetError;
use crate::target::linux::clock::Clock;
use crate::target::linux::fds::FdTable;

/// `sendto` and `sendmsg`. The buffers at `nulls` are NULL for the kernel.
pub(super) fn send(call: &Call, nulls: &[usize], fds: &FdTable) -> Result<Outcome, TargetError> {
    let (fd, data, flags, address, control) = match call {
        Call::SendTo {
            fd,
            data,
            flags,
            address,
        } => (fd, vec![data.clone()], *flags, Some(address), &[][..]),
        Call::SendMsg {
            fd,
            data,
            flags,
            address,
            control,
        } => (
            fd,
            data.clone(),
            *flags,
            address.as_ref(),
            control.as_slice(),
        ),
        _ => return Ok(failed(nix::errno::Errno::ENOSYS)),
    };
    let number = fds.live(*fd);
    let address: Option<&Address> = address;
    let address = address
        .map(|address| RawAddress::for_socket(number, address))
        .transpose()?;
    let mut vector = vector_of(&data);
    make_null(&mut vector, nulls);
    let mut control = encoded(control);
    let mut header = empty_header();
    if let Some(address) = &address {
        header.msg_name = address.as_ptr().cast_mut().cast();
        header.msg_namelen = address.len();
    }
    header.msg_iov = vector.as_mut_ptr();
    header.msg_iovlen = vector.len() as _;
    if !control.is_empty() {
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = size_of_val(control.as_slice()) as _;
    }
    // SAFETY: the header points at an address, a vector and control messages on this frame; the
    // vector describes memory that outlives the call (and stays, see `pin_if_needed`, with
    // MSG_ZEROCOPY), or is null, which the kernel refuses.
    let result = unsafe { libc::sendmsg(number, &raw const header, flags) };
    let outcome = outcome(result as i64);
    pin_if_needed(flags, data, fds);
    Ok(outcome)
}

/// `recvmsg` into these buffers.
pub(super) fn receive(fd: i32, parts: &mut Parts, flags: i32, control_len: usize) -> Outcome {
    // Control messages are aligned like a `usize`.
    let control_len = control_len.min(MAX_BUFFER);
    let mut control = vec![0_usize; control_len.div_ceil(size_of::<usize>())];
    let mut peer = AddressRoom::new();
    let mut header = empty_header();
    peer.lend(&mut header);
    header.msg_iov = parts.vector.as_mut_ptr();
    header.msg_iovlen = parts.vector.len() as _;
    if control_len > 0 {
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = control_len as _;
    }
    // SAFETY: the header points at memory of `parts`, `peer` and `control`, of the lengths it says;
    // a null buffer the kernel refuses.
    let result = unsafe { libc::recvmsg(fd, &raw mut header, flags) };
    outcome_with(result as i64, |len| Output::Message {
        data: parts.take(len),
        flags: header.msg_flags,
        // SAFETY: the kernel has filled in the header and the control messages it points at.
        control: unsafe { control_messages(&header) },
        address: peer.address(),
    })
}

/// Makes these entries of a vector point nowhere.
pub(super) fn make_null(vector: &mut [libc::iovec], nulls: &[usize]) {
    for at in nulls {
        if let Some(entry) = vector.get_mut(*at) {
            entry.iov_base = std::ptr::null_mut();
        }
    }
}

/// Control messages as the kernel reads them: each a header, its data, and padding to a `usize`.
fn encoded(messages: &[ControlMessage]) -> Vec<usize> {
    let mut bytes = Vec::new();
    for message in messages {
        let len = message.data.len() as libc::c_uint;
        // SAFETY: both only reckon.
        let (full, space) = unsafe { (libc::CMSG_LEN(len), libc::CMSG_SPACE(len)) };
        let start = bytes.len();
        bytes.extend((full as usize).to_ne_bytes());
        bytes.extend(message.level.to_ne_bytes());
        bytes.extend(message.kind.to_ne_bytes());
        bytes.extend(&message.data);
        bytes.resize(start + space as usize, 0);
    }
    bytes
        .chunks(size_of::<usize>())
        .map(|chunk| {
            let mut word = [0; size_of::<usize>()];
            word[..chunk.len()].copy_from_slice(chunk);
            usize::from_ne_bytes(word)
        })
        .collect()
}

/// # Safety
/// `header` must have been filled in by a successful `recvmsg` and its control buffer be alive.
unsafe fn control_messages(header: &libc::msghdr) -> Vec<ControlMessage> {
    let mut messages = Vec::new();
    // SAFETY: the CMSG macros walk the control buffer within the length the kernel set; each
    // message has `cmsg_len` bytes, data included.
    unsafe {
        let mut at = libc::CMSG_FIRSTHDR(header);
        while let Some(message) = at.as_ref() {
            let len = usize::saturating_sub(message.cmsg_len as _, libc::CMSG_LEN(0) as usize);
            messages.push(ControlMessage {
                level: message.cmsg_level,
                kind: message.cmsg_type,
                data: std::slice::from_raw_parts(libc::CMSG_DATA(at), len).to_vec(),
            });
            at = libc::CMSG_NXTHDR(header, at);
        }
    }
    messages
}

/// Brings the time stamps among the control messages from the wall clock to the case's own.
pub(in crate::target::linux) fn in_case_time(outcome: &mut Outcome, clock: Clock) {
    let Output::Message { control, .. } = &mut outcome.output else {
        return;
    };
    for message in control {
        let stamps = message.level == libc::SOL_SOCKET
            && [libc::SCM_TIMESTAMPING, libc::SCM_TIMESTAMPNS].contains(&message.kind);
        if stamps {
            rebase(&mut message.data, clock);
        }
    }
}

/// Stamps of two words, seconds and nanoseconds; one that was not taken is zero and stays so.
fn rebase(data: &mut [u8], clock: Clock) {
    const WORD: usize = size_of::<i64>();
    for stamp in data.chunks_exact_mut(2 * WORD) {
        let (Some(sec), Some(nsec)) = (stamp.first_chunk(), stamp.last_chunk()) else {
            continue;
        };
        let (sec, nsec) = (i64::from_ne_bytes(*sec), i64::from_ne_bytes(*nsec));
        if (sec, nsec) == (0, 0) {
            continue;
        }
        let at = clock
            .time_of_stamp(TimeSpec::new(sec as _, nsec as _))
            .as_micros();
        let nanos = at.rem_euclid(1_000_000) * 1_000;
        stamp[..WORD].copy_from_slice(&at.div_euclid(1_000_000).to_ne_bytes());
        stamp[WORD..].copy_from_slice(&nanos.to_ne_bytes());
    }
}

fn empty_header() -> libc::msghdr {
    // SAFETY: all zeros is a valid `msghdr`: no address, no buffers, no control.
    unsafe { std::mem::zeroed() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_messages_come_back_as_they_were_encoded() {
        let messages = vec![
            ControlMessage {
                level: 1,
                kind: 37,
                data: 7_i32.to_ne_bytes().to_vec(),
            },
            ControlMessage {
                level: 0,
                kind: 1,
                data: vec![3; 9],
            },
        ];
        let mut words = encoded(&messages);
        let mut header = empty_header();
        header.msg_control = words.as_mut_ptr().cast();
        header.msg_controllen = size_of_val(words.as_slice()) as _;
        // SAFETY: the header points at control messages on this frame.
        assert_eq!(unsafe { control_messages(&header) }, messages);
    }

    #[test]
    fn a_stamp_becomes_the_cases_time_and_none_stays_none() {
        let clock = Clock::new();
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let mut data = (now.as_secs() as i64).to_ne_bytes().to_vec();
        data.extend(i64::from(now.subsec_nanos()).to_ne_bytes());
        data.extend([0; 16]);
        rebase(&mut data, clock);
        let seconds = i64::from_ne_bytes(*data.first_chunk().unwrap());
        assert!((-60..60).contains(&seconds), "{seconds}");
        assert_eq!(data[16..], [0; 16]);
    }
}
