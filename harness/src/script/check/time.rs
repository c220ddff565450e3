//! Times: order, forms, ranges.

use super::{Checker, start_of};
use crate::diagnostic::{Diagnostic, code};
use crate::program::TimeSpec;
use crate::script::ast::{Action, Direction, Event};
use crate::time::Time;

impl Checker<'_> {
    /// The first event must be at 0: nothing before it could move the clock.
    pub(super) fn first_time(&mut self, events: &[Event]) {
        let Some(first) = events.first() else {
            return;
        };
        let zero = match first.at.node {
            TimeSpec::Any => true,
            TimeSpec::Absolute(time) | TimeSpec::AbsoluteRange(time, _) => time == Time::ZERO,
            TimeSpec::Relative(after) | TimeSpec::RelativeRange(after, _) => after.is_zero(),
        };
        if !zero {
            let message = "the first event must be at time 0: the clock starts with it";
            self.error_help(code::FIRST_TIME, first.at.span, message, "write `0` here");
        }
    }

    pub(super) fn time(&mut self, event: &Event) {
        self.time_form(event);
        self.time_range(event);
        let previous = std::mem::replace(
            &mut self.previous_absolute,
            start_of(event.at.node).map(|start| (start, event.at.span)),
        );
        let Some((start, _)) = self.previous_absolute else {
            return;
        };
        // packetdrill holds an absolute time against one right before it only, and a packet may have
        // waited; but what the script itself does cannot go back at all.
        let before = match self.drop_in || is_outbound(event) {
            true => previous,
            false => self.last_absolute,
        };
        if let Some((last, place)) = before
            && start < last
        {
            let message = format!("time goes backwards: {start} s comes after {last} s");
            self.report(
                Diagnostic::error(code::TIME_BACKWARDS, self.source, event.at.span, message)
                    .label("this event is earlier")
                    .also(place, "this one stands before it"),
            );
            return;
        }
        if self.last_absolute.is_none_or(|(last, _)| last <= start) {
            self.last_absolute = Some((start, event.at.span));
        }
    }

    fn time_range(&mut self, event: &Event) {
        let backwards = match event.at.node {
            TimeSpec::AbsoluteRange(start, end) => end < start,
            TimeSpec::RelativeRange(start, end) => end < start,
            _ => false,
        };
        if backwards {
            let message = "this time range ends before it starts";
            self.error_help(
                code::RANGE_BACKWARDS,
                event.at.span,
                message,
                "write the earlier end first",
            );
        }
    }

    fn time_form(&mut self, event: &Event) {
        let form = match event.at.node {
            _ if is_outbound(event) => return,
            TimeSpec::Absolute(_) | TimeSpec::Relative(_) => return,
            TimeSpec::Any => "`*`",
            TimeSpec::AbsoluteRange(..) | TimeSpec::RelativeRange(..) => "a time range",
        };
        let message = format!("{form} can stand only before an outbound packet (`>`)");
        self.error_help(
            code::TIME_FORM,
            event.at.span,
            message,
            "what the script itself does needs one time: `0.1` or `+0.1`",
        );
    }
}

/// Whether an event is about what the stack sends.
fn is_outbound(event: &Event) -> bool {
    match &event.action {
        Action::Packet(packet) => packet.direction.node == Direction::Outbound,
        Action::Nothing(_) => true,
        Action::Call(_) | Action::Command(_) | Action::Code(_) => false,
    }
}
