//! The simulation finds historic defects, each at the seed that `docs/simulation.md` names.
//!
//! This stands here and not with the stack because of the feature `mutants`: a package that does not
//! ask for it, benchmarks among them, builds a stack without.

use rstest::rstest;
use tcpdrill_stack::mutants::{Infection, Mutant};
use tcpdrill_stack::testing::simulation::{Oracle, Plan, run};

/// How many seeds before the first that finds a mutant are looked at again.
const BEFORE: u64 = 60;

/// Who finds the mutant with this seed, if anybody.
fn found(seed: u64, infection: &Infection) -> Option<Oracle> {
    let mut plan = Plan::from_seed(seed);
    for host in &mut plan.hosts {
        host.config.mutant = infection.clone();
    }
    run(plan, false)
        .violation
        .map(|violation| violation.trouble.oracle)
}

#[rstest]
#[case(Mutant::A07, 179, Oracle::Invariant)]
#[case(Mutant::C01, 8, Oracle::Failure)]
#[case(Mutant::C08, 66, Oracle::Storm)]
#[case(Mutant::C13, 8, Oracle::Stream)]
#[case(Mutant::D02, 7, Oracle::Packet)]
#[case(Mutant::D07, 59, Oracle::Invariant)]
#[case(Mutant::E06, 17, Oracle::Packet)]
#[case(Mutant::F03, 7, Oracle::Invariant)]
#[case(Mutant::F13, 0, Oracle::Packet)]
#[case(Mutant::G03, 0, Oracle::Failure)]
#[case(Mutant::H01, 2, Oracle::Pace)]
#[case(Mutant::H04, 0, Oracle::Invariant)]
#[case(Mutant::H09, 34, Oracle::Pace)]
#[case(Mutant::H11, 1919, Oracle::Pace)]
#[case(Mutant::I07, 25, Oracle::Packet)]
fn a_mutant_is_found(#[case] mutant: Mutant, #[case] seed: u64, #[case] oracle: Oracle) {
    let infection = Infection::with(mutant);
    for earlier in seed.saturating_sub(BEFORE)..seed {
        assert_eq!(found(earlier, &infection), None, "seed {earlier}");
    }
    assert_eq!(found(seed, &infection), Some(oracle));
    assert!(infection.triggered() > 0 && infection.reached() >= infection.triggered());
    assert_eq!(
        found(seed, &Infection::default()),
        None,
        "without the mutant"
    );
}

/// `docs/simulation.md` lists by its title each mutant that has a seed here, and no other.
#[test]
fn the_documented_mutants_are_those_with_a_seed() {
    let document = include_str!("../../docs/simulation.md");
    let this = include_str!("mutants.rs");
    for mutant in Mutant::ALL {
        let row = format!("| {mutant} | {} |", mutant.title());
        let has_seed = this.contains(&format!("#[case(Mutant::{mutant}, "));
        assert_eq!(document.contains(&row), has_seed, "{row}");
    }
}
