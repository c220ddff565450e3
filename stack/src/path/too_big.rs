//! ICMP "packet too big" and "fragmentation needed" (RFC 1191 §5, RFC 8201 §4, RFC 5927 §7).

use super::state::{Claim, refresh, report, resize};
use super::{BelowMinimum, TooBig, probe};
use crate::connection::Connection;
use crate::context::Context;
use crate::event::Event;
use crate::send::{recovery, retransmit};
use crate::tcb::Tcb;
use crate::window::Mss;
use crate::wire::icmp::IcmpError;
use crate::wire::ip::IpVersion;

/// What every IPv6 link carries (RFC 8200 §5).
pub(super) const IPV6_MINIMUM: u16 = 1280;

/// A router says that a segment in flight was too big, and that `mtu` bytes fit, or 0.
pub(crate) fn on_error(
    connection: &mut Connection,
    error: &IcmpError,
    mtu: u32,
    cx: &mut Context<'_>,
) {
    let tcb = &mut connection.tcb;
    let believed = match judge(tcb, error, mtu) {
        Judgment::Ignore => {
            cx.event(Event::IcmpIgnored { id: Some(tcb.id) });
            return;
        }
        Judgment::HoldBack(claim) => {
            tcb.path.claim = Some(claim);
            cx.event(Event::PathMtuHeldBack {
                id: tcb.id,
                mtu: claim.mtu,
            });
            return;
        }
        Judgment::Believe(mtu) => mtu,
    };
    if tcb.fast_open.syn_has_data() {
        shrink_syn(tcb, believed, cx);
    } else {
        let may_resend = connection.state.may_send();
        take(tcb, believed, may_resend, cx);
    }
}

enum Judgment {
    Ignore,
    HoldBack(Claim),
    Believe(u16),
}

/// What a claim is worth (RFC 5927 §7.2).
// REQ: RFC5927-4
// REQ: RFC5927-5
fn judge(tcb: &Tcb, error: &IcmpError, reported: u32) -> Judgment {
    let Some(mtu) = claimed(tcb, error, reported) else {
        return Judgment::Ignore;
    };
    let version = tcb.ip_version();
    if tcb.fast_open.syn_has_data() {
        // The plain SYN is out already, or this one fits.
        let news = !tcb.fast_open.repeated && mtu < tcb.config.mtu;
        return if news {
            Judgment::Believe(mtu)
        } else {
            Judgment::Ignore
        };
    }
    let mss = Mss::for_mtu(version, mtu);
    // A probe is the one segment larger than what is in use.
    if probe::quoted(tcb, error.seq).is_some_and(|probe| mtu < probe.mtu) {
        return Judgment::Believe(mtu);
    }
    let in_use = if tcb.path.ceiling.is_some() {
        tcb.snd.mss
    } else {
        Mss::for_mtu(version, tcb.path.mtu)
    };
    if mss.raw().max(tcb.config.min_mss) >= in_use.raw() {
        return Judgment::Ignore;
    }
    let payload = mss.payload_limit(tcb.fixed_options_len()) as u32;
    match tcb.config.path_mtu.too_big {
        TooBig::AtOnce => Judgment::Believe(mtu),
        TooBig::TwoStages if payload >= tcb.path.sent => Judgment::Ignore,
        TooBig::TwoStages if payload < tcb.path.acked => Judgment::HoldBack(Claim {
            mtu,
            seq: error.seq,
        }),
        TooBig::TwoStages => Judgment::Believe(mtu),
    }
}

/// The MTU that an error claims, within the bounds of its family; `None` if there cannot be one.
// REQ: RFC1191-3
// REQ: RFC1191-4
// REQ: RFC8201-2
// REQ: RFC8201-3
fn claimed(tcb: &Tcb, error: &IcmpError, reported: u32) -> Option<u16> {
    let config = &tcb.config.path_mtu;
    match tcb.ip_version() {
        IpVersion::V4 => {
            let reported = match reported {
                0 => plateau_below(size_of_quoted(tcb, error)),
                reported => u16::try_from(reported).unwrap_or(u16::MAX),
            };
            Some(reported.max(config.min_ipv4_mtu))
        }
        IpVersion::V6 => {
            let reported = u16::try_from(reported).unwrap_or(u16::MAX);
            match config.below_minimum {
                BelowMinimum::Discard if reported < IPV6_MINIMUM => None,
                BelowMinimum::Discard | BelowMinimum::Clamp => Some(reported.max(IPV6_MINIMUM)),
            }
        }
    }
}

