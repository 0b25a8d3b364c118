// SPDX-License-Identifier: Apache-2.0
//
// See client_config.hpp.

#include "accounting/cli/client_config.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "accounting/core/yaml_reader.hpp"
#include "accounting/report/text.hpp"

namespace sluice::cli {
namespace {

constexpr const char* default_file = "/etc/sluice/client.conf";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::optional<int> number_between(std::string_view text, int min, int max) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < min || value > max) return std::nullopt;
  return value;
}

bool is_host(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    return host.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
  }
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
  };
  return !host.empty() && host.front() != '-' && std::all_of(host.begin(), host.end(), allowed);
}

bool is_server(std::string_view server) {
  const std::size_t colon = server.rfind(':');
  return colon != std::string_view::npos && is_host(server.substr(0, colon)) &&
         number_between(server.substr(colon + 1), 1, 65535);
}

std::string bad_server(const std::string& server) {
  return "'" + report::printable(server.substr(0, 60)) + "' is not a server; write it as host:port, such as 127.0.0.1:6711";
}

/// Empty where the setting is right, else what is wrong with it.
std::string apply(ClientConfig& config, std::string_view name, const std::string& value) {
  if (name == "server") {
    if (!is_server(value)) return bad_server(value);
    config.server = value;
  } else if (name == "service_user") {
    if (value.empty()) return "service_user needs a user's name";
    config.service_user = value;
  } else if (name == "munge_socket") {
    if (value.empty() || value.front() != '/') return "munge_socket needs a full path";
    config.munge_socket = value;
  } else if (name == "timeout_seconds") {
    const auto seconds = number_between(value, 1, 3600);
    if (!seconds) return "timeout_seconds needs a number from 1 to 3600";
    config.timeout_seconds = *seconds;
  } else {
    return "'" + report::printable(name.substr(0, 40)) +
           "' is no setting; these are: server, service_user, munge_socket, timeout_seconds";
  }
  return "";
}

}  // namespace

Result<ClientConfig> parse_client_config(const std::string& file, std::string_view text) {
  ClientConfig config;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    line = trimmed(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    const std::size_t equals = line.find('=');
    const std::string problem =
        equals == std::string_view::npos
            ? "a line needs the form name = value"
            : apply(config, trimmed(line.substr(0, equals)), std::string(trimmed(line.substr(equals + 1))));
    if (!problem.empty()) return refusal("bad_config", file + ":" + std::to_string(number) + ": " + problem);
  }
  return config;
}

Result<ClientConfig> load_client_config(const Environment& environment) {
  const auto named = environment("SLUICE_CLIENT_CONF");
  const std::string file = named.value_or(default_file);
  ClientConfig config;
  if (named || ::access(file.c_str(), F_OK) == 0) {
    const auto text = load_text(file, 64u << 10);
    if (!text) return text.failure();
    auto parsed = parse_client_config(file, *text);
    if (!parsed) return parsed;
    config = std::move(parsed).value();
  }
  if (const auto server = environment("SLUICE_SERVER")) {
    if (!is_server(*server)) return refusal("bad_config", "SLUICE_SERVER: " + bad_server(*server));
    config.server = *server;
  }
  return config;
}

}  // namespace sluice::cli
