// SPDX-License-Identifier: Apache-2.0

#include "accounting/slurm/child_reader.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include "accounting/slurm/child_process.hpp"
#include "accounting/slurm/codec.hpp"
#include "accounting/slurm/request.hpp"

namespace sluice::slurm {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::size_t log_line_bytes_max = 2'000;
constexpr int log_lines_per_call_max = 200;

Failure unreachable(std::string code, std::string text) {
  return {Failure::Kind::unreachable, std::move(code), std::move(text)};
}

}  // namespace

/// The helper's process and one exchange of a request and its answer at a time.
class ChildReader::Exchange {
 public:
  explicit Exchange(const ChildReaderOptions& options) : options_(options) {}

  using OnRow = std::function<Result<void>(const json& row)>;

  /// Sends `body`, hands each row to `on_row` and answers the line that ends it.
  Result<json> call(decltype(Request::body) body, std::chrono::milliseconds timeout, const OnRow& on_row) {
    const auto deadline = Clock::now() + timeout;
    const bool was_running = child_.is_running();
    if (auto ready = ensure_started(); !ready) return ready.failure();
    request_ = Request{++last_id_, std::move(body)};
    auto answer = exchange(deadline, timeout, on_row);
    // A helper that ended while nobody asked (an upgrade, an administrator) isn't the caller's concern.
    if (!answer && ended_before_answer_ && was_running) {
      if (auto ready = ensure_started(); !ready) return ready.failure();
      answer = exchange(deadline, timeout, on_row);
    }
    return answer;
  }

 private:
  Result<void> ensure_started() {
    if (child_.is_running()) return {};
    const auto now = Clock::now();
    if (started_at_ && now - *started_at_ < options_.start_interval_min) {
      return unreachable("slurm_helper_waits",
                         "the helper for Slurm ended a moment ago and is started again soon; before: " +
                             (last_problem_.empty() ? "nothing known" : last_problem_));
    }
    started_at_ = now;
    received_.clear();
    error_text_.clear();
    last_problem_.clear();
    auto started = child_.start(options_.command);
    if (!started) last_problem_ = started.failure().text;
    return started;
  }

