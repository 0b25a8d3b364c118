// SPDX-License-Identifier: Apache-2.0
//
// Goal: the estimate is the most that Slurm may allocate, and never less than
// what is asked for. Method: rows of job objects as the plugin sends them (what
// sbatch sets for each option was seen on 22.05 and 24.11) against one inventory.

#include "accounting/tariff/estimate.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::tariff {
namespace {

slurm::Inventory inventory() {
  slurm::Inventory cq;
  cq.cluster = "cq";
  cq.memory_is_consumable = true;
  for (const char* name : {"s1", "s2", "s3", "s4"}) cq.nodes.push_back({name, 64, 256'000, 2, {}});
  cq.nodes.push_back({"s5", 128, 512'000, 4, {}});
  for (const char* name : {"g1", "g2"}) {
    cq.nodes.push_back({name, 32, 128'000, 2, {{"gres/gpu", 4}, {"gres/gpu:a100", 4}, {"gres/shard", 16}}});
  }
  cq.nodes.push_back({"v1", 48, 96'000, 2, {{"gres/gpu", 8}, {"gres/gpu:v100", 8}}});
  const auto add = [&](const char* name, std::vector<std::string> nodes) -> slurm::Partition& {
    auto& partition = cq.partitions.emplace_back();
    partition.name = name;
    partition.nodes = std::move(nodes);
    return partition;
  };
  auto& super = add("super", {"s1", "s2", "s3", "s4", "s5"});
  super.is_default = true;
  super.default_minutes = 60;
  super.max_minutes = 1440;
  auto& ai = add("ai", {"g1", "g2"});
  ai.max_minutes = 2880;
  ai.def_mem_per_cpu_mb = 2000;
  auto& mix = add("mix", {"g1", "v1"});
  mix.def_mem_per_node_mb = 10'000;
  add("whole", {"s1", "s2"}).exclusive = true;
  add("empty", {});
  return cq;
}

std::string shown(const Estimate& one) {
  std::string text = one.partition + " n" + std::to_string(one.nodes) + " t" + std::to_string(one.tasks);
  for (const auto& [name, count] : one.tres) {
    if (name != "node") text += " " + name + "=" + std::to_string(count);
  }
  EXPECT_EQ(one.tres.at("node"), one.nodes);
  EXPECT_EQ(one.tres.count("billing"), 0U);
  text += one.time_limit_seconds ? " " + std::to_string(*one.time_limit_seconds) + "s" : " unlimited";
  return text;
}

std::string answer(const std::string& members, const slurm::Inventory& from = inventory(), EstimateLimits limits = {}) {
  const auto job = job_request_from_text("{\"user_id\": 6001" + (members.empty() ? "" : ", " + members) + "}");
  if (!job.ok()) return job.failure().text;
  const auto estimates = estimate(*job, from, limits);
  if (!estimates.ok()) return estimates.failure().code;
  std::string text;
  for (const auto& one : *estimates) text += (text.empty() ? "" : " | ") + shown(one);
  return text;
}

TEST(Estimate, Rows) {
  struct Row {
    const char* what;
    const char* job;
    const char* answer;
  };
  const Row rows[] = {
      // What is unsaid.
      {"nothing said: default partition, one CPU, all memory of the largest node, default time", R"("min_cpus": 1)",
       "super n1 t1 cpu=1 mem=512000 3600s"},
      {"DefMemPerCPU and MaxTime", R"("min_cpus": 1, "partition": "ai")", "ai n1 t1 cpu=1 mem=2000 172800s"},
      {"DefMemPerNode, no finite limit", R"("min_cpus": 1, "partition": "mix")", "mix n1 t1 cpu=1 mem=10000 unlimited"},
      {"DefMemPerCPU goes with all CPUs", R"("num_tasks": 4, "cpus_per_task": 3, "min_cpus": 12, "partition": "ai")",
       "ai n1 t4 cpu=12 mem=24000 172800s"},
      {"a partition without nodes now: the cluster's largest", R"("min_cpus": 1, "partition": "empty", "time_limit": 1)",
       "empty n1 t1 cpu=1 mem=512000 60s"},
      // Partitions.
      {"unknown", R"("partition": "gpu")", "partition_not_found"},
      {"a list", R"("min_cpus": 1, "partition": "super,ai", "time_limit": 1)",
       "super n1 t1 cpu=1 mem=512000 60s | ai n1 t1 cpu=1 mem=2000 60s"},
      {"a list with one twice", R"("partition": "ai,ai", "time_limit": 1)", "ai n1 t1 cpu=1 mem=2000 60s"},
      {"a list with one unknown", R"("partition": "super,gpu")", "partition_not_found"},
      {"a list with a gap", R"("partition": "super,")", "partition_not_found"},
      // Nodes.
      {"-N2", R"("min_nodes": 2, "max_nodes": 2, "min_cpus": 2, "mem_per_cpu": 100, "time_limit": 10)",
       "super n2 t2 cpu=2 mem=200 600s"},
      {"-N1-4 -n4 -c2", R"("min_nodes": 1, "max_nodes": 4, "num_tasks": 4, "cpus_per_task": 2, "min_cpus": 8,
        "mem_per_node": 1000, "time_limit": 10)", "super n4 t4 cpu=8 mem=4000 600s"},
      {"-N1-100 in a partition of five", R"("min_nodes": 1, "max_nodes": 100, "mem_per_node": 1, "time_limit": 1)",
       "super n5 t5 cpu=5 mem=5 60s"},
      {"-N7 in a partition of five: never below the request",
       R"("min_nodes": 7, "max_nodes": 7, "mem_per_node": 1, "time_limit": 1)", "super n7 t7 cpu=7 mem=7 60s"},
      {"-w s[1-3]", R"("req_nodes": "s[1-3]", "mem_per_node": 10, "time_limit": 1)", "super n3 t3 cpu=3 mem=30 60s"},
      {"nodes for the tasks", R"("num_tasks": 300, "min_cpus": 300, "mem_per_node": 10, "time_limit": 1)",
       "super n3 t300 cpu=300 mem=30 60s"},
      {"nodes for tasks per node", R"("num_tasks": 9, "ntasks_per_node": 2, "min_cpus": 9, "mem_per_node": 10, "time_limit": 1)",
       "super n5 t9 cpu=9 mem=50 60s"},
      {"nodes for the memory", R"("num_tasks": 10, "min_cpus": 10, "mem_per_cpu": 100000, "time_limit": 1)",
       "super n2 t10 cpu=10 mem=1000000 60s"},
      {"more CPUs than there are", R"("num_tasks": 10000, "min_cpus": 10000, "mem_per_cpu": 1, "time_limit": 1)",
       "super n5 t10000 cpu=10000 mem=10000 60s"},
      // Tasks and CPUs.
      {"tasks per node without -n", R"("min_nodes": 2, "max_nodes": 2, "ntasks_per_node": 8, "min_cpus": 2, "mem_per_cpu": 1,
        "time_limit": 1)", "super n2 t16 cpu=16 mem=16 60s"},
      {"--mincpus", R"("min_nodes": 2, "max_nodes": 2, "pn_min_cpus": 20, "min_cpus": 2, "mem_per_cpu": 1, "time_limit": 1)",
       "super n2 t2 cpu=40 mem=40 60s"},
      {"-c, as newer sbatch sends it", R"("num_tasks": 2, "tres_per_task": "cpu=8", "mem_per_cpu": 1, "time_limit": 1)",
       "super n1 t2 cpu=16 mem=16 60s"},
      {"a range of CPUs", R"("min_cpus": 4, "max_cpus": 32, "mem_per_cpu": 1, "time_limit": 1)",
       "super n1 t1 cpu=32 mem=32 60s"},
      // Whole nodes.
      {"--exclusive: the CPUs of the largest node, its memory as nothing was said", R"("shared": 0, "min_cpus": 1, "time_limit": 1)",
       "super n1 t1 cpu=128 mem=512000 60s"},
      {"--exclusive -N2: the two largest", R"("shared": 0, "min_nodes": 2, "max_nodes": 2, "time_limit": 1)",
       "super n2 t2 cpu=192 mem=768000 60s"},
      {"--exclusive --mem: Slurm gives no more memory than was asked for", R"("shared": 0, "mem_per_node": 1000, "time_limit": 1)",
       "super n1 t1 cpu=128 mem=1000 60s"},
      {"--exclusive --mem-per-cpu: of all CPUs", R"("shared": 0, "mem_per_cpu": 10, "time_limit": 1)",
       "super n1 t1 cpu=128 mem=1280 60s"},
      {"--exclusive takes the GPUs, not the shards", R"("shared": 0, "partition": "ai", "time_limit": 1)",
       "ai n1 t1 cpu=32 gres/gpu=4 gres/gpu:a100=4 mem=64000 60s"},
      {"--exclusive where types differ", R"("shared": 0, "partition": "mix", "time_limit": 1)",
       "mix n1 t1 cpu=48 gres/gpu=8 mem=10000 60s"},
      {"OverSubscribe=EXCLUSIVE", R"("partition": "whole", "time_limit": 1)", "whole n1 t1 cpu=64 mem=256000 60s"},
      {"--exclusive=user shares with nobody else, but takes only its part", R"("shared": 2, "mem_per_cpu": 1, "time_limit": 1)",
       "super n1 t1 cpu=1 mem=1 60s"},
      {"--oversubscribe", R"("shared": 1, "mem_per_cpu": 1, "time_limit": 1)", "super n1 t1 cpu=1 mem=1 60s"},
      // Devices.
      {"--gres=gpu:2 (22.05)", R"("partition": "ai", "tres_per_node": "gres:gpu:2", "time_limit": 1)",
       "ai n1 t1 cpu=1 gres/gpu=2 gres/gpu:a100=2 mem=2000 60s"},
      {"--gres=gpu:a100:2 (24.11)", R"("partition": "ai", "tres_per_node": "gres/gpu:a100:2", "time_limit": 1)",
       "ai n1 t1 cpu=1 gres/gpu=2 gres/gpu:a100=2 mem=2000 60s"},
      {"--gres on two nodes", R"("partition": "ai", "min_nodes": 2, "max_nodes": 2, "tres_per_node": "gres:gpu:2", "time_limit": 1)",
       "ai n2 t2 cpu=2 gres/gpu=4 gres/gpu:a100=4 mem=4000 60s"},
      {"--gpus=6 needs two nodes", R"("partition": "ai", "tres_per_job": "gres:gpu:6", "time_limit": 1)",
       "ai n2 t2 cpu=2 gres/gpu=6 gres/gpu:a100=6 mem=4000 60s"},
      {"--gpus=8 --gpus-per-node=4 speak of the same devices",
       R"("partition": "ai", "tres_per_job": "gres:gpu:8", "tres_per_node": "gres:gpu:4", "time_limit": 1)",
       "ai n2 t2 cpu=2 gres/gpu=8 gres/gpu:a100=8 mem=4000 60s"},
      {"--gpus-per-task", R"("partition": "ai", "num_tasks": 3, "tres_per_task": "gres:gpu:2", "time_limit": 1)",
       "ai n2 t3 cpu=3 gres/gpu=6 gres/gpu:a100=6 mem=6000 60s"},
      {"--gpus-per-socket", R"("partition": "ai", "tres_per_socket": "gres:gpu:1", "time_limit": 1)",
       "ai n1 t1 cpu=1 gres/gpu=2 gres/gpu:a100=2 mem=2000 60s"},
      {"--cpus-per-gpu --mem-per-gpu", R"("partition": "ai", "tres_per_job": "gres:gpu:2", "cpus_per_tres": "gres:gpu:8",
        "mem_per_tres": "gres:gpu:4096", "time_limit": 1)", "ai n1 t1 cpu=16 gres/gpu=2 gres/gpu:a100=2 mem=8192 60s"},
      {"--cpus-per-gpu with a type", R"("partition": "ai", "tres_per_job": "gres:gpu:a100:2", "cpus_per_tres": "gres:gpu:8",
        "time_limit": 1)", "ai n1 t1 cpu=16 gres/gpu=2 gres/gpu:a100=2 mem=32000 60s"},
      {"untyped where types differ", R"("partition": "mix", "tres_per_node": "gres:gpu:2", "time_limit": 1)",
       "mix n1 t1 cpu=1 gres/gpu=2 mem=10000 60s"},
      {"typed where types differ", R"("partition": "mix", "tres_per_node": "gres:gpu:v100:2", "time_limit": 1)",
       "mix n1 t1 cpu=1 gres/gpu=2 gres/gpu:v100=2 mem=10000 60s"},
      {"a device that isn't there is priced as asked", R"("tres_per_node": "gres:npu:2", "mem_per_cpu": 1, "time_limit": 1)",
       "super n1 t1 cpu=1 gres/npu=2 mem=1 60s"},
      {"no device after all", R"("partition": "ai", "tres_per_node": "gres:none", "time_limit": 1)", "ai n1 t1 cpu=1 mem=2000 60s"},
      {"gpu:0", R"("partition": "ai", "tres_per_node": "gres:gpu:0", "time_limit": 1)", "ai n1 t1 cpu=1 mem=2000 60s"},
      {"licences", R"("tres_per_job": "license/matlab:2", "mem_per_cpu": 1, "time_limit": 1)",
       "super n1 t1 cpu=1 license/matlab=2 mem=1 60s"},
      {"not a device", R"("tres_per_node": "gpu:-1")", "bad_tres"},
      // Memory.
      {"--mem=0: all of the node", R"("mem_per_node": 0, "time_limit": 1)", "super n1 t1 cpu=1 mem=512000 60s"},
      {"--mem on two nodes", R"("min_nodes": 2, "max_nodes": 2, "mem_per_node": 500, "time_limit": 1)",
       "super n2 t2 cpu=2 mem=1000 60s"},
      // Time.
      {"-t UNLIMITED", R"("time_limit": "infinite", "mem_per_cpu": 1)", "super n1 t1 cpu=1 mem=1 unlimited"},
      {"-t 0 is unlimited in Slurm", R"("time_limit": 0, "mem_per_cpu": 1)", "super n1 t1 cpu=1 mem=1 unlimited"},
      {"a limit above the partition's is kept", R"("time_limit": 2000, "mem_per_cpu": 1)", "super n1 t1 cpu=1 mem=1 120000s"},
      // Hostile.
      {"more than any cluster has",
       R"("min_nodes": 1000000000, "num_tasks": 1000000000, "cpus_per_task": 1000000000, "mem_per_cpu": 1000000000000, "time_limit": 1)",
       "request_too_large"},
      {"an array that isn't one", R"("array": "1-x")", "bad_array"},
  };
  for (const Row& row : rows) EXPECT_EQ(answer(row.job), row.answer) << row.what;
}

TEST(Estimate, MemoryThatIsNotConsumableIsNotPriced) {
  auto cluster = inventory();
  cluster.memory_is_consumable = false;
  EXPECT_EQ(answer(R"("mem_per_node": 1000, "time_limit": 1)", cluster), "super n1 t1 cpu=1 60s");
  EXPECT_EQ(answer(R"("shared": 0, "time_limit": 1)", cluster), "super n1 t1 cpu=128 60s");
}

TEST(Estimate, ADefaultPartitionCanBeMissing) {
  auto cluster = inventory();
  cluster.partitions[0].is_default = false;
  const auto refused = estimate(JobRequest{}, cluster, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.failure().code, "partition_not_found");
  EXPECT_EQ(refused.failure().text,
            "cluster cq has no default partition; name one with --partition: super, ai, mix, whole, empty");
  JobRequest job;
  job.partition = "gpu";
  EXPECT_EQ(estimate(job, cluster, {}).failure().text,
            "cluster cq has no partition 'gpu'; choose one of: super, ai, mix, whole, empty");
}

TEST(Estimate, ArraysAreOneTaskTimesMany) {
  JobRequest job;
  job.array = "1-100%5";
  const auto estimates = estimate(job, inventory(), {});
  ASSERT_TRUE(estimates.ok());
  EXPECT_EQ(estimates->at(0).tasks_total, 100);
  EXPECT_EQ(estimates->at(0).tasks_at_once, 5);
  EXPECT_EQ(estimates->at(0).tres.at("cpu"), 1);
}

TEST(Estimate, LongJobsArePricedPieceByPiece) {
  JobRequest job;
  job.time_limit_minutes = 1440;
  const auto capped = estimate(job, inventory(), {.lien_hours_max = 6});
  EXPECT_EQ(capped->at(0).time_limit_seconds, 86'400);
  EXPECT_EQ(capped->at(0).priced_seconds, 21'600);
  const auto whole = estimate(job, inventory(), {.lien_hours_max = 24});
  EXPECT_EQ(whole->at(0).priced_seconds, 86'400);
  job.time_limit_infinite = true;
  const auto endless = estimate(job, inventory(), {.lien_hours_max = 6});
  EXPECT_FALSE(endless->at(0).time_limit_seconds);
  EXPECT_FALSE(endless->at(0).priced_seconds);
}

TEST(Estimate, SaysWhatItAssumed) {
  const auto estimates = estimate(JobRequest{}, inventory(), {});
  const std::vector<std::string> expected = {
      "no --partition was given; the default super is assumed",
      "no memory was asked for; all memory of 1 node is assumed",
      "no --time was given; 60 minutes are assumed, the default of partition super"};
  EXPECT_EQ(estimates->at(0).notes, expected);

  JobRequest job;
  job.partition = "mix";
  job.shared = 0;
  job.max_nodes = 2;
  job.mem_per_cpu_mb = 1;
  job.time_limit_infinite = true;
  const std::vector<std::string> of_whole_nodes = {
      "priced for 2 nodes, the most it may get", "whole nodes: all their CPUs and devices are priced",
      "no type of gpu was given; the dearest type of partition mix is assumed",
      "it has no finite time limit; give --time"};
  EXPECT_EQ(estimate(job, inventory(), {})->at(0).notes, of_whole_nodes);
}

TEST(Estimate, AnOpenTypeIsPricedAsTheDearest) {
  JobRequest job;
  job.partition = "mix";
  job.tres_per_node = "gpu:2";
  const auto one = estimate(job, inventory(), {})->at(0);
  EXPECT_EQ(one.possible_types.at("gres/gpu"), (std::vector<std::string>{"gres/gpu:a100", "gres/gpu:v100"}));
  struct Row {
    const char* what;
    std::map<std::string, Money> prices;
    std::int64_t micro;
    bool unpriced;
  };
  const Row rows[] = {
      {"two types", {{"gres/gpu:a100", Money{12}}, {"gres/gpu:v100", Money{5}}}, 24, false},
      {"one type and the kind", {{"gres/gpu:v100", Money{5}}, {"gres/gpu", Money{8}}}, 16, false},
      {"a dearer type and the kind", {{"gres/gpu:a100", Money{12}}, {"gres/gpu", Money{8}}}, 24, false},
      {"the kind", {{"gres/gpu", Money{8}}}, 16, false},
      {"given away", {{"gres/gpu:a100", Money{0}}, {"gres/gpu:v100", Money{0}}}, 0, false},
      {"no price", {{"cpu", Money{0}}}, 0, true},
  };
  for (const Row& row : rows) {
    PriceRow prices;
    prices.per_hour = row.prices;
    const auto rated = rate(prices, dearest(prices, one), 3600);
    EXPECT_EQ(rated->amount.micro, row.micro) << row.what;
    EXPECT_EQ(!rated->unpriced.empty(), row.unpriced) << row.what;
  }
}

TEST(ClusterShape, SumsOfTheLargest) {
  const ClusterShape shape(inventory());
  const NodeSizes& super = shape.find("super")->sizes;
  EXPECT_EQ(super.sum_of_largest("cpu", 1), 128);
  EXPECT_EQ(super.sum_of_largest("cpu", 3), 256);
  EXPECT_EQ(super.sum_of_largest("cpu", 5), 384);
  EXPECT_EQ(super.sum_of_largest("cpu", 7), 640);
  EXPECT_EQ(super.sum_of_largest("gres/gpu", 2), 0);
  EXPECT_EQ(super.sockets_largest(), 4);
  EXPECT_EQ(shape.find("mix")->sizes.sum_of_largest("gres/gpu", 2), 12);
  EXPECT_EQ(shape.find("nowhere"), nullptr);
}

}  // namespace
}  // namespace sluice::tariff
