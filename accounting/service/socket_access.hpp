// SPDX-License-Identifier: Apache-2.0
//
// Who may connect to a socket, decided by the kernel: whoever isn't let in never stands
// in the queue of those who are. An access list on the socket's file names users, so that
// neither a common group nor a capability is needed: it is enough to own the file.

#pragma once

#include <sys/types.h>

#include <set>
#include <string>

#include "accounting/core/result.hpp"

namespace sluice::service {

/// From here on the owner of `path`, `users` and root may connect, and nobody else. Between
/// bind() and listen(), so that nobody has come before.
[[nodiscard]] Result<void> let_connect(const std::string& path, const std::set<uid_t>& users);

}  // namespace sluice::service
