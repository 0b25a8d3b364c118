// SPDX-License-Identifier: Apache-2.0
//
// The model: what the books must hold, in plain maps and with arithmetic of its own,
// written from LEDGER.md and DESIGN.md. Nothing of the code under test is called or
// included here. Pure.
//
// Where those texts leave a choice (which live job an admission was seen as, how the
// millionths of a partial refund fall), the caller says what was chosen and checks that it
// was allowed.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice::simulation {

using Micro = std::int64_t;   ///< 1e-6 of the currency
using Second = std::int64_t;  ///< since 1970

struct Programme {
  std::int64_t share = 0;  ///< millionths
  Second from = 0;
  Second to = 0;
  bool lapses = false;  ///< what is unused at the end is lost, and not the budget's again
  std::set<std::string> states;  ///< of jobs that it pays for; empty: all
  Micro funded = 0;
  Micro budget = 0;
  Micro lapsed = 0;
};

struct Voucher {
  enum class State { active, suspended, expired, revoked };
  std::string programme;
  Micro face = 0;
  Second from = 0;
  Second to = 0;
  std::optional<std::int64_t> share;
  std::string account;  ///< whose
  std::string user;     ///< empty: anybody of the account
  State state = State::active;
  Micro available = 0;
  Micro liened = 0;
  Micro used = 0;
  Micro gone = 0;  ///< back in the budget or lapsed
};

/// What somebody submits.
struct Submission {
  std::string nonce;
  std::string user;
  std::int64_t uid = 0;
  std::string account;
  std::string partition;
  std::string voucher;  ///< as typed: empty, an id, or "auto"
  std::optional<Micro> max_self;
  std::int64_t cpus = 1;
  std::int64_t minutes = 1;
  std::int64_t tasks = 1;
  std::int64_t at_once = 1;
  friend bool operator==(const Submission&, const Submission&) = default;
};

struct Admission {
  std::string id;
  Submission asked;
  Second created_at = 0;
  std::string voucher;
  std::optional<int> book;  ///< that priced it; none: it was unpriced
  Micro task_quote = 0;
  Micro task_by_voucher = 0;
  std::int64_t charged = 0;  ///< tasks
  std::int64_t lien_number = 0;
  Micro lien = 0;
  bool open = true;
  std::set<std::uint32_t> jobs;  ///< that it is known to belong to; of an array its own id
  bool by_nonce = true;  ///< a job of an outage is known by its nonce: no other was open when it came
};

/// A record of a job that is over.
struct Usage {
  enum class Tag { ours, outage, none, forged };
  std::string key;
  std::uint32_t job_id = 0;
  std::uint32_t array_id = 0;
  std::optional<std::uint32_t> task;
  std::string user;
  std::int64_t uid = 0;
  std::string account;
  std::string partition;
  std::string state;
  Second submit = 0;
  std::optional<Second> start;
  Second end = 0;
  std::int64_t elapsed = 0;
  std::int64_t cpus = 1;
  bool whole = true;  ///< false: slurmdbd had not written yet what it was given
  Tag tag = Tag::none;
  std::string admission;    ///< that its tag names, or that its nonce leads to
  Submission asked;         ///< what an outage's tag tells of it
  std::string tag_voucher;  ///< that a tag of ours names

  [[nodiscard]] std::uint32_t kept_id() const { return array_id != 0 ? array_id : job_id; }
};

/// What a record costs whom, and what becomes of its admission.
struct Bill {
  bool posted = false;
  bool rated = false;
  std::string admission;
  std::string voucher;
  Micro amount = 0;
  Micro by_voucher = 0;
  Micro by_self = 0;
  Micro overrun = 0;
  Micro new_lien = 0;
  bool counts = false;  ///< it ends a task
};

/// How much of each part a refund gives back, in total so far.
struct Back {
  Micro all = 0;
  Micro by_voucher = 0;
  Micro by_self = 0;
  Micro overrun = 0;
};

struct Charge {
  Usage usage;
  Bill bill;
  Back back{};
};

/// What one person proposed; which members hold depends on the kind.
struct Proposal {
  std::string kind;
  std::string state = "pending";
  std::string by;
  std::string target;  ///< programme, voucher, or charge key
  Micro amount = 0;
  Programme programme;
  Voucher voucher;
  int book = 0;
};

