#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal: whatever happens to a job after its submission, each of its runs is charged once, by
# the record that slurmdbd has of it, and nothing stays set aside. Method: let nodes fail, jobs be
# put back, pushed aside, suspended and cancelled, lose tags, ids and time in slurmdbd, and compute
# every amount again from slurmdbd's records. Leaves the testbed up.
#
# shellcheck disable=SC2016  # much is expanded on the hosts
# shellcheck disable=SC2154,SC2317  # variables that bats sets; conditions are called by `eventually`

load helpers

setup_file() {
  load helpers
  cluster_up
  sql_out
  export MAIN=RM-$RUN
  make_programme "records-$RUN"
  propose_voucher "records-$RUN" "$MAIN" 1000
  propose_voucher "records-$RUN" "RF-$RUN" 100
  propose_voucher "records-$RUN" "RA-$RUN" 100
  propose_voucher "records-$RUN" "RW-$RUN" 100
  approve_all
  # What this site gives back; no other suite does.
  { configuration_of sluice.yaml; echo 'refund: {states: [NODE_FAIL], share: "0.50", hours_max: 1}'; } | write sluice.yaml
  "$TESTBED" signal HUP sluiced cqctl
  # One partition may push another's jobs aside.
  on_controller scontrol update partitionname=bridge prioritytier=10
  on_controller scontrol update partitionname=super preemptmode=cancel
}

teardown_file() {
  load helpers
  make_whole
  on_controller scontrol update partitionname=bridge prioritytier=1
  on_controller scontrol update partitionname=super preemptmode=requeue
  on_controller scontrol update nodename=ai1,ai2 state=resume 2>/dev/null || true
  on_controller scancel --quiet --user=researcher1 || true
  sql_out
}

setup() { load_libraries; }

# Where a test fails in between, those after it need the service all the same.
teardown() { "$TESTBED" start sluiced >&2; }

sql() { "$TESTBED" exec db mariadb -N -B slurm_acct_db -e "$1"; }

# What an earlier run may have left in slurmdbd.
sql_out() {
  if sacctmgr_knows elsewhere; then
    sql 'DELETE FROM elsewhere_job_table'
    on_controller sacctmgr -i delete cluster elsewhere >&2
  fi
}
sacctmgr_knows() { [[ -n $(on_controller sacctmgr -n -P show cluster "$1" format=cluster) ]]; }

charges_of() { statement | jq -c --argjson id "$1" '[.lines[] | select(.job_id == $id)]'; } # charges_of JOBID
has_charges() { [[ $(charges_of "$1" | jq length) == "$2" ]]; }                              # has_charges JOBID N
states_of() { charges_of "$1" | jq -r 'map(.state) | sort | join(" ")'; }
is_back() { [[ $(voucher "$1" .liens) == 0.000000 ]]; } # is_back VOUCHER
is_seen() { [[ $(explain "$1" 2>/dev/null | jq -r .state) == "${2:-RUNNING}" ]]; }
has_ended_in() { [[ $(state_of "$1") == "$2"* ]]; }      # has_ended_in JOBID STATE
is_pending() { [[ $(as auditor1 squeue -h -o %T -j "$1" 2>/dev/null) == PENDING ]]; }

# Slurm lets a job that was put back wait for two minutes. The next run fails at once where the last
# one is still being cleaned up on the node, or is given its credential in the second in which the
# last one's was revoked (slurm_cred.c of 22.05: a credential no younger than that counts as revoked).
start_now() {
  local second
  is_cleaned_up() { ! as auditor1 sinfo -h -o %T | grep -q completing; }
  eventually "$PATIENCE" is_cleaned_up
  second=$(date +%s)
  is_later() { (($(date +%s) > $1)); }
  eventually "$PATIENCE" is_later "$second"
  on_controller scontrol update "jobid=$1" starttime=now
}

