// SPDX-License-Identifier: Apache-2.0
//
// slurmdbd through libslurm: job records out, tags in, accounts and associations.
// One connection, opened at the first call and kept. Calls block as long as libslurm
// likes; the parent process has the deadline. One thread; failures are thrown.

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "accounting/slurm/child/fault.hpp"
#include "accounting/slurm/child/prompt_sockets.hpp"
#include "accounting/slurm/child/slurm_headers.hpp"
#include "accounting/slurm/reader.hpp"
#include "accounting/slurm/request.hpp"
#include "accounting/slurm/slurm_text.hpp"

namespace sluice::slurm {

class Database {
 public:
  explicit Database(PromptSockets& sockets) : sockets_(sockets) {}
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() { close(); }

  using OnRecord = std::function<void(UsageRecord record)>;
  void finished(const FinishedRequest& request, const OnRecord& on_record);
  void by_id(const ByIdRequest& request, const OnRecord& on_record);

  /// Writes `request.text` to the one record that it names. False: it named none or several, and nothing changed.
  bool tag(const TagRequest& request);

  /// Fills the part of an inventory that slurmdbd knows.
  void complete(Inventory& inventory);
  void complete(Diagnosis& diagnosis);
  /// To be called after each request, whatever came of it.
  void end_transaction();

 private:
  /// Calls `ask` with the connection until it answers a list; tries once more where
  /// the kept connection turned out to be dead.
  template <typename Ask>
  ListPointer ask_list(const std::string& what, Ask&& ask);
  void open();
  void close();

  /// True while slurmdbd knows of a job's end and not yet of its start; not for ever.
  bool is_half_written(const UsageRecord& record);

  void jobs(slurmdb_job_cond_t& condition, const OnRecord& on_record);
  UsageRecord record_from(const slurmdb_job_rec_t& raw);
  std::string user_name(const slurmdb_job_rec_t& raw);
  std::string qos_name(std::uint32_t id);
  void check_clusters(const std::vector<std::string>& clusters);
  void load_clusters();
  void load_tres_names();
  void load_qos_names();
  /// A setting of slurmdbd.conf as slurmdbd says it; none where it doesn't tell (26.05).
  std::optional<std::string> setting(const char* name);

  /// The number of records that a tag would change, by what the condition asks; undone where it isn't one.
  int modify(slurmdb_job_cond_t& condition, const TagRequest& request);
  int modify_selected(const slurm_selected_step_t& selected, const TagRequest& request);

  PromptSockets& sockets_;
  void* connection_ = nullptr;
  std::set<std::string> clusters_;
  TresNames tres_names_;
  std::map<std::uint32_t, std::string> qos_names_;
  std::map<std::uint32_t, std::string> user_names_;
  std::map<std::pair<std::string, std::uint64_t>, UnixTime> half_written_;  ///< by cluster and db_index: first seen
  bool tres_are_fresh_ = false;  ///< within this request
  bool qos_are_fresh_ = false;
};

}  // namespace sluice::slurm
