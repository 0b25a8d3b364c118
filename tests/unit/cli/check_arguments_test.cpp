// SPDX-License-Identifier: Apache-2.0
//
// Goal: what is wrong is refused before it is sent, and what is right passes. Method:
// rows of each.

#include "accounting/cli/check_arguments.hpp"

#include <gtest/gtest.h>

#include "accounting/cli/failure.hpp"

namespace sluice::cli {
namespace {

template <typename Check>
bool passes(Check check, const std::string& value) {
  try {
    static_cast<void>(check("--x", value));
    return true;
  } catch (const CommandFailure& failure) {
    EXPECT_EQ(failure.exit, Exit::usage);
    EXPECT_EQ(failure.why.rfind("--x: ", 0), 0u) << failure.why;
    return false;
  }
}

#define CHECK_OF(function) [](const std::string& name, const std::string& value) { static_cast<void>(function(name, value)); return 0; }

TEST(CheckArguments, Ids) {
  for (const std::string& right : {std::string("a"), std::string("CD-2026-0001"), std::string("_x.y"), std::string(64, 'a')}) {
    EXPECT_TRUE(passes(CHECK_OF(check_id), right)) << right;
  }
  for (const std::string& wrong : {std::string(""), std::string(".."), std::string("-x"), std::string("a/b"), std::string("a b"),
                                   std::string("券"), std::string("a%2f"), std::string("a@b"), std::string(65, 'a')}) {
    EXPECT_FALSE(passes(CHECK_OF(check_id), wrong)) << wrong;
  }
}

TEST(CheckArguments, JobIds) {
  for (const char* right : {"1", "123", "123_4", "123_0", "4294967295"}) {
    EXPECT_TRUE(passes(CHECK_OF(check_job_id), right)) << right;
  }
  for (const char* wrong : {"", "0", "-1", "123_", "_4", "123_4_5", "123.batch", "12a", "4294967296", "123_[1-4]", " 1"}) {
    EXPECT_FALSE(passes(CHECK_OF(check_job_id), wrong)) << wrong;
  }
}

TEST(CheckArguments, RequestIds) {
  EXPECT_TRUE(passes(CHECK_OF(check_request_id), "12345678"));
  EXPECT_FALSE(passes(CHECK_OF(check_request_id), "1234567"));
  EXPECT_FALSE(passes(CHECK_OF(check_request_id), std::string(65, 'a')));
}

TEST(CheckArguments, Reasons) {
  EXPECT_TRUE(passes(CHECK_OF(check_reason), "节点故障, ticket 88"));
  for (const std::string& wrong : {std::string(""), std::string("  "), std::string("a\nb"), std::string("a\x1b[m"),
                                   std::string("\xff"), std::string("x\u202Ey"), std::string(1001, 'a')}) {
    EXPECT_FALSE(passes(CHECK_OF(check_reason), wrong)) << wrong;
  }
}

TEST(CheckArguments, Amounts) {
  EXPECT_EQ(checked_amount("--x", "500"), "500.000000");
  EXPECT_EQ(checked_amount("--x", "0.000001"), "0.000001");
  for (const char* wrong : {"", "0", "-1", "1e3", "1,000", "1.0000001", ".5", "99999999999999999999"}) {
    EXPECT_FALSE(passes(CHECK_OF(checked_amount), wrong)) << wrong;
  }
}

TEST(CheckArguments, Shares) {
  EXPECT_EQ(checked_share("--x", "1"), "1.00");
  for (const char* wrong : {"0", "1.1", "50%", ""}) EXPECT_FALSE(passes(CHECK_OF(checked_share), wrong)) << wrong;
}

TEST(CheckArguments, NamesAddUpWithoutRepetition) {
  EXPECT_EQ(checked_names("--x", {"a,b", "b", "c"}), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(checked_names("--x", {}).empty());
  for (const char* wrong : {"", "a,", ",a", "a,,b", "a&b"}) {
    EXPECT_FALSE(passes([](const std::string& name, const std::string& list) { return checked_names(name, {list}); }, wrong));
  }
}

TEST(Nearest, FindsSlipsAndBeginnings) {
  const std::vector<std::string> words = {"balance", "quote", "statement", "voucher"};
  EXPECT_EQ(nearest("balence", words), "balance");
  EXPECT_EQ(nearest("qoute", words), "quote");
  EXPECT_EQ(nearest("stat", words), "statement");
  EXPECT_EQ(nearest("vouchers", words), "voucher");
  EXPECT_EQ(nearest("energy", words), "");
  EXPECT_EQ(nearest("", words), "");
  EXPECT_EQ(nearest("xy", {"ab"}), "");
}

}  // namespace
}  // namespace sluice::cli
