// SPDX-License-Identifier: Apache-2.0
//
// sluice programme: voucher programmes, shown and proposed.

#include "accounting/cli/check_arguments.hpp"
#include "accounting/cli/proposing.hpp"
#include "accounting/cli/verbs.hpp"
#include "accounting/core/yaml_reader.hpp"
#include "accounting/report/views.hpp"

namespace sluice::cli {
namespace {

constexpr std::size_t programme_bytes_max = 1u << 20;

/// The file's name without its folders: what messages of the service begin with.
std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// Lines and tabs are a YAML file's own; other control characters are refused.
void check_file_text(const std::string& file, std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\t' || c == '\r') c = ' ';
  }
  check_text(file, text);
}

}  // namespace

Exit run_programme_create(Invocation& call) {
  VerbParser parser(call);
  std::string file;
  parser.add_operand("FILE", file, "The programme in YAML");
  parser.add_request_id();
  parser.add_json();
  parser.parse();
  const auto text = load_text(file, programme_bytes_max);
  if (!text) throw CommandFailure{Exit::usage, "read the programme", text.failure().text, "check the file's name"};
  if (text->empty()) throw CommandFailure{Exit::usage, "read the programme", file + " is empty", "write the programme in it"};
  check_file_text(base_name(file), *text);

  const std::string what = "propose the programme in " + base_name(file);
  const Answer answer = call.session().post(
      {what, "/v1/programmes", Json{{"file", base_name(file)}, {"text", *text}}, parser.request_id()},
      call.world.clock().now);
  print_proposal(parser, call.world, what, answer);
  return Exit::done;
}

Exit run_programme_show(Invocation& call) {
  VerbParser parser(call);
  std::string id;
  parser.add_operand("ID", id, "The programme");
  parser.add_listing(report::programme_fields());
  parser.parse();
  check_id("ID", id);
  const Answer answer = call.session().get("show programme " + id, "/v1/programmes/" + id);
  if (parser.json()) {
    print_json(call.world, answer);
  } else if (parser.wants_rows()) {
    call.world.out << parser.rows_text(Json::array({answer.object}));
  } else {
    call.world.out << report::record_text(report::programme_fields(), answer.object);
  }
  return Exit::done;
}

Exit run_programme_list(Invocation& call) {
  VerbParser parser(call);
  parser.add_listing(report::programme_fields());
  parser.parse();
  const Answer answer = call.session().get("list the programmes", "/v1/programmes");
  if (parser.json()) {
    print_json(call.world, answer);
  } else {
    call.world.out << parser.rows_text(report::rows_at(answer.object, "programmes"));
  }
  return Exit::done;
}

Exit run_programme_fund(Invocation& call) {
  VerbParser parser(call);
  std::string id, amount, document;
  parser.add_operand("ID", id, "The programme");
  parser.add_option("--amount", amount, "YUAN", "What the issuer adds to the budget")->required();
  parser.add_option("--document", document, "NOTICE", "The issuer's notice, by its number")->required();
  parser.add_request_id();
  parser.add_json();
  parser.parse();
  check_id("ID", id);
  check_reason("--document", document);
  const Json body{{"amount", checked_amount("--amount", amount)}, {"document", document}};
  const std::string what = "propose funds for programme " + id;
  const Answer answer = call.session().post({what, "/v1/programmes/" + id + "/funds", body, parser.request_id()},
                                            call.world.clock().now);
  print_proposal(parser, call.world, what, answer);
  return Exit::done;
}

}  // namespace sluice::cli
