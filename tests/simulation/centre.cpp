// SPDX-License-Identifier: Apache-2.0
//
// Centre: how it is set up, what happens next, how it dies and comes back.

#include "tests/simulation/centre.hpp"

#include <cstdio>

#include "tests/simulation/stand_ins.hpp"

namespace sluice::simulation {
namespace {

constexpr Second first_moment = 1'772'409'600;  // 2 March 2026
constexpr int steps_between_views = 16;
constexpr int steps_between_full_checks = 400;

constexpr const char* config_text = R"(role: home
cluster: cq
zone: UTC
mode: enforce
modes:
  - {account: watched, mode: observe}
price_book: prices.yaml
final_tag: "off"
refund_limit: "20.00"
refund: {states: [NODE_FAIL], share: "0.75", hours_max: 2}
accounts:
  open: {self_pay: open}
  free: {self_pay: open}
  tight: {self_pay: limit, limit: "300.00"}
  broke: {self_pay: none}
  watched: {self_pay: open}
people:
  - {user: manager, roles: [programme_manager]}
  - {user: deputy, roles: [programme_manager]}
  - {user: checker, roles: [reviewer]}
  - {user: cashier, roles: [cashier]}
  - {user: auditor, roles: [auditor]}
sites:
  - {name: here, cluster: cq}
)";

slurm::Inventory inventory() {
  slurm::Inventory all;
  all.cluster = cluster_name;
  for (const char* name : {"n1", "n2", "n3", "n4"}) {
    slurm::Node node;
    node.name = name;
    node.cpus = 64;
    all.nodes.push_back(node);
  }
  for (const char* name : {"main", "fast"}) {
    slurm::Partition partition;
    partition.name = name;
    partition.is_default = all.partitions.empty();
    partition.nodes = {"n1", "n2", "n3", "n4"};
    all.partitions.push_back(partition);
  }
  return all;
}

}  // namespace

Centre::Centre(std::uint64_t seed, Tally& tally, bool trace)
    : tally_(tally), trace_(trace), dice_(seed), now_(first_moment), storage_(dice_), cluster_(dice_),
      facts_([](std::int64_t uid) -> std::optional<std::string> { return "user" + std::to_string(uid); }) {
  seed_ids(seed);
  ++tally_.centres;
  set_up();
}

