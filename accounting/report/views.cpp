// SPDX-License-Identifier: Apache-2.0
//
// See views.hpp.

#include "accounting/report/views.hpp"

#include "accounting/report/text.hpp"

namespace sluice::report {
namespace {

constexpr Field voucher[] = {
    {"id", "Voucher", "", Kind::text, "id"},
    {"programme", "Programme", "", Kind::text, "programme"},
    {"state", "State", "", Kind::text, "state"},
    {"face", "Face", "", Kind::money, "face"},
    {"available", "Available", "", Kind::money, "available"},
    {"liens", "Liens", "", Kind::money, "liens"},
    {"used", "Used", "", Kind::money, "used"},
    {"claimed", "Claimed", "", Kind::money, "claimed", false},
    {"share", "Share", "", Kind::text, "share", false},
    {"valid_from", "Valid from", "", Kind::day, "valid_from", false},
    {"valid_to", "Valid to", "", Kind::day, "valid_to"},
    {"accounts", "Accounts", "", Kind::list, "accounts"},
    {"users", "Users", "", Kind::list, "users", false},
    {"clusters", "Clusters", "", Kind::list, "clusters", false},
    {"partitions", "Partitions", "", Kind::list, "partitions", false},
};

constexpr Field programme[] = {
    {"id", "Programme", "", Kind::text, "id"},
    {"name", "Name", "", Kind::text, "name"},
    {"issuer", "Issuer", "", Kind::text, "issuer"},
    {"mode", "Mode", "", Kind::text, "mode"},
    {"share", "Share", "", Kind::text, "share"},
    {"valid_from", "Valid from", "", Kind::day, "valid_from", false},
    {"valid_to", "Valid to", "", Kind::day, "valid_to"},
    {"clusters", "Clusters", "", Kind::list, "clusters", false},
    {"partitions", "Partitions", "", Kind::list, "partitions", false},
    {"eligible_states", "Eligible states", "", Kind::list, "eligible_states", false},
    {"expiry_to", "Expiry to", "", Kind::text, "expiry_to", false},
    {"funded", "Funded", "", Kind::money, "funded"},
    {"budget_left", "Budget left", "", Kind::money, "budget_left"},
    {"granted", "Granted", "", Kind::money, "granted"},
    {"available", "Available", "", Kind::money, "available"},
    {"used", "Used", "", Kind::money, "used"},
    {"unclaimed", "Unclaimed", "", Kind::money, "unclaimed", false},
};

constexpr Field proposal[] = {
    {"id", "Proposal", "", Kind::text, "id"},
    {"kind", "Kind", "", Kind::text, "kind"},
    {"state", "State", "", Kind::text, "state"},
    {"proposed_by", "Proposed by", "", Kind::text, "proposed_by"},
    {"proposed_at", "Proposed at", "", Kind::time, "proposed_at"},
    {"decided_by", "Decided by", "", Kind::text, "decided_by", false},
    {"decided_at", "Decided at", "", Kind::time, "decided_at", false},
    {"outcome", "Outcome", "", Kind::text, "outcome", false},
    {"summary", "Summary", "", Kind::text, "summary"},
};

constexpr Field explanation[] = {
    {"job", "Job", "", Kind::text, "job"},
    {"job_id", "Job id", "", Kind::text, "job_id", false},
    {"cluster", "Cluster", "", Kind::text, "cluster"},
    {"user", "User", "", Kind::text, "user"},
    {"account", "Account", "", Kind::text, "account"},
    {"partition", "Partition", "", Kind::text, "partition"},
    {"state", "State", "", Kind::text, "state"},
    {"lien", "Lien", "", Kind::text, "lien.id"},
    {"lien_amount", "Lien amount", "", Kind::money, "lien.amount"},
    {"lien_state", "Lien state", "", Kind::text, "lien.state"},
    {"voided_at", "Voided at", "", Kind::time, "lien.voided_at", false},
    {"voided_because", "Voided because", "", Kind::text, "lien.voided_because", false},
    {"quote", "Quote", "", Kind::money, "quote.amount"},
    {"charge", "Charge", "", Kind::money, "charge.amount"},
    {"by_voucher", "By voucher", "", Kind::money, "charge.by_voucher"},
    {"by_self", "By self", "", Kind::money, "charge.by_self"},
    {"overrun", "Overrun", "", Kind::money, "charge.overrun"},
    {"refunded", "Refunded", "", Kind::money, "charge.refunded"},
    {"voucher", "Voucher", "", Kind::text, "charge.voucher"},
    {"elapsed_seconds", "Elapsed", "", Kind::elapsed, "charge.elapsed_seconds"},
    {"tres", "TRES", "", Kind::text, "charge.tres"},
    {"price_book", "Price book", "", Kind::text, "charge.price_book"},
    {"priced_by", "Priced by", "", Kind::text, "charge.priced_by", false},
    {"posted_at", "Posted at", "", Kind::time, "charge.posted_at"},
    {"tag", "Tag", "", Kind::text, "tag", false},
    {"reasons", "Reasons", "", Kind::list, "reasons", false},
};

constexpr Field lien_part[] = {
    {"id", "Id", "", Kind::text, "id"},
    {"state", "State", "", Kind::text, "state"},
    {"amount", "Amount", "", Kind::money, "amount"},
    {"voucher", "Voucher", "", Kind::text, "voucher"},
    {"voided_at", "Voided at", "", Kind::time, "voided_at"},
    {"voided_because", "Because", "", Kind::text, "voided_because"},
};

constexpr Field quote_part[] = {
    {"amount", "Amount", "", Kind::money, "amount"},
    {"tasks", "Tasks", "", Kind::text, "tasks"},
    {"by_voucher", "By voucher", "", Kind::money, "by_voucher"},
    {"by_self", "By self", "", Kind::money, "by_self"},
    {"voucher", "Voucher", "", Kind::text, "voucher"},
    {"price_book", "Price book", "", Kind::text, "price_book"},
    {"at", "At", "", Kind::time, "at"},
};

constexpr Field charge_part[] = {
    {"amount", "Amount", "", Kind::money, "amount"},
    {"by_voucher", "By voucher", "", Kind::money, "by_voucher"},
    {"by_self", "By self", "", Kind::money, "by_self"},
    {"overrun", "Overrun", "", Kind::money, "overrun"},
    {"refunded", "Refunded", "", Kind::money, "refunded"},
    {"voucher", "Voucher", "", Kind::text, "voucher"},
    {"elapsed", "Elapsed", "", Kind::elapsed, "elapsed_seconds"},
    {"tres", "TRES", "", Kind::text, "tres"},
    {"price_book", "Price book", "", Kind::text, "price_book"},
    {"posted_at", "Posted at", "", Kind::time, "posted_at"},
};

constexpr Field other_record[] = {
    {"cluster", "Cluster", "", Kind::text, "cluster"}, {"job", "Job", "", Kind::text, "job"},
    {"submit", "Submitted", "", Kind::time, "submit"}, {"state", "State", "", Kind::text, "state"},
    {"charge", "Charge", "", Kind::money, "charge"},
};

constexpr Field check[] = {
    {"state", "State", "", Kind::text, "state"},
    {"where", "Where", "", Kind::text, "where"},
    {"name", "Check", "", Kind::text, "name"},
    {"text", "Finding", "", Kind::text, "text"},
};

constexpr Field account_part[] = {
    {"account", "Account", "", Kind::text, "account"},   {"self_pay", "Self-pay", "", Kind::text, "self_pay"},
    {"limit", "Limit", "", Kind::money, "limit"},        {"owes", "Owes", "", Kind::money, "owes"},
    {"prepaid", "Prepaid", "", Kind::money, "prepaid"},  {"open_quotes", "Open quotes", "", Kind::money, "open_quotes"},
};

constexpr Field balance[] = {
    {"kind", "Kind", "", Kind::text, "kind"},
    {"id", "Id", "", Kind::text, "id"},
    {"state", "State", "", Kind::text, "state"},
    {"available", "Available", "", Kind::money, "available"},
    {"liens", "Liens", "", Kind::money, "liens"},
    {"used", "Used", "", Kind::money, "used"},
    {"valid_to", "Valid to", "", Kind::day, "valid_to"},
    {"self_pay", "Self-pay", "", Kind::text, "self_pay"},
    {"limit", "Limit", "", Kind::money, "limit"},
    {"owes", "Owes", "", Kind::money, "owes"},
    {"prepaid", "Prepaid", "", Kind::money, "prepaid"},
    {"open_quotes", "Open quotes", "", Kind::money, "open_quotes"},
};

std::string indented(const std::string& lines) {
  std::string text;
  std::size_t from = 0;
  while (from < lines.size()) {
    const std::size_t end = lines.find('\n', from);
    text += "  " + lines.substr(from, end - from) + "\n";
    from = end + 1;
  }
  return text;
}

void append_part(std::string& text, const Json& explained, const char* heading, const char* path,
                 std::span<const Field> fields) {
  const Json& part = value_at(explained, path);
  text += part.is_object() ? "\n" + std::string(heading) + "\n" + indented(record_text(fields, part))
                           : "\n" + std::string(heading) + "\n  none\n";
}

}  // namespace

std::span<const Field> voucher_fields() { return voucher; }
std::span<const Field> programme_fields() { return programme; }
std::span<const Field> proposal_fields() { return proposal; }
std::span<const Field> explanation_fields() { return explanation; }
std::span<const Field> check_fields() { return check; }
std::span<const Field> balance_fields() { return balance; }

Json balance_rows(const Json& answer) {
  Json rows = Json::array();
  for (const Json& account : rows_at(answer, "accounts")) {
    if (!account.is_object()) continue;
    Json row = account;
    row["kind"] = "account";
    row["id"] = value_at(account, "account");
    rows.push_back(std::move(row));
  }
  for (const Json& one : rows_at(answer, "vouchers")) {
    if (!one.is_object()) continue;
    Json row = one;
    row["kind"] = "voucher";
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string balance_text(const Json& answer) {
  std::string text = "User " + printable(raw_text(answer, "user")) + "\n\n";
  const Json& accounts = rows_at(answer, "accounts");
  text += accounts.empty() ? "No accounts.\n" : table_text(default_fields(account_part), accounts);
  const Json& vouchers = rows_at(answer, "vouchers");
  text += '\n';
  text += vouchers.empty() ? "No vouchers.\n" : table_text(default_fields(voucher), vouchers);
  return text;
}

std::string explanation_text(const Json& explained) {
  const auto shown = [&](const char* path) { return printable(raw_text(explained, path)); };
  // Only of an array is it news how many tasks were quoted.
  Json quoted = explained;
  if (value_at(quoted, "quote.tasks") == Json(1)) quoted["quote"].erase("tasks");
  std::string text = "Job " + shown("job") + " of cluster " + shown("cluster") + ": " + shown("state") + "\n";
  text += "User " + shown("user") + ", account " + shown("account") + ", partition " + shown("partition") + "\n";
  append_part(text, explained, "Lien", "lien", lien_part);
  append_part(text, quoted, "Quote", "quote", quote_part);
  append_part(text, explained, "Charge", "charge", charge_part);
  text += "\nWhy\n";
  std::size_t number = 0;
  for (const Json& reason : rows_at(explained, "reasons")) {
    text += padded(std::to_string(++number), 3, true) + ". " +
            printable(reason.is_string() ? reason.get<std::string>() : reason.dump()) + "\n";
  }
  if (number == 0) text += "  no reason is recorded\n";
  const Json& others = rows_at(explained, "others");
  if (!others.empty()) {
    text += "\nOther records of this job\n" + indented(table_text(default_fields(other_record), others));
  }
  return text;
}

std::string verification_text(const Json& verification) {
  const bool ok = value_at(verification, "ok") == Json(true);
  const auto shown = [&](const char* path) { return printable(raw_text(verification, path)); };
  std::string text = ok ? "The ledger holds.\n" : "The ledger does NOT hold.\n";
  text += "  accounts " + shown("accounts") + ", transfers " + shown("transfers") + ", open liens " +
          shown("liens_open") + "\n";
  text += "  sum of the entitlement book " + shown("books.entitlement") + "\n";
  text += "  sum of the money book " + shown("books.money") + "\n";
  const Json& problems = rows_at(verification, "problems");
  if (!problems.empty()) text += "Problems\n";
  std::size_t number = 0;
  for (const Json& problem : problems) {
    text += padded(std::to_string(++number), 3, true) + ". " +
            printable(problem.is_string() ? problem.get<std::string>() : problem.dump()) + "\n";
  }
  return text;
}

}  // namespace sluice::report
