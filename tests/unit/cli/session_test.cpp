// SPDX-License-Identifier: Apache-2.0
//
// Goal: each way in which a request can end has its exit status and its sentence, and
// nothing is done twice. Method: a transport that answers what a row says.

#include "accounting/cli/session.hpp"

#include <gtest/gtest.h>

#include "accounting/cli/failure.hpp"
#include "accounting/core/digest.hpp"
#include "fake_world.hpp"

namespace sluice::cli {
namespace {

using test::FakeTransport;
using test::Wire;

std::string error_body(const char* kind, const char* text) {
  return Json{{"error", {{"kind", kind}, {"code", "c"}, {"text", text}}}}.dump();
}

TEST(Session, AnErrorsKindDecidesTheExit) {
  const struct {
    long status;
    std::string body;
    Exit exit;
    const char* why;
  } rows[] = {{400, error_body("usage", "no such field."), Exit::usage, "no such field"},
              {401, error_body("refusal", "expired"), Exit::refused, "expired"},
              {403, error_body("refusal", "not yours"), Exit::refused, "not yours"},
              {404, error_body("refusal", "gone"), Exit::refused, "gone"},
              {409, error_body("refusal", "settled"), Exit::refused, "settled"},
              {413, error_body("usage", "too large"), Exit::usage, "too large"},
              {500, error_body("fault", "broke"), Exit::unreachable, "broke"},
              {503, error_body("fault", "starting"), Exit::unreachable, "starting"},
              {200, "[]", Exit::unreachable, nullptr},
              {200, "", Exit::unreachable, nullptr},
              {302, "{}", Exit::unreachable, nullptr},
              {502, "<html>", Exit::unreachable, nullptr}};
  for (const auto& row : rows) {
    const test::Folder folder;
    Wire wire;
    wire.replies.push_back(Reply{row.status, row.body});
    std::ostringstream notes;
    Session session(std::make_unique<FakeTransport>(wire), RequestStore(folder / "r"), notes);
    try {
      static_cast<void>(session.get("look", "/v1/x"));
      ADD_FAILURE() << row.status;
    } catch (const CommandFailure& failure) {
      EXPECT_EQ(failure.exit, row.exit) << row.status;
      EXPECT_EQ(failure.what, "look");
      if (row.why != nullptr) {
        EXPECT_EQ(failure.why, row.why);
      }
      EXPECT_FALSE(failure.next.empty());
    }
  }
}

/// The ids that a sequence of replies to the same POST leads to.
std::vector<std::string> ids_of(std::vector<Result<Reply>> replies) {
  const test::Folder folder;
  Wire wire;
  std::ostringstream notes;
  for (auto& reply : replies) {
    wire.replies.push_back(reply);
    Session session(std::make_unique<FakeTransport>(wire), RequestStore(folder / "r"), notes);
    try {
      static_cast<void>(session.post({"do", "/v1/x", Json{{"a", 1}}, ""}, 1000));
    } catch (const CommandFailure&) {
    }
  }
  std::vector<std::string> ids;
  for (const Request& request : wire.requests) ids.push_back(Json::parse(request.body)["request_id"]);
  return ids;
}

TEST(Session, AnUnknownOutcomeKeepsTheId) {
  const Failure lost{Failure::Kind::unreachable, "no_answer", "lost"};
  const Failure not_sent{Failure::Kind::unreachable, "not_sent", "refused"};
  for (const Result<Reply>& unknown :
       {Result<Reply>(lost), Result<Reply>(Reply{500, "{}"}), Result<Reply>(Reply{503, error_body("fault", "x")}),
        Result<Reply>(Reply{200, "<html>"})}) {
    const auto ids = ids_of({unknown, not_sent, Reply{200, "{}"}, Reply{200, "{}"}});
    EXPECT_EQ(ids[0], ids[1]);
    EXPECT_EQ(ids[1], ids[2]);
    EXPECT_NE(ids[2], ids[3]);
  }
  for (const Result<Reply>& definite :
       {Result<Reply>(not_sent), Result<Reply>(Reply{200, "{}"}), Result<Reply>(Reply{409, error_body("refusal", "x")})}) {
    const auto ids = ids_of({definite, Reply{200, "{}"}});
    EXPECT_NE(ids[0], ids[1]);
  }
}

TEST(Session, APersonsOwnIdIsSentAndNotKept) {
  const test::Folder folder;
  Wire wire;
  wire.replies.push_back(Reply{200, "{}"});
  std::ostringstream notes;
  Session session(std::make_unique<FakeTransport>(wire), RequestStore(folder / "r"), notes);
  static_cast<void>(session.post({"do", "/v1/x", Json::object(), "my.request"}, 1));
  EXPECT_EQ(Json::parse(wire.requests[0].body)["request_id"], "my.request");
  EXPECT_FALSE(std::filesystem::exists(folder / "r"));
}

TEST(Query, LeavesOutWhatIsEmpty) {
  EXPECT_EQ(query({}), "");
  EXPECT_EQ(query({{"a", ""}, {"b", "1"}, {"c", "2"}}), "?b=1&c=2");
}

TEST(RequestDigest, IsThatOfTheInterface) {
  EXPECT_EQ(request_digest({"GET", "/v1/balance?account=a", "", ""}),
            sha256_hex("GET\n/v1/balance?account=a\n"
                       "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
}

}  // namespace
}  // namespace sluice::cli
