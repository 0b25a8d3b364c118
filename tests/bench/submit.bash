# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source-path=SCRIPTDIR
# shellcheck disable=SC2034,SC2154  # variables of scripts/bench and on_testbed.bash
#
# bench submit: what Sluice costs a submission. Blocks with Sluice and without take
# turns, so that what else the machine does falls on both.
#
# Every block begins alike: slurmctld with an empty job list, sluiced (where it runs)
# with the ledger as it was after the voucher was issued. A block's jobs are held and
# pinned to their cluster; when it ends they are dropped with slurmctld's state.
#
# With --outage sluiced is stopped, or frozen by SIGSTOP, when a block's untimed submissions are
# done and before its first timed one: "ours" is then the plugin alone, and all of the outage.

# shellcheck source=on_testbed.bash
source "$REPO/tests/bench/on_testbed.bash"

bench_submit() {
  N=2000 BLOCKS=5 SUBMITTERS=(1 8) OUTAGE=none KEEP=no STARTS=0
  while [[ $# -gt 0 ]]; do
    case $1 in
      --n) number "$1" "${2-}" 20000; N=$2; shift ;;
      --blocks) number "$1" "${2-}" 1000; BLOCKS=$2; shift ;;
      --submitters)
        IFS=, read -ra SUBMITTERS <<<"${2-}"
        [[ ${#SUBMITTERS[@]} -gt 0 ]] || die 2 "--submitters needs a value; see bench --help"
        local one
        for one in "${SUBMITTERS[@]}"; do number --submitters "$one" 64; done
        shift
        ;;
      --outage)
        [[ ${2-} == stopped || ${2-} == frozen ]] || die 2 "--outage '${2-}': write stopped or frozen; see bench --help"
        OUTAGE=$2
        shift
        ;;
      --keep) KEEP=yes ;;
      *) die 2 "submit: unknown option '$1'; see bench --help" ;;
    esac
    shift
  done
  begin_on_testbed submit
  local machine
  machine=$(machine_json)
  need_program submit_load
  set_up
  local block side
  for ((block = 0; block < BLOCKS; ++block)); do
    for side in $( ((block % 2 == 0)) && echo ours other || echo other ours ); do
      say "block $((block + 1)) of $BLOCKS, $side"
      run_block "$side" "$block"
    done
  done
  report "$machine"
}

set_up() {
  say 'starting a testbed'
  quietly "$TESTBED" down
  quietly "$TESTBED" up --build "$BUILD" --mode enforce --max-jobs 1000000
  ETC=$SLUICE_TESTBED_DIR/sites/cq/etc
  STATE=$SLUICE_TESTBED_DIR/sites/cq/slurmctld
  DATA=$SLUICE_TESTBED_DIR/hosts/cqctl/sluice
  # The partner site has no part in this; its daemons would only take the processors.
  quietly "$TESTBED" stop sluiced hamictl
  # Settings as shipped, not those of a loaded testbed.
  echo '# defaults' >"$ETC/sluice/plugin.conf"
  sed -i '/^collector:/d; /^final_tag/d' "$ETC/sluice/sluice.yaml"
  issue_voucher
  quietly "$TESTBED" stop sluiced cqctl
  cp -a "$DATA" "$WORK/ledger"
  cp "$ETC/slurm/slurm.conf" "$WORK/slurm.conf"
}

issue_voucher() {
  local proposal
  propose() { # COMMAND...: proposes as one person and approves as the other
    proposal=$(as finance1 sluice "$@" --json | jq -r .proposal.id)
    quietly as finance2 sluice approve "$proposal"
  }
  propose programme create /etc/sluice/chengdu.yaml
  propose programme fund chengdu --amount 1000000000 --document bench
  propose voucher issue --programme chengdu --id BENCH-1 --face 1000000000 --account astro \
    --valid-from 2026-01-01 --valid-to 2030-01-01 --document bench
}

