// SPDX-License-Identifier: Apache-2.0
//
// Goal: the built job_submit_sluice.so does to a job what PROTOCOL.md says, and by
// policy where there is no answer. Method: opened as slurmctld opens it, with
// Slurm's functions faked and a service on a real unix socket.

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <thread>

#include <nlohmann/json.hpp>

#include "tests/fake_slurm/fake_slurm.hpp"
#include "tests/unit/plugins/descriptor.hpp"
#include "tests/unit/plugins/unix_server.hpp"

namespace sluice {
namespace {

using nlohmann::json;
using test::Descriptor;
using test::packet;
using test::UnixServer;
using Action = UnixServer::Action;
using Then = UnixServer::Action::Then;

class Plugin : public ::testing::Test {
 protected:
  void SetUp() override {
    fake_slurm::reset();
    live_before_ = fake_slurm::live_allocations();
    library_ = dlopen(SLUICE_PLUGIN_FILE, RTLD_LAZY);
    ASSERT_NE(library_, nullptr) << dlerror();
    write_settings("");
  }

  void TearDown() override {
    const int ended = started_ ? function<int()>("fini")() : SLURM_SUCCESS;
    EXPECT_EQ(ended, SLURM_SUCCESS);
    server_.reset();
    EXPECT_EQ(fake_slurm::live_allocations(), live_before_) << "what the plugin allocated is Slurm's to free, and nothing else";
    EXPECT_EQ(fake_slurm::wrong_frees(), 0);
    dlclose(library_);
  }

  template <typename Signature>
  Signature* function(const char* name) {
    auto* address = reinterpret_cast<Signature*>(dlsym(library_, name));
    if (address == nullptr) throw std::runtime_error(dlerror());
    return address;
  }

  void write_settings(const std::string& more) {
    const std::string path = folder_ / "plugin.conf";
    std::ofstream(path) << "socket = " << socket_ << "\ndeadline_ms = 800\nsibling_deadline_ms = 800\nprobe_ms = 800\n" << more;
    setenv("SLUICE_PLUGIN_CONF", path.c_str(), 1);
  }

  void start() {
    ASSERT_EQ(function<int()>("init")(), SLURM_SUCCESS);
    started_ = true;
  }

  void serve(const std::string& answer) {
    serve_action({packet(answer)});
  }

  void serve_action(const Action& action) {
    server_.reset();
    server_ = std::make_unique<UnixServer>(socket_, [action](const std::string&) { return action; });
  }

  int submit(Descriptor& job, std::uint32_t submit_uid = 6001) {
    char* message = nullptr;
    const int rc = function<int(job_desc_msg_t*, std::uint32_t, char**)>("job_submit")(job.get(), submit_uid, &message);
    message_ = message == nullptr ? "" : message;
    fake_slurm::free_text(message);
    return rc;
  }

  int modify(test::ChangeDescriptor& job, std::uint32_t submit_uid = 6001, const void* record = nullptr) {
    char* message = nullptr;
    void* opaque = const_cast<void*>(record);
#if SLUICE_JOB_MODIFY_HAS_ERR_MSG
    const int rc = function<int(job_desc_msg_t*, void*, std::uint32_t, char**)>("job_modify")(job.get(), opaque, submit_uid, &message);
#else
    const int rc = function<int(job_desc_msg_t*, void*, std::uint32_t)>("job_modify")(job.get(), opaque, submit_uid);
#endif
    message_ = message == nullptr ? "" : message;
    fake_slurm::free_text(message);
    return rc;
  }

  json asked() { return line_asked(0); }
  /// null: it came without
  json reports() { return line_asked(1); }

  json line_asked(int number) {
    std::istringstream lines(server_->last_request());
    std::string line;
    for (int i = 0; i <= number; ++i) {
      if (!std::getline(lines, line)) return nullptr;
    }
    return json::parse(line);
  }

