//! Fields of packet lines that may be a wildcard or a range.

use super::Checker;
use crate::diagnostic::code;
use crate::program::Match;
use crate::script::ast::Field;

impl Checker<'_> {
    /// A field of at most `most`; an inbound line needs one value to send.
    pub(super) fn matched<T>(
        &mut self,
        field: &Field,
        what: &str,
        most: T,
        inbound: bool,
    ) -> Option<Match<T>>
    where
        T: TryFrom<u64> + Into<u64> + PartialOrd + Copy,
    {
        let most: u64 = most.into();
        let bound = match field.node {
            Match::Any => 0,
            Match::Is(value) => value,
            Match::Within(low, high) => low.max(high),
        };
        if bound > most {
            let message = format!("{what} is at most {most}, not {bound}");
            self.error(code::VALUE_RANGE, field.span, message);
            return None;
        }
        if inbound && field.node.exact().is_none() {
            let message = format!("{what} to be sent is one value, not `{}`", field.node);
            self.error_help(
                code::NOT_ONE_VALUE,
                field.span,
                message,
                "wildcards and ranges are for outbound lines (`>`)",
            );
            return None;
        }
        let narrow = |value: u64| T::try_from(value).ok();
        match field.node {
            Match::Any => Some(Match::Any),
            Match::Is(value) => Some(Match::Is(narrow(value)?)),
            Match::Within(low, high) if low > high => {
                let message = format!("the range {low}..{high} ends before it starts");
                self.error(code::VALUES_BACKWARDS, field.span, message);
                None
            }
            Match::Within(low, high) => Some(Match::Within(narrow(low)?, narrow(high)?)),
        }
    }
}
