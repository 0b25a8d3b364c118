#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal: on every version of Slurm that Sluice is for, a voucher pays what a job used:
# submission, lien, charge, a changed limit, arrays, the federation. Method: the other
# suites' own checks on few jobs, with Slurm's version out of SLUICE_SLURM (see
# scripts/testbed --help); what differs between versions is in here. Leaves the testbed up.
#
# shellcheck disable=SC2016  # much is expanded on the hosts
# shellcheck disable=SC2154,SC2317  # variables that bats sets; conditions are called by `eventually`

load helpers

setup_file() {
  load helpers
  cluster_up
  export MAIN=CM-$RUN ARRAY=CA-$RUN
  make_programme "core-$RUN" 'clusters: [cq, hami]'
  propose_voucher "core-$RUN" "$MAIN" 1000
  propose_voucher "core-$RUN" "$ARRAY" 10
  approve_all
  submit_all >"$BATS_FILE_TMPDIR/jobs"
}

setup() { load_libraries; }

# Prints NAME|STATUS|JOBID|WHAT WAS SAID for one job of each kind.
submit_all() {
  as researcher1 env MAIN="$MAIN" ARRAY="$ARRAY" bash -s <<'JOBS'
cd ~
say() { echo "$1|$2|$3|$(paste -sd'~' "said.$1")"; }
submit() {
  name=$1; shift
  id=$(sbatch --parsable -J "$name" -o /dev/null "$@" 2>"said.$name"); say "$name" $? "${id%%;*}"
}
submit plain -t5 -c2 --mem=1000 --voucher="$MAIN" --workload=training --wrap "sleep 12"
submit gpu -t1 -p ai --gres=gpu:1 --voucher="$MAIN" --wrap "sleep 2"
submit gpus -t1 -p ai --gpus=a100:2 --voucher="$MAIN" --wrap "sleep 2"
submit exclusive -t1 -p ai --exclusive -n1 --voucher="$MAIN" --wrap "sleep 2"
submit array -t1 --array=0-2 --voucher="$ARRAY" --wrap "sleep 1"
submit het -t1 --voucher="$MAIN" -n1 -p super : -n1 -p ai --wrap "sleep 2"
submit hami -t1 --place=hami --voucher="$MAIN" --wrap "sleep 2"
submit refused -t60 -p ai --gres=gpu:a100:4 --voucher="$ARRAY" --wrap true
id=$(srun -t1 --voucher="$MAIN" bash -c 'echo $SLURM_JOB_ID; sleep 2' 2>said.srun </dev/null); say srun $? "$id"
JOBS
}

field() { sed -n "s/^$1|//p" "$BATS_FILE_TMPDIR/jobs" | cut -d'|' -f"$2"; }
job() { field "$1" 2; }

# is_paid NAME CLUSTER/PARTITION QUOTE: what the user read, and the one charge of the job.
is_paid() {
  assert_equal "$(field "$1" 1)" 0
  assert_regex "$(field "$1" 3)" "$(quote_line "$3" "$(part "$3" 600000)" "$2" "$MAIN")"
  eventually "$PATIENCE" are_charged "$(job "$1")"
  assert_charge "$(job "$1")" "${2%/*}" "$MAIN" 600000
}

@test "this Slurm runs, with the plugins for it" {
  if [[ -n ${SLUICE_SLURM-} ]]; then
    assert_regex "$(on_controller slurmctld -V)" " ${SLUICE_SLURM//./\\.}\."
    assert_regex "$(as researcher1 sbatch -V)" " ${SLUICE_SLURM//./\\.}\."
  fi
  assert_regex "$(on_controller scontrol show config)" 'JobSubmitPlugins *= *sluice'
  assert_regex "$(as researcher1 sbatch --help)" '--voucher='
}

@test "submitted: the lien is held, and the tag says by which voucher" {
  quote=$(price cq/super 2 1000 0 300)
  lien=$(part "$quote" 600000)
  assert_equal "$(field plain 1)" 0
  assert_equal "$(field plain 3)" "sbatch: $(quote_line "$quote" "$lien" cq/super "$MAIN")"
  run explain "$(job plain)"
  assert_equal "$(jq -r '[.lien.amount, .lien.voucher, .quote.amount] | join(" ")' <<<"$output")" \
    "$(yuan "$lien") $MAIN $(yuan "$quote")"
  assert_equal "$(jq -r '.tag | fromjson.sluice | [.voucher[0], .workload, .site, .quote] | join(" ")' <<<"$output")" \
    "$MAIN training cq $(fen_up "$quote")"
  assert_regex "$(on_controller scontrol show job "$(job plain)")" 'ClusterFeatures=chongqing'
}

