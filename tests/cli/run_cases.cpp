// SPDX-License-Identifier: Apache-2.0
//
// Goal: a command's exact output and exit status, with a service that answers what the
// case says. Method: each file of cases/ is a conversation; the real program is run
// against a private munged and a socket of the test's own.
//
// A case's lines, in order, for each command (what a command has not, is left out):
//   # comment
//   file NAME            then "f| TEXT" lines: a file in the folder where commands run
//   sbatch STATUS        then "e| TEXT" lines: what a stand-in for sbatch says and returns
//   env NAME=VALUE       holds from here on
//   $ sluice WORDS       the command, as a shell reads it
//   > METHOD TARGET      the request that it must make
//   > {...}              its body without request_id
//   > new id | same id   request_id is another than, or the same as, the last one
//   < STATUS {...}       the answer; "< drop" and "< hang" give none
//   a| TEXT              the arguments that sbatch must be given
//   = STATUS             exit status
//   1| TEXT              a line of stdout; "1~ TEXT" is a line that must be among them
//   2| TEXT              a line of stderr
// SERVER and DIR stand for the server's address and the folder where commands run,
// REQ-ID and "since TIME" for a made id and its time. A line "needs munged" starts it
// for a case without answers. A file with any other line fails.
//
// run_cases PROGRAM FILE compares; run_cases --update PROGRAM FILE rewrites the
// = 1| 2| lines, to be read before they are committed. Status 77 means skipped.

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "accounting/cli/subprocess.hpp"
#include "fake_service.hpp"

namespace {

using nlohmann::json;
using sluice::test::FakeService;
using sluice::test::PrivateMunged;

constexpr int skipped = 77;

struct Step {
  std::vector<std::string> given;  ///< the lines up to the outcome, as they stand
  std::string command;
  std::string request, body, id_rule;
  std::vector<std::string> replies;
  std::string sbatch_arguments;
  std::string status;
  std::vector<std::string> out, err, among;
};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  if (!text.empty() && text.back() != '\n') lines.back() += "<no newline>";
  return lines;
}

class Case {
 public:
  Case(std::string program, std::string file) : program_(std::move(program)), file_(std::move(file)) {}
  int run(bool update);

 private:
  std::vector<std::string> read();
  void check_form(const std::vector<std::string>& lines);
  void prepare(const std::vector<std::string>& lines);
  bool run_step(Step& step, bool update, std::ostream& updated);
  void check_request(const Step& step);
  void complain(const Step& step, const std::string& what);
  [[nodiscard]] std::string neutral(std::string text) const;

  std::string program_, file_, folder_;
  std::vector<std::pair<std::string, std::string>> environment_;
  std::unique_ptr<PrivateMunged> munged_;
  std::unique_ptr<FakeService> service_;
  std::string last_id_;
  int failures_ = 0;
};

std::string Case::neutral(std::string text) const {
  if (service_) text = replaced(std::move(text), "127.0.0.1:" + std::to_string(service_->port()), "SERVER");
  // What differs from run to run: made ids and the clock.
  text = std::regex_replace(text, std::regex("REQ-[0-9A-Z]{26}"), "REQ-ID");
  text = std::regex_replace(text, std::regex("since 20[0-9T:-]{17}Z"), "since TIME");
  text = std::regex_replace(text, std::regex("after [0-9]+ (ms|milliseconds)"), "after N $1");
  return replaced(std::move(text), folder_, "DIR");
}

void Case::complain(const Step& step, const std::string& what) {
  ++failures_;
  std::cerr << file_ << ": $ " << step.command << "\n  " << what << "\n";
}

