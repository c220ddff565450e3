//! Calls on addresses, and addresses in the kernel's form.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use nix::errno::Errno;

use super::{failed, outcome, outcome_with};
use crate::call::{Address, Call, Outcome, Output};
use crate::target::TargetError;
use crate::target::linux::fds::FdTable;

/// An address as the kernel wants it.
pub(super) struct RawAddress {
    storage: libc::sockaddr_storage,
    len: libc::socklen_t,
}

/// The address at the other end of a socket; `None` if it has none (any more).
pub(in crate::target::linux) fn peer(fd: i32) -> Option<SocketAddr> {
    let peer = nix::sys::socket::getpeername::<nix::sys::socket::SockaddrStorage>(fd).ok()?;
    peer.as_sockaddr_in()
        .map(|v4| SocketAddr::V4((*v4).into()))
        .or_else(|| {
            peer.as_sockaddr_in6()
                .map(|v6| SocketAddr::V6((*v6).into()))
        })
}

impl RawAddress {
    pub(super) fn as_ptr(&self) -> *const libc::sockaddr {
        (&raw const self.storage).cast()
    }

    pub(super) fn len(&self) -> libc::socklen_t {
        self.len
    }

    /// An address for the socket `fd`: an IPv4 address becomes `::ffff:a.b.c.d` on an IPv6 socket.
    pub(super) fn for_socket(fd: i32, address: &Address) -> Result<RawAddress, TargetError> {
        match address {
            Address::Default => Err(TargetError::Machine(
                "a call came with an address that was never filled in".into(),
            )),
            Address::Unspecified => Ok(RawAddress::unspecified()),
            Address::Is(address) => Ok(RawAddress::new(fit(*address, domain(fd)))),
        }
    }

    fn unspecified() -> RawAddress {
        // SAFETY: all zeros is a valid `sockaddr_storage`; its family is AF_UNSPEC.
        let storage = unsafe { std::mem::zeroed() };
        RawAddress {
            storage,
            len: size_of::<libc::sockaddr_in>() as libc::socklen_t,
        }
    }

    fn new(address: SocketAddr) -> RawAddress {
        let mut raw = RawAddress::unspecified();
        match address {
            SocketAddr::V4(address) => {
                let value = libc::sockaddr_in {
                    sin_family: libc::AF_INET as libc::sa_family_t,
                    sin_port: address.port().to_be(),
                    sin_addr: libc::in_addr {
                        s_addr: u32::from_ne_bytes(address.ip().octets()),
                    },
                    sin_zero: [0; 8],
                };
                // SAFETY: `sockaddr_storage` is larger than and aligned for every socket address.
                unsafe {
                    (&raw mut raw.storage)
                        .cast::<libc::sockaddr_in>()
                        .write(value)
                };
            }
            SocketAddr::V6(address) => {
                let value = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as libc::sa_family_t,
                    sin6_port: address.port().to_be(),
                    sin6_flowinfo: address.flowinfo().to_be(),
                    sin6_addr: libc::in6_addr {
                        s6_addr: address.ip().octets(),
                    },
                    sin6_scope_id: address.scope_id(),
                };
                // SAFETY: as above.
                unsafe {
                    (&raw mut raw.storage)
                        .cast::<libc::sockaddr_in6>()
                        .write(value)
                };
                raw.len = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
            }
        }
        raw
    }
}

/// Room for an address that the kernel writes.
pub(super) struct AddressRoom {
    storage: libc::sockaddr_storage,
    len: libc::socklen_t,
}

impl AddressRoom {
    pub(super) fn new() -> AddressRoom {
        // SAFETY: all zeros is a valid `sockaddr_storage`.
        let storage = unsafe { std::mem::zeroed() };
        AddressRoom {
            storage,
            len: size_of::<libc::sockaddr_storage>() as libc::socklen_t,
        }
    }

    /// Where the kernel may write the address and its length.
    pub(super) fn as_mut_ptrs(&mut self) -> (*mut libc::sockaddr, *mut libc::socklen_t) {
        ((&raw mut self.storage).cast(), &raw mut self.len)
    }

    /// The same for a message header.
    pub(super) fn lend(&mut self, header: &mut libc::msghdr) {
        header.msg_name = (&raw mut self.storage).cast();
        header.msg_namelen = self.len;
    }