@test "what can't be paid is refused, and the user reads why" {
  assert_equal "$(field refused 1)" 1
  assert_regex "$(field refused 3)" "sbatch: error: sluice: voucher $ARRAY has .* yuan available and this job may need .*Job violates accounting/QOS policy"
}

@test "charged as it ran, with the final tag in slurmdbd, every quotation mark in its place" {
  is_paid plain cq/super "$(price cq/super 2 1000 0 300)"
  tag() { as auditor1 sacct -X -n -P -j "$(job plain)" -o admincomment; }
  is_final() { tag | jq -e .sluice.charge >/dev/null; }
  eventually "$PATIENCE" is_final
  assert_equal "$(tag | jq -c '.sluice | [.v, .voucher, .workload, .site, .charge, .by_voucher, .by_self]')" \
    "$(charge_of "$(job plain)" | jq -c '[1, [.voucher], "training", "cq", .charge, .by_voucher, .by_self]')"
}

@test "srun is paid like sbatch" {
  is_paid srun cq/super "$(price cq/super 1 500 0 60)"
}

@test "devices are priced once, asked for per node or per job, with their type or without" {
  is_paid gpu cq/ai "$(price cq/ai 1 500 1 60)"
  is_paid gpus cq/ai "$(price cq/ai 1 500 2 60)"
  assert_equal "$(charge_of "$(job gpus)" | jq -c '[.tres."gres/gpu", .tres."gres/gpu:a100"]')" '[2,2]'
}

@test "--exclusive costs the whole node" {
  is_paid exclusive cq/ai "$(price cq/ai 4 2000 4 60)"
}

@test "an array: one lien for all tasks, one charge per task, nothing held at the end" {
  is_done() { [[ $(statement --voucher "$ARRAY" | jq '.lines | length') == 3 ]]; }
  eventually "$PATIENCE" is_done
  run statement --voucher "$ARRAY"
  assert_equal "$(jq -c '[.lines[].array_task_id] | sort' <<<"$output")" '[0,1,2]'
  for task in $(jq '.lines[].job_id' <<<"$output"); do assert_charge "$task" cq "$ARRAY" 600000; done
  assert_equal "$(explain "$(job array)" | jq -r .lien.amount)" "$(yuan $((3 * $(part "$(price cq/super 1 500 0 60)" 600000))))"
  is_free() { [[ $(voucher "$ARRAY" .liens) == 0.000000 ]]; }
  eventually "$PATIENCE" is_free
}

@test "a heterogeneous job: a charge for each component" {
  eventually "$PATIENCE" are_charged "$(job het)" "$(($(job het) + 1))"
  assert_charge "$(job het)" cq "$MAIN" 600000
  assert_charge "$(($(job het) + 1))" cq "$MAIN" 600000
}

@test "--place=hami runs there, at that site's price; one charge for both records" {
  is_paid hami hami/npu "$(price hami/npu 1 500 0 60)"
  assert_equal "$(statement | jq --argjson id "$(job hami)" '[.lines[] | select(.job_id == $id)] | length')" 1
  assert_regex "$(as auditor1 sacct -X -n -P -M hami -j "$(job hami)" -o nodelist)" '^npu[12]$'
  refute_regex "$(explain "$(job hami)" | jq -r '.reasons | join("\n")')" 'no tag of ours' # both sites name it alike
}

@test "--test-only and sluice quote price the job and hold nothing" {
  before=$(voucher "$MAIN" .liens)
  amount=$(price cq/super 1 500 0 600)
  line=$(quote_line "$amount" "$(part "$amount" 600000)" cq/super "$MAIN")
  run as researcher1 sbatch --test-only -t10 --voucher="$MAIN" --wrap true
  assert_success
  assert_output --partial "$line"
  run sluice_as researcher1 quote -t10 --voucher="$MAIN" --wrap true
  assert_success
  assert_line "${line#sluice: }"
  assert_line --regexp '^Job [0-9]+ to start at '
  assert_equal "$(voucher "$MAIN" .liens)" "$before"
}

@test "a changed limit: slurmctld asks job_modify in its own way, and goes on" {
  held=$(submit researcher1 -H -t5 --voucher="$MAIN" --wrap true)
  run as researcher1 scontrol update "jobid=$held" timelimit=3
  assert_success
  run as researcher1 scontrol update "jobid=$held" jobname=renamed
  assert_success
  assert_regex "$(as researcher1 scontrol show job "$held")" 'JobName=renamed.*TimeLimit=00:03:00'
  as researcher1 scancel "$held"
}

@test "nothing is held any more, and the ledger holds" {
  is_free() { [[ $(voucher "$MAIN" .liens) == 0.000000 ]]; }
  eventually "$PATIENCE" is_free
  assert_ledger_holds
}
