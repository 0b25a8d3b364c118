// SPDX-License-Identifier: Apache-2.0
//
// Submits batch jobs through Slurm's C API and times every call: the load of
// `scripts/bench submit`. Runs on a host of a cluster, as a user of it.
//
// Each submitter is a process of its own, as sbatch is. Jobs are held, so that the
// scheduler leaves them alone, and pinned to their own cluster, so that a federation
// makes no copies of them with or without the plugin. Nothing is cancelled here.
// Prints one JSON object; times are of the steady clock, in microseconds.

#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

extern "C" {
#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>
}

namespace {

using std::chrono::steady_clock;

struct Options {
  unsigned submitters = 1;
  unsigned count = 2000;
  unsigned warm_up = 50;
  std::string partition = "super";
  std::string cluster_feature;
  std::string voucher;
};

struct Submission {
  std::uint32_t job_id;  ///< 0: refused
  std::int32_t latency_us;
};

/// What the submitters and their parent share.
struct Meeting {
  std::atomic<unsigned> ready;
  std::atomic<bool> go;
};

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now().time_since_epoch()).count();
}

template <typename T>
std::span<T> shared_memory(std::size_t size) {
  void* memory = mmap(nullptr, std::max<std::size_t>(size, 1) * sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  return {static_cast<T*>(memory), size};
}

std::string fresh_nonce() {
  std::array<unsigned char, 16> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw std::system_error(errno, std::generic_category(), "getrandom");
  }
  std::string text;
  for (const unsigned char byte : bytes) {
    text += "0123456789abcdef"[byte >> 4U];
    text += "0123456789abcdef"[byte & 15U];
  }
  return text;
}

class Submitter {
 public:
  explicit Submitter(const Options& options) : partition_(options.partition), feature_(options.cluster_feature) {
    slurm_init(nullptr);
    if (!options.voucher.empty()) voucher_ = "_SLURM_SPANK_OPTION_sluice_voucher=" + options.voucher;
  }

  Submission submit() {
    // What spank_sluice would have put there.
    std::string nonce = "SLUICE_NONCE=" + fresh_nonce();
    std::vector<char*> spank{nonce.data()};
    if (!voucher_.empty()) spank.push_back(voucher_.data());
    std::vector<char*> environment;
    for (char** one = environ; *one != nullptr; ++one) environment.push_back(*one);

    job_desc_msg_t job;
    slurm_init_job_desc_msg(&job);
    job.name = name_.data();
    job.partition = partition_.data();
    if (!feature_.empty()) job.cluster_features = feature_.data();
    job.user_id = getuid();
    job.group_id = getgid();
    job.min_cpus = 1;
    job.time_limit = 10;
    job.priority = 0;  // held
    job.script = script_.data();
    job.work_dir = folder_.data();
    job.std_out = nowhere_.data();
    job.environment = environment.data();
    job.env_size = static_cast<std::uint32_t>(environment.size());
    job.spank_job_env = spank.data();
    job.spank_job_env_size = static_cast<std::uint32_t>(spank.size());

    submit_response_msg_t* answer = nullptr;
    const std::int64_t begin = now_us();
    const int code = slurm_submit_batch_job(&job, &answer);
    const std::int64_t end = now_us();
    const int problem = slurm_get_errno();
    Submission result{0, static_cast<std::int32_t>(end - begin)};
    if (code == SLURM_SUCCESS && answer != nullptr) {
      result.job_id = answer->job_id;
    } else if (!complained_) {
      complained_ = true;
      std::fprintf(stderr, "submit_load: couldn't submit: %s\n", slurm_strerror(problem));
    }
    if (answer != nullptr) slurm_free_submit_response_response_msg(answer);
    return result;
  }

 private:
  std::string name_ = "bench";
  std::string partition_;
  std::string feature_;
  std::string voucher_;
  std::string script_ = "#!/bin/sh\nexit 0\n";
  std::string folder_ = "/tmp";
  std::string nowhere_ = "/dev/null";
  bool complained_ = false;
};

/// One submitter's part; `results` begins with the warm-up.
void run_submitter(const Options& options, Meeting& meeting, std::span<Submission> results) {
  Submitter submitter(options);
  for (Submission& one : results.first(options.warm_up)) one = submitter.submit();
  meeting.ready.fetch_add(1);
  while (!meeting.go.load()) usleep(100);
  for (Submission& one : results.subspan(options.warm_up)) one = submitter.submit();
}

