// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/error_object.hpp"

#include <nlohmann/json.hpp>

namespace sluice::service {

std::string error_object(const std::string& kind, const std::string& code, const std::string& text) {
  const nlohmann::json body = {{"error", {{"kind", kind}, {"code", code}, {"text", text}}}};
  return body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace sluice::service
