use super::fake::{FakeTarget, Flaw, Isn};
use super::*;
use crate::program::IpVersion;
use crate::suite::{Case, Suite};
use crate::target::reference::ReferenceTarget;
use crate::time::Time;
use crate::verdict::Failure;
use rstest::rstest;

fn case(name: &str) -> Case {
    let found = Suite::bundled()
        .cases
        .into_iter()
        .find(|case| case.name == name);
    found.unwrap_or_else(|| panic!("no case {name}"))
}

fn verdict(name: &str, isn: Isn, flaw: Flaw, ip_version: IpVersion) -> Verdict {
    let settings = RunSettings {
        ip_version,
        ..RunSettings::default()
    };
    run(case(name).source(), &FakeTarget { isn, flaw }, &settings).verdict
}

/// Every bundled probe file.
fn all() -> Vec<Case> {
    let cases = Suite::bundled().cases;
    let probes = cases
        .into_iter()
        .filter(|case| case.source().name().ends_with(".probe.toml"));
    probes.collect()
}

#[test]
fn every_bundled_file_names_a_probe_and_its_parameters() {
    assert!(!all().is_empty());
    for case in all() {
        let wrong = check(case.source());
        assert!(wrong.is_empty(), "{}: {wrong:?}", case.name);
        assert!(!header(case.source()).covers.is_empty(), "{}", case.name);
    }
}

#[test]
fn every_probe_has_a_bundled_file() {
    let names: Vec<String> = all()
        .iter()
        .filter_map(|case| Some(file::name(case.source()).ok()?.0))
        .collect();
    for entry in PROBES {
        assert!(
            names.iter().any(|name| name == entry.name),
            "{}",
            entry.name
        );
    }
}

#[rstest]
fn a_stack_without_flaws_passes_every_probe(
    #[values(IpVersion::Ipv4, IpVersion::Ipv6, IpVersion::Ipv4MappedIpv6)] ip_version: IpVersion,
) {
    for case in all() {
        let verdict = verdict(&case.name, Isn::rfc6528(4000), Flaw::None, ip_version);
        assert_eq!(verdict.name(), "pass", "{}: {verdict:?}", case.name);
    }
}

fn failure(name: &str, isn: Isn, flaw: Flaw) -> Failure {
    match verdict(name, isn, flaw, IpVersion::Ipv4) {
        Verdict::Fail(failure) => *failure,
        other => panic!("{name} with {flaw:?} ended in {other:?}"),
    }
}

#[rstest]
#[case("isn/sample", Isn::lcg(), "P020")]
#[case("isn/sample", Isn::small_steps(), "P020")]
#[case("isn/sample", Isn::constant(), "P020")]
#[case("isn/clock", Isn::constant(), "P021")]
#[case("isn/clock", Isn::ideal(1), "P021")]
#[case("isn/clock", Isn::rule_of_64k(), "P021")]
#[case("isn/unrelated-tuples-passive", Isn::clock(), "P020")]
#[case("isn/unrelated-tuples-passive", Isn::added_tuple(), "P020")]
#[case("isn/unrelated-tuples-active", Isn::clock(), "P020")]
#[case("isn/unrelated-tuples-active", Isn::added_tuple(), "P020")]
fn weak_isns_are_found_out(#[case] name: &str, #[case] isn: Isn, #[case] code: &str) {
    assert_eq!(failure(name, isn, Flaw::None).code, code);
}

