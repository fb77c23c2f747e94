//! The simulation within the test suite: fixed seeds, and that a seed replays its run.

use super::*;

#[test]
fn seeds_run_clean() {
    for seed in [1, 2, 3, 5, 8] {
        let report = run(seed, 10_000, |_| {}).unwrap_or_else(|difference| panic!("seed {seed}: {difference}"));
        assert_eq!(report.steps, 10_000);
        assert!(report.changed * 10 >= report.steps * 6, "seed {seed}: {report:?}");
        assert!(report.restarts > 30 && report.faults > 20 && report.expired > 20, "seed {seed}: {report:?}");
        assert!(report.torn > 10 && report.same_time > 50, "seed {seed}: {report:?}");
        assert!(report.found > 100 && report.joined > 50 && report.contrary > 5, "seed {seed}: {report:?}");
    }
}

#[test]
fn a_seed_replays_its_run() {
    assert_eq!(run(7, 2_000, |_| {}), run(7, 2_000, |_| {}));
}

#[test]
fn a_restart_at_every_record_remembers_everything() {
    for seed in [11, 13] {
        let mut world = World::new(Rng::with_seed(seed)).unwrap();
        for _ in 0..150 {
            let stepped = world.step().and_then(|()| world.settle());
            stepped.unwrap_or_else(|difference| panic!("seed {seed}: {difference}"));
        }
    }
}

/// Each of the field's known bugs is found, long before so many steps of one of these seeds.
const MUTANT_STEPS: u64 = 20_000;
const MUTANT_SEEDS: [u64; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

#[test]
fn every_mutant_is_found() {
    use holdfast_core::hold::mutant::{Mutant, put_back};
    let mut survivors = Vec::new();
    for mutant in Mutant::ALL {
        assert!(put_back(Some(*mutant)), "tests are built with mutants");
        match MUTANT_SEEDS.into_iter().find_map(|seed| run(seed, MUTANT_STEPS, |_| {}).err()) {
            None => survivors.push(mutant.name()),
            Some(difference) => println!("{:<28}{:>8}  {}", mutant.name(), difference.step, difference.what),
        }
    }
    put_back(None);
    assert_eq!(survivors, Vec::<&str>::new());
}
