// SPDX-License-Identifier: Apache-2.0
//
// Goal: let the plugins run without Slurm. Method: the functions that they call are
// defined here and record what they were called with; a test resets and reads them.

#pragma once

#include <map>
#include <string>
#include <vector>

namespace fake_slurm {

struct Option {
  std::string name;
  std::string argument;
  std::string usage;
  int number;
  int (*callback)(int, const char*, int);
};

/// Everything back to the beginning. The context: 'a'llocator, 's'run, 'r'emote, 'o'ther.
void reset(char context = 'a');

[[nodiscard]] std::vector<std::string> errors();  ///< lines of slurm_error
[[nodiscard]] std::vector<std::string> infos();

/// Allocations of slurm_xstrdup and dup() that slurm_xfree has not seen.
[[nodiscard]] int live_allocations();
/// slurm_xfree was given something that no slurm_x* function had made.
[[nodiscard]] int wrong_frees();

/// Text as Slurm's own code would allocate it; freed by slurm_xfree.
[[nodiscard]] char* dup(const std::string& text);
void free_text(char*& text);

[[nodiscard]] std::vector<Option>& options();
[[nodiscard]] std::map<std::string, std::string>& job_control();
[[nodiscard]] std::map<std::string, std::string>& task_environment();

}  // namespace fake_slurm
