// SPDX-License-Identifier: Apache-2.0
//
// Goal: the text that is kept with a charge is that of the codec, whatever the record holds, so
// that it can be read back and compared. Method: both texts of records with nothing, with
// everything, and with bytes that JSON must escape or can't hold.

#include "accounting/service/record_text.hpp"

#include <gtest/gtest.h>

#include "accounting/slurm/codec.hpp"

namespace sluice::service {
namespace {

slurm::UsageRecord full() {
  slurm::UsageRecord r;
  r.cluster = "cq";
  r.db_index = 18'446'744'073'709'551'615ULL;
  r.job_id = 4'294'967'295;
  r.array_job_id = 7;
  r.array_task_id = 0;
  r.array_tasks = "4-9";
  r.het_job_id = 8;
  r.het_job_offset = 0;
  r.user_id = 6001;
  r.user = "researcher1";
  r.account = "astro";
  r.partition = "ai";
  r.qos = "normal";
  r.name = "train";
  r.nodes = "ai[1-2]";
  r.state = "COMPLETED";
  r.state_number = 3;
  r.submit = 100;
  r.eligible = 101;
  r.start = 102;
  r.end = 103;
  r.elapsed_seconds = 1;
  r.suspended_seconds = 2;
  r.time_limit_minutes = 10;
  r.tres_alloc = {{"cpu", 4}, {"gres/gpu:a100", 1}};
  r.tres_req = {{"cpu", 4}};
  r.energy_joules = 0;
  r.exit_code = -1;
  r.restart_count = 0;
  r.admin_comment = R"({"sluice":{"id":"A1"}})";
  return r;
}

TEST(RecordText, IsThatOfTheCodec) {
  std::vector<slurm::UsageRecord> records{{}, full()};
  for (const char* odd : {"a \"b\" \\ c", "tab\t, line\n, bell\x07, delete\x7F", "\xE7\xAE\x97\xE5\x8A\x9B", "\xFF not UTF-8 \xC3", "\xC2\x80"}) {
    auto r = full();
    for (std::string* text : {&r.name, &r.account, &r.cluster, &r.state, &r.nodes, &r.admin_comment}) *text = odd;
    r.tres_req[odd] = -1;
    records.push_back(r);
  }
  for (const auto& record : records) EXPECT_EQ(record_text(record), slurm::to_json(record).dump());
}

}  // namespace
}  // namespace sluice::service