#[rstest]
#[case("header/bad-checksum", Flaw::TakesBadChecksums, "P012")]
#[case("header/end-of-list-anywhere", Flaw::ReadsOn, "P013")]
#[case("header/reserved-bits", Flaw::MindsReservedBits, "P011")]
#[case("header/reserved-bits", Flaw::SetsReservedBits, "P010")]
#[case("header/segments-from-nobody", Flaw::MindsNoAddress, "P012")]
#[case("header/segments-from-itself", Flaw::MindsNoAddress, "P012")]
#[case("header/segments-to-a-group", Flaw::MindsNoAddress, "P012")]
#[case("header/unknown-ip-options", Flaw::MindsIpOptions, "P011")]
#[case("syn-flood/no-cookies", Flaw::EndlessQueue, "P022")]
#[case("syn-flood/no-cookies", Flaw::QueueNeverDrains, "P011")]
#[case("syn-flood/cookies-always", Flaw::RepeatsCookies, "P012")]
#[case("syn-flood/cookies-always", Flaw::LaxCookies, "P011")]
#[case("close/process-ended-by-signal", Flaw::SilentExit, "P011")]
#[case("close/process-ended-with-unread-data", Flaw::SilentExit, "P011")]
#[case("handshake/ephemeral-ports", Flaw::CountsPorts, "P020")]
#[case("timestamps/own-clock-for-each-peer", Flaw::OneTimestampClock, "P020")]
#[case(
    "timestamps/own-clock-for-each-port",
    Flaw::TimestampClockByHost,
    "P020"
)]
#[case(
    "timestamps/own-clock-for-each-port-active",
    Flaw::TimestampClockByHost,
    "P020"
)]
#[case("reset/challenge-ack-rate-rst", Flaw::AnswersEveryChallenge, "P022")]
#[case("reset/challenge-ack-rate-syn", Flaw::AnswersEveryChallenge, "P022")]
#[case("time-wait/many-at-a-time", Flaw::HasNoTimeWait, "P022")]
#[case("time-wait/many-at-a-time", Flaw::HoardsClosed, "P011")]
#[case("reset/challenge-ack-rate-rst", Flaw::OneChallengeBudget, "P011")]
#[case("reset/challenge-ack-rate-syn", Flaw::OneChallengeBudget, "P011")]
fn flaws_are_found_out(#[case] name: &str, #[case] flaw: Flaw, #[case] code: &str) {
    assert_eq!(failure(name, Isn::rfc6528(4000), flaw).code, code);
}

#[test]
fn the_same_run_gives_the_same_history() {
    let target = FakeTarget {
        isn: Isn::rfc6528(4000),
        flaw: Flaw::None,
    };
    let case = case("isn/clock");
    let run = || run(case.source(), &target, &RunSettings::default()).trace;
    assert_eq!(run(), run());
}

#[rstest]
#[case("isn/clock")]
#[case("syn-flood/no-cookies")]
#[case("close/process-ended-by-signal")]
fn the_reference_repeats_itself(#[case] name: &str) {
    let case = case(name);
    let run = || {
        let target = ReferenceTarget::default();
        run(case.source(), &target, &RunSettings::default())
    };
    let (one, other) = (run(), run());
    assert_eq!(one.verdict.name(), "pass");
    assert_eq!(one.trace, other.trace);
}

#[test]
fn a_long_history_is_cut_and_says_so() {
    let target = FakeTarget {
        isn: Isn::rfc6528(4000),
        flaw: Flaw::None,
    };
    let case = case("isn/sample");
    let trace = run(case.source(), &target, &RunSettings::default()).trace;
    assert_eq!(trace.entries.len(), 4001);
    let middle = &trace.entries[2000].text;
    assert!(middle.ends_with("are left out here"), "{middle}");
    let times: Vec<Time> = trace.entries.iter().map(|entry| entry.at).collect();
    assert!(times.is_sorted());
}

#[test]
fn an_unknown_probe_is_an_error_with_its_place() {
    let text = "probe = \"nonsense\"\ntitle = \"T\"\ncovers = []\nwhy = \"W\"\n[parameters]\n";
    let wrong = &check(&Source::new("x", text))[0];
    assert_eq!(wrong.message, "there is no probe `nonsense`");
    assert_eq!(wrong.source.slice(wrong.primary.span), "\"nonsense\"");
}
