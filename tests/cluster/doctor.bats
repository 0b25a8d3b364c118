#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal: `sluice doctor` exits 0 where all is well, and names what is broken; a new version is
# judged before it is in force; Prometheus reads what happened; and Sluice comes into a cluster that
# runs, is upgraded there and leaves it without a job being lost. Method: break one thing at a
# time on real Slurm, and do what README says of adoption. Leaves the testbed up and whole.
#
# shellcheck disable=SC2016  # much is expanded on the hosts
# shellcheck disable=SC2154,SC2317  # variables that bats sets; conditions are called by `eventually`

load helpers

setup_file() {
  load helpers
  cluster_up
  on_controller sh -c 'cp -a /etc/slurm/slurm.conf /tmp/slurm.conf.whole'
  "$TESTBED" exec db sh -c 'cp -a /etc/slurm/slurmdbd.conf /tmp/slurmdbd.conf.whole'
}

setup() { load_libraries; }

# What a test may have changed beside what make_whole puts right.
teardown() {
  as researcher1 scancel --quiet --user=researcher1
  if ! on_controller cmp -s /tmp/slurm.conf.whole /etc/slurm/slurm.conf; then
    on_controller cp /tmp/slurm.conf.whole /etc/slurm/slurm.conf
    restart_slurmctld
  fi
  if ! "$TESTBED" exec db cmp -s /tmp/slurmdbd.conf.whole /etc/slurm/slurmdbd.conf; then
    "$TESTBED" exec db cp /tmp/slurmdbd.conf.whole /etc/slurm/slurmdbd.conf
    "$TESTBED" restart slurmdbd
  fi
  # A reload would be refused: a listener is made at a start only.
  if on_controller grep -q metrics_listen /etc/sluice/sluice.yaml; then
    configuration_of sluice.yaml | write sluice.yaml
    "$TESTBED" restart sluiced cqctl
  fi
  make_whole
}

# Both, as 22.05's federation may not find together again where only one is restarted.
restart_slurmctld() {
  "$TESTBED" restart slurmctld cqctl hamictl
  eventually "$PATIENCE" is_synced
}

# edit FILE SCRIPT [HOST]: with sed, in place; a file that is mounted can't be renamed over.
edit() {
  "$TESTBED" exec "${3:-cqctl}" sh -c 'sed -E "$2" "$1" >/tmp/edited && cat /tmp/edited >"$1"' sh "$1" "$2"
}

edit_slurm_conf() {
  edit /etc/slurm/slurm.conf "$1"
  restart_slurmctld
}

# doctor_exits STATUS: as root on the controller, as a monitoring would run it.
doctor_exits() {
  run --separate-stderr on_controller sluice doctor
  echo "$output" >&2
  [[ $status -eq $1 ]]
}

log_lines() { on_controller grep -c "$1" /var/log/sluiced.out || true; }

# metric NAME_AND_LABELS: its value.
metric() {
  on_controller bash -c 'exec 3<>/dev/tcp/127.0.0.1/6712; printf "GET /metrics HTTP/1.0\r\n\r\n" >&3; cat <&3' |
    awk -v name="$1" '$1 == name { print $2 }'
}

@test "all is well: one page, exit 0" {
  submit researcher1 -t1 --wrap true
  eventually "$PATIENCE" check_says JobSubmitPlugins '^ok: slurmctld .* has loaded sluice$'
  eventually "$PATIENCE" check_says job_submit_sluice.so "^ok: .* for Slurm .*, loaded 20"
  eventually "$PATIENCE" check_says diagnosis '^ok'
  doctor_exits 0
  assert_equal "$(grep -c '^fail' <<<"$output")" 0
  for name in 'control socket' 'public socket' breaker policy plugin.conf accounting 'slurmdbd queue' clock PurgeJobAfter \
    PrivateData StateSaveLocation disk 'disk forecast' collect sweep; do
    assert_regex "$output" "(ok|warn) +service +$name "
  done
  run sluice_as auditor1 doctor --json
  assert_equal "$(jq -c '[.ok, .service.ok]' <<<"$output")" '[true,true]'
}

@test "nobody answers: exit 3" {
  "$TESTBED" stop sluiced cqctl
  doctor_exits 3
}

