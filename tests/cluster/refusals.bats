#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal: what breaks a rule is refused with a line that says which, at once and
# without a trace in the books; nonsense of any kind ends cleanly. Method: break every
# rule once through sbatch and sluice. Leaves the testbed up.
#
# shellcheck disable=SC2016  # much is expanded on the hosts
# shellcheck disable=SC2154,SC2317  # variables that bats sets; conditions are called by `eventually`

load helpers

setup_file() {
  load helpers
  cluster_up
  export PROGRAMME=refusals-$RUN
  make_programme "$PROGRAMME" 'clusters: [cq, hami]'
  propose_voucher "$PROGRAMME" "RM-$RUN" 1000
  propose_voucher "$PROGRAMME" "RS-$RUN" 10 -A bio
  propose_voucher "$PROGRAMME" "RU-$RUN" 10 -u researcher2 -A astro
  propose_voucher "$PROGRAMME" "RX-$RUN" 10 --valid-to "$(date -u -d '6 seconds' +%Y-%m-%dT%H:%M:%S+00:00)"
  propose_voucher "$PROGRAMME" "RN-$RUN" 10 --valid-from 2035-01-01
  propose_voucher "$PROGRAMME" "RP-$RUN" 10 -p ai
  propose_voucher "$PROGRAMME" "RC-$RUN" 10 -M cq
  propose_voucher "$PROGRAMME" "RH-$RUN" 10
  propose_voucher "$PROGRAMME" "RK-$RUN" 10
  propose_voucher "$PROGRAMME" "RL-$RUN" 0.01
  approve_all
  sluice_as finance1 voucher revoke "RK-$RUN" --reason 'granted twice' >&2
  sluice_as finance1 voucher suspend "RH-$RUN" --reason 'under review' >&2
  approve_all
  # To be refunded below: one above the site's limit of 1.00, two below.
  {
    echo "large=$(submit researcher1 -t1 -p ai -N2 --gres=gpu:4 --voucher="RM-$RUN" --wrap 'sleep 9')"
    echo "small=$(submit researcher1 -t1 --voucher="RM-$RUN" --wrap 'sleep 2')"
    echo "half=$(submit researcher1 -t1 --voucher="RM-$RUN" --wrap 'sleep 2')"
    echo "array=$(submit researcher1 -t1 --array=0-1 --wrap 'sleep 1')"
  } >"$BATS_FILE_TMPDIR/jobs"
}

setup() { load_libraries; }

job() { sed -n "s/^$1=//p" "$BATS_FILE_TMPDIR/jobs"; }

# job_refused USER TEXT OPTION...: no job, our line with TEXT, no control character but line ends.
job_refused() {
  local user=$1 text=$2
  shift 2
  run --separate-stderr as "$user" sbatch --parsable -o /dev/null "$@"
  assert_failure
  assert_output ''
  assert_regex "$stderr" "sbatch: error: sluice: .*$text"
}

is_settled() { [[ $(voucher "RM-$RUN" .liens) == 0.000000 ]]; }

all_proposals() { sluice_as auditor1 approve --list --state all --json | jq '.proposals | length'; }

@test "somebody else's voucher: denied, and nothing of it is told" {
  job_refused researcher1 "voucher RS-$RUN" --voucher="RS-$RUN" -t1 --wrap true
  assert_regex "$stderr" 'Access/permission denied'
  refute_regex "$stderr" 'bio|10\.00'
  job_refused researcher1 "voucher RU-$RUN" --voucher="RU-$RUN" -t1 --wrap true
  job_refused researcher1 "voucher RM-$RUN" -A shared --voucher="RM-$RUN" -t1 --wrap true
  job_refused researcher1 "there is no voucher none-$RUN" --voucher="none-$RUN" -t1 --wrap true
  assert_regex "$stderr" 'Access/permission denied'
}

