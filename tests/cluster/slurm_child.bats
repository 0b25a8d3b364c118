#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal: sluice-slurmdb reads what real Slurm did and writes tags back, and the
# service's side gets out in time when slurmdbd or a slurmctld hangs. Method: run
# jobs of every kind through the testbed and compare. Leaves it up.
# SLUICE_SLURMDB and SLUICE_SLURM_ASK name other programs than those of the build.
#
# shellcheck disable=SC2016  # much is expanded on the hosts
# shellcheck disable=SC2317  # conditions are called by `eventually`

setup_file() {
  export TESTBED=$BATS_TEST_DIRNAME/../../scripts/testbed
  export HELPER=${SLUICE_SLURMDB:-sluice-slurmdb} ASK=${SLUICE_SLURM_ASK:-slurm_ask}
  "$TESTBED" up >&2
  submit_all >"$BATS_FILE_TMPDIR/jobs"
  local ids
  ids=$(sed 's/[^=]*=//' "$BATS_FILE_TMPDIR/jobs" | grep -v -x "$(job_from_file held)" | paste -sd,)
  eventually 60 none_left "$ids"
}

setup() {
  bats_load_library bats-support
  bats_load_library bats-assert
}

teardown() {
  # Whatever a test stopped goes on.
  "$TESTBED" signal CONT slurmdbd db >/dev/null 2>&1 || true
  "$TESTBED" signal CONT slurmctld hamictl >/dev/null 2>&1 || true
}

eventually() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    if [[ $SECONDS -gt $deadline ]]; then return 1; fi
    sleep 0.2
  done
}

# Prints NAME=JOBID for one job of each kind.
submit_all() {
  "$TESTBED" exec -u researcher1 login bash -s <<'JOBS'
cd /
submit() { name=$1; shift; echo "$name=$(sbatch --parsable -M cq -J "$name" -o /dev/null "$@" 2>/dev/null | cut -d';' -f1)"; }
submit plain --wrap "sleep 1"
submit failed --wrap "exit 3"
submit array --array=0-3 --wrap "sleep 1"
submit gpu -p ai --gres=gpu:2 --wrap "sleep 1"
submit het -n1 -p super : -n1 -p ai --wrap "sleep 1"
submit resize -p super -N2 --wrap 'sleep 3; scontrol update jobid=$SLURM_JOB_ID numnodes=1; sleep 3'
held=$(submit held -H --wrap "sleep 1"); echo "$held"; scancel "${held#*=}"
echo "federated=$(sbatch --parsable --cluster-constraint=hami -J federated -o /dev/null --wrap "sleep 2" | cut -d';' -f1)"
JOBS
}

job_from_file() { sed -n "s/^$1=//p" "$BATS_FILE_TMPDIR/jobs"; }

none_left() { # slurmdbd hears of an end a moment after squeue does
  local states
  states=$("$TESTBED" exec login sacct -D -X -n -P -M cq,hami -j "$1" -o cluster,jobid,state)
  # In a federation, 24.11 leaves a second record of an array's last task behind that is pending for ever.
  grep -q "^hami|$(job_from_file federated)|COMPLETED" <<<"$states" &&
    awk -F'|' '{ ended[$2] += $3 !~ /PENDING|RUNNING|RESIZING/ } END { for (id in ended) if (!ended[id]) exit 1 }' <<<"$states"
}

# ask REQUEST...: the answers, one JSON object per line.
ask() { printf '%s\n' "$@" | "$TESTBED" exec cqctl "$HELPER" 2>/dev/null; }

# record_of NAME [CLUSTER]: the rows of a job.
records_of() {
  ask "{\"id\":1,\"op\":\"by_id\",\"cluster\":\"${2:-cq}\",\"job_ids\":[$(job_from_file "$1")]}" | jq -c 'select(.row) | .row'
}

# Writes TEXT to the record on the standard input; prints 1 or 0.
tag_record() {
  jq -c --arg text "$1" '{id: 1, op: "tag", cluster, job_id, state_number, submit, "end": .end, text: $text}' |
    "$TESTBED" exec cqctl "$HELPER" 2>/dev/null | jq .updated
}

