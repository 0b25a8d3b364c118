// SPDX-License-Identifier: Apache-2.0
//
// A world for verbs without network, clock or processes: replies are given, requests
// are kept.

#pragma once

#include <deque>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "accounting/cli/app.hpp"
#include "test_folder.hpp"

namespace sluice::test {

using cli::Request;

/// What FakeTransport answers and has seen; outlives the transports made of it.
struct Wire {
  std::deque<Result<cli::Reply>> replies;
  std::vector<Request> requests;
};

class FakeTransport final : public cli::Transport {
 public:
  explicit FakeTransport(Wire& wire) : wire_(wire) {}
  Result<cli::Reply> exchange(const Request& request) override {
    wire_.requests.push_back(request);
    if (wire_.replies.empty()) return Failure{Failure::Kind::unreachable, "not_sent", "nobody answers"};
    Result<cli::Reply> reply = wire_.replies.front();
    wire_.replies.pop_front();
    return reply;
  }
  std::string server() const override { return "fake:1"; }

 private:
  Wire& wire_;
};

class FakeAuthenticator final : public cli::Authenticator {
 public:
  Result<std::string> authorization(const std::string&) override { return std::string("FAKE"); }
};

struct FakeWorld {
  Folder folder;
  Wire wire;
  std::ostringstream out, err;
  /// What each program answers when it is run; the last of several stands for all after it.
  std::map<std::string, std::deque<cli::Finished>> programs;
  std::vector<cli::Command> ran;
  cli::Clock clock{1773115506, 1773072000};

  int run(const std::vector<std::string>& arguments) {
    out.str("");
    err.str("");
    cli::World world{
        out,
        err,
        [this](const char* name) -> std::optional<std::string> {
          return std::string(name) == "XDG_STATE_HOME" ? std::optional(folder / "state") : std::nullopt;
        },
        [this] { return clock; },
        [this] { return std::make_unique<FakeTransport>(wire); },
        [] { return std::make_unique<FakeAuthenticator>(); },
        [this](const cli::Command& command) { return run_program(command); }};
    return cli::run(arguments, world);
  }

 private:
  Result<cli::Finished> run_program(const cli::Command& command) {
    ran.push_back(command);
    const auto known = programs.find(command.arguments.front());
    if (known == programs.end()) {
      return Failure{Failure::Kind::unreachable, "not_started", command.arguments.front() + ": No such file or directory"};
    }
    cli::Finished finished = known->second.front();
    if (known->second.size() > 1) known->second.pop_front();
    return finished;
  }
};

}  // namespace sluice::test
