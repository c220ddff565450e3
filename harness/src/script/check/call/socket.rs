//! Calls that make, name, join and end sockets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Lowered, plain};
use crate::call::{Address, Call};
use crate::program::{AddressExpectation, IpVersion, OutputExpectation};
use crate::script::ast::Expr;
use crate::script::check::Checker;
use crate::script::check::value::Argument;
use crate::source::Span;

const AF_UNSPEC: i64 = 0;
const AF_INET: i32 = 2;
const AF_INET6: i32 = 10;
const SOCK_STREAM: i32 = 1;
const SOCK_DGRAM: i32 = 2;
const SOCK_TYPE_MASK: i32 = 0xf;
const IPPROTO_ICMP: i32 = 1;
const IPPROTO_ICMPV6: i32 = 58;
const IPPROTO_MPTCP: i32 = 262;

impl Checker<'_> {
    pub(super) fn socket_call(
        &mut self,
        name: &str,
        arguments: &[Argument],
        span: Span,
    ) -> Option<Lowered> {
        match name {
            "socket" => self.socket(arguments, span),
            "bind" | "connect" => {
                let fd = self.fd(&arguments[0]);
                let address = self.address(&arguments[1]);
                let length = self.address_length(&arguments[2]);
                let (fd, address) = (fd?, address?);
                length?;
                plain(match name {
                    "bind" => Call::Bind { fd, address },
                    _ => Call::Connect { fd, address },
                })
            }
            "accept" | "accept4" => {
                let fd = self.fd(&arguments[0]);
                let address = self.address_expectation(&arguments[1], &arguments[2]);
                let flags = match arguments.get(3) {
                    Some(flags) => Some(self.c_int(flags, "the flags")?),
                    None => None,
                };
                let (fd, address) = (fd?, address?);
                let output = match address == AddressExpectation::default() {
                    true => OutputExpectation::Any,
                    false => OutputExpectation::Address(address),
                };
                Some((Call::Accept { fd, flags }, output))
            }
            "listen" => {
                let fd = self.fd(&arguments[0]);
                let backlog = self.c_int(&arguments[1], "the backlog");
                plain(Call::Listen {
                    fd: fd?,
                    backlog: backlog?,
                })
            }
            "close" => plain(Call::Close {
                fd: self.fd(&arguments[0])?,
            }),
            _ => {
                let fd = self.fd(&arguments[0]);
                let how = self.c_int(&arguments[1], "SHUT_RD, SHUT_WR or SHUT_RDWR");
                plain(Call::Shutdown { fd: fd?, how: how? })
            }
        }
    }

    fn socket(&mut self, arguments: &[Argument], span: Span) -> Option<Lowered> {
        let domain = match &arguments[0].node {
            Expr::Ellipsis => Some(match self.ip_version {
                IpVersion::Ipv4 => AF_INET,
                IpVersion::Ipv6 | IpVersion::Ipv4MappedIpv6 => AF_INET6,
            }),
            _ => self.c_int(&arguments[0], "`...` or an address family"),
        };
        let kind = self.c_int(&arguments[1], "a socket type");
        let protocol = self.c_int(&arguments[2], "a protocol");
        let (domain, kind, protocol) = (domain?, kind?, protocol?);
        match (kind & SOCK_TYPE_MASK, protocol) {
            (SOCK_STREAM, IPPROTO_MPTCP) => self.need("mptcp", span),
            (SOCK_STREAM, _) => {}
            (SOCK_DGRAM, IPPROTO_ICMP | IPPROTO_ICMPV6) => self.need("icmp", span),
            (SOCK_DGRAM, _) => self.need("udp", span),
            _ => self.need("raw", span),
        }
        if domain != AF_INET && domain != AF_INET6 {
            self.need(format!("family:{domain}"), span);
        }
        plain(Call::Socket {
            domain,
            kind,
            protocol,
        })
    }

    /// `...`, `AF_UNSPEC`, or an address in braces.
    pub(super) fn address(&mut self, argument: &Argument) -> Option<Address> {
        match &argument.node {
            Expr::Ellipsis => Some(Address::Default),
            Expr::Braces(_) => {
                self.superset(argument.span, "an address written out");
                self.literal_address(argument)
            }
            Expr::Word(_) | Expr::Int(_) => match self.int(argument, "an address")? {
                AF_UNSPEC => Some(Address::Unspecified),
                _ => self.wrong(argument, "`...`, `AF_UNSPEC` or an address in braces"),
            },
            _ => self.wrong(argument, "`...`, `AF_UNSPEC` or an address in braces"),
        }
    }

    /// `{sa_family=AF_INET, sin_port=htons(8080), sin_addr=inet_addr("192.0.2.1")}`
    fn literal_address(&mut self, argument: &Argument) -> Option<Address> {
        let address = self.address_members(argument)?;
        match address {
            AddressExpectation {
                family: Some(_),
                port: Some(port),
                ip: Some(ip),
                ..
            } => Some(Address::Is(SocketAddr::new(ip, port))),
            _ => self.wrong(argument, "an address with nothing left open"),
        }
    }

    /// An address that a call writes, and its length: `...`, `NULL`, or what it must be.
    pub(super) fn address_expectation(
        &mut self,
        argument: &Argument,
        length: &Argument,
    ) -> Option<AddressExpectation> {
        let address = self.address_pattern(argument);
        let len = match &length.node {
            Expr::List(items) if items.len() == 1 => {
                self.superset(length.span, "the length of an address");
                Some(self.c_unsigned(&items[0], "the length of an address")?)
            }
            _ => {
                self.address_length(length)?;
                None
            }
        };
        Some(AddressExpectation { len, ..address? })
    }

    /// `...`, `NULL`, or the members that must be right.
    pub(super) fn address_pattern(&mut self, argument: &Argument) -> Option<AddressExpectation> {
        match &argument.node {
            Expr::Ellipsis => Some(AddressExpectation::default()),
            Expr::Word(name) if name == "NULL" => Some(AddressExpectation::default()),
            Expr::Braces(_) => {
                self.superset(argument.span, "an address written out");
                self.address_members(argument)
            }
            _ => self.wrong(argument, "`...`, `NULL` or an address in braces"),
        }
    }

    /// The members of an address; those that are `...` stay open.
    fn address_members(&mut self, argument: &Argument) -> Option<AddressExpectation> {
        let names = ["sa_family", "sin_port", "sin_addr"];
        let members = self.members(argument, names, 3)?;
        let [family, port, address] =
            members.map(|member| member.filter(|member| member.node != Expr::Ellipsis));
        let mut expected = AddressExpectation::default();
        if let Some(family) = family {
            expected.family = Some(self.c_int(family, "an address family")?);
        }
        if let Some(port) = port {
            expected.port = Some(self.port(port)?);
        }
        if let Some(address) = address {
            expected.ip = Some(self.ip_of(address)?);
        }
        if let (Some(family), Some(ip)) = (expected.family, expected.ip)
            && family != if ip.is_ipv6() { AF_INET6 } else { AF_INET }
        {
            return self.wrong(argument, "a family and an address that agree");
        }
        Some(expected)
    }

    fn ip_of(&mut self, argument: &Argument) -> Option<IpAddr> {
        match &argument.node {
            Expr::Apply(name, inside) if name.node == "inet_addr" && inside.len() == 1 => {
                self.address_text::<Ipv4Addr>(&inside[0]).map(IpAddr::from)
            }
            Expr::Apply(name, inside) if name.node == "inet6_addr" && inside.len() == 1 => {
                self.address_text::<Ipv6Addr>(&inside[0]).map(IpAddr::from)
            }
            _ => self.wrong(argument, "`inet_addr(\"…\")` or `inet6_addr(\"…\")`"),
        }
    }

    /// `htons(N)`: here the number itself is wanted.
    fn port(&mut self, argument: &Argument) -> Option<u16> {
        match &argument.node {
            Expr::Apply(name, inside) if name.node == "htons" && inside.len() == 1 => {
                let port = self.int_between(&inside[0], "a port", 0, 65_535)?;
                u16::try_from(port).ok()
            }
            _ => self.wrong(argument, "`htons(N)`"),
        }
    }

    /// The length of an address: never looked at.
    pub(super) fn address_length(&mut self, argument: &Argument) -> Option<()> {
        match &argument.node {
            Expr::Ellipsis | Expr::Int(_) => Some(()),
            Expr::Word(name) if name == "NULL" => Some(()),
            _ => self.dots(argument, "the length of the address"),
        }
    }
}
