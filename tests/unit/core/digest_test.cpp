// SPDX-License-Identifier: Apache-2.0
//
// Goal: digests are the standard ones and ids keep their form. Method: published
// known answers (FIPS 180 for SHA-256, RFC 4231 for HMAC).

#include "accounting/core/digest.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace sluice {
namespace {

TEST(Digest, KnownAnswers) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Digest, MacKnownAnswers) {
  EXPECT_EQ(mac_hex(std::string(20, '\x0b'), "Hi There"), "b0344c61d8db38535ca8afceaf0bf12b");
  EXPECT_EQ(mac_hex("Jefe", "what do ya want for nothing?"), "5bdcc146bf60754e6a042426089575c7");
  EXPECT_EQ(mac_hex(std::string(20, '\x0c'), "Test With Truncation"), "a3b6167473100ee06e0c796c2955552b");
  EXPECT_EQ(mac_hex("", "").size(), 32U);
}

TEST(Digest, AMacDependsOnNoEarlierOneOfItsKey) {
  const std::string jefe = "5bdcc146bf60754e6a042426089575c7";
  EXPECT_EQ(mac_hex("Jefe", "what do ya want for nothing?"), jefe);
  EXPECT_EQ(mac_hex("Jefe", "what do ya want for nothing?"), jefe);
  EXPECT_NE(mac_hex("Jefe", "what do ya want"), jefe);
  EXPECT_EQ(mac_hex("Jefe", "what do ya want for nothing?"), jefe);
  EXPECT_NE(mac_hex("", "what do ya want for nothing?"), jefe);
  EXPECT_EQ(mac_hex("Jefe", "what do ya want for nothing?"), jefe) << "after another key";
}

TEST(Digest, ComparesWholeTexts) {
  EXPECT_TRUE(equal_constant_time("abc", "abc"));
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_FALSE(equal_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_constant_time("abc", "abcd"));
}

TEST(Digest, IdsKeepTheirForm) {
  const std::string id = id_from("A-", "abc");
  // ba7816bf8f01cfea414140de5dae2223 in base 32.
  EXPECT_EQ(id, "A-5TF0BBZ3R1SZN42GA0VSETW8H3");
  EXPECT_EQ(id_from("A-", "abc"), id);
  EXPECT_NE(id_from("A-", "abd"), id);
}

TEST(Digest, RandomIdsDiffer) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = random_id("");
    EXPECT_EQ(id.size(), 26U);
    EXPECT_EQ(id.find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ"), std::string::npos);
    EXPECT_LE(id[0], '7');  // 128 bits leave three for the first of 26 characters
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 1000U);
}

TEST(Digest, RandomIdsOfATimeDifferAndStandInItsOrder) {
  constexpr std::int64_t at = 1772409600;
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(random_id_of_time("A", at));
  EXPECT_EQ(ids.size(), 1000U);
  EXPECT_LT(random_id_of_time("A", at - 1), *ids.begin());
  EXPECT_GT(random_id_of_time("A", at + 1), *ids.rbegin());
  EXPECT_EQ(ids.begin()->size(), 27U);
}

}  // namespace
}  // namespace sluice
