//! Decisions of the detector, window by window.

use super::*;

const SETTINGS: Settings = Settings {
    weight: 0.1,
    warm_up: 20,
    threshold: 4.0,
};

const MINUTE_US: i64 = 60_000_000;

/// Minute `step` of an ordinary agent, varying a little.
fn ordinary(step: u64) -> Summary {
    let traces = 100 + (step * 7) % 11;
    Summary {
        start_us: i64::try_from(step).unwrap() * MINUTE_US,
        length_us: 60_000_000,
        traces,
        errors: (step * 3) % 4,
        cost_micros: traces * (2_000 + (step * 13) % 50),
        duration_ms_sum: traces * (800 + (step * 17) % 60),
    }
}

fn run(
    baseline: Baseline,
    windows: impl IntoIterator<Item = Summary>,
) -> (Baseline, Vec<Deviation>) {
    let mut all = Vec::new();
    let baseline = windows.into_iter().fold(baseline, |baseline, window| {
        let (baseline, found) = baseline.observe(&window, &SETTINGS);
        all.extend(found);
        baseline
    });
    (baseline, all)
}

/// An agent that was ordinary for so many minutes.
fn stable(windows: u64) -> Baseline {
    let (baseline, found) = run(Baseline::default(), (0..windows).map(ordinary));
    assert_eq!(found, []);
    baseline
}

fn metrics(found: &[Deviation]) -> Vec<Metric> {
    found.iter().map(|deviation| deviation.metric).collect()
}

#[test]
fn a_spike_after_a_stable_baseline_is_found_at_once() {
    let usual = ordinary(100);
    let cases = [
        (
            Metric::TraceRate,
            Summary {
                traces: usual.traces * 10,
                errors: usual.errors * 10,
                cost_micros: usual.cost_micros * 10,
                duration_ms_sum: usual.duration_ms_sum * 10,
                ..usual
            },
        ),
        (
            Metric::ErrorRate,
            Summary {
                errors: 60,
                ..usual
            },
        ),
        (
            Metric::Cost,
            Summary {
                cost_micros: usual.cost_micros * 10,
                ..usual
            },
        ),
        (
            Metric::Latency,
            Summary {
                duration_ms_sum: usual.duration_ms_sum * 10,
                ..usual
            },
        ),
    ];
    for (metric, window) in cases {
        let (_, found) = run(stable(100), [window]);
        assert_eq!(metrics(&found), [metric]);
        assert!(found[0].score > SETTINGS.threshold);
        assert!(found[0].value > found[0].expected);
        assert_eq!(found[0].severity, Severity::Critical);
        assert_eq!(found[0].window, window);
    }
}

#[test]
fn a_trace_rate_that_collapses_is_found_when_its_window_closes() {
    let quiet = Summary {
        traces: 1,
        errors: 0,
        cost_micros: 2_000,
        duration_ms_sum: 800,
        ..ordinary(100)
    };
    let (baseline, found) = run(stable(100), [quiet]);
    assert_eq!(found, []);
    let (_, found) = run(baseline, [ordinary(101)]);
    assert_eq!(metrics(&found), [Metric::TraceRate]);
    assert!(found[0].score < 0.0);
    assert_eq!(found[0].window, quiet);
}

#[test]
fn sums_of_several_replicas_are_one_window() {
    let halves = |step: u64| {
        let whole = ordinary(step);
        let half = Summary {
            traces: whole.traces / 2,
            errors: whole.errors / 2,
            cost_micros: whole.cost_micros / 2,
            duration_ms_sum: whole.duration_ms_sum / 2,
            ..whole
        };
        [
            half,
            Summary {
                traces: whole.traces - half.traces,
                errors: whole.errors - half.errors,
                cost_micros: whole.cost_micros - half.cost_micros,
                duration_ms_sum: whole.duration_ms_sum - half.duration_ms_sum,
                ..whole
            },
        ]
    };
    let (split, found) = run(Baseline::default(), (0..100).flat_map(halves));
    assert_eq!(found, []);
    assert_eq!(split, stable(100));
}

#[test]
fn sums_of_a_window_that_was_closed_are_left_out() {
    let (late, found) = run(
        stable(100),
        [Summary {
            traces: 1_000_000,
            ..ordinary(98)
        }],
    );
    assert_eq!((late, found), (stable(100), vec![]));
}

