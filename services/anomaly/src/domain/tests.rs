//! Decisions of the detector, window by window.

use super::*;

const SETTINGS: Settings = Settings {
    weight: 0.1,
    warm_up: 20,
    threshold: 4.0,
};

/// A minute of an ordinary agent, varying a little with `step`.
fn ordinary(step: u64) -> Summary {
    let traces = 100 + (step * 7) % 11;
    Summary {
        length_us: 60_000_000,
        traces,
        errors: (step * 3) % 4,
        cost_micros: traces * (2_000 + (step * 13) % 50),
        duration_ms_sum: traces * (800 + (step * 17) % 60),
    }
}

fn stable(windows: u64) -> Baseline {
    (0..windows).fold(Baseline::default(), |baseline, step| {
        let (baseline, found) = baseline.observe(&ordinary(step), &SETTINGS);
        assert_eq!(found, [], "an ordinary window {step} was found");
        baseline
    })
}

fn metrics(found: &[Deviation]) -> Vec<Metric> {
    found.iter().map(|deviation| deviation.metric).collect()
}

#[test]
fn a_spike_after_a_stable_baseline_is_found() {
    let usual = ordinary(3);
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
        let (_, found) = stable(100).observe(&window, &SETTINGS);
        assert_eq!(metrics(&found), [metric]);
        assert!(found[0].score > SETTINGS.threshold);
        assert!(found[0].value > found[0].expected);
        assert_eq!(found[0].severity, Severity::Critical);
    }
}

#[test]
fn a_trace_rate_that_collapses_is_found() {
    let window = Summary {
        traces: 1,
        errors: 0,
        cost_micros: 2_000,
        duration_ms_sum: 800,
        ..ordinary(0)
    };
    let (_, found) = stable(100).observe(&window, &SETTINGS);
    assert_eq!(metrics(&found), [Metric::TraceRate]);
    assert!(found[0].score < 0.0);
}

#[test]
fn cheaper_faster_and_fewer_errors_are_not_found() {
    let usual = ordinary(0);
    let window = Summary {
        errors: 0,
        cost_micros: 0,
        duration_ms_sum: 0,
        ..usual
    };
    let (_, found) = stable(100).observe(&window, &SETTINGS);
    assert_eq!(found, []);
}

#[test]
fn a_warm_up_produces_none() {
    let wild = Summary {
        traces: 100_000,
        errors: 90_000,
        cost_micros: u32::MAX.into(),
        ..ordinary(0)
    };
    let baseline = stable(u64::from(SETTINGS.warm_up) - 1);
    let (_, found) = baseline.observe(&wild, &SETTINGS);
    assert_eq!(found, []);
}

#[test]
fn slow_drift_adapts() {
    let mut baseline = stable(100);
    for step in 0..400 {
        let usual = ordinary(step);
        let cost_micros = usual.cost_micros + usual.cost_micros * step / 100;
        let found;
        (baseline, found) = baseline.observe(
            &Summary {
                cost_micros,
                ..usual
            },
            &SETTINGS,
        );
        assert_eq!(found, [], "step {step}");
    }
    assert!(baseline.mean(Metric::Cost).unwrap() > 8_000.0);
}

#[test]
fn a_lasting_change_is_found_once_and_becomes_the_new_normal() {
    let mut baseline = stable(100);
    let mut findings = 0;
    for step in 0..200 {
        let usual = ordinary(step);
        let window = Summary {
            cost_micros: usual.cost_micros * 3,
            ..usual
        };
        let found;
        (baseline, found) = baseline.observe(&window, &SETTINGS);
        findings += found.len();
    }
    assert_eq!(findings, 1);
    let mean = baseline.mean(Metric::Cost).unwrap();
    assert!((5_500.0..6_500.0).contains(&mean), "{mean}");
}

#[test]
fn a_second_spike_is_found_again_after_calm() {
    let spike = Summary {
        cost_micros: ordinary(0).cost_micros * 10,
        ..ordinary(0)
    };
    let (mut baseline, first) = stable(100).observe(&spike, &SETTINGS);
    let (next, lasting) = baseline.observe(&spike, &SETTINGS);
    baseline = next;
    for step in 0..50 {
        (baseline, _) = baseline.observe(&ordinary(step), &SETTINGS);
    }
    let (_, second) = baseline.observe(&spike, &SETTINGS);
    assert_eq!((first.len(), lasting.len(), second.len()), (1, 0, 1));
}

#[test]
fn a_handful_of_traces_with_one_error_is_no_finding() {
    let quiet = Summary {
        length_us: 60_000_000,
        traces: 3,
        errors: 0,
        cost_micros: 6_000,
        duration_ms_sum: 2_400,
    };
    let baseline = (0..100).fold(Baseline::default(), |baseline, _| {
        baseline.observe(&quiet, &SETTINGS).0
    });
    let (_, found) = baseline.observe(
        &Summary {
            errors: 1,
            traces: 5,
            ..quiet
        },
        &SETTINGS,
    );
    assert!(!metrics(&found).contains(&Metric::TraceRate), "{found:?}");
}

#[test]
fn an_empty_window_says_nothing_of_errors_cost_and_latency() {
    let empty = Summary {
        length_us: 60_000_000,
        traces: 0,
        errors: 0,
        cost_micros: 0,
        duration_ms_sum: 0,
    };
    let before = stable(100);
    let (after, found) = before.clone().observe(&empty, &SETTINGS);
    assert_eq!(metrics(&found), [Metric::TraceRate]);
    for metric in [Metric::ErrorRate, Metric::Cost, Metric::Latency] {
        assert_eq!(before.mean(metric), after.mean(metric));
    }
}
