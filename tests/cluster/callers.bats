#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal: whoever submits and however, a job is priced and held once: components of a heterogeneous job
# together, lines of a scrontab run by run, others' jobs to those they run as, clients without SPANK
# too; and no answer of ours keeps Slurm from running a job. Method: submit in each of these ways and
# look at the lien, at what Slurm was told, and at the charge. Leaves the testbed up.
#
# shellcheck disable=SC2016  # much is expanded on the hosts
# shellcheck disable=SC2154,SC2317  # variables that bats sets; conditions are called by `eventually`

load helpers

setup_file() {
  load helpers
  cluster_up
  export MAIN=CM-$RUN
  make_programme "callers-$RUN" 'clusters: [cq, hami]'
  propose_voucher "callers-$RUN" "$MAIN" 1000
  propose_voucher "callers-$RUN" "CH-$RUN" 100
  propose_voucher "callers-$RUN" "CS-$RUN" 100
  approve_all
  # A client without SPANK: Slurm looks for plugstack.conf beside slurm.conf.
  as researcher1 sh -c 'mkdir -p plain && cp /etc/slurm/slurm.conf plain'
}

teardown_file() {
  load helpers
  as researcher1 scrontab -r 2>/dev/null || true
  on_controller scancel --quiet --user=researcher1 || true
}

setup() { load_libraries; }

held_of() { voucher "$1" '[.available, .liens] | join(" ")'; } # held_of VOUCHER
is_back() { [[ $(voucher "$1" .liens) == 0.000000 ]]; }
shown() { on_controller scontrol -o show job "$1"; }
without_spank() { as researcher1 env SLURM_CONF=/home/researcher1/plain/slurm.conf "$@"; }

@test "a heterogeneous job: one lien, which each component raises, and a charge for each" {
  lien=$(($(part "$(price cq/super 1 500 0 60)" 600000) + $(part "$(price cq/ai 2 1000 0 60)" 600000)))
  job=$(submit researcher1 -t1 --voucher="CH-$RUN" -n1 -p super : -n2 -p ai --wrap 'sleep 4')
  assert_equal "$(held_of "CH-$RUN")" "$(yuan $((100000000 - lien))) $(yuan "$lien")"
  is_seen() { [[ $(explain "$1" 2>/dev/null | jq -r .state) == RUNNING ]]; }
  eventually "$PATIENCE" is_seen "$((job + 1))"
  run explain "$job"
  assert_equal "$(jq -r '.lien.state + " " + .lien.amount' <<<"$output")" "open $(yuan "$lien")"
  assert_equal "$(explain "$((job + 1))" | jq -c .lien)" "$(jq -c .lien <<<"$output")"
  eventually "$PATIENCE" are_charged "$job" "$((job + 1))"
  assert_charge "$job" cq "CH-$RUN" 600000
  assert_charge "$((job + 1))" cq "CH-$RUN" 600000
  eventually "$PATIENCE" is_back "CH-$RUN"
}

@test "a component that is refused takes back what was held for those before it, at once" {
  before=$(held_of "CH-$RUN")
  run as researcher1 sbatch -o /dev/null -t1 --voucher="CH-$RUN" -n1 -p super : -n8 -t 1-00:00:00 --exclusive -N2 -p ai --gres=gpu:4 --wrap true
  assert_failure
  assert_output --partial "voucher CH-$RUN has"
  assert_equal "$(held_of "CH-$RUN")" "$before"
}

@test "where Slurm refuses a later component nothing stays held" {
  before=$(held_of "CH-$RUN")
  run as researcher1 sbatch -o /dev/null -t1 --voucher="CH-$RUN" -n1 -p super : -n1 -p ai --gres=gpu:5 --wrap true
  assert_failure
  assert_output --partial 'sbatch: error: Batch job submission failed'
  is_as_before() { [[ $(held_of "CH-$RUN") == "$before" ]]; }
  eventually "$PATIENCE" is_as_before
}

