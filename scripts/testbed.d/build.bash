# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154  # variables of layout.bash and testbed
# shellcheck disable=SC2034  # UP_BEGAN is read by elapsed, in testbed
#
# The steps of `up`, from an empty directory to a federation that takes jobs.

# step TEXT COMMAND...: one line of progress. Its output goes to a log, its
# complaints to the user.
step() {
  local text=$1 log
  shift
  # A killed `up` must not go on behind the back of the next one.
  kill -0 "$UP_PID" 2>/dev/null || exit 1
  log=$DIR/log/up/steps.log
  echo "== $text" >>"$log"
  # In the background, as `set -e` is without effect below an `if`.
  "$@" >>"$log" &
  if ! wait "$!"; then
    warn "up: couldn't get through step '$text' (after $(elapsed) s; log: $log)"
    exit 1
  fi
  printf '[%5s s] %s\n' "$(elapsed)" "$text"
}

# Slurm's commands end with an error where a user can't read PluginDir.
check_build() {
  in_host login setpriv --reuid 6001 --regid 6001 --clear-groups test -r "$BUILD" -a -x "$BUILD" && return 0
  warn "users can't read the build '$BUILD'; give every directory above it mode 0755, or use --plain"
  return 1
}

start_line() {
  local site
  for site in "${SITES[@]}"; do start_daemon "switch-$site" "$WAN_HOST" || return 1; done
  for site in "${SITES[@]}"; do
    in_host "$WAN_HOST" ip link set "tap-$site" master "br-$site" up || return 1
  done
  start_daemon wirefilter "$WAN_HOST"
}

start_database() {
  local log=$DIR/log/up/database.log
  if ! with_machine db mariadb-install-db --defaults-file=/etc/mysql/testbed.cnf --user=mysql \
    --skip-test-db --auth-root-authentication-method=normal >"$log" 2>&1; then
    show_tail "$log"
    return 1
  fi
  start_daemon mariadb db || return 1
  with_machine db mariadb -e "CREATE DATABASE slurm_acct_db; GRANT ALL ON slurm_acct_db.* TO slurm@localhost IDENTIFIED BY 'slurm'"
}

# One sacctmgr with all commands: each start of it costs more than the work it does.
register_clusters() {
  local output
  output=$(in_host db sacctmgr -i <<COMMANDS
add cluster cq,hami
add federation $FEDERATION clusters=cq,hami
modify cluster cq set features=chongqing
modify cluster hami set features=hami
add account astro,bio,shared,broke description=testbed organization=testbed
add user researcher1 account=astro,shared defaultaccount=astro
add user researcher2 account=bio,shared,broke defaultaccount=bio
add user sluice account=root defaultaccount=root adminlevel=operator
COMMANDS
  ) || { warn "sacctmgr: $output"; return 1; }
  echo "$output"
  # It exits 0 whatever its commands did.
  if grep -Ei 'error|unknown|problem' <<<"$output" >&2; then return 1; fi
}

start_slurm() {
  local daemon commands=()
  while read -r daemon; do
    if [[ $daemon == slurmctld@* || $daemon == slurmd@* ]]; then
      commands+=("start_daemon ${daemon/@/ }")
    fi
  done < <(daemons)
  all "${commands[@]}"
}

nodes_ready() {
  local site
  for site in "${SITES[@]}"; do
    [[ $(in_host "${CONTROLLER_OF[$site]}" sinfo --local -h -N -o %T 2>/dev/null | sort -u) == idle ]] || return 1
  done
}

wait_for_nodes() {
  wait_until 60 nodes_ready && return 0
  local site
  for site in "${SITES[@]}"; do
    in_host "${CONTROLLER_OF[$site]}" sinfo --local -N -l >&2 || true
    show_tail "$DIR/log/${CONTROLLER_OF[$site]}/slurm/slurmctld.log"
  done
  return 1
}

wait_for_federation() {
  wait_until 90 federation_synced && return 0
  local site
  for site in "${SITES[@]}"; do
    in_host "${CONTROLLER_OF[$site]}" scontrol show federation >&2 || true
    show_tail "$DIR/log/${CONTROLLER_OF[$site]}/slurm/slurmctld.log"
  done
  return 1
}

# build_testbed UP_PID UP_BEGAN: the work of `up`, in a process that carries the mark:
# if `up` is killed, the next command finds what still works for it.
build_testbed() {
  UP_PID=$1 UP_BEGAN=$2
  cd /
  read_options
  step 'files' write_tree
  step 'hosts' start_hosts
  if [[ $PLAIN == no && -d $BUILD ]]; then step "build $BUILD" check_build; fi
  step 'network' start_network
  step 'line, munge, database' all start_line start_database \
    'start_daemon munged cqctl' 'start_daemon munged hamictl'
  step 'slurmdbd' start_daemon slurmdbd db
  step 'clusters, accounts, federation' register_clusters
  step 'slurmctld, slurmd' start_slurm
  if has_sluiced; then
    step 'sluiced' all 'start_daemon sluiced cqctl' 'start_daemon sluiced hamictl'
  fi
  step 'nodes idle' wait_for_nodes
  step 'federation synced' wait_for_federation
  : >"$DIR/state/up"
}
