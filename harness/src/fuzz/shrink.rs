//! Makes an input shorter while the same thing goes on to be found.

use super::input::{Event, Fields, Icmp, Input, Setup};
use super::packet::ACK;

/// How often an input is tried at most.
const MOST_TRIES: usize = 5_000;

/// The smallest input known for which `find` still says `kind`.
pub fn shrink<K: PartialEq>(
    input: &Input,
    kind: &K,
    mut find: impl FnMut(&Input) -> Option<K>,
) -> Input {
    let mut best = input.clone();
    let mut tries = 0;
    let mut still = |candidate: &Input| {
        tries += 1;
        (tries < MOST_TRIES).then(|| find(candidate).as_ref() == Some(kind))
    };
    loop {
        let before = best.clone();
        if remove(&mut best, &mut still).is_none() || simplify(&mut best, &mut still).is_none() {
            return best;
        }
        if best == before {
            return best;
        }
    }
}

/// Takes events away, many at a time at first.
fn remove(best: &mut Input, still: &mut impl FnMut(&Input) -> Option<bool>) -> Option<()> {
    let mut size = best.events.len().next_power_of_two();
    while size > 0 {
        let mut at = best.events.len();
        while at > 0 {
            let from = at.saturating_sub(size);
            let mut candidate = best.clone();
            candidate.events.drain(from..at);
            if still(&candidate)? {
                *best = candidate;
            }
            at = from.min(best.events.len());
        }
        size /= 2;
    }
    Some(())
}

/// Puts simpler events in the place of others, and usual circumstances.
fn simplify(best: &mut Input, still: &mut impl FnMut(&Input) -> Option<bool>) -> Option<()> {
    let usual = Setup {
        opening: best.setup.opening,
        ..Setup::default()
    };
    let mut candidate = best.clone();
    candidate.setup = usual;
    if candidate != *best && still(&candidate)? {
        *best = candidate;
    }
    for index in 0..best.events.len() {
        for simpler in simpler(Event::decode(best.events[index])) {
            let mut candidate = best.clone();
            candidate.events[index] = simpler.encode();
            if candidate != *best && still(&candidate)? {
                *best = candidate;
                break;
            }
        }
    }
    Some(())
}

/// Events that say less than this one, the simplest first.
fn simpler(event: Event) -> Vec<Event> {
    let fields = match event {
        Event::Segment(fields) => fields,
        Event::Icmp(icmp) => return simpler_errors(icmp),
        _ => return Vec::new(),
    };
    let usual = Fields::usual(ACK);
    let with = |flags| Fields { flags, ..usual };
    let mut simpler = vec![usual, with(fields.flags)];
    let parts: [fn(&mut Fields, &Fields); 6] = [
        |one, usual| one.damage = usual.damage,
        |one, usual| one.sacks = usual.sacks,
        |one, usual| one.stamp = usual.stamp,
        |one, usual| one.window = usual.window,
        |one, usual| one.ack = usual.ack,
        |one, usual| one.seq = usual.seq,
    ];
    for part in parts {
        let mut one = fields;
        part(&mut one, &usual);
        simpler.push(one);
    }
    simpler.into_iter().map(Event::Segment).collect()
}

/// The same of ICMP errors: about the oldest segment, with a usual quote, and with an MTU that is one.
fn simpler_errors(icmp: Icmp) -> Vec<Event> {
    let usual = Icmp::default();
    let simpler = [
        Icmp {
            quote: usual.quote,
            seq: usual.seq,
            ..icmp
        },
        Icmp {
            quote: usual.quote,
            ..icmp
        },
        Icmp {
            seq: usual.seq,
            ..icmp
        },
        Icmp { mtu: 1_300, ..icmp },
    ];
    simpler.into_iter().map(Event::Icmp).collect()
}
