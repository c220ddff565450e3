//! The three bits that stand for a counter (RFC 9768 §3.2.2 and its appendix A.2).

/// The values of the field.
const VALUES: u32 = 8;

/// The counter of CE packets begins with this, so that a cleared field shows (RFC 9768 §3.2.1).
// REQ: RFC9768-10
pub const FIRST: u32 = 5;

/// What the field says of a counter that stands at `cep`.
// REQ: RFC9768-10
pub const fn field(cep: u32) -> u8 {
    (cep % VALUES) as u8
}

/// By how much a counter at `cep` moved at least if the field now says `field`.
pub const fn increment(field: u8, cep: u32) -> u32 {
    (field as u32).wrapping_sub(cep) % VALUES
}

/// By how much it may have moved at most, if it can have gone round unseen: with `packets` newly
/// acknowledged there are no more marks than that, unless the field itself says so.
pub const fn safest(increment: u32, packets: u32) -> u32 {
    if increment > packets {
        return increment;
    }
    packets - (packets - increment) % VALUES
}

/// The same where the option says how many bytes arrived marked: the lesser number stands if the
/// greater would make for segments of less than half of `mss`.
pub const fn safest_with_bytes(increment: u32, packets: u32, marked: u32, mss: u32) -> u32 {
    let safest = safest(increment, packets);
    let (marked, mss) = (marked as u64, mss as u64);
    let enough = marked <= mss * increment as u64;
    if safest > increment && enough && marked * 2 < mss * safest as u64 {
        increment
    } else {
        safest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::first(FIRST, 0b101)]
    #[case(6, 0b110)]
    #[case(7, 0b111)]
    #[case::wraps(8, 0b000)]
    #[case(13, 0b101)]
    #[case::the_counter_wraps(u32::MAX, 0b111)]
    #[case(0, 0b000)]
    fn the_field_is_the_low_three_bits(#[case] cep: u32, #[case] ace: u8) {
        assert_eq!(field(cep), ace);
    }

    #[rstest]
    #[case::nothing(5, 5, 0)]
    #[case(6, 5, 1)]
    #[case::over_the_wrap(0, 5, 3)]
    #[case::as_many_as_can_be(4, 5, 7)]
    #[case::later(2, 15, 3)]
    #[case::the_counter_wraps(1, u32::MAX, 2)]
    fn the_least_increment(#[case] ace: u8, #[case] cep: u32, #[case] by: u32) {
        assert_eq!(increment(ace, cep), by);
        assert_eq!(field(cep.wrapping_add(by)), ace);
    }

    /// The worked examples of RFC 9768 appendix A.2.1, and the bounds around them.
    #[rstest]
    #[case::nine_packets(2, 9, 2)]
    #[case::ten_packets(2, 10, 10)]
    #[case::seven_packets(0, 7, 0)]
    #[case::eight_packets(0, 8, 8)]
    #[case::fifteen_packets(7, 15, 15)]
    #[case::twice_round(1, 17, 17)]
    #[case::almost_twice_round(1, 16, 9)]
    #[case::more_than_was_acknowledged(3, 1, 3)]
    fn the_safest_increment(#[case] by: u32, #[case] packets: u32, #[case] safest_by: u32) {
        assert_eq!(safest(by, packets), safest_by);
    }

    /// The worked examples of RFC 9768 appendix A.2.2, at an MSS of 1460.
    #[rstest]
    #[case::too_large_for_none(0, 8, 1460, 8)]
    #[case::too_small_for_ten(2, 10, 1460, 2)]
    #[case::just_below_full_size(7, 15, 10_200, 7)]
    #[case::full_size(2, 10, 14_600, 10)]
    #[case::none_marked(0, 8, 0, 0)]
    fn marked_bytes_tell_which(
        #[case] by: u32,
        #[case] packets: u32,
        #[case] marked: u32,
        #[case] answer: u32,
    ) {
        assert_eq!(safest_with_bytes(by, packets, marked, 1460), answer);
    }
}
