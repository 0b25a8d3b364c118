#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal: every kind of job that Slurm knows is priced, held and charged as it ran,
# once, wherever it ran and however it ended. Method: submit one of each side by
# side, then compute every amount again from slurmdbd's records. Leaves the testbed up.
#
# shellcheck disable=SC2016  # much is expanded on the hosts
# shellcheck disable=SC2154,SC2317  # variables that bats sets; conditions are called by `eventually`

load helpers

setup_file() {
  load helpers
  cluster_up
  export MAIN=KM-$RUN
  make_programme "kinds-$RUN" 'clusters: [cq, hami]'
  make_programme "done-$RUN" 'eligible_states: [COMPLETED]'
  propose_voucher "kinds-$RUN" "$MAIN" 1000
  propose_voucher "kinds-$RUN" "KA-$RUN" 10
  propose_voucher "kinds-$RUN" "KP-$RUN" 10
  propose_voucher "kinds-$RUN" "KH-$RUN" 1000
  propose_voucher "kinds-$RUN" "KQ-$RUN" 10
  propose_voucher "kinds-$RUN" "KS-$RUN" 10 -A shared --valid-to 2030-01-01
  # As much as a job of a minute may need, and no more.
  propose_voucher "kinds-$RUN" "KT-$RUN" "$(yuan "$(part "$(price cq/super 1 500 0 60)" 600000)")"
  propose_voucher "done-$RUN" "KF-$RUN" 10
  approve_all
  submit_all >"$BATS_FILE_TMPDIR/jobs"
  # While others wait in tests below, this one shall outlive its lien: nobody can be asked about it, and
  # its voucher has no more.
  "$TESTBED" signal STOP sluiced cqctl
  "$TESTBED" exec cqctl scontrol update "jobid=$(job longer)" timelimit=30 >&2
  "$TESTBED" signal CONT sluiced cqctl
  eventually "$PATIENCE" takes_jobs
}

teardown_file() {
  load helpers
  use_prices testbed-1
  on_controller scancel --quiet --user=researcher1 || true
}

setup() { load_libraries; }

# Prints NAME|STATUS|JOBID|WHAT SBATCH SAID for one job of each kind.
submit_all() {
  as researcher1 env RUN="$RUN" MAIN="$MAIN" bash -s <<'JOBS'
cd ~
say() { echo "$1|$2|$3|$(paste -sd'~' "said.$1")"; }
submit() {
  name=$1; shift
  id=$(sbatch --parsable -J "$name" -o /dev/null "$@" 2>"said.$name"); say "$name" $? "${id%%;*}"
}
submit timeout -t1 --voucher="$MAIN" --wrap "sleep 600"
submit longer -t1 --voucher="KT-$RUN" --wrap "sleep 600"
submit cancelled -t5 --voucher="$MAIN" --wrap "sleep 600"
submit free -t1 -p free --voucher="$MAIN" --wrap "sleep 2"
submit held -H -t 3-00:00:00 -p bridge --voucher="KH-$RUN" --wrap "sleep 1"
submit array -t1 --array=0-3 --voucher="KA-$RUN" --wrap "sleep 1"
submit some -t1 --array=1-6:2%2 --voucher="KP-$RUN" --wrap "sleep 1"
submit failed -t1 --voucher="$MAIN" --wrap "sleep 2; exit 3"
submit ineligible -t1 --voucher="KF-$RUN" --wrap "sleep 2; exit 3"
submit self -t1 --wrap "sleep 2"
submit hami -t1 --place=hami --voucher="$MAIN" --wrap "sleep 2"
submit gpu -t1 -p ai --gres=gpu:1 --voucher="$MAIN" --wrap "sleep 2"
submit typed -t1 -p ai --gres=gpu:a100:1 --wrap "sleep 2"
submit exclusive -t1 -p ai --exclusive -n1 --voucher="$MAIN" --wrap "sleep 2"
submit nodes -t1 -p super -N1-2 -n2 --voucher="$MAIN" --wrap "sleep 2"
submit either -t1 -p super,ai --voucher="$MAIN" --wrap "sleep 2"
submit het -t1 --voucher="$MAIN" -n1 -p super : -n1 -p ai --wrap "sleep 2"
submit auto -t1 -A shared --voucher=auto --wrap "sleep 2"
export SLUICE_VOUCHER=$MAIN
id=$(sbatch --parsable -t1 -o environment.out --wrap "env; sleep 2" 2>said.environment); say environment $? "${id%%;*}"
unset SLUICE_VOUCHER
id=$(srun -t1 --voucher="$MAIN" bash -c 'echo $SLURM_JOB_ID; sleep 2' 2>said.srun </dev/null); say srun $? "$id"
id=$(salloc -t1 --voucher="$MAIN" bash -c 'echo $SLURM_JOB_ID; srun sleep 2' 2>said.salloc </dev/null); say salloc $? "$id"
JOBS
}

