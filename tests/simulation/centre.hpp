// SPDX-License-Identifier: Apache-2.0
//
// Centre: one simulated computing centre. The real books run on the simulated disk;
// made-up people, jobs and misfortunes keep them busy, and every step is compared with
// the model. The implementation stands in one file per idea: centre.cpp, submissions.cpp,
// settlements.cpp, passing_time.cpp, commands.cpp, checks.cpp.
//
// All that happens follows from the seed: no clock, no thread, no other randomness.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accounting/service/books.hpp"
#include "accounting/service/slurm_facts.hpp"
#include "tests/simulation/cluster.hpp"
#include "tests/simulation/dice.hpp"
#include "tests/simulation/failed.hpp"
#include "tests/simulation/memory_storage.hpp"
#include "tests/simulation/model.hpp"
#include "tests/simulation/tally.hpp"
#include "tests/simulation/timeline.hpp"

namespace sluice::simulation {

class Centre {
 public:
  Centre(std::uint64_t seed, Tally& tally, bool trace);

  /// One operation and its checks. Throws Failed.
  void step();
  /// Lets everything that is under way end: then every job is charged and no lien is open.
  void finish();

 private:
  /// Says what an entry that a call stored must hold, and what it changes in the model.
  using Judge = std::function<void(const Entry&)>;

  /// Makes a call of the books in the present weather and judges what it stored. Nothing
  /// where the process died in it; then it is running again.
  template <typename Call>
  auto perform(const Judge& judge, Call&& call) -> std::optional<decltype(call())> {
    faults_before_ = storage_.faults();
    std::optional<decltype(call())> outcome;
    storage_.set_weather(weather_);
    try {
      outcome.emplace(call());
    } catch (const Killed&) {
    }
    storage_.set_weather({});
    absorb(judge);
    if (!outcome) crash();
    return outcome;
  }

  // centre.cpp
  void set_up();
  void change_weather();
  void absorb(const Judge& judge);
  void crash();
  void restart();
  void jump();
  void change(std::uint64_t number, Timeline::Change change) { timeline_.change(number, std::move(change)); }
  [[nodiscard]] const State& state() const { return timeline_.now(); }
  /// The caller was told, so it must be on disk.
  void told() const;
  /// A fault is only right where the disk failed.
  void explain_fault(const Failure& failure) const;
  void trace(const std::string& what) const;

  // submissions.cpp
  void submit();
  void submit_again();
  void send(const Submission& asked);
  void flush();
  void job_comes(const Submission& asked, const std::string& admission, const std::string& comment);
  void job_comes_unanswered(const Submission& asked);
  [[nodiscard]] Submission make_submission();
  [[nodiscard]] service::AdmissionRequest request(const Submission& asked, bool test) const;

  // settlements.cpp
  void settle();
  void settle_unrated();
  void deliver(const std::vector<std::size_t>& records);
  /// The admission that a record belongs to; empty: none that is there.
  [[nodiscard]] std::string admission_of(const Usage& usage) const;
  void judge_charges(const Entry& entry, bool again, const std::function<const Usage*(const std::string&)>& usage_of);
  void judge_charge(std::uint64_t number, const ledger::ChargeRow& row, const Usage& usage, bool again);
  std::size_t judge_back_at_once(const Entry& entry, const std::string& key);

  // passing_time.cpp
  void sweep();
  void expire();
  void sync();
  void collected();

  // commands.cpp
  struct Command {
    std::string verb;
    std::string who;
    std::string target;  ///< programme, voucher, proposal or charge
    nlohmann::json request;
    // What the model is to know of it.
    Micro amount = 0;
    Programme programme;
    Voucher voucher;
  };
  void command();
  void command_again();
  void send(const Command& command);
  void offer_prices();
  void set_up_programme();
  [[nodiscard]] Command programme_command();
  [[nodiscard]] Command fund_command();
  [[nodiscard]] Command voucher_command();
  [[nodiscard]] Command voucher_state_command();
  [[nodiscard]] Command refund_command();
  [[nodiscard]] Command decision_command();
  Result<nlohmann::json> call(const Command& command);
  /// The code of the refusal that is due; empty: none.
  [[nodiscard]] std::string expected_refusal(const Command& command) const;
  [[nodiscard]] std::string refusal_of_refund(const Command& command) const;
  [[nodiscard]] std::string refusal_of_decision(const Command& command) const;
  void judge_command(const Entry& entry, const Command& command);
  void judge_decision(const Entry& entry, const Proposal& proposal);
  void judge_refund(const Entry& entry, const ledger::Event& event, const std::string& key, Micro amount);
  [[nodiscard]] static std::string content_of(const Command& command);

  // checks.cpp
  void touch_voucher(const std::string& id) { touched_vouchers_.insert(id); }
  void touch_programme(const std::string& id) { touched_programmes_.insert(id); }
  void touch_account(const std::string& name) { touched_accounts_.insert(name); }
  void touch_admission(const std::string& id) { touched_admissions_.insert(id); }
  /// What the last call touched, in the tables.
  void compare_touched();
  void forget_touched();
  /// All of the tables.
  void compare_all() const;
  /// What the books say of themselves.
  void compare_views(const std::string& account);
  void compare_all_views();
  void compare_admission(const std::string& id) const;
  void compare_voucher(const std::string& id) const;
  void compare_programme(const std::string& id) const;
  void compare_account(const std::string& name) const;

  Tally& tally_;
  const bool trace_;
  Dice dice_;
  Second now_ = 0;
  Second latest_ = 0;  ///< that it ever was
  std::uint64_t steps_ = 0;
  std::uint64_t slurmdbd_down_until_ = 0;  ///< step
  Weather weather_;        ///< of this step
  Weather climate_;        ///< of this world
  int disk_full_steps_ = 0;
  bool all_views_ = false;  ///< are due
  std::uint64_t faults_before_ = 0;
  MemoryStorage storage_;
  Cluster cluster_;
  service::SlurmFacts facts_;
  std::shared_ptr<const service::Config> config_;
  std::unique_ptr<service::Books> books_;
  Rules rules_;
  Timeline timeline_;
  std::vector<std::string> price_texts_;
  std::set<std::string> touched_vouchers_;
  std::set<std::string> touched_programmes_;
  std::set<std::string> touched_accounts_;
  std::set<std::string> touched_admissions_;

  std::vector<std::string> accounts_;
  std::vector<std::pair<std::string, std::int64_t>> users_;
  std::optional<Submission> last_submission_;
  std::vector<Command> asked_;   ///< commands that may come again
  std::map<std::string, std::string> comments_;  ///< admission → the comment that its answer carried
  std::vector<std::pair<std::string, std::string>> vouchers_asked_;  ///< id and account, newest last
  std::vector<std::string> programmes_asked_;
  std::vector<std::string> proposals_seen_;
  std::vector<std::string> charges_seen_;
  std::vector<std::size_t> undelivered_;     ///< of cluster_.records
  std::vector<std::uint32_t> wanted_jobs_;   ///< that a sweep asked for
  std::size_t records_seen_ = 0;
  std::uint64_t numbers_ = 0;  ///< for names of all kinds
};

/// "12.500000" and back.
[[nodiscard]] std::string text_of(Micro amount);
[[nodiscard]] Micro micro_of(const std::string& text);

}  // namespace sluice::simulation
