// SPDX-License-Identifier: Apache-2.0
//
// A home service's books as a test stands them up: a database in a folder of its
// own, two clusters, a few people and a clock that only the test moves.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "accounting/ledger/storage/sqlite_storage.hpp"
#include "accounting/service/books.hpp"
#include "accounting/service/slurm_facts.hpp"
#include "tests/unit/ledger/test_folder.hpp"

namespace sluice::test {

/// name=value words of a step, such as user=ann cpus=4.
using Words = std::map<std::string, std::string>;

class World {
 public:
  /// `wrap` may put a storage of the test's own around the real one.
  using Wrap = std::function<std::unique_ptr<ledger::Storage>(std::unique_ptr<ledger::Storage>)>;
  explicit World(Wrap wrap = {});

  /// Opens the file anew, as a service does that was restarted.
  void restart();
  void close();

  void set_config(const std::string& yaml);
  /// The default: enforce everywhere, clusters cq (home) and hami.
  static const std::string& default_config();
  static const std::string& default_prices();

  [[nodiscard]] static std::int64_t uid_of(const std::string& person);
  [[nodiscard]] static service::Caller caller(const std::string& person) { return {uid_of(person), person}; }

  /// A submission: user account partition time (minutes) cpus gpus array place cron het (its offset), kind=submit|test|sibling,
  /// nonce, and the options voucher max-self workload.
  [[nodiscard]] service::AdmissionRequest request(const Words& words) const;
  service::Answer submit(const std::string& job, const Words& words);
  /// The record of a job that was submitted under that name: id state elapsed suspended start end cluster partition
  /// cpus gpus task user account tag.
  [[nodiscard]] slurm::UsageRecord record(const std::string& job, const Words& words) const;
  [[nodiscard]] slurm::LiveJob live(const std::string& job, const Words& words) const;

  /// One person proposes, another approves.
  Result<nlohmann::json> programme(const std::string& id, const Words& words);
  Result<nlohmann::json> fund(const std::string& programme, const std::string& amount);
  Result<nlohmann::json> voucher(const std::string& id, const Words& words);
  Result<nlohmann::json> approved(const Result<nlohmann::json>& proposed);
  [[nodiscard]] std::string new_request_id() { return "request-" + std::to_string(++requests_); }

  service::Books& books() { return *books_; }
  ledger::Storage& storage() { return *storage_; }
  service::SlurmFacts& facts() { return facts_; }
  [[nodiscard]] std::string file() const { return folder_.path() + "/ledger.db"; }
  [[nodiscard]] const std::string& admin_comment(const std::string& job) const { return jobs.at(job).admin_comment; }

  UnixTime now = 0;
  std::string last_proposal;  ///< id of the newest that approved() was to decide

  /// What was submitted under a name.
  struct Job {
    Words words;
    std::uint32_t id = 0;
    UnixTime submit = 0;
    std::string admin_comment;
  };
  std::map<std::string, Job> jobs;

 private:
  Wrap wrap_;
  Folder folder_;
  service::SlurmFacts facts_;
  std::shared_ptr<const service::Config> config_;
  std::unique_ptr<ledger::Storage> storage_;
  std::unique_ptr<service::Books> books_;
  int requests_ = 0;
  std::uint32_t next_job_ = 101;
};

}  // namespace sluice::test
