// SPDX-License-Identifier: Apache-2.0
//
// Goal: a behaviour of the books is a row that people of finance can read. Method:
// each file is a story; every step's outcome is compared with what stands behind it,
// and after every step the whole ledger is verified.
//
//   # comment
//   VERB NAME word=value …          a step
//   -> OUTCOME                      what came of it
//   | TEXT                          a line more of it (or, before "->", of a config or price book)
//
// Verbs: at TIME · after SECONDS · restart · config · prices (each with "| " lines; "| " lines
// that begin with "+" are added to the default) · programme P · fund P amount= · voucher V ·
// suspend V · resume V · revoke V · approve · reject · refund J · expire · rate · collected ·
// submit J · end J (its record is read) · sweep cluster=J,J:STATE,J.TASK · purse V · account A ·
// budget P · why J · explain J · statement · tag J. `by=` and `as=` name who asks.
//
// run_scenarios [--restart] FILE compares; --restart opens the books anew before every step,
// which may change nothing. run_scenarios --update FILE rewrites the outcomes, to be read
// before they are committed. A file that says "no restarts: WHY" is left out of --restart.

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>

#include "tests/scenarios/world.hpp"

namespace {

using namespace sluice;
using nlohmann::json;
using test::Words;
using test::World;

constexpr int skipped = 77;

struct Step {
  std::vector<std::string> before;  ///< comments and empty lines
  std::string line;
  std::vector<std::string> text;    ///< "| " lines that are part of the step
  std::vector<std::string> outcome;
};

struct Story {
  std::vector<Step> steps;
  std::vector<std::string> after;
  bool no_restarts = false;
};

Story read_story(std::istream& in) {
  Story story;
  std::vector<std::string> before;
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("no restarts:", 0) == 0) story.no_restarts = true;
    if (line.empty() || line[0] == '#' || line.rfind("no restarts:", 0) == 0) {
      before.push_back(line);
    } else if (line.rfind("->", 0) == 0) {
      story.steps.back().outcome.push_back(line);
    } else if (line.rfind("| ", 0) == 0) {
      auto& step = story.steps.back();
      (step.outcome.empty() ? step.text : step.outcome).push_back(line);
    } else {
      story.steps.push_back({std::move(before), line, {}, {}});
      before.clear();
    }
  }
  story.after = std::move(before);
  return story;
}

/// Words of a line; double quotes keep spaces together.
std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false;
  for (const char c : line + " ") {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ' ' && !quoted) {
      if (!word.empty()) words.push_back(std::move(word));
      word.clear();
    } else {
      word += c;
    }
  }
  return words;
}

class Teller {
 public:
  std::vector<std::string> tell(const Step& step);
  void restart();

 private:
  std::string run(const std::string& verb, const std::string& name, const Words& words, const std::vector<std::string>& text);
  std::string outcome(const Result<json>& result, const std::function<std::string(const json&)>& show);
  std::string proposal(const Result<json>& result);
  std::string submit(const std::string& name, const Words& words);
  std::string end(const std::string& name, const Words& words);
  std::string sweep(const std::vector<std::string>& words);
  std::string refund(const std::string& name, const Words& words);
  std::string decide(const Words& words, bool approve);
  std::string statement(const Words& words);
  std::string explain(const std::string& name, const Words& words);
  std::string state();

  static std::string word(const Words& words, const char* name, const std::string& fallback) {
    const auto found = words.find(name);
    return found == words.end() ? fallback : found->second;
  }
  std::optional<ledger::ChargeRow> charge(const std::string& key);

  World world_;
  std::vector<std::string> pending_;  ///< ids of proposals
  std::vector<std::string> more_;     ///< further lines of the outcome
};

std::string Teller::outcome(const Result<json>& result, const std::function<std::string(const json&)>& show) {
  if (result.ok()) return show(*result);
  more_.push_back(result.failure().text);
  return "refused " + result.failure().code;
}

