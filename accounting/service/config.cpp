// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/config.hpp"

#include <filesystem>

#include "accounting/core/yaml_reader.hpp"
#include "accounting/programme/programme.hpp"
#include "accounting/service/socket_address.hpp"

namespace sluice::service {
namespace {

constexpr std::int64_t overlap_seconds_min = 120;

Mode to_mode(const std::string& name) {
  return name == "enforce" ? Mode::enforce : name == "warn" ? Mode::warn : Mode::observe;
}

AccountRule read_account_rule(YamlMap& map) {
  AccountRule rule;
  const std::string name = map.choice("self_pay", {"none", "limit", "open"});
  rule.self_pay = name == "none" ? SelfPay::none : name == "limit" ? SelfPay::limit : SelfPay::open;
  if (rule.self_pay == SelfPay::limit) {
    rule.limit = map.money("limit");
    if (rule.limit.is_negative()) map.fail("limit", "write zero or more");
  }
  map.done();
  return rule;
}

void read_accounts(YamlMap& top, Config& config) {
  auto map = top.map_if("accounts");
  if (!map) return;
  for (const std::string& name : map->keys()) {
    YamlMap entry = map->map(name);
    const AccountRule rule = read_account_rule(entry);
    if (name == "default") {
      config.default_account = rule;
    } else {
      config.accounts[name] = rule;
    }
  }
}

void read_people(YamlMap& top, Config& config) {
  for (YamlMap& map : top.maps("people")) {
    Person person;
    person.user = map.text("user");
    if (person.user == "root") map.fail("user", "root never handles money; name a person");
    static const std::set<std::string> known = {"programme_manager", "cashier", "reviewer", "auditor", "administrator"};
    for (const std::string& role : map.texts("roles")) {
      if (!known.contains(role)) {
        map.fail("roles", "'" + role + "' is not a role; known: programme_manager, cashier, reviewer, auditor, administrator");
      }
      person.roles.insert(role);
    }
    if (person.roles.contains("administrator") && person.roles.size() > 1) {
      map.fail("roles", "an administrator has no money role; name two people");
    }
    person.from = map.time_or("from", config.zone, 0);
    person.to = map.time_or("to", config.zone, time_forever);
    map.done();
    config.people.push_back(std::move(person));
  }
}

void read_sites(YamlMap& top, Config& config) {
  for (YamlMap& map : top.maps("sites")) {
    Site site;
    site.name = map.text("name");
    site.cluster = map.text_or("cluster", site.name);
    site.feature = map.text_or("feature", "");
    site.partition = map.text_or("partition", "");
    if (config.site(site.name) != nullptr) map.fail("name", "stands twice; keep one");
    map.done();
    config.sites.push_back(std::move(site));
  }
  if (!config.sites.empty() && config.site_of_cluster(config.cluster) == nullptr) {
    top.fail("sites", "the site of cluster " + config.cluster + " is missing; list it too");
  }
}

void read_addresses(YamlMap& top, Config& config) {
  config.listen = top.text_or("listen", config.listen);
  config.metrics_listen = top.text_or("metrics_listen", "");
  const auto check = [&](const char* key, const std::string& address) {
    if (const auto parsed = parse_socket_address(address); !parsed.ok()) top.fail(key, parsed.failure().text);
  };
  if (top.has("listen")) check("listen", config.listen);
  if (config.metrics_listen.empty()) return;  // written and left empty, it is off as well
  check("metrics_listen", config.metrics_listen);
  if (config.metrics_listen == config.listen) top.fail("metrics_listen", "is the address of listen; choose another port");
}

void read_collector(YamlMap& top, CollectorConfig& collector) {
  auto map = top.map_if("collector");
  if (!map) return;
  collector.interval_seconds = map->integer_or("interval_seconds", collector.interval_seconds, 1, 3600);
  collector.overlap_seconds = map->integer_or("overlap_seconds", collector.overlap_seconds, 1, 86400);
  if (collector.overlap_seconds < overlap_seconds_min) {
    map->fail("overlap_seconds", "write 120 or more: slurmdbd's record of a short job is whole up to a minute after its end, "
                                 "and one that comes late must still be within what is read again");
  }
  collector.void_after_seconds = map->integer_or("void_after_seconds", collector.void_after_seconds, 5, 3600);
  collector.timeout_seconds = map->integer_or("timeout_seconds", collector.timeout_seconds, 1, 900);
  collector.helper = map->text_or("helper", "");
  map->done();
}

void read_refund_rule(YamlMap& top, Config& config) {
  auto map = top.map_if("refund");
  if (!map) return;
  RefundRule rule;
  rule.states = map->texts("states");
  if (rule.states.empty()) map->fail("states", "name at least one end state, such as NODE_FAIL");
  if (const auto problem = unknown_state(rule.states); !problem.empty()) map->fail("states", problem);
  rule.share = map->share("share");
  if (map->has("hours_max")) rule.hours_max = map->integer("hours_max", 1, 87600);
  map->done();
  config.refund_rule = std::move(rule);
}

Config read(YamlMap& top, const std::filesystem::path& folder) {
  Config config;
  config.role = top.choice("role", {"home", "site"}) == "home" ? ServiceRole::home : ServiceRole::site;
  config.cluster = top.text("cluster");
  config.data_dir = top.text_or("data_dir", config.data_dir);
  config.control_socket = top.text_or("control_socket", config.control_socket);
  if (top.has("control_users")) config.control_users = top.texts("control_users");
  read_addresses(top, config);
  const auto zone = parse_zone(top.text_or("zone", config.zone.name));
  if (!zone.ok()) top.fail("zone", zone.failure().text);
  config.zone = *zone;
  config.mode = to_mode(top.choice_or("mode", "observe", {"observe", "warn", "enforce"}));
  for (YamlMap& map : top.maps("modes")) {
    ModeRule rule;
    rule.cluster = map.text_or("cluster", "*");
    rule.partition = map.text_or("partition", "*");
    rule.account = map.text_or("account", "*");
    rule.mode = to_mode(map.choice("mode", {"observe", "warn", "enforce"}));
    map.done();
    config.modes.push_back(rule);
  }
  config.price_book = (folder / top.text("price_book")).string();
  config.admit_unpriced = top.choice_or("unpriced", "admit", {"admit", "refuse"}) == "admit";
  if (top.has("lien_hours_max")) config.lien_hours_max = top.integer("lien_hours_max", 1, 87600);
  read_accounts(top, config);
  read_people(top, config);
  config.refund_limit = top.money_if("refund_limit").value_or(Money{});
  if (config.refund_limit.is_negative()) top.fail("refund_limit", "write zero or more");
  read_refund_rule(top, config);
  read_sites(top, config);
  config.tag_full = top.choice_or("tag", "full", {"full", "pointer"}) == "full";
  const std::string final_tag = top.choice_or("final_tag", "voucher", {"off", "voucher", "all"});
  config.final_tag = final_tag == "off"   ? Config::FinalTag::off
                     : final_tag == "all" ? Config::FinalTag::all
                                          : Config::FinalTag::voucher;
  config.final_tags_per_second = top.integer_or("final_tags_per_second", config.final_tags_per_second, 1, 10000);
  read_collector(top, config.collector);
  return config;
}

}  // namespace

const char* name_of(Mode mode) {
  return mode == Mode::enforce ? "enforce" : mode == Mode::warn ? "warn" : "observe";
}

const char* name_of(SelfPay rule) {
  return rule == SelfPay::none ? "none" : rule == SelfPay::limit ? "limit" : "open";
}

Mode Config::mode_for(const std::string& on_cluster, const std::string& partition, const std::string& account) const {
  const auto fits = [](const std::string& rule, const std::string& name) { return rule == "*" || rule == name; };
  for (const ModeRule& rule : modes) {
    if (fits(rule.cluster, on_cluster) && fits(rule.partition, partition) && fits(rule.account, account)) return rule.mode;
  }
  return mode;
}

std::optional<AccountRule> Config::account_rule(const std::string& account) const {
  const auto found = accounts.find(account);
  return found != accounts.end() ? found->second : default_account;
}

const Site* Config::site(const std::string& name) const {
  for (const Site& one : sites) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

const Site* Config::site_of_cluster(const std::string& cluster_name) const {
  for (const Site& one : sites) {
    if (one.cluster == cluster_name) return &one;
  }
  return nullptr;
}

std::vector<std::string> Config::clusters() const {
  std::vector<std::string> names{cluster};
  for (const Site& one : sites) {
    if (one.cluster != cluster) names.push_back(one.cluster);
  }
  return names;
}

bool Config::has_role(const std::string& user, const std::string& role_name, UnixTime at) const {
  for (const Person& person : people) {
    if (person.user == user && person.roles.contains(role_name) && at >= person.from && at < person.to) return true;
  }
  return false;
}

std::string fixed_until_restart(const Config& old, const Config& fresh) {
  const bool tagged = old.final_tag != Config::FinalTag::off;
  const bool tags = fresh.final_tag != Config::FinalTag::off;
  const std::pair<const char*, bool> keys[] = {{"role", fresh.role != old.role},
                                               {"cluster", fresh.cluster != old.cluster},
                                               {"data_dir", fresh.data_dir != old.data_dir},
                                               {"listen", fresh.listen != old.listen},
                                               {"metrics_listen", fresh.metrics_listen != old.metrics_listen},
                                               {"control_socket", fresh.control_socket != old.control_socket},
                                               {"control_users", fresh.control_users != old.control_users},
                                               {"final_tag from or to off", tags != tagged},
                                               {"collector.helper", fresh.collector.helper != old.collector.helper},
                                               {"collector.timeout_seconds", fresh.collector.timeout_seconds != old.collector.timeout_seconds}};
  std::string names;
  for (const auto& [name, differs] : keys) {
    if (differs) names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return names;
}

Result<Config> parse_config(const std::string& file, const std::string& text) {
  const auto folder = std::filesystem::path(file).parent_path();
  return read_yaml<Config>(file, text, [&](YamlMap& top) { return read(top, folder); });
}

Result<Config> load_config(const std::string& file) {
  const auto text = load_text(file);
  if (!text.ok()) return text.failure();
  return parse_config(file, *text);
}

}  // namespace sluice::service
