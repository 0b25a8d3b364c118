// SPDX-License-Identifier: Apache-2.0
//
// Goal: a message that isn't the one that was sent is seen. Method: fill, then damage.

#include "mpi-bench/payload.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::linkbench {
namespace {

TEST(Payload, IsKnownAgain) {
  for (const std::size_t size : {0, 1, 7, 8, 9, 1000}) {
    std::vector<std::byte> payload(size);
    fill_payload(payload, 42);
    EXPECT_TRUE(is_payload(payload, 42)) << size;
  }
}

TEST(Payload, AnotherMessageIsNot) {
  std::vector<std::byte> payload(8);
  fill_payload(payload, 42);
  EXPECT_FALSE(is_payload(payload, 43));
  EXPECT_FALSE(is_payload(std::vector<std::byte>(8), 42));
  EXPECT_FALSE(is_payload(std::vector<std::byte>(8), 0));
}

TEST(Payload, EveryDamagedByteIsSeen) {
  std::vector<std::byte> payload(61);
  fill_payload(payload, 5);
  for (std::byte& one : payload) {
    one ^= std::byte{1};
    EXPECT_FALSE(is_payload(payload, 5));
    one ^= std::byte{1};
  }
  EXPECT_TRUE(is_payload(payload, 5));
}

}  // namespace
}  // namespace sluice::linkbench
