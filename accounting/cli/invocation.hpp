// SPDX-License-Identifier: Apache-2.0
//
// What a verb is given: its arguments and the world around it, all replaceable by a test.

#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "accounting/cli/client_config.hpp"
#include "accounting/cli/failure.hpp"
#include "accounting/cli/session.hpp"
#include "accounting/cli/subprocess.hpp"
#include "accounting/cli/time_expression.hpp"

namespace sluice::cli {

/// Everything outside the program.
struct World {
  std::ostream& out;
  std::ostream& err;
  Environment environment;
  std::function<Clock()> clock;
  /// Makes the way to the service; called only by verbs that ask it. Throws CommandFailure.
  std::function<std::unique_ptr<Transport>()> transport;
  /// Makes what proves who asks, for verbs that look at it alone. Throws CommandFailure.
  std::function<std::unique_ptr<Authenticator>()> authenticator;
  std::function<Result<Finished>(const Command&)> run;
};

struct Invocation {
  std::string verb;  ///< "voucher issue"
  std::string summary;
  std::vector<std::string> arguments;
  World& world;

  [[nodiscard]] Session session() const {
    return Session(world.transport(), RequestStore(request_folder(world.environment)), world.err);
  }
};

}  // namespace sluice::cli
