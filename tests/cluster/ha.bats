#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal: whatever a highly available controller goes through, and whoever it leans on is
# away, submissions go on, an outage is found once for all of them, and each job is
# charged exactly once, by the voucher that was asked for. Method: bursts at a frozen
# service, slurmctld restarted, killed, reconfigured and failed over, slurmdbd, MariaDB
# and MUNGE away; then look at Slurm's records, the plugin's own count and the books.
# Leaves the testbed up and whole, with a backup controller.
#
# shellcheck disable=SC2016  # much is expanded on the hosts
# shellcheck disable=SC2154,SC2317  # variables that bats sets; conditions are called by `eventually`

load helpers

setup_file() {
  load helpers
  cluster_up --backup
  export VOUCHER=HM-$RUN
  make_programme "ha-$RUN"
  propose_voucher "ha-$RUN" "$VOUCHER" 1000
  approve_all
}

setup() { load_libraries; }

teardown() {
  "$TESTBED" signal CONT slurmdbd db 2>/dev/null || true
  for daemon in munged mariadb slurmctld; do "$TESTBED" start "$daemon"; done
  make_whole
  as researcher1 scancel --quiet --user=researcher1
}

log_of() { "$TESTBED" exec "${1:-cqctl}" cat /var/log/slurm/slurmctld.log; } # log_of [HOST]
outages() { log_of "$@" | grep -c "sluice: .*couldn't reach the service" || true; }

# Whether sluiced's answer reached the job, or the plugin's pointer stands there instead.
is_quoted() { comment_of "$1" | jq -e '.sluice | has("id") and (has("unpriced") | not)' >/dev/null; }
points_at_voucher() { comment_of "$1" | jq -e --arg voucher "$VOUCHER" '.sluice | .unpriced and .options.voucher == $voucher' >/dev/null; }

# submit_at_once COUNT OPTION...: as researcher1, by as many processes; prints the ids.
submit_at_once() {
  as researcher1 bash -c 'count=$1; shift
    for ((i = 0; i < count; ++i)); do sbatch --parsable -o /dev/null "$@" & done; wait' sh "$@" | sed 's/;.*//'
}

# Until both sites know each other again, a job that is pinned to its site is revoked.
slurmctld_is_back() {
  if ! eventually 30 is_synced 2>/dev/null; then
    # Slurm 22.05: a sibling may hold a controller that came back for one without address, or ask the
    # backup for ever, and neither runs a job meanwhile. Both have to begin anew together.
    "$TESTBED" stop slurmctld cqctl hamictl
    "$TESTBED" start slurmctld cqctl hamictl
    eventually "$PATIENCE" is_synced
  fi
  eventually "$PATIENCE" takes_jobs
}

is_free() { [[ $(voucher "$VOUCHER" .liens) == 0.000000 ]]; }

is_in_charge() { as auditor1 scontrol ping | grep -q "($1) at .* is UP" && as auditor1 squeue -h; } # is_in_charge primary|backup

