// SPDX-License-Identifier: Apache-2.0
//
// Stands in for sluice-slurmdb in tests of ChildReader. The cluster that a request
// names says how to behave; the argument, if any, is a file that gets one line per start.

#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

namespace {

using nlohmann::json;

json record(std::uint32_t job_id) {
  return {{"cluster", "cq"},      {"job_id", job_id},     {"state", "COMPLETED"},      {"state_number", 3},
          {"submit", 1700000000}, {"elapsed_seconds", 5}, {"tres_alloc", {{"cpu", 1}}}};
}

void say(const json& line) { std::cout << line.dump() << std::endl; }

void flood(int descriptor, std::size_t bytes) {
  const std::string noise(65'536, 'x');
  for (std::size_t sent = 0; sent < bytes; sent += noise.size()) {
    if (write(descriptor, noise.data(), noise.size()) < 0) return;
  }
}

void answer(const json& request, const std::string& how) {
  const json id = request["id"];
  const auto rows = [&](std::uint32_t count) {
    for (std::uint32_t i = 1; i <= count; ++i) say({{"id", id}, {"row", record(i)}});
  };
  const auto done = [&](std::uint32_t count) { say({{"id", id}, {"done", true}, {"rows", count}}); };
  if (how == "hang") {
    pause();
  } else if (how == "hang-half-way") {
    rows(1);
    pause();
  } else if (how == "die") {
    std::cerr << "slurm_helper: fatal: no munge\n";
    _exit(7);
  } else if (how == "die-half-way") {
    rows(1);
    std::raise(SIGSEGV);
  } else if (how == "die-after") {
    rows(2);
    done(2);
    _exit(0);
  } else if (how == "garbage") {
    std::cout << "Segmentation fault (core dumped)" << std::endl;
    pause();
  } else if (how == "wrong-types") {
    say({{"id", id}, {"done", "yes"}});
    pause();
  } else if (how == "wrong-id") {
    say({{"id", 999'999}, {"done", true}, {"rows", 0}});
    pause();
  } else if (how == "lost-row") {
    rows(1);
    done(2);
  } else if (how == "endless-line") {
    flood(STDOUT_FILENO, 8u << 20);
    pause();
  } else if (how == "flood-errors") {
    flood(STDERR_FILENO, 8u << 20);
    rows(1);
    done(1);
  } else if (how == "flood-errors-for-ever") {
    flood(STDERR_FILENO, std::size_t{1} << 40);
  } else if (how == "talk") {
    std::cerr << "slurm_helper: error: first\nslurm_helper: error: second\n";
    rows(1);
    done(1);
  } else if (how == "close-errors") {
    ::close(STDERR_FILENO);
    usleep(50'000);
    rows(1);
    done(1);
  } else if (how == "unreachable") {
    say({{"id", id},
         {"error",
          {{"text", "couldn't read job records from slurmdbd: Connection refused"},
           {"errno", 111},
           {"unreachable", true}}}});
  } else if (how == "wrong") {
    say({{"id", id}, {"error", {{"text", "slurmdbd knows no cluster"}, {"errno", 0}, {"unreachable", false}}}});
  } else if (how == "wrong-row") {
    say({{"id", id}, {"row", {{"job_id", "seven"}}}});
    done(1);
  } else if (how == "signals") {
    // A blocked or ignored signal would be inherited from the service.
    sigset_t mask;
    sigprocmask(SIG_SETMASK, nullptr, &mask);
    const bool is_clean = sigismember(&mask, SIGTERM) == 0 && signal(SIGPIPE, SIG_DFL) == SIG_DFL;
    int open = 0;
    for (int descriptor = 3; descriptor < 256; ++descriptor)
      open += lseek(descriptor, 0, SEEK_CUR) >= 0 || errno != EBADF;
    rows(is_clean && open == 0 ? 1 : 0);
    done(is_clean && open == 0 ? 1 : 0);
  } else {
    const auto count = static_cast<std::uint32_t>(std::stoul(how));
    rows(count);
    done(count);
  }
}

void answer_other(const json& request, const std::string& op) {
  const json id = request["id"];
  if (op == "tag") {
    say({{"id", id}, {"done", true}, {"rows", 0}, {"updated", request["job_id"] == 7 ? 1 : 0}});
  } else if (op == "live") {
    json job = {{"cluster", "cq"}, {"job_id", 8},       {"user_id", 1},    {"state", "RUNNING"},
                {"submit", 5},     {"finished", false}, {"revoked", false}};
    say({{"id", id}, {"row", {{"job", job}}}});
    job["cluster"] = "hami";
    say({{"id", id}, {"row", {{"job", job}}}});
    say({{"id", id}, {"row", {{"cluster", {{"name", "cq"}, {"ok", true}, {"as_of", 1700000100}}}}}});
    say({{"id", id},
         {"row", {{"cluster", {{"name", "hami"}, {"ok", false}, {"problem", "no answer within 5000 ms"}}}}}});
    say({{"id", id}, {"done", true}, {"rows", 4}});
  } else if (op == "diagnosis") {
    say({{"id", id},
         {"done", true},
         {"rows", 0},
         {"diagnosis",
          {{"cluster", "cq"},
           {"slurm_version", "22.05.8"},
           {"clock_ahead_seconds", 2},
           {"job_submit_plugins", "lua,sluice"},
           {"storage_type", "accounting_storage/slurmdbd"},
           {"storage_tres", "cpu,gres/gpu"},
           {"enforces_associations", true},
           {"state_folder", "/var/spool/slurmctld"},
           {"dbd_queue", 3},
           {"dbd_queue_max", 10000},
           {"purge_jobs_after", "12 months"}}}});
  } else {
    say({{"id", id},
         {"row", {{"node", {{"name", "ai1"}, {"cpus", 4}, {"memory_mb", 4000}, {"gres", {{"gres/gpu", 2}}}}}}}});
    say({{"id", id}, {"row", {{"partition", {{"name", "ai"}, {"nodes", {"ai1"}}, {"max_minutes", 60}}}}}});
    say({{"id", id}, {"row", {{"user", {{"name", "li"}, {"accounts", {"a", "b"}}, {"default_account", "a"}}}}}});
    say({{"id", id}, {"row", {{"account", "a"}}}});
    say({{"id", id}, {"row", {{"operator", "li"}}}});
    say({{"id", id},
         {"done", true},
         {"rows", 5},
         {"inventory",
          {{"cluster", "cq"},
           {"as_of", 5},
           {"memory_is_consumable", true},
           {"private_jobs", false},
           {"control_hosts", {"cqctl"}}}}});
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) std::ofstream(argv[1], std::ios::app) << getpid() << '\n';
  std::string line;
  while (std::getline(std::cin, line)) {
    const json request = json::parse(line);
    const std::string op = request["op"];
    if (op == "finished") {
      answer(request, request["clusters"][0]);
    } else if (op == "by_id") {
      say({{"id", request["id"]}, {"row", record(static_cast<std::uint32_t>(request["job_ids"].size()))}});
      say({{"id", request["id"]}, {"done", true}, {"rows", 1}});
    } else {
      answer_other(request, op);
    }
  }
  return 0;
}
