// SPDX-License-Identifier: Apache-2.0
//
// See statement.hpp.

#include "accounting/report/statement.hpp"

#include <algorithm>

#include "accounting/report/text.hpp"

namespace sluice::report {
namespace {

constexpr Field line_fields[] = {
    {"cluster", "Cluster", "集群", Kind::text, "cluster"},
    {"job", "Job", "作业", Kind::text, "job"},
    {"job_id", "Job", "作业", Kind::text, "job_id", false},
    {"user", "User", "用户", Kind::text, "user"},
    {"account", "Account", "账户", Kind::text, "account"},
    {"partition", "Partition", "分区", Kind::text, "partition"},
    {"state", "State", "状态", Kind::text, "state"},
    {"start", "Start", "开始", Kind::time, "start", false},
    {"end", "End", "结束", Kind::time, "end"},
    {"elapsed_seconds", "Elapsed", "用时", Kind::elapsed, "elapsed_seconds"},
    {"tres", "TRES", "资源", Kind::text, "tres", false},
    {"charge", "Charge", "费用", Kind::money, "charge"},
    {"by_voucher", "By voucher", "券付", Kind::money, "by_voucher"},
    {"by_self", "By self", "自付", Kind::money, "by_self"},
    {"overrun", "Overrun", "超出", Kind::money, "overrun"},
    {"refunded", "Refunded", "退款", Kind::money, "refunded"},
    {"voucher", "Voucher", "算力券", Kind::text, "voucher"},
};

constexpr Field total_fields[] = {
    {"total", "Total", "合计", Kind::total, "total"},
    {"by_voucher", "By voucher", "其中券付", Kind::total, "by_voucher"},
    {"by_self", "By self", "其中自付", Kind::total, "by_self"},
    {"overrun", "Overrun", "其中超出", Kind::total, "overrun"},
    {"rounding", "Rounding", "尾差", Kind::money, "rounding"},
};

}  // namespace

std::span<const Field> statement_fields() { return line_fields; }

std::string statement_text(const Json& statement, const Fields& fields) {
  const Json& lines = rows_at(statement, "lines");
  const std::string from = printable(raw_text(statement, "from"));
  const std::string to = printable(raw_text(statement, "to"));
  std::string text = "对账单  Statement\n";
  if (!from.empty() && !to.empty()) text += "期间  Period    " + from + " to " + to + "\n";
  if (!from.empty() && to.empty()) text += "期间  Period    since " + from + "\n";
  if (from.empty() && !to.empty()) text += "期间  Period    before " + to + "\n";
  text += "币种  Currency  元 CNY\n\n";
  text += table_text(fields, lines);
  if (lines.empty()) text += "期间内没有作业  No job ended in this period.\n";
  text += '\n';

  std::size_t label_width = 0;
  std::size_t label_zh_width = 0;
  std::size_t amount_width = 0;
  for (const Field& field : total_fields) {
    label_width = std::max(label_width, display_width(field.heading));
    label_zh_width = std::max(label_zh_width, display_width(field.heading_zh));
    amount_width = std::max(amount_width, field_text(field, statement, true).size());
  }
  for (const Field& field : total_fields) {
    const std::string amount = field_text(field, statement, true);
    if (amount.empty()) continue;
    text += padded(field.heading_zh, label_zh_width, false) + "  " + padded(field.heading, label_width, false) + "  " +
            padded(amount, amount_width, true) + "\n";
  }
  text += padded("作业数", label_zh_width, false) + "  " + padded("Jobs", label_width, false) + "  " +
          padded(std::to_string(lines.size()), amount_width, true) + "\n";
  return text;
}

}  // namespace sluice::report
