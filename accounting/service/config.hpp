// SPDX-License-Identifier: Apache-2.0
//
// sluice.yaml: what a site sets. Read strictly; every problem names file, line
// and column. Pure but for load_config, which reads the file.

#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "accounting/core/money.hpp"
#include "accounting/core/result.hpp"
#include "accounting/core/time.hpp"

namespace sluice::service {

enum class ServiceRole { home, site };

/// observe only records, warn also tells users, enforce acts. In the order of strictness.
enum class Mode { observe, warn, enforce };
[[nodiscard]] const char* name_of(Mode mode);

/// What an account's users may pay themselves.
enum class SelfPay { none, limit, open };
[[nodiscard]] const char* name_of(SelfPay rule);

struct AccountRule {
  SelfPay self_pay = SelfPay::open;
  Money limit;  ///< what it may owe at most; only with SelfPay::limit
};

/// A person's roles between two days; the uid behind the name is looked up when it acts.
struct Person {
  std::string user;
  std::set<std::string> roles;
  UnixTime from = 0;
  UnixTime to = time_forever;
};

/// A mode for one partition of one cluster ("*": any), or for one account.
struct ModeRule {
  std::string cluster = "*";
  std::string partition = "*";
  std::string account = "*";
  Mode mode = Mode::observe;
};

/// A site of the federation as this service's jobs can name it with --place.
struct Site {
  std::string name;
  std::string cluster;
  std::string feature;    ///< federation feature that pins a job there; empty: never pinned
  std::string partition;  ///< where a job goes that names none, or one that is not there
};

/// What is given back at once of a charge whose job ended in one of `states`: `share` of what at most
/// `hours_max` of the run cost.
struct RefundRule {
  std::vector<std::string> states;
  Share share;
  std::optional<std::int64_t> hours_max;  ///< none: all of the run
};

struct CollectorConfig {
  std::int64_t interval_seconds = 10;
  std::int64_t overlap_seconds = 600;
  std::int64_t void_after_seconds = 60;
  std::int64_t timeout_seconds = 60;
  std::string helper;  ///< path of sluice-slurmdb; empty: beside sluiced, else the installed one
};

struct Config {
  ServiceRole role = ServiceRole::home;
  std::string cluster;
  std::string data_dir = "/var/lib/sluice";
  std::string control_socket = "/run/sluice/control.sock";
  std::vector<std::string> control_users = {"root", "slurm"};
  std::string listen = "127.0.0.1:6711";
  std::string metrics_listen;  ///< empty: no metrics
  Zone zone;
  Mode mode = Mode::observe;
  std::vector<ModeRule> modes;
  std::string price_book;  ///< path
  bool admit_unpriced = true;
  std::optional<std::int64_t> lien_hours_max;
  std::optional<AccountRule> default_account;  ///< none: an account that isn't listed is unknown
  std::map<std::string, AccountRule> accounts;
  std::vector<Person> people;
  Money refund_limit;  ///< refunds above it need a second person
  std::optional<RefundRule> refund_rule;  ///< none: only people refund
  std::vector<Site> sites;
  bool tag_full = true;
  enum class FinalTag { off, voucher, all } final_tag = FinalTag::voucher;
  std::int64_t final_tags_per_second = 5;
  CollectorConfig collector;

  [[nodiscard]] Mode mode_for(const std::string& on_cluster, const std::string& partition, const std::string& account) const;
  /// The rule of an account; none where it is unknown and no default is set.
  [[nodiscard]] std::optional<AccountRule> account_rule(const std::string& account) const;
  [[nodiscard]] const Site* site(const std::string& name) const;
  [[nodiscard]] const Site* site_of_cluster(const std::string& cluster_name) const;
  [[nodiscard]] std::vector<std::string> clusters() const;
  [[nodiscard]] bool has_role(const std::string& user, const std::string& role_name, UnixTime at) const;
};

/// The keys that differ and are read at a start only, as "listen, collector.helper"; empty: none.
[[nodiscard]] std::string fixed_until_restart(const Config& old, const Config& fresh);

/// Reads `text`; paths are relative to the file's folder.
[[nodiscard]] Result<Config> parse_config(const std::string& file, const std::string& text);
[[nodiscard]] Result<Config> load_config(const std::string& file);

}  // namespace sluice::service
