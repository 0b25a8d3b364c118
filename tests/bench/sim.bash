# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154  # variables of scripts/bench
#
# bench sim: tests/simulation for longer than a test may take, one process for each
# processor with a seed of its own. There is nothing to compare with, so "other" and
# "ratio" are null.

bench_sim() {
  local operations=10000000 seed=$((RANDOM << 30 | RANDOM << 15 | RANDOM))
  while [[ $# -gt 0 ]]; do
    case $1 in
      --operations)
        number "$1" "${2-}" 999999999
        operations=$2
        shift
        ;;
      --seed)
        [[ ${2-} =~ ^[1-9][0-9]{0,13}$ ]] || die 2 "--seed '${2-}': it is a number from 1 to 99999999999999; see bench --help"
        seed=$2
        shift
        ;;
      *) die 2 "sim: unknown option '$1'; see bench --help" ;;
    esac
    shift
  done
  local machine processes work began one failed=no
  machine=$(machine_json)
  need_program simulate
  processes=$(nproc)
  work=$(mktemp -d)
  # shellcheck disable=SC2064  # now, as it is a local
  trap "rm -rf -- '$work'" EXIT
  say "seeds $seed to $((seed + processes - 1)), $operations operations"
  began=$EPOCHREALTIME
  for ((one = 0; one < processes; ++one)); do
    # What does not divide falls to the first.
    "$PROGRAM" --seed $((seed + one)) --operations $((operations / processes + (one == 0 ? operations % processes : 0))) \
      >"$work/$one.json" &
  done
  for one in $(jobs -p); do wait "$one" || failed=yes; done
  [[ $failed == no ]] || die 1 'a simulation failed; it has said how to see it again'
  jq -s --argjson machine "$machine" --argjson began "$began" --argjson ended "$EPOCHREALTIME" '
    def total(name): map(.[name]) | add;
    def counts(name): map(.[name] | to_entries[]) | group_by(.key) | map({key: .[0].key, value: (map(.value) | add)}) | from_entries;
    {bench: "sim", machine: $machine,
     method: {processes: length, seeds: map(.seed), values: "operations of all processes over the time of the longest",
       compared: "with the model after every operation; all was as it should be"},
     rows: [{what: "operations/s", ours: (total("operations") / ($ended - $began) | round), other: null, unit: "1/s", ratio: null,
       n: total("operations")}],
     simulated: ({operations: total("operations"), calls: counts("calls"), refusals: counts("refusals")}
       + ([("centres", "admitted", "records_charged", "process_crashes", "machine_crashes", "entries_lost", "restarts",
            "clock_jumps", "storage_faults") as $name | {($name): total($name)}] | add)),
     complete: true}' "$work"/*.json
}
