// SPDX-License-Identifier: Apache-2.0
//
// For tests/cluster: the service's side of the line protocol on real Slurm. Usage:
// slurm_ask HELPER TIMEOUT_MS, then one command per line of the standard input:
//   finished CLUSTER FROM TO | by_id CLUSTER JOBID... | live CLUSTER... |
//   inventory CLUSTER | diagnosis CLUSTER | tag CLUSTER JOBID STATE SUBMIT END TEXT
// Each answers one line: "ok COUNT MILLISECONDS" or "KIND CODE MILLISECONDS TEXT".

#include <chrono>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "accounting/slurm/child_reader.hpp"
#include "accounting/slurm/codec.hpp"

namespace {

using sluice::Failure;
using sluice::Result;
namespace slurm = sluice::slurm;

Result<std::size_t> count_of(Result<std::vector<slurm::UsageRecord>> records) {
  if (!records) return records.failure();
  return records->size();
}

Result<std::size_t> live(slurm::Reader& reader, std::istream& words) {
  std::vector<std::string> clusters;
  for (std::string cluster; words >> cluster;) clusters.push_back(cluster);
  const auto answer = reader.live(clusters);
  if (!answer) return answer.failure();
  std::size_t reached = 0;
  for (const auto& cluster : *answer) {
    if (cluster.ok) ++reached;
    if (!cluster.ok) std::cerr << cluster.cluster << ": " << cluster.problem << '\n';
  }
  return reached;
}

Result<std::size_t> tag(slurm::Reader& reader, std::istream& words) {
  slurm::TagRequest request;
  words >> request.cluster >> request.job_id >> request.state_number >> request.submit >> request.end >> std::ws;
  std::getline(words, request.text);
  const auto answer = reader.tag(request);
  if (!answer) return answer.failure();
  return *answer ? 1 : 0;
}

Result<std::size_t> obey(slurm::Reader& reader, const std::string& line) {
  std::istringstream words(line);
  std::string verb, cluster;
  words >> verb;
  if (verb == "live") return live(reader, words);
  if (verb == "tag") return tag(reader, words);
  words >> cluster;
  if (verb == "inventory") {
    const auto answer = reader.inventory(cluster);
    if (!answer) return answer.failure();
    return answer->nodes.size();
  }
  if (verb == "diagnosis") {
    const auto answer = reader.diagnosis(cluster);
    if (!answer) return answer.failure();
    std::cerr << slurm::to_json(*answer) << '\n';
    return 1;
  }
  if (verb == "by_id") {
    std::vector<std::uint32_t> ids;
    for (std::uint32_t id = 0; words >> id;) ids.push_back(id);
    return count_of(reader.by_id(cluster, ids));
  }
  sluice::UnixTime from = 0, to = 0;
  if (verb != "finished" || !(words >> from >> to)) return sluice::refusal("usage", "couldn't read: " + line);
  return count_of(reader.finished({cluster}, from, to));
}

const char* name_of(Failure::Kind kind) {
  switch (kind) {
    case Failure::Kind::refusal:
      return "refusal";
    case Failure::Kind::fault:
      return "fault";
    case Failure::Kind::unreachable:
      return "unreachable";
  }
  return "?";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: slurm_ask HELPER TIMEOUT_MS < COMMANDS\n";
    return 2;
  }
  slurm::ChildReaderOptions options;
  options.command = {argv[1]};
  options.call_timeout = options.tag_timeout = std::chrono::milliseconds(std::stol(argv[2]));
  options.live_timeout = options.call_timeout / 2;
  options.log = [](const std::string& line) { std::cerr << line << '\n'; };
  slurm::ChildReader reader(options);
  for (std::string line; std::getline(std::cin, line);) {
    const auto begun = std::chrono::steady_clock::now();
    const auto answer = obey(reader, line);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
    if (answer) {
      std::cout << "ok " << *answer << ' ' << took.count() << std::endl;
    } else {
      const auto& failure = answer.failure();
      std::cout << name_of(failure.kind) << ' ' << failure.code << ' ' << took.count() << ' ' << failure.text
                << std::endl;
    }
  }
  return 0;
}
