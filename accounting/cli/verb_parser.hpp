// SPDX-License-Identifier: Apache-2.0
//
// The command line of one verb: CLI11 with our manner of help, errors and output.

#pragma once

#include <CLI/CLI.hpp>
#include <span>
#include <string>
#include <vector>

#include "accounting/cli/invocation.hpp"
#include "accounting/report/fields.hpp"

namespace sluice::cli {

class VerbParser {
 public:
  explicit VerbParser(const Invocation& call);

  /// An operand, required.
  void add_operand(const char* name, std::string& value, const char* description);
  /// An option with a value, at most once; `placeholder` stands for the value in help.
  CLI::Option* add_option(const char* names, std::string& value, const char* placeholder, const char* description);
  /// An option whose lists add up.
  void add_list(const char* names, std::vector<std::string>& values, const char* placeholder, const char* description);
  CLI::Option* add_flag(const char* names, bool& value, const char* description);

  /// --json alone, or --json, --parsable2 and --format where there are `fields`.
  void add_json();
  void add_listing(std::span<const report::Field> fields);
  /// --request-id, of verbs that change something.
  void add_request_id();

  /// Throws CommandFailure (usage), or HelpShown once help is printed.
  void parse();

  [[nodiscard]] bool json() const { return json_; }
  [[nodiscard]] const std::string& request_id() const { return request_id_; }
  /// Whether the rows are wanted rather than the verb's own text.
  [[nodiscard]] bool wants_rows() const { return parsable_ || !format_.empty(); }
  /// The columns asked for, else the default ones.
  [[nodiscard]] report::Fields fields() const;
  /// The rows as --parsable2 or as a table.
  [[nodiscard]] std::string rows_text(const Json& rows) const;

 private:
  const Invocation& call_;
  CLI::App app_;
  std::span<const report::Field> fields_;
  bool json_ = false;
  bool parsable_ = false;
  std::string format_;
  std::string request_id_;
};

/// Prints `answer` as it came.
void print_json(World& world, const Answer& answer);

}  // namespace sluice::cli
