// SPDX-License-Identifier: Apache-2.0
//
// See verb_parser.hpp.

#include "accounting/cli/verb_parser.hpp"

#include <algorithm>

#include "accounting/cli/check_arguments.hpp"

namespace sluice::cli {
namespace {

/// CLI11's own sentence in our words, as one line without a full stop.
std::string reworded(const CLI::Error& error) {
  std::string text = error.what();
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (!text.empty() && (text.back() == '.' || text.back() == ' ')) text.pop_back();
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    const std::string option = text.substr(0, text.find(':'));
    if (text.find(" missing") != std::string::npos) return option + ": its value is missing";
    if (text.find("At Most 1") != std::string::npos) return option + ": it is given twice";
  }
  return text;
}

/// What nobody asked for, with the option that may have been meant.
CommandFailure unexpected(const CLI::App& app) {
  const std::vector<std::string> rest = app.remaining();
  auto found = std::find_if(rest.begin(), rest.end(), [](const std::string& one) { return one[0] == '-'; });
  if (found == rest.end()) found = rest.begin();
  const std::string typed = found->substr(0, found->find('='));
  std::vector<std::string> options;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
  }
  const std::string near = typed.rfind("--", 0) == 0 ? nearest(typed, options) : "";
  return usage_failure("'" + typed + "' is not expected here" + (near.empty() ? "" : ", did you mean '" + near + "'?"));
}

}  // namespace

VerbParser::VerbParser(const Invocation& call) : call_(call), app_(call.summary, "sluice " + call.verb) {
  app_.set_help_flag("-h,--help", "Show this help and exit");
  app_.get_formatter()->column_width(34);
  app_.get_formatter()->label("REQUIRED", "(required)");
}

void VerbParser::add_operand(const char* name, std::string& value, const char* description) {
  app_.add_option(name, value, description)->required()->type_name("");
}

CLI::Option* VerbParser::add_option(const char* names, std::string& value, const char* placeholder,
                                    const char* description) {
  return app_.add_option(names, value, description)->type_name(placeholder);
}

void VerbParser::add_list(const char* names, std::vector<std::string>& values, const char* placeholder,
                          const char* description) {
  app_.add_option(names, values, description)
      ->type_name(placeholder)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
}

CLI::Option* VerbParser::add_flag(const char* names, bool& value, const char* description) {
  return app_.add_flag(names, value, description);
}

void VerbParser::add_json() { add_flag("--json", json_, "Print the service's JSON"); }

void VerbParser::add_listing(std::span<const report::Field> fields) {
  fields_ = fields;
  add_json();
  add_flag("-P,--parsable2", parsable_, "Print fields with '|' between them, under a header");
  add_option("-o,--format", format_, "FIELD[,...]", "Print these fields only; 'all' for all");
  std::string names = "Fields:";
  std::size_t width = names.size();
  for (const report::Field& field : fields) {
    const std::size_t length = std::string_view(field.name).size() + 1;
    if (width + length > 78) {
      names += "\n       ";
      width = 7;
    }
    names += std::string(" ") + field.name;
    width += length;
  }
  app_.footer(names);
}

void VerbParser::add_request_id() {
  add_option("--request-id", request_id_, "ID", "Use this id, so that a repetition is not done twice");
}

void VerbParser::parse() {
  for (std::size_t i = 0; i < call_.arguments.size(); ++i) {
    check_text("argument " + std::to_string(i + 1), call_.arguments[i]);
  }
  try {
    // CLI11 takes the last first.
    std::vector<std::string> reversed(call_.arguments.rbegin(), call_.arguments.rend());
    app_.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    std::string help = app_.help();
    help.erase(help.find_last_not_of('\n') + 1);
    call_.world.out << help << '\n';
    throw HelpShown{};
  } catch (const CLI::ExtrasError&) {
    throw unexpected(app_);
  } catch (const CLI::Error& error) {
    throw usage_failure(reworded(error));
  }
  if (json_ && (parsable_ || !format_.empty())) {
    throw usage_failure("--json excludes --parsable2 and --format", "choose one of them");
  }
  if (!format_.empty()) static_cast<void>(fields());
  if (!request_id_.empty()) check_request_id("--request-id", request_id_);
}

report::Fields VerbParser::fields() const {
  if (format_.empty()) return report::default_fields(fields_);
  auto chosen = report::select_fields(fields_, format_);
  if (!chosen) throw usage_failure("--format: " + chosen.failure().text);
  return std::move(chosen).value();
}

std::string VerbParser::rows_text(const Json& rows) const {
  if (!parsable_) return report::table_text(fields(), rows);
  // Programs get every field unless they choose.
  return report::parsable_text(format_.empty() ? report::select_fields(fields_, "all").value() : fields(), rows);
}

void print_json(World& world, const Answer& answer) {
  world.out << answer.text;
  if (answer.text.empty() || answer.text.back() != '\n') world.out << '\n';
}

}  // namespace sluice::cli
