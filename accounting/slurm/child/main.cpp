// SPDX-License-Identifier: Apache-2.0
//
// sluice-slurmdb: libslurm in a process of its own, since libslurm may hang for
// minutes or end the process. Requests on the standard input, answers on the
// standard output, one JSON object per line (PROTOCOL.md); it ends when the input does.

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstring>
#include <iostream>

#include "accounting/slurm/child/answer.hpp"
#include "accounting/slurm/child/controller.hpp"
#include "accounting/slurm/child/database.hpp"
#include "accounting/slurm/child/live.hpp"
#include "accounting/slurm/child/plugin_check.hpp"
#include "accounting/slurm/codec.hpp"
#include "accounting/slurm/request.hpp"

namespace sluice::slurm {
namespace {

using nlohmann::json;

void require_local(const std::string& cluster) {
  if (cluster == local_cluster()) return;
  throw HelperFault{"this host is of cluster \"" + local_cluster() + "\", not \"" + cluster + "\"", 0, false};
}

struct Server {
  PromptSockets sockets;
  Database database{sockets};

  void operator()(const FinishedRequest& request, Answer& answer) {
    database.finished(request, [&](const UsageRecord& record) { answer.row(to_json(record)); });
    answer.done();
  }
  void operator()(const ByIdRequest& request, Answer& answer) {
    database.by_id(request, [&](const UsageRecord& record) { answer.row(to_json(record)); });
    answer.done();
  }
  void operator()(const LiveRequest& request, Answer& answer) { answer_live(request, sockets, answer); }
  void operator()(const InventoryRequest& request, Answer& answer) {
    require_local(request.cluster);
    Inventory inventory = load_local_inventory();
    database.complete(inventory);
    for (const auto& node : inventory.nodes) answer.row({{"node", to_json(node)}});
    for (const auto& partition : inventory.partitions) answer.row({{"partition", to_json(partition)}});
    for (const auto& [user, accounts] : inventory.accounts_of_user) {
      json row = {{"name", user}, {"accounts", accounts}};
      if (const auto account = inventory.default_accounts.find(user); account != inventory.default_accounts.end()) {
        row["default_account"] = account->second;
      }
      answer.row({{"user", std::move(row)}});
    }
    for (const auto& account : inventory.accounts) answer.row({{"account", account}});
    for (const auto& user : inventory.operators) answer.row({{"operator", user}});
    answer.done({{"inventory", inventory_summary(inventory)}});
  }
  void operator()(const DiagnosisRequest& request, Answer& answer) {
    require_local(request.cluster);
    Diagnosis diagnosis = diagnose_local_controller();
    try {
      database.complete(diagnosis);
    } catch (const HelperFault& fault) {
      diagnosis.dbd_problem = fault.text;
    }
    answer.done({{"diagnosis", to_json(diagnosis)}});
  }
  void operator()(const TagRequest& request, Answer& answer) {
    if (request.text.size() > admin_comment_bytes_max) throw HelperFault{"the text has over 65,535 bytes", 0, false};
    if (request.end <= 0) throw HelperFault{"only a record that has ended can be tagged", 0, false};
    answer.done({{"updated", database.tag(request) ? 1 : 0}});
  }
};

void serve(Server& server, const std::string& line, LineOutput& output) {
  const json object = json::parse(line, nullptr, false);
  std::uint64_t id = 0;
  if (const auto member = object.is_object() ? object.find("id") : object.end();
      object.is_object() && member != object.end() && member->is_number_unsigned()) {
    id = member->get<std::uint64_t>();
  }
  Answer answer(output, id);
  const auto request = request_from_json(object);
  if (!request) {
    answer.error({request.failure().text, 0, false});
    return;
  }
  try {
    std::visit([&](const auto& body) { server(body, answer); }, request->body);
  } catch (const HelperFault& fault) {
    answer.error(fault);
  } catch (const std::exception& problem) {
    answer.error({std::string("the helper failed: ") + problem.what(), 0, false});
  }
  server.database.end_transaction();
}

/// Keeps the standard output for answers: whatever libslurm or a plugin prints there goes to the log.
int own_output() {
  const int descriptor = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  if (descriptor < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
    std::cerr << "sluice-slurmdb: couldn't keep the standard output: " << std::strerror(errno) << '\n';
    _exit(1);
  }
  return descriptor;
}

int run(const char* slurm_conf_path) {
  // A service that was killed closes our input, but a call into libslurm may hang for
  // minutes before that is seen. This looks at the thread that started us: the service
  // starts a helper from the thread that uses it, which lives as long as it does.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  LineOutput output(own_output());
  slurm_init(slurm_conf_path);
  Server server;
  std::string line;
  while (std::getline(std::cin, line)) {
    if (!line.empty()) serve(server, line, output);
  }
  return 0;
}

}  // namespace
}  // namespace sluice::slurm

int main(int argc, char** argv) {
  constexpr const char* usage =
      "usage: sluice-slurmdb [--slurm-conf FILE]\n"
      "       sluice-slurmdb --check-plugin FILE LIBRARY\n"
      "Runs libslurm for sluiced: requests on the standard input, answers on the standard output.\n"
      "With --check-plugin, says whether FILE can be loaded beside LIBRARY, Slurm's libslurmfull.so.\n";
  if (argc == 2 && (std::strcmp(argv[1], "-h") == 0 || std::strcmp(argv[1], "--help") == 0)) {
    std::cout << usage;
    return 0;
  }
  if (argc == 4 && std::strcmp(argv[1], "--check-plugin") == 0) return sluice::slurm::check_plugin(argv[2], argv[3]);
  if (argc == 3 && std::strcmp(argv[1], "--slurm-conf") == 0) return sluice::slurm::run(argv[2]);
  if (argc != 1) {
    std::cerr << usage;
    return 2;
  }
  return sluice::slurm::run(nullptr);
}
