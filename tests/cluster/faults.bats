#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal: whatever fails, jobs go on, each is charged exactly once, by the voucher that
# was asked for, and nothing stays held. Method: stop, freeze and kill the service and
# its neighbours at the worst moments, then look at slurmdbd and the books. Leaves the
# testbed up and whole.
#
# shellcheck disable=SC2016  # much is expanded on the hosts
# shellcheck disable=SC2154,SC2317  # variables that bats sets; conditions are called by `eventually`

load helpers

setup_file() {
  load helpers
  cluster_up
  export PROGRAMME=faults-$RUN VOUCHER=FM-$RUN
  make_programme "$PROGRAMME" 'clusters: [cq, hami]'
  propose_voucher "$PROGRAMME" "$VOUCHER" 1000
  propose_voucher "$PROGRAMME" "FL-$RUN" 10
  approve_all
  # Refused by Slurm once job_submit has let it in; looked at below, when time has passed,
  # and before the tests that count transfers.
  submit researcher1 -t10 --voucher="FL-$RUN" -w no-such-node --wrap true >&2 || true
  voucher "FL-$RUN" .liens >"$BATS_FILE_TMPDIR/lien"
}

setup() { load_libraries; }

teardown() {
  "$TESTBED" signal CONT sluiced cqctl 2>/dev/null || true
  make_whole
}

reload_says() {
  "$TESTBED" signal HUP sluiced cqctl
  check_says configuration "$1"
}

use_mode() {
  configuration_of sluice.yaml | sed "s/^mode:.*/mode: $1/" | write sluice.yaml
  "$TESTBED" signal HUP sluiced cqctl
  eventually "$PATIENCE" mode_is "$1"
}

tag_of() { as auditor1 sacct -X -n -P -j "$1" -o admincomment; }

@test "sluiced stopped: submissions go on, and are charged to their voucher when it is back" {
  logged() { on_controller grep -c "sluice: .*couldn't reach the service" /var/log/slurm/slurmctld.log || true; }
  before=$(logged)
  "$TESTBED" stop sluiced cqctl
  jobs=()
  for _ in 1 2 3; do jobs+=("$(submit researcher1 -t1 --voucher="$VOUCHER" --wrap 'sleep 1')"); done
  assert_equal "$(comment_of "${jobs[0]}" | jq -c '.sluice | [.unpriced, .options.voucher, (.nonce | length)]')" \
    "[true,\"$VOUCHER\",32]"
  eventually "$PATIENCE" has_ended "${jobs[@]}"
  "$TESTBED" start sluiced cqctl
  for job in "${jobs[@]}"; do charged_once "$job"; done
  is_tagged() { tag_of "${jobs[0]}" | jq -e .sluice.charge >/dev/null; }
  eventually "$PATIENCE" is_tagged
  # One line when the outage was found, not one per job.
  assert_equal "$(logged)" "$((before + 1))"
}

@test "sluiced stopped: a job stays at its busy site, and one that was sent to another goes there" {
  where() { as auditor1 scontrol show job "$1" | sed -n 's/.*FedViableSiblings=\([^ ]*\).*/\1/p'; }
  "$TESTBED" stop sluiced cqctl
  busy=$(submit researcher1 -t5 -p super -N2 --exclusive --wrap 'sleep 300')
  eventually "$PATIENCE" is_running "$busy"
  here=$(submit researcher1 -t1 --voucher="$VOUCHER" --wrap 'sleep 1')
  assert_equal "$(where "$here")" cq
  SAID=$BATS_TEST_TMPDIR/said
  there=$(submit researcher1 -t1 --voucher="$VOUCHER" --place=hami --wrap 'sleep 1')
  assert_regex "$(cat "$SAID")" 'sbatch: sluice: .* --place=hami is taken for --cluster-constraint=hami'
  run --separate-stderr as researcher1 sbatch -t1 --place=nowhere --wrap true
  assert_failure
  assert_regex "$stderr" 'sbatch: error: sluice: .* --place=nowhere is taken .*Invalid cluster feature'
  as researcher1 scancel "$busy"
  ran_at() { [[ $(state_of "$1" "$2") == COMPLETED ]]; }
  eventually "$PATIENCE" ran_at "$here" cq
  eventually "$PATIENCE" ran_at "$there" hami
  "$TESTBED" start sluiced cqctl
  charged_once "$here"
  eventually "$PATIENCE" are_charged "$there"
  assert_charge "$there" hami "$VOUCHER" 600000
}

