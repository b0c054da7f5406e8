#!/usr/bin/env bash
# Fuzzes one target or all of them for a number of seconds each, with libFuzzer on the stable toolchain.
#
#   fuzz/run.sh TARGET|all SECONDS [libFuzzer options]
#
# libFuzzer is compiled from its sources by the crate libfuzzer-sys, which needs a C++ compiler. What `cargo fuzz` does
# with nightly flags is only needed for the sanitizers; coverage instrumentation itself is an LLVM pass that a stable
# rustc runs on request.
#
# The growing corpus is fuzz/corpus/TARGET. An input that fails is written to fuzz/artifacts/TARGET; once the fault is
# fixed, move the file to fuzz/regressions/TARGET, where `make test` replays it.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${1:-all}
seconds=${2:-60}
shift $(($# < 2 ? $# : 2))
mapfile -t all < <(ls fuzz/seeds)

coverage=(
    -Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares
    -Ccodegen-units=1
    -Cdebug-assertions=on
    -Coverflow-checks=on
)
host=$(rustc -vV | sed -n 's/^host: //p')
# Naming the host as target keeps the instrumentation out of build scripts and procedural macros.
RUSTFLAGS="${coverage[*]}" cargo build --locked --quiet --release --config 'profile.release.lto="off"' \
    --target "$host" --target-dir target/fuzz -p tokengrove-fuzz --features libfuzzer
binary=target/fuzz/$host/release/fuzz

[ "$target" = all ] || all=("$target")
status=0
for name in "${all[@]}"; do
    corpus=fuzz/corpus/$name artifacts=fuzz/artifacts/$name
    mkdir -p "$corpus" "$artifacts"
    echo "fuzzing $name for $seconds s"
    log=$artifacts/log
    if TOKENGROVE_FUZZ_TARGET=$name "$binary" "$corpus" "fuzz/seeds/$name" "fuzz/regressions/$name" \
        -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$artifacts/" \
        -print_final_stats=1 "$@" >"$log" 2>&1; then
        echo "  clean: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs, $(ls "$corpus" | wc -l) in the corpus"
    else
        status=1
        echo "  FAILED; the input is in $artifacts:"
        grep -E "panicked at|^ *left:|^ *right:|ERROR:|Test unit written" "$log" | head -n 12 | sed 's/^/    /'
    fi
done
exit $status
