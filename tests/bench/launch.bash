# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source-path=SCRIPTDIR
# shellcheck disable=SC2034,SC2154  # variables of scripts/bench and on_testbed.bash
#
# bench launch: what the SPANK plugin costs the launch of a job. `srun true`, one after the
# other, with the plugin in plugstack.conf ("ours") and without ("other"), in blocks that
# take turns. Everything else of Sluice is there on both sides. srun and slurmstepd read
# plugstack.conf at each launch, so no daemon is restarted in between.

# shellcheck source=on_testbed.bash
source "$REPO/tests/bench/on_testbed.bash"

bench_launch() {
  local count=10 blocks=40
  KEEP=no
  while [[ $# -gt 0 ]]; do
    case $1 in
      --n) number "$1" "${2-}" 10000; count=$2; shift ;;
      --blocks) number "$1" "${2-}" 1000; blocks=$2; shift ;;
      --keep) KEEP=yes ;;
      *) die 2 "launch: unknown option '$1'; see bench --help" ;;
    esac
    shift
  done
  begin_on_testbed launch
  local machine block side
  machine=$(machine_json)
  [[ -e $BUILD/lib/spank_sluice.so ]] || die 1 "couldn't find $BUILD/lib/spank_sluice.so; build it: cmake --preset release && cmake --build --preset release"
  say 'starting a testbed'
  quietly "$TESTBED" down
  quietly "$TESTBED" up --build "$BUILD" --mode enforce
  local plugstack=$SLUICE_TESTBED_DIR/sites/cq/etc/slurm/plugstack.conf
  cp "$plugstack" "$WORK/plugstack.conf"
  launch 20 >/dev/null # what is read for the first time
  for ((block = 0; block < blocks; ++block)); do
    for side in $( ((block % 2 == 0)) && echo ours other || echo other ours ); do
      say "block $((block + 1)) of $blocks, $side"
      # In place: the hosts have this very file.
      if [[ $side == ours ]]; then cat "$WORK/plugstack.conf"; fi >"$plugstack"
      launch "$count" | jq -Rcn --arg side "$side" '[inputs | split(" ") | (.[1] | tonumber) - (.[0] | tonumber) | . * 1000] | {side: $side, ms: .}' >>"$WORK/blocks"
    done
  done
  launch_report "$machine" "$blocks"
}

# launch COUNT: prints when each began and ended.
launch() {
  # shellcheck disable=SC2016  # expanded on the host
  as researcher1 bash -c 'for ((i = 0; i < $1; ++i)); do
      began=$EPOCHREALTIME
      srun -Q -p super -n1 -t1 true || exit 1
      echo "$began $EPOCHREALTIME"
    done' launch "$1" || die 1 "srun failed; see: scripts/testbed logs slurmctld slurmd"
}

launch_report() { # MACHINE BLOCKS
  jq -s --argjson machine "$1" --argjson blocks "$2" '
    def at(p): sort[([(length * p | ceil) - 1, 0] | max)];
    def round_to(k): . * k | round / k;
    def of(side): map(select(.side == side));
    def rate: map(1000 / (.ms | at(0.5))) | at(0.5);
    def all: map(.ms[]);
    . as $blocks_of_both | of("ours") as $ours | of("other") as $other
    | {bench: "launch", machine: $machine,
       method: {blocks_each: $blocks, launches_per_block: ($ours[0].ms | length), warm_up: "20 launches, excluded",
         values: "launches/s: of the median launch of the median block, as the scheduler lets one wait now and then; p50 and p99: of all",
         jobs: "srun -n1 true on the login host, each a job of its own, Sluice in force on both sides",
         other: "without spank_sluice.so in plugstack.conf"},
       rows: [
         {what: "launches/s", ours: ($ours | rate | round_to(100)), other: ($other | rate | round_to(100)), unit: "1/s",
          ratio: (($ours | rate) / ($other | rate) | round_to(1000)), n: ($ours | all | length)},
         ({p50: 0.5, p99: 0.99} | to_entries[] | . as $p
          | {what: $p.key, ours: ($ours | all | at($p.value) | round_to(100)), other: ($other | all | at($p.value) | round_to(100)), unit: "ms",
             ratio: (($ours | all | at($p.value)) / ($other | all | at($p.value)) | round_to(1000)), n: ($ours | all | length)})],
       blocks: [$blocks_of_both[] | {side, p50: (.ms | at(0.5) | round_to(100)), max: (.ms | max | round_to(100))}],
       complete: true}' "$WORK/blocks"
}
