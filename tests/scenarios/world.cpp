// SPDX-License-Identifier: Apache-2.0

#include "tests/scenarios/world.hpp"

#include <algorithm>
#include <stdexcept>

#include "accounting/slurm/tag.hpp"

namespace sluice::test {
namespace {

using nlohmann::json;

const std::map<std::string, std::int64_t>& people() {
  static const std::map<std::string, std::int64_t> known = {{"root", 0},     {"ann", 6001},     {"bob", 6002},     {"eve", 6003},
                                                            {"manager", 7001}, {"checker", 7002}, {"cashier", 7003}, {"auditor", 7004},
                                                            {"former", 7005}};
  return known;
}

std::string word(const Words& words, const std::string& name, const std::string& fallback = {}) {
  const auto found = words.find(name);
  return found == words.end() ? fallback : found->second;
}

std::vector<std::string> listed(const std::string& text) {
  std::vector<std::string> items;
  std::size_t from = 0;
  while (from < text.size()) {
    const auto comma = std::min(text.find(',', from), text.size());
    items.push_back(text.substr(from, comma - from));
    from = comma + 1;
  }
  return items;
}

template <typename T>
T must(Result<T> result, const std::string& doing) {
  if (!result.ok()) throw std::runtime_error(doing + ": " + result.failure().text);
  return std::move(result.value());
}

slurm::Inventory inventory(const std::string& cluster, const std::vector<slurm::Partition>& partitions) {
  slurm::Inventory all;
  all.cluster = cluster;
  for (int i = 1; i <= 4; ++i) {
    slurm::Node node;
    node.name = "n" + std::to_string(i);
    node.cpus = 64;
    node.memory_mb = 256'000;
    node.gres = {{"gres/gpu", 8}};
    all.nodes.push_back(node);
  }
  all.partitions = partitions;
  for (auto& partition : all.partitions) partition.nodes = {"n1", "n2", "n3", "n4"};
  all.default_accounts = {{"ann", "astro"}, {"bob", "bio"}};
  all.accounts_of_user = {{"ann", {"astro"}}, {"bob", {"bio", "astro"}}, {"eve", {"elsewhere"}}};
  all.accounts = {"astro", "bio", "broke", "elsewhere"};
  return all;
}

slurm::Partition partition(const std::string& name, std::optional<std::int64_t> max_minutes) {
  slurm::Partition made;
  made.name = name;
  made.is_default = name == "ai";
  made.max_minutes = max_minutes;
  return made;
}

}  // namespace

const std::string& World::default_config() {
  static const std::string yaml = R"(role: home
cluster: cq
mode: enforce
price_book: prices.yaml
refund_limit: "20.00"
accounts:
  default: {self_pay: open}
  broke: {self_pay: none}
  bio: {self_pay: limit, limit: "50.00"}
people:
  - {user: manager, roles: [programme_manager]}
  - {user: checker, roles: [reviewer]}
  - {user: cashier, roles: [cashier]}
  - {user: auditor, roles: [auditor]}
  - {user: former, roles: [programme_manager], to: 2026-01-01}
sites:
  - {name: chongqing, cluster: cq, feature: local, partition: ai}
  - {name: hami, cluster: hami, feature: wind, partition: ai}
)";
  return yaml;
}

const std::string& World::default_prices() {
  static const std::string yaml = R"(price_book: first
currency: CNY
zone: Asia/Shanghai
prices:
  - {cluster: cq, partition: ai, from: 2026-01-01, per_hour: {cpu: "1.00", gres/gpu: "10.00"}}
  - {cluster: cq, partition: cpu, from: 2026-01-01, per_hour: {cpu: "0.50"}}
  - {cluster: hami, partition: ai, from: 2026-01-01, per_hour: {cpu: "0.40"}}
)";
  return yaml;
}

std::int64_t World::uid_of(const std::string& person) {
  const auto found = people().find(person);
  if (found == people().end()) throw std::runtime_error("nobody is called " + person);
  return found->second;
}

World::World(Wrap wrap)
    : wrap_(std::move(wrap)), facts_([](std::int64_t uid) -> std::optional<std::string> {
        for (const auto& [name, number] : people()) {
          if (number == uid) return name;
        }
        return std::nullopt;
      }) {
  now = must(parse_time("2026-03-02T08:00", Zone{}), "the first time");
  facts_.set(inventory("cq", {partition("ai", 2880), partition("cpu", std::nullopt), partition("free", 2880)}));
  facts_.set(inventory("hami", {partition("ai", 2880)}));
  config_ = std::make_shared<const service::Config>(must(service::parse_config("sluice.yaml", default_config()), "config"));
  restart();
  must(books_->offer_price_book("prices.yaml", default_prices(), {0, "root"}, now), "prices");
}