admin_comment_of() { records_of "$1" "${2:-cq}" | jq -r "select(${3:-true}) | .admin_comment // \"none\""; }

@test "a plain job: who, where, how long, what" {
  run records_of plain
  assert_success
  assert_equal "$(jq -r '[.cluster, .user, .user_id, .account, .partition, .qos, .state, .state_number, .exit_code] | join(" ")' <<<"$output")" \
    "cq researcher1 6001 astro super normal COMPLETED 3 0"
  assert_equal "$(jq '.end - .start - .elapsed_seconds' <<<"$output")" 0
  assert_equal "$(jq -c '.tres_alloc | keys' <<<"$output")" '["billing","cpu","mem","node"]'
  assert_equal "$(jq 'has("energy_joules")' <<<"$output")" false
}

@test "a failed job has its exit code as wait(2) gives it" {
  assert_equal "$(records_of failed | jq -r '[.state, .exit_code] | join(" ")')" "FAILED 768"
}

@test "GPUs are named as Slurm names them, typed and untyped" {
  assert_equal "$(records_of gpu | jq -c '.tres_alloc | {"gres/gpu", "gres/gpu:a100"}')" '{"gres/gpu":2,"gres/gpu:a100":2}'
}

@test "an array: a record per task, one of which has the array's id" {
  run records_of array
  # As for none_left: 24.11's second record of the last task.
  assert_equal "$(jq -s -r 'map(select(.state != "PENDING").array_task_id) | sort | join(" ")' <<<"$output")" "0 1 2 3"
  assert_equal "$(jq -s 'map(select(.job_id == .array_job_id and .state != "PENDING")) | length' <<<"$output")" 1
}

@test "a heterogeneous job: a record per component" {
  assert_equal "$(records_of het | jq -s -r 'map(.het_job_offset) | sort | join(" ")')" "0 1"
}

@test "held, then cancelled: no start, nothing allocated, and still found by time" {
  run records_of held
  assert_equal "$(jq -r '[.state, has("start"), has("nodes"), .elapsed_seconds] | join(" ")' <<<"$output")" "CANCELLED false false 0"
  local end
  end=$(jq .end <<<"$output")
  run ask "{\"id\":1,\"op\":\"finished\",\"clusters\":[\"cq\"],\"from\":$end,\"to\":$end}"
  assert_equal "$(jq -s "map(select(.row.job_id == $(job_from_file held))) | length" <<<"$output")" 1
  assert_equal "$(jq -s "map(select(.row and .row.end != $end)) | length" <<<"$output")" 0
}

@test "a changed size: the parts follow each other" {
  run records_of resize
  if [[ $("$TESTBED" status --json | jq -r .slurm) == 24.11 ]]; then
    # It never ends the record of the first part, and begins that of the second as an ended one.
    assert_equal "$(jq -s -r 'sort_by(.submit) | map(.state) | join(" ")' <<<"$output")" "RUNNING COMPLETED"
    return
  fi
  assert_equal "$(jq -s -r 'sort_by(.submit) | map(.state) | join(" ")' <<<"$output")" "RESIZING COMPLETED"
  assert_equal "$(jq -s 'sort_by(.submit) | .[1].start - .[0].end' <<<"$output")" 0
  assert_equal "$(jq -s 'map(.end - .start - .elapsed_seconds) | add' <<<"$output")" 0
}

@test "a federated job: the origin has a tracker, the sibling the usage" {
  assert_equal "$(records_of federated | jq -r '[.state, has("start"), .elapsed_seconds] | join(" ")')" "REVOKED false 0"
  assert_equal "$(records_of federated hami | jq -r '[.cluster, .state, .nodes] | join(" ")' | sed 's/npu[12]/npuN/')" "hami COMPLETED npuN"
}

@test "finished covers both clusters and counts its rows" {
  run ask '{"id":1,"op":"finished","clusters":["cq","hami"],"from":1,"to":4000000000}'
  assert_success
  assert_equal "$(jq -s '(map(select(.row)) | length) == .[-1].rows' <<<"$output")" true
  assert_equal "$(jq -s -c 'map(.row.cluster // empty) | unique' <<<"$output")" '["cq","hami"]'
  assert_equal "$(jq -s 'map(.row // empty | [.cluster, .job_id, .submit]) | (unique | length) == length' <<<"$output")" true
}

