// SPDX-License-Identifier: Apache-2.0

#include "mpi-bench/payload.hpp"

#include <algorithm>
#include <cstring>

namespace sluice::linkbench {
namespace {

/// SplitMix64: neighbouring numbers give unlike words.
std::uint64_t word_at(std::uint64_t message, std::uint64_t index) {
  std::uint64_t z = message * 0xd1342543de82ef95u + (index + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

constexpr std::size_t word_bytes = sizeof(std::uint64_t);

}  // namespace

void fill_payload(std::span<std::byte> payload, std::uint64_t message) {
  for (std::size_t at = 0; at < payload.size(); at += word_bytes) {
    const std::uint64_t word = word_at(message, at / word_bytes);
    std::memcpy(payload.data() + at, &word, std::min(word_bytes, payload.size() - at));
  }
}

bool is_payload(std::span<const std::byte> payload, std::uint64_t message) {
  for (std::size_t at = 0; at < payload.size(); at += word_bytes) {
    const std::uint64_t word = word_at(message, at / word_bytes);
    if (std::memcmp(payload.data() + at, &word, std::min(word_bytes, payload.size() - at)) != 0) return false;
  }
  return true;
}

}  // namespace sluice::linkbench
