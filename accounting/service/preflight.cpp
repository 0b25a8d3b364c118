// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/preflight.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "accounting/core/yaml_reader.hpp"
#include "accounting/ledger/storage/schema_version.hpp"
#include "accounting/tariff/price_book.hpp"

namespace sluice::service {
namespace {

Check check_price_book(const Config& config) {
  const auto text = load_text(config.price_book);
  const auto book = text.ok() ? tariff::parse_price_book(config.price_book, *text) : Result<tariff::PriceBook>{text.failure()};
  return book.ok() ? Check{"price book", CheckState::ok, book->name()} : Check{"price book", CheckState::fail, book.failure().text};
}

Check check_schema(const std::string& ledger) {
  const auto stored = ledger::stored_schema_version(ledger);
  const std::string known = std::to_string(ledger::known_schema_version());
  if (!stored.ok()) return {"ledger", CheckState::fail, stored.failure().text};
  if (!*stored) return {"ledger", CheckState::ok, "there is none yet; the new sluiced makes one of schema " + known};
  const std::string is = ledger + " has schema " + std::to_string(**stored);
  if (**stored != ledger::known_schema_version()) {
    return {"ledger", CheckState::fail, is + ", and the new sluiced knows " + known + ": it would not start; install one that knows it"};
  }
  return {"ledger", CheckState::ok, is + ", which the new sluiced uses as it is"};
}

/// An upgrade begins with a copy of the ledger.
Check check_room(const Config& config) {
  const auto space = disk_space(config.data_dir);
  if (!space) return {"disk", CheckState::fail, config.data_dir + " is not there; make it, or correct data_dir"};
  const std::int64_t bytes = DiskUse(config.data_dir).bytes();
  const bool enough = space->free_bytes > 2 * bytes;
  return {"disk", enough ? CheckState::ok : CheckState::fail,
          format_bytes(space->free_bytes) + " free; a copy of " + config.data_dir + " needs " + format_bytes(bytes) + (enough ? "" : "; make room")};
}

}  // namespace

std::vector<Check> preflight_checks(const std::string& config_file) {
  const auto config = load_config(config_file);
  if (!config.ok()) return {{"configuration", CheckState::fail, config.failure().text}};
  std::vector<Check> checks = {{"configuration", CheckState::ok, config_file}, check_price_book(*config)};
  if (config->role == ServiceRole::home) checks.push_back(check_schema(config->data_dir + "/ledger.db"));
  checks.push_back(check_room(*config));
  return checks;
}

int print_preflight(const std::string& config_file) {
  nlohmann::json rows = nlohmann::json::array();
  bool ok = true;
  for (const auto& check : preflight_checks(config_file)) {
    ok = ok && check.state != CheckState::fail;
    rows.push_back({{"name", check.name}, {"state", name_of(check.state)}, {"text", check.text}});
  }
  std::printf("%s\n", rows.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  return ok ? 0 : 1;
}

}  // namespace sluice::service
