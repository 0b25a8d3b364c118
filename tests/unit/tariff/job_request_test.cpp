// SPDX-License-Identifier: Apache-2.0
//
// Goal: the job object of the admission protocol is read whole, and a wrong type
// or a sentinel is refused. Method: one full object; rows of wrong members.

#include "accounting/tariff/job_request.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::tariff {
namespace {

TEST(JobRequest, ReadsEveryMember) {
  const auto job = job_request_from_text(R"({
    "user_id": 6001, "group_id": 6002, "submit_uid": 0, "job_id": 12, "het_offset": 1,
    "account": "astro", "partition": "ai,super", "qos": "high", "name": "train", "features": "ib", "clusters": "cq",
    "cluster_features": "wind", "origin_cluster": "hami", "reservation": "r", "req_nodes": "n[1-2]",
    "admin_comment": "x", "array": "1-100%5", "time_limit": 10, "begin_time": 1769817600, "deadline": 1769817601,
    "min_nodes": 1, "max_nodes": 2, "num_tasks": 3, "min_cpus": 4, "max_cpus": 5, "cpus_per_task": 6,
    "ntasks_per_node": 7, "pn_min_cpus": 8, "mem_per_node": 0, "shared": 0,
    "tres_per_job": "gres:gpu:1", "tres_per_node": "b", "tres_per_socket": "c", "tres_per_task": "d",
    "cpus_per_tres": "e", "mem_per_tres": "f", "interactive": true, "something_newer": {"a": []}})");
  ASSERT_TRUE(job.ok()) << job.failure().text;
  EXPECT_EQ(job->user_id, 6001U);
  EXPECT_EQ(job->group_id, 6002U);
  EXPECT_EQ(job->submit_uid, 0U);
  EXPECT_EQ(job->job_id, 12U);
  EXPECT_EQ(job->het_offset, 1U);
  EXPECT_EQ(job->account, "astro");
  EXPECT_EQ(job->partition, "ai,super");
  EXPECT_EQ(job->qos, "high");
  EXPECT_EQ(job->name, "train");
  EXPECT_EQ(job->features, "ib");
  EXPECT_EQ(job->clusters, "cq");
  EXPECT_EQ(job->cluster_features, "wind");
  EXPECT_EQ(job->origin_cluster, "hami");
  EXPECT_EQ(job->reservation, "r");
  EXPECT_EQ(job->req_nodes, "n[1-2]");
  EXPECT_EQ(job->admin_comment, "x");
  EXPECT_EQ(job->array, "1-100%5");
  EXPECT_EQ(job->time_limit_minutes, 10);
  EXPECT_FALSE(job->time_limit_infinite);
  EXPECT_EQ(job->begin_time, 1769817600);
  EXPECT_EQ(job->deadline, 1769817601);
  EXPECT_EQ(job->min_nodes, 1);
  EXPECT_EQ(job->max_nodes, 2);
  EXPECT_EQ(job->num_tasks, 3);
  EXPECT_EQ(job->min_cpus, 4);
  EXPECT_EQ(job->max_cpus, 5);
  EXPECT_EQ(job->cpus_per_task, 6);
  EXPECT_EQ(job->ntasks_per_node, 7);
  EXPECT_EQ(job->pn_min_cpus, 8);
  EXPECT_EQ(job->mem_per_node_mb, 0);
  EXPECT_FALSE(job->mem_per_cpu_mb);
  EXPECT_EQ(job->shared, 0);
  EXPECT_EQ(job->tres_per_job, "gres:gpu:1");
  EXPECT_EQ(job->tres_per_node, "b");
  EXPECT_EQ(job->tres_per_socket, "c");
  EXPECT_EQ(job->tres_per_task, "d");
  EXPECT_EQ(job->cpus_per_tres, "e");
  EXPECT_EQ(job->mem_per_tres, "f");
  EXPECT_TRUE(job->interactive);
}

TEST(JobRequest, UnsetStaysUnset) {
  const auto job = job_request_from_text(R"({"user_id": 0, "time_limit": "infinite"})");
  ASSERT_TRUE(job.ok());
  EXPECT_TRUE(job->time_limit_infinite);
  EXPECT_FALSE(job->time_limit_minutes || job->min_nodes || job->partition || job->shared || job->interactive);
}

TEST(JobRequest, RefusesRows) {
  struct Row {
    const char* text;
    const char* message;
  };
  const Row rows[] = {
      {"[]", "job: write an object"},
      {"{}", "job.user_id: write the numeric id of the user who is charged"},
      {R"({"user_id": -1})", "job.user_id: write a whole number from 0 to 4294967293"},
      {R"({"user_id": 4294967294})", "job.user_id: write a whole number from 0 to 4294967293"},
      {R"({"user_id": "root"})", "job.user_id: write a whole number from 0 to 4294967293"},
      {R"({"user_id": 1, "min_nodes": 1.0})", "job.min_nodes: write a whole number from 0 to 1000000000"},
      {R"({"user_id": 1, "min_nodes": null})", "job.min_nodes: write a whole number from 0 to 1000000000"},
      {R"({"user_id": 1, "num_tasks": 4294967294})", "job.num_tasks: write a whole number from 0 to 1000000000"},
      {R"({"user_id": 1, "num_tasks": 18446744073709551615})", "job.num_tasks: write a whole number from 0 to 1000000000"},
      {R"({"user_id": 1, "num_tasks": true})", "job.num_tasks: write a whole number from 0 to 1000000000"},
      {R"({"user_id": 1, "time_limit": "UNLIMITED"})", "job.time_limit: write minutes or \"infinite\""},
      {R"({"user_id": 1, "time_limit": -1})", "job.time_limit: write minutes or \"infinite\""},
      {R"({"user_id": 1, "partition": 3})", "job.partition: write a text of at most 65,536 bytes"},
      {R"({"user_id": 1, "interactive": 1})", "job.interactive: write true or false"},
      {R"({"user_id": 1, "mem_per_node": 1, "mem_per_cpu": 1})",
       "job.mem_per_cpu: write either this or mem_per_node, not both"},
      {R"({"user_id": 1, "mem_per_node": 9223372036854775808})",
       "job.mem_per_node: write a whole number from 0 to 1000000000000"},
  };
  for (const Row& row : rows) {
    const auto job = job_request_from_text(row.text);
    EXPECT_EQ(job.ok() ? "read" : job.failure().text, row.message) << row.text;
  }
}

}  // namespace
}  // namespace sluice::tariff
