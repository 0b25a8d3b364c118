#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal: nobody who means harm stops slurmctld, changes what another one is charged or
# keeps others from being answered: not who answers instead of sluiced, not a user of the
# controller's host, not a user with strange texts, a forged tag or thousands of
# submissions. Method: be each of them. refusals.bats has what options are refused,
# control characters and megabytes among them. Leaves the testbed up.
#
# shellcheck disable=SC2016  # much is expanded on the hosts
# shellcheck disable=SC2154,SC2317  # variables that bats sets; conditions are called by `eventually`

load helpers
export LC_ALL=C.UTF-8 # for \u below

setup_file() {
  load helpers
  cluster_up
  export VOUCHER=HV-$RUN
  make_programme "hostile-$RUN"
  propose_voucher "hostile-$RUN" "$VOUCHER" 1000
  propose_voucher "hostile-$RUN" "HB-$RUN" 1000 -A bio
  approve_all
}

setup() { load_libraries; }

teardown() {
  make_whole
  for user in researcher1 researcher2; do as "$user" scancel --quiet --user="$user"; done
}

slurmctld_pid() { "$TESTBED" pid slurmctld cqctl; }

@test "somebody else answers on the socket, with nonsense: jobs go on by the policy" {
  # Each write of theirs is a packet.
  local answers=(
    "printf '200\\n{\"v\":\"1\",\"action\":[]}'"
    "printf '200\\n{\"v\":1e999,\"action\":\"admit\"}'"
    "printf '200\\n{\"v\":1,\"action\":\"admit\",\"lines\":7}'"
    "printf '200\\n{\"v\":1,\"action\":\"admit\",\"lines\":[{}],\"set\":[]}'"
    "printf '200\\n{\"v\":1,\"action\":\"admit\",\"set\":{\"admin_comment\":7}}'"
    "printf '200\\n{\"v\":1,\"action\":\"admit\",\"set\":{\"begin_time\":-1}}'"
    "printf '200\\n{\"v\":1,\"action\":\"admit\",\"set\":{\"partition\":\"a\\\\u0001b\"}}'"
    "printf '200\\n{\"v\":1,\"action\":\"refuse\",\"lines\":[\"\\377\\376\"]}'"
    "perl -e 'syswrite STDOUT, qq(200\\n) . qq([) x 60000'"
    "printf 'HTTP/1.1 200 OK'"
    'head -c 60000 /dev/urandom'
    'head -c 10M /dev/zero'
    yes
    true
    'for letter in 2 0 0; do printf $letter; sleep 0.2; done'
    "sleep 2; printf '200\\n{\"v\":1,\"action\":\"refuse\"}'"
    'sleep 60'
  ) i job before
  before=$(slurmctld_pid)
  for i in "${!answers[@]}"; do
    asked() {
      job=$(submit researcher1 -H -t1 --voucher="$VOUCHER" --wrap true) || return
      on_controller test -e "/run/asked-$i"
    }
    printf '#!/bin/sh\nhead -c 1 >/run/asked-%s\n%s\n' "$i" "${answers[i]}" |
      on_controller sh -c "rm -f /run/asked-$i; cat >/run/answer; chmod 755 /run/answer"
    on_controller sh -c 'echo "$$" >/run/other.pid; exec socat "$@"' - \
      -b 70000 "UNIX-LISTEN:/run/other-$i,type=5,fork,mode=666" EXEC:/run/answer >/dev/null 2>&1 3>&- &
    { configuration_of plugin.conf && echo "socket = /run/other-$i"; } | write plugin.conf
    eventually "$PATIENCE" asked
    echo "answered with ${answers[i]}" >&2
    assert_equal "$(comment_of "$job" | jq -c '.sluice | [.unpriced, .options.voucher]')" "[true,\"$VOUCHER\"]"
    on_controller sh -c 'kill "$(cat /run/other.pid)"'
  done
  assert_equal "$(slurmctld_pid)" "$before"
}

# flood COUNT: connects and holds, as a user of the controller's host; prints how often each errno came, 0 for none.
flood() {
  "$TESTBED" exec -u researcher2 cqctl perl -MSocket -e '
    my (%count, @held);
    for (1 .. $ARGV[0]) {
      socket(my $end, AF_UNIX, 5, 0) or last;
      my $problem = connect($end, sockaddr_un("/run/sluice/control.sock")) ? 0 : $! + 0;
      ++$count{$problem};
      push @held, $end if !$problem;
    }
    print join(" ", map { "$_:$count{$_}" } sort keys %count), "\n"' "$1"
}

