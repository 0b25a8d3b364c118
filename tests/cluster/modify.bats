#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal: what `scontrol update` makes dearer is set aside before Slurm does it, or is not done; what
# it makes cheaper comes back once Slurm has done it; and an update of a thousand tasks doesn't wait
# a thousand times for a service that hangs. Method: jobs that are held, changed by their users, by
# root and by strangers. Leaves the testbed up and whole.
#
# shellcheck disable=SC2154,SC2317  # variables that bats sets; conditions are called by `eventually`

load helpers

setup_file() {
  load helpers
  cluster_up
  export PROGRAMME=modify-$RUN
  make_programme "$PROGRAMME" 'clusters: [cq, hami]'
  local name
  for name in MR MB ML MS MT MA MF; do propose_voucher "$PROGRAMME" "$name-$RUN" 1000; done
  # Twenty minutes of the usual job, and no more.
  propose_voucher "$PROGRAMME" "MX-$RUN" "$(yuan "$(lien_of 20)")"
  approve_all
}

setup() { load_libraries; }

teardown() { make_whole; }

teardown_file() {
  load helpers
  on_controller scancel --quiet --user=researcher1 || true
}

# lien_of MINUTES [TASKS]: what the voucher must hold for one CPU in partition super.
lien_of() { echo $(($(part "$(price cq/super 1 500 0 $(($1 * 60)))" 600000) * ${2-1})); }

is_known() { [[ $(explain "$1" | jq -r '.lien.state') == open ]]; }

# held VOUCHER OPTION...: a job of ten minutes that doesn't start, known to the service.
held() {
  local voucher=$1 id
  shift
  id=$(submit researcher1 -H -t10 -p super --voucher="$voucher-$RUN" "$@" --wrap 'sleep 1')
  eventually "$PATIENCE" is_known "$id"
  echo "$id"
}

holds() { [[ $(voucher "$1-$RUN" .liens) == "$(yuan "$2")" ]]; } # holds VOUCHER AMOUNT
assert_holds() { assert_equal "$(voucher "$1-$RUN" .liens)" "$(yuan "$2")"; }

says() { explain "$1" | jq -e --arg text "$2" '.reasons | any(contains($text))' >/dev/null; } # says JOBID TEXT
limit_of() { as auditor1 squeue -h -o %l -j "$1"; }

# update USER JOB CHANGE...: scontrol, as the user.
update() { as "$1" scontrol update "jobid=$2" "${@:3}"; }

@test "a longer limit raises the lien before Slurm has it" {
  job=$(held MR)
  assert_holds MR "$(lien_of 10)"
  run update researcher1 "$job" timelimit=20
  assert_success
  assert_holds MR "$(lien_of 20)"
  assert_equal "$(limit_of "$job")" 20:00
  eventually "$PATIENCE" says "$job" 'Slurm made the change'
  assert_holds MR "$(lien_of 20)"
  says "$job" 'researcher1 asked for another time limit'
  assert_equal "$(explain "$job" | jq -r .quote.amount)" "$(yuan "$(price cq/super 1 500 0 1200)")"
}

@test "what the voucher doesn't reach is refused, and the job stays as it was" {
  job=$(held MX)
  run --separate-stderr update researcher1 "$job" timelimit=21
  assert_failure
  assert_regex "$stderr" 'Job violates accounting/QOS policy'
  assert_equal "$(limit_of "$job")" 10:00
  assert_holds MX "$(lien_of 10)"
  says "$job" 'refused to researcher1: another time limit: insufficient_balance: voucher MX'
  run on_controller grep -c "sluice: job_modify: job $job: sluice: voucher MX-$RUN has " /var/log/slurm/slurmctld.log
  assert_output 1
  # Nor for root, who can do all else.
  run on_controller scontrol update "jobid=$job" timelimit=21
  assert_failure
  run update researcher1 "$job" timelimit=20
  assert_success
  assert_holds MX "$(lien_of 20)"
}

@test "changes without a price are none of the service's business" {
  job=$(held MB)
  reasons=$(explain "$job" | jq -c .reasons)
  for change in comment=x name=y nice=7 'features=' dependency=singleton; do
    run update researcher1 "$job" "$change"
    assert_success
  done
  assert_equal "$(explain "$job" | jq -c .reasons)" "$reasons"
}

@test "a shorter limit gives back when Slurm has it" {
  job=$(held ML)
  run update researcher1 "$job" timelimit=5
  assert_success
  eventually "$PATIENCE" holds ML "$(lien_of 5)"
  says "$job" 'Slurm made the change'
}