@test "sluiced frozen: slurmctld answers meanwhile, and nothing is charged or held twice" {
  "$TESTBED" signal STOP sluiced cqctl
  submit researcher1 -t1 --voucher="$VOUCHER" --wrap 'sleep 1' >"$BATS_TEST_TMPDIR/job" 3>&- &
  run as researcher1 squeue -h
  assert_success
  wait "$!"
  jobs=("$(cat "$BATS_TEST_TMPDIR/job")")
  jobs+=("$(submit researcher1 -t1 --voucher="$VOUCHER" --wrap 'sleep 1')")
  run as researcher1 squeue -h
  assert_success
  "$TESTBED" signal CONT sluiced cqctl
  for job in "${jobs[@]}"; do charged_once "$job"; done
  is_free() { [[ $(voucher "$VOUCHER" .liens) == 0.000000 ]]; }
  eventually "$PATIENCE" is_free
}

@test "when_unreachable = refuse: no job is taken, and the line says why" {
  { configuration_of plugin.conf && echo 'when_unreachable = refuse'; } | write plugin.conf
  "$TESTBED" stop sluiced cqctl
  refuses() { ! submit researcher1 -H -t1 --wrap true >"$BATS_TEST_TMPDIR/job"; }
  eventually "$PATIENCE" refuses
  run --separate-stderr as researcher1 sbatch -t1 --wrap true
  assert_failure
  assert_regex "$stderr" "sbatch: error: sluice: the accounting service of this cluster doesn't answer, and no job is taken without it; "
  as researcher1 scancel --quiet --user=researcher1
}

# killed_at POINT JOB: sluiced dies there when it reads of the job's end, and again lives.
killed_at() {
  "$TESTBED" stop sluiced cqctl
  as researcher1 scancel "$2"
  eventually "$PATIENCE" has_ended "$2"
  "$TESTBED" start sluiced --env "SLUICE_KILL_AT=$1" cqctl >/dev/null 2>&1 || true
  is_dead() { ! "$TESTBED" pid sluiced cqctl >/dev/null 2>&1; }
  eventually "$PATIENCE" is_dead
  "$TESTBED" start sluiced cqctl
  charged_once "$2"
  is_tagged() { tag_of "$1" | jq -e .sluice.charge >/dev/null; }
  eventually "$PATIENCE" is_tagged "$2"
  assert_equal "$(tag_of "$2" | jq -r .sluice.charge)" "$(charge_of "$2" | jq -r .charge)"
  assert_ledger_holds
}

@test "killed at any point of a charge: charged exactly once" {
  "$TESTBED" exec cqctl grep -q SLUICE_KILL_AT "$("$TESTBED" status --json | jq -r .build)/bin/sluiced" ||
    skip 'this build has no fault points'
  local point jobs=() points=(settle.before_append settle.after_append settle.after_sync collect.before_mark tag.before_done)
  for point in "${points[@]}"; do jobs+=("$(submit researcher1 -t5 -J "$point" --voucher="$VOUCHER" --wrap 'sleep 900')"); done
  for job in "${jobs[@]}"; do eventually "$PATIENCE" has_run_for "$job" 1; done
  lien=$(part "$(price cq/super 1 500 0 300)" 600000)
  assert_equal "$(voucher "$VOUCHER" .liens)" "$(yuan $((5 * lien)))"
  for i in "${!points[@]}"; do
    killed_at "${points[i]}" "${jobs[i]}"
    assert_equal "$(voucher "$VOUCHER" .liens)" "$(yuan $(((4 - i) * lien)))"
  done
}

@test "killed while a job is queued: its lien is there again" {
  job=$(submit researcher1 -H -t5 --voucher="$VOUCHER" --wrap 'sleep 1')
  held=$(voucher "$VOUCHER" .liens)
  assert [ "$held" != 0.000000 ]
  "$TESTBED" signal KILL sluiced cqctl
  "$TESTBED" start sluiced cqctl
  assert_equal "$(voucher "$VOUCHER" .liens)" "$held"
  as researcher1 scancel "$job"
  is_free() { [[ $(voucher "$VOUCHER" .liens) == 0.000000 ]]; }
  eventually "$PATIENCE" is_free
  assert_ledger_holds
}

