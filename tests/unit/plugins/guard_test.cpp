// SPDX-License-Identifier: Apache-2.0
//
// Goal: nothing escapes into Slurm's C frames. Method: every kind of throw.

#include "plugins/slurm_abi/guard.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <new>
#include <stdexcept>
#include <system_error>

#include "tests/fake_slurm/fake_slurm.hpp"

namespace sluice::slurm_abi {
namespace {

struct Unusual {};

struct NullWhat : std::exception {
  [[nodiscard]] const char* what() const noexcept override { return "100% %s %n"; }
};

TEST(Guard, ReturnsWhatTheBodyReturns) {
  fake_slurm::reset();
  EXPECT_EQ(guard("hook", -1, [] { return 42; }), 42);
  EXPECT_TRUE(fake_slurm::errors().empty());
}

TEST(Guard, TurnsEveryThrowIntoOneLineAndTheFallback) {
  const struct {
    std::function<int()> body;
    std::string line;
  } rows[] = {
      {[]() -> int { throw std::runtime_error("broken"); }, "sluice: hook: broken"},
      {[]() -> int { throw std::bad_alloc(); }, "sluice: hook: std::bad_alloc"},
      {[]() -> int { throw std::system_error(std::make_error_code(std::errc::io_error)); }, "sluice: hook: Input/output error"},
      {[]() -> int { throw NullWhat(); }, "sluice: hook: 100% %s %n"},
      {[]() -> int { throw 7; }, "sluice: hook: unknown exception"},
      {[]() -> int { throw "text"; }, "sluice: hook: unknown exception"},
      {[]() -> int { throw Unusual(); }, "sluice: hook: unknown exception"},
      {[]() -> int { throw std::string(100'000, 'x'); }, "sluice: hook: unknown exception"},
      {[]() -> int {
         try {
           throw std::runtime_error("inner");
         } catch (...) {
           std::throw_with_nested(std::logic_error("outer"));
         }
       },
       "sluice: hook: outer"},
      {std::function<int()>(), "sluice: hook: bad_function_call"},
  };
  for (const auto& row : rows) {
    fake_slurm::reset();
    EXPECT_EQ(guard("hook", -9, row.body), -9);
    EXPECT_EQ(fake_slurm::errors(), std::vector<std::string>{row.line});
  }
}

TEST(Guard, CutsALineThatIsTooLong) {
  fake_slurm::reset();
  EXPECT_EQ(guard("hook", 1, []() -> int { throw std::runtime_error(std::string(1'000'000, 'x')); }), 1);
  ASSERT_EQ(fake_slurm::errors().size(), 1U);
  EXPECT_LT(fake_slurm::errors()[0].size(), 4096U);
}

}  // namespace
}  // namespace sluice::slurm_abi
