#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal: `testbed down` ends and removes everything, whatever happened before, and
# `up` works after an `up` that was cut off.
# Method: a second testbed in a directory of its own, so that one that other tests
# use stays as it is; break it in every way, then look for what is left of it.

setup_file() {
  export TESTBED=$BATS_TEST_DIRNAME/../../scripts/testbed
  export SLUICE_TESTBED_DIR=/var/tmp/sluice-testbed-bats.$$
}

setup() {
  bats_load_library bats-support
  bats_load_library bats-assert
}

teardown() {
  "$TESTBED" down >/dev/null
}

up() { "$TESTBED" up --plain; }

# Namespaces of one kind that processes of the testbed are in.
namespaces() {
  local record pid
  for record in "$SLUICE_TESTBED_DIR"/state/hosts/*; do
    { read -r pid _ <"$record"; } 2>/dev/null || continue
    readlink "/proc/$pid/ns/$1"
  done
}

processes_in() { # processes_in KIND: reads namespaces, prints processes that are in them
  local wanted
  wanted=$(cat)
  [[ -n $wanted ]] || return 0
  readlink /proc/[0-9]*/ns/"$1" 2>/dev/null | grep -xF "$wanted" || true
}

assert_nothing_left() {
  assert [ ! -e "$SLUICE_TESTBED_DIR" ]
  assert_equal "$(grep -c "$SLUICE_TESTBED_DIR" /proc/self/mountinfo)" 0
  assert_equal "$(grep -lszxF "SLUICE_TESTBED_OF=$SLUICE_TESTBED_DIR" /proc/[0-9]*/environ)" ""
  assert_equal "$(grep -ls "$SLUICE_TESTBED_DIR" /proc/[0-9]*/mountinfo)" ""
  assert_equal "$(ip netns list)" "$NETNS_BEFORE"
  assert_equal "$(ip -o link | cut -d: -f2)" "$LINKS_BEFORE"
}

remember_machine() {
  NETNS_BEFORE=$(ip netns list)
  LINKS_BEFORE=$(ip -o link | cut -d: -f2)
}

# eventually SECONDS COMMAND...: polls; a busy machine is slow, not wrong.
eventually() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    if [[ $SECONDS -gt $deadline ]]; then return 1; fi
    sleep 0.05
  done
}

@test "down leaves no process, namespace, mount, link or file, jobs included" {
  remember_machine
  up
  # A daemon that left its job is the hardest to find.
  "$TESTBED" exec -u researcher1 login sbatch -p super -o /dev/null --wrap 'setsid -f sleep 8642; sleep 8643'
  escaped() { "$TESTBED" exec super1 pgrep -f '^sleep 8642' || "$TESTBED" exec super2 pgrep -f '^sleep 8642'; }
  eventually 60 escaped
  nets=$(namespaces net)
  assert [ "$(wc -l <<<"$nets")" -eq 11 ]
  run "$TESTBED" down
  assert_success
  assert_nothing_left
  assert_equal "$(processes_in net <<<"$nets")" ""
  run pgrep -f '^sleep 864[23]'
  assert_failure
}

@test "down twice is as good as once" {
  remember_machine
  run "$TESTBED" down
  assert_success
  run "$TESTBED" down
  assert_success
  assert_nothing_left
  run "$TESTBED" status
  assert_failure 3
  run "$TESTBED" exec login true
  assert_failure 3
  assert_output --partial "isn't up"
}

@test "down keeps the logs if asked to, and the next down removes them" {
  up
  run "$TESTBED" down --keep-logs
  assert_success
  assert [ -s "$SLUICE_TESTBED_DIR/log/cqctl/slurm/slurmctld.log" ]
  assert_equal "$(ls "$SLUICE_TESTBED_DIR")" log
  run "$TESTBED" down
  assert_success
  assert [ ! -e "$SLUICE_TESTBED_DIR" ]
}

@test "down after daemons and a whole host were killed" {
  remember_machine
  up
  "$TESTBED" signal KILL slurmctld cqctl
  "$TESTBED" signal KILL mariadb db
  "$TESTBED" signal STOP slurmd npu1
  read -r pid _ <"$SLUICE_TESTBED_DIR/state/hosts/super1"
  kill -KILL "$pid"
  run "$TESTBED" status
  assert_failure 3
  run "$TESTBED" down
  assert_success
  assert_nothing_left
}

