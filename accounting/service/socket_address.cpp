// SPDX-License-Identifier: Apache-2.0
//
// See socket_address.hpp.

#include "accounting/service/socket_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>

namespace sluice::service {

Result<SocketAddress> parse_socket_address(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return fault("write ADDRESS:PORT, such as 127.0.0.1:6711");
  std::string host = text.substr(0, colon);
  const std::string port_text = text.substr(colon + 1);
  if (port_text.empty() || port_text.size() > 5 || port_text.find_first_not_of("0123456789") != std::string::npos ||
      std::stoi(port_text) > 65535) {
    return fault("the port must be a number up to 65535");
  }
  const auto port = htons(static_cast<std::uint16_t>(std::stoi(port_text)));
  if (host.size() > 1 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  SocketAddress address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = port;
    address.size = sizeof *v4;
  } else if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = port;
    address.size = sizeof *v6;
  } else {
    return fault("write an address in digits instead of the name '" + host + "', such as 127.0.0.1");
  }
  return address;
}

}  // namespace sluice::service
