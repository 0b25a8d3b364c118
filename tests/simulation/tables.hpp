// SPDX-License-Identifier: Apache-2.0
//
// Tables: what lies in the simulated database, under the rules of LEDGER.md that the
// real one enforces by its schema. A rule that is broken ends the simulation: the
// service would be stuck with a batch that no database takes.
//
// Copies share their rows.

#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "accounting/ledger/storage/storage.hpp"

namespace sluice::simulation {

struct Tables {
  template <typename Row>
  using Shared = std::shared_ptr<const Row>;

  struct Sums {
    std::int64_t debits = 0;
    std::int64_t credits = 0;
    std::int64_t debits_pending = 0;
    std::int64_t credits_pending = 0;
  };

  std::map<ledger::AccountRef, Sums> accounts;
  std::map<std::string, ledger::Lien> liens;
  std::vector<Shared<ledger::Event>> events;
  std::set<std::string> event_ids;
  std::map<std::pair<std::string, std::string>, Shared<ledger::Object>> objects;  ///< by kind and id
  std::map<std::string, Shared<ledger::Document>> documents;
  std::map<std::string, Shared<ledger::AdmissionRow>> admissions;
  std::map<std::string, Shared<ledger::ChargeRow>> charges;

  void write(const Shared<ledger::Batch>& batch);
  void write(const Shared<ledger::NewAdmission>& admission);

 private:
  void post(const Shared<ledger::Event>& event);
  void post(const ledger::Transfer& transfer);
  void put(const Shared<ledger::AdmissionRow>& row);
  void put(const Shared<ledger::ChargeRow>& row);
};

}  // namespace sluice::simulation