  Result<json> exchange(Clock::time_point deadline, std::chrono::milliseconds timeout, const OnRow& on_row) {
    ended_before_answer_ = false;
    answer_.reset();
    refused_.reset();
    rows_ = 0;
    lines_logged_ = 0;
    bytes_received_ = 0;
    const std::string line = to_line(to_json(request_));
    if (line.size() > line_bytes_max)
      return fault("a request to Slurm of " + std::to_string(line.size()) + " bytes is too long");
    std::size_t sent = 0;
    while (!answer_) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
      if (left.count() <= 0) {
        return give_up(
            unreachable("slurm_timeout", "Slurm didn't answer within " + std::to_string(timeout.count()) + " ms"));
      }
      std::array<pollfd, 3> streams = {pollfd{child_.output(), POLLIN, 0}, pollfd{child_.errors(), POLLIN, 0},
                                       pollfd{sent < line.size() ? child_.input() : -1, POLLOUT, 0}};
      if (poll(streams.data(), streams.size(), static_cast<int>(left.count())) < 0 && errno != EINTR) {
        return give_up(fault("couldn't wait for the helper for Slurm"));
      }
      if (streams[1].revents != 0) read_errors();
      if (streams[2].revents != 0 && !send_some(line, sent)) return ended();
      if (streams[0].revents != 0) {
        if (!read_output()) return ended();
        if (auto taken = take_lines(on_row); !taken) return give_up(taken.failure());
      }
    }
    read_errors();
    if (refused_) return *refused_;
    return std::move(*answer_);
  }

  /// False where the child is gone.
  bool send_some(const std::string& line, std::size_t& sent) {
    const ssize_t count = send(child_.input(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) {
      sent += static_cast<std::size_t>(count);
      return true;
    }
    return errno == EAGAIN || errno == EINTR;
  }

  /// False at the stream's end.
  bool read_output() {
    std::array<char, 65'536> buffer;
    const ssize_t count = read(child_.output(), buffer.data(), buffer.size());
    if (count > 0) {
      received_.append(buffer.data(), static_cast<std::size_t>(count));
      bytes_received_ += static_cast<std::size_t>(count);
      return true;
    }
    return count < 0 && (errno == EAGAIN || errno == EINTR);
  }

  Result<void> take_lines(const OnRow& on_row) {
    std::size_t begin = 0;
    for (auto end = received_.find('\n'); end != std::string::npos; end = received_.find('\n', begin)) {
      if (auto taken = guarded_line(std::string_view(received_).substr(begin, end - begin), on_row); !taken)
        return taken;
      begin = end + 1;
    }
    received_.erase(0, begin);
    if (received_.size() > line_bytes_max) return fault("the helper for Slurm sent a line without an end");
    return {};
  }

  /// JSON of unexpected types throws; from a child that is as good as garbage.
  Result<void> guarded_line(std::string_view line, const OnRow& on_row) {
    try {
      return take_line(line, on_row);
    } catch (const json::exception& problem) {
      return fault(std::string("the helper for Slurm sent a line of wrong types: ") + problem.what());
    }
  }

  Result<void> take_line(std::string_view line, const OnRow& on_row) {
    const json object = json::parse(line, nullptr, false);
    const auto id = object.is_object() ? object.find("id") : object.end();
    if (!object.is_object() || id == object.end() || *id != request_.id || answer_) {
      return fault("the helper for Slurm sent what nobody asked for: " + valid_text(line.substr(0, 200)));
    }
    if (const auto row = object.find("row"); row != object.end()) {
      if (++rows_ > options_.rows_max) {
        return Failure{
            Failure::Kind::fault, "too_many_rows",
            "Slurm's answer has over " + std::to_string(options_.rows_max) + " rows; ask for a shorter time"};
      }
      return on_row(*row);
    }
    if (const auto error = object.find("error"); error != object.end() && error->is_object()) {
      const bool away = error->value("unreachable", false);
      std::string text = error->value("text", std::string("no reason given"));
      last_problem_ = text;
      refused_ = away ? unreachable("slurm_unreachable", std::move(text)) : fault(std::move(text));
      answer_ = object;
      return {};
    }
    if (object.value("done", false) != true) return fault("the helper for Slurm sent a line of no known kind");
    if (object.value("rows", rows_) != rows_) return fault("the helper for Slurm lost rows of its answer");
    answer_ = object;
    return {};
  }

  void read_errors() {
    std::array<char, 16'384> buffer;
    while (true) {
      const ssize_t count = read(child_.errors(), buffer.data(), buffer.size());
      if (count == 0) child_.close_errors();
      if (count <= 0) return;
      for (ssize_t i = 0; i < count; ++i) {
        if (buffer[static_cast<std::size_t>(i)] == '\n') {
          log_errors();
        } else if (error_text_.size() < log_line_bytes_max) {
          error_text_ += buffer[static_cast<std::size_t>(i)];
        }
      }
      // One helping at a time, or a child that never stops talking would hold us past the deadline.
      if (static_cast<std::size_t>(count) < buffer.size() || answer_ == std::nullopt) return;
      if (lines_logged_ > log_lines_per_call_max) return;
    }
  }

  void log_errors() {
    if (error_text_.empty()) return;
    last_problem_ = valid_text(error_text_);
    error_text_.clear();
    if (!options_.log) return;
    ++lines_logged_;
    if (lines_logged_ <= log_lines_per_call_max) options_.log(last_problem_);
    if (lines_logged_ == log_lines_per_call_max) options_.log("more lines of this call are not shown");
  }

  Failure ended() {
    read_errors();
    log_errors();
    ended_before_answer_ = bytes_received_ == 0;
    // Its end closed the stream, so this finds a process that is already gone and only asks how it ended.
    const std::string how = child_.kill();
    const std::string words = std::exchange(last_problem_, "");
    last_problem_ = "the helper for Slurm ended (" + how + ") before it had answered" +
                    (words.empty() ? "" : "; its last words: " + words);
    return fault(last_problem_);
  }

  Failure give_up(const Failure& failure) {
    read_errors();
    log_errors();
    if (options_.log)
      options_.log("killing the helper for Slurm, process " + std::to_string(child_.pid()) + ": " + failure.text);
    (void)child_.kill();
    last_problem_ = failure.text;
    return failure;
  }

  const ChildReaderOptions& options_;
  ChildProcess child_;
  std::optional<Clock::time_point> started_at_;
  std::uint64_t last_id_ = 0;
  Request request_;
  std::string received_;      ///< of the child's output, not yet a whole line
  std::string error_text_;    ///< of its error stream, likewise
  std::string last_problem_;  ///< what it last said was wrong
  std::optional<json> answer_;
  std::optional<Failure> refused_;
  std::size_t rows_ = 0;
  std::size_t bytes_received_ = 0;
  int lines_logged_ = 0;
  bool ended_before_answer_ = false;
};

ChildReader::ChildReader(ChildReaderOptions options)
    : options_(std::move(options)), exchange_(std::make_unique<Exchange>(options_)) {}

ChildReader::~ChildReader() = default;

namespace {

/// Appends what `decode` makes of a row, or hands its failure on.
template <typename T, typename Decode>
Result<void> append(std::vector<T>& to, const json& row, Decode decode) {
  auto value = decode(row);
  if (!value) return fault("the helper for Slurm sent a wrong row: " + value.failure().text);
  to.push_back(std::move(*value));
  return {};
}

}  // namespace

Result<std::vector<UsageRecord>> ChildReader::finished(const std::vector<std::string>& clusters, UnixTime from,
                                                       UnixTime to) {
  std::vector<UsageRecord> records;
  const auto on_row = [&](const json& row) { return append(records, row, usage_record_from_json); };
  auto answer = exchange_->call(FinishedRequest{clusters, from, to}, options_.call_timeout, on_row);
  if (!answer) return answer.failure();
  return records;
}