  const test::ScratchFolder folder_;
  const std::string socket_ = folder_ / "control.sock";
  std::unique_ptr<UnixServer> server_;
  std::string message_;
  void* library_ = nullptr;
  bool started_ = false;
  int live_before_ = 0;
};

TEST_F(Plugin, HasTheNamesThatSlurmLooksFor) {
  EXPECT_STREQ(static_cast<const char*>(dlsym(library_, "plugin_type")), "job_submit/sluice");
  EXPECT_EQ(*static_cast<const std::uint32_t*>(dlsym(library_, "plugin_version")), static_cast<std::uint32_t>(SLURM_VERSION_NUMBER));
  EXPECT_NE(dlsym(library_, "plugin_name"), nullptr);
  EXPECT_EQ(dlsym(library_, "sluice_job_submit_submit"), nullptr) << "nothing else is visible";
}

TEST_F(Plugin, LetsJobsThroughBeforeInitAndAfterFini) {
  Descriptor job;
  EXPECT_EQ(submit(job), SLURM_SUCCESS);
  start();
  EXPECT_EQ(function<int()>("fini")(), SLURM_SUCCESS);
  EXPECT_EQ(submit(job), SLURM_SUCCESS);
  EXPECT_EQ(function<int()>("init")(), SLURM_SUCCESS);
}

TEST_F(Plugin, SaysOfItselfWhatNobodyCouldAsk) {
  start();
  const auto reported = [&](const std::string& answer) {
    serve(answer);
    Descriptor job;
    EXPECT_EQ(submit(job), SLURM_SUCCESS);
    return reports();
  };
  const json first = reported("no answer at all");
  EXPECT_EQ(first.at("without_answer"), 0);
  EXPECT_EQ(first.at("version"), SLUICE_VERSION);
  EXPECT_EQ(first.at("slurm").get<std::string>().size(), 7U) << first;
  EXPECT_GT(first.at("loaded_at"), 1'700'000'000);
  const json second = reported(R"({"v":1,"action":"admit"})");
  EXPECT_EQ(second.at("without_answer"), 1);
  EXPECT_EQ(reported(R"({"v":1,"action":"admit"})"), nullptr) << "sluiced knows it";
}

TEST_F(Plugin, AppliesAnAdmission) {
  start();
  serve(R"({"v":1,"action":"admit","set":{"cluster_features":"chongqing","partition":"ai","begin_time":1767225600,
            "admin_comment":"{\"sluice\":{\"v\":1}}"},"lines":["one","two"]})");
  Descriptor job;
  job->partition = fake_slurm::dup("old");
  job.set_spank({"SLUICE_NONCE=00112233445566778899aabbccddeeff", "_SLURM_SPANK_OPTION_sluice_max_self=2.5"});
  EXPECT_EQ(submit(job), SLURM_SUCCESS);
  EXPECT_STREQ(job->partition, "ai");
  EXPECT_STREQ(job->cluster_features, "chongqing");
  EXPECT_STREQ(job->admin_comment, R"({"sluice":{"v":1}})");
  EXPECT_EQ(job->begin_time, 1767225600);
  EXPECT_EQ(job->extra, nullptr);
  EXPECT_EQ(message_, "one\ntwo");
  EXPECT_EQ(asked()["kind"], "submit");
  EXPECT_EQ(asked()["nonce"], "00112233445566778899aabbccddeeff");
  EXPECT_EQ(asked()["options"], json({{"max-self", "2.5"}}));
}

TEST_F(Plugin, RefusesWithTheCodeThatFits) {
  start();
  const struct {
    const char* reason;
    int code;
  } rows[] = {{"policy", ESLURM_ACCOUNTING_POLICY}, {"denied", ESLURM_ACCESS_DENIED}};
  for (const auto& row : rows) {
    serve(std::string(R"({"v":1,"action":"refuse","set":{"partition":"ai"},"lines":["no"],"reason":")") + row.reason + "\"}");
    Descriptor job;
    EXPECT_EQ(submit(job), row.code);
    EXPECT_EQ(message_, "no");
    EXPECT_EQ(job->partition, nullptr) << "a refused job is left as it was";
  }
}

/// What a federation would strand or what others have placed.
const struct {
  const char* what;
  void (*change)(Descriptor&);
} never_placed[] = {
    {"an array", [](Descriptor& job) { job->array_inx = fake_slurm::dup("1-10"); }},
    {"a het component", [](Descriptor& job) { job->het_job_offset = 1; }},
    {"-M", [](Descriptor& job) { job->clusters = fake_slurm::dup("cq"); }},
    {"--cluster-constraint", [](Descriptor& job) { job->cluster_features = fake_slurm::dup("mine"); }},
    {"a sibling's copy", [](Descriptor& job) { job.set_job_id(67108865); }},
};

std::string cluster_features_of(Descriptor& job) { return job->cluster_features == nullptr ? "" : job->cluster_features; }

TEST_F(Plugin, NeverPlacesWhatAFederationWouldStrand) {
  start();
  serve(R"({"v":1,"action":"admit","set":{"cluster_features":"chongqing","partition":"ai"}})");
  for (const auto& row : never_placed) {
    Descriptor job;
    row.change(job);
    const std::string before = cluster_features_of(job);
    EXPECT_EQ(submit(job), SLURM_SUCCESS) << row.what;
    EXPECT_EQ(cluster_features_of(job), before) << row.what;
    EXPECT_STREQ(job->partition, "ai") << row.what << ": the rest is applied";
  }
}

TEST_F(Plugin, TellsTestsAndSiblingsFromSubmissions) {
  start();
  serve(R"({"v":1,"action":"admit"})");
  Descriptor test_only;
  test_only->alloc_sid = NO_VAL;
  EXPECT_EQ(submit(test_only), SLURM_SUCCESS);
  EXPECT_EQ(asked()["kind"], "test");
  Descriptor sibling;
  sibling.set_job_id(67108865);
  EXPECT_EQ(submit(sibling, 0), SLURM_SUCCESS);
  EXPECT_EQ(asked()["kind"], "sibling");
  EXPECT_EQ(asked()["job"]["job_id"], 67108865);
}

TEST_F(Plugin, AdmitsWithAPointerWhereThereIsNoAnswer) {
  const Action rows[] = {
      {packet("", "500")},
      {packet("no json")},
      {packet(R"({"v":1,"action":"maybe"})")},
      {packet(std::string(100'000, ' ') + R"({"v":1,"action":"refuse"})")},
      {packet(R"([{"v":1}])")},
      {packet(R"({"v":1,"action":"admit","lines":"many"})")},
      {"rubbish", Then::close},
      {"rubbish", Then::flood},
      {"", Then::close},
      {"", Then::hang},
  };
  for (const Action& action : rows) {
    SCOPED_TRACE(action.bytes.substr(0, 60));
    ASSERT_EQ(function<int()>("init")(), SLURM_SUCCESS);
    serve_action(action);
    Descriptor job;
    job->admin_comment = fake_slurm::dup("ticket 7");
    job.set_spank({"SLUICE_NONCE=00112233445566778899aabbccddeeff", "_SLURM_SPANK_OPTION_sluice_voucher=CD-1"});
    EXPECT_EQ(submit(job), SLURM_SUCCESS);
    EXPECT_EQ(json::parse(job->admin_comment),
              json::parse(R"({"text":"ticket 7","sluice":{"v":1,"nonce":"00112233445566778899aabbccddeeff","options":{"voucher":"CD-1"},"unpriced":true}})"));
    EXPECT_EQ(message_, "");
    EXPECT_EQ(fake_slurm::errors().size(), 1U) << "one line says so";
    fake_slurm::reset();
    EXPECT_EQ(function<int()>("fini")(), SLURM_SUCCESS);
  }
}

TEST_F(Plugin, LogsWhatSluicedSaysInsteadOfAnAnswer) {
  start();
  serve_action({packet(R"({"error":{"text":"only control_users may ask\n"}})" + std::string(500, 'x'), "403")});
  Descriptor job;
  EXPECT_EQ(submit(job), SLURM_SUCCESS);
  ASSERT_EQ(fake_slurm::errors().size(), 1U);
  const std::string line = fake_slurm::errors()[0];
  EXPECT_EQ(line.rfind(R"(sluice: job_submit: no answer from sluiced: status 403: {"error":{"text":"only control_users)", 0), 0U) << line;
  EXPECT_LT(line.size(), 400U);
}

TEST_F(Plugin, RefusesByPolicyWithALineThatSaysSo) {
  write_settings("when_unreachable = refuse\n");
  start();
  Descriptor job;
  EXPECT_EQ(submit(job), ESLURM_ACCOUNTING_POLICY);
  EXPECT_NE(message_.find("doesn't answer"), std::string::npos);
  EXPECT_EQ(job->admin_comment, nullptr);
  Descriptor sibling;
  sibling.set_job_id(67108865);
  EXPECT_EQ(submit(sibling, 0), SLURM_SUCCESS) << "its origin has decided";
  EXPECT_EQ(sibling->admin_comment, nullptr);
}

TEST_F(Plugin, KeepsJobsInTheirPlaceWithoutAnAnswer) {
  const struct {
    std::string settings;
    std::vector<std::string> options;
    std::string feature;
    std::string message;
  } rows[] = {
      {"", {}, "", ""},
      {"", {"_SLURM_SPANK_OPTION_sluice_place=hami"}, "", ""},
      {"local_feature = chongqing\n", {}, "chongqing", ""},
      {"local_feature = chongqing\n", {"_SLURM_SPANK_OPTION_sluice_place=local"}, "chongqing", ""},
      {"local_feature = chongqing\n", {"_SLURM_SPANK_OPTION_sluice_place=auto"}, "chongqing", ""},
      {"local_feature = chongqing\n", {"_SLURM_SPANK_OPTION_sluice_place=hami"}, "hami",
       "sluice: the accounting service of this cluster doesn't answer: --place=hami is taken for --cluster-constraint=hami; "
       "where Slurm knows no such feature, give --cluster-constraint yourself or try again in a few minutes"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.settings + row.feature);
    write_settings(row.settings);
    ASSERT_EQ(function<int()>("init")(), SLURM_SUCCESS);
    Descriptor job;
    job.set_spank(row.options);
    EXPECT_EQ(submit(job), SLURM_SUCCESS);
    EXPECT_EQ(cluster_features_of(job), row.feature);
    EXPECT_EQ(message_, row.message);
    EXPECT_NE(job->admin_comment, nullptr);
    EXPECT_EQ(function<int()>("fini")(), SLURM_SUCCESS);
  }
}

TEST_F(Plugin, PlacesNothingElseWithoutAnAnswer) {
  write_settings("local_feature = chongqing\n");
  start();
  for (const auto& row : never_placed) {
    Descriptor job;
    row.change(job);
    job.set_spank({"_SLURM_SPANK_OPTION_sluice_place=hami"});
    const std::string before = cluster_features_of(job);
    EXPECT_EQ(submit(job), SLURM_SUCCESS) << row.what;
    EXPECT_EQ(cluster_features_of(job), before) << row.what;
    EXPECT_EQ(message_, "") << row.what;
  }
  Descriptor test;
  test->alloc_sid = NO_VAL;
  EXPECT_EQ(submit(test), SLURM_SUCCESS);
  EXPECT_EQ(cluster_features_of(test), "") << "a test is asked of every cluster";
}

TEST_F(Plugin, SaysThatThereIsNoQuote) {
  start();
  Descriptor job;
  job->alloc_sid = NO_VAL;
  EXPECT_EQ(submit(job), SLURM_SUCCESS);
  EXPECT_NE(message_.find("no quote"), std::string::npos);
  EXPECT_EQ(job->admin_comment, nullptr);
}

TEST_F(Plugin, LogsAnOutageOnceHoweverManyJobsCome) {
  start();
  for (int i = 0; i < 100; ++i) {
    Descriptor job;
    EXPECT_EQ(submit(job), SLURM_SUCCESS);
  }
  EXPECT_EQ(fake_slurm::errors().size(), 1U);
}

TEST_F(Plugin, RefusesOverlongOptionsItself) {
  start();
  serve(R"({"v":1,"action":"admit"})");
  Descriptor job;
  job.set_spank({"_SLURM_SPANK_OPTION_sluice_voucher=" + std::string(1025, 'x')});
  EXPECT_EQ(submit(job), ESLURM_ACCOUNTING_POLICY);
  EXPECT_EQ(message_, "sluice: --voucher: longer than 1024 bytes; shorten it and submit again");
  EXPECT_EQ(server_->requests(), 0);
}

TEST_F(Plugin, RefusesWhatNoPacketWouldHoldItself) {
  start();
  serve(R"({"v":1,"action":"admit"})");
  Descriptor job;
  job->admin_comment = fake_slurm::dup(std::string(65536, '\x01').c_str());
  EXPECT_EQ(submit(job), ESLURM_ACCOUNTING_POLICY);
  EXPECT_EQ(message_, "sluice: the job's texts are together longer than 262144 bytes; shorten them and submit again");
  EXPECT_EQ(server_->requests(), 0);
}

// ---- job_modify

TEST_F(Plugin, AnswersAChangeWithoutAPriceItself) {
  start();
  serve(R"({"v":1,"action":"refuse","lines":["no"]})");
  const struct {
    const char* what;
    void (*set)(job_desc_msg_t&);
  } rows[] = {{"nothing", [](job_desc_msg_t&) {}},
              {"comment", [](job_desc_msg_t& job) { job.comment = fake_slurm::dup(R"({"sluice":{"id":"A1"}})"); }},
              {"name", [](job_desc_msg_t& job) { job.name = fake_slurm::dup("train"); }},
              {"hold", [](job_desc_msg_t& job) { job.priority = 0; }},
              {"nice", [](job_desc_msg_t& job) { job.nice = 5; }},
              {"QOS", [](job_desc_msg_t& job) { job.qos = fake_slurm::dup("high"); }},
              {"features", [](job_desc_msg_t& job) { job.features = fake_slurm::dup("fast"); }},
              {"reservation", [](job_desc_msg_t& job) { job.reservation = fake_slurm::dup("r"); }},
              {"dependency", [](job_desc_msg_t& job) { job.dependency = fake_slurm::dup("afterok:1"); }},
              {"start time", [](job_desc_msg_t& job) { job.begin_time = 1767225600; }}};
  for (const auto& row : rows) {
    test::ChangeDescriptor job;
    row.set(*job.get());
    EXPECT_EQ(modify(job), SLURM_SUCCESS) << row.what;
  }
  EXPECT_EQ(server_->requests(), 0);
}

TEST_F(Plugin, AsksAboutAChangeThatHasAPrice) {
  start();
  serve(R"({"v":1,"action":"admit","lines":["up to 5.06 yuan"]})");
  const struct {
    void (*set)(job_desc_msg_t&);
    const char* changes;
  } rows[] = {{[](job_desc_msg_t& job) { job.time_limit = 90; }, R"({"time_limit":90})"},
              {[](job_desc_msg_t& job) { job.time_limit = INFINITE; }, R"({"time_limit":"infinite"})"},
              {[](job_desc_msg_t& job) { job.end_time = 1767225600; }, R"({"end_time":1767225600})"},
              {[](job_desc_msg_t& job) { job.partition = fake_slurm::dup("ai"); }, R"({"partition":"ai"})"},
              {[](job_desc_msg_t& job) { job.account = fake_slurm::dup("bio"); }, R"({"account":"bio"})"},
              {[](job_desc_msg_t& job) { job.min_nodes = job.max_nodes = 2; }, R"({"min_nodes":2,"max_nodes":2})"},
              {[](job_desc_msg_t& job) { job.num_tasks = 4; }, R"({"num_tasks":4})"},
              {[](job_desc_msg_t& job) { job.min_cpus = 8; }, R"({"min_cpus":8})"},
              {[](job_desc_msg_t& job) { job.cpus_per_task = 2; }, R"({"cpus_per_task":2})"},
              {[](job_desc_msg_t& job) { job.pn_min_memory = MEM_PER_CPU | 500; }, R"({"mem_per_cpu":500})"},
              {[](job_desc_msg_t& job) { job.shared = 0; }, R"({"shared":0})"},
              {[](job_desc_msg_t& job) { job.array_inx = fake_slurm::dup("5"); }, R"({"array":"5"})"},
              {[](job_desc_msg_t& job) { job.tres_per_node = fake_slurm::dup("gres:gpu:2"); }, R"({"tres_per_node":"gres:gpu:2"})"},
              {[](job_desc_msg_t& job) { job.tres_per_node = fake_slurm::dup(""); }, R"({"tres_per_node":""})"},
              {[](job_desc_msg_t& job) { job.req_nodes = fake_slurm::dup("n1"); }, R"({"req_nodes":"n1"})"},
              {[](job_desc_msg_t& job) { job.cluster_features = fake_slurm::dup("hami"); }, R"({"cluster_features":"hami"})"},
              {[](job_desc_msg_t& job) { job.admin_comment = fake_slurm::dup("seen"); }, R"({"admin_comment":"seen"})"}};
  for (const auto& row : rows) {
    test::ChangeDescriptor job("123_4");
    row.set(*job.get());
    EXPECT_EQ(modify(job, 6002), SLURM_SUCCESS) << row.changes;
    json changes = json::parse(row.changes);
    changes["user_id"] = 6001;
    changes["submit_uid"] = 6002;
    EXPECT_EQ(asked(), (json{{"v", 1}, {"kind", "modify"}, {"id", "123_4"}, {"job", changes}}));
  }
  EXPECT_EQ(server_->requests(), static_cast<int>(std::size(rows)));
}

TEST_F(Plugin, RefusesAChangeAndSaysWhyWhereSlurmCan) {
  start();
  serve(R"({"v":1,"action":"refuse","reason":"policy","lines":["sluice: voucher V has 1.00 yuan"]})");
  test::ChangeDescriptor job;
  job->time_limit = 90;
  EXPECT_EQ(modify(job), ESLURM_ACCOUNTING_POLICY);
  EXPECT_EQ(message_, SLUICE_JOB_MODIFY_HAS_ERR_MSG ? "sluice: voucher V has 1.00 yuan" : "");
  ASSERT_FALSE(fake_slurm::infos().empty());
  EXPECT_EQ(fake_slurm::infos().back(), "sluice: job_modify: job 123: sluice: voucher V has 1.00 yuan");
  EXPECT_EQ(job->time_limit, 90U) << "whatever Slurm does with a descriptor that was refused";
}

TEST_F(Plugin, AsksOnceForAllRecordsOfACall) {
  start();
  serve(R"({"v":1,"action":"refuse","lines":["no"]})");
  std::vector<char> records(1000);
  test::ChangeDescriptor job;
  job->time_limit = 90;
  for (char& record : records) EXPECT_EQ(modify(job, 6001, &record), ESLURM_ACCOUNTING_POLICY);
  EXPECT_EQ(server_->requests(), 1);
  EXPECT_EQ(fake_slurm::infos().size(), 1U) << "one line, not one per record";

  // The same command once more comes to the same records.
  EXPECT_EQ(modify(job, 6001, records.data()), ESLURM_ACCOUNTING_POLICY);
  EXPECT_EQ(server_->requests(), 2);
  job->time_limit = 91;
  EXPECT_EQ(modify(job, 6001, &records[1]), ESLURM_ACCOUNTING_POLICY) << "another change in the same place";
  EXPECT_EQ(server_->requests(), 3);
  EXPECT_EQ(modify(job, 6002, &records[2]), ESLURM_ACCOUNTING_POLICY) << "another person";
  EXPECT_EQ(server_->requests(), 4);
  std::thread([&] { EXPECT_EQ(modify(job, 6002, &records[3]), ESLURM_ACCOUNTING_POLICY); }).join();
  EXPECT_EQ(server_->requests(), 5) << "another thread";
}

TEST_F(Plugin, KeepsTheTagInAnAdministratorsComment) {
  start();
  serve(R"({"v":1,"action":"admit","set":{"admin_comment":"seen {\"sluice\":{}}"}})");
  test::ChangeDescriptor job;
  job->admin_comment = fake_slurm::dup("seen");
  char records[3];
  for (char& record : records) {
    EXPECT_EQ(modify(job, 0, &record), SLURM_SUCCESS);
    EXPECT_STREQ(job->admin_comment, R"(seen {"sluice":{}})");
  }
  EXPECT_EQ(server_->requests(), 1) << "the text that the answer set is no other question";
}

TEST_F(Plugin, ChangesCostOneDeadlineWhileNobodyAnswers) {
  write_settings("deadline_ms = 20\nprobe_ms = 20\nbackoff_seconds_min = 60\n");
  start();
  serve_action({"", Then::hang});
  // As `scontrol update` of an array, and of a list of jobs.
  std::vector<char> records(1000);
  test::ChangeDescriptor array("123");
  array->time_limit = 90;
  for (char& record : records) EXPECT_EQ(modify(array, 6001, &record), SLURM_SUCCESS);
  for (char& record : records) {
    test::ChangeDescriptor job("124");
    job->time_limit = 90;
    EXPECT_EQ(modify(job, 6001, &record), SLURM_SUCCESS);
  }
  EXPECT_EQ(server_->requests(), 1);
  EXPECT_EQ(fake_slurm::errors().size(), 1U);
}

TEST_F(Plugin, RefusesChangesWithoutAnAnswerWhereThatIsThePolicy) {
  write_settings("when_unreachable = refuse\n");
  start();
  test::ChangeDescriptor job;
  job->time_limit = 90;
  EXPECT_EQ(modify(job), ESLURM_ACCOUNTING_POLICY);
  test::ChangeDescriptor free;
  free->priority = 0;
  EXPECT_EQ(modify(free), SLURM_SUCCESS) << "nobody need be asked about a hold";
}

TEST_F(Plugin, ServesManyThreadsAtOnce) {
  start();
  serve(R"({"v":1,"action":"admit","set":{"admin_comment":"tag"},"lines":["l"]})");
  auto* job_submit = function<int(job_desc_msg_t*, std::uint32_t, char**)>("job_submit");
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 25; ++k) {
        Descriptor job;
        char* message = nullptr;
        const int rc = job_submit(job.get(), 6001, &message);
        right += rc == SLURM_SUCCESS && message != nullptr && job->admin_comment != nullptr && std::string(job->admin_comment) == "tag" ? 1 : 0;
        fake_slurm::free_text(message);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 200);
}

}  // namespace
}  // namespace sluice
