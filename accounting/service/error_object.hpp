// SPDX-License-Identifier: Apache-2.0
//
// The error object of API.md, which both listeners answer with.

#pragma once

#include <string>

namespace sluice::service {

/// `{"error":{"kind":…,"code":…,"text":…}}`
[[nodiscard]] std::string error_object(const std::string& kind, const std::string& code, const std::string& text);

}  // namespace sluice::service
