// SPDX-License-Identifier: Apache-2.0
//
// Goal: what comes over the public interface can't bring the service down. Method: the
// handler itself, with an authenticator that believes everybody.

#include "accounting/service/public_api.hpp"

#include <gtest/gtest.h>

#include "tests/scenarios/world.hpp"

namespace sluice::service {
namespace {

using nlohmann::json;
using test::World;

class Anybody final : public Authenticator {
 public:
  Result<uid_t> authenticate(const HttpRequest&) override { return static_cast<uid_t>(World::uid_of("manager")); }
};

class PublicApiTest : public testing::Test {
 protected:
  HttpResponse post(const std::string& path, const std::string& body) {
    HttpRequest request;
    request.method = "POST";
    request.path = request.target = path;
    request.body = body;
    return api.handle(request);
  }
  World world;
  Health health;
  Anybody anybody;
  PluginWatch plugin;
  DiskUse disk{"/nonexistent"};
  Control control{{world.facts(), plugin, &world.books(), [this] { return world.books().config(); }, [] { return nullptr; }, "key"}};
  Doctor doctor{{world.facts(), health, plugin, disk, control, &world.books(), [this] { return world.books().config(); }, 0}};
  PublicApi api{{world.facts(), health, anybody, doctor, &world.books(), [this] { return world.books().config(); }, [] {}, [] { return true; }}};
};

TEST_F(PublicApiTest, RefusesABodyThatNestsTooDeep) {
  for (const std::size_t depth : {std::size_t{16}, std::size_t{500'000}}) {  // in an object: one more
    const auto response = post("/v1/vouchers", R"({"request_id":"deep-0001","document":"d","x":)" + std::string(depth, '[') + std::string(depth, ']') + "}");
    EXPECT_EQ(response.status, 400U);
    EXPECT_NE(response.body.find("the body nests more than 16 deep"), std::string::npos) << response.body;
  }
}

}  // namespace
}  // namespace sluice::service
