// SPDX-License-Identifier: Apache-2.0
//
// The helper's side of an answer: rows as they come, then one closing line. One at a time.

#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "accounting/slurm/child/fault.hpp"

namespace sluice::slurm {

/// Collects lines and writes them to a descriptor. A reader that is gone ends the process.
class LineOutput {
 public:
  explicit LineOutput(int descriptor) : descriptor_(descriptor) {}
  void add(std::string_view line);
  void flush();

 private:
  int descriptor_;
  std::string pending_;
};

class Answer {
 public:
  Answer(LineOutput& output, std::uint64_t id) : output_(output), id_(id) {}

  void row(nlohmann::json row);
  /// A whole row line that another process has made, newline included.
  void relay(std::string_view line);
  /// Closes the answer; `more` are members beside "done" and "rows".
  void done(nlohmann::json more = nlohmann::json::object());
  void error(const HelperFault& fault);

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] std::size_t rows() const { return rows_; }

 private:
  LineOutput& output_;
  std::uint64_t id_;
  std::size_t rows_ = 0;
};

}  // namespace sluice::slurm
