//! The AccECN option (RFC 9768 §3.2.3): up to three 24-bit counters in one of two orders.

use alloc::vec::Vec;

/// Kind of the option that begins with the ECT(0) counter.
pub(super) const ACCECN0: u8 = 172;
/// Kind of the option that begins with the ECT(1) counter.
pub(super) const ACCECN1: u8 = 174;

/// Bytes of one counter.
const FIELD: usize = 3;

/// Which counter comes first; that of CE is always the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccEcnOrder {
    /// ECT(0), CE, ECT(1): kind 172.
    Ect0First,
    /// ECT(1), CE, ECT(0): kind 174.
    Ect1First,
}

/// Payload bytes that arrived under each marking (RFC 9768 §3.2). On the wire 24 bits of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ByteCounters {
    /// In packets marked ECT(0).
    pub e0b: u32,
    /// In packets marked CE.
    pub ceb: u32,
    /// In packets marked ECT(1).
    pub e1b: u32,
}

/// One AccECN option: the first none, one, two or three counters of its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccEcnOption {
    order: AccEcnOrder,
    fields: u8,
    bytes: [u8; 3 * FIELD],
}

impl AccEcnOption {
    /// The first `fields` counters (at most three) in `order`, 24 bits of each.
    // REQ: RFC9768-14
    pub fn new(order: AccEcnOrder, fields: u8, counters: ByteCounters) -> AccEcnOption {
        let ByteCounters { e0b, ceb, e1b } = counters;
        let in_order = match order {
            AccEcnOrder::Ect0First => [e0b, ceb, e1b],
            AccEcnOrder::Ect1First => [e1b, ceb, e0b],
        };
        let fields = fields.min(3);
        let mut bytes = [0; 3 * FIELD];
        let places = bytes.chunks_exact_mut(FIELD).zip(in_order);
        for (place, counter) in places.take(usize::from(fields)) {
            place.copy_from_slice(&counter.to_be_bytes()[1..]);
        }
        AccEcnOption {
            order,
            fields,
            bytes,
        }
    }

    /// The order of the counters.
    pub const fn order(&self) -> AccEcnOrder {
        self.order
    }

    /// How many counters there are, 0 to 3.
    pub const fn fields(&self) -> u8 {
        self.fields
    }

    /// The counter of ECT(0) bytes, modulo 2^24, if it is there.
    pub fn e0b(&self) -> Option<u32> {
        self.field(match self.order {
            AccEcnOrder::Ect0First => 0,
            AccEcnOrder::Ect1First => 2,
        })
    }

    /// The counter of CE bytes, modulo 2^24, if it is there.
    pub fn ceb(&self) -> Option<u32> {
        self.field(1)
    }

    /// The counter of ECT(1) bytes, modulo 2^24, if it is there.
    pub fn e1b(&self) -> Option<u32> {
        self.field(match self.order {
            AccEcnOrder::Ect0First => 2,
            AccEcnOrder::Ect1First => 0,
        })
    }

    fn field(&self, place: usize) -> Option<u32> {
        let bytes = &self.bytes[place * FIELD..][..FIELD];
        let value = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | u32::from(*byte))
        };
        (place < usize::from(self.fields)).then(|| value(bytes))
    }

    /// Bytes on the wire without padding: 2, 5, 8 or 11.
    pub const fn len(&self) -> usize {
        2 + FIELD * self.fields as usize
    }

    /// An option has a kind and a length at least.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Reads what follows the length byte: as many whole counters as there are, and what is left
    /// over is padding. `None` if the kind is another option's.
    // REQ: RFC9768-14
    pub(super) fn read(kind: u8, value: &[u8]) -> Option<AccEcnOption> {
        let order = match kind {
            ACCECN0 => AccEcnOrder::Ect0First,
            ACCECN1 => AccEcnOrder::Ect1First,
            _ => return None,
        };
        let fields = (value.len() / FIELD).min(3);
        let mut bytes = [0; 3 * FIELD];
        bytes[..fields * FIELD].copy_from_slice(&value[..fields * FIELD]);
        Some(AccEcnOption {
            order,
            fields: fields as u8,
            bytes,
        })
    }

    /// Appends the option without padding.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let kind = match self.order {
            AccEcnOrder::Ect0First => ACCECN0,
            AccEcnOrder::Ect1First => ACCECN1,
        };
        out.extend_from_slice(&[kind, self.len() as u8]);
        out.extend_from_slice(&self.bytes[..FIELD * usize::from(self.fields)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const COUNTERS: ByteCounters = ByteCounters {
        e0b: 0xff01_0203,
        ceb: 0x0004_0506,
        e1b: 0x0007_0809,
    };

    /// Table 5 of RFC 9768 §3.2.3: what each length holds in each order.
    #[rstest]
    #[case(AccEcnOrder::Ect0First, 3, &[172, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9])]
    #[case(AccEcnOrder::Ect0First, 2, &[172, 8, 1, 2, 3, 4, 5, 6])]
    #[case(AccEcnOrder::Ect0First, 1, &[172, 5, 1, 2, 3])]
    #[case(AccEcnOrder::Ect0First, 0, &[172, 2])]
    #[case(AccEcnOrder::Ect1First, 3, &[174, 11, 7, 8, 9, 4, 5, 6, 1, 2, 3])]
    #[case(AccEcnOrder::Ect1First, 2, &[174, 8, 7, 8, 9, 4, 5, 6])]
    #[case(AccEcnOrder::Ect1First, 1, &[174, 5, 7, 8, 9])]
    #[case(AccEcnOrder::Ect1First, 0, &[174, 2])]
    fn both_orders_at_every_length(
        #[case] order: AccEcnOrder,
        #[case] fields: u8,
        #[case] wire: &[u8],
    ) {
        let option = AccEcnOption::new(order, fields, COUNTERS);
        let mut out = Vec::new();
        option.write(&mut out);
        assert_eq!(out, wire);
        assert_eq!(option.len(), wire.len());
        assert_eq!(AccEcnOption::read(wire[0], &wire[2..]), Some(option));
        let first = order == AccEcnOrder::Ect0First;
        let there = |needed: u8| fields >= needed;
        let e0b = there(if first { 1 } else { 3 }).then_some(0x01_0203);
        let e1b = there(if first { 3 } else { 1 }).then_some(0x07_0809);
        assert_eq!(option.e0b(), e0b);
        assert_eq!(option.ceb(), there(2).then_some(0x04_0506));
        assert_eq!(option.e1b(), e1b);
    }

    #[rstest]
    #[case::one_byte_over(&[1, 2, 3, 4], 1)]
    #[case::two_bytes_over(&[1, 2, 3, 4, 5], 1)]
    #[case::one_byte(&[1], 0)]
    #[case::four_counters(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 3)]
    fn what_is_no_whole_counter_is_padding(#[case] value: &[u8], #[case] fields: u8) {
        let option = AccEcnOption::read(ACCECN0, value);
        assert_eq!(option.map(|option| option.fields()), Some(fields));
    }
}
