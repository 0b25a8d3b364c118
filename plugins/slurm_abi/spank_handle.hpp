// SPDX-License-Identifier: Apache-2.0
//
// SPANK's calls behind types: one short-lived object per callback, no state, no lock.

#pragma once

#include <optional>
#include <string>

namespace sluice::slurm_abi {

/// Where the plugin runs.
enum class SpankContext {
  allocator,  ///< sbatch, salloc
  srun,
  step,       ///< slurmstepd
  other       ///< slurmd, prolog and epilog, or unknown
};

/// An option as Slurm shows it in --help. The texts must live as long as the plugin.
struct SpankOption {
  const char* name;
  const char* argument;
  const char* usage;
  int number;  ///< handed back to the callback
};

class SpankHandle {
 public:
  /// `spank` is Slurm's spank_t, untyped so that no header of Slurm is due here.
  explicit SpankHandle(void* spank) : spank_(spank) {}

  [[nodiscard]] static SpankContext context();

  /// All options take an argument. `callback` gets (number, argument, remote).
  /// Allowed in slurm_spank_init only.
  [[nodiscard]] bool register_option(const SpankOption& option, int (*callback)(int, const char*, int));

  /// Into job_desc->spank_job_env, and as SPANK_<name> to prolog and epilog.
  [[nodiscard]] bool set_job_control(const char* name, const std::string& value);

  /// The environment of the tasks; step context only.
  [[nodiscard]] std::optional<std::string> task_environment(const char* name);
  [[nodiscard]] bool set_task_environment(const char* name, const std::string& value);

 private:
  void* spank_;
};

}  // namespace sluice::slurm_abi