@test "down finds all processes though their records are lost" {
  remember_machine
  up
  nets=$(namespaces net)
  rm -rf "$SLUICE_TESTBED_DIR"
  run "$TESTBED" down
  assert_success
  assert_nothing_left
  assert_equal "$(processes_in net <<<"$nets")" ""
}

@test "up notices what has died and builds the testbed anew" {
  up
  "$TESTBED" signal KILL slurmdbd db
  run "$TESTBED" up
  assert_success
  assert_output --partial "half up: slurmdbd@db doesn't run"
  run "$TESTBED" status
  assert_success
}

@test "up works after an up that was killed midway" {
  for marker in state/hosts/cqctl state/daemons/mariadb@db state/daemons/slurmctld@cqctl; do
    "$TESTBED" up --plain >/dev/null 2>&1 3>&- &
    pid=$!
    eventually 60 test -e "$SLUICE_TESTBED_DIR/$marker"
    kill -KILL "$pid"
    wait "$pid" || true
  done
  run "$TESTBED" up --plain
  assert_success
  assert_output --partial 'half up'
  run "$TESTBED" status
  assert_success
}

@test "down works at once after an up that was killed midway" {
  remember_machine
  "$TESTBED" up --plain >/dev/null 2>&1 3>&- &
  pid=$!
  eventually 60 test -e "$SLUICE_TESTBED_DIR/state/daemons/slurmdbd@db"
  kill -KILL "$pid"
  wait "$pid" || true
  run "$TESTBED" down
  assert_success
  assert_nothing_left
}

@test "an up that is told to end takes down what it had begun" {
  remember_machine
  "$TESTBED" up --plain >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
  pid=$!
  eventually 60 test -e "$SLUICE_TESTBED_DIR/state/daemons/slurmctld@cqctl"
  kill -TERM "$pid"
  wait "$pid" && status=0 || status=$?
  assert_equal "$status" 130
  assert_nothing_left
}

@test "of two ups at once one builds and the other finds it up" {
  "$TESTBED" up --plain >"$BATS_TEST_TMPDIR/one" 2>&1 3>&- &
  one=$!
  "$TESTBED" up >"$BATS_TEST_TMPDIR/two" 2>&1 3>&- &
  two=$!
  wait "$one"
  wait "$two"
  run cat "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
  assert_output --partial 'up in '
  run "$TESTBED" status
  assert_success
}

@test "a failed step says which, shows the log, and leaves it for inspection" {
  remember_machine
  mkdir -p "$BATS_TEST_TMPDIR/build/lib"
  echo 'not a plugin' >"$BATS_TEST_TMPDIR/build/lib/job_submit_sluice.so"
  run "$TESTBED" up --build "$BATS_TEST_TMPDIR/build"
  assert_failure 1
  assert_output --partial "couldn't get through step 'slurmctld, slurmd'"
  assert_output --partial 'job_submit_sluice.so'
  assert_output --partial 'clean up with: scripts/testbed down'
  assert [ -e "$SLUICE_TESTBED_DIR/log/cqctl/slurm/slurmctld.log" ]
  run "$TESTBED" up --build "$BATS_TEST_TMPDIR/build" --clean-on-failure
  assert_failure 1
  assert_nothing_left
}

@test "wrong options are refused before anything is started" {
  for wrong in '--max-jobs many' '--mode loud' '--slurm 1.0' "--build $BATS_TEST_TMPDIR/none" '--fast' '--mode'; do
    # shellcheck disable=SC2086  # several words
    run "$TESTBED" up $wrong
    assert_failure 2
    assert_output --partial 'testbed: up: '
  done
  assert [ ! -e "$SLUICE_TESTBED_DIR" ]
}

@test "a directory with files of others is neither used nor removed" {
  mkdir "$SLUICE_TESTBED_DIR"
  echo precious >"$SLUICE_TESTBED_DIR/thesis"
  run "$TESTBED" up --plain
  assert_failure 1
  assert_output --partial "not the testbed's"
  run "$TESTBED" down
  assert_failure 1
  assert_equal "$(cat "$SLUICE_TESTBED_DIR/thesis")" precious
  rm -r "$SLUICE_TESTBED_DIR"
}
