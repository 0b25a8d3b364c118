#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal: the testbed is what the other cluster tests take it for: two sites of real
# Slurm in one federation, on hosts of their own, with a slow line between them.
# Method: look at it and run jobs through it. Leaves it up.
#
# shellcheck disable=SC2016  # much is expanded on the hosts
# shellcheck disable=SC2317  # conditions are called by `eventually`

setup_file() {
  export TESTBED=$BATS_TEST_DIRNAME/../../scripts/testbed
  if [[ -e /etc/slurm ]]; then
    export HOST_SLURM_BEFORE
    HOST_SLURM_BEFORE=$(cd /etc/slurm && find . -type f -exec sha256sum {} + | sort)
  fi
  "$TESTBED" up >&2
}

setup() {
  bats_load_library bats-support
  bats_load_library bats-assert
  # The WAN tests change the line; whoever comes next finds it as it was.
  "$TESTBED" wan --delay 17 --loss 0 --rate 0 >/dev/null
}

teardown_file() {
  "$TESTBED" wan --delay 17 --loss 0 --rate 0 >/dev/null
}

as() { # as USER COMMAND...: on the login host
  "$TESTBED" exec -u "$1" login "${@:2}"
}

# eventually SECONDS COMMAND...: polls; a busy machine is slow, not wrong.
eventually() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    if [[ $SECONDS -gt $deadline ]]; then return 1; fi
    sleep 0.2
  done
}

least_ping_ms() { # of 3
  "$TESTBED" exec login ping -q -c 3 -i 0.2 npu1 | sed -n 's|^rtt [^=]*= \([0-9]*\)\..*|\1|p'
}

@test "every daemon of both sites runs, and the sites know each other" {
  run "$TESTBED" status --json
  assert_success
  assert_equal "$(jq -r '.up, .federation.name, .federation.synced' <<<"$output" | xargs)" "true west true"
  assert_equal "$(jq -r '[.daemons[] | select(.up | not)] | length' <<<"$output")" 0
  assert_equal "$(jq -r '[.nodes[] | .cluster + ":" + .node] | sort | join(" ")' <<<"$output")" \
    "cq:ai1 cq:ai2 cq:super1 cq:super2 hami:npu1 hami:npu2"
}

@test "status for people names every host and ends with 0" {
  run "$TESTBED" status
  assert_success
  assert_line --regexp '^slurmctld +hamictl +[0-9]+ +up'
  assert_line --regexp '^node +super1 +cq +'
  assert_line --partial 'federation west synced'
}

@test "up on a testbed that is up says so and changes nothing" {
  before=$("$TESTBED" pid slurmctld cqctl)
  run "$TESTBED" up
  assert_success
  assert_output --partial 'up already'
  assert_equal "$("$TESTBED" pid slurmctld cqctl)" "$before"
}

@test "each host has its own name, address and directories" {
  for host in cqctl login db super1 super2 ai1 ai2 hamictl npu1 npu2; do
    assert_equal "$("$TESTBED" exec "$host" hostname)" "$host"
    assert_equal "$("$TESTBED" exec "$host" cat /etc/hostname)" "$host"
    "$TESTBED" exec "$host" bash -c 'echo "$(hostname)" >/tmp/testbed.bats; echo "$(hostname)" >/var/tmp/testbed.bats'
  done
  assert_equal "$("$TESTBED" exec super1 cat /tmp/testbed.bats /var/tmp/testbed.bats | xargs)" "super1 super1"
  run "$TESTBED" exec login ping -c 1 -W 5 npu2
  assert_success
  assert [ ! -e /tmp/testbed.bats ]
  assert [ ! -e /var/tmp/testbed.bats ]
}

@test "the machine's own /etc shows nothing of the testbed" {
  if [[ -n ${HOST_SLURM_BEFORE-} ]]; then
    assert_equal "$(cd /etc/slurm && find . -type f -exec sha256sum {} + | sort)" "$HOST_SLURM_BEFORE"
  else
    assert [ ! -e /etc/slurm ]
  fi
  run getent passwd researcher1
  assert_failure
  assert [ ! -e /etc/sluice/sluice.yaml ]
  run grep -F "$("$TESTBED" status --json | jq -r .directory)" /proc/self/mounts
  assert_failure
}

