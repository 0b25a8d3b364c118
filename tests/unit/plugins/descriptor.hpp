// SPDX-License-Identifier: Apache-2.0
//
// Goal: descriptors as slurmctld hands them to job_submit for a plain sbatch, and to job_modify
// for `scontrol update`. Method: Slurm's own struct, its unset values as seen on a running cluster.

#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "plugins/slurm_abi/slurm_headers.h"
#include "tests/fake_slurm/fake_slurm.hpp"

namespace sluice::test {

class Descriptor {
 public:
  Descriptor() {
    job_.user_id = 6001;
    job_.group_id = 6001;
    set_job_id(NO_VAL);
    job_.het_job_offset = NO_VAL;
    job_.alloc_sid = 4711;
    job_.script = fake_slurm::dup("#!/bin/sh\n");
    job_.env_size = 3;
    job_.time_limit = job_.num_tasks = job_.min_nodes = job_.max_nodes = job_.max_cpus = NO_VAL;
    job_.priority = NO_VAL;
    job_.pn_min_cpus = job_.cpus_per_task = job_.ntasks_per_node = job_.shared = NO_VAL16;
    job_.pn_min_memory = NO_VAL64;
    job_.min_cpus = 1;
  }
  ~Descriptor() {
    for (char** text : {&job_.partition, &job_.cluster_features, &job_.admin_comment, &job_.script, &job_.array_inx,
                        &job_.clusters, &job_.name}) {
      fake_slurm::free_text(*text);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  void set_job_id(std::uint32_t job_id) {
#if SLUICE_JOB_DESC_HAS_STEP_ID
    job_.step_id.job_id = job_id;
#else
    job_.job_id = job_id;
#endif
  }

  void set_spank(std::vector<std::string> entries) {
    entries_ = std::move(entries);
    pointers_.clear();
    for (std::string& entry : entries_) pointers_.push_back(entry.data());
    job_.spank_job_env = pointers_.data();
    job_.spank_job_env_size = static_cast<std::uint32_t>(pointers_.size());
  }

  job_desc_msg_t* get() { return &job_; }
  job_desc_msg_t* operator->() { return &job_; }

 private:
  job_desc_msg_t job_{};
  std::vector<std::string> entries_;
  std::vector<char*> pointers_;
};

/// Nothing is changed yet. Texts are freed with it.
class ChangeDescriptor {
 public:
  explicit ChangeDescriptor(const std::string& job = "123") {
    job_.job_id_str = fake_slurm::dup(job);
    job_.user_id = 6001;
    job_.group_id = job_.alloc_sid = job_.het_job_offset = NO_VAL;
    job_.time_limit = job_.num_tasks = job_.min_nodes = job_.max_nodes = job_.min_cpus = job_.max_cpus = NO_VAL;
    job_.priority = job_.nice = NO_VAL;
    job_.pn_min_cpus = job_.cpus_per_task = job_.ntasks_per_node = job_.shared = NO_VAL16;
    job_.pn_min_memory = NO_VAL64;
  }
  ~ChangeDescriptor() {
    for (char** text : {&job_.job_id_str, &job_.account, &job_.partition, &job_.admin_comment, &job_.array_inx, &job_.comment, &job_.name,
                        &job_.qos, &job_.features, &job_.reservation, &job_.dependency, &job_.req_nodes, &job_.cluster_features,
                        &job_.tres_per_job, &job_.tres_per_node, &job_.tres_per_task, &job_.cpus_per_tres, &job_.mem_per_tres}) {
      fake_slurm::free_text(*text);
    }
  }
  ChangeDescriptor(const ChangeDescriptor&) = delete;
  ChangeDescriptor& operator=(const ChangeDescriptor&) = delete;

  job_desc_msg_t* get() { return &job_; }
  job_desc_msg_t* operator->() { return &job_; }

 private:
  job_desc_msg_t job_{};
};

}  // namespace sluice::test