# slurmctld and sluiced of the side, as new.
start_side() { # SIDE BLOCK
  quietly "$TESTBED" stop slurmctld cqctl
  "$TESTBED" signal CONT sluiced cqctl >/dev/null 2>&1 || true  # frozen by the block before
  quietly "$TESTBED" stop sluiced cqctl
  # Put aside, not deleted: an ext4 without a journal keeps off deleted inodes for a
  # minute, and then looks every one of thousands over for each file of a new job.
  mkdir -p "$SLUICE_TESTBED_DIR/bench-old/$((++STARTS))"
  find "$STATE" -mindepth 1 -maxdepth 1 \( -name 'job_state*' -o -name 'hash.*' -o -name 'dbd.messages' \) \
    -exec mv -t "$SLUICE_TESTBED_DIR/bench-old/$STARTS" {} +
  find "$DATA" -mindepth 1 -delete
  cp -a "$WORK/ledger/." "$DATA/"
  # Job ids never come twice: slurmdbd still knows the dropped jobs.
  {
    cat "$WORK/slurm.conf"
    echo "FirstJobId=$((1 + STARTS * 500000))"
  } >"$WORK/fresh.conf"
  if [[ $1 == other ]]; then sed -i '/^JobSubmitPlugins=/d' "$WORK/fresh.conf"; fi
  cat "$WORK/fresh.conf" >"$ETC/slurm/slurm.conf"
  quietly "$TESTBED" start slurmctld cqctl
  if [[ $1 == ours ]]; then quietly "$TESTBED" start sluiced cqctl; fi
  local tries=0
  until "$TESTBED" exec cqctl scontrol show federation | grep -q '^Sibling:.*Synced:Yes'; do
    ((++tries < 300)) || die 1 "the federation didn't come together again; see: scripts/testbed logs slurmctld"
    sleep 0.1
  done
  if [[ $1 == ours ]]; then wait_for_facts; fi
}

# Until sluiced has read Slurm's partitions, it has no price.
wait_for_facts() {
  local tries=0
  until as researcher1 sbatch --test-only --voucher=BENCH-1 -p super --wrap=true 2>&1 | grep -q 'BENCH-1 pays'; do
    ((++tries < 100)) || die 1 "sluiced didn't come to know Slurm's partitions; see: scripts/testbed logs sluiced"
    sleep 0.2
  done
}

load() { # OPTION...
  "$TESTBED" exec -u researcher1 cqctl "$BUILD/bin/submit_load" --cluster-feature chongqing "$@" >"$WORK/load.json" ||
    die 1 "submit_load failed; see: scripts/testbed logs slurmctld sluiced"
}

# Both sides submit as much before it; what the plugin waits for in an outage is in the figures.
begin_outage() { # SIDE
  load --count 100 --voucher BENCH-1
  [[ $1 == ours ]] || return 0
  case $OUTAGE in
    stopped) quietly "$TESTBED" stop sluiced cqctl ;;
    frozen) quietly "$TESTBED" signal STOP sluiced cqctl ;;
  esac
}

run_block() { # SIDE BLOCK
  local submitters voucher warm_up=100
  start_side "$1"
  if [[ $OUTAGE != none ]]; then
    begin_outage "$1"
    warm_up=0
  fi
  for submitters in "${SUBMITTERS[@]}"; do
    for voucher in BENCH-1 ''; do
      load --count "$N" --submitters "$submitters" --warm-up "$((warm_up / submitters))" ${voucher:+--voucher "$voucher"}
      jq -c --arg side "$1" --argjson block "$2" '
        def at(p): sort[([(length * p | ceil) - 1, 0] | max)];
        {side: $side, block: $block, submitters, lien: (.voucher != ""), n: (.latency_us | length),
         rate: ((.latency_us | length) / .seconds), p50: (.latency_us | at(0.5)), p99: (.latency_us | at(0.99)),
         max: (.latency_us | max), seconds, latency_us, tags}' "$WORK/load.json" >>"$WORK/loads"
    done
  done
  # What slurmctld still has to tell slurmdbd would burden the next block.
  local tries=0
  until "$TESTBED" exec cqctl sdiag | grep -q 'DBD Agent queue size: *0$'; do
    ((++tries < 600)) || die 1 "slurmdbd doesn't keep up; see: scripts/testbed logs slurmdbd"
    sleep 0.1
  done
  if [[ $1 == ours ]]; then
    grep -c "couldn't reach the service" "$SLUICE_TESTBED_DIR/log/cqctl/slurm/slurmctld.log" >"$WORK/outages" || true
  fi
}