/// The size of the datagram that was too big: what its quote says, but not more than can have been
/// sent, as some routers count its header twice (RFC 1191 §5).
fn size_of_quoted(tcb: &Tcb, error: &IcmpError) -> u16 {
    let headers = tcb.ip_version().header_len() + 20;
    let in_use = match tcb.path.ceiling {
        Some(_) => tcb.snd.mss.raw().saturating_add(headers),
        None => tcb.path.mtu,
    };
    match error.quoted_len {
        quoted if quoted > headers => quoted.min(in_use),
        _ => in_use,
    }
}

/// The next smaller size in use, for routers that do not say theirs (RFC 1191 §7.1).
// REQ: RFC1191-6
fn plateau_below(mtu: u16) -> u16 {
    const PLATEAUS: [u16; 10] = [32_000, 17_914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68];
    PLATEAUS
        .into_iter()
        .find(|plateau| *plateau < mtu)
        .unwrap_or(68)
}

/// The path carries `mtu` bytes. What was larger and is in flight did not pass; it leaves again at once
/// in smaller segments, which is no sign of congestion (RFC 1191 §6.4, RFC 8201 §5.4).
// REQ: RFC1191-1
// REQ: RFC1191-8
// REQ: RFC8201-6
// REQ: RFC9293-MUST-16
fn take(tcb: &mut Tcb, mtu: u16, may_resend: bool, cx: &mut Context<'_>) {
    // What was said to another connection may be less: no word of a router raises an estimate.
    // REQ: RFC1191-9
    // REQ: RFC8201-7
    refresh(tcb, cx);
    let (destination, config) = (tcb.remote.ip(), &tcb.config.path_mtu);
    if mtu < tcb.path.mtu {
        cx.paths.learn(destination, mtu, config, cx.now);
        tcb.path.generation = cx.paths.generation();
        tcb.path.expires = config.lifetime.map(|lifetime| cx.now + lifetime);
        tcb.path.mtu = mtu;
    }
    tcb.path.claim = None;
    probe::bound(tcb, mtu, cx.now);
    if resize(tcb) {
        report(tcb, false, cx);
    }
    if may_resend && !tcb.snd.syn_unacked() {
        recovery::repeat_larger(tcb, tcb.effective_mss(tcb.fixed_options_len()) as u32);
    }
}

/// SND.UNA moved: a claim about what has arrived was wrong.
// REQ: RFC5927-4
pub(crate) fn on_progress(tcb: &mut Tcb) {
    tcb.path.claim.take_if(|claim| tcb.snd.una.after(claim.seq));
}

/// The retransmission timer expired: a claim that was held back may be right after all.
// REQ: RFC5927-4
pub(crate) fn on_timeout(tcb: &mut Tcb, cx: &mut Context<'_>) {
    let enough = tcb.snd.retries >= tcb.config.path_mtu.held_back_timeouts;
    if let Some(claim) = tcb.path.claim.take_if(|_| enough) {
        take(tcb, claim.mtu, false, cx);
    }
}

/// A SYN with data was too big: a plain one follows at once, and the path's size counts in the
/// handshake.
fn shrink_syn(tcb: &mut Tcb, mtu: u16, cx: &mut Context<'_>) {
    let version = tcb.ip_version();
    let mtu = mtu.max(tcb.config.min_mss + version.header_len() + 20);
    let mss = Mss::for_mtu(version, mtu);
    take(tcb, mtu, false, cx);
    tcb.rcv.mss = tcb.rcv.mss.min(mss);
    cx.event(Event::PathMtuReduced {
        id: tcb.id,
        mss: mss.raw(),
    });
    retransmit::repeat_syn(tcb, cx);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::above_all(65_535, 32_000)]
    #[case::ethernet(1500, 1492)]
    #[case::pppoe(1492, 1006)]
    #[case::arpanet(1006, 508)]
    #[case::everybody(576, 508)]
    #[case::point_to_point(296, 68)]
    #[case::least(68, 68)]
    fn plateaus_of_rfc_1191(#[case] mtu: u16, #[case] below: u16) {
        assert_eq!(plateau_below(mtu), below);
    }
}
