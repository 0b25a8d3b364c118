// SPDX-License-Identifier: Apache-2.0
//
// What each verb shows: fields of the objects in accounting/service/API.md and
// their texts for people. Pure.

#pragma once

#include <span>
#include <string>

#include "accounting/report/fields.hpp"

namespace sluice::report {

[[nodiscard]] std::span<const Field> voucher_fields();
[[nodiscard]] std::span<const Field> programme_fields();
[[nodiscard]] std::span<const Field> proposal_fields();
[[nodiscard]] std::span<const Field> explanation_fields();
[[nodiscard]] std::span<const Field> check_fields();

/// Accounts and vouchers in one listing: what a program reads and --format chooses from.
[[nodiscard]] std::span<const Field> balance_fields();
[[nodiscard]] Json balance_rows(const Json& balance);

[[nodiscard]] std::string balance_text(const Json& balance);
[[nodiscard]] std::string explanation_text(const Json& explanation);
[[nodiscard]] std::string verification_text(const Json& verification);

}  // namespace sluice::report