std::string Teller::proposal(const Result<json>& result) {
  return outcome(result, [&](const json& answer) -> std::string {
    if (answer.contains("refund")) return answer["refund"]["outcome"];
    if (!answer.contains("proposal")) return "ok";
    const json& p = answer["proposal"];
    if (p["state"] == "pending") pending_.push_back(p["id"]);
    const std::string said = p["outcome"];
    return p["state"].get<std::string>() + ": " + (said.empty() ? p["summary"].get<std::string>() : said);
  });
}

std::string Teller::submit(const std::string& name, const Words& words) {
  const service::Answer answer = world_.submit(name, words);
  std::string said = answer.admit ? "admitted" : answer.denied ? "denied" : "refused";
  if (answer.partition) said += " partition=" + *answer.partition;
  if (answer.cluster_features) said += " cluster_features=" + *answer.cluster_features;
  more_ = answer.lines;
  return said;
}

std::optional<ledger::ChargeRow> Teller::charge(const std::string& key) {
  std::optional<ledger::ChargeRow> row;
  ledger::ChargeQuery query;
  query.key = key;
  (void)world_.storage().charges(query, [&](ledger::ChargeRow&& one) {
    row = std::move(one);
    return false;
  });
  return row;
}

std::string Teller::end(const std::string& name, const Words& words) {
  const auto record = world_.record(name, words);
  std::vector<slurm::UsageRecord> records{record};
  if (words.contains("twice")) records.push_back(record);
  const auto settled = world_.books().settle(records, world_.now);
  if (!settled.ok()) return "fault " + settled.failure().text;
  if (settled->charged == 0 && settled->unrated == 0) return settled->known > 0 ? "known" : "no end";
  const auto row = charge(record.cluster + "/" + std::to_string(record.job_id) + "/" + std::to_string(record.submit));
  if (!row) return "charged, but there is no charge";
  std::string said = !row->rated ? "unrated" : row->posted ? "charged" : "recorded";
  if (row->rated) said += " " + format_money(row->amount);
  if (row->rated && !row->amount.is_zero()) {
    said += ": voucher " + format_money(row->by_voucher) + ", user " + format_money(row->by_self);
    if (!row->overrun.is_zero()) said += ", overrun " + format_money(row->overrun);
  }
  if (!row->voucher.empty()) said += " (" + row->voucher + ")";
  if (settled->known > 0) said += ", known " + std::to_string(settled->known);
  return said;
}

std::string Teller::sweep(const std::vector<std::string>& words) {
  std::vector<slurm::LiveCluster> clusters;
  for (const auto& one : words) {
    const auto equals = one.find('=');
    slurm::LiveCluster cluster;
    cluster.cluster = one.substr(0, equals);
    cluster.as_of = world_.now;
    cluster.ok = one.substr(equals + 1) != "down";
    std::istringstream list(cluster.ok ? one.substr(equals + 1) : "");
    for (std::string job; std::getline(list, job, ',');) {
      Words facts{{"cluster", cluster.cluster}};
      if (const auto plus = job.find('+'); plus != std::string::npos) {
        facts["tag"] = job.substr(plus + 1);
        job.resize(plus);
      }
      if (const auto colon = job.find(':'); colon != std::string::npos) {
        facts["state"] = job.substr(colon + 1);
        job.resize(colon);
      }
      if (const auto dot = job.find('.'); dot != std::string::npos) {
        facts["task"] = job.substr(dot + 1);
        job.resize(dot);
      }
      cluster.jobs.push_back(world_.live(job, facts));
    }
    clusters.push_back(std::move(cluster));
  }
  const auto overdue = world_.books().sweep(clusters, world_.now);
  if (!overdue.ok()) return "fault " + overdue.failure().text;
  std::string said;
  for (const auto& [cluster, ids] : *overdue) {
    for (const auto id : std::set(ids.begin(), ids.end())) said += (said.empty() ? "ask " : " ") + cluster + "/" + std::to_string(id);
  }
  const json counts = world_.books().counts();
  return (said.empty() ? "" : said + ", ") + "open " + counts["open_admissions"].dump() + ", liens " + counts["open_liens"].dump();
}