field() { sed -n "s/^$1|//p" "$BATS_FILE_TMPDIR/jobs" | cut -d'|' -f"$2"; }
job() { field "$1" 2; }

# Waits for the one charge of a job and compares it: comes_to NAME CLUSTER VOUCHER [SHARE].
comes_to() {
  eventually "$PATIENCE" are_charged "$(job "$1")"
  assert_charge "$(job "$1")" "$2" "$3" "${4-600000}"
}

# was_told NAME WHERE QUOTE: what sbatch said, for a job that $MAIN pays.
was_told() {
  local by_voucher
  by_voucher=$(part "$3" 600000)
  assert_equal "$(field "$1" 1)" 0
  assert_regex "$(field "$1" 3)" \
    "$(quote_line "$3" "$by_voucher" "$2" "$MAIN")"
}

@test "all of them were taken" {
  run cut -d'|' -f2 "$BATS_FILE_TMPDIR/jobs"
  refute_output --regexp '[^0[:space:]]'
}

@test "cancelled while it runs: charged until then" {
  eventually "$PATIENCE" has_run_for "$(job cancelled)" 2
  as researcher1 scancel "$(job cancelled)"
  comes_to cancelled cq "$MAIN"
  assert_regex "$(charge_of "$(job cancelled)" | jq -r .state)" '^CANCELLED'
}

@test "a job of days holds what lien_hours_max says, and all of it comes back when it never starts" {
  lien=$(part "$(price cq/bridge 1 500 0 86400)" 600000)
  assert_equal "$(voucher "KH-$RUN" '[.available, .liens] | join(" ")')" "$(yuan $((1000000000 - lien))) $(yuan "$lien")"
  as researcher1 scancel "$(job held)"
  is_back() { [[ $(voucher "KH-$RUN" '[.available, .liens, .used] | join(" ")') == '1000.000000 0.000000 0.000000' ]]; }
  eventually "$PATIENCE" is_back
  run explain "$(job held)"
  assert_equal "$(jq -r '.lien.state + " " + .charge.amount' <<<"$output")" 'voided 0.000000'
  assert_equal "$(jq -r '.lien.voided_because' <<<"$output")" 'the job used nothing'
  assert_equal "$(jq -r '.lien.voided_at' <<<"$output")" "$(jq -r '.charge.posted_at' <<<"$output")"
  assert_equal "$(charge_of "$(job held)")" ''
}

@test "a partition without a price: the job is let in, said to be unpriced, and never free" {
  assert_regex "$(field free 3)" 'no price is set for partition free of cluster cq; the job is charged when one is'
  is_seen() { [[ $(explain "$(job free)" 2>/dev/null | jq -r .state) == COMPLETED ]]; }
  eventually "$PATIENCE" is_seen
  run explain "$(job free)"
  assert_equal "$(jq -c '[.lien, .quote, .charge]' <<<"$output")" '[null,null,null]'
  assert_equal "$(jq '[.reasons[] | select(. == "no price is set for partition free of cluster cq")] | length' <<<"$output")" 2
  assert_equal "$(charge_of "$(job free)")" ''
  # Charged below, once a second person has approved a book that knows the partition.
  use_prices testbed-2 '  - {cluster: cq, partition: free, from: 2026-01-01, per_hour: {cpu: "7.20"}}'
}