@test "not valid yet, suspended, revoked, not for this partition or site" {
  job_refused researcher1 "voucher RN-$RUN .*2035-01-01" --voucher="RN-$RUN" -t1 --wrap true
  job_refused researcher1 "voucher RH-$RUN .*suspended" --voucher="RH-$RUN" -t1 --wrap true
  job_refused researcher1 "voucher RK-$RUN .*(revoked|took)" --voucher="RK-$RUN" -t1 --wrap true
  job_refused researcher1 "voucher RP-$RUN .*super" --voucher="RP-$RUN" -t1 -p super --wrap true
  job_refused researcher1 "voucher RC-$RUN .*hami" --voucher="RC-$RUN" -t1 --place=hami --wrap true
}

@test "a suspended voucher pays again once it is resumed" {
  refused_by finance2 'is no programme_manager' voucher resume "RH-$RUN" --reason 'checked'
  run sluice_as finance1 voucher resume "RH-$RUN" --reason 'checked'
  assert_success
  run as researcher1 sbatch --test-only --voucher="RH-$RUN" -t1 -p super --wrap true
  assert_output --partial "voucher RH-$RUN pays up to"
}

@test "a revoked voucher's balance went back to the budget" {
  assert_equal "$(voucher "RK-$RUN" '[.state, .available] | join(" ")')" 'revoked 0.000000'
  refused_by finance1 'is revoked already' voucher revoke "RK-$RUN" --reason 'again'
}

@test "an expired voucher" {
  is_expired() { [[ $(voucher "RX-$RUN" '[.state, .available] | join(" ")') == 'expired 0.000000' ]]; }
  eventually "$PATIENCE" is_expired
  job_refused researcher1 "voucher RX-$RUN .*(expired|until)" --voucher="RX-$RUN" -t1 --wrap true
}

@test "a balance too small: both amounts are named" {
  lien=$(part "$(price cq/super 1 500 0 60)" 600000)
  job_refused researcher1 "voucher RL-$RUN has 0.01 yuan available and this job may need $(fen_up "$lien")" --voucher="RL-$RUN" -t1 --wrap true
}

@test "who may not pay themselves, or not so much" {
  job_refused researcher2 'account broke may not pay itself' -A broke -t1 --wrap true
  assert_regex "$stderr" 'Job violates accounting/QOS policy'
  quote=$(price cq/ai 4 4000 4 3600)
  job_refused researcher2 "account bio may owe 50.00 yuan, owes .* this job needs $(fen_up "$quote") yuan" \
    -A bio -t60 -p ai -n4 --mem=4000 --gres=gpu:4 --wrap true
  own=$(price cq/super 1 500 0 600)
  own=$((own - $(part "$own" 600000)))
  job_refused researcher1 "you would pay up to $(fen_up "$own") yuan yourself and --max-self allows 0.20" \
    -t10 --voucher="RM-$RUN" --max-self=0.20 --wrap true
  run as researcher1 sbatch --test-only -t10 -p super --voucher="RM-$RUN" --max-self=0.26 --wrap true
  assert_success
}

@test "places that don't exist or can't be had" {
  job_refused researcher1 "there is no site 'mars'; known: local, cq, hami" --place=mars -t1 --wrap true
  job_refused researcher1 'leave --place=hami out' --place=hami --array=0-3 -t1 --wrap true
  job_refused researcher1 "has no partition 'npu'" -p npu -t1 --wrap true
}

@test "a quote of what would be refused here ends with 1, whatever the sibling says" {
  refused_by researcher1 "there is no voucher none-$RUN" quote -t10 --voucher="none-$RUN" --wrap true
  refused_by researcher1 "voucher RK-$RUN .*(revoked|took)" quote -t10 --voucher="RK-$RUN" --wrap true
  refused_by researcher1 "voucher RL-$RUN has 0.01 yuan available" quote -t10 --voucher="RL-$RUN" --wrap true
  refused_by researcher2 'account broke may not pay itself' quote -t10 -A broke --wrap true
  refused_by researcher1 "there is no site 'mars'" quote -t10 --place=mars --wrap true
  refused_by researcher1 'give --place=hami instead' quote -t10 -p npu --wrap true
  refused_by researcher1 'Requested node configuration is not available' quote -t10 -p super -N50 --wrap true
  refused_by researcher1 'is no voucher id' quote -t10 --voucher='a b' --wrap true
  run --separate-stderr sluice_as researcher1 quote --json -t10 --voucher="none-$RUN" --wrap true
  assert_failure 1
  assert_equal "$(jq -c '[.refused, .slurm, (.quotes | length)]' <<<"$output")" '[true,"",2]'
}

