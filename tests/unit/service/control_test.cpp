// SPDX-License-Identifier: Apache-2.0
//
// Goal: what comes over the control socket is answered, or why it can't be read.
// Method: a site without a ledger, as far as texts in and out go.

#include "accounting/service/control.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace sluice::service {
namespace {

constexpr const char* config_text = R"(
role: site
cluster: far
zone: Asia/Shanghai
mode: observe
price_book: prices.yaml
)";

TEST(Control, AnswersOrSaysWhatItCouldNotRead) {
  const auto parsed = parse_config("sluice.yaml", config_text);
  ASSERT_TRUE(parsed.ok()) << parsed.failure().text;
  const auto config = std::make_shared<const Config>(*parsed);
  SlurmFacts facts([](std::int64_t) { return std::optional<std::string>("someone"); });
  Control control({facts, nullptr, [&] { return config; }, [] { return nullptr; }, "key"});

  const auto answered = control.admit(R"({"v":1,"kind":"submit","nonce":"00ff","options":{},"job":{"user_id":6001}})");
  EXPECT_EQ(answered.status, 200);
  EXPECT_EQ(nlohmann::json::parse(answered.body).at("action"), "admit") << answered.body;
  EXPECT_EQ(control.answered(), 1U);

  const auto unreadable = control.admit("{");
  EXPECT_EQ(unreadable.status, 400);
  EXPECT_EQ(nlohmann::json::parse(unreadable.body).at("error").at("code"), "bad_request") << unreadable.body;
  EXPECT_EQ(control.answered(), 1U);
}

}  // namespace
}  // namespace sluice::service
