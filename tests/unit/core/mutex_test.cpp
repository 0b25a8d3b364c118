// SPDX-License-Identifier: Apache-2.0

#include "accounting/core/mutex.hpp"

#include <gtest/gtest.h>

#include <mutex>
#include <thread>
#include <vector>

namespace sluice {
namespace {

TEST(Mutex, IsHeldByOneAtATime) {
  Mutex mutex;
  const std::lock_guard held(mutex);
  bool taken = true;
  std::thread([&] { taken = mutex.try_lock(); }).join();
  EXPECT_FALSE(taken);
}

TEST(Mutex, LosesNoUpdate) {
  Mutex mutex;
  int count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 10'000; ++j) {
        const std::lock_guard held(mutex);
        ++count;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count, 40'000);
}

}  // namespace
}  // namespace sluice