Result<std::vector<UsageRecord>> ChildReader::by_id(const std::string& cluster,
                                                    const std::vector<std::uint32_t>& job_ids) {
  std::vector<UsageRecord> records;
  const auto on_row = [&](const json& row) { return append(records, row, usage_record_from_json); };
  auto answer = exchange_->call(ByIdRequest{cluster, job_ids}, options_.call_timeout, on_row);
  if (!answer) return answer.failure();
  return records;
}

Result<std::vector<LiveCluster>> ChildReader::live(const std::vector<std::string>& clusters) {
  std::map<std::string, std::vector<LiveJob>> jobs;
  std::map<std::string, LiveCluster> states;
  const auto on_row = [&](const json& row) -> Result<void> {
    if (const auto job = row.find("job"); job != row.end()) {
      auto live = live_job_from_json(*job);
      if (!live) return fault("the helper for Slurm sent a wrong row: " + live.failure().text);
      jobs[live->cluster].push_back(std::move(*live));
      return {};
    }
    const auto state = row.find("cluster");
    if (state == row.end() || !state->is_object()) return fault("the helper for Slurm sent a row of no known kind");
    LiveCluster cluster;
    cluster.cluster = state->value("name", std::string());
    cluster.ok = state->value("ok", false);
    cluster.problem = state->value("problem", std::string());
    cluster.as_of = state->value("as_of", UnixTime{0});
    states[cluster.cluster] = std::move(cluster);
    return {};
  };
  auto answer = exchange_->call(LiveRequest{clusters, options_.live_timeout.count()}, options_.call_timeout, on_row);
  if (!answer) return answer.failure();
  std::vector<LiveCluster> result;
  for (const auto& name : clusters) {
    auto& cluster = result.emplace_back(states[name]);
    if (cluster.cluster.empty()) cluster.problem = "the helper for Slurm said nothing of it";
    cluster.cluster = name;
    // Rows of a cluster that failed half-way would look like jobs that are gone.
    if (cluster.ok) cluster.jobs = std::move(jobs[name]);
  }
  return result;
}

Result<Inventory> ChildReader::inventory(const std::string& cluster) {
  Inventory rows;
  const auto on_row = [&](const json& row) -> Result<void> {
    if (row.contains("node")) return append(rows.nodes, row["node"], node_from_json);
    if (row.contains("partition")) return append(rows.partitions, row["partition"], partition_from_json);
    if (row.contains("account") && row["account"].is_string()) {
      rows.accounts.push_back(row["account"].get<std::string>());
      return {};
    }
    if (row.contains("operator") && row["operator"].is_string()) {
      rows.operators.insert(row["operator"].get<std::string>());
      return {};
    }
    if (row.contains("user") && row["user"].is_object()) {
      const auto& user = row["user"];
      const auto name = user.value("name", std::string());
      if (const auto account = user.value("default_account", std::string()); !account.empty()) {
        rows.default_accounts[name] = account;
      }
      rows.accounts_of_user[name] = user.value("accounts", std::vector<std::string>());
      return {};
    }
    return fault("the helper for Slurm sent a row of no known kind");
  };
  auto answer = exchange_->call(InventoryRequest{cluster}, options_.call_timeout, on_row);
  if (!answer) return answer.failure();
  auto summary = inventory_from_summary(answer->value("inventory", json::object()));
  if (!summary) return fault(summary.failure().text);
  summary->nodes = std::move(rows.nodes);
  summary->partitions = std::move(rows.partitions);
  summary->default_accounts = std::move(rows.default_accounts);
  summary->accounts_of_user = std::move(rows.accounts_of_user);
  summary->accounts = std::move(rows.accounts);
  summary->operators = std::move(rows.operators);
  return std::move(*summary);
}

Result<Diagnosis> ChildReader::diagnosis(const std::string& cluster) {
  const auto on_row = [](const json&) -> Result<void> { return fault("the helper for Slurm sent a row for a diagnosis"); };
  auto answer = exchange_->call(DiagnosisRequest{cluster}, options_.call_timeout, on_row);
  if (!answer) return answer.failure();
  auto diagnosis = diagnosis_from_json(answer->value("diagnosis", json::object()));
  if (!diagnosis) return fault(diagnosis.failure().text);
  return diagnosis;
}

Result<bool> ChildReader::tag(const TagRequest& request) {
  if (request.text.size() > admin_comment_bytes_max) {
    return refusal("tag_too_long", "an AdminComment of over 65,535 bytes would be cut by slurmdbd");
  }
  const auto on_row = [](const json&) -> Result<void> { return fault("the helper for Slurm sent a row for a tag"); };
  auto answer = exchange_->call(request, options_.tag_timeout, on_row);
  if (!answer) return answer.failure();
  const auto updated = answer->find("updated");
  return updated != answer->end() && *updated == 1;
}

}  // namespace sluice::slurm
