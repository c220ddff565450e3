//! Why a datagram was thrown away before any connection saw it.

use core::fmt;

/// One variant for each way in which a datagram can be unusable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// No bytes, or the version is neither 4 nor 6.
    UnknownIpVersion,
    /// Shorter than the fixed IP header.
    IpHeaderTruncated,
    /// IPv4 IHL below 5 or beyond the datagram.
    Ipv4BadHeaderLength,
    /// The IPv4 header checksum is wrong.
    Ipv4BadChecksum,
    /// IPv4 total length smaller than the header or larger than what arrived.
    Ipv4BadTotalLength,
    /// IPv6 payload length larger than what arrived.
    Ipv6BadPayloadLength,
    /// An IPv6 extension header runs past the end.
    Ipv6ExtensionTruncated,
    /// More IPv6 extension headers than any sane sender uses.
    Ipv6TooManyExtensions,
    /// An IPv6 routing header with segments left: we are not its destination.
    Ipv6RoutingHeader,
    /// A fragment; reassembly is the network layer's work.
    Fragment,
    /// The source is unspecified (0.0.0.0 or ::).
    SourceUnspecified,
    /// The source is the broadcast address.
    SourceBroadcast,
    /// The source is a multicast group.
    SourceMulticast,
    /// The source is a loopback address and the destination is not.
    SourceLoopback,
    /// The source is an IPv4-mapped IPv6 address, which must not be on the wire.
    SourceIpv4Mapped,
    /// The destination is broadcast, multicast or unspecified.
    DestinationNotUnicast,
    /// Source and destination are the same address and port.
    SourceIsDestination,
    /// Neither TCP nor ICMP.
    UnknownProtocol,
    /// Fewer than 20 bytes of TCP.
    TcpHeaderTruncated,
    /// TCP data offset below 5.
    TcpDataOffsetTooSmall,
    /// TCP data offset beyond the end of the segment.
    TcpDataOffsetTooLarge,
    /// The TCP checksum is wrong.
    TcpBadChecksum,
    /// Source or destination port 0.
    TcpPortZero,
    /// An ICMP message shorter than its header.
    IcmpTruncated,
    /// The ICMP checksum is wrong.
    IcmpBadChecksum,
    /// An ICMP message that reports no error about a datagram.
    IcmpNotAnError,
    /// The quoted IP header is malformed or shorter than itself.
    IcmpBadQuote,
    /// The quoted datagram is not the first part of a TCP segment.
    IcmpQuoteNotTcp,
    /// The quoted datagram was not sent to or from the host the message is addressed to.
    IcmpQuoteNotOurs,
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DropReason::UnknownIpVersion => "the IP version is neither 4 nor 6",
            DropReason::IpHeaderTruncated => "the IP header is cut short",
            DropReason::Ipv4BadHeaderLength => {
                "the IPv4 header length is below 5 or beyond the datagram"
            }
            DropReason::Ipv4BadChecksum => "the IPv4 header checksum is wrong",
            DropReason::Ipv4BadTotalLength => "the IPv4 total length does not fit the datagram",
            DropReason::Ipv6BadPayloadLength => "the IPv6 payload length exceeds the datagram",
            DropReason::Ipv6ExtensionTruncated => "an IPv6 extension header is cut short",
            DropReason::Ipv6TooManyExtensions => "too many IPv6 extension headers",
            DropReason::Ipv6RoutingHeader => "an IPv6 routing header has segments left",
            DropReason::Fragment => "it is a fragment, and fragments are not reassembled",
            DropReason::SourceUnspecified => "the source address is unspecified",
            DropReason::SourceBroadcast => "the source address is broadcast",
            DropReason::SourceMulticast => "the source address is multicast",
            DropReason::SourceLoopback => "a loopback source came from outside",
            DropReason::SourceIpv4Mapped => "the source is an IPv4-mapped IPv6 address",
            DropReason::DestinationNotUnicast => "the destination is not a unicast address",
            DropReason::SourceIsDestination => "source and destination are the same socket",
            DropReason::UnknownProtocol => "the protocol is neither TCP nor ICMP",
            DropReason::TcpHeaderTruncated => "fewer than 20 bytes of TCP",
            DropReason::TcpDataOffsetTooSmall => "the TCP data offset is below 5",
            DropReason::TcpDataOffsetTooLarge => "the TCP data offset exceeds the segment",
            DropReason::TcpBadChecksum => "the TCP checksum is wrong",
            DropReason::TcpPortZero => "a TCP port is 0",
            DropReason::IcmpTruncated => "the ICMP message is cut short",
            DropReason::IcmpBadChecksum => "the ICMP checksum is wrong",
            DropReason::IcmpNotAnError => "the ICMP message reports no error",
            DropReason::IcmpBadQuote => "the datagram quoted by ICMP is malformed",
            DropReason::IcmpQuoteNotTcp => "the datagram quoted by ICMP is not TCP's first part",
            DropReason::IcmpQuoteNotOurs => "the datagram quoted by ICMP was not sent from here",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    #[test]
    fn every_reason_is_told_in_words() {
        let reasons = [
            DropReason::UnknownIpVersion,
            DropReason::IpHeaderTruncated,
            DropReason::Ipv4BadHeaderLength,
            DropReason::Ipv4BadChecksum,
            DropReason::Ipv4BadTotalLength,
            DropReason::Ipv6BadPayloadLength,
            DropReason::Ipv6ExtensionTruncated,
            DropReason::Ipv6TooManyExtensions,
            DropReason::Ipv6RoutingHeader,
            DropReason::Fragment,
            DropReason::SourceUnspecified,
            DropReason::SourceBroadcast,
            DropReason::SourceMulticast,
            DropReason::SourceLoopback,
            DropReason::SourceIpv4Mapped,
            DropReason::DestinationNotUnicast,
            DropReason::SourceIsDestination,
            DropReason::UnknownProtocol,
            DropReason::TcpHeaderTruncated,
            DropReason::TcpDataOffsetTooSmall,
            DropReason::TcpDataOffsetTooLarge,
            DropReason::TcpBadChecksum,
            DropReason::TcpPortZero,
            DropReason::IcmpTruncated,
            DropReason::IcmpBadChecksum,
            DropReason::IcmpNotAnError,
            DropReason::IcmpBadQuote,
            DropReason::IcmpQuoteNotTcp,
            DropReason::IcmpQuoteNotOurs,
        ];
        let lines: Vec<_> = reasons.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
