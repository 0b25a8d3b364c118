// SPDX-License-Identifier: Apache-2.0
//
// sluice: the command. Builds the world that verbs see, runs one, returns its status.

#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <iostream>

#include "accounting/cli/app.hpp"

namespace {

using namespace sluice;
using namespace sluice::cli;

std::optional<std::string> environment_variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

Clock clock_now() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  local.tm_hour = local.tm_min = local.tm_sec = 0;
  local.tm_isdst = -1;
  return {now, std::mktime(&local)};
}

ClientConfig client_config() {
  auto config = load_client_config(environment_variable);
  if (!config) {
    throw CommandFailure{Exit::usage, "read the client's settings", config.failure().text, "correct the setting"};
  }
  return std::move(config).value();
}

std::unique_ptr<Authenticator> authenticator() {
  const ClientConfig config = client_config();
  return std::make_unique<MungeAuthenticator>(config.service_user, config.munge_socket);
}

std::unique_ptr<Transport> transport() {
  return make_http_transport(client_config(), authenticator(), ::isatty(STDERR_FILENO) != 0 ? &std::cerr : nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  World world{std::cout, std::cerr, environment_variable, clock_now, transport, authenticator, run_command};
  return run(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc), world);
}