@test "vouchers that can't be chosen" {
  job_refused researcher1 'names several; name one, or auto' --voucher="RM-$RUN,RL-$RUN" -t1 --wrap true
  job_refused researcher2 'none of your vouchers fits' -A broke --voucher=auto -t1 --wrap true
}

@test "nonsense in every option of ours is refused before it is submitted" {
  while IFS='|' read -r option text; do
    job_refused researcher1 "--${option%%=*}: .*$text" "--$option" -t1 --wrap true
  done <<'TABLE'
voucher=|nothing given
voucher=a b|no voucher id
voucher=a,,b|no voucher id
voucher=a,a|named twice
voucher=auto,a|stands alone
voucher=../../etc/passwd|no voucher id
voucher='; drop table voucher; --|no voucher id
voucher=券|no voucher id
max-self=|nothing given
max-self=-1|no amount
max-self=1e9|no amount
max-self=0x10|no amount
max-self=1.0000001|no amount
max-self=99999999999999|no amount
workload=gaming|no class
workload=TRAINING|no class
scenario= padded|begins or ends with a space
place=a b|no place
place=/|no place
shift=soon|no duration
shift=-1h|no duration
shift=2h1d|no duration
shift=99999d|more than a year
stage-in=relative:1G|no absolute path
stage-in=/data|has no size
stage-in=/data:much|no size
max-rtt=fast|no round-trip time
max-rtt=-1|no round-trip time
task-bind=maybe|no binding
TABLE
  for variable in SLUICE_VOUCHER='a b' SLUICE_MAX_SELF=-1 SLUICE_PLACE=/ SLUICE_WORKLOAD=x; do
    run --separate-stderr as researcher1 env "$variable" sbatch --parsable --wrap true
    assert_failure
    assert_output ''
    assert_regex "$stderr" "sluice: ${variable%%=*}: "
  done
}

@test "control characters and a megabyte are refused, and slurmctld lives on" {
  before=$("$TESTBED" pid slurmctld cqctl)
  job_refused researcher1 'holds a control character' --voucher=$'a\e[31mb' --wrap true
  job_refused researcher1 'holds a control character' --scenario=$'a\tb' --wrap true
  for bytes in 1025 100000 1000000; do
    as researcher1 sh -c 'cat >long.sh' < <(
      printf '#!/bin/sh\n#SBATCH --voucher='
      head -c "$bytes" /dev/zero | tr '\0' a
      printf '\ntrue\n'
    )
    run --separate-stderr as researcher1 sbatch --parsable long.sh
    assert_failure
    assert_output ''
    assert_regex "$stderr" 'sluice: --voucher: longer than 1024 bytes; shorten it'
  done
  assert_equal "$("$TESTBED" pid slurmctld cqctl)" "$before"
}