# Each record that slurmdbd has of a job, and what they come to: "STATE AMOUNT" lines, sorted.
due_of() { # due_of JOBID
  local record
  as auditor1 sacct -X -n -P -D --noconvert -M cq -j "$1" -o state,cluster,partition,elapsedraw,alloctres | sort |
    while IFS= read -r record; do
      [[ $(cut -d'|' -f4 <<<"$record") -gt 0 ]] || continue
      echo "$(cut -d'|' -f1 <<<"$record" | cut -d' ' -f1) $(price_of_record "${record#*|}")"
    done
}

# Every run of a job is charged as slurmdbd has it, refunds of the site's rule aside.
assert_runs() { # assert_runs JOBID N
  eventually "$PATIENCE" has_charges "$1" "$2"
  local line state charge refunded
  charges_of "$1" | jq -r '.[] | [.state, .charge, .refunded] | join(" ")' | while read -r state charge refunded; do
    echo "$state $(($(micro "$charge") + $(micro "$refunded")))"
  done | sort >"$BATS_TEST_TMPDIR/charged"
  due_of "$1" >"$BATS_TEST_TMPDIR/due"
  run diff "$BATS_TEST_TMPDIR/due" "$BATS_TEST_TMPDIR/charged"
  assert_success
}

@test "put back into the queue by its user: each run is charged once, and the lien holds for the next" {
  job=$(submit researcher1 -t1 --voucher="$MAIN" --wrap 'sleep 5')
  eventually "$PATIENCE" has_run_for "$job" 2
  as researcher1 scontrol requeue "$job"
  eventually "$PATIENCE" is_pending "$job"
  eventually "$PATIENCE" has_charges "$job" 1
  assert_equal "$(explain "$job" | jq -r '.lien.state + " " + .lien.amount')" "open $(yuan "$(part "$(price cq/super 1 500 0 60)" 600000)")"
  start_now "$job"
  assert_runs "$job" 2
  assert_equal "$(states_of "$job")" 'COMPLETED REQUEUED'
  eventually "$PATIENCE" is_back "$MAIN"
}

@test "a node fails: its jobs are charged, half is given back, and one that is started again is charged again" {
  again=$(submit researcher1 -t1 -p ai -w ai2 --voucher="RF-$RUN" --wrap 'sleep 6')
  over=$(submit researcher1 -t1 -p ai -w ai2 --no-requeue --voucher="RF-$RUN" --wrap 'sleep 60')
  eventually "$PATIENCE" has_run_for "$again" 3
  eventually "$PATIENCE" has_run_for "$over" 3
  eventually "$PATIENCE" is_seen "$over"
  on_controller scontrol update nodename=ai2 state=down reason='a test'
  eventually "$PATIENCE" has_charges "$again" 1
  eventually "$PATIENCE" has_charges "$over" 1
  assert_equal "$(states_of "$again") $(states_of "$over")" 'NODE_FAIL NODE_FAIL'
  # The record doesn't say whether the job goes on: until Slurm has it no more, both hold their lien.
  assert_equal "$(explain "$again" | jq -r .lien.state)" open
  # With ReturnToService=2 a node that answers is back by itself, unless it wasn't quick enough.
  on_controller scontrol update nodename=ai2 state=resume || true
  start_now "$again"
  assert_runs "$again" 2
  assert_equal "$(states_of "$again")" 'COMPLETED NODE_FAIL'
  assert_runs "$over" 1
  for job in "$again" "$over"; do
    line=$(charges_of "$job" | jq -c '.[] | select(.state == "NODE_FAIL")')
    amount=$(($(micro "$(jq -r .charge <<<"$line")") + $(micro "$(jq -r .refunded <<<"$line")")))
    assert_equal "$(jq -r .refunded <<<"$line")" "$(yuan $((amount / 2)))"
  done
  assert_regex "$(explain "$over" | jq -r '.reasons | join("\n")')" "the site's rule gives .* back after NODE_FAIL"
  eventually "$PATIENCE" is_back "RF-$RUN"
  assert_equal "$(explain "$over" | jq -r .lien.voided_because)" "Slurm didn't start it again"
  assert_equal "$(explain "$over" | jq -r .lien.state)" voided
  # And never again, however often it is read.
  assert_equal "$(charges_of "$over" | jq length)" 1
}

@test "pushed aside by another job: put back and charged for both runs, or cancelled and charged for one" {
  back=$(submit researcher1 -t1 -p ai -w ai1 --exclusive --voucher="$MAIN" --wrap 'sleep 6')
  gone=$(submit researcher1 -t1 -p super -w super2 --exclusive --voucher="$MAIN" --wrap 'sleep 60')
  eventually "$PATIENCE" has_run_for "$back" 3
  eventually "$PATIENCE" has_run_for "$gone" 3
  submit researcher1 -t1 -p bridge -w ai1 --exclusive --wrap 'sleep 2'
  submit researcher1 -t1 -p bridge -w super2 --exclusive --wrap 'sleep 2'
  assert_runs "$gone" 1
  assert_equal "$(states_of "$gone")" PREEMPTED
  eventually "$PATIENCE" has_charges "$back" 1
  start_now "$back"
  assert_runs "$back" 2
  assert_equal "$(states_of "$back")" 'COMPLETED PREEMPTED'
  eventually "$PATIENCE" is_back "$MAIN"
}

@test "suspended: the time in which it had no processor costs nothing" {
  job=$(submit researcher1 -t1 --voucher="$MAIN" --wrap 'sleep 6')
  eventually "$PATIENCE" has_run_for "$job" 2
  on_controller scontrol suspend "$job"
  sleep 4 # what is measured, not waited for
  on_controller scontrol resume "$job"
  eventually "$PATIENCE" are_charged "$job"
  assert_charge "$job" cq "$MAIN" 600000
  read -r whole asleep < <(sql "SELECT time_end - time_start, tot_wall FROM (SELECT time_end, time_start, IFNULL((SELECT SUM(time_end - time_start)
    FROM cq_suspend_table s WHERE s.job_db_inx = j.job_db_inx), 0) AS tot_wall FROM cq_job_table j WHERE id_job = $job) t")
  assert [ "$asleep" -ge 3 ]
  assert_equal "$(explain "$job" | jq .charge.elapsed_seconds)" $((whole - asleep))
}