/// How the jobs' tags say they were let in.
struct Tags {
  std::size_t answered = 0;        ///< by the service
  std::size_t without_answer = 0;  ///< by the policy for outages
  std::size_t none = 0;
};

Tags count_tags(std::span<const Submission> submissions) {
  std::unordered_set<std::uint32_t> ours;
  for (const Submission& one : submissions) ours.insert(one.job_id);
  slurm_init(nullptr);
  job_info_msg_t* jobs = nullptr;
  if (slurm_load_jobs(0, &jobs, SHOW_ALL | SHOW_LOCAL) != SLURM_SUCCESS) {
    throw std::runtime_error(std::string("couldn't load the jobs: ") + slurm_strerror(slurm_get_errno()));
  }
  Tags tags;
  for (std::uint32_t i = 0; i < jobs->record_count; ++i) {
    const job_info_t& job = jobs->job_array[i];
    if (!ours.contains(job.job_id)) continue;
    const std::string tag = job.admin_comment != nullptr ? job.admin_comment : "";
    if (tag.find("\"sluice\"") == std::string::npos) {
      ++tags.none;
    } else if (tag.find("\"mac\"") != std::string::npos) {
      ++tags.answered;
    } else {
      ++tags.without_answer;
    }
  }
  slurm_free_job_info_msg(jobs);
  return tags;
}

int run(const Options& options) {
  const std::size_t per_submitter = options.count / options.submitters + options.warm_up;
  const auto all = shared_memory<Submission>(per_submitter * options.submitters);
  Meeting& meeting = *new (shared_memory<Meeting>(1).data()) Meeting{};
  std::vector<pid_t> children;
  for (unsigned i = 0; i < options.submitters; ++i) {
    const pid_t child = fork();
    if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (child == 0) {
      run_submitter(options, meeting, all.subspan(i * per_submitter, per_submitter));
      _exit(0);
    }
    children.push_back(child);
  }
  while (meeting.ready.load() < options.submitters) {
    usleep(1000);
    if (waitpid(-1, nullptr, WNOHANG) > 0) throw std::runtime_error("a submitter ended before its time");
  }
  const std::int64_t begin = now_us();
  meeting.go.store(true);
  bool good = true;
  for (const pid_t child : children) {
    int status = 0;
    good = waitpid(child, &status, 0) == child && status == 0 && good;
  }
  const std::int64_t end = now_us();
  if (!good) throw std::runtime_error("a submitter failed");

  std::vector<std::int32_t> latency;
  std::size_t refused = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].job_id == 0) ++refused;
    if (i % per_submitter >= options.warm_up) latency.push_back(all[i].latency_us);
  }
  const Tags tags = count_tags(all);
  const nlohmann::json report = {{"submitters", options.submitters}, {"voucher", options.voucher},
                                 {"submitted", all.size() - refused}, {"refused", refused},
                                 {"seconds", static_cast<double>(end - begin) / 1e6},
                                 {"tags", {{"answered", tags.answered}, {"without_answer", tags.without_answer}, {"none", tags.none}}},
                                 {"latency_us", latency}};
  std::cout << report.dump() << "\n";
  return refused == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"submit_load: submits held jobs through Slurm's C API and times every call"};
  Options options;
  app.add_option("--submitters", options.submitters, "Processes that submit")->check(CLI::Range(1, 64));
  app.add_option("--count", options.count, "Timed submissions of all of them together")->check(CLI::Range(1, 1000000));
  app.add_option("--warm-up", options.warm_up, "Submissions of each before, that count nowhere")->check(CLI::Range(0, 10000));
  app.add_option("--partition", options.partition, "Partition of the jobs");
  app.add_option("--cluster-feature", options.cluster_feature, "Pin the jobs to clusters with this feature");
  app.add_option("--voucher", options.voucher, "Voucher that pays for the jobs");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& problem) {
    std::fprintf(stderr, "submit_load: %s; see: submit_load --help\n", problem.what());
    return 2;
  }
  try {
    return run(options);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "submit_load: %s\n", problem.what());
    return 1;
  }
}