std::string Teller::refund(const std::string& name, const Words& words) {
  json body = {{"request_id", word(words, "request_id", world_.new_request_id())}, {"reason", "node fault"}};
  body["job_id"] = world_.record(name, words).job_id;
  for (const char* one : {"amount", "share", "cluster", "submit"}) {
    if (words.contains(one)) body[one] = words.at(one);
  }
  return proposal(world_.books().refund(World::caller(word(words, "by", "cashier")), body, world_.now));
}

std::string Teller::decide(const Words& words, bool approve) {
  // The newest that nobody has decided.
  if (pending_.empty()) return "there is no pending proposal";
  auto decided = world_.books().decide(World::caller(word(words, "by", "checker")), pending_.back(), approve,
                                       {{"request_id", world_.new_request_id()}, {"reason", "no"}}, world_.now);
  if (!decided.ok()) {
    // Ids are random.
    Failure failure = decided.failure();
    if (const auto at = failure.text.find(pending_.back()); at != std::string::npos) failure.text.replace(at, pending_.back().size(), "PR-…");
    if (failure.code != "role_missing" && failure.code != "same_person" && failure.code != "root_has_no_say") pending_.pop_back();
    return proposal(failure);
  }
  pending_.pop_back();
  return proposal(decided);
}

std::string Teller::statement(const Words& words) {
  ledger::ChargeQuery query;
  if (words.contains("account")) query.account = words.at("account");
  if (words.contains("user")) query.user = words.at("user");
  if (words.contains("voucher")) query.voucher = words.at("voucher");
  return outcome(world_.books().view_statement(World::caller(word(words, "as", "auditor")), query, world_.facts(), world_.now), [&](const json& s) {
    for (const auto& line : s["lines"]) {
      more_.push_back(line["user"].get<std::string>() + " " + line["account"].get<std::string>() + " " + line["cluster"].get<std::string>() +
                      "/" + line["partition"].get<std::string>() + " " + line["state"].get<std::string>() + " " +
                      line["elapsed_seconds"].dump() + " s: " + line["charge"].get<std::string>() + " = voucher " +
                      line["by_voucher"].get<std::string>() + " + user " + line["by_self"].get<std::string>() + " + overrun " +
                      line["overrun"].get<std::string>() + ", refunded " + line["refunded"].get<std::string>());
    }
    return "total " + s["total"].get<std::string>() + " = voucher " + s["by_voucher"].get<std::string>() + " + user " +
           s["by_self"].get<std::string>() + " + overrun " + s["overrun"].get<std::string>() + ", rounding " + s["rounding"].get<std::string>();
  });
}

std::string Teller::explain(const std::string& name, const Words& words) {
  const auto id = world_.record(name, words).job_id;
  return outcome(world_.books().view_job(World::caller(word(words, "as", "auditor")), id, std::nullopt, world_.facts(), world_.now), [&](const json& e) {
    for (const auto& reason : e["reasons"]) more_.push_back(reason.get<std::string>());
    // What Slurm held when it was last read is not stored: after a restart it is unknown.
    const bool live = e["state"] == "RUNNING" || e["state"] == "PENDING";
    std::string said = e["user"].get<std::string>() + " " + (live ? "open" : e["state"].get<std::string>());
    if (!e["lien"].is_null()) said += ", lien " + e["lien"]["amount"].get<std::string>() + " " + e["lien"]["state"].get<std::string>();
    if (!e["charge"].is_null()) said += ", charge " + e["charge"]["amount"].get<std::string>();
    return said;
  });
}

