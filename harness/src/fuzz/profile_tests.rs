//! The profiles of the reference under the oracles: what each chooses is told, and told right.

use rstest::rstest;

use super::engine::{self, Engine, Finding, Settings};
use super::input::Input;
use super::oracle::Choices;
use crate::specification::AnotherSyn;
use crate::target::reference::ReferenceTarget;

/// The first finding within so many inputs of a seed, and after how many.
fn search(
    profile: &str,
    seed: u64,
    inputs: usize,
    tell: impl FnOnce(&mut Choices),
) -> Option<(usize, Finding)> {
    let target = ReferenceTarget::of_profile(profile).unwrap();
    let mut choices = target.choices();
    tell(&mut choices);
    let settings = Settings {
        seed,
        most_events: 48,
        feedback: true,
    };
    let mut engine = Engine::new(settings, choices);
    let mut subject = target.subject();
    (0..inputs).find_map(|count| engine.step(&mut subject).map(|finding| (count, finding)))
}

#[rstest]
#[case("rfc9293")]
#[case("linux")]
#[case("freebsd")]
fn what_a_profile_chooses_is_passed_over(#[case] profile: &str) {
    let found = search(profile, 1, 600, |_| {});
    assert!(found.is_none(), "{}", found.unwrap().1.found.violation);
}

/// Told otherwise, the oracles object: none of the choices is idle, and none is told so widely that all fits. What
/// `counts_segments` lets pass takes some hundred thousand inputs to meet.
#[rstest]
#[case::early_retransmission("rfc9293", |told: &mut Choices| told.min_rto = 1_100_000)]
#[case::early_syn("rfc9293", |told: &mut Choices| told.first_rto = 1_100_000)]
#[case::short_time_wait("rfc9293", |told: &mut Choices| told.time_wait = 250_000_000)]
#[case::few_challenges("rfc9293", |told: &mut Choices| told.challenges = 11)]
#[case::syn_behind_the_fin("rfc9293", |told: &mut Choices| told.facts.takes_syn_at_rcv_nxt = false)]
#[case::fin_goes_along("linux", |told: &mut Choices| told.facts.takes_syn_with_fin = true)]
#[case::text_goes_along("linux", |told: &mut Choices| told.facts.takes_text_of_syn_ack = true)]
#[case::abort_is_known("linux", |told: &mut Choices| told.facts.aborts_as_unknown = false)]
#[case::stamps_are_wanted("linux", |told: &mut Choices| told.facts.drops_unstamped = true)]
#[case::syn_ack_once("linux", |told: &mut Choices| told.facts.repeats_syn_ack = false)]
#[case::no_rst_for_a_syn("linux", |told: &mut Choices| told.facts.another_syn = AnotherSyn::Returns)]
#[case::echo_is_not_looked_at("linux", |told: &mut Choices| told.facts.refuses_wild_echo = false)]
#[case::many_challenges("linux", |told: &mut Choices| told.challenges = 2)]
#[case::often_challenges("linux", |told: &mut Choices| told.challenge_period = 400_000)]
#[case::late_retransmission("linux", |told: &mut Choices| told.min_rto = 300_000)]
#[case::no_linear_syns("linux", |told: &mut Choices| told.linear_syns = 3)]
#[case::no_hurry("linux", |told: &mut Choices| told.hurried_syn = None)]
#[case::patience("linux", |told: &mut Choices| told.patience_with_syn = 132_000_000)]
#[case::no_time("linux", |told: &mut Choices| told.finds_losses_by_time = false)]
#[case::no_bursts("linux", |told: &mut Choices| told.sends_bursts = false)]
#[case::time_wait("linux", |told: &mut Choices| told.time_wait = 70_000_000)]
#[case::stamps_are_wanted("freebsd", |told: &mut Choices| told.facts.drops_unstamped = true)]
#[case::abort_is_known("freebsd", |told: &mut Choices| told.facts.aborts_as_unknown = false)]
#[case::syn_ack_once("freebsd", |told: &mut Choices| told.facts.repeats_syn_ack = false)]
#[case::another_syn_ends("freebsd", |told: &mut Choices| told.facts.another_syn = AnotherSyn::Returns)]
#[case::another_syn_resets("freebsd", |told: &mut Choices| told.facts.another_syn = AnotherSyn::Resets)]
#[case::rst_ends_time_wait("freebsd", |told: &mut Choices| told.facts.ignores_rst_in_time_wait = false)]
#[case::unread_text_aborts("freebsd", |told: &mut Choices| told.facts.closes_over_unread = false)]
#[case::many_challenges("freebsd", |told: &mut Choices| told.challenges = 6)]
#[case::late_retransmission("freebsd", |told: &mut Choices| told.min_rto = 300_000)]
#[case::persist("freebsd", |told: &mut Choices| told.least_persist = 0)]
#[case::patience("freebsd", |told: &mut Choices| told.patience_with_syn = 80_000_000)]
#[case::no_keep_alives("freebsd", |told: &mut Choices| told.always_keeps_alive = false)]
fn a_choice_told_wrongly_is_found(#[case] profile: &str, #[case] tell: fn(&mut Choices)) {
    let found = (1..=6).find_map(|seed| search(profile, seed, 3_000, tell));
    let (count, finding) = found.expect("nothing is found");
    println!("{profile}: after {count}: {}", finding.found.violation);
}

/// What the oracles objected to once, wrongly: each input was one of millions.
#[rstest]
#[case::the_wait_behind_a_probe_is_no_timeout(include_bytes!("false_alarms/wait-behind-a-probe.bin"))]
#[case::a_window_of_segments_holds_more_of_smaller_ones(include_bytes!("false_alarms/window-of-smaller-segments.bin"))]
#[case::a_round_trip_may_be_longer_than_a_timeout(include_bytes!("false_alarms/round-trip-of-seconds.bin"))]
#[case::a_round_trip_may_take_minutes(include_bytes!("false_alarms/round-trip-of-minutes.bin"))]
fn a_false_alarm_of_the_linux_profile_is_gone(#[case] bytes: &[u8]) {
    let target = ReferenceTarget::of_profile("linux").unwrap();
    let played = engine::play(
        &mut target.subject(),
        &Input::decode(bytes),
        &mut (),
        target.choices(),
    );
    assert!(played.is_ok(), "{}", played.unwrap_err().violation);
}
