# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # variables of scripts/bench and of the benchmarks
#
# What benchmarks on a testbed of their own share. KEEP says whether it stays up.

# Sets TESTBED and WORK, a folder that goes with the benchmark.
begin_on_testbed() { # NAME
  [[ $EUID -eq 0 ]] || die 2 "$1: must run as root: the testbed makes namespaces and mounts"
  export SLUICE_TESTBED_DIR=${SLUICE_TESTBED_DIR:-/var/tmp/sluice-testbed-bench}
  TESTBED=$REPO/scripts/testbed
  WORK=$(mktemp -d)
  trap finish EXIT
}

at_finish() { :; } # a benchmark may have its own

finish() {
  local code=$?
  at_finish
  if [[ $KEEP == no ]]; then "$TESTBED" down >&2 || true; fi
  rm -rf -- "$WORK"
  exit "$code"
}

quietly() {
  "$@" >"$WORK/output" 2>&1 && return 0
  cat "$WORK/output" >&2
  die 1 "couldn't run: $*"
}

# as USER COMMAND...: on the host of a person.
as() { "$TESTBED" exec -u "$1" login "${@:2}"; }