@test "exec passes input, exit status, home and a clean environment" {
  run bash -c 'echo in | LEAK=1 "$0" exec -u researcher1 login bash -c "read -r x; echo \$x \$PWD \$USER \${LEAK-none}; exit 7"' "$TESTBED"
  assert_failure 7
  assert_output "in /home/researcher1 researcher1 none"
  run "$TESTBED" exec nowhere true
  assert_failure 2
  assert_output --partial "couldn't find host 'nowhere'"
  run "$TESTBED" exec -u nobodyhere login true
  assert_failure 2
  assert_output --partial "couldn't find user 'nobodyhere'"
}

@test "a command of exec ends when its caller is killed" {
  "$TESTBED" exec login sleep 7531 3>&- &
  eventually 10 "$TESTBED" exec login pgrep -f '^sleep 7531'
  kill -KILL "$!"
  gone() { ! "$TESTBED" exec login pgrep -f '^sleep 7531'; }
  eventually 10 gone
}

@test "users and accounts are there, at both sites" {
  for user in researcher1 researcher2 finance1 finance2 auditor1; do
    assert_equal "$("$TESTBED" exec -u "$user" login bash -c 'echo "$(id -un) $PWD"')" "$user /home/$user"
  done
  run "$TESTBED" exec login sacctmgr -nP show assoc where user=researcher1,researcher2,finance1 format=cluster,user,account
  assert_success
  for site in cq hami; do
    assert_line "$site|researcher1|astro"
    assert_line "$site|researcher1|shared"
    assert_line "$site|researcher2|bio"
    assert_line "$site|researcher2|shared"
    assert_line "$site|researcher2|broke"
  done
  refute_output --partial finance1
}

@test "a job runs in each partition, on its own kind of node" {
  while read -r partition pattern; do
    run as researcher1 srun -Q -p "$partition" hostname
    assert_success
    assert_output --regexp "$pattern"
  done <<'PARTITIONS'
super ^super[12]$
ai ^ai[12]$
bridge ^(super|ai)[12]$
free ^super[12]$
PARTITIONS
}

@test "GPUs are counted at both sites" {
  run as researcher1 srun -Q -p ai --gres=gpu:a100:2 printenv SLURM_GPUS_ON_NODE
  assert_success
  assert_output 2
  run "$TESTBED" exec -u researcher2 hamictl srun -Q -M hami -p npu --gres=gpu:ascend:4 printenv SLURM_GPUS_ON_NODE
  assert_success
  assert_output 4
  id=$(as researcher1 sbatch --parsable -p ai --gpus=1 -o /dev/null --wrap true)
  recorded() { as researcher1 sacct -X -n -P -j "$id" -o State,AllocTRES | grep -q '^COMPLETED|.*gres/gpu:a100=1'; }
  eventually 60 recorded
}

@test "a job's Chinese name comes back from slurmdbd as it was" {
  id=$(as researcher1 sbatch --parsable -p super -J '训练-𬬻-é' -o /dev/null --wrap true)
  named() { [[ $(as researcher1 sacct -X -n -P -j "$id" -o JobName) == '训练-𬬻-é' ]]; }
  eventually 60 named
}

@test "two ranks of one MPI step see two hosts" {
  # shellcheck disable=SC2016  # expanded by the step
  run as researcher1 srun -Q -p super --mpi=pmix -N2 -n2 bash -c 'echo "$PMIX_RANK $(hostname)"'
  assert_success
  assert_line --regexp '^[01] super1$'
  assert_line --regexp '^[01] super2$'
}

