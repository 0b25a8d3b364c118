// SPDX-License-Identifier: Apache-2.0
//
// Admissions that were answered and wait to be brought into the database: a file that
// only grows, so that slurmctld waits for one small write instead of a transaction.
// What is appended survives the death of this process; the disk is the database's
// business. Format: accounting/ledger/LEDGER.md, "The log of admissions".
//
// Not for several threads at once.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "accounting/core/result.hpp"
#include "accounting/ledger/storage/storage.hpp"

namespace sluice::ledger {

class AdmissionLog {
 public:
  /// Opens the file, or makes it for its owner alone.
  [[nodiscard]] static Result<AdmissionLog> open(const std::string& file);
  AdmissionLog(AdmissionLog&& other) noexcept;
  AdmissionLog& operator=(AdmissionLog&&) = delete;
  ~AdmissionLog();

  /// All of them or none; where it fails the file is as it was.
  [[nodiscard]] Result<void> append(std::span<const NewAdmission* const> admissions);

  /// Up to the first record that is torn: nobody was answered for that one.
  [[nodiscard]] Result<std::vector<NewAdmission>> read() const;

  [[nodiscard]] Result<void> clear();
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  AdmissionLog(std::string file, int fd, std::uint64_t bytes) : file_(std::move(file)), fd_(fd), bytes_(bytes) {}

  std::string file_;
  int fd_;
  std::uint64_t bytes_;  ///< of whole records
  bool torn_ = false;    ///< something lies beyond them
};

}  // namespace sluice::ledger
