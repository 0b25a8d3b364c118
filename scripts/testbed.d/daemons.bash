# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154  # variables of layout.bash and testbed
#
# Daemons of the testbed: where each runs, how it is started, and how one sees
# that it answers.

# All daemons as DAEMON@HOST, in the order in which they are started.
daemons() {
  local host
  printf '%s\n' switch-cq@wan switch-hami@wan wirefilter@wan \
    munged@cqctl munged@hamictl mariadb@db slurmdbd@db slurmctld@cqctl slurmctld@hamictl
  for host in "${HOSTS[@]}"; do
    case ${ROLE_OF[$host]} in
      backup) echo "slurmctld@$host" ;;
      compute) echo "slurmd@$host" ;;
    esac
  done
  if has_sluiced; then printf '%s\n' sluiced@cqctl sluiced@hamictl; fi
}

has_sluiced() {
  [[ $PLAIN == no && -x $BUILD/bin/sluiced && -e $DIR/sites/cq/etc/sluice/sluice.yaml ]]
}

# daemon_command DAEMON: sets COMMAND, and LOG as the host sees it.
daemon_command() {
  local prefix
  LOG=/var/log/$1.out
  case $1 in
    switch-*) COMMAND=(vde_switch -s "/run/vde/${1#switch-}" -t "tap-${1#switch-}" -M "/run/vde/$1.mgmt") ;;
    wirefilter) COMMAND=(wirefilter -v /run/vde/cq:/run/vde/hami -M /run/vde/line.mgmt) ;;
    munged) COMMAND=(setpriv --reuid munge --regid munge --clear-groups munged --foreground) ;;
    mariadb)
      machine_prefix
      COMMAND=("${prefix[@]}" mariadbd --defaults-file=/etc/mysql/testbed.cnf)
      ;;
    slurmdbd | slurmctld | slurmd) COMMAND=("$1" -D) ;;
    sluiced)
      # As in its systemd unit. In a container that may not raise limits sluiced gets the right itself.
      # shellcheck disable=SC2016  # expanded in the host
      COMMAND=(nice -n -5 sh -c 'prlimit --pid "$$" --rtprio=1 2>/dev/null || {
            right="--inh-caps +sys_nice --ambient-caps +sys_nice"
            setpriv $right true 2>/dev/null && set -- $right "$@"
          }
          exec setpriv --reuid sluice --regid sluice --init-groups "$@"' sh "$BUILD/bin/sluiced" --config /etc/sluice/sluice.yaml)
      ;;
    *) return 1 ;;
  esac
}

# daemon_answers DAEMON HOST: does it take requests?
daemon_answers() {
  case $1 in
    switch-*) in_host "$2" test -S "/run/vde/${1#switch-}/ctl" ;;
    wirefilter) in_host "$2" test -S /run/vde/line.mgmt ;;
    munged) in_host "$2" munge -n ;;
    mariadb) with_machine "$2" mariadb-admin ping ;;
    slurmdbd) listens "$2" 6819 ;;
    slurmctld) listens "$2" 6817 ;;
    slurmd) listens "$2" 6818 ;;
    # A socket file may be left from a killed service, so only a connection counts; 5 is SOCK_SEQPACKET.
    sluiced) in_host "$2" socat -u OPEN:/dev/null UNIX-CONNECT:/run/sluice/control.sock,type=5 ;;
  esac &>/dev/null
}

# Looked up, not tried: Slurm logs an error for a connection that says nothing.
listens() {
  host_pid "$1" && [[ -n $(nsenter -t "$PID" -n ss -Hltn "sport = :$2") ]]
}

# daemon_pid DAEMON HOST: sets PID if it runs.
daemon_pid() { recorded "$DIR/state/daemons/$1@$2"; }

start_daemon() {
  local daemon=$1 host=$2 log
  daemon_command "$daemon" || { warn "no daemon '$daemon'"; return 2; }
  if [[ -n ${DAEMON_ENV[*]-} ]]; then COMMAND=(env "${DAEMON_ENV[@]}" "${COMMAND[@]}"); fi
  if daemon_pid "$daemon" "$host"; then return 0; fi
  # The record of a daemon that ended must not pass for the new one's.
  rm -f "$DIR/state/daemons/$daemon@$host"
  in_host "$host" setsid --fork "$PARTS/launch" "$daemon@$host" "$LOG" "${COMMAND[@]}" || return
  wait_until 10 test -s "$DIR/state/daemons/$daemon@$host" || true
  if wait_until 60 answers_or_ended "$daemon" "$host" && daemon_pid "$daemon" "$host"; then
    if [[ $daemon == wirefilter ]]; then wan_apply; fi
    return
  fi
  warn "couldn't start $daemon on $host:"
  for log in "$DIR/log/$host/$daemon.out" "$DIR/log/$host/slurm/$daemon.log"; do
    if [[ -s $log ]]; then show_tail "$log"; break; fi
  done
  return 1
}

answers_or_ended() { ! daemon_pid "$1" "$2" || daemon_answers "$1" "$2"; }

stop_daemon() {
  local record=$DIR/state/daemons/$1@$2
  if recorded "$record"; then
    kill -TERM "$PID" 2>/dev/null || true
    # A stopped process (signal STOP) takes the request only when it goes on.
    kill -CONT "$PID" 2>/dev/null || true
    if ! wait_until 20 ended "$record"; then
      warn "$1 on $2 didn't end within 20 s; killed"
      kill -KILL "$PID" 2>/dev/null || true
      wait_until 5 ended "$record" || return 1
    fi
  fi
  rm -f "$record"
}

ended() { ! recorded "$1"; }

signal_daemon() { # SIGNAL DAEMON HOST
  daemon_pid "$2" "$3" || { warn "$2 on $3 doesn't run"; return 3; }
  kill -s "${1#SIG}" "$PID" || return 2
  # Callers start it again next; it must not look alive any more then.
  if [[ ${1#SIG} =~ ^(KILL|9)$ ]]; then wait_until 5 ended "$DIR/state/daemons/$2@$3"; fi
}

# The line between the sites. Its settings survive a restart of the daemon.
wan_read() {
  DELAY=$WAN_DELAY_MS LOSS=$WAN_LOSS_PERCENT RATE=$WAN_RATE_MBIT
  { read -r DELAY LOSS RATE <"$DIR/state/wan"; } 2>/dev/null || true
}

wan_apply() {
  local request answer failed=0
  wan_read
  coproc LINE { in_host "$WAN_HOST" socat - UNIX-CONNECT:/run/vde/line.mgmt 2>&1; }
  # It takes what it reads at once for one command, so each waits for its answer.
  # The line's own unit is byte/s, and 0 is "no limit" there too.
  for request in "delay $DELAY" "loss $LOSS" \
    "bandwidth $(awk -v rate="$RATE" 'BEGIN { printf "%d", rate * 125000 }')"; do
    echo "$request" >&"${LINE[1]}"
    answer=
    while IFS= read -r -t 5 answer <&"${LINE[0]}" && [[ ! $answer =~ [0-9]{4}\ [A-Z] ]]; do :; done
    if [[ $answer != *'1000 Success'* ]]; then
      warn "the line refused '$request': $answer"
      failed=1
    fi
  done
  kill "$LINE_PID" 2>/dev/null || true
  wait "$LINE_PID" 2>/dev/null || true
  return "$failed"
}
