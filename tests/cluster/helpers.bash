# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the suites of this folder share: the testbed, people and their commands,
# vouchers, jobs, and prices computed without Sluice. Source it in setup_file and
# setup. Names carry $RUN, so that a suite runs twice on one testbed.
#
# shellcheck disable=SC2016  # much is expanded on the hosts
# shellcheck disable=SC2119,SC2120,SC2154,SC2317  # optional arguments; variables of bats; conditions for `eventually`

bats_require_minimum_version 1.5.0
TESTBED=$(readlink -f -- "${BASH_SOURCE[0]%/*}/../../scripts/testbed")

# Limits end a test that would wait for ever; no verdict hangs on them.
readonly PATIENCE=120

# cluster_up [OPTION...]: once per file, in setup_file; options as of `testbed up`.
cluster_up() {
  "$TESTBED" up --mode enforce "$@" >&2
  export RUN BEGAN
  RUN=$(date +%s%N)
  RUN=${RUN:4:9}
  BEGAN=$(date -d '2 seconds ago' +%Y-%m-%dT%H:%M:%S+00:00 -u)
  # Whatever ended before must not be taken for what this file starts.
  on_controller scancel --quiet --user=researcher1 >&2
  on_controller scancel --quiet --user=researcher2 >&2
  make_whole
  # An earlier run's, and a price book that only make_whole took back.
  use_prices testbed-1
  as finance2 bash -c 'for id in $(sluice approve --list --json | jq -r ".proposals[].id"); do
      sluice approve --reject --reason "left over" "$id"
    done' >&2
}

# The configuration of site cq as `up` writes it.
configuration_of() { sed 's/@MODE@/enforce/' "${TESTBED%/*}/../tests/cluster/site/cq/$1"; }
write() { on_controller sh -c "cat >/etc/sluice/$1"; } # write FILE: from the standard input

# make_whole: everything runs and is configured as after `up`, whatever a test has done.
make_whole() {
  local file
  for file in sluice.yaml plugin.conf prices.yaml; do configuration_of "$file" | write "$file"; done
  "$TESTBED" signal CONT sluiced cqctl 2>/dev/null || true
  "$TESTBED" start slurmdbd
  "$TESTBED" start sluiced
  "$TESTBED" signal HUP sluiced cqctl
  mode_is enforce || eventually "$PATIENCE" mode_is enforce
  eventually "$PATIENCE" takes_jobs
}

# check_of NAME: what doctor says of it, as "ok: TEXT".
check_of() { sluice_as auditor1 doctor --json | jq -r --arg name "$1" '.service.checks[] | select(.name == $name) | .state + ": " + .text'; }
check_says() { [[ $(check_of "$1") =~ $2 ]]; } # check_says NAME REGEX

# Both clusters hold the other one for there.
is_synced() {
  local host
  for host in cqctl hamictl; do
    "$TESTBED" exec "$host" scontrol show federation 2>/dev/null | grep -q '^Sibling:.*Synced:Yes' || return 1
  done
}

mode_is() { [[ $(sluice_as auditor1 doctor --json | jq -r .service.mode) == "$1" ]]; }

load_libraries() {
  bats_load_library bats-support
  bats_load_library bats-assert
}

# eventually SECONDS COMMAND...: polls; a busy machine is slow, not wrong.
eventually() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    if [[ $SECONDS -gt $deadline ]]; then
      echo "never came true: $*" >&2
      return 1
    fi
    sleep 0.2
  done
}

# as USER COMMAND...: on the login host.
as() { "$TESTBED" exec -u "$1" login "${@:2}"; }

# sluice_as USER ARGUMENT...
sluice_as() { as "$1" sluice "${@:2}"; }

on_controller() { "$TESTBED" exec cqctl "$@"; }

# takes_jobs: slurmctld and sluiced both answer, and the plugin's breaker is closed.
takes_jobs() { as researcher1 sluice quote -t1 --wrap true 2>/dev/null | grep -q '^up to '; }

# ---- Money: amounts of JSON as millionths of a yuan, in integers of 64 bit.

