# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154  # variables of scripts/bench
#
# bench exchange: the rows of exchange_bench, in the form of every benchmark. "ours" is
# an exchange of packets, "other" one of HTTP over a stream socket.

bench_exchange() {
  local count=2000 blocks=5
  while [[ $# -gt 0 ]]; do
    case $1 in
      --n)
        number "$1" "${2-}" 1000000
        count=$2
        shift
        ;;
      --blocks)
        number "$1" "${2-}" 1000
        blocks=$2
        shift
        ;;
      *) die 2 "exchange: unknown option '$1'; see bench --help" ;;
    esac
    shift
  done
  [[ $count -ge 10 ]] || die 2 "--n '$count': it is 10 or more; see bench --help"
  local machine
  machine=$(machine_json)
  need_program exchange_bench
  "$PROGRAM" --count "$count" --blocks "$blocks" |
    jq --argjson machine "$machine" --argjson blocks "$blocks" '
      def round_to(k): . * k | round / k;
      {bench: "exchange", machine: $machine,
       method: {blocks_each: $blocks, request_bytes, answer_bytes,
         values: "medians of the blocks'"'"' own p50 and p99, in blocks that take turns",
         other: "HTTP/1.1 kept alive, libcurl and libmicrohttpd, over a unix stream socket"},
       rows: [.rows[] | .ours |= round_to(10) | .other |= round_to(10) | .ratio |= round_to(1000)],
       complete: true}'
}
