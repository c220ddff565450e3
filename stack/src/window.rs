//! Window sizes and segment sizes, each a type of its own.
//!
//! The 16 bits on the wire and the bytes they stand for differ by the scale of RFC 7323 §2, and
//! shifting by a [`WindowScale`] is the only way from one to the other.

use crate::wire::ip::IpVersion;

/// The window field of a header, before scaling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnscaledWindow(u16);

impl UnscaledWindow {
    /// The field with this value.
    // REQ: RFC9293-MUST-1
    pub const fn new(raw: u16) -> UnscaledWindow {
        UnscaledWindow(raw)
    }

    /// The value on the wire.
    pub const fn raw(self) -> u16 {
        self.0
    }

    /// The bytes that it stands for under `scale`.
    pub const fn scale(self, scale: WindowScale) -> Window {
        Window((self.0 as u32) << scale.0)
    }
}

/// The shift count of the window scale option, 0 to 14.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowScale(u8);

impl WindowScale {
    /// No scaling.
    pub const ZERO: WindowScale = WindowScale(0);
    /// The largest shift that keeps a window below half the sequence space (RFC 7323 §2.3).
    pub const MAX: WindowScale = WindowScale(14);

    /// The shift `raw`; above 14 it counts as 14 (RFC 7323 §2.3).
    pub const fn new(raw: u8) -> WindowScale {
        // REQ: RFC7323-7
        if raw > WindowScale::MAX.0 {
            WindowScale::MAX
        } else {
            WindowScale(raw)
        }
    }

    /// The shift as it is, as far as 32 bits can be shifted.
    #[cfg(feature = "mutants")]
    pub(crate) const fn unbounded(raw: u8) -> WindowScale {
        WindowScale(raw % 32)
    }

    /// The shift count, at most 14.
    pub const fn shift(self) -> u8 {
        self.0
    }

    /// The smallest scale under which a window of `bytes` can be announced.
    pub const fn for_buffer(bytes: u32) -> WindowScale {
        let mut shift = 0;
        while shift < WindowScale::MAX.0 && (bytes >> shift) > u16::MAX as u32 {
            shift += 1;
        }
        WindowScale(shift)
    }
}

/// A window in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window(u32);

impl Window {
    /// No room.
    pub const ZERO: Window = Window(0);
    /// The largest window that can be announced: 65,535 shifted by 14.
    pub const MAX: Window = Window((u16::MAX as u32) << 14);

    /// A window of `bytes`, at most [`MAX`](Self::MAX).
    pub const fn new(bytes: u32) -> Window {
        if bytes > Window::MAX.0 {
            Window::MAX
        } else {
            Window(bytes)
        }
    }

    /// The window in bytes.
    pub const fn bytes(self) -> u32 {
        self.0
    }

    /// The field that announces it under `scale`: rounded down, at most 65,535.
    pub const fn unscale(self, scale: WindowScale) -> UnscaledWindow {
        let shifted = self.0 >> scale.0;
        if shifted > u16::MAX as u32 {
            UnscaledWindow(u16::MAX)
        } else {
            UnscaledWindow(shifted as u16)
        }
    }
}

/// A maximum segment size: payload bytes of a segment that carries no options (RFC 9293 §3.7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mss(u16);

impl Mss {
    /// The size with this value on the wire; 0 is possible there.
    pub const fn new(raw: u16) -> Mss {
        Mss(raw)
    }

    /// The value on the wire.
    pub const fn raw(self) -> u16 {
        self.0
    }

    /// What to assume of a peer that sends no MSS option (RFC 9293 §3.7.1).
    pub const fn default_for(version: IpVersion) -> Mss {
        // REQ: RFC9293-MUST-15
        match version {
            IpVersion::V4 => Mss(536),
            IpVersion::V6 => Mss(1220),
        }
    }

    /// The size that fits a path of `mtu` bytes without IP options or extension headers.
    pub const fn for_mtu(version: IpVersion, mtu: u16) -> Mss {
        // REQ: RFC9293-MUST-67
        Mss(mtu.saturating_sub(version.header_len() + 20))
    }

    /// Payload bytes of a segment with `options_len` bytes of options. At least 1 however small
    /// the peer's announcement is, so that a sender always gets on.
    pub const fn payload_limit(self, options_len: usize) -> usize {
        // REQ: RFC9293-MUST-16
        let limit = (self.0 as usize).saturating_sub(options_len);
        if limit == 0 { 1 } else { limit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case(0, 0)]
    #[case(7, 7)]
    #[case(14, 14)]
    #[case(15, 14)]
    #[case(118, 14)]
    #[case(255, 14)]
    fn a_scale_is_clamped(#[case] raw: u8, #[case] shift: u8) {
        assert_eq!(WindowScale::new(raw).shift(), shift);
    }

    #[rstest]
    #[case(0, 0)]
    #[case(65_535, 0)]
    #[case(65_536, 1)]
    #[case(6_291_456, 7)]
    #[case(u32::MAX, 14)]
    fn a_scale_fits_its_buffer(#[case] bytes: u32, #[case] shift: u8) {
        assert_eq!(WindowScale::for_buffer(bytes).shift(), shift);
    }

    /// RFC 7323 §2.3: SEG.WND is RCV.WND shifted to the right, and the field holds 16 bits.
    #[rstest]
    #[case::as_it_is(65_535, 0, 65_535)]
    #[case::one_too_many(65_536, 0, 65_535)]
    #[case::far_too_many(200_000, 1, 65_535)]
    #[case::rounded_down(65_535, 1, 32_767)]
    #[case::less_than_a_unit(127, 7, 0)]
    #[case::the_largest(u32::MAX, 14, 65_535)]
    fn a_window_is_announced_as_far_as_the_field_goes(
        #[case] bytes: u32,
        #[case] scale: u8,
        #[case] field: u16,
    ) {
        let window = Window::new(bytes);
        assert_eq!(window.unscale(WindowScale::new(scale)).raw(), field);
    }

    #[rstest]
    #[case(1460, 0, 1460)]
    #[case(1460, 12, 1448)]
    #[case(8, 12, 1)]
    #[case(0, 0, 1)]
    fn payload_limit_leaves_room_for_options(
        #[case] mss: u16,
        #[case] options_len: usize,
        #[case] limit: usize,
    ) {
        assert_eq!(Mss::new(mss).payload_limit(options_len), limit);
    }

    #[test]
    fn segment_sizes_follow_the_ip_version() {
        assert_eq!(Mss::default_for(IpVersion::V4).raw(), 536);
        assert_eq!(Mss::default_for(IpVersion::V6).raw(), 1220);
        assert_eq!(Mss::for_mtu(IpVersion::V4, 1500).raw(), 1460);
        assert_eq!(Mss::for_mtu(IpVersion::V6, 1500).raw(), 1440);
        assert_eq!(Mss::for_mtu(IpVersion::V4, 20).raw(), 0);
    }

    proptest! {
        #[test]
        fn scaling_there_and_back_is_the_identity(raw: u16, scale: u8) {
            let (field, scale) = (UnscaledWindow::new(raw), WindowScale::new(scale));
            prop_assert_eq!(field.scale(scale).unscale(scale), field);
        }

        #[test]
        fn an_announcement_never_exceeds_the_window(bytes: u32, scale: u8) {
            let (window, scale) = (Window::new(bytes), WindowScale::new(scale));
            prop_assert!(window.unscale(scale).scale(scale) <= window);
        }
    }
}