@test "broken: the control socket is gone" {
  on_controller rm /run/sluice/control.sock
  doctor_exits 1
  assert_regex "$output" 'fail +service +control socket +/run/sluice/control.sock: No such file or directory; restart sluiced'
  "$TESTBED" restart sluiced cqctl
  eventually "$PATIENCE" check_says 'control socket' '^ok'
}

@test "broken: the plugin asks elsewhere, and its breaker is open" {
  { configuration_of plugin.conf && echo 'socket = /run/sluice/other.sock'; } | write plugin.conf
  check_says plugin.conf "^fail: socket is /run/sluice/other.sock, and sluiced's control_socket /run/sluice/control.sock"
  # The plugin notices its settings within seconds, and doctor the jobs that it lets in alone.
  is_open() {
    submit researcher1 -H -t1 --wrap true
    check_says breaker '^fail: open: a job was submitted .* without an answer'
  }
  eventually "$PATIENCE" is_open
  doctor_exits 1
  configuration_of plugin.conf | write plugin.conf
  is_closed() {
    submit researcher1 -H -t1 --wrap true
    check_says breaker '^warn: closed: .*; [0-9]+ calls had no answer since slurmctld loaded the plugin'
  }
  eventually "$PATIENCE" is_closed
}

@test "broken: a feature that isn't this site's" {
  configuration_of plugin.conf | sed 's/^local_feature.*/local_feature = hami/' | write plugin.conf
  check_says plugin.conf '^fail: local_feature is hami, and the feature of this cluster.s site in sluice.yaml chongqing;'
  doctor_exits 1
}

@test "broken: slurmdbd is away" {
  "$TESTBED" stop slurmdbd
  eventually "$PATIENCE" check_says collect '^fail: .*worked last at'
  eventually "$PATIENCE" check_says 'slurmdbd queue' '^fail: [0-9]+ messages of slurmctld wait for slurmdbd: '
  doctor_exits 1
  "$TESTBED" start slurmdbd
  eventually "$PATIENCE" check_says 'slurmdbd queue' '^ok'
}

@test "broken: slurmdbd forgets records before they are read again" {
  "$TESTBED" exec db sh -c 'echo PurgeJobAfter=30days >>/etc/slurm/slurmdbd.conf'
  "$TESTBED" restart slurmdbd
  eventually "$PATIENCE" check_says PurgeJobAfter '^warn: slurmdbd forgets records after 30 days'
}

@test "broken: slurmctld runs without the plugin, or with another behind it" {
  edit_slurm_conf 's/^JobSubmitPlugins=.*/JobSubmitPlugins=sluice,require_timelimit/'
  eventually "$PATIENCE" check_says JobSubmitPlugins '^warn: sluice,require_timelimit: what comes after sluice'
  edit_slurm_conf '/^JobSubmitPlugins=/d'
  eventually "$PATIENCE" check_says JobSubmitPlugins '^fail: slurmctld runs none, so no job is quoted'
  doctor_exits 1
}

@test "broken: what isn't recorded isn't charged" {
  edit_slurm_conf '/^AccountingStorageTRES=/d'
  eventually "$PATIENCE" check_says accounting '^fail: AccountingStorageTRES lacks gres/gpu,'
  doctor_exits 1
}

@test "Prometheus: what was answered, refused and went without an answer" {
  { configuration_of sluice.yaml && echo 'metrics_listen: 127.0.0.1:6712'; } | write sluice.yaml
  "$TESTBED" restart sluiced cqctl
  eventually "$PATIENCE" takes_jobs
  assert_equal "$(metric 'sluice_admissions_answered_total{kind="submit",action="admit"}')" ''
  refused=$(log_lines 'refused uid')
  submit researcher1 -H -t1 --wrap true
  submit researcher1 -H -t1 --wrap true
  run as researcher1 sbatch -t1 --voucher="none-$RUN" --wrap true
  assert_failure
  assert_equal "$(metric 'sluice_admissions_answered_total{kind="submit",action="admit"}')" 2
  assert_equal "$(metric 'sluice_admissions_answered_total{kind="submit",action="refuse"}')" 1
  assert_equal "$(metric 'sluice_refusals_total{code="voucher_unknown",mode="enforce"}')" 1
  assert_equal "$(metric sluice_slurmdbd_up)" 1
  assert_equal "$(metric 'sluice_doing_ok{doing="collect"}')" 1
  # A line for the one that was refused, and none for those that were not.
  assert_equal "$(log_lines 'refused uid')" "$((refused + 1))"
  as researcher1 scancel --quiet --user=researcher1
}

