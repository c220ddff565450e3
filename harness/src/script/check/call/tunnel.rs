//! Heads of tunnels as values of socket options: GRE (RFC 2784, RFC 2890) and MPLS (RFC 3032).

use crate::script::ast::{Number, Tunnel};
use crate::script::check::Checker;

impl Checker<'_> {
    /// The bytes on the wire.
    pub(super) fn tunnel_bytes(&mut self, tunnel: &Tunnel) -> Option<Vec<u8>> {
        match tunnel {
            Tunnel::Gre {
                flags,
                sum,
                off,
                key,
                seq,
            } => {
                let flags = self.field16(flags, "the flags");
                let sum = self.field16(sum, "the checksum");
                let off = self.field16(off, "the offset");
                let key = self.field32(key, "the key");
                let seq = self.field32(seq, "the sequence number");
                // Two bytes of protocol type stand between the flags and the checksum.
                let mut bytes = flags?.to_be_bytes().to_vec();
                bytes.extend([0, 0]);
                bytes.extend(sum?.to_be_bytes());
                bytes.extend(off?.to_be_bytes());
                bytes.extend(key?.to_be_bytes());
                bytes.extend(seq?.to_be_bytes());
                Some(bytes)
            }
            Tunnel::Mpls(entries) => {
                let words: Vec<_> = entries
                    .iter()
                    .map(|(label, class, bottom, ttl)| self.mpls_entry(label, class, *bottom, ttl))
                    .collect();
                let words: Option<Vec<[u8; 4]>> = words.into_iter().collect();
                words.map(|words| words.concat())
            }
        }
    }

    fn mpls_entry(
        &mut self,
        label: &Number,
        class: &Number,
        bottom: bool,
        ttl: &Number,
    ) -> Option<[u8; 4]> {
        let label = self.field(label, "a label", 0xf_ffff);
        let class = self.field(class, "a traffic class", 7);
        let ttl = self.field8(ttl, "a time to live");
        let word = label? << 12 | class? << 9 | u64::from(bottom) << 8 | u64::from(ttl?);
        Some(u32::try_from(word).ok()?.to_be_bytes())
    }
}