@test "an MPI program talks between hosts" {
  command -v mpicc >/dev/null || skip "no mpicc"
  cat >"$BATS_TEST_TMPDIR/sum.c" <<'C'
#include <mpi.h>
#include <stdio.h>
int main(int argc, char **argv) {
  int rank, sum;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  rank += 1;
  MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  if (rank == 1) printf("sum %d\n", sum);
  return MPI_Finalize();
}
C
  mpicc -o "$BATS_TEST_TMPDIR/sum" "$BATS_TEST_TMPDIR/sum.c"
  as researcher1 bash -c 'cat >sum && chmod +x sum' <"$BATS_TEST_TMPDIR/sum"
  run as researcher1 srun -Q -t5 -p bridge --constraint='[super*1&ai*1]' -N2 -n2 ./sum
  assert_success
  assert_output 'sum 3'
}

@test "the line takes 17 ms each way, and wan changes that" {
  assert_equal "$("$TESTBED" wan)" "delay_ms=17 loss_percent=0 rate_mbit=0"
  "$TESTBED" exec login ping -q -c 1 npu1 # finds the neighbour first
  assert [ "$(least_ping_ms)" -ge 30 ]
  "$TESTBED" wan --delay 60
  assert [ "$(least_ping_ms)" -ge 115 ]
  "$TESTBED" wan --delay 0
  assert [ "$(least_ping_ms)" -lt 30 ]
}

@test "wan cuts the line and limits its rate; hosts of one site don't notice" {
  "$TESTBED" exec login ping -q -c 1 npu1
  "$TESTBED" wan --loss 100
  run "$TESTBED" exec login ping -q -c 2 -i 0.2 -W 1 npu1
  assert_failure
  run "$TESTBED" exec login ping -q -c 2 -i 0.2 -W 5 super1
  assert_success
  "$TESTBED" wan --loss 0 --rate 1
  # 10 packets of 1,400 bytes at once take 0.1 s on 1 Mbit/s.
  slowest=$("$TESTBED" exec login ping -q -l 10 -c 10 -s 1372 -W 10 npu1 | sed -n 's|^rtt [^=]*= [0-9.]*/[0-9.]*/\([0-9]*\)\..*|\1|p')
  assert [ "$slowest" -ge 100 ]
  run "$TESTBED" wan --delay fast
  assert_failure 2
}

@test "a job for the other site, submitted at login, runs there" {
  id=$(as researcher1 sbatch --parsable --cluster-constraint=hami -o far.out --wrap 'hostname' | cut -d';' -f1)
  ran() { "$TESTBED" exec -u researcher1 hamictl grep -qx 'npu[12]' far.out 2>/dev/null; }
  eventually 60 ran
  recorded() { as researcher1 sacct -X -n -P -M hami -j "$id" -o State,NodeList | grep -q '^COMPLETED|npu'; }
  eventually 60 recorded
}

@test "a daemon can be stopped, started, killed and found by its process id" {
  "$TESTBED" stop slurmd super2
  run "$TESTBED" pid slurmd super2
  assert_failure 3
  run "$TESTBED" status
  assert_failure 3
  "$TESTBED" start slurmd super2
  "$TESTBED" signal KILL slurmd super2
  run "$TESTBED" pid slurmd super2
  assert_failure 3
  "$TESTBED" restart slurmd super2
  pid=$("$TESTBED" pid slurmd super2)
  assert_equal "$(cat "/proc/$pid/comm")" slurmd
  ready() { as researcher1 srun -Q --immediate=5 -p super -w super2 true; }
  eventually 60 ready
}

@test "slurmctld keeps its jobs over a restart" {
  id=$(as researcher1 sbatch --parsable -p super -o /dev/null --wrap 'sleep 300')
  running() { [[ $(as researcher1 squeue -h --local -j "$id" -o %T 2>/dev/null) == RUNNING ]]; }
  eventually 60 running
  "$TESTBED" restart slurmctld cqctl
  eventually 60 running
  as researcher1 scancel "$id"
  synced() { "$TESTBED" status --json | jq -e .federation.synced >/dev/null; }
  eventually 90 synced
}

@test "logs finds them by host and by daemon" {
  run "$TESTBED" logs -n 3 slurmdbd
  assert_success
  assert_output --partial 'log/db/slurm/slurmdbd.log'
  run "$TESTBED" logs -n 3 super1
  assert_success
  assert_output --partial 'log/super1/slurm/slurmd.log'
  run "$TESTBED" logs nothing
  assert_failure
}
