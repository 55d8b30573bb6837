//! What holds for any agent.

use proptest::prelude::*;

use super::*;

/// Windows one after the other, each summed up by two replicas.
fn windows(most: usize) -> impl Strategy<Value = Vec<Summary>> {
    let sums = (
        0u64..100_000_000,
        0u64..1_000_000,
        0u64..1_000_000,
        any::<u32>(),
        any::<u32>(),
    );
    prop::collection::vec(sums, 0..most).prop_map(|all| {
        (0..)
            .zip(all)
            .map(
                |(at, (length_us, traces, errors, cost, duration))| Summary {
                    start_us: at / 2,
                    length_us,
                    traces,
                    errors: errors.min(traces),
                    cost_micros: cost.into(),
                    duration_ms_sum: duration.into(),
                },
            )
            .collect()
    })
}

proptest! {
    #[test]
    fn averages_stay_finite_and_every_finding_is_beyond_the_threshold(
        windows in windows(200),
    ) {
        let settings = Settings { weight: 0.1, warm_up: 5, threshold: 4.0 };
        let mut baseline = Baseline::default();
        for (at, window) in windows.iter().enumerate() {
            let found;
            (baseline, found) = baseline.observe(window, &settings);
            prop_assert!(at >= 5 || found.is_empty());
            for deviation in found {
                prop_assert!(deviation.score.abs() >= settings.threshold);
                prop_assert!(deviation.score.is_finite());
            }
            for metric in Metric::ALL {
                prop_assert!(baseline.mean(metric).is_none_or(f64::is_finite));
            }
        }
    }

    #[test]
    fn a_stored_baseline_is_the_same_baseline(windows in windows(50)) {
        let settings = Settings { weight: 0.2, warm_up: 5, threshold: 4.0 };
        let baseline = windows
            .iter()
            .fold(Baseline::default(), |baseline, window| baseline.observe(window, &settings).0);
        prop_assert_eq!(Baseline::from_stored(baseline.stored()), baseline);
    }
}
