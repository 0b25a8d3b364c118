// SPDX-License-Identifier: Apache-2.0
//
// Goal: what comes over the control socket is answered, or why it can't be read.
// Method: a site without a ledger, as far as texts in and out go.

#include "accounting/service/control.hpp"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace sluice::service {
namespace {

constexpr const char* config_text = R"(
role: site
cluster: far
zone: Asia/Shanghai
mode: observe
price_book: prices.yaml
)";

class ControlTest : public testing::Test {
 protected:
  PacketAnswer answer_to(const std::string& text) {
    PacketAnswer answer;
    control.answer(text, [&](const PacketAnswer& one) { answer = one; });
    return answer;
  }

  std::shared_ptr<const Config> config = std::make_shared<const Config>(parse_config("sluice.yaml", config_text).value());
  SlurmFacts facts{[](std::int64_t) { return std::optional<std::string>("someone"); }};
  PluginWatch plugin;
  Control control{{facts, plugin, nullptr, [this] { return config; }, [] { return nullptr; }, "key"}};
};

TEST_F(ControlTest, AnswersOrSaysWhatItCouldNotRead) {
  const auto answered = answer_to(R"({"v":1,"kind":"submit","nonce":"00ff","options":{},"job":{"user_id":6001}})");
  EXPECT_EQ(answered.status, 200);
  EXPECT_EQ(nlohmann::json::parse(answered.body).at("action"), "admit") << answered.body;
  EXPECT_EQ(control.answered(), 1U);

  const auto unreadable = answer_to("{");
  EXPECT_EQ(unreadable.status, 400);
  EXPECT_EQ(nlohmann::json::parse(unreadable.body).at("error").at("code"), "bad_request") << unreadable.body;
  EXPECT_EQ(control.answered(), 1U);
}

TEST_F(ControlTest, RefusesWhatNestsTooDeep) {
  const auto answered = answer_to(R"({"v":1,"kind":"submit","job":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}");
  EXPECT_EQ(answered.status, 400);
  EXPECT_NE(answered.body.find("nests more than 16 deep"), std::string::npos) << answered.body;
}

/// What is logged while it lives.
class LogKept {
 public:
  LogKept() : before_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)));
  }
  ~LogKept() { spdlog::set_default_logger(before_); }
  LogKept(const LogKept&) = delete;
  LogKept& operator=(const LogKept&) = delete;
  [[nodiscard]] std::string text() const { return text_.str(); }
  [[nodiscard]] std::ptrdiff_t lines() const {
    const std::string all = text();
    return std::count(all.begin(), all.end(), '\n');
  }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_;
};

TEST_F(ControlTest, LogsALinePerRefusalAndNonePerAdmission) {
  const LogKept log;
  const auto ask = [&](const char* kind, const char* options) {
    const auto answer = answer_to(R"({"v":1,"kind":")" + std::string(kind) + R"(","options":{)" + options + R"(},"job":{"user_id":6001,"account":"astro"}})");
    return nlohmann::json::parse(answer.body).at("action").get<std::string>();
  };
  for (const char* kind : {"submit", "test", "sibling"}) EXPECT_EQ(ask(kind, ""), "admit");
  EXPECT_EQ(ask("submit", R"("place":"nowhere")"), "admit") << "observe refuses nobody";
  EXPECT_EQ(log.lines(), 0) << log.text();
  Config enforcing = *config;
  enforcing.mode = Mode::enforce;
  config = std::make_shared<const Config>(enforcing);
  EXPECT_EQ(ask("submit", R"("place":"nowhere")"), "refuse");
  EXPECT_EQ(ask("submit", ""), "admit");
  EXPECT_EQ(log.lines(), 1) << log.text();
  const auto counts = control.counts();
  EXPECT_EQ(counts.answers.at({"submit", "admit"}), 3U);
  EXPECT_EQ(counts.answers.at({"submit", "refuse"}), 1U);
  EXPECT_EQ(counts.refusals.size(), 2U) << "one that would be and one that was";
}

TEST_F(ControlTest, NothingThatAUserWritesBeginsALine) {
  Config enforcing = *config;
  enforcing.mode = Mode::enforce;
  config = std::make_shared<const Config>(enforcing);
  const LogKept log;
  const auto refused = answer_to(R"({"v":1,"kind":"submit","options":{"place":"x\nforged\u001b[2J"},"job":{"user_id":6001,"account":"astro"}})");
  const auto unreadable = answer_to(R"({"v":1,"kind":"submit","options":{"x\nforged":1},"job":{"user_id":6001}})");

  const std::string line = nlohmann::json::parse(refused.body).at("lines").at(0);
  EXPECT_NE(line.find("'x forged [2J'"), std::string::npos) << line;
  EXPECT_EQ(nlohmann::json::parse(unreadable.body).at("error").at("text"), "options.x forged: write a text");
  EXPECT_EQ(log.lines(), 2) << log.text();
  EXPECT_EQ(log.text().find('\x1b'), std::string::npos) << log.text();
}

}  // namespace
}  // namespace sluice::service