@test "an array: one lien for all tasks, one charge per task, nothing held at the end" {
  is_done() { [[ $(statement | jq --argjson id "$1" '[.lines[] | select(.array_job_id == $id)] | length') == "$2" ]]; }
  assert_equal "$(field array 3)" "$(field array 3 | grep -F "up to $(fen_up $((4 * $(price cq/super 1 500 0 60)))) yuan on cq/super")"
  eventually "$PATIENCE" is_done "$(job array)" 4
  run statement --voucher "KA-$RUN"
  assert_equal "$(jq -c '[.lines[].array_task_id] | sort' <<<"$output")" '[0,1,2,3]'
  used=0
  for task in $(jq '.lines[].job_id' <<<"$output"); do
    assert_charge "$task" cq "KA-$RUN" 600000
    used=$((used + $(micro "$(charge_of "$task" | jq -r .by_voucher)")))
  done
  is_back() { [[ $(voucher "KA-$RUN" '[.available, .liens, .used] | join(" ")') == "$(yuan $((10000000 - used))) 0.000000 $(yuan "$used")" ]]; }
  eventually "$PATIENCE" is_back
  assert_equal "$(explain "$(job array)" | jq -r '.lien.amount')" "$(yuan $((4 * $(part "$(price cq/super 1 500 0 60)" 600000))))"
}

@test "an array of which two run at once holds two tasks" {
  is_done() { [[ $(statement --voucher "KP-$RUN" | jq '.lines | length') == 3 ]]; }
  eventually "$PATIENCE" is_done
  assert_equal "$(explain "$(job some)" | jq -r '.lien.amount')" "$(yuan $((2 * $(part "$(price cq/super 1 500 0 60)" 600000))))"
  is_free() { [[ $(voucher "KP-$RUN" .liens) == 0.000000 ]]; }
  eventually "$PATIENCE" is_free
}

@test "a failed job is charged; a programme for completed ones pays nothing of it" {
  comes_to failed cq "$MAIN"
  assert_equal "$(charge_of "$(job failed)" | jq -r .state)" FAILED
  comes_to ineligible cq "KF-$RUN" 0
  assert_equal "$(voucher "KF-$RUN" '[.available, .liens] | join(" ")')" '10.000000 0.000000'
  assert_regex "$(explain "$(job ineligible)" | jq -r '.reasons | join("\n")')" 'does not pay for jobs that ended in this state'
}

@test "without a voucher the account pays" {
  assert_regex "$(field self 3)" "up to $(fen_up "$(price cq/super 1 500 0 60)") yuan on cq/super, paid by account astro"
  comes_to self cq null 0
}

@test "--place=hami runs there, at that site's price; one charge for both records" {
  was_told hami hami/npu "$(price hami/npu 1 500 0 60)"
  comes_to hami hami "$MAIN"
  assert_equal "$(statement | jq --argjson id "$(job hami)" '[.lines[] | select(.job_id == $id)] | length')" 1
  assert_regex "$(as auditor1 sacct -X -n -P -M hami -j "$(job hami)" -o nodelist)" '^npu[12]$'
  refute_regex "$(explain "$(job hami)" | jq -r '.reasons | join("\n")')" 'no tag of ours' # both sites name it alike
}

@test "a job without --place stays where it was submitted" {
  eventually "$PATIENCE" has_ended "$(job self)"
  assert_equal "$(as auditor1 sacct -X -n -P -M cq,hami -D -j "$(job self)" -o cluster)" cq
  assert_regex "$(on_controller scontrol show job "$(job self)")" 'ClusterFeatures=chongqing'
}

@test "srun and salloc are paid like sbatch, and srun inside an allocation isn't a second job" {
  was_told srun cq/super "$(price cq/super 1 500 0 60)"
  comes_to srun cq "$MAIN"
  comes_to salloc cq "$MAIN"
}

@test "a device is priced once, asked for with its type or without" {
  was_told gpu cq/ai "$(price cq/ai 1 500 1 60)"
  comes_to gpu cq "$MAIN"
  comes_to typed cq null 0
  assert_equal "$(charge_of "$(job gpu)" | jq -c '[.tres."gres/gpu", .tres."gres/gpu:a100"]')" '[1,1]'
}

@test "--exclusive costs the whole node" {
  was_told exclusive cq/ai "$(price cq/ai 4 2000 4 60)"
  comes_to exclusive cq "$MAIN"
  assert_equal "$(charge_of "$(job exclusive)" | jq -c '[.tres.cpu, .tres."gres/gpu"]')" '[4,4]'
}

