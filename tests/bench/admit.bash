# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154  # variables of scripts/bench
#
# bench admit: the rows of admit_bench, in the form of every benchmark. There is
# nothing to compare with, so "other" and "ratio" are null.

bench_admit() {
  local seconds=2
  while [[ $# -gt 0 ]]; do
    case $1 in
      --seconds)
        number --seconds "${2-}" 600
        seconds=$2
        shift
        ;;
      *) die 2 "admit: unknown option '$1'; see bench --help" ;;
    esac
    shift
  done
  local machine
  machine=$(machine_json)
  need_program admit_bench
  # Medians of repetitions, as one mean would hide a noisy moment.
  "$PROGRAM" --benchmark_min_time="$seconds" --benchmark_repetitions=5 --benchmark_format=json 2>/dev/null |
    jq --argjson machine "$machine" '
      {bench: "admit", machine: $machine,
       method: "median of 5 repetitions, wall time of one thread; appended to SQLite without waiting for the disk",
       rows: [.benchmarks | group_by(.run_name)[] | {
         what: .[0].run_name,
         ours: ((map(select(.aggregate_name == "median"))[0].real_time * 100 | round) / 100),
         other: null, unit: .[0].time_unit, ratio: null,
         n: ([.[] | select(.run_type == "iteration") | .iterations] | add)}],
       complete: true}'
}
