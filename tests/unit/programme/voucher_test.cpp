// SPDX-License-Identifier: Apache-2.0
//
// Goal: a voucher is kept and sent without loss, and a wrong one is refused
// before it exists. Method: JSON there and back; rows of wrong members.

#include "accounting/programme/voucher.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace sluice {
namespace {

using nlohmann::json;

json good() {
  return json::parse(R"({"id": "CD-2026-0001", "programme": "cd-2026", "face": "500",
    "valid_from": "2026-01-01T00:00:00+08:00", "valid_to": "2027-01-01T00:00:00+08:00",
    "accounts": ["astro"], "users": ["lee"], "clusters": ["cq"], "partitions": ["ai"], "share": "0.5"})");
}

TEST(Voucher, JsonThereAndBack) {
  const auto voucher = voucher_from_json(good());
  ASSERT_TRUE(voucher.ok()) << voucher.failure().text;
  EXPECT_EQ(voucher->face, Money{500'000'000});
  EXPECT_EQ(voucher->share, Share{500'000});
  EXPECT_EQ(voucher->state, VoucherState::active);
  for (const auto state :
       {VoucherState::active, VoucherState::suspended, VoucherState::expired, VoucherState::revoked}) {
    Voucher kept = *voucher;
    kept.state = state;
    const auto again = voucher_from_json(to_json(kept));
    ASSERT_TRUE(again.ok()) << again.failure().text;
    EXPECT_TRUE(*again == kept) << name_of(state);
  }
  Voucher endless = *voucher;
  endless.share.reset();
  endless.valid_to = time_forever;
  EXPECT_EQ(to_json(endless).count("share"), 0U);
  EXPECT_TRUE(*voucher_from_json(to_json(endless)) == endless);
}

TEST(Voucher, ItsShareOverridesTheProgrammes) {
  Programme programme;
  programme.share = Share{600'000};
  Voucher voucher;
  EXPECT_EQ(share_of(voucher, programme), Share{600'000});
  voucher.share = Share{0};
  EXPECT_EQ(share_of(voucher, programme), Share{0});
}

TEST(Voucher, RefusesRows) {
  struct Row {
    const char* patch;
    const char* message;
  };
  const Row rows[] = {
      {R"({"id": "a b"})", "voucher.id: write 1 to 64 letters, digits, '.', '_' and '-'"},
      {R"({"programme": ""})", "voucher.programme: write a text"},
      {R"({"face": 500})", "voucher.face: write a text"},
      {R"({"face": "0"})", "voucher.face: write an amount above 0"},
      {R"({"face": "-1"})", "voucher.face: write an amount above 0"},
      {R"({"valid_to": "2026-01-01"})",
       "voucher.valid_to: ends before it begins; valid_to is exclusive and must be after valid_from"},
      {R"({"valid_to": "soon"})",
       "voucher.valid_to: 'soon' is not a time; write 2026-01-31 or 2026-01-31T08:00:00+08:00"},
      {R"({"accounts": [], "users": []})", "voucher.accounts: it belongs to nobody; list accounts, users or both"},
      {R"({"users": [""]})", "voucher.users: write a list of texts"},
      {R"({"share": "1.5"})", "voucher.share: '1.5' is not a share; write a part of one such as 0.60, from 0 to 1"},
      {R"({"state": "lost"})", "voucher.state: write one of: active, suspended, expired, revoked"},
      {R"({"balance": "1"})", "voucher.balance: unknown member"},
  };
  for (const Row& row : rows) {
    auto voucher = good();
    const auto patch = json::parse(row.patch);
    for (const auto& [name, value] : patch.items()) voucher[name] = value;
    const auto read = voucher_from_json(voucher);
    EXPECT_EQ(read.ok() ? "read" : read.failure().text, row.message);
    if (!read.ok()) {
      EXPECT_EQ(read.failure().code, "bad_voucher");
    }
  }
  EXPECT_EQ(voucher_from_json(json(3)).failure().text, "voucher: write an object");
}

}  // namespace
}  // namespace sluice
