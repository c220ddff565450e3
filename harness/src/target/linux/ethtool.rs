//! The few settings of a device that only ethtool's ioctl can change.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

/// ETHTOOL_GSET, ETHTOOL_SSET and ETHTOOL_STXCSUM of linux/ethtool.h.
const GET_SETTINGS: u32 = 1;
const SET_SETTINGS: u32 = 2;
const SET_TX_CHECKSUMMING: u32 = 0x17;

/// `struct ethtool_cmd` of linux/ethtool.h, in words; the speed's halves stand apart.
const COMMAND_WORDS: usize = 11;
const SPEED_WORD: usize = 3;
const SPEED_HIGH_WORD: usize = 7;

nix::ioctl_readwrite_bad!(ethtool, libc::SIOCETHTOOL, libc::ifreq);

/// Has the kernel fill in the checksums of what leaves the device, and cut it into segments,
/// before anybody sees it.
pub(super) fn without_offloads(device: &str) -> Result<(), Errno> {
    let mut value = [SET_TX_CHECKSUMMING, 0];
    ask(device, &mut value)
}

/// Has the device report a speed in Mbit/s.
pub(super) fn set_speed(device: &str, speed: u32) -> Result<(), Errno> {
    let mut settings = [0; COMMAND_WORDS];
    settings[0] = GET_SETTINGS;
    ask(device, &mut settings)?;
    settings[0] = SET_SETTINGS;
    put_speed(&mut settings, speed);
    ask(device, &mut settings)
}

/// The low half stands before `duplex` and `port`, the high half before `eth_tp_mdix`.
fn put_speed(settings: &mut [u32; COMMAND_WORDS], speed: u32) {
    for (word, half) in [(SPEED_WORD, speed), (SPEED_HIGH_WORD, speed >> 16)] {
        let mut bytes = settings[word].to_ne_bytes();
        bytes[..2].copy_from_slice(&(half as u16).to_ne_bytes());
        settings[word] = u32::from_ne_bytes(bytes);
    }
}

fn ask(device: &str, words: &mut [u32]) -> Result<(), Errno> {
    let fd: OwnedFd = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    // SAFETY: `ifreq` is plain data for which all zeros is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(device.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_data = words.as_mut_ptr().cast();
    // SAFETY: the kernel reads and writes one `ifreq` and behind its pointer the structure that the
    // first word names, which `words` is as long as; both outlive the call.
    unsafe { ethtool(fd.as_raw_fd(), &raw mut request) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_put_in_two_halves_and_leaves_the_rest() {
        let mut settings = [u32::from_ne_bytes([9, 9, 7, 8]); COMMAND_WORDS];
        put_speed(&mut settings, 0x0001_86a0);
        let low = 0x86a0_u16.to_ne_bytes();
        let high = 1_u16.to_ne_bytes();
        assert_eq!(settings[SPEED_WORD].to_ne_bytes(), [low[0], low[1], 7, 8]);
        assert_eq!(
            settings[SPEED_HIGH_WORD].to_ne_bytes(),
            [high[0], high[1], 7, 8]
        );
        assert_eq!(settings[4].to_ne_bytes(), [9, 9, 7, 8]);
    }
}
