// SPDX-License-Identifier: Apache-2.0
//
// The statement (对账单) as a text for people: a line per job with six decimals,
// totals with two, headings in Chinese and English. Pure.

#pragma once

#include <span>
#include <string>

#include "accounting/report/fields.hpp"

namespace sluice::report {

/// Every field of a statement's line.
[[nodiscard]] std::span<const Field> statement_fields();

/// The statement in the object S of GET /v1/statement, with the given columns.
[[nodiscard]] std::string statement_text(const Json& statement, const Fields& fields);

}  // namespace sluice::report
