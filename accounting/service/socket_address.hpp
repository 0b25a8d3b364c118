// SPDX-License-Identifier: Apache-2.0
//
// "ADDRESS:PORT" of a configuration, as bind(2) takes it. Names aren't looked up: what
// they stand for could change between two starts.

#pragma once

#include <sys/socket.h>

#include <string>

#include "accounting/core/result.hpp"

namespace sluice::service {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

/// "127.0.0.1:6711", "[::1]:6711" or "::1:6711"; the failure says what would be right.
[[nodiscard]] Result<SocketAddress> parse_socket_address(const std::string& text);

}  // namespace sluice::service