    /// What the kernel wrote, if it is an internet address. Without an address it writes nothing,
    /// and the family stays AF_UNSPEC.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        let at = &raw const self.storage;
        match i32::from(self.storage.ss_family) {
            libc::AF_INET => {
                // SAFETY: a `sockaddr_storage` of this family holds a `sockaddr_in`.
                let address = unsafe { at.cast::<libc::sockaddr_in>().read() };
                let ip = Ipv4Addr::from(address.sin_addr.s_addr.to_ne_bytes());
                Some(SocketAddr::new(
                    IpAddr::V4(ip),
                    u16::from_be(address.sin_port),
                ))
            }
            libc::AF_INET6 => {
                // SAFETY: a `sockaddr_storage` of this family holds a `sockaddr_in6`.
                let address = unsafe { at.cast::<libc::sockaddr_in6>().read() };
                let ip = Ipv6Addr::from(address.sin6_addr.s6_addr);
                Some(SocketAddr::new(
                    IpAddr::V6(ip),
                    u16::from_be(address.sin6_port),
                ))
            }
            _ => None,
        }
    }
}

/// `getsockname` and `getpeername`.
fn name(fd: i32, peer: bool) -> Outcome {
    let mut room = AddressRoom::new();
    let (address, len) = room.as_mut_ptrs();
    // SAFETY: the kernel writes at most as much of the address as there is room for.
    let result = unsafe {
        match peer {
            true => libc::getpeername(fd, address, len),
            false => libc::getsockname(fd, address, len),
        }
    };
    outcome_with(result.into(), |_| Output::Address(room.address()))
}

/// An address in the family of a socket, where that is possible without changing what it means.
fn fit(address: SocketAddr, domain: Option<i32>) -> SocketAddr {
    match (address, domain) {
        (SocketAddr::V4(v4), Some(libc::AF_INET6)) => {
            SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0).into()
        }
        (SocketAddr::V6(v6), Some(libc::AF_INET)) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => SocketAddr::new(IpAddr::V4(v4), v6.port()),
            None => address,
        },
        _ => address,
    }
}

/// SO_DOMAIN of a socket.
fn domain(fd: i32) -> Option<i32> {
    let mut domain: libc::c_int = 0;
    let mut len = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes into an int of that size.
    let result = unsafe {
        libc::getsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_DOMAIN,
            (&raw mut domain).cast(),
            &raw mut len,
        )
    };
    (result == 0).then_some(domain)
}

/// `bind`, `connect`, `listen`, `shutdown`, and the names of both sides.
pub(super) fn perform(call: &Call, fds: &FdTable) -> Result<Outcome, TargetError> {
    Ok(match call {
        Call::Bind { fd, address } => {
            let fd = fds.live(*fd);
            let address = RawAddress::for_socket(fd, address)?;
            // SAFETY: the kernel reads `len` bytes of an address that is at least that long.
            outcome(unsafe { libc::bind(fd, address.as_ptr(), address.len()) }.into())
        }
        Call::Connect { fd, address } => {
            let fd = fds.live(*fd);
            let address = RawAddress::for_socket(fd, address)?;
            // SAFETY: the kernel reads `len` bytes of an address that is at least that long.
            outcome(unsafe { libc::connect(fd, address.as_ptr(), address.len()) }.into())
        }
        Call::Listen { fd, backlog } => {
            // SAFETY: numbers only.
            outcome(unsafe { libc::listen(fds.live(*fd), *backlog) }.into())
        }
        Call::Shutdown { fd, how } => {
            // SAFETY: numbers only.
            outcome(unsafe { libc::shutdown(fds.live(*fd), *how) }.into())
        }
        Call::GetName { fd, peer } => name(fds.live(*fd), *peer),
        _ => failed(Errno::ENOSYS),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_takes_the_family_of_its_socket() {
        let v4: SocketAddr = "192.0.2.1:80".parse().unwrap();
        let mapped: SocketAddr = "[::ffff:192.0.2.1]:80".parse().unwrap();
        let v6: SocketAddr = "[2001:db8::1]:80".parse().unwrap();
        assert_eq!(fit(v4, Some(libc::AF_INET6)), mapped);
        assert_eq!(fit(mapped, Some(libc::AF_INET)), v4);
        assert_eq!(fit(v4, Some(libc::AF_INET)), v4);
        assert_eq!(fit(v6, Some(libc::AF_INET)), v6);
        assert_eq!(fit(v6, None), v6);
    }
}
