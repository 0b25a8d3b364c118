// SPDX-License-Identifier: Apache-2.0

#include "accounting/programme/voucher.hpp"

#include "accounting/core/check.hpp"
#include "accounting/programme/json_members.hpp"

namespace sluice {
namespace {

VoucherState state_of(const std::string& text) {
  for (const auto state : {VoucherState::suspended, VoucherState::expired, VoucherState::revoked}) {
    if (text == name_of(state)) return state;
  }
  return VoucherState::active;
}

}  // namespace

const char* name_of(VoucherState state) {
  switch (state) {
    case VoucherState::active: return "active";
    case VoucherState::suspended: return "suspended";
    case VoucherState::expired: return "expired";
    case VoucherState::revoked: return "revoked";
  }
  SLUICE_CHECK(false, "every state has a name");
}

Share share_of(const Voucher& voucher, const Programme& programme) {
  return voucher.share.value_or(programme.share);
}

nlohmann::json to_json(const Voucher& voucher, const Zone& zone) {
  nlohmann::json json = {{"id", voucher.id},
                         {"programme", voucher.programme},
                         {"face", format_money(voucher.face)},
                         {"valid_from", format_time(voucher.valid_from, zone)},
                         {"valid_to", format_time(voucher.valid_to, zone)},
                         {"accounts", voucher.accounts},
                         {"users", voucher.users},
                         {"clusters", voucher.clusters},
                         {"partitions", voucher.partitions},
                         {"state", name_of(voucher.state)}};
  if (voucher.share) json["share"] = format_share(*voucher.share);
  return json;
}

Result<Voucher> voucher_from_json(const nlohmann::json& json, const Zone& zone) {
  JsonMembers members(json, "bad_voucher", "voucher");
  Voucher voucher;
  voucher.id = members.text("id");
  if (!is_id(voucher.id)) members.fail("id", "write 1 to 64 letters, digits, '.', '_' and '-'");
  voucher.programme = members.text("programme");
  if (!is_id(voucher.programme)) members.fail("programme", "write the id of a programme");
  voucher.face = members.money("face");
  if (voucher.face <= Money{}) members.fail("face", "write an amount above 0");
  voucher.valid_from = members.time_or("valid_from", zone, 0);
  voucher.valid_to = members.time_or("valid_to", zone, time_forever);
  if (voucher.valid_to <= voucher.valid_from) {
    members.fail("valid_to", "ends before it begins; valid_to is exclusive and must be after valid_from");
  }
  voucher.accounts = members.texts("accounts");
  voucher.users = members.texts("users");
  if (voucher.accounts.empty() && voucher.users.empty()) {
    members.fail("accounts", "it belongs to nobody; list accounts, users or both");
  }
  voucher.clusters = members.texts("clusters");
  voucher.partitions = members.texts("partitions");
  if (members.has("share")) voucher.share = members.share("share");
  voucher.state = state_of(members.choice_or("state", "active", {"active", "suspended", "expired", "revoked"}));
  if (auto failure = members.done()) return *failure;
  return voucher;
}

}  // namespace sluice
