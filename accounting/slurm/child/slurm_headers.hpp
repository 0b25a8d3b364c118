// SPDX-License-Identifier: Apache-2.0
//
// Slurm's headers and what differs between its versions (built against 22.05, 24.11
// and 26.05). Only files of this folder include it.

#pragma once

#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>
#include <slurm/slurmdb.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Exported by every libslurm, and in no public header.
extern "C" void slurm_free_stats_response_msg(stats_info_response_msg_t* message);

namespace sluice::slurm {

// `List` until 23.x, `list_t*` since.
using ListPointer = decltype(slurm_list_create(nullptr));

/// A list of Slurm's, destroyed with its owner. Null stands for a call that failed.
class OwnedList {
 public:
  explicit OwnedList(ListPointer list) : list_(list) {}
  OwnedList(const OwnedList&) = delete;
  OwnedList& operator=(const OwnedList&) = delete;
  ~OwnedList() {
    if (list_) slurm_list_destroy(list_);
  }

  [[nodiscard]] ListPointer get() const { return list_; }
  explicit operator bool() const { return list_ != nullptr; }
  [[nodiscard]] int count() const { return slurm_list_count(list_); }

  template <typename T, typename Visit>
  void for_each(Visit&& visit) const {
    const auto iterator = slurm_list_iterator_create(list_);
    while (auto* item = static_cast<T*>(slurm_list_next(iterator))) visit(*item);
    slurm_list_iterator_destroy(iterator);
  }

 private:
  ListPointer list_;
};

/// A list of texts for a condition. Slurm copies what it sends, so the texts stay ours.
class TextList {
 public:
  explicit TextList(std::vector<std::string> texts) : texts_(std::move(texts)), list_(slurm_list_create(nullptr)) {
    for (auto& text : texts_) slurm_list_append(list_.get(), text.data());
  }
  [[nodiscard]] ListPointer get() const { return list_.get(); }

 private:
  std::vector<std::string> texts_;
  OwnedList list_;
};

inline std::uint32_t job_id_of(const slurm_job_info_t& job) {
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(26, 5, 0)
  return job.step_id.job_id;
#else
  return job.job_id;
#endif
}

inline std::optional<std::uint32_t> restart_count_of([[maybe_unused]] const slurmdb_job_rec_t& record) {
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(24, 11, 0)
  if (record.restart_cnt != NO_VAL16) return record.restart_cnt;
#endif
  return std::nullopt;
}

/// 24.11 begins the record of a job's new size as one that ended at once; its use comes later.
inline bool begins_as_resized([[maybe_unused]] const slurmdb_job_rec_t& record) {
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(24, 11, 0) && SLURM_VERSION_NUMBER < SLURM_VERSION_NUM(26, 5, 0)
  return (record.state & JOB_RESIZING) != 0 && record.elapsed == 0;
#else
  return false;
#endif
}

/// Inherited limits cost slurmdbd most of the time of an association query; nobody here reads them.
inline void leave_out_limits(slurmdb_assoc_cond_t& condition) {
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(24, 5, 0)
  condition.flags |= ASSOC_COND_FLAG_WOPL;
#else
  condition.without_parent_limits = 1;
#endif
}

inline bool memory_is_consumable(const slurm_conf_t& config) {
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(26, 5, 0)
  return (config.select_type_param & SELECT_MEMORY) != 0;
#else
  return (config.select_type_param & CR_MEMORY) != 0;
#endif
}

inline void free_config(slurm_conf_t* config) {
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(26, 5, 0)
  slurm_free_conf(config);
#else
  slurm_free_ctl_conf(config);
#endif
}

inline std::string text_of(const char* text) { return text ? text : ""; }

}  // namespace sluice::slurm
