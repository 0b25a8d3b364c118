// SPDX-License-Identifier: Apache-2.0
//
// Checks of what people type, made before anything is sent. Pure; each throws
// CommandFailure (usage) that names the option, what was given and what is right.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "accounting/core/money.hpp"

namespace sluice::cli {

/// No control characters and valid UTF-8. `name` is the option's, for the message.
void check_text(const std::string& name, std::string_view value);

/// An id: [A-Za-z0-9._-]{1,64}, not starting with '.' or '-'.
void check_id(const std::string& name, std::string_view value);

/// A user's or an account's name: as an id, '@' too.
void check_name(const std::string& name, std::string_view value);

/// A request's id: [A-Za-z0-9._-]{8,64}.
void check_request_id(const std::string& name, std::string_view value);

/// "123", or "123_4" for an array's task.
void check_job_id(const std::string& name, std::string_view value);

/// Text of a person for the books: not blank, at most 1,000 bytes, checked as check_text.
void check_reason(const std::string& name, std::string_view value);

/// An amount above zero, in the form that the service writes.
[[nodiscard]] std::string checked_amount(const std::string& name, std::string_view value);

/// A share above 0 and at most 1, in the form that the service writes.
[[nodiscard]] std::string checked_share(const std::string& name, std::string_view value);

/// The names of lists such as "a,b" given once or several times, each checked as a name.
[[nodiscard]] std::vector<std::string> checked_names(const std::string& name, const std::vector<std::string>& lists);

/// The one of `words` that `typed` is nearest to; empty where none is near.
[[nodiscard]] std::string nearest(std::string_view typed, const std::vector<std::string>& words);

}  // namespace sluice::cli