@test "sluiced frozen, 20 submitters at once: one outage, and all who went on without it are counted" {
  before=$(outages)
  "$TESTBED" signal STOP sluiced cqctl
  mapfile -t jobs < <(submit_at_once 20 -t1 --voucher="$VOUCHER" --wrap 'sleep 1')
  assert_equal "${#jobs[@]}" 20
  for job in "${jobs[@]}"; do assert points_at_voucher "$job"; done
  assert_equal "$(outages)" "$((before + 1))"
  "$TESTBED" signal CONT sluiced cqctl
  is_answered() {
    jobs+=("$(submit researcher1 -t1 --voucher="$VOUCHER" --wrap 'sleep 1')")
    is_quoted "${jobs[-1]}"
  }
  eventually "$PATIENCE" is_answered
  without=$((${#jobs[@]} - 1))
  run bash -c 'grep "sluice: .* answers again" | tail -n 1' < <(log_of)
  assert_output --regexp "answers again after [0-9]+ ms; submissions that went on without it: $without\$"
  assert_equal "$(outages)" "$((before + 1))"
  charged_once "${jobs[@]}"
  eventually "$PATIENCE" is_free
  assert_ledger_holds
}

@test "in an outage nobody waits: it isn't even tried until the back-off is over; a slurmctld that starts anew tries at once" {
  # What waits to be accepted, also of who has gone again: a frozen sluiced accepts nothing.
  tries() { on_controller ss -xlH src /run/sluice/control.sock | awk '{ print $3 }'; }
  { configuration_of plugin.conf | grep -v backoff && printf 'backoff_seconds_min = 3600\nbackoff_seconds_max = 3600\n'; } | write plugin.conf
  "$TESTBED" restart slurmctld cqctl
  slurmctld_is_back
  before=$(outages)
  "$TESTBED" signal STOP sluiced cqctl
  mapfile -t jobs < <(submit_at_once 20 -t1 --voucher="$VOUCHER" --wrap 'sleep 1')
  tried=$(tries)
  mapfile -t -O 20 jobs < <(submit_at_once 20 -t1 --voucher="$VOUCHER" --wrap 'sleep 1')
  assert_equal "${#jobs[@]}" 40
  assert_equal "$(tries)" "$tried"
  for job in "${jobs[@]}"; do assert points_at_voucher "$job"; done
  assert_equal "$(outages)" "$((before + 1))"
  "$TESTBED" signal CONT sluiced cqctl
  "$TESTBED" restart slurmctld cqctl
  slurmctld_is_back
  jobs+=("$(submit researcher1 -t1 --voucher="$VOUCHER" --wrap 'sleep 1')")
  assert is_quoted "${jobs[-1]}"
  charged_once "${jobs[@]}"
}

@test "slurmctld restarted: jobs that run, wait and come are charged once" {
  jobs=("$(submit researcher1 -t1 --voucher="$VOUCHER" --wrap 'sleep 8')")
  jobs+=("$(submit researcher1 -t1 --begin=now+10 --voucher="$VOUCHER" --wrap 'sleep 1')")
  eventually "$PATIENCE" is_running "${jobs[0]}"
  held=$(voucher "$VOUCHER" .liens)
  "$TESTBED" restart slurmctld cqctl
  assert_equal "$(voucher "$VOUCHER" .liens)" "$held"
  slurmctld_is_back
  jobs+=("$(submit researcher1 -t1 --voucher="$VOUCHER" --wrap 'sleep 1')")
  for job in "${jobs[@]}"; do assert is_quoted "$job"; done
  charged_once "${jobs[@]}"
  eventually "$PATIENCE" is_free
}

@test "slurmctld killed before it has stored a job: the lien comes back, and the next job is charged once" {
  lost=$(submit researcher1 -H -t10 --voucher="$VOUCHER" --wrap true)
  "$TESTBED" signal KILL slurmctld cqctl
  "$TESTBED" start slurmctld cqctl
  slurmctld_is_back
  # Where it was stored in time after all, it is a job as any other.
  as researcher1 scancel --quiet "$lost" || true
  job=$(submit researcher1 -t1 --voucher="$VOUCHER" --wrap 'sleep 1')
  charged_once "$job"
  eventually "$PATIENCE" is_free
  assert_ledger_holds
}

@test "scontrol reconfigure in the middle of submissions: each is quoted and charged once" {
  # While slurmctld 22.05 reads its file, its timeouts are zero: it drops connections in either
  # direction. So whoever is turned away that way tries again, as people do, and jobs start afterwards.
  submit_again() {
    as researcher1 bash -c 'count=$1; shift
      persist() {
        local said=said.$BASHPID try
        for try in {1..20}; do
          sbatch --parsable -J reconfigured -H -o /dev/null "$@" 2>"$said" && break
          grep -qiE "socket|contact" "$said" || break
        done
        cat "$said" >&2
        rm -f "$said"
      }
      for ((i = 0; i < count; ++i)); do persist "$@" & done; wait' sh "$@" | sed 's/;.*//'
  }
  submit_again 10 -t1 --voucher="$VOUCHER" --wrap 'sleep 1' >"$BATS_TEST_TMPDIR/jobs" 3>&- &
  for _ in 1 2 3; do on_controller scontrol reconfigure; done
  wait "$!"
  mapfile -t jobs <"$BATS_TEST_TMPDIR/jobs"
  assert_equal "${#jobs[@]}" 10
  for job in "${jobs[@]}"; do
    assert is_quoted "$job"
    on_controller scontrol release "$job"
  done
  charged_once "${jobs[@]}"
  # Let in, but the connection was gone before the user knew.
  on_controller scancel --quiet --name=reconfigured
  eventually "$PATIENCE" is_free
  assert_ledger_holds
}

@test "failed over to the backup controller: the policy applies there, and every job is charged once" {
  jobs=("$(submit researcher1 -t1 --voucher="$VOUCHER" --wrap 'sleep 12')")
  eventually "$PATIENCE" has_run_for "${jobs[0]}" 6
  "$TESTBED" signal KILL slurmctld cqctl
  "$TESTBED" exec cqctl2 scontrol takeover
  eventually "$PATIENCE" is_in_charge backup
  # The ledger's host has lost its slurmctld only: what the backup lets in is charged meanwhile.
  jobs+=("$(submit researcher1 -t1 --voucher="$VOUCHER" --wrap 'sleep 1')")
  assert points_at_voucher "${jobs[1]}"
  assert_equal "$(outages cqctl2)" 1
  charged_once "${jobs[@]}"
  # Now all of that host is gone.
  "$TESTBED" signal KILL sluiced cqctl
  jobs+=("$(submit researcher1 -t1 --voucher="$VOUCHER" --wrap 'sleep 1')")
  eventually "$PATIENCE" has_ended "${jobs[2]}"
  "$TESTBED" start sluiced cqctl
  "$TESTBED" start slurmctld cqctl
  eventually "$PATIENCE" is_in_charge primary
  slurmctld_is_back
  jobs+=("$(submit researcher1 -t1 --voucher="$VOUCHER" --wrap 'sleep 1')")
  assert is_quoted "${jobs[3]}"
  charged_once "${jobs[@]}"
  eventually "$PATIENCE" is_free
  assert_ledger_holds
}

@test "slurmdbd frozen: doctor says so, jobs are priced and held, and charged when it goes on" {
  { configuration_of sluice.yaml | sed 's/^collector: {/&timeout_seconds: 3, /'; } | write sluice.yaml
  "$TESTBED" restart sluiced cqctl
  eventually "$PATIENCE" takes_jobs
  jobs=("$(submit researcher1 -t1 --voucher="$VOUCHER" --wrap 'sleep 8')")
  eventually "$PATIENCE" has_run_for "${jobs[0]}" 6
  "$TESTBED" signal STOP slurmdbd db
  eventually "$PATIENCE" check_says collect '^fail: .*worked last at'
  jobs+=("$(submit researcher1 -t1 --voucher="$VOUCHER" --wrap 'sleep 1')")
  assert is_quoted "${jobs[1]}"
  "$TESTBED" signal CONT slurmdbd db
  charged_once "${jobs[@]}"
  eventually "$PATIENCE" check_says collect '^ok'
}

@test "MariaDB away: doctor says so, jobs go on, and are charged when it is back" {
  jobs=("$(submit researcher1 -t1 --voucher="$VOUCHER" --wrap 'sleep 8')")
  eventually "$PATIENCE" has_run_for "${jobs[0]}" 6
  "$TESTBED" stop mariadb
  eventually "$PATIENCE" check_says collect '^fail: .*worked last at'
  jobs+=("$(submit researcher1 -t1 --voucher="$VOUCHER" --wrap 'sleep 1')")
  assert is_quoted "${jobs[1]}"
  "$TESTBED" start mariadb
  # It may have given up over it, as its unit would notice.
  "$TESTBED" start slurmdbd
  charged_once "${jobs[@]}"
  eventually "$PATIENCE" check_says collect '^ok'
}

@test "MUNGE away: slurmctld is still answered, people are told why they aren't, and jobs are charged later" {
  job=$(submit researcher1 -t1 --voucher="$VOUCHER" --wrap "sleep 5; touch ended-$RUN")
  eventually "$PATIENCE" is_running "$job"
  "$TESTBED" stop munged cqctl
  ask='{"v":1,"kind":"test","options":{},"job":{"user_id":6001,"group_id":6001,"submit_uid":6001,"min_cpus":1,"time_limit":1,"partition":"super","interactive":false}}'
  run on_controller sh -c 'printf %s "$1" | socat -t 5 - UNIX-CONNECT:/run/sluice/control.sock,type=5' - "$ask"
  assert_line --index 0 200
  assert_equal "$(jq -r .action <<<"${lines[1]}")" admit
  run on_controller sh -c 'printf "GET /v1/doctor HTTP/1.1\r\nHost: cqctl\r\nAuthorization: MUNGE x\r\nConnection: close\r\n\r\n" | socat -t 5 - TCP:cqctl:6711'
  assert_line --partial '503 Service Unavailable'
  assert_output --partial "munged on the service's host doesn't answer"
  run --separate-stderr sluice_as auditor1 doctor
  assert_failure
  assert_regex "$stderr$output" 'munge'
  # It ends while nobody can be told so.
  eventually "$PATIENCE" as researcher1 test -e "ended-$RUN"
  "$TESTBED" start munged cqctl
  charged_once "$job"
}

@test "nothing is held any more, and the ledger holds" {
  eventually "$PATIENCE" is_free
  assert_ledger_holds
}
