// SPDX-License-Identifier: Apache-2.0
//
// Goal: what the plugin sends is read, and what it should not send is refused.
// Method: rows of request texts.

#include <gtest/gtest.h>

#include "accounting/service/appraisal.hpp"

namespace sluice::service {
namespace {

TEST(AdmissionRequest, IsRead) {
  const std::string text =
      R"({"v":1,"kind":"submit","nonce":"00ff","options":{"voucher":"V"},"job":{"user_id":6001,"partition":"ai","unknown":1}})";
  const auto request = admission_request_from_text(text);
  ASSERT_TRUE(request.ok()) << request.failure().text;
  EXPECT_EQ(request->kind, AdmissionRequest::Kind::submit);
  EXPECT_EQ(request->nonce, "00ff");
  EXPECT_EQ(request->option("voucher"), "V");
  EXPECT_EQ(request->option("max-self"), "");
  EXPECT_EQ(request->job.user_id, 6001u);
  EXPECT_EQ(request->content_sha256.size(), 64u);
  EXPECT_EQ(admission_request_from_text(text)->content_sha256, request->content_sha256);
  const auto other = admission_request_from_text(
      R"({"v":1,"kind":"submit","nonce":"00ff","options":{"voucher":"W"},"job":{"user_id":6001,"partition":"ai","unknown":1}})");
  EXPECT_NE(other->content_sha256, request->content_sha256);
}

TEST(AdmissionRequest, OfASiblingHasNoComponent) {
  // As 22.05 sends them: the same submission at its origin and at a sibling.
  const auto read = [](const char* kind) {
    return admission_request_from_text(std::string(R"({"v":1,"kind":")") + kind + R"(","job":{"user_id":1,"het_offset":0}})");
  };
  EXPECT_TRUE(read("submit")->job.het_offset.has_value());
  EXPECT_FALSE(read("sibling")->job.het_offset.has_value());
}

TEST(AdmissionRequest, TakesTheReportOfTheSecondLineApart) {
  const std::string line = R"({"v":1,"kind":"submit","job":{"user_id":1}})";
  const auto plain = admission_request_from_text(line);
  const auto reporting = admission_request_from_text(
      line + "\n" R"({"version":"0.1.0","slurm":"22.05.8","loaded_at":1795320900,"without_answer":3})");
  ASSERT_TRUE(reporting.ok());
  EXPECT_FALSE(plain->plugin.has_value());
  ASSERT_TRUE(reporting->plugin.has_value());
  EXPECT_EQ(reporting->plugin->without_answer, 3);
  EXPECT_EQ(reporting->content_sha256, plain->content_sha256) << "the same submission, with one more lost answer";
  const auto torn = admission_request_from_text(line + "\n{");
  ASSERT_TRUE(torn.ok()) << "no job hangs on a report";
  EXPECT_FALSE(torn->plugin.has_value());
}

TEST(AdmissionRequest, IsRefused) {
  const struct {
    const char* text;
    const char* said;
  } rows[] = {
      {"", "not a JSON object"},
      {"[]", "not a JSON object"},
      {"{", "not a JSON object"},
      {R"({"kind":"submit","job":{"user_id":1}})", "v: "},
      {R"({"v":2,"kind":"submit","job":{"user_id":1}})", "v: "},
      {R"({"v":1,"job":{"user_id":1}})", "kind: is missing"},
      {R"({"v":1,"kind":1,"job":{"user_id":1}})", "kind: "},
      {R"({"v":1,"kind":"modify","job":{"user_id":1}})", "kind: write submit, test or sibling"},
      {R"({"v":1,"kind":"submit","nonce":7,"job":{"user_id":1}})", "nonce: "},
      {R"({"v":1,"kind":"submit","options":[],"job":{"user_id":1}})", "options: "},
      {R"({"v":1,"kind":"submit","options":{"voucher":7},"job":{"user_id":1}})", "options.voucher: "},
      {R"({"v":1,"kind":"submit"})", "job: is missing"},
      {R"({"v":1,"kind":"submit","job":{}})", "user_id"},
      {R"({"v":1,"kind":"submit","job":{"user_id":-1}})", "user_id"},
      {R"({"v":1,"kind":"submit","job":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]})", "nests more than 16 deep"},
  };
  for (const auto& row : rows) {
    const auto request = admission_request_from_text(row.text);
    ASSERT_FALSE(request.ok()) << row.text;
    EXPECT_EQ(request.failure().code, "bad_request") << row.text;
    EXPECT_NE(request.failure().text.find(row.said), std::string::npos) << row.text << ": " << request.failure().text;
  }
  EXPECT_FALSE(admission_request_from_text(R"({"v":1,"kind":"submit","nonce":")" + std::string(65, 'a') + R"(","job":{"user_id":1}})").ok());
}

}  // namespace
}  // namespace sluice::service
