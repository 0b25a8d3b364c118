// SPDX-License-Identifier: Apache-2.0
//
// Goal: settings are read strictly, with file and line. Method: rows of text.

#include "accounting/cli/client_config.hpp"

#include <gtest/gtest.h>

#include <map>

#include "test_folder.hpp"

namespace sluice::cli {
namespace {

TEST(ClientConfig, ReadsSettings) {
  const auto config = parse_client_config("f", "# c\n\nserver = [::1]:6711 # here\r\n service_user=acct\ntimeout_seconds = 60\nmunge_socket = /run/m\n");
  ASSERT_TRUE(config.ok()) << config.failure().text;
  EXPECT_EQ(config->server, "[::1]:6711");
  EXPECT_EQ(config->service_user, "acct");
  EXPECT_EQ(config->munge_socket, "/run/m");
  EXPECT_EQ(config->timeout_seconds, 60);
}

TEST(ClientConfig, RefusesWithFileAndLine) {
  for (const char* text : {"\nserver", "\nserver =", "\nserver = host", "\nserver = host:0", "\nserver = host:65536", "\nserver = a/b:1",
                           "\nserver = user@host:1", "\nserver = [zz]:1", "\nserver = :1", "\nport = 1", "\ntimeout_seconds = 0",
                           "\ntimeout_seconds = 1s", "\nservice_user =", "\nmunge_socket = run/m"}) {
    const auto config = parse_client_config("f", text);
    ASSERT_FALSE(config.ok()) << text;
    EXPECT_EQ(config.failure().text.rfind("f:2: ", 0), 0u) << config.failure().text;
  }
}

TEST(ClientConfig, TheEnvironmentOverrides) {
  const test::Folder folder;
  std::map<std::string, std::string> variables = {{"SLUICE_CLIENT_CONF", folder.write("c", "server = a:1\n")}};
  const Environment environment = [&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  EXPECT_EQ(load_client_config(environment)->server, "a:1");
  variables["SLUICE_SERVER"] = "b:2";
  EXPECT_EQ(load_client_config(environment)->server, "b:2");
  variables["SLUICE_SERVER"] = "b:2/path";
  EXPECT_FALSE(load_client_config(environment).ok());
  variables = {{"SLUICE_CLIENT_CONF", folder / "absent"}};
  EXPECT_FALSE(load_client_config(environment).ok());
}

}  // namespace
}  // namespace sluice::cli
