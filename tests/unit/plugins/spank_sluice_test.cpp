// SPDX-License-Identifier: Apache-2.0
//
// Goal: options, defaults from the environment and the nonce reach slurmctld and the
// job, from sbatch, salloc and srun. Method: the built spank_sluice.so, opened as
// Slurm opens it; SPANK's functions are faked, and the test does what Slurm does
// between init and init_post_opt.

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "plugins/slurm_abi/slurm_headers.h"
#include "tests/fake_slurm/fake_slurm.hpp"

namespace sluice {
namespace {

using Given = std::vector<std::pair<std::string, std::string>>;

const std::string travel = "_SLURM_SPANK_OPTION_sluice_";

class Spank : public ::testing::Test {
 protected:
  void SetUp() override {
    for (char** entry = environ; *entry != nullptr;) {
      const std::string name = std::string(*entry).substr(0, std::string(*entry).find('='));
      if (name.find("SLUICE") != std::string::npos || name.find("SLURM") != std::string::npos) {
        unsetenv(name.c_str());
      } else {
        ++entry;
      }
    }
    library_ = dlopen(SLUICE_PLUGIN_FILE, RTLD_LAZY);
    ASSERT_NE(library_, nullptr) << dlerror();
  }
  void TearDown() override {
    call("slurm_spank_exit");
    dlclose(library_);
  }

  int call(const char* name) {
    auto* function = reinterpret_cast<int (*)(spank_t, int, char**)>(dlsym(library_, name));
    if (function == nullptr) throw std::runtime_error(dlerror());
    return function(nullptr, 0, nullptr);
  }

  /// As in Slurm's spank_process_option: the first failing callback ends the command.
  static int give(const std::string& name, const std::string& value, int remote = 0) {
    for (const auto& option : fake_slurm::options()) {
      if (option.name != name) continue;
      const int rc = option.callback(option.number, value.c_str(), remote);
      if (rc == 0) fake_slurm::job_control()[travel_name(name)] = value;
      return rc;
    }
    throw std::out_of_range(name);
  }

  static std::string travel_name(std::string name) {
    std::replace(name.begin(), name.end(), '-', '_');
    return travel + name;
  }

  /// As in Slurm's spank_process_env_options.
  static int give_slurms_own_defaults() {
    for (const auto& option : fake_slurm::options()) {
      const char* value = std::getenv(("SLURM_SPANK_" + travel_name(option.name)).c_str());
      if (value != nullptr && give(option.name, value) != 0) return -1;
    }
    return 0;
  }

  /// The order of sbatch: #SBATCH lines, the environment, the command line.
  int command(char context, const Given& in_script, const Given& on_command_line) {
    fake_slurm::reset(context);
    EXPECT_EQ(call("slurm_spank_init"), 0);
    for (const auto& [name, value] : in_script) {
      if (give(name, value) != 0) return -1;
    }
    if (give_slurms_own_defaults() != 0) return -1;
    for (const auto& [name, value] : on_command_line) {
      if (give(name, value) != 0) return -1;
    }
    EXPECT_EQ(call("slurm_spank_init_post_opt"), 0);
    return 0;
  }

  static std::string sent(const std::string& name) {
    const auto found = fake_slurm::job_control().find(name);
    return found == fake_slurm::job_control().end() ? "" : found->second;
  }
  static std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  }