@test "a range of nodes and a list of partitions are quoted at the most, charged as they ran" {
  was_told nodes cq/super "$(price cq/super 2 1000 0 60)"
  comes_to nodes cq "$MAIN"
  was_told either 'cq/(super|ai)' "$(price cq/super 1 500 0 60)"
  comes_to either cq "$MAIN"
}

@test "a heterogeneous job: a charge for each component" {
  eventually "$PATIENCE" are_charged "$(job het)" "$(($(job het) + 1))"
  assert_charge "$(job het)" cq "$MAIN" 600000
  assert_charge "$(($(job het) + 1))" cq "$MAIN" 600000
}

@test "--voucher=auto takes one that fits" {
  eventually "$PATIENCE" are_charged "$(job auto)"
  id=$(charge_of "$(job auto)" | jq -r .voucher)
  assert_charge "$(job auto)" cq "$id" 600000
  assert_regex "$(field auto 3)" "voucher $id pays"
}

@test "SLUICE_VOUCHER stands for --voucher, and the job sees it" {
  was_told environment cq/super "$(price cq/super 1 500 0 60)"
  comes_to environment cq "$MAIN"
  run as researcher1 grep '^SLUICE_VOUCHER=' environment.out
  assert_output "SLUICE_VOUCHER=$MAIN"
}

@test "no time limit anywhere: say --time" {
  run submit researcher1 -p bridge --wrap true
  assert_failure
  SAID=$BATS_TEST_TMPDIR/said
  submit researcher1 -p bridge --wrap true || true
  assert_regex "$(cat "$SAID")" 'sbatch: error: sluice: partition bridge sets no time limit and the job names none; give --time'
}

@test "--test-only and sluice quote price the job and hold nothing" {
  run as researcher1 sbatch --test-only -t10 --voucher="KQ-$RUN" --wrap true
  assert_success
  amount=$(price cq/super 1 500 0 600)
  line=$(quote_line "$amount" "$(part "$amount" 600000)" cq/super "KQ-$RUN")
  assert_output --partial "$line"
  run sluice_as researcher1 quote -t10 --voucher="KQ-$RUN" --wrap true
  assert_success
  assert_line "${line#sluice: }"
  assert_line --regexp '^Job [0-9]+ to start at '
  run sluice_as researcher1 quote --json -t10 --voucher="KQ-$RUN" --wrap true
  assert_success
  assert_equal "$(jq -r 'keys | join(" ")' <<<"$output")" 'lines quotes refused slurm'
  assert_equal "$(jq -c '.quotes[] | select(.cluster == "cq") | [.partition, .account, .user, .amount, .voucher, .tasks, .unpriced, .refusals]' <<<"$output")" \
    "[\"super\",\"astro\",\"researcher1\",\"$(fen_up "$amount")\",\"KQ-$RUN\",1,false,[]]"
  read -r amount by_voucher by_self < <(jq -r '.quotes[] | select(.asked == "cq") | [.amount, .by_voucher, .by_self] | join(" ")' <<<"$output")
  assert_equal "$(($(micro "$by_voucher") + $(micro "$by_self")))" "$(micro "$amount")"
  assert_equal "$(voucher "KQ-$RUN" '[.available, .liens, .used] | join(" ")')" '10.000000 0.000000 0.000000'
}

@test "a quote for a partition of this site shows nothing of a site that lacks it" {
  run sluice_as researcher1 quote -t10 -p bridge --wrap true
  assert_success
  assert_line --regexp '^up to .* yuan on cq/bridge'
  refute_output --partial 'has no partition'
}

@test "a quote of an array is for all tasks, of a heterogeneous job for each component, of another site without our estimate" {
  run sluice_as researcher1 quote -t1 --array=0-9 --wrap true
  assert_line "up to $(fen_up $((10 * $(price cq/super 1 500 0 60)))) yuan on cq/super for all 10 tasks, paid by account astro"
  run sluice_as researcher1 quote -t1 -n1 -p super : -n1 -p ai --wrap true
  assert_line --partial 'yuan on cq/super'
  assert_line --partial 'yuan on cq/ai'
  assert_line --regexp '^together up to .* yuan$'
  run sluice_as researcher1 quote -t1 --place=hami --wrap true
  assert_line --partial 'yuan on hami/npu'
  refute_output --partial 'to start at'
}

