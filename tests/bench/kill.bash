# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source-path=SCRIPTDIR
# shellcheck disable=SC2016,SC2034,SC2154  # expanded on the hosts; variables of scripts/bench and on_testbed.bash
#
# bench kill: sluiced killed at random instants while jobs are submitted, run and end.
# Then Slurm's records, the statement and the books are laid side by side. It measures
# nothing: it counts what is wrong, and ends with 1 if anything is.
#
# An instant is drawn from the seed and counted from the moment at which the killed
# service is started again: kills also meet one that still reads its ledger. The same
# seed gives the same instants; what sluiced does just then is the machine's affair.

KILL_WITHIN_MS=4000 # long enough for the plugin to find the service again, see backoff_seconds_min
QUEUE_MAX=40        # jobs that wait to run; more would only wait for nodes in the end
PATIENCE_S=600      # ends what would wait for ever

# shellcheck source=on_testbed.bash
source "$REPO/tests/bench/on_testbed.bash"

bench_kill() {
  KILLS=200 SEED=$((SRANDOM % 1000000 + 1)) KEEP=no
  while [[ $# -gt 0 ]]; do
    case $1 in
      --kills) number "$1" "${2-}" 100000; KILLS=$2; shift ;;
      --seed) number "$1" "${2-}" 999999999; SEED=$2; shift ;;
      --keep) KEEP=yes ;;
      *) die 2 "kill: unknown option '$1'; see bench --help" ;;
    esac
    shift
  done
  begin_on_testbed kill
  LOAD=
  local machine
  machine=$(machine_json)
  set_up
  start_load
  kill_often
  end_load
  report "$machine"
}

# What the benchmark itself has running, before the testbed goes.
at_finish() {
  if [[ -n $LOAD ]]; then kill "$LOAD" 2>/dev/null || true; fi
}

set_up() {
  say 'starting a testbed'
  # One that is up will do, with whatever it has besides.
  quietly env SLUICE_BUILD="$BUILD" "$TESTBED" up
  "$TESTBED" status --json | jq -e --arg build "$BUILD" '.build == $build and .mode == "enforce"' >/dev/null ||
    die 1 "the testbed in $SLUICE_TESTBED_DIR is up with another build or mode; end it with: scripts/testbed down"
  # Of its own, so that it finds its own again on a testbed that was in use before.
  RUN=k$(date +%s)
  local proposal
  propose() { # COMMAND...: proposes as one person and approves as the other
    proposal=$(as finance1 sluice "$@" --json | jq -r .proposal.id)
    quietly as finance2 sluice approve "$proposal"
  }
  printf '%s\n' "programme: $RUN" 'name: bench' 'issuer: testbed' 'share: "0.60"' 'valid_from: 2026-01-01' \
    'valid_to: 2040-01-01' 'clusters: [cq]' 'expiry_to: budget' | as finance1 sh -c 'cat >"$1.yaml"' sh "$RUN"
  propose programme create "$RUN.yaml"
  propose programme fund "$RUN" --amount 1000000 --document bench
  propose voucher issue --programme "$RUN" --id "$RUN" --face 1000000 --account astro \
    --valid-from 2026-01-01 --valid-to 2040-01-01 --document bench
}

# Submits until it is told to end: jobs of all kinds that have a lien or none. A line for each:
# what it is, whether it was quoted or let in without an answer, its id.
start_load() {
  BEGAN=$(date -u -d '2 seconds ago' +%Y-%m-%dT%H:%M:%S+00:00)
  as researcher1 bash -s "$RUN" "$QUEUE_MAX" >"$WORK/submitted" 2>"$WORK/load.err" <<'LOAD' &
run=$1 queue_max=$2 number=0
submit() { # KIND OPTION...
  local kind=$1 id how=policy
  shift
  id=$(sbatch --parsable -t1 -J "$run-$kind" -o /dev/null "$@" 2>"$run.said") || { cat "$run.said" >&2; return; }
  if grep -q 'sluice: up to ' "$run.said"; then how=quoted; fi
  echo "$kind $how ${id%%;*}"
  SUBMITTED=${id%%;*}
}
until [[ -e $run.end ]]; do
  case $((number++ % 5)) in
    0 | 1) submit paid --voucher="$run" --wrap 'sleep 1' ;;
    2) submit self --wrap 'sleep 1' ;;
    3) submit paid --voucher="$run" --array=0-1 --wrap 'sleep 1' ;;
    4) submit paid --voucher="$run" -H --wrap true && scancel "$SUBMITTED" ;;
  esac
  while [[ $(squeue -h -u "$USER" | wc -l) -gt $queue_max && ! -e $run.end ]]; do sleep 0.2; done
done
LOAD
  LOAD=$!
}

