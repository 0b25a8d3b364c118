// SPDX-License-Identifier: Apache-2.0
//
// A home service's books for benchmarks: SQLite on a real disk, prices, vouchers with more
// than anybody uses, and a cluster of a hundred nodes. Without a socket, Slurm or another thread.
//
// The ledger lies in a fresh folder below SLUICE_BENCH_DIR (/var/tmp) and goes with the
// object. What a benchmark can't use it throws.

#pragma once

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include "accounting/ledger/storage/storage.hpp"
#include "accounting/service/books.hpp"

namespace sluice::bench {

inline constexpr UnixTime now = 1'780'000'000;  // in 2026
inline constexpr const char* cluster_name = "cq";
inline constexpr const char* account_name = "astro";
inline constexpr const char* partition_name = "super";

template <typename T>
T need(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.failure().text);
  return std::move(*result);
}

inline void need(const Result<void>& result) {
  if (!result.ok()) throw std::runtime_error(result.failure().text);
}

/// Vouchers are numbered from 1.
[[nodiscard]] std::string voucher_id(int number);

/// The text of a submission of one processor for ten minutes; without a voucher where it is empty.
[[nodiscard]] std::string request_text(const std::string& voucher);

class BenchBooks {
 public:
  explicit BenchBooks(int vouchers);
  ~BenchBooks();
  BenchBooks(const BenchBooks&) = delete;
  BenchBooks& operator=(const BenchBooks&) = delete;

  service::Books& books() { return *books_; }
  service::SlurmFacts& facts() { return facts_; }
  ledger::Storage& storage() { return *storage_; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

  /// A submission that is let in, or it throws.
  [[nodiscard]] service::Answer admit(const std::string& text, UnixTime at = now);

 private:
  std::filesystem::path folder_;
  std::unique_ptr<ledger::Storage> storage_;
  std::unique_ptr<service::Books> books_;
  service::SlurmFacts facts_;
};

}  // namespace sluice::bench
