//! Generators of initial sequence numbers as others had them (group J).

use core::net::SocketAddr;

use crate::config::Config;
use crate::isn::IsnGenerator;
use crate::rng::Rng;
use crate::seq::SeqNum;
use crate::time::Instant;

/// `right`, or the number that the host's mutant gives to its connection number `count` between
/// these ends. What a generator remembers from one connection to the next is a function of how many
/// there were.
pub(crate) fn wrong(
    config: &Config,
    generator: &IsnGenerator,
    right: SeqNum,
    (now, count, local, remote): (Instant, u64, SocketAddr, SocketAddr),
) -> SeqNum {
    let half_seconds = now.as_millis() / 500;
    let clock = (now.as_micros() / 4) as u32;
    let iss = mutant!(config, J01, right, SeqNum::new(0));
    let iss = mutant!(config, J02, iss, {
        SeqNum::new((64_000 * (count + half_seconds)) as u32)
    });
    let iss = mutant!(config, J03, iss, SeqNum::new(clock));
    let iss = mutant!(config, J04, iss, SeqNum::new(congruential(count)));
    let iss = mutant!(config, J05, iss, SeqNum::new(right.raw() & !(1 << 9)));
    let iss = mutant!(config, J06, iss, SeqNum::new(sum_of_steps(count)));
    let iss = mutant!(config, J08, iss, {
        generator.isn(now, SocketAddr::new(local.ip(), 0), remote)
    });
    let iss = mutant!(
        config,
        J09,
        iss,
        generator.isn(Instant::ZERO, local, remote)
    );
    let iss = mutant!(config, J10, iss, {
        SeqNum::new((6510 + count * half_seconds) as u32)
    });
    mutant!(config, J11, iss, SeqNum::new(output(count)))
}

/// The linear congruential generator of the C standard's example, without its final shift.
fn congruential(count: u64) -> u32 {
    (0..count).fold(1u32, |state, _| {
        state.wrapping_mul(1_103_515_245).wrapping_add(12_345)
    })
}

/// Each step is random and small.
fn sum_of_steps(count: u64) -> u32 {
    let mut rng = Rng::new(1);
    (0..count).fold(0u32, |sum, _| sum.wrapping_add(rng.below(1 << 16) as u32))
}

/// The output of a good generator whose seed anybody can know.
fn output(count: u64) -> u32 {
    let mut rng = Rng::new(1);
    (0..count).fold(0, |_, _| rng.below(1 << 32) as u32)
}
