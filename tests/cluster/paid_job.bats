#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal: one job that a voucher pays, from the programme to the auditor's statement:
# two people for every grant, a lien while the job runs, a charge to the millionth
# soon after its end, and one truth in every place that shows it. Method: do it all
# with sbatch and sluice, and compute the amounts again from slurmdbd's record.
# Leaves the testbed up.
#
# shellcheck disable=SC2016  # much is expanded on the hosts
# shellcheck disable=SC2154,SC2317  # variables that bats sets; conditions are called by `eventually`

load helpers

setup_file() {
  load helpers
  cluster_up
  export PROGRAMME=paid-$RUN VOUCHER=P-$RUN
}

setup() {
  load_libraries
}

# Nobody but a second person with the role decides on the one proposal of KIND.
needs_a_second_person() {
  local id
  id=$(pending "$1")
  assert [ -n "$id" ]
  refused_by finance1 'another person must approve it' approve "$id"
  refused_by root 'root never handles money' approve "$id"
  refused_by researcher1 'is no programme_manager or reviewer' approve "$id"
  refused_by auditor1 'is no programme_manager or reviewer' approve "$id"
  assert_equal "$(pending "$1")" "$id"
  run sluice_as finance2 approve "$id"
  assert_success
  refused_by finance2 'is approved already' approve "$id"
}

@test "a programme takes two people, and neither is root" {
  printf '%s\n' "programme: $PROGRAMME" 'name: 算力券' 'issuer: testbed' 'share: "0.60"' 'valid_from: 2026-01-01' \
    'clusters: [cq]' 'expiry_to: budget' >"$BATS_TEST_TMPDIR/programme.yaml"
  for user in finance1 researcher1 root; do
    as "$user" sh -c 'cat >programme.yaml' <"$BATS_TEST_TMPDIR/programme.yaml"
  done
  refused_by researcher1 'is no programme_manager' programme create programme.yaml
  refused_by root 'root never handles money' programme create programme.yaml
  run sluice_as finance1 programme create programme.yaml
  assert_success
  refused_by auditor1 'there is no programme' programme show "$PROGRAMME"
  needs_a_second_person programme_create
  assert_equal "$(sluice_as auditor1 programme show "$PROGRAMME" --json | jq -r '.share + " " + .funded')" '0.60 0.000000'
}

@test "funds take two people; a voucher beyond them is not granted" {
  run sluice_as finance1 programme fund "$PROGRAMME" --amount 500 --document N-1
  assert_success
  needs_a_second_person programme_fund
  propose_voucher "$PROGRAMME" "$VOUCHER-big" 500.000001
  refused_by finance2 'budget' approve "$(pending voucher_issue)"
  refused_by auditor1 'there is no voucher' voucher show "$VOUCHER-big"
  run sluice_as finance2 approve --reject --reason 'beyond the budget' "$(pending voucher_issue)"
  assert_success
}

@test "a voucher takes two people" {
  before=$(transfers)
  propose_voucher "$PROGRAMME" "$VOUCHER" 100
  assert_equal "$(transfers)" "$before"
  needs_a_second_person voucher_issue
  assert_equal "$(transfers)" "$((before + 1))"
  assert_equal "$(voucher "$VOUCHER" '[.face, .available, .liens, .used] | join(" ")')" '100.000000 100.000000 0.000000 0.000000'
  assert_equal "$(voucher "$VOUCHER" 'keys | join(" ")')" \
    'accounts available claimed clusters face id liens partitions programme share state used users valid_from valid_to'
  refused_by researcher2 'there is no voucher' voucher show "$VOUCHER"
}

