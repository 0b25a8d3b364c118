// SPDX-License-Identifier: Apache-2.0
//
// Goal: a program's words and status come back whole. Method: the shell says them.

#include "accounting/cli/subprocess.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

TEST(RunCommand, CapturesBothStreamsAndTheStatus) {
  const auto finished = run_command({{"sh", "-c", "echo out; echo \"$SLUICE_QUOTE\" >&2; exit 3"}, {{"SLUICE_QUOTE", "json"}}});
  ASSERT_TRUE(finished.ok());
  EXPECT_EQ(finished->out, "out\n");
  EXPECT_EQ(finished->err, "json\n");
  EXPECT_EQ(finished->status, 3);
}

TEST(RunCommand, DoesNotDeadlockOnMuchOutput) {
  const auto finished = run_command({{"sh", "-c", "head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero"}, {}});
  ASSERT_TRUE(finished.ok());
  EXPECT_EQ(finished->out.size(), 300000u);
  EXPECT_EQ(finished->err.size(), 300000u);
}

TEST(RunCommand, SignalsAndAbsencesAreTold) {
  EXPECT_EQ(run_command({{"sh", "-c", "kill -9 $$"}, {}})->status, 137);
  const auto absent = run_command({{"sluice-no-such-program"}, {}});
  ASSERT_FALSE(absent.ok());
  EXPECT_EQ(absent.failure().kind, Failure::Kind::unreachable);
}

}  // namespace
}  // namespace sluice::cli
