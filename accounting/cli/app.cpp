// SPDX-License-Identifier: Apache-2.0
//
// See app.hpp.

#include "accounting/cli/app.hpp"

#include <algorithm>
#include <exception>
#include <iterator>

#include "accounting/cli/check_arguments.hpp"
#include "accounting/cli/verbs.hpp"
#include "accounting/report/text.hpp"

namespace sluice::cli {
namespace {

constexpr Verb all_verbs[] = {
    {"balance", "Show what your accounts and vouchers hold", run_balance},
    {"quote", "Price a job without submitting it", run_quote},
    {"explain", "Show what a job was charged, and why", run_explain},
    {"statement", "List the charges of jobs that ended in a period", run_statement},
    {"refund", "Give back a job's charge or a part of it", run_refund},
    {"programme create", "Propose a voucher programme", run_programme_create},
    {"programme show", "Show one voucher programme", run_programme_show},
    {"programme list", "List the voucher programmes", run_programme_list},
    {"programme fund", "Propose funds for a programme", run_programme_fund},
    {"voucher issue", "Propose a voucher", run_voucher_issue},
    {"voucher show", "Show one voucher", run_voucher_show},
    {"voucher list", "List vouchers", run_voucher_list},
    {"voucher suspend", "Stop a voucher from paying for new jobs", run_voucher_suspend},
    {"voucher resume", "Let a suspended voucher pay again", run_voucher_resume},
    {"voucher revoke", "Propose to end a voucher for good", run_voucher_revoke},
    {"approve", "Decide on another person's proposal, or list proposals", run_approve},
    {"ledger verify", "Check the whole ledger", run_ledger_verify},
    {"doctor", "Check the service and this host's set-up", run_doctor},
    {"version", "Show this program's version", run_version},
};

struct Words {
  std::string verb;
  std::string form;  ///< empty where the verb has one form only
};

Words words_of(const Verb& verb) {
  const std::string name = verb.name;
  const std::size_t space = name.find(' ');
  if (space == std::string::npos) return {name, ""};
  return {name.substr(0, space), name.substr(space + 1)};
}

bool is_help(const std::string& argument) { return argument == "-h" || argument == "--help"; }

void print_help(std::ostream& out, const std::string& only_verb) {
  out << "Usage: sluice " << (only_verb.empty() ? "VERB" : only_verb + " FORM") << " [OPTIONS] ...\n\n"
      << (only_verb.empty() ? "Accounting of Slurm jobs that compute vouchers pay for.\n\nVerbs:\n" : "Forms:\n");
  for (const Verb& verb : all_verbs) {
    const Words words = words_of(verb);
    if (!only_verb.empty() && words.verb != only_verb) continue;
    out << "  " << report::padded(only_verb.empty() ? verb.name : words.form, 18, false) << verb.summary << '\n';
  }
  const std::string name = only_verb.empty() ? "VERB" : only_verb + " FORM";
  out << "\nOptions:\n  -h,--help         Show this help and exit\n";
  if (only_verb.empty()) out << "  -V,--version      Show this program's version and exit\n";
  out << "\n`sluice " << name << " --help` shows the options of " << (only_verb.empty() ? "a verb" : "a form")
      << "; sluice(1) says more.\n";
}

std::string unknown(const std::string& kind, const std::string& typed, const std::vector<std::string>& known) {
  const std::string near = nearest(typed, known);
  return "'" + report::printable(typed.substr(0, 40)) + "' is not a " + kind +
         (near.empty() ? "" : ", did you mean '" + near + "'?");
}

/// The verb that the arguments begin with, or nullptr once help is printed.
/// Throws CommandFailure, having set `named` to as much of a verb's name as was right.
const Verb* find_verb(const std::vector<std::string>& arguments, std::ostream& out, std::string& named) {
  if (arguments.empty()) throw usage_failure("the verb is missing", "run `sluice --help`");
  if (is_help(arguments[0])) {
    print_help(out, "");
    return nullptr;
  }
  const std::string typed = arguments[0] == "-V" || arguments[0] == "--version" ? "version" : arguments[0];
  std::vector<std::string> verb_words;
  std::vector<std::string> forms;
  for (const Verb& verb : all_verbs) {
    const Words words = words_of(verb);
    if (verb_words.empty() || verb_words.back() != words.verb) verb_words.push_back(words.verb);
    if (words.verb != typed) continue;
    if (words.form.empty()) return &verb;
    forms.push_back(words.form);
    if (arguments.size() > 1 && words.form == arguments[1]) return &verb;
  }
  if (forms.empty()) throw usage_failure(unknown("verb", typed, verb_words), "run `sluice --help`");
  named = typed;
  if (arguments.size() > 1 && is_help(arguments[1])) {
    print_help(out, typed);
    return nullptr;
  }
  std::string choice;
  for (const std::string& form : forms) choice += (choice.empty() ? "" : ", ") + form;
  throw usage_failure(arguments.size() > 1 ? unknown("form of " + typed, arguments[1], forms) : "a form is missing",
                      "choose among " + choice);
}

int fail(World& world, const std::string& verb, const CommandFailure& failure) {
  std::string next = failure.next;
  if (next.empty() && failure.exit == Exit::usage && failure.why.find("; ") == std::string::npos) {
    next = "see `sluice " + (verb.empty() ? "" : verb + " ") + "--help`";
  }
  world.err << "sluice: " << (verb.empty() ? "" : verb + ": ") << "couldn't " << report::printable(failure.what) << ": "
            << report::printable(failure.why) << (next.empty() ? "" : "; " + report::printable(next)) << '\n';
  return static_cast<int>(failure.exit);
}

}  // namespace

std::span<const Verb> verbs() { return all_verbs; }

int run(const std::vector<std::string>& arguments, World& world) {
  std::string named;
  try {
    const Verb* verb = find_verb(arguments, world.out, named);
    if (verb == nullptr) return static_cast<int>(Exit::done);
    named = verb->name;
    const std::ptrdiff_t words = words_of(*verb).form.empty() ? 1 : 2;
    Invocation call{named, verb->summary, {arguments.begin() + words, arguments.end()}, world};
    const Exit exit = verb->run(call);
    world.out.flush();
    if (world.out) return static_cast<int>(exit);
    return fail(world, named,
                {Exit::refused, "write the answer", "standard output takes no more", "look at where it goes"});
  } catch (const HelpShown&) {
    return static_cast<int>(Exit::done);
  } catch (const CommandFailure& failure) {
    return fail(world, named, failure);
  } catch (const std::exception& problem) {
    return fail(world, named, {Exit::refused, "finish", problem.what(), "report this to the administrator"});
  }
}

}  // namespace sluice::cli
