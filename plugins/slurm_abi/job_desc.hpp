// SPDX-License-Identifier: Apache-2.0
//
// Typed access to Slurm's job descriptor inside job_submit: reads it into plain
// values and writes the few fields that we may set. One call of the hook owns a
// JobDesc; no I/O, no lock.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/slurm_abi/job_fields.hpp"

namespace sluice::slurm_abi {

class JobDesc {
 public:
  /// `job_desc_msg` is Slurm's job_desc_msg_t*. It is passed untyped because what
  /// the struct is called differs between versions, and no header of Slurm is due here.
  explicit JobDesc(void* job_desc_msg) : message_(job_desc_msg) {}

  [[nodiscard]] JobFields read() const;
  /// Of a descriptor of job_modify.
  [[nodiscard]] JobChange read_change() const;

  // Each replaces what was there. `extra` has no setter on purpose: in 22.05 a
  // value set there is freed twice when the job is purged, which ends slurmctld.
  void set_partition(const std::string& text);
  void set_cluster_features(const std::string& text);
  void set_admin_comment(const std::string& text);
  void set_begin_time(std::int64_t unix_seconds);

 private:
  void* message_;
};

/// Adds `lines` to what the user will be shown, after anything that another
/// job_submit plugin has put there.
void append_user_lines(char** err_msg, const std::vector<std::string>& lines);

}  // namespace sluice::slurm_abi