@test "an unknown cluster is an error, not an empty answer" {
  run ask '{"id":1,"op":"finished","clusters":["cq","chengdu"],"from":1,"to":2}'
  assert_output --partial 'knows no cluster'
  assert_equal "$(jq .error.unreachable <<<"$output")" false
}

@test "live jobs of both sites, revoked ones too; a cluster that isn't there harms none" {
  run ask '{"id":1,"op":"live","clusters":["cq","hami","chengdu"]}'
  assert_equal "$(jq -s -c 'map(.row.cluster // empty | [.name, .ok]) | sort' <<<"$output")" '[["chengdu",false],["cq",true],["hami",true]]'
  local id
  id=$(job_from_file federated)
  assert_equal "$(jq -s -c "map(.row.job // empty | select(.job_id == $id) | [.cluster, .revoked]) | sort" <<<"$output")" '[["cq",true],["hami",false]]'
  assert_equal "$(jq -s 'map(.row.job // empty | select(.job_id == 4294967294)) | length' <<<"$output")" 0
}

@test "the inventory knows nodes, defaults and accounts" {
  run ask '{"id":1,"op":"inventory","cluster":"cq"}'
  assert_equal "$(jq -c 'select(.row.node.name == "ai1") | .row.node | [.cpus, .memory_mb, .gres]' <<<"$output")" '[4,4000,{"gres/gpu":4,"gres/gpu:a100":4}]'
  assert_equal "$(jq -c 'select(.row.partition.name == "ai") | .row.partition | [.nodes, .is_default]' <<<"$output")" '[["ai1","ai2"],false]'
  assert_equal "$(jq -r 'select(.row.user.name == "researcher1") | .row.user.default_account' <<<"$output")" astro
  assert_equal "$(jq -c -s 'map(.row.operator // empty) | contains(["sluice"]) and (contains(["researcher1"]) | not)' <<<"$output")" true
  assert_equal "$(jq -c 'select(.done) | .inventory | [.cluster, .control_hosts]' <<<"$output")" '["cq",["cqctl"]]'
  run ask '{"id":1,"op":"inventory","cluster":"hami"}'
  assert_output --partial 'this host is of cluster'
}

@test "a tag keeps every byte, and sacct shows it" {
  local text='{"sluice":{"v":1,"id":"A7Q","note":"double \" single '\'' back ` slash \\ end"}}'
  run tag_record "$text" <<<"$(records_of plain)"
  assert_output 1
  assert_equal "$(admin_comment_of plain)" "$text"
  run "$TESTBED" exec login sacct -X -n -P -j "$(job_from_file plain)" -o AdminComment,DerivedExitCode
  assert_output "$text|0:0"
}

@test "a tag goes to one record only: a task, a component, a part, a tracker" {
  local last
  last=$(records_of array | jq -c 'select(.job_id == .array_job_id and .state != "PENDING")')
  assert_equal "$(tag_record T1 <<<"$last")" 1
  assert_equal "$(admin_comment_of array | grep -c -x T1)" 1
  assert_equal "$(tag_record T2 <<<"$(records_of het | jq -c 'select(.het_job_offset == 0)')")" 1
  assert_equal "$(admin_comment_of het | grep -c -x T2)" 1
  part=$(records_of resize | jq -c 'select(.state == "RESIZING")')
  if [[ -n $part ]]; then # 24.11 has none, see above
    assert_equal "$(tag_record T3 <<<"$part")" 1
    assert_equal "$(admin_comment_of resize cq '.state == "COMPLETED"' | grep -c -x T3)" 0
  fi
  assert_equal "$(tag_record T4 <<<"$(records_of federated)")" 1
  assert_equal "$(admin_comment_of federated hami | grep -c -x T4)" 0
}

@test "a tag for a record that isn't there changes nothing" {
  run tag_record T5 <<<"$(records_of failed | jq -c '.end += 1')"
  assert_output 0
  run tag_record T5 <<<"$(records_of failed | jq -c '.state_number = 3')"
  assert_output 0
  assert_equal "$(admin_comment_of failed | grep -c -x T5)" 0
}

# The service's side reads its commands from a pipe that stays open while daemons come and go.
start_ask() { # start_ask TIMEOUT_MS
  mkfifo "$BATS_TEST_TMPDIR/commands"
  "$TESTBED" exec cqctl "$ASK" "$("$TESTBED" exec cqctl sh -c "command -v $HELPER")" "$1" \
    <"$BATS_TEST_TMPDIR/commands" >"$BATS_TEST_TMPDIR/answers" 2>"$BATS_TEST_TMPDIR/log" 3>&- &
  exec 9>"$BATS_TEST_TMPDIR/commands"
}

has_answers() { [[ $(wc -l <"$BATS_TEST_TMPDIR/answers") -ge $1 ]]; }

say() { # say COMMAND: prints the answer's line
  local before
  before=$(wc -l <"$BATS_TEST_TMPDIR/answers")
  echo "$1" >&9
  eventually 30 has_answers "$((before + 1))"
  tail -n 1 "$BATS_TEST_TMPDIR/answers"
}

@test "slurmdbd stopped is told at once, and its return needs no new helper" {
  start_ask 10000
  run say "finished cq 1 2"
  assert_output --regexp '^ok 0 '
  "$TESTBED" stop slurmdbd
  run say "finished cq 1 2"
  assert_output --regexp '^unreachable slurm_unreachable [0-9]{1,3} '
  run say "tag cq 1 3 1 2 x"
  assert_output --regexp '^unreachable slurm_unreachable [0-9]{1,3} '
  run say "live cq"
  assert_output --regexp '^ok 1 '
  "$TESTBED" start slurmdbd
  run say "finished cq 1 2"
  assert_output --regexp '^ok 0 '
  exec 9>&-
  run cat "$BATS_TEST_TMPDIR/log"
  refute_output --partial 'killing the helper'
  refute_output --partial 'symbol lookup error'
}

@test "a slurmdbd that hangs costs the timeout, and leaves no helper behind" {
  start_ask 2000
  run say "finished cq 1 2"
  assert_output --regexp '^ok 0 '
  "$TESTBED" signal STOP slurmdbd db
  run say "finished cq 1 2"
  assert_output --regexp '^unreachable slurm_timeout 2[0-9]{3} '
  run say "tag cq 1 3 1 2 x"
  assert_output --regexp '^unreachable slurm_timeout 2[0-9]{3} '
  "$TESTBED" signal CONT slurmdbd db
  sleep 1
  run say "finished cq 1 2"
  assert_output --regexp '^ok 0 '
  # Others are sluiced's own.
  assert_equal "$("$TESTBED" exec cqctl sh -c 'pgrep -c -P "$(pgrep -x slurm_ask)" -x sluice-slurmdb')" 1
  exec 9>&-
}

@test "a helper whose parent is killed ends at once, also in a call that hangs" {
  start_ask 60000
  run say "finished cq 1 2"
  assert_output --regexp '^ok 0 '
  helpers() { "$TESTBED" exec cqctl sh -c "pgrep -P $1 -x sluice-slurmdb"; }
  parent=$("$TESTBED" exec cqctl pgrep -x slurm_ask)
  helper=$(helpers "$parent")
  "$TESTBED" signal STOP slurmdbd db
  echo "finished cq 1 2" >&9
  # An idle helper waits in read(), libslurm in poll().
  in_a_call() { [[ $("$TESTBED" exec cqctl sh -c "cat /proc/$helper/task/*/wchan" 2>/dev/null) == *poll* ]]; }
  eventually 10 in_a_call
  "$TESTBED" exec cqctl kill -KILL "$parent"
  gone() { ! "$TESTBED" exec cqctl test -e "/proc/$helper"; }
  eventually 5 gone
  exec 9>&-
}

@test "a slurmctld that hangs is reported, the other cluster answered" {
  start_ask 2000
  "$TESTBED" signal STOP slurmctld hamictl
  run say "live cq hami"
  assert_output --regexp '^ok 1 1[0-9]{3}$'
  "$TESTBED" signal CONT slurmctld hamictl
  run say "live cq hami"
  assert_output --regexp '^ok 2 '
  exec 9>&-
}