void Centre::set_up() {
  auto config = service::parse_config("sluice.yaml", config_text);
  if (!config.ok()) fail(config.failure().text);
  config_ = std::make_shared<const service::Config>(std::move(*config));
  facts_.set(inventory());
  accounts_ = {"open", "free", "tight", "broke", "watched"};
  rules_.accounts = {{"open", {}}, {"free", {}}, {"tight", {300'000'000}}, {"broke", {0}}, {"watched", {{}, true}}};
  rules_.given_back = {{"NODE_FAIL"}, 750'000, 2 * 3600};
  for (std::int64_t uid = 1001; uid <= 1006; ++uid) users_.emplace_back("user" + std::to_string(uid), uid);
  rules_.prices = {{}};  // before the first book there is no price
  rules_.since = now_;
  restart();
  offer_prices();
  for (int i = 0; i < 3; ++i) set_up_programme();
  sync();
  // From here on the world is as it happens to be.
  static const std::vector<Weather> climates = {{0, 0, 0, 0, false}, {10, 10, 0, 1, true}, {30, 30, 10, 1, false}, {5, 5, 2, 3, true}, {5, 600, 0, 2, false}};
  climate_ = dice_.pick(climates);
}

void Centre::change_weather() {
  weather_ = climate_;
  // A disk that is full stays so for a while.
  if (disk_full_steps_ == 0 && climate_.write_fails > 0 && dice_.chance(2)) disk_full_steps_ = static_cast<int>(dice_.between(3, 40));
  if (disk_full_steps_ > 0) {
    --disk_full_steps_;
    weather_.write_fails = 800;
  }
}

void Centre::step() {
  struct Kind {
    int weight;
    const char* name;
    void (Centre::*happen)();
  };
  static constexpr Kind kinds[] = {
      {300, "submit", &Centre::submit},         {25, "submit again", &Centre::submit_again},
      {250, "settle", &Centre::settle},         {4, "settle unrated", &Centre::settle_unrated},
      {40, "sweep", &Centre::sweep},            {30, "expire", &Centre::expire},
      {60, "sync", &Centre::sync},             {10, "collected", &Centre::collected},
      {180, "command", &Centre::command},       {25, "command again", &Centre::command_again},
      {2, "offer prices", &Centre::offer_prices}, {3, "crash", &Centre::crash},
      {10, "clock jump", &Centre::jump},
  };
  static constexpr int all = [] {
    int sum = 0;
    for (const Kind& kind : kinds) sum += kind.weight;
    return sum;
  }();
  ++tally_.operations;
  ++steps_;
  now_ += dice_.below(90);
  latest_ = std::max(latest_, now_);
  change_weather();
  cluster_.advance(now_);
  for (; records_seen_ < cluster_.records.size(); ++records_seen_) undelivered_.push_back(records_seen_);
  // An administrator sees to a service that asks for a restart.
  if (storage_.sync_failed() && dice_.chance(50)) crash();
  auto at = dice_.below(all);
  const Kind* kind = kinds;
  for (; at >= kind->weight; ++kind) at -= kind->weight;
  ++tally_.calls[kind->name];
  trace(kind->name);
  const std::uint64_t faults = storage_.faults();
  (this->*kind->happen)();
  // Where something was undone, the memory of the books is looked at as well.
  const bool undone = storage_.faults() > faults;
  if (all_views_ || steps_ % steps_between_full_checks == 0) {
    compare_all();
    compare_all_views();
  } else if (undone || steps_ % steps_between_views == 0) {
    compare_views(dice_.pick(accounts_));
  }
}

void Centre::absorb(const Judge& judge) {
  tally_.storage_faults += storage_.faults() - faults_before_;
  for (const Entry& entry : storage_.take_journal()) judge(entry);
  timeline_.synced(storage_.synced_to());
  compare_touched();
}

void Centre::told() const { require(storage_.all_is_synced(), "somebody was told of something that is not on disk"); }

void Centre::explain_fault(const Failure& failure) const {
  if (failure.kind != Failure::Kind::fault) fail("a refusal that isn't due: " + failure.text);
  if (storage_.faults() == faults_before_) fail("a fault although the disk works: " + failure.text);
}

void Centre::trace(const std::string& what) const {
  if (trace_) std::fprintf(stderr, "%llu  %s  %s\n", static_cast<unsigned long long>(steps_), format_time(now_, Zone{"UTC", 0}).c_str(), what.c_str());
}

void Centre::crash() {
  const bool machine = dice_.chance(400);
  ++(machine ? tally_.machine_crashes : tally_.process_crashes);
  books_.reset();
  const std::size_t unlogged = storage_.unlogged();
  const std::size_t lost = timeline_.crash(storage_.crash(machine));
  tally_.entries_lost += lost;
  trace((machine ? "the machine died; lost: " : "the process died; lost: ") + std::to_string(lost));
  require(machine || lost == unlogged, "a process that dies takes nothing with it but what it has just answered");
  // What was waiting to be compared is compared with all else.
  forget_touched();
  compare_all();
  restart();
}

void Centre::restart() {
  for (;;) {
    ++tally_.restarts;
    books_ = std::make_unique<service::Books>(storage_, "a key of this service");
    const auto loaded = perform([](const Entry& entry) { require(entry.batch != nullptr && entry.batch->objects.size() == 1, "a start stores its mark and no more"); },
                                [&] { return books_->load(now_); });
    if (!loaded) return;  // it died once more, and is running since
    if (loaded->ok()) break;
    explain_fault(loaded->failure());
  }
  books_->set_config(config_);
  all_views_ = true;
}

void Centre::jump() {
  ++tally_.clock_jumps;
  if (dice_.chance(400)) {
    now_ -= dice_.between(1, 6 * 3600);
  } else {
    now_ += dice_.chance(100) ? dice_.between(1, 40) * 86400 : dice_.between(1, 30) * 3600;
  }
}

void Centre::finish() {
  climate_ = weather_ = {};
  disk_full_steps_ = 0;
  trace("finish");
  cluster_.finish(now_);
  now_ = latest_;
  for (int round = 0; round < 8; ++round) {
    now_ += 3600;
    for (; records_seen_ < cluster_.records.size(); ++records_seen_) undelivered_.push_back(records_seen_);
    deliver(std::vector<std::size_t>(undelivered_));
    collected();
    sweep();
    expire();
  }
  require(undelivered_.empty(), "a finished job was not charged in the end");
  // A job that lost its tag before anybody knew its id may have been charged without its admission.
  std::set<std::string> lost;
  for (const auto& one : cluster_.records) {
    if (one.usage.tag == Usage::Tag::none || one.usage.tag == Usage::Tag::forged) lost.insert(one.usage.admission);
  }
  for (const std::string& id : state().open) {
    if (!lost.contains(id)) fail("admission stays open although no job is left: " + id + " " + storage_.tables().admissions.at(id)->body);
  }
  compare_all();
  compare_all_views();
  const auto verified = books_->verify();
  if (!verified.ok() || verified->at("ok") != true) fail("verify: " + (verified.ok() ? verified->dump() : verified.failure().text));
}

}  // namespace sluice::simulation
