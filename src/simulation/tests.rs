//! The simulation within the test suite: fixed seeds, and that a seed replays its run.

use super::*;

#[test]
fn seeds_run_clean() {
    for seed in [1, 2, 3, 5, 8] {
        let report = run(seed, 10_000, |_| {}).unwrap_or_else(|difference| panic!("seed {seed}: {difference}"));
        assert_eq!(report.steps, 10_000);
        assert!(report.changed * 10 >= report.steps * 6, "seed {seed}: {report:?}");
        assert!(report.restarts > 50 && report.faults > 20 && report.expired > 20, "seed {seed}: {report:?}");
    }
}

#[test]
fn a_seed_replays_its_run() {
    assert_eq!(run(7, 2_000, |_| {}), run(7, 2_000, |_| {}));
}