@test "a bad configuration changes nothing: the old one stays, or the last good one" {
  { configuration_of sluice.yaml && echo 'no_such_key: 1'; } | write sluice.yaml
  eventually "$PATIENCE" reload_says '^warn: reload refused: .*no_such_key'
  mode_is enforce
  takes_jobs
  run --separate-stderr "$TESTBED" restart sluiced cqctl
  assert_success
  eventually "$PATIENCE" takes_jobs
  check_says configuration '^warn: the last good one is used: .*sluice.yaml:[0-9]+:[0-9]+'
  mode_is enforce
  configuration_of sluice.yaml | write sluice.yaml
  "$TESTBED" signal HUP sluiced cqctl
  eventually "$PATIENCE" check_says configuration '^ok'
}

@test "a bad price book changes nothing either" {
  book=$(book_in_force)
  echo 'price_book: [' | write prices.yaml
  eventually "$PATIENCE" reload_says '^warn: reload refused: .*prices.yaml'
  takes_jobs
  configuration_of prices.yaml | write prices.yaml
  "$TESTBED" signal HUP sluiced cqctl
  eventually "$PATIENCE" check_says configuration '^ok'
  assert_equal "$(book_in_force)" "$book"
}

@test "SIGTERM ends it by itself, also under load" {
  for _ in 1 2 3 4 5 6; do submit researcher1 -H -t1 --wrap true >>"$BATS_TEST_TMPDIR/jobs" 3>&- & done
  run "$TESTBED" stop sluiced cqctl
  assert_success
  refute_output --partial 'killed'
  wait
  as researcher1 scancel --quiet --user=researcher1
}

@test "slurmdbd away: doctor says so, jobs go on, and are charged when it is back" {
  # Longer than slurmctld takes to tell slurmdbd of a start.
  job=$(submit researcher1 -t1 --voucher="$VOUCHER" --wrap 'sleep 8')
  eventually "$PATIENCE" has_run_for "$job" 6
  "$TESTBED" stop slurmdbd
  eventually "$PATIENCE" check_says collect '^fail: .*worked last at'
  run sluice_as auditor1 doctor
  assert_failure 1
  run as researcher1 sbatch --test-only -t1 -p super --voucher="$VOUCHER" --wrap true
  assert_output --partial "voucher $VOUCHER pays up to"
  "$TESTBED" start slurmdbd
  charged_once "$job"
  eventually "$PATIENCE" check_says collect '^ok'
}

@test "Slurm refused the job after its lien was placed: the lien comes back" {
  assert_equal "$(cat "$BATS_FILE_TMPDIR/lien")" "$(yuan "$(part "$(price cq/super 1 500 0 600)" 600000)")"
  is_back() { [[ $(voucher "FL-$RUN" '[.available, .liens] | join(" ")') == '10.000000 0.000000' ]]; }
  eventually "$PATIENCE" is_back
}

@test "warn: everything is let in, told what would be refused, and nothing is posted" {
  use_mode warn
  SAID=$BATS_TEST_TMPDIR/said
  before=$(transfers)
  job=$(submit researcher1 -t1 --voucher="none-$RUN" --wrap 'sleep 1')
  assert_regex "$(cat "$SAID")" "sluice: would be refused once in force: there is no voucher none-$RUN"
  paid=$(submit researcher1 -t1 --voucher="$VOUCHER" --wrap 'sleep 1')
  assert_regex "$(cat "$SAID")" "sluice: up to .* voucher $VOUCHER pays"
  assert_equal "$(voucher "$VOUCHER" .liens)" 0.000000
  eventually "$PATIENCE" is_recorded "$job"
  eventually "$PATIENCE" is_recorded "$paid"
  assert_equal "$(transfers)" "$before"
  assert_equal "$(charge_of "$paid")" ''
}
is_recorded() { explain "$1" 2>/dev/null | jq -e '.reasons[] | select(endswith("recorded, nothing was posted"))' >/dev/null; }

@test "observe: nobody notices, and nothing is posted" {
  use_mode observe
  SAID=$BATS_TEST_TMPDIR/said
  before=$(transfers)
  job=$(submit researcher1 -t1 --voucher="none-$RUN" --wrap 'sleep 1')
  assert_equal "$(cat "$SAID")" ''
  paid=$(submit researcher1 -t1 --voucher="$VOUCHER" --wrap 'sleep 1')
  assert_equal "$(cat "$SAID")" ''
  eventually "$PATIENCE" is_recorded "$job"
  eventually "$PATIENCE" is_recorded "$paid"
  assert_equal "$(transfers)" "$before"
  assert_equal "$(charge_of "$paid")" ''
}

@test "nothing is held any more, and the ledger holds" {
  is_free() { [[ $(voucher "$VOUCHER" .liens) == 0.000000 ]]; }
  eventually "$PATIENCE" is_free
  assert_ledger_holds
}