@test "explain knows a job from its submission on, priced or not, and a task by its number" {
  held=$(submit researcher1 -H -t1 --voucher="$MAIN" --wrap true)
  run sluice_as researcher1 explain "$held"
  assert_success
  assert_line "Job $held of cluster cq: PENDING"
  assert_line --regexp '^  State    open$'
  array=$(submit researcher1 -H -t1 --array=0-3 --wrap true)
  run --separate-stderr sluice_as researcher1 explain "${array}_3" --json
  assert_success
  assert_equal "$(jq -c '[.job, .state, .array_job_id, .array_task_id, .quote.tasks]' <<<"$output")" "[\"${array}_3\",\"PENDING\",$array,3,4]"
  run sluice_as researcher1 explain "${array}_4"
  assert_failure 1
  assert_output --partial "job ${array}_4 is not known"
  unpriced=$(submit researcher1 -H -t1 -p free --wrap true)
  run sluice_as researcher1 explain "$unpriced"
  as researcher1 scancel "$held" "$array" "$unpriced"
  assert_success
  # Once a test above gave that partition a price it has one.
  assert_line --regexp "^Job $unpriced of cluster cq: PENDING"
}

@test "explain of a task that ended is of that task" {
  is_done() { [[ $(statement | jq --argjson id "$1" '[.lines[] | select(.array_job_id == $id)] | length') == 4 ]]; }
  eventually "$PATIENCE" is_done "$(job array)"
  for task in 0 1 2 3; do
    run sluice_as researcher1 explain "$(job array)_$task" --json
    assert_success
    assert_equal "$(jq -c '[.job, .state, .charge.amount]' <<<"$output")" \
      "$(statement | jq -c --arg job "$(job array)_$task" '.lines[] | select(.job == $job) | [.job, .state, .charge]')"
  done
}

@test "statements of some clusters" {
  assert_equal "$(statement -M hami | jq -c '[.lines[].cluster] | unique')" '["hami"]'
  assert_equal "$(statement -M cq,hami | jq '.lines | length')" "$(statement | jq '.lines | length')"
}

@test "a lien's worth and no more: what the voucher can't pay of its part is named overrun" {
  eventually "$PATIENCE" has_run_for "$(job longer)" 64
  as researcher1 scancel "$(job longer)"
  eventually "$PATIENCE" are_charged "$(job longer)"
  assert_charge "$(job longer)" cq "KT-$RUN" 600000 "$(part "$(price cq/super 1 500 0 60)" 600000)"
  assert [ "$(micro "$(charge_of "$(job longer)" | jq -r .overrun)")" -gt 0 ]
  assert_regex "$(explain "$(job longer)" | jq -r '.reasons | join("\n")')" 'is overrun'
  assert_equal "$(voucher "KT-$RUN" '[.available, .liens] | join(" ")')" '0.000000 0.000000'
}

@test "TIMEOUT: the time beyond the limit is charged, and the voucher pays its part" {
  comes_to timeout cq "$MAIN"
  assert_equal "$(charge_of "$(job timeout)" | jq -r .state)" TIMEOUT
}

@test "once the partition has a price the waiting job is charged" {
  eventually "$PATIENCE" are_charged "$(job free)"
  assert_charge "$(job free)" cq "$MAIN" 600000
}

@test "a quote is that of the cluster that the job is submitted to, whichever would start it first" {
  busy=$(submit researcher1 -t5 -p super -N2 --exclusive --wrap 'sleep 300')
  eventually "$PATIENCE" is_running "$busy"
  run sluice_as researcher1 quote -t1 --wrap true
  as researcher1 scancel "$busy"
  assert_success
  assert_line --partial 'yuan on cq/super, paid by account astro'
  refute_output --partial hami
}

@test "nothing is held any more, and the ledger holds" {
  is_free() { [[ $(voucher "$MAIN" .liens) == 0.000000 ]]; }
  eventually "$PATIENCE" is_free
  used=0
  for amount in $(statement --voucher "$MAIN" | jq -r '.lines[].by_voucher'); do used=$((used + $(micro "$amount"))); done
  assert_equal "$(voucher "$MAIN" .used)" "$(yuan "$used")"
  assert_ledger_holds
}
