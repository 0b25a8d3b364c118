// SPDX-License-Identifier: Apache-2.0
//
// Goal: a wrong line costs its own setting only and is named; a changed file is
// noticed without being told. Method: rows of texts; a real file and simulated time.

#include "plugins/job_submit/settings.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/unit/plugins/unix_server.hpp"

namespace sluice::job_submit {
namespace {

using namespace std::chrono_literals;

TEST(Settings, ReadsEveryLine) {
  const auto parsed = parse_settings(
      "# comment\n\n socket = /tmp/s.sock  # here\ndeadline_ms=20\r\nsibling_deadline_ms = 3\nprobe_ms\t=\t4\n"
      "backoff_seconds_min = 2\nbackoff_seconds_max = 30\nwhen_unreachable = refuse\nlocal_feature = chongqing",
      "f");
  EXPECT_TRUE(parsed.problems.empty());
  Settings expected;
  expected.socket = "/tmp/s.sock";
  expected.deadline = 20ms;
  expected.sibling_deadline = 3ms;
  expected.probe = 4ms;
  expected.backoff_min = 2s;
  expected.backoff_max = 30s;
  expected.when_unreachable = Settings::WhenUnreachable::refuse;
  expected.local_feature = "chongqing";
  EXPECT_EQ(parsed.settings, expected);
}

TEST(Settings, NamesEachWrongLineAndKeepsItsDefault) {
  const struct {
    const char* text;
    const char* problem;
  } rows[] = {
      {"deadline_ms = 0", "f:1: \"deadline_ms\" must be a whole number from 1 to 1000; the line is left out"},
      {"\n\ndeadline_ms = ten", "f:3: \"deadline_ms\" must be a whole number from 1 to 1000; the line is left out"},
      {"deadline_ms = 10ms", "f:1: \"deadline_ms\" must be a whole number from 1 to 1000; the line is left out"},
      {"deadline_ms = -1", "f:1: \"deadline_ms\" must be a whole number from 1 to 1000; the line is left out"},
      {"deadline_ms = 99999999999999999999", "f:1: \"deadline_ms\" must be a whole number from 1 to 1000; the line is left out"},
      {"deadline_ms", "f:1: \"deadline_ms\" has no '='; the line is left out"},
      {"deadline = 1", "f:1: \"deadline\" is no setting of this plugin; the line is left out"},
      {"=", "f:1: \"\" is no setting of this plugin; the line is left out"},
      {"socket = run/s", "f:1: \"socket\" must be an absolute path of at most 107 bytes; the line is left out"},
      {"socket =", "f:1: \"socket\" must be an absolute path of at most 107 bytes; the line is left out"},
      {"when_unreachable = Admit", "f:1: \"when_unreachable\" must be admit or refuse; the line is left out"},
      {"local_feature =", "f:1: \"local_feature\" must be one feature of at most 128 bytes, without ',', '!' and blanks; the line is left out"},
      {"local_feature = cq,hami", "f:1: \"local_feature\" must be one feature of at most 128 bytes, without ',', '!' and blanks; the line is left out"},
      {"local_feature = !hami", "f:1: \"local_feature\" must be one feature of at most 128 bytes, without ',', '!' and blanks; the line is left out"},
      {"local_feature = two words", "f:1: \"local_feature\" must be one feature of at most 128 bytes, without ',', '!' and blanks; the line is left out"},
      {"\x1b[31m = 1", "f:1: \"?[31m\" is no setting of this plugin; the line is left out"},
  };
  for (const auto& row : rows) {
    const auto parsed = parse_settings(row.text, "f");
    ASSERT_EQ(parsed.problems.size(), 1U) << row.text;
    EXPECT_EQ(parsed.problems[0], row.problem);
    EXPECT_EQ(parsed.settings, Settings{}) << row.text;
  }
}

TEST(Settings, KeepsBackoffBoundsInOrder) {
  const auto parsed = parse_settings("backoff_seconds_min = 10\nbackoff_seconds_max = 5", "f");
  EXPECT_EQ(parsed.problems.size(), 1U);
  EXPECT_EQ(parsed.settings.backoff_max, 10s);
}

TEST(Settings, SurvivesAnyBytes) {
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += static_cast<char>((i * 7919) % 256);
  EXPECT_EQ(parse_settings(bytes, "f").settings, Settings{});
}

std::vector<std::string> logged;
void keep(const char* line) noexcept { logged.emplace_back(line); }

TEST(SettingsFile, ReadsAgainWhenTheFileHasChanged) {
  logged.clear();
  const test::ScratchFolder folder;
  const std::string path = folder / "plugin.conf";
  const auto write = [&](const std::string& text) { std::ofstream(path) << text; };
  SettingsFile::Time now{1h};
  SettingsFile file(path, keep);

  EXPECT_EQ(*file.current(now), Settings{}) << "a missing file means the defaults";
  write("deadline_ms = 11\n");
  EXPECT_EQ(file.current(now + 1s)->deadline, 10ms) << "not looked yet";
  EXPECT_EQ(file.current(now += 3s)->deadline, 11ms);
  write("deadline_ms = 5000\nprobe_ms = 3\n");
  const auto settings = file.current(now += 3s);
  EXPECT_EQ(settings->deadline, 10ms);
  EXPECT_EQ(settings->probe, 3ms);
  EXPECT_EQ(logged.size(), 1U);
  (void)file.current(now += 3s);
  EXPECT_EQ(logged.size(), 1U) << "an unchanged file is not read again";
  unlink(path.c_str());
  EXPECT_EQ(*file.current(now += 3s), Settings{});
}

TEST(SettingsFile, KeepsTheSettingsWhereThePathCannotBeRead) {
  logged.clear();
  const test::ScratchFolder folder;
  const std::string path = folder / "plugin.conf";
  SettingsFile::Time now{1h};
  SettingsFile file(path, keep);
  std::ofstream(path) << "deadline_ms = 11\n";
  EXPECT_EQ(file.current(now)->deadline, 11ms);
  unlink(path.c_str());
  mkdir(path.c_str(), 0700);  // reading a folder fails
  EXPECT_EQ(file.current(now += 3s)->deadline, 11ms);
  ASSERT_EQ(logged.size(), 1U);
  rmdir(path.c_str());
  mkfifo(path.c_str(), 0600);  // must not block
  EXPECT_EQ(file.current(now += 3s)->deadline, 10ms);
}

}  // namespace
}  // namespace sluice::job_submit
