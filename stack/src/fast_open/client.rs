//! What an active open puts on its SYN (RFC 7413 §4.2.1), and what the answer to it says.

use super::Attempt;
use super::cache::{self, Answer, Knowledge, Path};
use crate::context::Context;
use crate::error::ConnectionError;
use crate::segment::SegmentRef;
use crate::tcb::{Tcb, advertised_mss};
use crate::window::Mss;
use crate::wire::options::MAX_OPTIONS_LEN;

fn path(tcb: &Tcb) -> Path {
    (tcb.local.ip(), tcb.remote.ip())
}

fn without_cookie(tcb: &Tcb) -> bool {
    tcb.config.fast_open.send_without_cookie || tcb.options.fast_open_without_cookie
}

/// Whether this open may try: a SYN with a signature has no room for another option.
fn is_possible(tcb: &Tcb) -> bool {
    tcb.config.fast_open.client && tcb.md5.is_none()
}

/// Whether a SYN with data could be sent now.
pub(crate) fn is_ready(tcb: &Tcb, cx: &Context<'_>) -> bool {
    is_possible(tcb)
        && match cx.servers.knowledge(path(tcb), cx.now) {
            Knowledge::Distrusted => false,
            Knowledge::NoCookie { .. } => without_cookie(tcb),
            Knowledge::Cookie(_) => true,
        }
}

/// Prepares the first SYN: a cookie and as much of `data` as may go along, or a request for a
/// cookie. Answers how many bytes were taken.
// REQ: RFC7413-5
// REQ: RFC7413-7
pub(crate) fn prepare(tcb: &mut Tcb, data: &[u8], cx: &Context<'_>) -> usize {
    if !is_possible(tcb) {
        return 0;
    }
    let knowledge = cx.servers.knowledge(path(tcb), cx.now);
    let (option, data) = match knowledge {
        Knowledge::Distrusted => return 0,
        Knowledge::NoCookie { .. } | Knowledge::Cookie(_) if without_cookie(tcb) => (None, data),
        Knowledge::NoCookie { experimental } => {
            (Some(cache::option(None, experimental)), &data[..0])
        }
        Knowledge::Cookie(cookie) => (Some(cookie), data),
    };
    let space = space(tcb, cx.servers.mss(path(tcb)));
    let part = &data[..data.len().min(space)];
    // Whoever gets it has to get it now, even if more follows: that is why it goes with the SYN.
    let taken = tcb.snd.buffer.write(part, true);
    if let Some(room) = tcb.snd.room.begin(tcb.config.send_room) {
        room.take(taken, taken, true);
    }
    if let Some(option) = option {
        tcb.fast_open.set_option(option);
    }
    tcb.fast_open.set_attempt(Attempt {
        asked: option.map(|option| option.experimental),
        data: taken as u32,
    });
    taken
}

/// Bytes of data for a SYN: what the server took before, our link and the user allow, less all the
/// options there can be, so that what others add on the way still fits.
// REQ: RFC7413-6
fn space(tcb: &Tcb, known: Option<Mss>) -> usize {
    let link = advertised_mss(&tcb.config, &tcb.options, tcb.ip_version());
    let mss = known.map_or(link, |known| known.min(link));
    usize::from(mss.raw()).saturating_sub(MAX_OPTIONS_LEN)
}

/// The SYN-ACK is taken: remembers what it says of the server. What it does not acknowledge of the
/// data is lost.
pub(crate) fn on_syn_ack(tcb: &mut Tcb, segment: &SegmentRef<'_>, cx: &mut Context<'_>) {
    let Some(attempt) = tcb.fast_open.take_attempt() else {
        return;
    };
    let acked = (tcb.snd.iss + 1).span_to(tcb.snd.una);
    tcb.fast_open.data_taken = attempt.data > 0 && acked == attempt.data;
    let offered = segment.options.fast_open;
    // One that nobody asked for proves nothing.
    let cookie = attempt
        .asked
        .and(offered)
        .filter(|option| option.cookie.is_some());
    let repeated = tcb.fast_open.repeated;
    let lone_request = attempt.data == 0 && !repeated && cookie.is_none();
    let answer = Answer {
        mss: segment
            .options
            .mss
            .unwrap_or(Mss::default_for(tcb.ip_version())),
        cookie,
        unanswered: attempt.asked.filter(|_| lone_request),
    };
    let config = &tcb.config.fast_open;
    cx.servers
        .answered(path(tcb), answer, config.remembered, cx.now);
    // Data that is not taken, by a server that does not give a cookie for next time either.
    if attempt.data > 0 && acked == 0 && cookie.is_none() {
        distrust(tcb, cx);
    }
}

/// The open came to nothing.
pub(crate) fn on_failure(tcb: &mut Tcb, error: ConnectionError, cx: &mut Context<'_>) {
    let tried = tcb.fast_open.take_attempt().is_some();
    match error {
        ConnectionError::TimedOut | ConnectionError::Unreachable(_) if tried => distrust(tcb, cx),
        ConnectionError::TimedOut
        | ConnectionError::Unreachable(_)
        | ConnectionError::Refused
        | ConnectionError::Reset
        | ConnectionError::ResetAfterClose
        | ConnectionError::Aborted => {}
    }
}

// REQ: RFC7413-7
fn distrust(tcb: &Tcb, cx: &mut Context<'_>) {
    let config = &tcb.config.fast_open;
    if let Some(length) = config.distrust {
        cx.servers
            .disappointed(path(tcb), length, config.remembered, cx.now);
    }
}
