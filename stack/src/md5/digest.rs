//! The digest of a segment (RFC 2385 §2).

use core::net::IpAddr;

use md5::{Digest, Md5};

use super::Md5Key;
use crate::segment::Segment;
use crate::wire::ip::PROTOCOL_TCP;
use crate::wire::signature::Signature;
use crate::wire::tcp;

impl Md5Key {
    /// Signs a segment that is ready to leave: later changes make the signature wrong.
    pub fn sign(&self, segment: &mut Segment) {
        let text = core::mem::take(&mut segment.payload);
        self.sign_around(segment, [&text, &[]]);
        segment.payload = text;
    }

    /// The same where the text is kept elsewhere, in up to two pieces.
    // REQ: RFC2385-1
    pub(crate) fn sign_around<P>(&self, segment: &mut Segment<P>, text: [&[u8]; 2]) {
        // The option counts in the header's length, whatever it will say.
        segment.options.signature = Some(Signature::default());
        let header_len = tcp::FIXED_LEN + segment.options.len();
        let mut signature = Signature {
            digest: [0; 16],
            control: tcp::control_word(header_len, segment.flags, segment.ack.is_some()),
            ack: segment.ack.unwrap_or_default().raw(),
        };
        signature.digest = digest(segment, text, &signature, self);
        segment.options.signature = Some(signature);
    }

    /// Whether a segment as it was received is signed with this key.
    pub fn signed<P: AsRef<[u8]>>(&self, segment: &Segment<P>) -> bool {
        let Some(signature) = &segment.options.signature else {
            return false;
        };
        let text = [segment.payload.as_ref(), &[]];
        let expected = digest(segment, text, signature, self);
        let pairs = expected.iter().zip(&signature.digest);
        // Every byte is looked at, so that the time it takes tells nothing.
        pairs.fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
    }
}