  void* library_ = nullptr;
};

TEST_F(Spank, RegistersNineOptionsWithUsage) {
  fake_slurm::reset('a');
  EXPECT_EQ(call("slurm_spank_init"), 0);
  EXPECT_EQ(fake_slurm::options().size(), 9U);
  for (const auto& option : fake_slurm::options()) {
    EXPECT_FALSE(option.usage.empty());
    EXPECT_FALSE(option.argument.empty());
  }
  EXPECT_STREQ(static_cast<const char*>(dlsym(library_, "plugin_name")), "sluice");
  EXPECT_STREQ(static_cast<const char*>(dlsym(library_, "plugin_type")), "spank");
  EXPECT_EQ(*static_cast<const unsigned*>(dlsym(library_, "plugin_version")), static_cast<unsigned>(SLURM_VERSION_NUMBER));
}

TEST_F(Spank, SendsAnOptionAndShowsItToTheJob) {
  for (const char context : {'a', 's'}) {
    ASSERT_EQ(command(context, {}, {{"voucher", "A,B"}, {"max-self", "2.5"}}), 0);
    EXPECT_EQ(sent(travel + "voucher"), "A,B");
    EXPECT_EQ(environment("SLUICE_VOUCHER"), "A,B");
    EXPECT_EQ(environment("SLUICE_MAX_SELF"), "2.5");
    call("slurm_spank_exit");
  }
}

TEST_F(Spank, StopsTheCommandAtAWrongOption) {
  EXPECT_NE(command('a', {}, {{"voucher", "A B"}}), 0);
  ASSERT_EQ(fake_slurm::errors().size(), 1U);
  EXPECT_EQ(fake_slurm::errors()[0].substr(0, 31), "sluice: --voucher: \"A B\" is no ");
}

TEST_F(Spank, TakesDefaultsFromTheEnvironment) {
  setenv("SLUICE_VOUCHER", "E", 1);
  setenv("SLUICE_PLACE", "auto", 1);
  setenv("SLUICE_SHIFT", "", 1);
  ASSERT_EQ(command('a', {}, {{"place", "hami"}}), 0);
  EXPECT_EQ(sent(travel + "voucher"), "E");
  EXPECT_EQ(environment((travel + "voucher").c_str()), "E") << "for slurmstepd";
  EXPECT_EQ(sent(travel + "place"), "hami") << "an option wins";
  EXPECT_EQ(environment("SLUICE_PLACE"), "hami");
  EXPECT_EQ(fake_slurm::job_control().count(travel + "shift"), 0U) << "empty is unset";
}

TEST_F(Spank, StopsTheCommandAtAWrongDefaultAndNamesTheVariable) {
  setenv("SLUICE_VOUCHER", "E E", 1);
  EXPECT_NE(command('a', {}, {}), 0);
  ASSERT_EQ(fake_slurm::errors().size(), 1U);
  EXPECT_EQ(fake_slurm::errors()[0].substr(0, 24), "sluice: SLUICE_VOUCHER: ");
}

TEST_F(Spank, ANestedSbatchIsPaidByItsOwnScriptsVoucher) {
  setenv("SLURM_JOB_ID", "5", 1);
  setenv("SLUICE_VOUCHER", "outer", 1);
  setenv(("SLURM_SPANK_" + travel + "voucher").c_str(), "outer", 1);
  setenv((travel + "voucher").c_str(), "outer", 1);
  ASSERT_EQ(command('a', {{"voucher", "inner"}}, {}), 0);
  EXPECT_EQ(sent(travel + "voucher"), "inner");
  EXPECT_EQ(environment("SLUICE_VOUCHER"), "inner");
}

TEST_F(Spank, ANestedSbatchWithoutOneIsPaidByTheOuterVoucher) {
  setenv("SLURM_JOB_ID", "5", 1);
  setenv("SLUICE_VOUCHER", "outer", 1);
  ASSERT_EQ(command('a', {}, {}), 0);
  EXPECT_EQ(sent(travel + "voucher"), "outer");
}

TEST_F(Spank, MakesOneFreshNoncePerSubmission) {
  const auto is_nonce = [](const std::string& text) {
    return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
  };
  setenv("SLURM_SPANK_SLUICE_NONCE", "00000000000000000000000000000000", 1);
  ASSERT_EQ(command('a', {}, {}), 0);
  const std::string first = sent("SLUICE_NONCE");
  EXPECT_TRUE(is_nonce(first)) << first;
  EXPECT_EQ(call("slurm_spank_init_post_opt"), 0);
  EXPECT_EQ(sent("SLUICE_NONCE"), first) << "every component of a het job carries the same";
  call("slurm_spank_exit");
  ASSERT_EQ(command('a', {}, {}), 0);
  EXPECT_NE(sent("SLUICE_NONCE"), first);
}

TEST_F(Spank, AStepIsNoSubmission) {
  setenv("SLURM_JOB_ID", "5", 1);
  setenv("SLUICE_VOUCHER", "not even valid", 1);
  setenv("SLUICE_QUOTE", "json", 1);
  setenv(("SLURM_SPANK_" + travel + "task_bind").c_str(), "auto", 1);
  ASSERT_EQ(command('s', {}, {}), 0);
  EXPECT_EQ(sent("SLUICE_NONCE"), "");
  EXPECT_EQ(sent(travel + "voucher"), "");
  EXPECT_EQ(sent(travel + "quote_format"), "");
  EXPECT_EQ(environment("SLUICE_TASK_BIND"), "auto") << "the job's own choice holds for its steps";
}

TEST_F(Spank, AnSrunOutsideAJobIsASubmission) {
  setenv("SLUICE_WORKLOAD", "data", 1);
  ASSERT_EQ(command('s', {}, {}), 0);
  EXPECT_EQ(sent("SLUICE_NONCE").size(), 32U);
  EXPECT_EQ(sent(travel + "workload"), "data");
}

TEST_F(Spank, HandsOnTheFormatOfAQuote) {
  setenv("SLUICE_QUOTE", "json", 1);
  ASSERT_EQ(command('a', {}, {}), 0);
  EXPECT_EQ(sent(travel + "quote_format"), "json");
  call("slurm_spank_exit");
  setenv("SLUICE_QUOTE", "xml", 1);
  ASSERT_EQ(command('a', {}, {}), 0);
  EXPECT_EQ(sent(travel + "quote_format"), "");
  EXPECT_EQ(fake_slurm::errors().size(), 1U);
}

TEST_F(Spank, AStepShowsItsTasksWhatTheEnvironmentLost) {
  fake_slurm::reset('r');
  ASSERT_EQ(call("slurm_spank_init"), 0);
  fake_slurm::task_environment() = {{"SLURM_SPANK_" + travel + "voucher", "A"},  // --export=NONE keeps SLURM_*
                                    {"SLUICE_PLACE", "hami"},
                                    {"SLURM_SPANK_" + travel + "place", "auto"},
                                    {"SLURM_SPANK_" + travel + "shift", "rubbish"}};
  EXPECT_EQ(give("task-bind", "auto", 1), 0);
  EXPECT_EQ(give("workload", "rubbish", 1), 0) << "never an error on a node";
  EXPECT_EQ(call("slurm_spank_init_post_opt"), 0);
  auto& environment = fake_slurm::task_environment();
  EXPECT_EQ(environment["SLUICE_VOUCHER"], "A");
  EXPECT_EQ(environment["SLUICE_PLACE"], "hami");
  EXPECT_EQ(environment["SLUICE_TASK_BIND"], "auto");
  EXPECT_EQ(environment.count("SLUICE_SHIFT"), 0U);
  EXPECT_EQ(environment.count("SLUICE_WORKLOAD"), 0U);
  EXPECT_TRUE(fake_slurm::errors().empty());
}

TEST_F(Spank, DoesNothingInDaemonsAndScripts) {
  setenv("SLUICE_VOUCHER", "rub bish", 1);
  fake_slurm::reset('o');
  EXPECT_EQ(call("slurm_spank_init"), 0);
  EXPECT_EQ(call("slurm_spank_init_post_opt"), 0);
  EXPECT_TRUE(fake_slurm::errors().empty());
  EXPECT_TRUE(fake_slurm::job_control().empty());
}

TEST_F(Spank, SurvivesCallsOutOfOrder) {
  fake_slurm::reset('a');
  EXPECT_EQ(call("slurm_spank_exit"), 0);
  EXPECT_EQ(call("slurm_spank_init_post_opt"), 0);
  EXPECT_EQ(call("slurm_spank_init"), 0);
  EXPECT_EQ(call("slurm_spank_init"), 0);
  const auto option = fake_slurm::options().front();
  EXPECT_EQ(option.callback(99, "x", 0), 0);
  EXPECT_NE(option.callback(option.number, nullptr, 0), 0);
  call("slurm_spank_exit");
  EXPECT_EQ(option.callback(option.number, "x y", 0), 0);
}

}  // namespace
}  // namespace sluice