std::string Teller::run(const std::string& verb, const std::string& name, const Words& words, const std::vector<std::string>& text) {
  auto& books = world_.books();
  const auto by = [&](const char* fallback) { return World::caller(word(words, "by", fallback)); };
  const json id_and_reason = {{"request_id", world_.new_request_id()}, {"reason", "because"}};
  std::string yaml;
  bool added = false;
  for (const auto& line : text) {
    added = added || line.rfind("| +", 0) == 0;
    yaml += line.substr(line.rfind("| +", 0) == 0 ? 3 : 2) + "\n";
  }
  if (verb == "at") {
    const auto at = parse_time(name, Zone{});
    if (!at.ok()) return at.failure().text;
    world_.now = *at;
    return "";
  }
  if (verb == "after") {
    world_.now += std::stoll(name);
    return "";
  }
  if (verb == "restart") {
    restart();
    return "";
  }
  if (verb == "config") {
    if (words.contains("mode")) {
      std::string changed = World::default_config();
      changed.replace(changed.find("mode: enforce"), 13, "mode: " + words.at("mode"));
      world_.set_config(changed + yaml);
    } else {
      world_.set_config(added ? World::default_config() + yaml : yaml);
    }
    return "";
  }
  if (verb == "prices") {
    const auto said = books.offer_price_book("prices.yaml", added ? World::default_prices() + yaml : yaml, {0, "root"}, world_.now);
    if (!said.ok()) return said.failure().text;
    const auto waits = said->find(": sluice approve ");
    if (waits != std::string::npos) pending_.push_back(said->substr(waits + 17));
    return said->substr(0, waits);
  }
  if (verb == "programme" || verb == "fund" || verb == "voucher") {
    world_.last_proposal.clear();
    const auto done = verb == "programme" ? world_.programme(name, words)
                      : verb == "fund"    ? world_.fund(name, words.at("amount"))
                                          : world_.voucher(name, words);
    if (!done.ok() && !world_.last_proposal.empty()) pending_.push_back(world_.last_proposal);
    return proposal(done);
  }
  if (verb == "suspend" || verb == "resume") {
    return outcome(books.set_suspended(by("manager"), name, verb == "suspend", id_and_reason, world_.now), [](const json& v) { return v["state"].get<std::string>(); });
  }
  if (verb == "revoke") return proposal(books.propose_revoke(by("manager"), name, id_and_reason, world_.now));
  if (verb == "approve" || verb == "reject") return decide(words, verb == "approve");
  if (verb == "refund") return refund(name, words);
  if (verb == "expire") {
    const auto done = books.expire(world_.now);
    return done.ok() ? "" : done.failure().text;
  }
  if (verb == "rate") {
    const auto rated = books.settle_unrated(world_.now);
    return !rated.ok() ? rated.failure().text : "charged " + std::to_string(rated->charged) + ", unrated " + std::to_string(rated->unrated);
  }
  if (verb == "collected") {
    const auto marked = books.set_collected_to(world_.now);
    return marked.ok() ? "" : marked.failure().text;
  }
  if (verb == "submit") return submit(name, words);
  if (verb == "end") return end(name, words);
  if (verb == "purse") {
    return outcome(books.view_voucher(World::caller(word(words, "as", "auditor")), name, world_.facts(), world_.now), [](const json& v) {
      return v["state"].get<std::string>() + " available " + v["available"].get<std::string>() + ", liens " + v["liens"].get<std::string>() +
             ", used " + v["used"].get<std::string>();
    });
  }
  if (verb == "account") {
    return outcome(books.view_balance(World::caller(word(words, "as", "auditor")), name, world_.facts(), world_.now), [](const json& b) {
      const json& a = b["accounts"][0];
      return "owes " + a["owes"].get<std::string>() + ", quoted " + a["open_quotes"].get<std::string>();
    });
  }
  if (verb == "budget") {
    return outcome(books.view_programme(name, world_.now), [](const json& p) {
      return "left " + p["budget_left"].get<std::string>() + ", used " + p["used"].get<std::string>() + ", unclaimed " + p["unclaimed"].get<std::string>();
    });
  }
  if (verb == "explain") return explain(name, words);
  if (verb == "statement") return statement(words);
  if (verb == "tag") {
    const auto due = world_.storage().tags_due(100);
    for (const auto& tag : *due) {
      json shown = json::parse(tag.text, nullptr, false);
      if (shown.contains("sluice")) shown["sluice"].erase("id");
      if (shown.contains("sluice")) shown["sluice"].erase("mac");
      more_.push_back(tag.cluster + "/" + std::to_string(tag.job_id) + " " + (shown.is_discarded() ? tag.text : shown.dump()));
    }
    return std::to_string(due->size()) + " due";
  }
  throw std::runtime_error("there is no verb " + verb);
}