@test "a user of the controller's host floods the control socket: the kernel keeps them out, and slurmctld is answered" {
  for n in 1 2; do flood 300000 >"$BATS_TEST_TMPDIR/flood.$n" 3>&- & done
  job=$(submit researcher1 -t1 --voucher="$VOUCHER" --wrap 'sleep 1')
  assert_equal "$(comment_of "$job" | jq .sluice.unpriced)" null
  wait
  # 13 is EACCES: not one has stood in the queue.
  assert_equal "$(cat "$BATS_TEST_TMPDIR"/flood.*)" $'13:300000\n13:300000'
  charged_once "$job"
}

@test "texts that mean to deceive: each job is refused or quoted, and no reader is fooled" {
  local tricks=(
    $'gpu\u202egnp.exe\u202c' $'\u2066a\u2069' $'\u200f\u061cb' $'line\u2028break\u2029' $'\ufeffa\u200bb'
    $'\xff\xfe' $'\xc0\xaf..' $'\xed\xa0\x80' $'\xf4\x90\x80\x80' $'cut \xe5\x88'
    '"}],"sluice":{"id":"A' '{"sluice":{"v":1}}' '%s%n%x' "\$(reboot)'\"\`" 'e\u0301' '\u0000'
  ) text job i said=0
  for i in "${!tricks[@]}"; do
    text=${tricks[i]}
    run --separate-stderr as researcher1 sbatch --parsable -H -t1 -o /dev/null --voucher="$VOUCHER" \
      --scenario="$text" -J "$text" --comment="$text" --wrap true
    if [[ $status -ne 0 ]]; then
      assert_regex "$stderr" 'sbatch: error: '
      continue
    fi
    job=${output%%;*}
    assert_equal "$(comment_of "$job" | jq -r '.sluice.voucher[0]')" "$VOUCHER"
    run as auditor1 sluice explain "$job"
    assert_success
    refute_regex "$output" $'[\001-\011\013-\037\177]|\u061c|\u200f|\u2028|\u2029|\u202c|\u202e|\u2066|\u2069'
    iconv -f utf-8 -t utf-8 <<<"$output" >/dev/null
    explain "$job" | jq -e .reasons >/dev/null
    said=$((said + 1))
  done
  assert [ "$said" -gt 0 ]
}

@test "a tag of somebody else's in --comment, or written into AdminComment: it changes nobody's charge" {
  theirs=$(submit researcher2 -t1 --voucher="HB-$RUN" --wrap 'sleep 1')
  tag=$(comment_of "$theirs")
  assert_equal "$(jq -r '.sluice.voucher[0]' <<<"$tag")" "HB-$RUN"
  own=$(submit researcher1 -t1 --comment="$tag" --wrap 'sleep 1')
  paid=$(submit researcher1 -t1 --voucher="$VOUCHER" --comment="$tag" --wrap 'sleep 1')
  run as researcher1 scontrol update "jobid=$own" "admincomment=$tag"
  assert_failure
  charged_once "$paid"
  eventually "$PATIENCE" are_charged "$own" "$theirs"
  assert_charge "$own" cq null 0
  assert_charge "$theirs" cq "HB-$RUN" 600000
}

@test "a thousand submissions that are refused: each cleanly, and others are let in meanwhile" {
  before=$(slurmctld_pid)
  as researcher2 bash -c 'voucher=$1
    for _ in {1..8}; do
      for _ in {1..125}; do sbatch -H -t1 --voucher="$voucher" --wrap true 2>&1; done &
    done
    wait' sh "none-$RUN" >"$BATS_TEST_TMPDIR/said" 3>&- &
  jobs=()
  for _ in 1 2 3 4 5; do jobs+=("$(submit researcher1 -t1 --voucher="$VOUCHER" --wrap 'sleep 1')"); done
  wait "$!"
  refused=$(grep -c "sluice: there is no voucher none-$RUN" "$BATS_TEST_TMPDIR/said" || true)
  # On a machine too busy to answer in time they are let in by the policy, and wait there.
  let_in=$(grep -c '^Submitted batch job' "$BATS_TEST_TMPDIR/said" || true)
  assert_equal "$((refused + let_in))" 1000
  assert [ "$refused" -gt 0 ]
  assert_equal "$(slurmctld_pid)" "$before"
  charged_once "${jobs[@]}"
}

@test "nothing is held any more, and the ledger holds" {
  is_free() { [[ $(voucher "$VOUCHER" .liens) == 0.000000 && $(voucher "HB-$RUN" .liens) == 0.000000 ]]; }
  eventually "$PATIENCE" is_free
  assert_ledger_holds
}
