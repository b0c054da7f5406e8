//! Runs every target over its committed seeds and regressions. A panic is a failed promise.

use std::fs;
use std::path::Path;
use tokengrove_fuzz::TARGETS;

fn files(kind: &str, target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(target);
    let Ok(entries) = fs::read_dir(&folder) else { return Vec::new() };
    entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            Some((path.display().to_string(), fs::read(&path).ok()?))
        })
        .collect()
}

fn replay(kind: &str) {
    for (name, target) in TARGETS {
        for (path, data) in files(kind, name) {
            let outcome = std::panic::catch_unwind(|| target(&data));
            assert!(outcome.is_ok(), "target {name} fails on {path}");
        }
    }
}

#[test]
fn seeds_pass() {
    replay("seeds");
    assert!(TARGETS.iter().all(|(name, _)| !files("seeds", name).is_empty()), "every target has seeds");
}

#[test]
fn regressions_stay_fixed() {
    replay("regressions");
}

/// A few thousand inputs without coverage guidance: shuffled and cut seeds. The same inputs on every run.
#[test]
fn mutated_seeds_pass() {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap_or(0) % bound.max(1)
    };
    for (name, target) in TARGETS {
        let seeds = files("seeds", name);
        for round in 0..400 {
            let mut data = seeds[random(seeds.len())].1.clone();
            for _ in 0..random(6) {
                let (at, other) = (random(data.len()), &seeds[random(seeds.len())].1);
                match random(4) {
                    0 => data.truncate(at),
                    1 if !data.is_empty() => data[at] = u8::try_from(random(256)).unwrap_or(0),
                    2 => data.splice(at..at, other.iter().copied().take(32)).for_each(drop),
                    _ => data.extend_from_within(at..(at + 16).min(data.len())),
                }
            }
            let outcome = std::panic::catch_unwind(|| target(&data));
            assert!(outcome.is_ok(), "target {name} fails in round {round} on {data:?}");
        }
    }
}
