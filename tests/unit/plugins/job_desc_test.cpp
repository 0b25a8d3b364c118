// SPDX-License-Identifier: Apache-2.0
//
// Goal: Slurm's sentinels never get past the border, and what is written back can be
// freed by Slurm. Method: a real descriptor, fields as sbatch and srun leave them.

#include "plugins/slurm_abi/job_desc.hpp"

#include <gtest/gtest.h>

#include "tests/fake_slurm/fake_slurm.hpp"
#include "tests/unit/plugins/descriptor.hpp"

namespace sluice::slurm_abi {
namespace {

TEST(JobDesc, ReadsAPlainSbatchAsUnsetButForItsMinimum) {
  test::Descriptor job;
  const JobFields fields = JobDesc(job.get()).read();
  EXPECT_EQ(fields.user_id, 6001U);
  EXPECT_FALSE(fields.job_id || fields.het_offset || fields.test_only || fields.interactive);
  EXPECT_FALSE(fields.account || fields.partition || fields.qos || fields.tres_per_node || fields.array);
  EXPECT_FALSE(fields.time_limit_minutes || fields.time_limit_infinite || fields.begin_time || fields.deadline);
  EXPECT_FALSE(fields.min_nodes || fields.max_nodes || fields.num_tasks || fields.max_cpus || fields.cpus_per_task);
  EXPECT_FALSE(fields.ntasks_per_node || fields.pn_min_cpus || fields.shared || fields.mem_per_cpu_mb || fields.mem_per_node_mb);
  EXPECT_EQ(fields.min_cpus, 1U);
}

TEST(JobDesc, TellsMemoryPerNodeFromMemoryPerCpu) {
  test::Descriptor job;
  job->pn_min_memory = 1000;
  EXPECT_EQ(JobDesc(job.get()).read().mem_per_node_mb, 1000U);
  job->pn_min_memory = 0;
  EXPECT_EQ(JobDesc(job.get()).read().mem_per_node_mb, 0U);
  job->pn_min_memory = MEM_PER_CPU | 10;
  const JobFields fields = JobDesc(job.get()).read();
  EXPECT_EQ(fields.mem_per_cpu_mb, 10U);
  EXPECT_FALSE(fields.mem_per_node_mb);
}

TEST(JobDesc, TellsTheKindsOfCallApart) {
  test::Descriptor job;
  job->time_limit = INFINITE;
  job->shared = 0;
  job->alloc_sid = NO_VAL;
  JobFields fields = JobDesc(job.get()).read();
  EXPECT_TRUE(fields.time_limit_infinite);
  EXPECT_EQ(fields.shared, 0U);
  EXPECT_TRUE(fields.test_only);

  job->bitflags = CRON_JOB;  // scrontab: alloc_sid and het_job_offset as the client left them
  job->het_job_offset = 0;
  fields = JobDesc(job.get()).read();
  EXPECT_FALSE(fields.test_only);
  EXPECT_FALSE(fields.het_offset);
  EXPECT_TRUE(fields.cron);

  job->bitflags = 0;
  EXPECT_FALSE(JobDesc(job.get()).read().cron);
  EXPECT_EQ(JobDesc(job.get()).read().het_offset, 0U);
}

TEST(JobDesc, TellsBatchFromInteractive) {
  test::Descriptor job;
  fake_slurm::free_text(job->script);
  EXPECT_FALSE(JobDesc(job.get()).read().interactive) << "a later component of a batch het job: no script, an environment";
  job->env_size = 0;
  EXPECT_TRUE(JobDesc(job.get()).read().interactive);
}

TEST(JobDesc, ReadsOfAChangeWhatIsSet) {
  test::ChangeDescriptor job("123_4-6");
  JobChange change = JobDesc(job.get()).read_change();
  EXPECT_EQ(change.job, "123_4-6");
  EXPECT_EQ(change.fields.user_id, 6001U);
  EXPECT_FALSE(change.fields.time_limit_minutes || change.fields.time_limit_infinite || change.fields.min_cpus || change.fields.partition ||
               change.fields.mem_per_cpu_mb || change.fields.tres_per_node || change.end_time);
  job->time_limit = 5;
  job->end_time = 1767225600;
  job->tres_per_node = fake_slurm::dup("");
  job->partition = fake_slurm::dup("");
  change = JobDesc(job.get()).read_change();
  EXPECT_EQ(change.fields.time_limit_minutes, 5U);
  EXPECT_EQ(change.end_time, 1767225600);
  EXPECT_EQ(change.fields.tres_per_node, "") << "takes the devices away";
  EXPECT_FALSE(change.fields.partition) << "there is no job without one";
}

TEST(JobDesc, WritesWhatSlurmCanFree) {
  fake_slurm::reset();
  const int live = fake_slurm::live_allocations();
  {
    test::Descriptor job;
    job->partition = fake_slurm::dup("old");
    JobDesc desc(job.get());
    desc.set_partition("ai");
    desc.set_cluster_features("hami");
    desc.set_admin_comment("{}");
    desc.set_admin_comment("{\"a\":1}");
    desc.set_begin_time(1767225600);
    EXPECT_STREQ(job->partition, "ai");
    EXPECT_STREQ(job->cluster_features, "hami");
    EXPECT_STREQ(job->admin_comment, "{\"a\":1}");
    EXPECT_EQ(job->begin_time, 1767225600);
    EXPECT_EQ(job->extra, nullptr);
  }
  EXPECT_EQ(fake_slurm::live_allocations(), live);
  EXPECT_EQ(fake_slurm::wrong_frees(), 0);
}

TEST(JobDesc, AddsLinesAfterThoseOfOtherPlugins) {
  fake_slurm::reset();
  const int live = fake_slurm::live_allocations();
  char* message = nullptr;
  append_user_lines(&message, {});
  EXPECT_EQ(message, nullptr);
  append_user_lines(&message, {"a", "b"});
  EXPECT_STREQ(message, "a\nb");
  append_user_lines(&message, {"c"});
  EXPECT_STREQ(message, "a\nb\nc");
  append_user_lines(nullptr, {"nowhere"});
  fake_slurm::free_text(message);
  EXPECT_EQ(fake_slurm::live_allocations(), live);
}

}  // namespace
}  // namespace sluice::slurm_abi