/// Pseudo header, fixed header with a checksum of zero, text, key.
// REQ: RFC2385-3
fn digest<P>(
    segment: &Segment<P>,
    text: [&[u8]; 2],
    signature: &Signature,
    key: &Md5Key,
) -> [u8; 16] {
    let Segment {
        src,
        dst,
        seq,
        wnd,
        up,
        ..
    } = segment;
    let header_len = u32::from(signature.control >> 12) * 4;
    let len = header_len + (text[0].len() + text[1].len()) as u32;
    let mut md5 = Md5::new();
    match (src.ip(), dst.ip()) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            md5.update(src.octets());
            md5.update(dst.octets());
            md5.update([0, PROTOCOL_TCP]);
            md5.update((len as u16).to_be_bytes());
        }
        (src, dst) => {
            for address in [src, dst] {
                match address {
                    IpAddr::V4(v4) => md5.update(v4.to_ipv6_mapped().octets()),
                    IpAddr::V6(v6) => md5.update(v6.octets()),
                }
            }
            md5.update(len.to_be_bytes());
            md5.update([0, 0, 0, PROTOCOL_TCP]);
        }
    }
    md5.update(src.port().to_be_bytes());
    md5.update(dst.port().to_be_bytes());
    md5.update(seq.raw().to_be_bytes());
    md5.update(signature.ack.to_be_bytes());
    md5.update(signature.control.to_be_bytes());
    md5.update(wnd.raw().to_be_bytes());
    md5.update([0, 0]);
    md5.update(up.to_be_bytes());
    md5.update(text[0]);
    md5.update(text[1]);
    md5.update(key.as_bytes());
    md5.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::{self, Flags, Incoming};
    use crate::seq::SeqNum;
    use crate::window::UnscaledWindow;
    use crate::wire::checksum::Checksum;
    use alloc::vec::Vec;
    use proptest::prelude::*;
    use rstest::rstest;

    fn key(text: &str) -> Md5Key {
        Md5Key::new(text.as_bytes()).unwrap()
    }

    fn sample(src: &str, dst: &str) -> Segment {
        Segment {
            seq: SeqNum::new(0x0102_0304),
            ack: Some(SeqNum::new(0x1122_3344)),
            flags: Flags::PSH,
            wnd: UnscaledWindow::new(0x5678),
            up: 0x9abc,
            payload: b"hello".to_vec(),
            ..Segment::new(src.parse().unwrap(), dst.parse().unwrap())
        }
    }

    fn received(segment: &Segment) -> Segment {
        match segment::parse(&segment.emit()) {
            Ok(Incoming::Segment(segment)) => segment,
            other => panic!("{other:?}"),
        }
    }

    /// Makes the checksum of an IPv4 datagram right again.
    fn mend(wire: &mut [u8]) {
        wire[36..38].fill(0);
        let mut sum = Checksum::new();
        let address = |at: usize| IpAddr::from(<[u8; 4]>::try_from(&wire[at..at + 4]).unwrap());
        let (src, dst) = (address(12), address(16));
        sum.add_pseudo_header(src, dst, PROTOCOL_TCP, wire.len() as u32 - 20);
        sum.add(&wire[20..]);
        let field = sum.finish().to_be_bytes();
        wire[36..38].copy_from_slice(&field);
    }

    /// The digest over bytes that are laid out by hand: what is signed is on the wire.
    #[rstest]
    #[case("192.0.2.1:179", "192.0.2.2:4000")]
    #[case("[2001:db8::1]:179", "[2001:db8::2]:4000")]
    fn the_digest_is_that_of_the_bytes_in_the_rfcs_order(#[case] src: &str, #[case] dst: &str) {
        let mut segment = sample(src, dst);
        key("secret").sign(&mut segment);
        let wire = segment.emit();
        let version_4 = wire[0] >> 4 == 4;
        let (ip, tcp) = wire.split_at(if version_4 { 20 } else { 40 });
        // Two NOPs and the option: 40 bytes of header.
        assert_eq!(tcp[12] >> 4, 10);
        assert_eq!(tcp[20..24], [1, 1, 19, 18]);
        let mut bytes = Vec::new();
        let len = tcp.len() as u8;
        if version_4 {
            bytes.extend(&ip[12..20]);
            bytes.extend([0, 6, 0, len]);
        } else {
            bytes.extend(&ip[8..40]);
            bytes.extend([0, 0, 0, len, 0, 0, 0, 6]);
        }
        bytes.extend(&tcp[..16]);
        bytes.extend([0, 0]);
        bytes.extend(&tcp[18..20]);
        bytes.extend(b"hello");
        bytes.extend(b"secret");
        assert_eq!(tcp[24..40], Md5::digest(&bytes)[..]);
    }

    /// Worked out with Python's hashlib over bytes that its struct module laid out.
    #[test]
    fn a_known_digest() {
        let mut segment = sample("192.0.2.1:179", "192.0.2.2:4000");
        key("secret").sign(&mut segment);
        let digest = segment.options.signature.unwrap().digest;
        let hex: alloc::string::String = digest
            .iter()
            .map(|byte| alloc::format!("{byte:02x}"))
            .collect();
        assert_eq!(hex, "48156a56abbf6f4205ddf462a0ef0563");
    }

    #[test]
    fn what_has_no_signature_is_not_signed() {
        let mut segment = sample("192.0.2.1:179", "192.0.2.2:4000");
        assert!(!key("secret").signed(&segment));
        key("secret").sign(&mut segment);
        assert!(key("secret").signed(&segment));
    }

    #[test]
    fn reserved_bits_and_a_stale_ack_field_are_signed_as_they_are() {
        let mut segment = sample("192.0.2.1:179", "192.0.2.2:4000");
        segment.ack = None;
        segment.options.signature = Some(Signature::default());
        let mut signature = Signature {
            digest: [0; 16],
            // All reserved bits, 10 words.
            control: 0xaf08,
            ack: 7,
        };
        signature.digest = digest(
            &segment,
            [&segment.payload, &[]],
            &signature,
            &key("secret"),
        );
        segment.options.signature = Some(signature);
        let mut wire = segment.emit();
        wire[20 + 11] = 7;
        wire[20 + 12] = 0xaf;
        mend(&mut wire);
        let Ok(Incoming::Segment(read)) = segment::parse(&wire) else {
            panic!("not read");
        };
        assert!(key("secret").signed(&read));
    }

    proptest! {
        #[test]
        fn only_the_same_key_and_the_same_bytes_pass(flip in 0usize..45, text: [u8; 5]) {
            let mut segment = sample("192.0.2.1:179", "192.0.2.2:4000");
            segment.payload = text.to_vec();
            key("secret").sign(&mut segment);
            let read = received(&segment);
            prop_assert!(key("secret").signed(&read));
            prop_assert!(!key("secreT").signed(&read));
            // One bit of the header or the text, but for ports of 0, lengths, kinds and checksums.
            prop_assume!(!matches!(flip, 12 | 16 | 17 | 20..=23));
            let mut wire = segment.emit();
            wire[20 + flip] ^= 1;
            mend(&mut wire);
            if let Ok(Incoming::Segment(read)) = segment::parse(&wire) {
                prop_assert!(!key("secret").signed(&read));
            }
        }
    }
}