# staged NAME: an installation of this build, below /tmp on the controller.
staged() {
  on_controller env DESTDIR="/tmp/$1" cmake --install "$("$TESTBED" status --json | jq -r .build)" >/dev/null
}

@test "before an upgrade: what would go wrong is named, and nothing is touched" {
  staged new
  run on_controller sluice doctor --preflight /tmp/new
  assert_success
  for name in sluiced configuration 'price book' ledger disk sluice-slurmdb slurmctld job_submit_sluice.so spank_sluice.so; do
    assert_regex "$output" "ok +new +$name "
  done
  assert_regex "$output" 'job_submit_sluice.so +loads, with every symbol; built for Slurm'
  on_controller sh -c 'plugin=$(find /tmp/new -name job_submit_sluice.so) && head -c 4096 "$plugin" >/tmp/torn && cat /tmp/torn >"$plugin"'
  { configuration_of sluice.yaml && echo 'no_such_key: 1'; } | on_controller sh -c 'cat >/etc/sluice/next.yaml'
  run on_controller sluice doctor --preflight /tmp/new --config /etc/sluice/next.yaml
  assert_failure 1
  assert_regex "$output" "fail +new +job_submit_sluice.so +.*can't be opened"
  assert_regex "$output" 'fail +new +configuration +.*no_such_key'
  on_controller rm -r /tmp/new /etc/sluice/next.yaml
  takes_jobs
}

@test "adopted in observe, upgraded by rename while slurmctld runs, and removed: jobs stay" {
  configuration_of sluice.yaml | sed 's/^mode:.*/mode: observe/' | write sluice.yaml
  "$TESTBED" signal HUP sluiced cqctl
  eventually "$PATIENCE" mode_is observe
  staged in-force
  plugins=$(on_controller sh -c 'dirname "$(find /tmp/in-force -name job_submit_sluice.so)"')
  # The others of the site have the same slurm.conf, and refuse a folder that isn't there.
  for host in login super1 super2 ai1 ai2; do "$TESTBED" exec "$host" mkdir -p "$plugins"; done
  edit_slurm_conf "s|^(PluginDir=[^:]*):.*|\\1:$plugins|"
  waiting=$(submit researcher1 -H -t1 --wrap true)
  assert_equal "$(comment_of "$waiting" | jq -r '.sluice | has("id")')" true
  told() { check_of job_submit_sluice.so; }
  eventually "$PATIENCE" check_says job_submit_sluice.so '^ok: .*loaded 20'
  before=$(told)

  # By rename: slurmctld goes on with the file that it has opened.
  on_controller sh -c 'cp "$1/job_submit_sluice.so" "$1/.new" && mv "$1/.new" "$1/job_submit_sluice.so"' sh "$plugins"
  pid=$("$TESTBED" pid slurmctld cqctl)
  submit researcher1 -H -t1 --wrap true
  assert_equal "$("$TESTBED" pid slurmctld cqctl)" "$pid"
  assert_equal "$(told)" "$before"
  restart_slurmctld
  has_new() { submit researcher1 -H -t1 --wrap true && check_says job_submit_sluice.so '^ok: .*loaded 20' && [[ $(told) != "$before" ]]; }
  eventually "$PATIENCE" has_new

  # Removal: first out of slurm.conf, then the service, then the files.
  edit_slurm_conf '/^JobSubmitPlugins=/d; s|^(PluginDir=[^:]*):.*|\1|'
  "$TESTBED" stop sluiced
  on_controller rm -r /tmp/in-force
  tagged=$(comment_of "$waiting")
  assert_equal "$(jq -r '.sluice | has("id")' <<<"$tagged")" true
  plain=$(submit researcher1 -H -t1 --wrap true)
  assert_equal "$(comment_of "$plain")" ''
}
