//! Defects of senders.

use crate::challenge_ack::ChallengeAckLimiter;
use crate::config::Config;
use crate::context::Context;
use crate::seq::SeqRange;
use crate::tcb::Tcb;
use crate::window::Mss;

/// Bytes of text for a segment where ours has `right`: none, if the options take all.
pub(crate) fn limit(config: &Config, mss: Mss, options_len: usize, right: usize) -> usize {
    let bare = || usize::from(mss.raw()).saturating_sub(options_len);
    let limit = mutant!(config, A07, right, bare());
    let limit = mutant!(config, A08, limit, bare());
    mutant!(config, A09, limit, bare())
}

/// One budget of challenge ACKs for all connections.
pub(crate) fn permits_challenge(tcb: &Tcb, cx: &mut Context<'_>) -> bool {
    let (limit, period) = (
        tcb.config.challenge_ack_limit,
        tcb.config.challenge_ack_interval,
    );
    let shared = &mut cx.outbox.challenge;
    shared
        .get_or_insert_with(|| ChallengeAckLimiter::new(limit, period))
        .permit(cx.now)
}

/// Puts the last byte of a text of odd length into the lower half of its word of the checksum.
pub(crate) fn misplace_last_byte(tcb: &Tcb, text: [&[u8]; 2], cx: &mut Context<'_>) {
    let len = text[0].len() + text[1].len();
    let Some(datagram) = cx.outbox.latest() else {
        return;
    };
    let last = datagram.last().copied().unwrap_or(0);
    let segment = match datagram[0] >> 4 {
        4 => usize::from(datagram[0] & 0x0f) * 4,
        _ => 40,
    };
    let field = segment + 16..segment + 18;
    let right = u16::from_be_bytes([datagram[field.start], datagram[field.start + 1]]);
    let sum = mutant!(tcb.config, A14, right, {
        let last = u32::from(last) * u32::from(len % 2 == 1);
        let sum = u32::from(!right) + (0xffff - (last << 8)) + last;
        let sum = (sum & 0xffff) + (sum >> 16);
        !(((sum & 0xffff) + (sum >> 16)) as u16)
    });
    if sum != right {
        datagram[field].copy_from_slice(&sum.to_be_bytes());
    }
}

/// Whether a block may be noted. One that begins both below what is missing and above what was
/// reported leaves a list without its head.
///
/// # Panics
/// With such a block.
pub(crate) fn is_plausible(tcb: &Tcb, block: SeqRange) -> bool {
    let below = block.start.signed_distance_to(tcb.snd.una) > 0;
    let below = below || block.start.signed_distance_to(tcb.snd.una) == i32::MIN;
    let above = tcb.snd.max.signed_distance_to(block.start) > 0;
    assert!(!(below && above), "the list of holes has no head");
    block.end.after(block.start) && block.end.at_or_before(tcb.snd.max)
}