#[test]
fn cheaper_faster_and_fewer_errors_are_not_found() {
    let window = Summary {
        errors: 0,
        cost_micros: 0,
        duration_ms_sum: 0,
        ..ordinary(100)
    };
    let (_, found) = run(stable(100), [window, ordinary(101)]);
    assert_eq!(found, []);
}

#[test]
fn a_warm_up_produces_none() {
    let warm_up = u64::from(SETTINGS.warm_up);
    let wild = |step| Summary {
        errors: 90,
        cost_micros: u32::MAX.into(),
        ..ordinary(step)
    };
    let (_, found) = run(stable(warm_up - 1), [wild(warm_up - 1)]);
    assert_eq!(found, []);
    let (_, found) = run(stable(warm_up), [wild(warm_up)]);
    assert_eq!(metrics(&found), [Metric::ErrorRate, Metric::Cost]);
}

#[test]
fn slow_drift_adapts() {
    let drifting = |step: u64| {
        let usual = ordinary(step);
        let cost_micros = usual.cost_micros + usual.cost_micros * (step - 100) / 100;
        Summary {
            cost_micros,
            ..usual
        }
    };
    let (baseline, found) = run(stable(100), (100..500).map(drifting));
    assert_eq!(found, []);
    assert!(baseline.mean(Metric::Cost).unwrap() > 0.008);
}

#[test]
fn a_lasting_change_is_found_once_and_becomes_the_new_normal() {
    let dearer = |step| Summary {
        cost_micros: ordinary(step).cost_micros * 3,
        ..ordinary(step)
    };
    let (baseline, found) = run(stable(100), (100..300).map(dearer));
    assert_eq!(found.len(), 1);
    let mean = baseline.mean(Metric::Cost).unwrap();
    assert!((0.0055..0.0065).contains(&mean), "{mean}");
}

#[test]
fn a_second_spike_is_found_again_after_calm() {
    let spike = |step| Summary {
        cost_micros: ordinary(step).cost_micros * 10,
        ..ordinary(step)
    };
    let (baseline, first) = run(stable(100), [spike(100)]);
    let (baseline, lasting) = run(baseline, [spike(101)]);
    let (baseline, calm) = run(baseline, (102..152).map(ordinary));
    let (_, second) = run(baseline, [spike(152)]);
    let counts = [first, lasting, calm, second].map(|found| found.len());
    assert_eq!(counts, [1, 0, 0, 1]);
}

#[test]
fn a_quiet_hour_with_one_dear_trace_is_no_cost_finding() {
    let noisy = |step: u64| Summary {
        cost_micros: 200_000 + (step % 7) * 10_000,
        ..ordinary(step)
    };
    let (baseline, _) = run(Baseline::default(), (0..100).map(noisy));
    let alone = Summary {
        traces: 1,
        errors: 0,
        cost_micros: 4_000,
        duration_ms_sum: 830,
        ..ordinary(100)
    };
    let (_, found) = run(baseline, [alone]);
    assert_eq!(found, []);
}

#[test]
fn a_handful_of_traces_with_one_error_is_no_finding() {
    let quiet = |step| Summary {
        traces: 3,
        errors: 0,
        cost_micros: 6_000,
        duration_ms_sum: 2_400,
        ..ordinary(step)
    };
    let (baseline, _) = run(Baseline::default(), (0..100).map(quiet));
    let (_, found) = run(
        baseline,
        [
            Summary {
                errors: 1,
                ..quiet(100)
            },
            quiet(101),
        ],
    );
    assert_eq!(found, []);
}

#[test]
fn an_empty_window_says_nothing_of_errors_cost_and_latency() {
    let empty = Summary {
        traces: 0,
        errors: 0,
        cost_micros: 0,
        duration_ms_sum: 0,
        ..ordinary(101)
    };
    let (before, _) = run(stable(101), [empty]);
    let (after, found) = run(before.clone(), [ordinary(102)]);
    assert_eq!(metrics(&found), [Metric::TraceRate]);
    for metric in [Metric::ErrorRate, Metric::Cost, Metric::Latency] {
        assert_eq!(before.mean(metric), after.mean(metric));
    }
}