@test "what Slurm refuses after us is taken back" {
  job=$(held MS)
  run update researcher1 "$job" timelimit=2-00:00:00
  assert_failure
  eventually "$PATIENCE" says "$job" 'Slurm did not make the change'
  assert_holds MS "$(lien_of 10)"
}

@test "a stranger moves nobody's lien" {
  job=$(held MT)
  reasons=$(explain "$job" | jq -c .reasons)
  run update researcher2 "$job" timelimit=600
  assert_failure
  assert_holds MT "$(lien_of 10)"
  assert_equal "$(explain "$job" | jq -c .reasons)" "$reasons"
}

@test "another account and another partition are checked anew" {
  job=$(held MT)
  run update researcher1 "$job" account=shared
  assert_failure
  says "$job" 'voucher_not_yours'
  assert_equal "$(as auditor1 squeue -h -o %a -j "$job")" astro
  run update researcher1 "$job" partition=ai gres=gpu:a100:1
  assert_success
  says "$job" 'asked for another partition, resources'
  assert_equal "$(as auditor1 squeue -h -o %P -j "$job")" ai
}

@test "root's own AdminComment keeps our tag" {
  job=$(held MB)
  comment_of() { as auditor1 scontrol show job "$job" | sed -n 's/^ *AdminComment=//p'; }
  tag=$(comment_of)
  run on_controller scontrol update "jobid=$job" 'admincomment=looked at'
  assert_success
  assert_regex "$(comment_of)" '^looked at [{]'
  assert_equal "$(comment_of | sed 's/^looked at //' | jq -cS .)" "$(jq -cS . <<<"$tag")"
}

@test "an array: asked once, whatever it has been split into" {
  job=$(held MA --array=0-49%2)
  # Each of these tasks gets a record of its own in slurmctld.
  run update researcher1 "${job}_[0-29]" nice=1
  assert_success
  run update researcher1 "$job" timelimit=20
  assert_success
  assert_holds MA "$(lien_of 20 2)"
  assert_equal "$(explain "$job" | jq '[.reasons[] | select(contains("asked for another time limit"))] | length')" 1
  run update researcher1 "${job}_[7-9]" timelimit=30
  assert_success
  assert_holds MA $(($(lien_of 20 2) + ($(lien_of 30) - $(lien_of 20)) * 2))
  run update researcher1 "$job" arraytaskthrottle=4
  assert_success
  assert_holds MA $(($(lien_of 20 4) + ($(lien_of 30) - $(lien_of 20)) * 3))
}

@test "a thousand tasks changed while sluiced is frozen: one outage, one question" {
  # Of this cluster alone: the federation's other one would be busy with a thousand copies for minutes.
  job=$(held MF -M cq --array=0-999%10)
  # Each task gets a record of its own (nice= would do that too, and end the hold).
  run update researcher1 "${job}_[0-998]" comment=apart
  assert_success
  log() { on_controller cat /var/log/slurm/slurmctld.log; }
  outages() { log | grep -c "sluice: .*couldn't reach the service" || true; }
  before=$(outages)
  "$TESTBED" signal STOP sluiced cqctl
  began=$(date +%s%N)
  run update researcher1 "$job" timelimit=20
  echo "# 1,000 tasks in $((($(date +%s%N) - began) / 1000000)) ms while sluiced was frozen" >&3
  assert_success
  assert_equal "$(as auditor1 squeue -h -r -o %l -j "$job" | sort | uniq -c | xargs)" '1000 20:00'
  assert_equal "$(outages)" "$((before + 1))"
  "$TESTBED" signal CONT sluiced cqctl
  # Each update counts once, however many tasks it is for; the last one here is the probe that is
  # answered. slurmctld itself tries one again, a second later and five times at most, while slurmdbd
  # has not given some task's record its number yet.
  tried=0
  without() { log | sed -n 's/.*sluice: .*answers again .*without it: //p' | tail -n +$((answered + 1)); }
  answered=$(log | grep -c 'sluice: .*answers again' || true)
  is_back() {
    tried=$((tried + 1))
    update researcher1 "$job" timelimit=20 && [[ -n $(without) ]]
  }
  eventually "$PATIENCE" is_back
  missed=$(without)
  assert [ "$missed" -ge "$tried" ]
  assert [ "$missed" -le "$((tried * 6))" ]
  # Nobody could be asked: the lien follows what Slurm did.
  eventually "$PATIENCE" holds MF "$(lien_of 20 10)"
}

@test "the ledger holds" { assert_ledger_holds; }