std::vector<std::string> Case::read() {
  std::ifstream stream(file_);
  if (!stream) {
    std::cerr << "run_cases: couldn't read " << file_ << "\n";
    std::exit(2);
  }
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// A line that nothing reads would be a check that nobody makes.
void Case::check_form(const std::vector<std::string>& lines) {
  static const std::regex known("(#.*)?|needs munged|(file|sbatch|env) .+|[fea]\\| .*|\\$ .+|[<>] .+|= [0-9]+|[12]\\|( .*)?|1~ .+");
  enum class After { given, command, outcome, gap } after = After::gap;
  std::size_t number = 0;
  const auto complain_of = [&](const std::string& what) {
    ++failures_;
    std::cerr << file_ << ":" << number << ": " << what << "\n";
  };
  for (const std::string& line : lines) {
    ++number;
    if (!std::regex_match(line, known)) complain_of("'" + line + "' is no line of a case");
    const char first = line.empty() ? '#' : line[0];
    if (first == '$') {
      if (after == After::command) complain_of("the command before has no '= STATUS'");
      after = After::command;
    } else if (first == '=') {
      if (after != After::command) complain_of("there is no command that this could be the status of");
      after = After::outcome;
    } else if (first == '1' || first == '2') {
      if (after != After::outcome) complain_of("output must follow '= STATUS'");
    } else if (first == '#') {
      if (after == After::command) complain_of("the command has no '= STATUS'");
      if (after != After::given) after = After::gap;
    } else if (after != After::command) {
      after = After::given;
    }
  }
  if (after == After::given) complain_of("the last lines belong to no command");
  if (after == After::command) complain_of("the last command has no '= STATUS'");
}

/// Files, the stand-in for sbatch and the environment that `lines` ask for.
void Case::prepare(const std::vector<std::string>& lines) {
  std::ofstream file;
  for (const std::string& line : lines) {
    if (line.rfind("file ", 0) == 0) file = std::ofstream(folder_ + "/" + line.substr(5));
    if (line.rfind("f| ", 0) == 0) file << replaced(line.substr(3), "DIR", folder_) << "\n";
    if (line.rfind("sbatch ", 0) == 0) {
      const std::string stand_in = folder_ + "/bin/sbatch";
      std::ofstream(folder_ + "/said").close();
      std::ofstream script(stand_in);
      script << "#!/bin/sh\nprintf '%s ' \"SLUICE_QUOTE=$SLUICE_QUOTE\" \"$@\" >" << folder_ << "/arguments\ncat "
             << folder_ << "/said >&2\nexit " << line.substr(7) << "\n";
      script.close();
      ::chmod(stand_in.c_str(), 0755);
    }
    if (line.rfind("e| ", 0) == 0) std::ofstream(folder_ + "/said", std::ios::app) << line.substr(3) << "\n";
    if (line.rfind("env ", 0) == 0) {
      const std::size_t equals = line.find('=');
      environment_.emplace_back(line.substr(4, equals - 4), replaced(line.substr(equals + 1), "DIR", folder_));
    }
  }
}

void Case::check_request(const Step& step) {
  const auto seen = service_ ? service_->take_seen() : std::vector<sluice::test::Seen>{};
  if (seen.size() != (step.request.empty() ? 0u : 1u)) {
    complain(step, "made " + std::to_string(seen.size()) + " requests");
    return;
  }
  if (seen.empty()) return;
  if (!seen[0].problem.empty()) complain(step, seen[0].problem);
  const std::string request = seen[0].method + " " + seen[0].target;
  if (request != step.request) complain(step, "asked " + request);
  json body = json::parse(seen[0].body, nullptr, false);
  if (seen[0].method == "GET") {
    if (!seen[0].body.empty()) complain(step, "sent a body with a GET");
    return;
  }
  const std::string id = body.value("request_id", "");
  body.erase("request_id");
  if (id.size() < 8) complain(step, "sent no request_id");
  if (step.id_rule == "same id" && id != last_id_) complain(step, "sent another request_id");
  if (step.id_rule == "new id" && id == last_id_) complain(step, "sent the same request_id");
  last_id_ = id;
  if (!step.body.empty() && body != json::parse(step.body, nullptr, false)) complain(step, "sent " + body.dump());
}

bool Case::run_step(Step& step, bool update, std::ostream& updated) {
  prepare(step.given);
  for (const std::string& reply : step.replies) service_->expect({reply});
  const std::string shell = "cd " + folder_ + " && " + replaced(step.command, "DIR", folder_);
  const auto finished = sluice::cli::run_command({{"/bin/sh", "-c", shell}, environment_});
  if (!finished) {
    complain(step, finished.failure().text);
    return false;
  }
  check_request(step);
  if (!step.sbatch_arguments.empty()) {
    std::ifstream stream(folder_ + "/arguments");
    std::string arguments;
    std::getline(stream, arguments);
    if (arguments != step.sbatch_arguments + " ") complain(step, "gave sbatch: " + arguments);
  }
  const auto out = lines_of(neutral(finished->out));
  const auto err = lines_of(neutral(finished->err));
  for (const std::string& wanted : step.among) {
    if (std::find(out.begin(), out.end(), wanted) == out.end()) complain(step, "stdout lacks: " + wanted);
  }
  if (update) {
    for (const std::string& line : step.given) updated << line << "\n";
    updated << "= " << finished->status << "\n";
    for (const std::string& wanted : step.among) updated << "1~ " << wanted << "\n";
    if (step.among.empty()) {
      for (const std::string& line : out) updated << (line.empty() ? "1|" : "1| " + line) << "\n";
    }
    for (const std::string& line : err) updated << (line.empty() ? "2|" : "2| " + line) << "\n";
    updated << "\n";
    return true;
  }
  if (std::to_string(finished->status) != step.status) complain(step, "ended with " + std::to_string(finished->status));
  if (step.among.empty() && out != step.out) complain(step, "stdout:\n" + neutral(finished->out));
  if (err != step.err) complain(step, "stderr:\n" + neutral(finished->err));
  return true;
}

int Case::run(bool update) {
  const auto lines = read();
  if (!update) check_form(lines);
  if (failures_ > 0) return 1;
  std::string name = (std::filesystem::temp_directory_path() / "sluice-cli-XXXXXX").string();
  folder_ = ::mkdtemp(name.data());
  ::chmod(folder_.c_str(), 0755);  // munged wants its socket reachable
  std::filesystem::create_directory(folder_ + "/bin");
  std::filesystem::create_symlink(program_, folder_ + "/bin/sluice");
  const bool asks = std::any_of(lines.begin(), lines.end(),
                                [](const std::string& line) { return line[0] == '<' || line == "needs munged"; });
  int status = 0;
  if (asks) {
    munged_ = std::make_unique<PrivateMunged>(folder_);
    if (!munged_->problem().empty()) {
      std::cerr << "run_cases: skipped: " << munged_->problem() << "\n";
      status = skipped;
    } else {
      service_ = std::make_unique<FakeService>(munged_->socket());
    }
  }
  const passwd* self = ::getpwuid(::getuid());
  std::ofstream(folder_ + "/client.conf")
      << "server = 127.0.0.1:" << (service_ ? service_->port() : 1) << "\nservice_user = " << (self ? self->pw_name : "root")
      << "\nmunge_socket = " << folder_ << "/munge.socket\ntimeout_seconds = 2\n";
  environment_ = {{"PATH", folder_ + "/bin:/usr/bin:/bin"}, {"SLUICE_CLIENT_CONF", folder_ + "/client.conf"},
                  {"XDG_STATE_HOME", folder_ + "/state"},   {"SLUICE_SERVER", ""},
                  {"SLURM_CONF", folder_ + "/slurm.conf"},  {"TZ", "UTC"}};
  std::ostringstream updated;
  Step step;
  const auto finish = [&] {
    if (step.command.empty()) return;
    run_step(step, update, updated);
    step = Step{};
  };
  bool in_outcome = false;
  for (const std::string& line : status == 0 ? lines : std::vector<std::string>{}) {
    const bool outcome = line[0] == '=' || (line[0] == '1' && line.size() > 1) || (line[0] == '2' && line.size() > 1);
    if ((in_outcome && !outcome) || line.empty()) finish();
    in_outcome = outcome;
    const std::size_t prefix = line.size() > 1 && line[1] != ' ' ? 3 : 2;
    const std::string rest = line.size() > prefix ? line.substr(prefix) : "";
    if (!outcome && !(line.empty() && step.given.empty())) step.given.push_back(line);
    if (line.rfind("$ ", 0) == 0) step.command = rest;
    if (line.rfind("> {", 0) == 0) step.body = rest;
    else if (line == "> new id" || line == "> same id") step.id_rule = rest;
    else if (line.rfind("> ", 0) == 0) step.request = rest;
    if (line.rfind("< ", 0) == 0) step.replies.push_back(rest);
    if (line.rfind("a| ", 0) == 0) step.sbatch_arguments = rest;
    if (line.rfind("= ", 0) == 0) step.status = rest;
    if (line.rfind("1~", 0) == 0) step.among.push_back(rest);
    if (line.rfind("1|", 0) == 0) step.out.push_back(rest);
    if (line.rfind("2|", 0) == 0) step.err.push_back(rest);
  }
  finish();
  service_.reset();
  munged_.reset();
  std::filesystem::remove_all(folder_);
  if (update && status == 0) std::ofstream(file_) << updated.str().substr(0, updated.str().size() - 1);
  return status != 0 ? status : failures_ > 0 ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  const bool update = !arguments.empty() && arguments[0] == "--update";
  if (update) arguments.erase(arguments.begin());
  if (arguments.size() != 2) {
    std::cerr << "usage: run_cases [--update] PROGRAM FILE\n";
    return 2;
  }
  return Case(arguments[0], arguments[1]).run(update);
}
