# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154  # variables of scripts/bench
#
# bench settle: the figures of settle_bench, in the form of every benchmark. "ours" is a
# home service's books, "other" SQLite that only inserts the same rows.

bench_settle() {
  local count=100000 grow=10 batch=5000
  while [[ $# -gt 0 ]]; do
    case $1 in
      --n)
        number "$1" "${2-}" 1000000
        count=$2
        shift
        ;;
      --grow)
        number "$1" "${2-}" 1000
        grow=$2
        shift
        ;;
      --batch)
        number "$1" "${2-}" 500000
        batch=$2
        shift
        ;;
      *) die 2 "settle: unknown option '$1'; see bench --help" ;;
    esac
    shift
  done
  local machine marks=$count
  if [[ $grow -gt 1 ]]; then marks+=,$((count * grow)); fi
  machine=$(machine_json)
  need_program settle_bench
  "$PROGRAM" --jobs "$marks" --batch "$batch" |
    jq --argjson machine "$machine" '
      def mib: . / 1024 * 10 | round / 10;
      {bench: "settle", machine: $machine,
       method: {records_per_batch: .batch, values: "all jobs over the time of all batches; each batch synced to the disk",
         jobs: "each admitted before with a lien on one of 100 vouchers, found by its tag; foreign keys, checks and triggers on",
         other: "SQLite that inserts the rows of the same charges into one table without checks, one transaction and sync per batch"},
       rows: ([.rows[] | {what: "jobs/s, first \(.jobs)", ours: (.ours.jobs_per_second | round), other: (.other.jobs_per_second | round),
           unit: "1/s", ratio: (.ours.jobs_per_second / .other.jobs_per_second * 1000 | round / 1000), n: .jobs}]
         + [.rows[] | {what: "processor time per job, first \(.jobs)", ours: (.ours.processor_us_per_job * 10 | round / 10),
           other: (.other.processor_us_per_job * 10 | round / 10), unit: "us",
           ratio: (.ours.processor_us_per_job / .other.processor_us_per_job * 1000 | round / 1000), n: .jobs}]
         + [.rows[] | {what: "peak memory of both sides, first \(.jobs)", ours: (.peak_kib | mib), other: null, unit: "MiB", ratio: null, n: .jobs}]),
       blocks: [.rows[] | {jobs, ours: (.ours | map_values(round)), other: (.other | map_values(round))}],
       complete: true}'
}
