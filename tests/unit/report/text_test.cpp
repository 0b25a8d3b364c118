// SPDX-License-Identifier: Apache-2.0
//
// Goal: columns line up. Method: rows of text and width, and the C library's wcwidth
// as a second opinion on Chinese.

#include "accounting/report/text.hpp"

#include <gtest/gtest.h>

#include <clocale>
#include <cwchar>

namespace sluice::report {
namespace {

TEST(DisplayWidth, CountsColumns) {
  const struct {
    const char* text;
    std::size_t width;
  } rows[] = {{"", 0},           {"abc", 3},          {"对账单", 6},      {"券 CD-1", 7}, {"é", 1},
              {"e\u0301", 1},    {"ｆｕｌｌ", 8},     {"、。《》", 8},    {"…", 1},       {"€", 1},
              {"\U00020000", 2}, {"\xff\xfe", 2},     {"\xe5\x88", 2},    {"한글", 4},    {"かな", 4}};
  for (const auto& row : rows) EXPECT_EQ(display_width(row.text), row.width) << row.text;
}

TEST(DisplayWidth, AgreesWithTheSystemOnHanAndItsPunctuation) {
  if (std::setlocale(LC_CTYPE, "C.UTF-8") == nullptr) GTEST_SKIP() << "no C.UTF-8 locale";
  int differences = 0;
  for (wchar_t c = 0x3001; c <= 0x9FA5; ++c) {
    if (c >= 0x302A && c <= 0x3040) continue;  // tone marks and unassigned
    if (c >= 0x4DC0 && c <= 0x4DFF) continue;  // hexagrams became wide in Unicode 16
    const int system = ::wcwidth(c);
    if (system < 0) continue;
    std::string utf8 = {static_cast<char>(0xE0 | (c >> 12)), static_cast<char>(0x80 | ((c >> 6) & 0x3F)),
                        static_cast<char>(0x80 | (c & 0x3F))};
    if (display_width(utf8) != static_cast<std::size_t>(system)) ++differences;
  }
  EXPECT_LE(differences, 4);  // combining voice marks and what a newer Unicode assigned
  std::setlocale(LC_CTYPE, "C");
}

TEST(Padded, FillsToColumns) {
  EXPECT_EQ(padded("券", 4, false), "券  ");
  EXPECT_EQ(padded("券", 4, true), "  券");
  EXPECT_EQ(padded("longer", 3, false), "longer");
}

}  // namespace
}  // namespace sluice::report
