# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2153,SC2154  # variables of layout.bash and testbed
#
# Hosts of the testbed: starting them, entering them, ending everything in them.

# start_time PID: sets STARTED, the start time of a process in clock ticks (with the
# PID it names a process for good), and RUN_STATE. Fails for one that is gone or a zombie.
# shellcheck disable=SC2034  # RUN_STATE is for callers
start_time() {
  local stat fields
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  read -ra fields <<<"${stat##*) }"
  # A zombie with threads left still holds its files, ports and locks.
  [[ ${fields[0]} != X && (${fields[0]} != Z || ${fields[17]} -gt 1) ]] || return 1
  STARTED=${fields[19]} RUN_STATE=${fields[0]}
}

# recorded FILE: sets PID if the process that FILE names still runs.
recorded() {
  local started
  PID=
  { read -r PID started <"$1"; } 2>/dev/null || return 1
  if start_time "$PID" && [[ $STARTED == "$started" ]]; then return 0; fi
  PID=
  return 1
}

# host_pid HOST: sets PID to the first process of a host.
host_pid() { recorded "$DIR/state/hosts/$1"; }

# in_host HOST COMMAND...: as root, in the environment of the daemons.
in_host() {
  local host=$1
  shift
  host_pid "$host" || { warn "host '$host' is not up"; return 3; }
  nsenter -t "$PID" -m -u -n -i -p -- \
    env -i -C / PATH="$SYSTEM_PATH" LANG=C.UTF-8 HOME=/root "$MARK" "$@"
}

# with_machine HOST COMMAND...: as in_host, with this machine's programs where a root has none.
with_machine() {
  local host=$1 prefix
  shift
  machine_prefix
  in_host "$host" "${prefix[@]}" "$@"
}

# machine_prefix: sets `prefix` to what a command begins with that is this machine's own.
machine_prefix() {
  prefix=()
  # shellcheck disable=SC2016  # expanded in the host
  if [[ $ROOT != / ]]; then prefix=(unshare --mount sh -c 'mount --bind /run/machine/usr /usr && exec "$@"' sh); fi
}

# version_build: where the plugins and sluice-slurmdb for this Slurm are.
version_build() { if [[ $ROOT == / ]]; then echo "$BUILD"; else echo "$BUILD/slurm-$SLURM"; fi; }

# start_hosts: the hosts and the namespace of the line, all at once.
start_hosts() {
  local host root visible=("$REPO" "$BUILD")
  [[ -d $BUILD ]] || visible=("$REPO")
  for host in "${HOSTS[@]}" "$WAN_HOST"; do
    root=$ROOT
    if [[ $host == "$WAN_HOST" ]]; then root=/; fi
    env -i PATH="$SYSTEM_PATH" LANG=C.UTF-8 "$MARK" setsid \
      unshare --mount --uts --net --ipc --pid --fork --kill-child --propagation private \
      "$PARTS/host-init" "$DIR" "$host" "${SITE_OF[$host]}" "$root" "$BUILD" "$(version_build)" "${visible[@]}" \
      </dev/null >>"$DIR/log/up/$host.log" 2>&1 &
  done
  for host in "${HOSTS[@]}" "$WAN_HOST"; do
    if ! wait_until 20 host_ready_or_ended "$host" || ! host_pid "$host"; then
      warn "couldn't start host '$host'; overlayfs, network and PID namespaces are needed:"
      show_tail "$DIR/log/up/$host.log"
      return 1
    fi
  done
}

host_ready_or_ended() {
  [[ -e $DIR/state/hosts/$1.ready ]] || { [[ -s $DIR/state/hosts/$1 ]] && ! host_pid "$1"; }
}

# Cables: every host's eth0 ends in the switch of its site. The switches live in
# the namespace of the line, so the machine itself never shows a link of ours.
start_network() {
  local host site
  {
    for site in "${SITES[@]}"; do
      echo "link add br-$site type bridge"
      echo "link set br-$site up"
    done
    for host in "${HOSTS[@]}"; do
      host_pid "$host" || return 1
      echo "link add $host type veth peer name eth0 netns $PID"
      echo "link set $host master br-${SITE_OF[$host]} up"
    done
  } >"$DIR/state/links"
  host_pid "$WAN_HOST" || return 1
  nsenter -t "$PID" -n ip -batch "$DIR/state/links" || return 1
  for host in "${HOSTS[@]}"; do
    host_pid "$host" || return 1
    printf '%s\n' "addr add ${ADDRESS_OF[$host]}/16 dev eth0" 'link set eth0 up' |
      nsenter -t "$PID" -n ip -batch - || return 1
  done
  # Slurm 22.05 waits 40 ms for an acknowledgement several times per request. Spared
  # only to sacctmgr on the database's own host, where `up` registers everything:
  # between hosts it stays as sites have it.
  host_pid db || return 1
  nsenter -t "$PID" -n ip route replace local "${ADDRESS_OF[db]}" dev lo table local proto kernel \
    scope host src "${ADDRESS_OF[db]}" quickack 1
}

# Everything that carries our mark. The commands of `testbed` themselves never do.
marked_processes() {
  local pid
  MARKED=()
  while IFS= read -r pid; do
    pid=${pid#/proc/}
    pid=${pid%/environ}
    if start_time "$pid"; then MARKED+=("$pid"); fi
  done < <(grep -lszxF -- "$MARK" /proc/[0-9]*/environ)
}

# Ends every process of the testbed. Killing a host's first process makes the
# kernel end all others of its PID namespace, jobs of users included; the mark
# finds what a killed `up` could not write down any more.
end_processes() {
  local host
  for host in $(recorded_hosts); do
    if host_pid "$host"; then kill -KILL "$PID" 2>/dev/null || true; fi
  done
  wait_until 20 no_process_left && return 0
  warn "couldn't end these processes: ${MARKED[*]}"
  return 1
}

no_process_left() {
  local host
  marked_processes
  if [[ ${#MARKED[@]} -gt 0 ]]; then
    kill -KILL "${MARKED[@]}" 2>/dev/null || true
    return 1
  fi
  for host in $(recorded_hosts); do
    if host_pid "$host"; then return 1; fi
  done
}

# Whatever the options were: also hosts that this `up` or `down` has none of.
recorded_hosts() {
  if [[ -d $DIR/state/hosts ]]; then find "$DIR/state/hosts" -type f ! -name '*.ready' -printf '%f\n'; fi
}