@test "tasks cancelled while they wait leave no record; their part of the lien comes back" {
  array=$(submit researcher1 -t1 --array=0-4%1 --voucher="RA-$RUN" --wrap 'sleep 4')
  eventually "$PATIENCE" is_running "${array}_0"
  as researcher1 scancel "${array}_[2-4]"
  is_done() { [[ $(statement --voucher "RA-$RUN" | jq '.lines | length') == 2 ]]; }
  eventually "$PATIENCE" is_done
  eventually "$PATIENCE" is_back "RA-$RUN"
  used=0
  for amount in $(statement --voucher "RA-$RUN" | jq -r '.lines[].by_voucher'); do used=$((used + $(micro "$amount"))); done
  assert_equal "$(voucher "RA-$RUN" '[.available, .used] | join(" ")')" "$(yuan $((100000000 - used))) $(yuan "$used")"
  # No record of its own: slurmdbd knows two of five, each with its own number.
  assert_equal "$(statement --voucher "RA-$RUN" | jq -c '[.lines[].array_task_id] | sort')" '[0,1]'
}

@test "cancelled while it waited: whatever slurmdbd says of its start, it costs nothing" {
  # Behind another one: what waits for its time, or is held, has another start in slurmdbd.
  before=$(submit researcher1 -t1 -p ai -w ai1 --exclusive --wrap 'sleep 60')
  eventually "$PATIENCE" is_running "$before"
  job=$(submit researcher1 -t1 -p ai -w ai1 --exclusive --voucher="RW-$RUN" --wrap true)
  eventually "$PATIENCE" is_seen "$job" PENDING
  as researcher1 scancel "$job"
  as researcher1 scancel "$before"
  eventually "$PATIENCE" is_back "RW-$RUN"
  assert_equal "$(explain "$job" | jq -r '.state + " " + .charge.amount + " " + .lien.voided_because')" 'CANCELLED 0.000000 the job used nothing'
  assert_equal "$(voucher "RW-$RUN" '[.available, .used] | join(" ")')" '100.000000 0.000000'
}