micro() { # micro 12.345678
  local sign='' text=$1 whole fraction
  if [[ $text == -* ]]; then sign=- text=${text#-}; fi
  whole=${text%%.*} fraction=
  if [[ $text == *.* ]]; then fraction=${text#*.}; fi
  fraction=${fraction}000000
  echo "$sign$((10#$whole * 1000000 + 10#${fraction:0:6}))"
}

yuan() { # yuan 12345678
  local sign='' amount=$1
  if [[ $amount -lt 0 ]]; then sign=- amount=$((-amount)); fi
  printf '%s%d.%06d\n' "$sign" $((amount / 1000000)) $((amount % 1000000))
}

# divide_half_even NUMERATOR DENOMINATOR, both positive.
divide_half_even() {
  local quotient=$(($1 / $2)) twice=$(($1 % $2 * 2))
  if [[ $twice -gt $2 || ($twice -eq $2 && $((quotient % 2)) -eq 1) ]]; then quotient=$((quotient + 1)); fi
  echo "$quotient"
}

# part AMOUNT SHARE_IN_MILLIONTHS: the voucher's part, rounded down.
part() { echo $(($1 * $2 / 1000000)); }

# fen AMOUNT: to the fen, half-even, as text with two decimals.
fen() {
  local rounded
  rounded=$(divide_half_even "$1" 10000)
  printf '%d.%02d\n' $((rounded / 100)) $((rounded % 100))
}

# fen_up AMOUNT: to the fen, upwards, as quotes and refusals say it.
fen_up() {
  local rounded=$((($1 + 9999) / 10000))
  printf '%d.%02d\n' $((rounded / 100)) $((rounded % 100))
}

# quote_line QUOTE BY_VOUCHER CLUSTER/PARTITION VOUCHER: what a paid job's user reads.
quote_line() {
  local self=$((($1 - $2 + 9999) / 10000)) all=$((($1 + 9999) / 10000))
  echo "sluice: up to $(fen_up "$1") yuan on $3: voucher $4 pays up to $(fen_up $(((all - self) * 10000))), you up to $(fen_up $(($1 - $2)))"
}

# The tests' own copy of site/cq/prices.yaml, in millionths per hour.
price_of() { # price_of CLUSTER/PARTITION NAME
  case $1:$2 in
    cq/super:cpu | cq/ai:cpu | cq/bridge:cpu) echo 3600000 ;;
    cq/super:mem | cq/ai:mem | cq/bridge:mem) echo 360000 ;;
    cq/ai:gpu) echo 72000000 ;; # of type a100, once: not 36 for the kind besides
    cq/bridge:gpu) echo 72000000 ;;
    hami/npu:cpu) echo 1800000 ;;
    hami/npu:mem) echo 180000 ;;
    hami/npu:gpu) echo 18000000 ;;
    cq/free:cpu) echo 7200000 ;; # once it has a price, see kinds.bats
    *) echo 0 ;;
  esac
}

# price CLUSTER/PARTITION CPUS MEGABYTES GPUS SECONDS: memory is per 1,024 MB.
price() {
  local sum=$(($(price_of "$1" cpu) * $2 * 1024 + $(price_of "$1" mem) * $3 + $(price_of "$1" gpu) * $4 * 1024))
  divide_half_even $((sum * $5)) $((3600 * 1024))
}

# price_of_record "CLUSTER|PARTITION|ELAPSED|TRES", as `record_of` prints it.
price_of_record() {
  local cluster partition elapsed tres cpus=0 megabytes=0 gpus=0 one
  IFS='|' read -r cluster partition elapsed tres <<<"$1"
  for one in ${tres//,/ }; do
    case $one in
      cpu=*) cpus=${one#*=} ;;
      mem=*M) one=${one%M} megabytes=${one#*=} ;;
      mem=*) return 1 ;;
      gres/gpu=*) gpus=${one#*=} ;;
    esac
  done
  price "$cluster/$partition" "$cpus" "$megabytes" "$gpus" "$elapsed"
}