void World::close() {
  books_.reset();
  storage_.reset();
}

void World::restart() {
  close();
  storage_ = must(ledger::open_sqlite(file()), "open");
  if (wrap_) storage_ = wrap_(std::move(storage_));
  books_ = std::make_unique<service::Books>(*storage_, "a key of this service");
  const auto loaded = books_->load(now);
  if (!loaded.ok()) throw std::runtime_error("load: " + loaded.failure().text);
  books_->set_config(config_);
}

void World::set_config(const std::string& yaml) {
  config_ = std::make_shared<const service::Config>(must(service::parse_config("sluice.yaml", yaml), "config"));
  books_->set_config(config_);
}

service::AdmissionRequest World::request(const Words& words) const {
  json options = json::object();
  for (const char* name : {"voucher", "max-self", "workload", "scenario", "place", "quote-format"}) {
    if (words.contains(name)) options[name] = words.at(name);
  }
  const std::int64_t uid = uid_of(word(words, "user", "ann"));
  json job = {{"user_id", uid}, {"submit_uid", uid}, {"interactive", false}};
  for (const char* name : {"account", "array", "admin_comment", "cluster_features"}) {
    if (words.contains(name)) job[name] = words.at(name);
  }
  job["partition"] = word(words, "partition", "ai");
  if (words.contains("time")) job["time_limit"] = std::stoll(words.at("time"));
  const std::int64_t cpus = std::stoll(word(words, "cpus", "1"));
  job["min_cpus"] = cpus;
  job["num_tasks"] = cpus;
  if (words.contains("gpus")) job["tres_per_job"] = "gres:gpu:" + words.at("gpus");
  if (words.contains("cron")) job["cron"] = true;
  if (words.contains("het")) job["het_offset"] = std::stoll(words.at("het"));
  if (words.contains("job_id")) job["job_id"] = std::stoll(words.at("job_id"));
  json body = {{"v", 1}, {"kind", word(words, "kind", "submit")}, {"options", options}, {"job", job}};
  if (words.contains("nonce")) body["nonce"] = words.at("nonce");
  return must(service::admission_request_from_text(body.dump()), "request");
}

service::Answer World::submit(const std::string& name, const Words& words) {
  const auto answer = books_->admit(request(words), facts_, now);
  if (const auto flushed = books_->flush(); !flushed.ok()) throw std::runtime_error(flushed.failure().text);
  if (!answer.admit || word(words, "kind") == "test") return answer;
  Job& job = jobs[name];
  job.words = words;
  job.id = next_job_++;
  job.submit = now;
  job.admin_comment = answer.admin_comment.value_or(word(words, "admin_comment"));
  return answer;
}

slurm::UsageRecord World::record(const std::string& name, const Words& words) const {
  const auto known = jobs.find(name);
  const Job job = known == jobs.end() ? Job{} : known->second;
  Words all = words;
  all.insert(job.words.begin(), job.words.end());
  slurm::UsageRecord r;
  r.cluster = word(all, "cluster", "cq");
  r.job_id = words.contains("id") ? static_cast<std::uint32_t>(std::stoul(words.at("id"))) : job.id;
  if (all.contains("array")) {
    r.array_job_id = job.id;
    if (words.contains("task")) {
      r.array_task_id = static_cast<std::uint32_t>(std::stoul(words.at("task")));
      r.job_id = job.id * 1000 + *r.array_task_id;
    }
  }
  if (all.contains("het")) {
    r.het_job_offset = static_cast<std::uint32_t>(std::stoul(all.at("het")));
    r.het_job_id = r.job_id - *r.het_job_offset;
  }
  r.user = word(all, "user", "ann");
  r.user_id = static_cast<std::uint32_t>(uid_of(r.user));
  r.account = word(all, "account", "astro");
  r.partition = word(all, "partition", "ai");
  r.state = word(words, "state", "COMPLETED");
  r.state_number = 3;
  r.submit = words.contains("submit") ? must(parse_time(words.at("submit"), Zone{}), "submit") : known == jobs.end() ? now : job.submit;
  r.elapsed_seconds = std::stoll(word(words, "elapsed", "0"));
  r.suspended_seconds = std::stoll(word(words, "suspended", "0"));
  const std::string end = word(words, "end");
  if (end != "none") r.end = end.empty() ? now : must(parse_time(end, Zone{}), "end");
  if (r.elapsed_seconds > 0) {
    r.start = words.contains("start") ? must(parse_time(words.at("start"), Zone{}), "start") : now - r.elapsed_seconds - r.suspended_seconds;
    r.tres_alloc = {{"cpu", std::stoll(word(all, "cpus", "1"))}, {"node", 1}};
    if (all.contains("gpus")) r.tres_alloc["gres/gpu"] = std::stoll(all.at("gpus"));
  }
  const std::string tag = word(words, "tag");
  r.admin_comment = tag.empty() ? job.admin_comment : tag == "none" ? "" : tag;
  if (tag == "forged") {
    // Right in all but its mac.
    auto read = slurm::find_tag(job.admin_comment);
    if (!read) throw std::runtime_error("there is no tag to forge");
    read->mac = std::string(32, '0');
    r.admin_comment = must(slurm::with_tag("", slurm::to_json(*read)), "forge");
  } else if (tag == "bare") {
    auto read = slurm::find_tag(job.admin_comment);
    if (!read) throw std::runtime_error("there is no tag to strip");
    read->mac.reset();
    r.admin_comment = must(slurm::with_tag("", slurm::to_json(*read)), "bare");
  } else if (tag == "outage") {
    json outage = {{"v", 1}, {"unpriced", true}, {"options", json::object()}};
    if (words.contains("nonce")) outage["nonce"] = words.at("nonce");
    for (const char* option : {"voucher", "max-self"}) {
      if (words.contains(option)) outage["options"][option] = words.at(option);
    }
    r.admin_comment = must(slurm::with_tag("", outage), "outage tag");
  } else if (tag.rfind("claim:", 0) == 0) {
    const json claim = {{"v", 1}, {"id", "A123"}, {"mac", std::string(32, '0')}, {"voucher", {tag.substr(6)}}};
    r.admin_comment = must(slurm::with_tag("", claim), "claim");
  } else if (tag.rfind("of:", 0) == 0) {
    r.admin_comment = jobs.at(tag.substr(3)).admin_comment;
  }
  return r;
}