/// What an account may owe; none: nothing at all, which is what `limit` 0 says too.
struct Rule {
  std::optional<Micro> limit;  ///< none: as much as it likes
  bool observed = false;       ///< its jobs are only recorded
};

/// What the site gives back at once of what jobs cost that ended so.
struct GivenBack {
  std::set<std::string> states;
  std::int64_t share = 0;   ///< millionths
  Second seconds_max = 0;   ///< of what they ran, the first so many count
};

/// All of it at one instant. Changes are relative, so that they can be applied to an
/// older state that a crash has left.
struct State {
  std::map<std::string, Programme> programmes;
  std::map<std::string, Voucher> vouchers;
  std::map<std::string, Admission> admissions;
  std::set<std::string> open;
  std::map<std::string, Charge> charges;
  std::set<std::string> unrated;
  std::map<std::string, Micro> owes;
  Micro revenue = 0;
  Micro overrun = 0;
  std::map<std::string, Proposal> proposals;
  std::map<std::string, std::string> requests;  ///< answered ones: id → content
  std::set<int> books;  ///< price books whose text is stored
  int book = 0;         ///< in force

  /// The newest that a submission with this nonce may be of; null: none.
  [[nodiscard]] const Admission* open_of_nonce(const Submission& asked) const;

  void admit(const Admission& admission);
  void see(const std::string& admission, const std::set<std::uint32_t>& jobs);
  void close(const std::string& admission);
  void charge(const Usage& usage, const Bill& bill);
  void refund(const std::string& key, const Back& total, Second now);
  void fund(const std::string& programme, Micro amount);
  void issue(const std::string& id, const Voucher& voucher);
  void revoke(const std::string& voucher);
  void expire(const std::string& voucher, Micro amount);
};

/// The rules, over a State.
class Rules {
 public:
  std::map<std::string, Rule> accounts;
  GivenBack given_back;
  /// Micro per CPU and hour of each book and partition; none: no price.
  std::vector<std::map<std::string, Micro>> prices;
  Second since = 0;  ///< what was submitted before and has no admission is nobody's business
  Second repetition_seconds = 60;

  /// What is to become of a submission: an admission, or why not. Its voucher is chosen,
  /// "auto" too; the id is the caller's to fill in.
  struct Verdict {
    std::string refusal;  ///< its code; empty: none
    Admission admission;
  };
  [[nodiscard]] Verdict judge(const State& state, const Submission& asked, Second now) const;

  /// The admission whose answer a submission that comes again must get.
  [[nodiscard]] const Admission* repeated(const State& state, const Submission& asked, Second now) const;

  /// `admission`: what the record belongs to; empty: none that is known. `again`: it was
  /// recorded before, without a price.
  [[nodiscard]] Bill bill(const State& state, const Usage& usage, const std::string& admission, const std::string& auto_voucher, bool again) const;
  [[nodiscard]] std::string not_eligible(const State& state, const Voucher& voucher, const std::string& user, const std::string& account, Second at) const;
  [[nodiscard]] bool is_over(const State& state, const Voucher& voucher, Second now) const;
  /// Of a charge of `bill`, by the site's own rule.
  [[nodiscard]] Micro back_at_once(const Usage& usage, const Bill& bill) const;
  /// Whether the parts that were given back are a fair share of what each bore.
  [[nodiscard]] static bool is_fair(const Charge& charge, const Back& total);

 private:
  [[nodiscard]] std::optional<Micro> price(int book, const std::string& partition) const;
  [[nodiscard]] Micro may_still_pay(const State& state, const std::string& account) const;
  [[nodiscard]] std::string choose(const State& state, const Submission& asked, Micro task_quote, Second now) const;
};

[[nodiscard]] std::int64_t share_of(const State& state, const Voucher& voucher);
/// CPUs × price × seconds in hours, half-even.
[[nodiscard]] Micro cost(std::int64_t cpus, Micro price, std::int64_t seconds);
/// floor(amount × part ÷ whole).
[[nodiscard]] Micro floor_part(Micro amount, std::int64_t part, std::int64_t whole);

}  // namespace sluice::simulation