@test "a line of a scrontab: nothing is held, and each run is charged" {
  as researcher1 sh -c 'command -v scrontab' >/dev/null || skip 'this Slurm comes without scrontab'
  before=$(held_of "CS-$RUN")
  as researcher1 sh -c "printf '%s\n' '#SCRON -t 1' '#SCRON --voucher=CS-$RUN' '#SCRON -o /dev/null' '* * * * * /bin/sleep 2' | scrontab -"
  assert_equal "$(held_of "CS-$RUN")" "$before"
  first_runs() { statement --voucher "CS-$RUN" | jq -e '.lines | length > 0' >/dev/null; }
  eventually "$PATIENCE" first_runs
  job=$(statement --voucher "CS-$RUN" | jq -r '.lines[0].job_id')
  second_runs() { statement --voucher "CS-$RUN" | jq -e '.lines | length > 1' >/dev/null; }
  eventually "$PATIENCE" second_runs
  as researcher1 scrontab -r
  assert_equal "$(statement --voucher "CS-$RUN" | jq -c '[.lines[].job_id] | unique')" "[$job]"
  assert_equal "$(voucher "CS-$RUN" .liens)" 0.000000
  statement --voucher "CS-$RUN" | jq -r '.lines[] | [.elapsed_seconds, .charge] | join(" ")' | while read -r elapsed charge; do
    assert_equal "$charge" "$(yuan "$(price cq/super 1 500 0 "$elapsed")")"
  done
  assert_regex "$(explain "$job" | jq -r '.reasons | join("\n")')" 'each run is priced when it starts, and nothing is set aside'
}

@test "sbatch --uid: the job is charged to whom it runs as" {
  job=$("$TESTBED" exec login sbatch --parsable --uid=researcher1 --gid=researcher1 -D /tmp -o /dev/null -t1 --voucher="$MAIN" --wrap 'sleep 2')
  job=${job%%;*}
  eventually "$PATIENCE" are_charged "$job"
  assert_equal "$(charge_of "$job" | jq -r '.user + " " + .account')" 'researcher1 astro'
  assert_charge "$job" cq "$MAIN" 600000
}

@test "a client without SPANK names no voucher and no nonce: its account pays, at either site" {
  here=$(without_spank sbatch --parsable -o /dev/null -t1 --wrap 'sleep 2')
  away=$(without_spank sbatch --parsable -o /dev/null -t1 --cluster-constraint=hami --wrap 'sleep 2')
  het=$(without_spank sbatch --parsable -o /dev/null -t1 -n1 -p super : -n1 -p ai --wrap 'sleep 2')
  here=${here%%;*} away=${away%%;*} het=${het%%;*}
  refute_regex "$(shown "$here")" SLUICE_NONCE
  eventually "$PATIENCE" are_charged "$here" "$away" "$het" "$((het + 1))"
  assert_charge "$here" cq null 0
  assert_charge "$away" hami null 0
  assert_charge "$het" cq null 0
  assert_equal "$(statement | jq --argjson id "$away" '[.lines[] | select(.job_id == $id)] | length')" 1
}

@test "no cluster is chosen for arrays and heterogeneous jobs, nor against -M or the user's own choice" {
  for options in '--array=0-1' '-M cq' '--cluster-constraint=chongqing'; do
    # shellcheck disable=SC2086  # words
    job=$(submit researcher1 -H -t1 $options --wrap true)
    run shown "$job"
    case $options in
      *constraint*) assert_output --partial ClusterFeatures=chongqing ;;
      *) refute_output --partial ClusterFeatures=chongqing ;;
    esac
    as researcher1 scancel "$job"
  done
  job=$(submit researcher1 -H -t1 -n1 -p super : -n1 -p ai --wrap true)
  refute_regex "$(shown "$job")" ClusterFeatures=chongqing
  as researcher1 scancel "$job"
  job=$(submit researcher1 -H -t1 --wrap true)
  assert_regex "$(shown "$job")" ClusterFeatures=chongqing
  as researcher1 scancel "$job"
}

@test "at the sibling a partition of ours becomes one of its own" {
  job=$(submit researcher1 -t1 -p super --place=hami --voucher="$MAIN" --wrap 'sleep 2')
  eventually "$PATIENCE" are_charged "$job"
  assert_charge "$job" hami "$MAIN" 600000
  assert_equal "$(charge_of "$job" | jq -r .partition)" npu
}

@test "a job that the sibling refuses is told of, by explain and in the log" {
  # No node of hami has such a feature.
  job=$(submit researcher1 -t1 -C super --place=hami --voucher="$MAIN" --wrap true)
  is_told() { explain "$job" 2>/dev/null | jq -r '.reasons | join("\n")' | grep -q 'no cluster holds the job: .* has refused it'; }
  eventually "$PATIENCE" is_told
  run "$TESTBED" logs -n 200 sluiced
  assert_output --regexp "job $job of researcher1, meant for cluster hami: no cluster holds the job"
  as researcher1 scancel "$job"
  eventually "$PATIENCE" is_back "$MAIN"
}

@test "nothing is held any more, and the ledger holds" {
  for id in "$MAIN" "CH-$RUN" "CS-$RUN"; do eventually "$PATIENCE" is_back "$id"; done
  assert_ledger_holds
}