@test "while the job runs, its lien is held: what it may cost at most" {
  SAID=$BATS_FILE_TMPDIR/said
  job=$(submit researcher1 -J paid -p ai --gres=gpu:1 --mem=1000 -c2 -t5 --voucher="$VOUCHER" --workload=training --wrap 'sleep 8')
  echo "$job" >"$BATS_FILE_TMPDIR/job"
  quote=$(price cq/ai 2 1000 1 300)
  lien=$(part "$quote" 600000)
  run cat "$SAID"
  assert_output "sbatch: $(quote_line "$quote" "$lien" cq/ai "$VOUCHER")"
  assert_equal "$(voucher "$VOUCHER" '[.available, .liens, .used] | join(" ")')" \
    "$(yuan $((100000000 - lien))) $(yuan "$lien") 0.000000"
  eventually "$PATIENCE" is_running "$job"
  run explain "$job"
  assert_success
  assert_equal "$(jq -c '[.cluster, .job_id, .user, .account, .partition, .charge]' <<<"$output")" \
    "[\"cq\",$job,\"researcher1\",\"astro\",\"ai\",null]"
  assert_regex "$(jq -r .state <<<"$output")" '^(PENDING|RUNNING)$' # as Slurm was read last
  assert_equal "$(jq -r '[.lien.state, .lien.amount, .lien.voucher, .quote.amount, .quote.by_voucher, .quote.by_self] | join(" ")' <<<"$output")" \
    "open $(yuan "$lien") $VOUCHER $(yuan "$quote") $(yuan "$lien") $(yuan $((quote - lien)))"
  assert_equal "$(jq -r '.tag | fromjson.sluice | [.voucher[0], .workload, .site, .quote] | join(" ")' <<<"$output")" \
    "$VOUCHER training cq $(fen_up "$quote")"
  assert_equal "$(voucher "$VOUCHER" .liens)" "$(yuan "$lien")"
}

@test "the charge comes within 60 s of the end and follows from slurmdbd's record" {
  job=$(cat "$BATS_FILE_TMPDIR/job")
  eventually "$PATIENCE" has_ended "$job"
  assert_equal "$(state_of "$job")" COMPLETED
  eventually "$PATIENCE" are_charged "$job"
  assert_charge "$job" cq "$VOUCHER" 600000
  run explain "$job"
  assert_equal "$(jq -r '.lien.state + " " + .state + " " + .charge.amount' <<<"$output")" \
    "settled COMPLETED $(charge_of "$job" | jq -r .charge)"
  ended=$(as auditor1 sacct -X -n -P -j "$job" -o end)
  took=$(($(date -d "$(jq -r .charge.posted_at <<<"$output")" +%s) - $(date -u -d "$ended" +%s)))
  assert [ "$took" -le 60 ]
}

@test "explain has the keys that its users build on, and says why" {
  run explain "$(cat "$BATS_FILE_TMPDIR/job")"
  assert_equal "$(jq -r 'keys | join(" ")' <<<"$output")" \
    'account array_job_id array_task_id charge cluster job job_id lien partition quote reasons state tag user'
  assert_equal "$(jq -r '.lien | keys | join(" ")' <<<"$output")" 'amount id state voided_at voided_because voucher'
  assert_equal "$(jq -r '.quote | keys | join(" ")' <<<"$output")" 'amount at by_self by_voucher price_book priced_by tasks voucher'
  assert_equal "$(jq -r '.charge | keys | join(" ")' <<<"$output")" \
    'amount by_self by_voucher elapsed_seconds overrun posted_at price_book priced_by refunded tres voucher'
  assert_equal "$(jq '.charge.priced_by == .quote.priced_by' <<<"$output")" true
  assert_equal "$(jq '[.reasons[] | strings] | length > 1' <<<"$output")" true
}

@test "the purse: the lien is gone, what was not used is back" {
  used=$(micro "$(charge_of "$(cat "$BATS_FILE_TMPDIR/job")" | jq -r .by_voucher)")
  assert_equal "$(voucher "$VOUCHER" '[.available, .liens, .used] | join(" ")')" \
    "$(yuan $((100000000 - used))) 0.000000 $(yuan "$used")"
  run sluice_as auditor1 programme show "$PROGRAMME" --json
  assert_equal "$(jq -r '[.funded, .granted, .available, .used, .unclaimed] | join(" ")' <<<"$output")" \
    "500.000000 100.000000 $(yuan $((100000000 - used))) $(yuan "$used") $(yuan "$used")"
}

