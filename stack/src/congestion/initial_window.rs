//! The congestion window that a connection starts with.

/// How large the congestion window is at the start, in terms of the segment size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InitialWindow {
    /// 2, 3 or 4 segments by their size (RFC 5681 §3.1).
    Rfc5681,
    /// 10 segments, at most 14,600 bytes unless two segments are larger (RFC 6928 §2).
    #[default]
    Rfc6928,
    /// So many segments, at least 1.
    Segments(u32),
}

impl InitialWindow {
    /// The window in bytes for segments of `smss` bytes.
    pub fn bytes(self, smss: u32) -> u32 {
        match self {
            // REQ: RFC5681-2
            InitialWindow::Rfc5681 if smss > 2190 => smss.saturating_mul(2),
            InitialWindow::Rfc5681 if smss > 1095 => smss.saturating_mul(3),
            InitialWindow::Rfc5681 => smss.saturating_mul(4),
            InitialWindow::Rfc6928 => smss
                .saturating_mul(10)
                .min(smss.saturating_mul(2).max(14_600)),
            InitialWindow::Segments(count) => smss.saturating_mul(count.max(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(InitialWindow::Rfc5681, 536, 4 * 536)]
    #[case(InitialWindow::Rfc5681, 1095, 4 * 1095)]
    #[case(InitialWindow::Rfc5681, 1096, 3 * 1096)]
    #[case(InitialWindow::Rfc5681, 2190, 3 * 2190)]
    #[case(InitialWindow::Rfc5681, 2191, 2 * 2191)]
    #[case(InitialWindow::Rfc6928, 536, 5_360)]
    #[case(InitialWindow::Rfc6928, 1460, 14_600)]
    #[case(InitialWindow::Rfc6928, 2000, 14_600)]
    #[case(InitialWindow::Rfc6928, 9000, 18_000)]
    #[case(InitialWindow::Segments(0), 1000, 1_000)]
    #[case(InitialWindow::Segments(7), 1000, 7_000)]
    fn initial_windows(#[case] rule: InitialWindow, #[case] smss: u32, #[case] bytes: u32) {
        assert_eq!(rule.bytes(smss), bytes);
    }
}