# record_of JOBID [CLUSTER]: what slurmdbd says was used, by the newest record that says
# so: the last task of an array has the array's id, which stands for all of them, and in a
# federation 24.11 adds a record of it that never begins.
record_of() {
  as auditor1 sacct -D -X -n -P --noconvert -M "${2:-cq}" -j "$1" -o submit,jobidraw,cluster,partition,elapsedraw,alloctres |
    awk -F'|' -v id="$1" '$2 == id && $6 != ""' | sort | tail -n 1 | cut -d'|' -f3-
}

state_of() { as auditor1 sacct -X -n -P -M "${2:-cq}" -j "$1" -o state; } # state_of JOBID [CLUSTER]

# ---- People.

# approve_all: every pending proposal but price books, in the order in which they build on each other.
approve_all() {
  as finance2 bash -c 'set -e
    for kind in programme_create programme_fund voucher_issue voucher_revoke refund; do
      for id in $(sluice approve --list --json | jq -r --arg kind "$kind" ".proposals[] | select(.kind == \$kind) | .id"); do
        sluice approve "$id"
      done
    done' >&2
}

# make_programme ID [YAML...]: in force, with 1,000,000 yuan.
make_programme() {
  local id=$1
  shift
  {
    printf '%s\n' "programme: $id" 'name: 算力券' 'issuer: testbed' 'share: "0.60"' 'valid_from: 2026-01-01' \
      'expiry_to: budget' "$@"
  } | as finance1 sh -c 'cat >programme.yaml && sluice programme create programme.yaml' >&2
  approve_all
  sluice_as finance1 programme fund "$id" --amount 1000000 --document "notice of $id" >&2
  approve_all
}

# propose_voucher PROGRAMME ID FACE [OPTION...]: for account astro unless an option says more.
propose_voucher() {
  local programme=$1 id=$2 face=$3
  shift 3
  [[ " $*" == *" -A "* || " $*" == *" -u "* ]] || set -- -A astro "$@"
  [[ " $*" == *" --valid-from "* ]] || set -- --valid-from 2026-01-01 "$@"
  [[ " $*" == *" --valid-to "* ]] || set -- --valid-to 2040-01-01 "$@"
  sluice_as finance1 voucher issue --id "$id" --programme "$programme" --face "$face" --document "award $id" "$@" >&2
}

# The proposal of KIND that waits.
pending() { sluice_as finance2 approve --list --json | jq -r --arg kind "$1" '.proposals[] | select(.kind == $kind) | .id'; }

# refused_by USER TEXT ARGUMENT...: exit 1, nothing printed, the text on stderr.
refused_by() {
  local user=$1 text=$2
  shift 2
  run --separate-stderr sluice_as "$user" "$@"
  assert_failure 1
  assert_output ''
  assert_regex "$stderr" "$text"
}

voucher() { sluice_as auditor1 voucher show "$1" --json | jq -r "$2"; } # voucher ID JQ

transfers() { sluice_as auditor1 ledger verify --json | jq .transfers; }

# Both books hold, and no lien of a voucher of this run is open.
assert_ledger_holds() {
  run sluice_as auditor1 ledger verify --json
  assert_success
  assert_equal "$(jq -c '[.ok, .problems, .books.entitlement, .books.money]' <<<"$output")" \
    '[true,[],"0.000000","0.000000"]'
}

# ---- Jobs.

# submit USER OPTION...: prints the id; what sbatch said is left in $SAID.
submit() {
  local user=$1 id
  shift
  id=$(as "$user" sbatch --parsable -o /dev/null "$@" 2>"${SAID:-/dev/null}") || return
  echo "${id%%;*}"
}

comment_of() { as auditor1 scontrol show job "$1" | sed -n 's/^ *AdminComment=//p'; } # comment_of JOBID

is_running() { [[ $(as auditor1 squeue -h -o %T -j "$1" 2>/dev/null) == RUNNING ]]; }

has_run_for() { # has_run_for JOBID SECONDS
  local began
  began=$(as auditor1 squeue -h -t RUNNING -j "$1" -O starttime:.20 2>/dev/null) && [[ -n $began ]] &&
    [[ $(($(date +%s) - $(date -u -d "${began// /}" +%s))) -ge $2 ]]
}

