// SPDX-License-Identifier: Apache-2.0
//
// Goal: whoever edits a file is told the line, the column and what would be
// right. Method: rows of a document and the exact message.

#include "accounting/core/yaml_reader.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace sluice {
namespace {

/// Everything that a YamlMap can be asked for.
std::string read(YamlMap& top) {
  std::string seen = top.text("name");
  seen += " " + top.text_or("note", "-");
  seen += " " + std::to_string(top.integer_or("count", 7, 1, 10));
  seen += top.flag_or("on", false) ? " on" : " off";
  if (const auto amount = top.money_if("amount")) seen += " " + format_money_fen(*amount);
  seen += " " + format_date(top.time_or("day", Zone{}, 0), Zone{});
  seen += " " + top.choice_or("colour", "red", {"red", "blue"});
  for (const auto& one : top.texts("hosts")) seen += " " + one;
  if (auto inner = top.map_if("inner")) {
    seen += " " + format_share(inner->share("share"));
    inner->done();
  }
  for (auto& row : top.maps("rows")) {
    for (const auto& key : row.keys()) seen += " " + key + "=" + row.text(key);
  }
  return seen;
}

TEST(YamlReader, Rows) {
  struct Row {
    const char* text;
    const char* answer;  // what was read, or the message
  };
  const Row rows[] = {
      {"name: a", "a - 7 off 1970-01-01 red"},
      {"name: a\nnote: b c\ncount: 10\non: yes\namount: \"1.50\"\nday: 2026-02-01\ncolour: blue\nhosts: [x, y]\n",
       "a b c 10 on 1.50 2026-02-01 blue x y"},
      {"name: a\nhosts: x\ninner: {share: 0.6}\nrows:\n  - {k: v}\n  - {l: w, m: x}\n",
       "a - 7 off 1970-01-01 red x 0.60 k=v l=w m=x"},
      {"", "f.yaml: the document is nothing; write a mapping (key: value)"},
      {"- a\n", "f.yaml:1:1: the document is a list; write a mapping (key: value)"},
      {"note: b\n", "f.yaml:1:1: name: is missing"},
      {"name:\n", "f.yaml:1:1: name: nothing: is missing"},
      {"name: {a: b}\n", "f.yaml:1:7: name: a mapping: write one text"},
      {"name: a\nnmae: b\n",
       "f.yaml:2:1: nmae: unknown key; known here: amount, colour, count, day, hosts, inner, name, note, on, rows"},
      {"name: a\nname: b\n", "f.yaml:2:1: name stands twice; keep one"},
      {"name: a\n? [x]\n: b\n", "f.yaml:2:3: a key must be a plain text"},
      {"name: a\ncount: 11\n", "f.yaml:2:8: count: '11': write a whole number from 1 to 10"},
      {"name: a\ncount: 1.0\n", "f.yaml:2:8: count: '1.0': write a whole number from 1 to 10"},
      {"name: a\ncount: 99999999999999999999\n",
       "f.yaml:2:8: count: '99999999999999999999': write a whole number from 1 to 10"},
      {"name: a\non: maybe\n", "f.yaml:2:5: on: 'maybe': write true or false"},
      {"name: a\namount: 1.5e3\n",
       "f.yaml:2:9: amount: '1.5e3': '1.5e3' is not an amount: it holds something other than digits and one point; "
       "write it like 12.50, with at most six decimals"},
      {"name: a\nday: 2026-02-30\n",
       "f.yaml:2:6: day: '2026-02-30': '2026-02-30' is not a time; write 2026-01-31 or 2026-01-31T08:00:00+08:00"},
      {"name: a\ncolour: green\n", "f.yaml:2:9: colour: 'green': write one of: red, blue"},
      {"name: a\nhosts: [x, [y]]\n", "f.yaml:2:12: hosts: a list: write a text"},
      {"name: a\nhosts: {x: y}\n", "f.yaml:2:8: hosts: a mapping: write a list of texts"},
      {"name: a\ninner: 3\n", "f.yaml:2:8: inner is '3'; write a mapping (key: value)"},
      {"name: a\ninner: {}\n", "f.yaml:2:8: inner.share: is missing"},
      {"name: a\ninner: {share: 2}\n",
       "f.yaml:2:16: inner.share: '2': '2' is not a share; write a part of one such as 0.60, from 0 to 1"},
      {"name: a\ninner: {share: 1, x: 2}\n", "f.yaml:2:19: inner.x: unknown key; known here: share"},
      {"name: a\nrows: [3]\n", "f.yaml:2:8: rows[0] is '3'; write a mapping (key: value)"},
      {"name: a\nrows: {k: v}\n", "f.yaml:2:7: rows: a mapping: write a list of mappings"},
      {"name: [a\n", "f.yaml:2:1: end of sequence flow not found"},
      {", *a]\nname: a\n", "f.yaml:1:1: a second document begins; write one per file"},
      {"name: a\n---\nname: b\n", "f.yaml:2:1: a second document begins; write one per file"},
  };
  for (const Row& row : rows) {
    const auto result = read_yaml<std::string>("f.yaml", row.text, read);
    EXPECT_EQ(result.ok() ? *result : result.failure().text, row.answer) << row.text;
    if (!result.ok()) {
      EXPECT_EQ(result.failure().code, "bad_file");
    }
  }
}

TEST(YamlReader, DeepNestingIsRefusedNotFollowed) {
  const auto result = read_yaml<std::string>("f.yaml", "name: " + std::string(100'000, '['), read);
  EXPECT_FALSE(result.ok());
}

TEST(YamlReader, LoadsFilesUpToABound) {
  const std::string path = testing::TempDir() + "sluice_yaml_reader_test." + std::to_string(getpid());
  std::FILE* file = std::fopen(path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  std::fputs("0123456789", file);
  std::fclose(file);
  EXPECT_EQ(*load_text(path), "0123456789");
  EXPECT_EQ(load_text(path, 9).failure().text, path + " is larger than 9 bytes");
  std::remove(path.c_str());
  EXPECT_EQ(load_text(path).failure().text, "couldn't read " + path + ": No such file or directory");
}

}  // namespace
}  // namespace sluice
