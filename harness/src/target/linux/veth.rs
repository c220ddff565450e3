//! The wire where there is no TUN device: a pair of virtual Ethernet devices in the case's
//! namespace. The stack has one end, named `tun0`; a packet socket at the other puts frames in.
//!
//! `tun0` neither resolves addresses nor offloads anything, so that exactly the same datagrams
//! go over it as over a TUN device. What it sends goes to its own address: the other end, which has
//! another, drops every frame as somebody else's.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::ethtool;
use super::netlink::{Message, Netlink};
use super::offload;
use super::rtnetlink;
use super::sysctl;
use super::tun::NAME;
use crate::target::TargetError;

/// The other end.
const OUTSIDE: &str = "wire0";
/// Its MTU: whatever fits into a datagram can be put in.
const OUTSIDE_MTU: u16 = 65_535;
/// `VETH_INFO_PEER` of linux/veth.h.
const PEER: u16 = 1;
/// `PACKET_VNET_HDR` of linux/if_packet.h.
const PACKET_VNET_HDR: libc::c_int = 15;
/// `PACKET_QDISC_BYPASS` of linux/if_packet.h: the queue of a device that has just come up drops
/// everything until the kernel gets round to noticing.
const PACKET_QDISC_BYPASS: libc::c_int = 20;
/// Two addresses and the type of what follows.
const ETHERNET: usize = 14;

/// A pair of devices. They go with the namespace.
#[derive(Debug)]
pub(super) struct Veth {
    fd: OwnedFd,
    outside: u32,
    /// The hardware address of the stack's end.
    inside_address: [u8; 6],
    mtu: u16,
    segment_size: Option<u16>,
}

impl Veth {
    /// Makes the pair in the calling thread's namespace; `tun0` is still down.
    pub(super) fn open(mtu: u16, segment_size: Option<u16>) -> Result<Veth, TargetError> {
        make_pair().map_err(|errno| TargetError::Unsupported {
            capability: "veth".into(),
            reason: format!("the kernel refuses a pair of virtual Ethernet devices ({errno}); load the module (`modprobe veth`)"),
        })?;
        Veth::set_up(mtu, segment_size).map_err(|(what, errno)| {
            TargetError::Machine(format!(
                "the link of the case cannot be set up: {what}: {errno}"
            ))
        })
    }

    fn set_up(mtu: u16, segment_size: Option<u16>) -> Result<Veth, (&'static str, Errno)> {
        ethtool::without_offloads(NAME).map_err(|errno| ("tun0's checksum offload", errno))?;
        let outside = if_nametoindex(OUTSIDE).map_err(|errno| ("index of wire0", errno))?;
        // It has nothing to say of its own.
        let _ = sysctl::write("net.ipv6.conf.wire0.disable_ipv6", "1");
        Netlink::open()
            .and_then(|mut netlink| netlink.request(rtnetlink::link_up(outside, Some(OUTSIDE_MTU))))
            .map_err(|errno| ("wire0 up", errno))?;
        let fd = injector().map_err(|errno| ("packet socket", errno))?;
        let inside_address =
            hardware_address(NAME).map_err(|errno| ("tun0's hardware address", errno))?;
        Ok(Veth {
            fd,
            outside,
            inside_address,
            mtu,
            segment_size,
        })
    }

    /// Puts one IP datagram in front of the stack.
    ///
    /// # Errors
    /// EINVAL for bytes that are no IP datagram, as a TUN device has it; EMSGSIZE for a datagram
    /// larger than the MTU that is not TCP.
    pub(super) fn write(&self, datagram: &[u8]) -> Result<(), Errno> {
        let kind = match datagram.first().map(|byte| byte >> 4) {
            Some(4) => libc::ETH_P_IP,
            Some(6) => libc::ETH_P_IPV6,
            _ => return Err(Errno::EINVAL),
        };
        let kind = (kind as u16).to_be();
        // What is larger than the device takes goes through as segments that were joined.
        let size = match self.segment_size {
            Some(size) => Some(size),
            None if datagram.len() > usize::from(self.mtu) => Some(self.mtu.saturating_sub(40)),
            None => None,
        };
        let header = size.map_or(offload::PLAIN, |size| {
            offload::segments(datagram, size, Some(ETHERNET as u16))
        });
        let mut frame = Vec::with_capacity(offload::LEN + ETHERNET + datagram.len());
        frame.extend_from_slice(&header);
        frame.extend_from_slice(&self.inside_address);
        // Any sender but the stack's end itself, locally administered.
        frame.extend_from_slice(&[2, 0, 0, 0, 0, 1]);
        frame.extend_from_slice(&kind.to_ne_bytes());
        frame.extend_from_slice(datagram);
        self.send(&frame, kind)
    }

    fn send(&self, frame: &[u8], kind: u16) -> Result<(), Errno> {
        let address = libc::sockaddr_ll {
            sll_family: libc::AF_PACKET as u16,
            sll_protocol: kind,
            sll_ifindex: self.outside as i32,
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 6,
            sll_addr: [0; 8],
        };
        loop {
            // SAFETY: the kernel reads `frame` and one `sockaddr_ll`, of the lengths given.
            let sent = unsafe {
                libc::sendto(
                    self.fd.as_raw_fd(),
                    frame.as_ptr().cast(),
                    frame.len(),
                    0,
                    (&raw const address).cast(),
                    size_of::<libc::sockaddr_ll>() as libc::socklen_t,
                )
            };
            match Errno::result(sent) {
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}

fn make_pair() -> Result<(), Errno> {
    let named = |message: &mut Message, name: &str| {
        message.attribute(libc::IFLA_IFNAME, &[name.as_bytes(), &[0]].concat());
    };
    let mut peer = Message::bare();
    peer.put(&[0; 16]);
    named(&mut peer, OUTSIDE);
    let mut data = Message::bare();
    data.attribute(PEER, peer.bytes());
    let mut info = Message::bare();
    info.attribute(libc::IFLA_INFO_KIND, b"veth");
    info.attribute(libc::IFLA_INFO_DATA, data.bytes());
    let mut message = Message::new(libc::RTM_NEWLINK, libc::NLM_F_CREATE | libc::NLM_F_EXCL);
    message.put(&[0; 16]);
    named(&mut message, NAME);
    message.attribute(libc::IFLA_LINKINFO, info.bytes());
    Netlink::open()?.request(message)
}

/// A socket that frames can be sent through, and that hears nothing.
fn injector() -> Result<OwnedFd, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Packet, SockType::Raw, flags, None)?;
    let on: libc::c_int = 1;
    for option in [PACKET_VNET_HDR, PACKET_QDISC_BYPASS] {
        // SAFETY: the kernel reads one `int`.
        let result = unsafe {
            libc::setsockopt(
                fd.as_raw_fd(),
                libc::SOL_PACKET,
                option,
                (&raw const on).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        Errno::result(result)?;
    }
    Ok(fd)
}

nix::ioctl_readwrite_bad!(get_hardware_address, libc::SIOCGIFHWADDR, libc::ifreq);

fn hardware_address(device: &str) -> Result<[u8; 6], Errno> {
    let fd = socket(
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
    // SAFETY: the kernel reads and writes one `ifreq`; of its union it has filled in the address.
    let data = unsafe {
        get_hardware_address(fd.as_raw_fd(), &raw mut request)?;
        request.ifr_ifru.ifru_hwaddr.sa_data
    };
    Ok(std::array::from_fn(|at| data[at] as u8))
}