kill_often() {
  local k delay
  INSTANTS=()
  RANDOM=$SEED
  say "seed $SEED: killing sluiced $KILLS times"
  for ((k = 1; k <= KILLS; ++k)); do
    delay=$((RANDOM * KILL_WITHIN_MS / 32768))
    INSTANTS+=("$delay")
    # It doesn't wait for an answer that may never come.
    "$TESTBED" start sluiced cqctl >>"$WORK/starts" 2>&1 &
    sleep "$((delay / 1000)).$(printf '%03d' $((delay % 1000)))"
    until "$TESTBED" signal KILL sluiced cqctl 2>/dev/null; do
      # Too early: it isn't there yet. One that ended by itself is never there again.
      kill -0 "$!" 2>/dev/null && continue
      "$TESTBED" logs -n 20 sluiced >&2
      die 1 "sluiced ended before it was killed: after $k kills of seed $SEED"
    done
    wait "$!" || true
    kill -0 "$LOAD" 2>/dev/null || { cat "$WORK/load.err" >&2; die 1 'the load ended before it was told to'; }
    if ((k % 20 == 0)); then say "$k kills, $(wc -l <"$WORK/submitted") submissions"; fi
  done
  quietly "$TESTBED" start sluiced cqctl
}

end_load() {
  as researcher1 touch "$RUN.end"
  wait "$LOAD" || { cat "$WORK/load.err" >&2; die 1 'the load failed'; }
  LOAD=
  say 'waiting for the last jobs and their charges'
  local deadline=$((SECONDS + PATIENCE_S))
  until compare && [[ $(jq -r .open "$WORK/compared") == 0 ]]; do
    # What is missing by now is missing: the report says it.
    [[ $SECONDS -lt $deadline ]] || break
    sleep 1
  done
}

# compare: writes what Slurm recorded beside what was charged, as `open` (not settled yet) and lists of what is wrong.
compare() {
  local names=$RUN-paid,$RUN-self
  as researcher1 env TZ=UTC sacct -X -D -n -P -S "${BEGAN%+*}" -E now --name="$names" -o jobidraw,jobname,elapsedraw,state >"$WORK/records" || return
  as auditor1 sluice statement --json -S "$BEGAN" >"$WORK/statement" || return
  as auditor1 sluice voucher show "$RUN" --json >"$WORK/voucher" || return
  as auditor1 sluice ledger verify --json >"$WORK/ledger" || true
  jq -n --rawfile records "$WORK/records" --rawfile submitted "$WORK/submitted" --arg run "$RUN" \
    --slurpfile statement "$WORK/statement" --slurpfile voucher "$WORK/voucher" --slurpfile ledger "$WORK/ledger" '
    def rows(text; separator): text | split("\n") | map(select(. != "") | split(separator));
    def micro: gsub("\\."; "") | tonumber;
    (rows($records; "|") | map({id: .[0], paid: (.[1] | endswith("-paid")), used: (.[2] != "0"),
       ended: (.[3] | test("PENDING|RUNNING|COMPLETING|SUSPENDED") | not)})) as $records
    | rows($submitted; " ") as $submitted
    | ($statement[0].lines | map(select(.charge | micro > 0)) | group_by(.job_id) | map({key: (.[0].job_id | tostring), value: .}) | from_entries) as $charges
    | [$records[] | select(.used)] as $used
    | def charges(record): $charges[record.id] // [];
      def is_right(charge; paid): (charge.charge | micro) as $all | (if paid then $all * 6 / 10 | floor else 0 end) as $part
        | (charge.by_voucher | micro) == $part and (charge.by_self | micro) == $all - $part and (charge.overrun | micro) == 0
          and (charge.voucher // "") == (if paid then $run else "" end);
    {submissions: ($submitted | length), quoted: ($submitted | map(select(.[1] == "quoted")) | length),
     records: ($records | length), used: ($used | length),
     charged_once: ([$used[] | select(charges(.) | length == 1)] | length),
     not_charged: [$used[] | select(charges(.) | length == 0).id],
     charged_twice: [$used[] | select(charges(.) | length > 1).id],
     charged_wrongly: [$used[] | select(charges(.) | length == 1) | select(is_right(charges(.)[0]; .paid) | not).id],
     liens: $voucher[0].liens,
     ledger: ($ledger[0] | {ok, problems, books})}
    | . + {open: ((.not_charged | length) + ([$records[] | select(.ended | not)] | length) + (if .liens == "0.000000" then 0 else 1 end))}
    | . + {ok: (.open == 0 and .charged_twice == [] and .charged_wrongly == [] and .used > 0 and .quoted > 0 and .ledger.ok
        and .ledger.books == {entitlement: "0.000000", money: "0.000000"})}' >"$WORK/compared"
}

report() { # MACHINE
  [[ -s $WORK/compared ]] || die 1 "couldn't read the books; see: scripts/testbed logs sluiced"
  jq --argjson machine "$1" --argjson kills "$KILLS" --argjson seed "$SEED" --argjson within "$KILL_WITHIN_MS" \
    --argjson instants "$(printf '%s\n' "${INSTANTS[@]}" | jq -cs .)" '
    {bench: "kill", machine: $machine,
     method: {kills: $kills, seed: $seed, within_ms: $within, instants_ms: $instants,
       load: "sbatch in turns: two paid by a voucher, one without, an array of two, one held and cancelled; a second long"},
     rows: [{what: "jobs charged once", ours: .charged_once, other: null, unit: "jobs", ratio: null, n: .used}],
     found: ., ok, complete: true}' "$WORK/compared"
  if [[ $(jq -r .ok "$WORK/compared") != true ]]; then
    die 1 "not every job was charged once, or something is still held; to try it again: scripts/bench kill --kills $KILLS --seed $SEED --keep"
  fi
}