@test "nonsense in any argument of sluice: exit 2, nothing printed, nothing written" {
  eventually "$PATIENCE" are_charged "$(job large)" "$(job small)" "$(job half)"
  eventually "$PATIENCE" is_settled
  transfers=$(transfers) proposals=$(all_proposals)
  as finance1 sh -c ': >empty.yaml; printf "programme: \001\n" >control.yaml'
  issue="voucher issue --programme $PROGRAMME --id X-$RUN --face 1 --valid-from 2026-01-01 --valid-to 2030-01-01 -A astro --document d"
  while IFS= read -r words; do
    declare -a arguments="($words)"
    run --separate-stderr sluice_as finance1 "${arguments[@]}" </dev/null
    if [[ $status -ne 2 || -n $output || -z $stderr ]]; then
      fail "sluice $words: exit $status, printed '$output', said '$stderr'"
    fi
    assert_regex "$stderr" "^sluice: .*couldn't .*: .*; "
    refute_regex "$stderr" $'[\001-\011\013-\037]'
  done <<TABLE

frobnicate
''
\$'\e[31m'
voucher
voucher frobnicate
voucher show
voucher show ''
voucher show ../../etc/passwd
voucher show \$'a\nb'
voucher show a b
voucher list --state broke
voucher suspend RM-$RUN
voucher suspend RM-$RUN --reason ''
voucher suspend RM-$RUN --reason ' '
voucher suspend RM-$RUN --reason \$'a\001b'
voucher suspend RM-$RUN --reason \$'\xff\xfe'
voucher suspend RM-$RUN --reason $(head -c 1001 /dev/zero | tr '\0' a)
voucher issue
$issue --face -1
${issue/--face 1/--face 0}
${issue/--face 1/--face 1e3}
${issue/--face 1/--face 1.0000001}
${issue/--face 1/--face 99999999999999999999}
${issue/--face 1/--face abc}
${issue/--face 1/--face "''"}
${issue/--face 1/--face ١}
${issue/2026-01-01/2026-13-01}
${issue/2026-01-01/yesterday}
${issue/2026-01-01/now}
${issue/2030-01-01/2025-01-01}
${issue/-A astro/}
${issue/-A astro/-A "''"}
${issue/-A astro/-A "'a b'"}
${issue/-A astro/-A "'a,,b'"}
$issue --share 1.5
$issue --share -1
$issue --share 0
$issue --request-id short
$issue --request-id 'a b c d e f'
${issue/--document d/--document "''"}
programme create
programme create /no/such/file
programme create empty.yaml
programme create control.yaml
programme create /dev
programme fund $PROGRAMME --amount nan --document d
programme fund $PROGRAMME --amount -5 --document d
programme fund $PROGRAMME --amount 5
programme show $PROGRAMME -o nosuchfield
refund
refund abc --all --reason r
refund 0 --all --reason r
refund 99999999999 --all --reason r
refund 1_x --all --reason r
refund $(job small) --reason r
refund $(job small) --all --amount 1 --reason r
refund $(job small) --share 2 --reason r
refund $(job small) --amount 0 --reason r
refund $(job small) --all
approve
approve 'x y'
approve PR-1 --reject
approve PR-1 --reason r
approve --list --reject
approve --list --state maybe
statement -S garbage
statement -S 2026-02-01 -E 2026-01-01
statement -A 'x y'
statement -o nosuchfield
statement extra
explain
explain abc
explain -1
explain 1 --clusters 'a b'
balance -A 'x y'
ledger
ledger verify extra
ledger frobnicate
doctor --nonsense
doctor --plugstack --json
version extra
quote --no-such-option
TABLE
  assert_equal "$(transfers) $(all_proposals)" "$transfers $proposals"
}

@test "what the service knows nothing of: exit 1, nothing written" {
  transfers=$(transfers) proposals=$(all_proposals)
  refused_by finance1 'there is no programme' programme show "none-$RUN"
  refused_by finance1 'there is no programme' programme fund "none-$RUN" --amount 1 --document d
  refused_by finance1 'there is no voucher' voucher suspend "none-$RUN" --reason r
  refused_by finance1 'there is no charge of job' refund 4294967 --all --reason r
  refused_by finance1 'job 4294967 is not known' explain 4294967
  refused_by finance2 'there is no proposal' approve "PR-none"
  refused_by finance1 'there is a programme' programme create programme.yaml
  refused_by researcher1 'is no programme_manager or cashier' refund "$(job small)" --all --reason r
  refused_by root 'root never handles money' refund "$(job small)" --all --reason r
  refused_by researcher1 'is no programme_manager' voucher suspend "RM-$RUN" --reason r
  refused_by researcher1 'proposals are for people of finance' approve --list
  assert_equal "$(transfers) $(all_proposals)" "$transfers $proposals"
}

@test "a refund below the site's limit is done at once, and once" {
  line=$(charge_of "$(job small)")
  used=$(micro "$(voucher "RM-$RUN" .used)")
  run sluice_as finance1 refund "$(job small)" --all --reason 'node was slow' --json
  assert_success
  assert_equal "$(jq -r .refund.amount <<<"$output")" "$(jq -r .charge <<<"$line")"
  assert_equal "$(charge_of "$(job small)" | jq -r '[.charge, .by_voucher, .by_self, .refunded] | join(" ")')" \
    "0.000000 0.000000 0.000000 $(jq -r .charge <<<"$line")"
  assert_equal "$(micro "$(voucher "RM-$RUN" .used)")" "$((used - $(micro "$(jq -r .by_voucher <<<"$line")")))"
  refused_by finance1 'was refunded already; at most 0.000000 is left' refund "$(job small)" --all --reason 'once more'
}

