// SPDX-License-Identifier: Apache-2.0

#include "accounting/programme/eligibility.hpp"

#include <algorithm>

#include "accounting/core/check.hpp"

namespace sluice {
namespace {

bool lists(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool allows(const std::vector<std::string>& names, const std::string& name) {
  return names.empty() || lists(names, "*") || lists(names, name);
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& one : names) text += (text.empty() ? "" : ", ") + one;
  return text;
}

/// A person whom the voucher names may read which accounts go with it; a stranger may not.
std::optional<Failure> check_owner(const Voucher& voucher, const Use& use) {
  const bool user_fits = voucher.users.empty() || lists(voucher.users, use.user);
  const bool account_fits = voucher.accounts.empty() || lists(voucher.accounts, use.account);
  if (user_fits && account_fits) return std::nullopt;
  if (user_fits && !voucher.users.empty()) {
    return refuse(EligibilityRefusal::voucher_not_yours,
                  "voucher " + voucher.id + " can't pay for account '" + use.account + "'; submit with --account=" +
                      joined(voucher.accounts));
  }
  return refuse(EligibilityRefusal::voucher_not_yours,
                "voucher " + voucher.id + " isn't yours to use with account '" + use.account +
                    "'; see yours with 'sluice voucher list', or name the account that holds it with --account");
}

void check_state(const Voucher& voucher, std::vector<Failure>& failures) {
  if (voucher.state == VoucherState::revoked) {
    failures.push_back(refuse(EligibilityRefusal::voucher_revoked,
                              "voucher " + voucher.id + " was revoked; use another, or ask its issuer why"));
  }
  if (voucher.state == VoucherState::suspended) {
    failures.push_back(refuse(EligibilityRefusal::voucher_suspended,
                              "voucher " + voucher.id +
                                  " is suspended; use another, or ask its issuer when it will be resumed"));
  }
}

/// A voucher is good while both it and its programme are.
void check_validity(const Voucher& voucher, const Programme& programme, const Use& use, const Zone& zone,
                    std::vector<Failure>& failures) {
  const UnixTime from = std::max(voucher.valid_from, programme.valid_from);
  const UnixTime to = std::min(voucher.valid_to, programme.valid_to);
  if (use.at >= to) {
    failures.push_back(refuse(EligibilityRefusal::voucher_expired, "voucher " + voucher.id + " expired at " +
                                                                       format_time(to, zone) + "; use another"));
  } else if (voucher.state == VoucherState::expired) {
    failures.push_back(
        refuse(EligibilityRefusal::voucher_expired, "voucher " + voucher.id + " has expired; use another"));
  } else if (use.at < from) {
    failures.push_back(refuse(EligibilityRefusal::voucher_not_yet_valid,
                              "voucher " + voucher.id + " is valid from " + format_time(from, zone) +
                                  "; use another, or submit then"));
  }
}

/// Refuses a place that the programme or the voucher doesn't list.
void check_place(EligibilityRefusal why, const std::string& what, const std::string& place,
                 const std::vector<std::string>& of_programme, const std::vector<std::string>& of_voucher,
                 const Voucher& voucher, std::vector<Failure>& failures) {
  const bool programme_allows = allows(of_programme, place);
  if (programme_allows && allows(of_voucher, place)) return;
  const auto& listed = programme_allows ? of_voucher : of_programme;
  failures.push_back(refuse(why, "voucher " + voucher.id + " can't pay on " + what + " '" + place +
                                     "'; submit to " + joined(listed) + ", or without this voucher"));
}

}  // namespace

std::vector<Failure> check_eligibility(const Voucher& voucher, const Programme& programme, const Use& use,
                                       const Zone& zone) {
  SLUICE_CHECK(voucher.programme == programme.id, "a voucher is judged by its own programme");
  if (auto stranger = check_owner(voucher, use)) return {*stranger};
  std::vector<Failure> failures;
  check_state(voucher, failures);
  check_validity(voucher, programme, use, zone, failures);
  check_place(EligibilityRefusal::cluster_not_eligible, "cluster", use.cluster, programme.clusters, voucher.clusters,
              voucher, failures);
  check_place(EligibilityRefusal::partition_not_eligible, "partition", use.partition, programme.partitions,
              voucher.partitions, voucher, failures);
  return failures;
}

}  // namespace sluice