@test "a record without a measured energy is charged, and the energy is absent" {
  # Slurm writes 18446744073709551614 where it has no meter, as it did for jobs above.
  read -r job < <(sql "SELECT id_job FROM cq_job_table WHERE tres_alloc LIKE '%3=18446744073709551614%' AND time_end > 0 ORDER BY time_end DESC LIMIT 1")
  [[ -n $job ]] || skip 'no record of this Slurm has it'
  eventually "$PATIENCE" are_charged "$job"
  assert_equal "$(charges_of "$job" | jq '[.[].tres | has("energy")] | any')" false
}

# The next ones change slurmdbd's tables, which sluiced reads only once it runs again: the job has
# ended and was seen in slurmctld, its record not.
run_unread() { # run_unread OPTION...
  job=$(submit researcher1 -t1 "$@" --wrap 'sleep 12')  # seen while it runs, even where everything takes long
  eventually "$PATIENCE" is_seen "$job"
  "$TESTBED" stop sluiced
  eventually "$PATIENCE" has_ended "$job"
  # slurmctld tells of the end at once, and of a start only every five seconds.
  eventually "$PATIENCE" is_whole "$job"
}
is_whole() { [[ $(sql "SELECT COUNT(*) FROM cq_job_table WHERE id_job = $1 AND time_eligible > 0") == 1 ]]; }

@test "the tag overwritten by somebody else: the job's id tells whose it is" {
  run_unread --voucher="$MAIN"
  sql "UPDATE cq_job_table SET admin_comment = 'ticket 7' WHERE id_job = $job"
  "$TESTBED" start sluiced
  eventually "$PATIENCE" are_charged "$job"
  assert_charge "$job" cq "$MAIN" 600000
  assert_regex "$(explain "$job" | jq -r '.reasons | join("\n")')" 'no tag of ours names its admission; its admission was found by the job id'
}

@test "a record that comes with an end of hours ago: the open admission asks for it by its id" {
  run_unread --voucher="$MAIN"
  sql "UPDATE cq_job_table SET time_submit = time_submit - 36000, time_eligible = time_eligible - 36000, time_start = time_start - 36000, time_end = time_end - 36000 WHERE id_job = $job"
  "$TESTBED" start sluiced
  is_charged() { explain "$1" | jq -e '.charge != null' >/dev/null; }
  eventually "$PATIENCE" is_charged "$job"
  assert_equal "$(explain "$job" | jq -r .charge.amount)" "$(yuan "$(price_of_record "$(record_of "$job")")")"
  eventually "$PATIENCE" is_back "$MAIN"
}

@test "a job id that was used before, and a cluster that isn't ours" {
  job=$(submit researcher1 -t1 --voucher="$MAIN" --wrap 'sleep 2')
  eventually "$PATIENCE" are_charged "$job"
  # As after slurmctld has lost its state: the same id once more, submitted later, of another user's account.
  on_controller sacctmgr -i add cluster elsewhere >&2
  sql "CREATE TEMPORARY TABLE one SELECT * FROM cq_job_table WHERE id_job = $job;
    INSERT INTO elsewhere_job_table SELECT * FROM one;
    UPDATE one SET job_db_inx = (SELECT MAX(job_db_inx) + 1000000 FROM cq_job_table), time_submit = time_end, time_eligible = time_end,
      time_start = time_end, time_end = time_end + 7, admin_comment = NULL;
    INSERT INTO cq_job_table SELECT * FROM one"
  assert_equal "$(as auditor1 sacct -X -n -P -D -M elsewhere -j "$job" -o cluster,jobid)" "elsewhere|$job"
  assert_runs "$job" 2
  assert_equal "$(charges_of "$job" | jq -c 'map(.voucher) | sort')" "[null,\"$MAIN\"]"
  assert_equal "$(statement | jq -c '[.lines[].cluster] | unique - ["cq", "hami"]')" '[]'
}

@test "nothing is held any more, and the ledger holds" {
  for id in "$MAIN" "RF-$RUN" "RA-$RUN" "RW-$RUN"; do eventually "$PATIENCE" is_back "$id"; done
  used=0
  for amount in $(statement --voucher "$MAIN" | jq -r '.lines[].by_voucher'); do used=$((used + $(micro "$amount"))); done
  # The one that ended hours ago lies before this run's statement.
  assert [ "$(micro "$(voucher "$MAIN" .used)")" -ge "$used" ]
  assert_ledger_holds
}