@test "halves end where the whole does" {
  line=$(charge_of "$(job half)")
  run sluice_as finance1 refund "$(job half)" --share 0.5 --reason 'first half'
  assert_success
  assert_output --regexp "^job $(job half): refunded [0-9.]*: voucher [0-9.]*, user [0-9.]*$"
  rest=$(charge_of "$(job half)" | jq -r .charge)
  run sluice_as finance1 refund "$(job half)" --amount "$rest" --reason 'the rest' --json
  assert_success
  assert_equal "$(charge_of "$(job half)" | jq -r '[.charge, .by_voucher, .by_self, .refunded] | join(" ")')" \
    "0.000000 0.000000 0.000000 $(jq -r .charge <<<"$line")"
  refused_by finance1 'at most 0.000000 is left' refund "$(job half)" --amount 0.000001 --reason 'too much'
}

@test "a task of an array is refunded by its number" {
  is_charged() { [[ $(statement | jq --argjson id "$(job array)" '[.lines[] | select(.array_job_id == $id)] | length') == 2 ]]; }
  eventually "$PATIENCE" is_charged
  refused_by finance1 'is an array; name a task of it' refund "$(job array)" --all --reason r
  refused_by finance1 "there is no charge of job $(job array)_7" refund "$(job array)_7" --all --reason r
  submitted=$(as auditor1 sacct -X -n -P -j "$(job array)_1" -o submit)
  run sluice_as finance1 refund "$(job array)_1" --all --reason 'node was slow' --submit "${submitted}Z"
  assert_success
  assert_output --regexp "^job $(job array)_1: refunded "
  assert_equal "$(statement | jq -c --argjson id "$(job array)" '[.lines[] | select(.array_job_id == $id) | [.array_task_id, .charge == "0.000000"]] | sort')" \
    '[[0,false],[1,true]]'
}

@test "a refund above the limit takes a second person, and is done once" {
  line=$(charge_of "$(job large)")
  assert [ "$(micro "$(jq -r .charge <<<"$line")")" -gt 1000000 ]
  for reason in 'wrong queue' 'wrong queue, again'; do
    run sluice_as finance1 refund "$(job large)" --all --reason "$reason" --json
    assert_success
    assert_equal "$(jq -r '.proposal.kind + " " + .proposal.state' <<<"$output")" 'refund pending'
  done
  assert_equal "$(charge_of "$(job large)")" "$line"
  read -r first second < <(pending refund | paste -sd' ')
  refused_by finance1 'another person must approve it' approve "$first"
  run sluice_as finance2 approve "$first"
  assert_success
  assert_equal "$(charge_of "$(job large)" | jq -r '[.charge, .refunded] | join(" ")')" "0.000000 $(jq -r .charge <<<"$line")"
  refused_by finance2 'more would be refunded than was charged' approve "$second"
  run sluice_as finance2 approve --reject --reason 'refunded already' "$second"
  assert_success
  assert_equal "$(voucher "RM-$RUN" '[.available, .used] | join(" ")')" '1000.000000 0.000000'
}

@test "the same request twice is one; with other content it is refused" {
  id=request-$RUN
  run sluice_as finance1 programme fund "$PROGRAMME" --amount 1 --document N-1 --request-id "$id" --json
  assert_success
  first=$output
  run sluice_as finance1 programme fund "$PROGRAMME" --amount 1 --document N-1 --request-id "$id" --json
  assert_output "$first"
  refused_by finance1 'was used for another request' programme fund "$PROGRAMME" --amount 2 --document N-1 --request-id "$id"
  run sluice_as finance2 approve --reject --reason 'a test' "$(pending programme_fund)"
  assert_success
}

@test "the ledger holds" { assert_ledger_holds; }