report() { # MACHINE
  jq -s --argjson machine "$1" --arg outage "$OUTAGE" --argjson outages "$(cat "$WORK/outages")" --argjson blocks "$BLOCKS" --argjson n "$N" '
    def median: sort | if length == 0 then null elif length % 2 == 1 then .[(length - 1) / 2] else (.[length / 2 - 1] + .[length / 2]) / 2 end;
    def round_to(k): if . == null then null else . * k | round / k end;
    def round1: round_to(10);
    def minus(b): if . == null then null else . - b end;
    . as $loads
    | def pick(side; group): [group[] | select(.side == side and ($outage != "none" or .tags.without_answer == 0))];
    def name(group): "\(group[0].submitters) submitter\(if group[0].submitters > 1 then "s" else "" end), \(if group[0].lien then "lien" else "no voucher" end)";
    # A job that nobody answered costs less: without an outage, loads with such jobs are counted, not compared.
    def unanswered(group): [group[] | select(.side == "ours") | .tags.without_answer] | add;
    def compare(what; unit; f; group):
      (pick("ours"; group) | map(f) | median) as $ours | (pick("other"; group) | map(f) | median) as $other
      | {what: "\(what), \(name(group))", ours: ($ours | round1), other: ($other | round1), unit: unit,
         ratio: (if $ours == null then null else $ours / $other | round_to(1000) end),
         n: (pick("ours"; group) | map(.n) | add // 0), unanswered: unanswered(group)};
    def added(what; f; group):
      (pick("ours"; group) | map(f) | median) as $ours | (pick("other"; group) | map(f) | median) as $other
      | {what: "added \(what), \(name(group))", ours: ($ours | minus($other) | round1), other: null, unit: "us", ratio: null,
         n: (pick("ours"; group) | map(.n) | add // 0), unanswered: unanswered(group)};
    def count(what; f): {what: what, ours: ([$loads[] | select(.side == "ours") | f] | add), other: null, unit: "1", ratio: null,
      n: ([$loads[] | select(.side == "ours") | .tags | add] | add)};
    # Who waits for the deadline or a probe takes so much longer than most of the other side.
    def waited(side): [pick(side; $loads)[] | .submitters as $submitters
      | ([pick("other"; $loads)[] | select(.submitters == $submitters) | .p50] | median) as $usual
      | .latency_us[] | select(. > $usual + 1500)] | length;
    # One deadline, and a probe after 1, 2, 4 … 60 s of back-off.
    def waits_possible: [pick("ours"; $loads) | group_by(.block)[] | map(.seconds) | add
      | {left: ., wait: 1, probes: 0} | until(.left < .wait; {left: (.left - .wait), wait: ([.wait * 2, 60] | min), probes: (.probes + 1)})
      | 1 + .probes] | add;
    {bench: "submit", machine: $machine,
     method: {blocks_each: $blocks, submissions_per_load: $n, outage: $outage,
       warm_up: (if $outage == "none" then "100 per load, excluded" else "100 before the outage, excluded" end),
       values: "medians of the blocks'"'"' own rates, p50 and p99",
       jobs: "slurm_submit_batch_job on the controller, held, pinned to their cluster",
       settings: "plugin, collector and tags as shipped; slurmctld, slurmdbd, MariaDB and sluiced share the processors"},
     rows: ([group_by([.submitters, (.lien | not)])[] | . as $group
       | compare("submissions/s"; "1/s"; .rate; $group),
         compare("p50"; "us"; .p50; $group), compare("p99"; "us"; .p99; $group),
         added("p50"; .p50; $group), added("p99"; .p99; $group)]
       + (if $outage == "none" then [] else [
          {what: "submissions that took 1.5 ms more than p50 of the other side", ours: waited("ours"), other: waited("other"), unit: "1",
           ratio: null, n: (pick("ours"; $loads) | map(.n) | add)},
          {what: "deadlines and probes that fit into the outages", ours: waits_possible, other: null, unit: "1", ratio: null, n: $blocks}]
         end)
       + [count("admissions by the policy for outages"; .tags.without_answer),
          count("submissions without a tag"; .tags.none),
          {what: "outages in the log of slurmctld", ours: $outages, other: null, unit: "1", ratio: null, n: $blocks}]),
     blocks: [$loads[] | .rate |= round1 | del(.n, .latency_us)],
     complete: true}' "$WORK/loads"
}