slurm::LiveJob World::live(const std::string& name, const Words& words) const {
  const slurm::UsageRecord r = record(name, words);
  slurm::LiveJob job;
  job.cluster = r.cluster;
  job.job_id = r.job_id;
  job.array_job_id = r.array_job_id;
  job.array_task_id = r.array_task_id;
  job.user_id = r.user_id;
  job.account = r.account;
  job.partition = r.partition;
  job.state = word(words, "state", "RUNNING");
  job.finished = job.state != "RUNNING" && job.state != "PENDING" && job.state != "REVOKED";
  job.revoked = job.state == "REVOKED";
  job.submit = r.submit;
  Words all = words;
  if (const auto known = jobs.find(name); known != jobs.end()) all.insert(known->second.words.begin(), known->second.words.end());
  if (all.contains("time")) job.time_limit_minutes = std::stoll(all.at("time"));
  job.tres_req = "cpu=" + word(all, "cpus", "1") + ",node=1,billing=1";
  job.admin_comment = r.admin_comment;
  return job;
}

Result<json> World::approved(const Result<json>& proposed) {
  if (!proposed.ok()) return proposed.failure();
  if (!proposed->contains("proposal")) return *proposed;
  last_proposal = proposed->at("proposal").at("id");
  return books_->decide(caller("checker"), last_proposal, true, {{"request_id", new_request_id()}}, now);
}

Result<json> World::programme(const std::string& id, const Words& words) {
  std::string text = "programme: " + id + "\nname: " + id + "\nissuer: district\nvalid_from: 2026-01-01\n";
  text += "valid_to: " + word(words, "to", "2027-01-01") + "\n";
  text += "share: \"" + word(words, "share", "0.60") + "\"\nexpiry_to: " + word(words, "expiry_to", "budget") + "\n";
  for (const char* list : {"clusters", "partitions"}) {
    if (words.contains(list)) text += std::string(list) + ": [" + words.at(list) + "]\n";
  }
  if (words.contains("states")) text += "eligible_states: [" + words.at("states") + "]\n";
  return approved(books_->propose_programme(caller("manager"), {{"request_id", new_request_id()}, {"file", id + ".yaml"}, {"text", text}}, now));
}

Result<json> World::fund(const std::string& programme, const std::string& amount) {
  return approved(books_->propose_fund(caller("manager"), programme, {{"request_id", new_request_id()}, {"amount", amount}, {"document", "notice 1"}}, now));
}

Result<json> World::voucher(const std::string& id, const Words& words) {
  json body = {{"request_id", new_request_id()},
               {"id", id},
               {"programme", word(words, "programme", "P")},
               {"face", word(words, "face", "100")},
               {"valid_from", word(words, "from", "2026-01-01")},
               {"valid_to", word(words, "to", "2027-01-01")},
               {"document", "contract 1"}};
  for (const char* list : {"accounts", "users", "clusters", "partitions"}) body[list] = listed(word(words, list));
  if (!words.contains("accounts") && !words.contains("users")) body["accounts"] = {"astro"};
  if (words.contains("share")) body["share"] = words.at("share");
  return approved(books_->propose_voucher(caller("manager"), body, facts_, now));
}

}  // namespace sluice::test