/// All that the books show and hold, in one text.
std::string Teller::state() {
  auto& books = world_.books();
  const auto auditor = World::caller("auditor");
  json all = {books.view_vouchers(auditor, std::nullopt, std::nullopt, world_.facts(), world_.now).value(),
              books.view_programmes(world_.now).value(), books.view_proposals(auditor, std::nullopt, world_.now).value(), books.counts(),
              books.verify().value()};
  for (const char* account : {"astro", "bio", "broke"}) all.push_back(books.view_balance(auditor, account, world_.facts(), world_.now).value());
  all.push_back(books.prices() ? books.prices()->sha256() : "");
  all.push_back(books.collected_to());
  return all.dump();
}

void Teller::restart() {
  const std::string before = state();
  world_.restart();
  const std::string after = state();
  if (before != after) throw std::runtime_error("a restart changed the books:\n" + before + "\n" + after);
}

std::vector<std::string> Teller::tell(const Step& step) {
  auto words = split(step.line);
  const std::string verb = words.front();
  words.erase(words.begin());
  std::string name;
  if (!words.empty() && words.front().find('=') == std::string::npos) {
    name = words.front();
    words.erase(words.begin());
  }
  more_.clear();
  std::string said;
  if (verb == "sweep") {
    said = sweep(words);
  } else {
    Words pairs;
    for (const auto& word : words) pairs[word.substr(0, word.find('='))] = word.find('=') == std::string::npos ? "" : word.substr(word.find('=') + 1);
    said = run(verb, name, pairs, step.text);
  }
  std::vector<std::string> lines;
  if (!said.empty()) lines.push_back("-> " + said);
  for (const auto& line : more_) lines.push_back("| " + line);
  const auto verified = world_.books().verify();
  if (!verified.ok()) throw std::runtime_error(verified.failure().text);
  for (const auto& problem : verified->at("problems")) lines.push_back("| LEDGER: " + problem.get<std::string>());
  return lines;
}

}  // namespace

int main(int argc, char** argv) {
  const bool update = argc == 3 && std::strcmp(argv[1], "--update") == 0;
  const bool restarts = argc == 3 && std::strcmp(argv[1], "--restart") == 0;
  if (argc != 2 && !update && !restarts) {
    std::cerr << "usage: run_scenarios [--restart | --update] FILE\n";
    return 2;
  }
  const std::string file = argv[argc - 1];
  std::ifstream in(file);
  if (!in) {
    std::cerr << "couldn't read " << file << "\n";
    return 2;
  }
  Story story = read_story(in);
  if (restarts && story.no_restarts) return skipped;
  int failures = 0;
  Teller teller;
  for (Step& step : story.steps) {
    std::vector<std::string> told;
    try {
      if (restarts) teller.restart();
      told = teller.tell(step);
    } catch (const std::exception& problem) {
      told = {"-> " + std::string(problem.what())};
    }
    if (told != step.outcome && !update) {
      ++failures;
      std::cout << step.line << "\n";
      for (const auto& line : step.outcome) std::cout << "  expected " << line << "\n";
      for (const auto& line : told) std::cout << "  told     " << line << "\n";
    }
    step.outcome = std::move(told);
  }
  if (update) {
    std::ofstream out(file);
    for (const Step& step : story.steps) {
      for (const auto& line : step.before) out << line << "\n";
      out << step.line << "\n";
      for (const auto& line : step.text) out << line << "\n";
      for (const auto& line : step.outcome) out << line << "\n";
    }
    for (const auto& line : story.after) out << line << "\n";
  }
  if (failures > 0) std::cout << failures << " of " << story.steps.size() << " steps differ\n";
  return failures > 0 ? 1 : 0;
}