@test "the statement: its schema, its totals in fen, and the rounding named" {
  job=$(cat "$BATS_FILE_TMPDIR/job")
  run statement --voucher "$VOUCHER"
  assert_success
  assert_equal "$(jq -r 'keys | join(" ")' <<<"$output")" 'by_self by_voucher from lines overrun rounding to total'
  assert_equal "$(jq -r '.lines | length' <<<"$output")" 1
  assert_equal "$(jq -r '.lines[0] | keys | join(" ")' <<<"$output")" \
    'account array_job_id array_task_id by_self by_voucher charge cluster elapsed_seconds end job job_id overrun partition refunded start state tres user voucher'
  assert_equal "$(jq -r '.lines[0] | [.cluster, .job_id, .user, .account, .partition, .state, .voucher] | join(" ")' <<<"$output")" \
    "cq $job researcher1 astro ai COMPLETED $VOUCHER"
  IFS='|' read -r start end elapsed < <(as auditor1 sacct -X -n -P -j "$job" -o start,end,elapsedraw)
  assert_equal "$(date -d "$(jq -r '.lines[0].start' <<<"$output")" +%s)" "$(date -u -d "$start" +%s)"
  assert_equal "$(date -d "$(jq -r '.lines[0].end' <<<"$output")" +%s)" "$(date -u -d "$end" +%s)"
  assert_equal "$(jq -c '.lines[0] | [.elapsed_seconds, .tres.cpu, .tres.mem, .tres."gres/gpu", .tres."gres/gpu:a100"]' <<<"$output")" \
    "[$elapsed,2,1000,1,1]"
  charge=$(micro "$(jq -r '.lines[0].charge' <<<"$output")")
  by_voucher=$(fen "$(micro "$(jq -r '.lines[0].by_voucher' <<<"$output")")")
  by_self=$(fen "$(micro "$(jq -r '.lines[0].by_self' <<<"$output")")")
  total=$(($(micro "$by_voucher") + $(micro "$by_self")))
  assert_equal "$(jq -r '[.by_voucher, .by_self, .overrun, .total, .rounding] | join(" ")' <<<"$output")" \
    "$by_voucher $by_self 0.00 $(fen "$total") $(yuan $((total - charge)))"
}

@test "the statement shows researchers their own jobs only" {
  job=$(cat "$BATS_FILE_TMPDIR/job")
  assert_equal "$(sluice_as researcher1 statement --json -S "$BEGAN" | jq --argjson id "$job" '[.lines[] | select(.job_id == $id)] | length')" 1
  assert_equal "$(sluice_as researcher2 statement --json -S "$BEGAN" | jq --argjson id "$job" '[.lines[] | select(.job_id == $id)] | length')" 0
  refused_by researcher2 'not one of yours' statement -A astro
  refused_by researcher2 'not one of yours' explain "$job"
  run sluice_as auditor1 statement -S "$BEGAN" -P -o jobid,charge,voucher
  assert_line "$job|$(charge_of "$job" | jq -r .charge)|$VOUCHER"
}

@test "sacct shows the final tag, every quotation mark in its place" {
  job=$(cat "$BATS_FILE_TMPDIR/job")
  tag() { as auditor1 sacct -X -n -P -j "$job" -o admincomment; }
  is_final() { tag | jq -e .sluice.charge >/dev/null; }
  eventually "$PATIENCE" is_final
  line=$(charge_of "$job")
  assert_equal "$(tag | jq -c '.sluice | [.v, .voucher, .workload, .site, .charge, .by_voucher, .by_self]')" \
    "$(jq -c '[1, [.voucher], "training", "cq", .charge, .by_voucher, .by_self]' <<<"$line")"
  assert_equal "$(tag | jq -r '.sluice | [.id, .mac] | join(" ")')" \
    "$(explain "$job" | jq -r '.tag | fromjson.sluice | [.id, .mac] | join(" ")')"
}

@test "the ledger holds" {
  assert_ledger_holds
  run sluice_as auditor1 ledger verify
  assert_success
  assert_output --partial 'The ledger holds.'
}