has_ended() { # has_ended JOBID... : in slurmdbd
  local ids=$* states
  states=$(as auditor1 sacct -X -n -P -M cq,hami -j "${ids// /,}" -o state) || return
  [[ -n $states ]] && ! grep -q -E 'PENDING|RUNNING|COMPLETING|SUSPENDED' <<<"$states"
}

# statement [OPTION...]: of what ended in this run.
statement() { sluice_as auditor1 statement --json -S "$BEGAN" "$@"; }

# charge_of JOBID: the line of the statement.
charge_of() { statement | jq -c --argjson id "$1" '.lines[] | select(.job_id == $id)'; }

are_charged() { # are_charged JOBID...
  local ids
  ids=$(printf '%s\n' "$@" | jq -cs .)
  statement | jq -e --argjson ids "$ids" '[.lines[].job_id] as $have | $ids - $have == []' >/dev/null
}

explain() { sluice_as auditor1 explain "$1" --json; } # explain JOBID

# assert_charge JOBID CLUSTER VOUCHER SHARE [PURSE]: the one charge of the job follows
# from slurmdbd's record alone. VOUCHER null: none. PURSE: the most that it holds.
assert_charge() {
  local line record amount due by_voucher partition
  line=$(charge_of "$1")
  record=$(record_of "$1" "$2")
  amount=$(price_of_record "$record")
  due=$(part "$amount" "$4")
  by_voucher=$due
  if [[ -n ${5-} && $due -gt $5 ]]; then by_voucher=$5; fi
  IFS='|' read -r _ partition _ <<<"$record"
  echo "record $record, line $line" >&2
  assert [ "$amount" -gt 0 ]
  assert_equal "$(jq -r '[.cluster, .partition, .charge, .by_voucher, .by_self, .overrun, .voucher // "null"] | join(" ")' <<<"$line")" \
    "$2 $partition $(yuan "$amount") $(yuan "$by_voucher") $(yuan $((amount - due))) $(yuan $((due - by_voucher))) $3"
}

# charged_once JOBID...: waits for the charges of jobs of cq that name $VOUCHER, whose
# share is 0.60, and compares each with slurmdbd's record.
charged_once() {
  local line record amount by_voucher lines id
  eventually "$PATIENCE" are_charged "$@"
  lines=$(statement)
  for id in "$@"; do
    line=$(jq -r --argjson id "$id" '.lines[] | select(.job_id == $id) |
      [.cluster, .charge, .by_voucher, .by_self, .overrun, .voucher] | join(" ")' <<<"$lines")
    record=$(record_of "$id")
    amount=$(price_of_record "$record")
    by_voucher=$(part "$amount" 600000)
    echo "job $id, record $record, line $line" >&2
    assert [ "$amount" -gt 0 ]
    # Two lines for it would not be equal to one.
    assert_equal "$line" "cq $(yuan "$amount") $(yuan "$by_voucher") $(yuan $((amount - by_voucher))) 0.000000 $VOUCHER"
  done
}

# ---- Prices.

book_in_force() { sluice_as auditor1 doctor --json 2>/dev/null | jq -r '.service.checks[] | select(.name == "price book in force").text'; }
is_book_in_force() { [[ $(book_in_force) == "$1 "* ]]; } # is_book_in_force NAME

# use_prices NAME [ROW...]: the testbed's own book, under another name, with more rows.
use_prices() {
  local name=$1 id
  shift
  is_book_in_force "$name" && return
  { configuration_of prices.yaml | sed "s/^price_book:.*/price_book: $name/"; [[ $# -eq 0 ]] || printf '%s\n' "$@"; } | write prices.yaml
  "$TESTBED" signal HUP sluiced cqctl
  is_offered() { [[ -n $(pending price_book) ]] || is_book_in_force "$1"; }
  eventually "$PATIENCE" is_offered "$name"
  for id in $(pending price_book); do sluice_as finance2 approve "$id" >&2; done
  is_book_in_force "$name"
}
