// SPDX-License-Identifier: Apache-2.0
//
// In sbatch, salloc and srun: options, their defaults from the environment, and the
// nonce that ties all calls of one submission. In slurmstepd: the same choices in
// the tasks' environment. One thread; the state lives from init to exit.
//
// Who wins: the command line, then #SBATCH lines, then SLUICE_* variables. Inside a
// job those variables hold the job's own choices, so that a nested sbatch is paid
// by the same voucher unless it says otherwise.

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "plugins/slurm_abi/guard.hpp"
#include "plugins/slurm_abi/log.hpp"
#include "plugins/slurm_abi/spank_handle.hpp"
#include "plugins/spank/hooks.h"
#include "plugins/spank/options.hpp"

namespace sluice::spank {

namespace {

using slurm_abi::guard;
using slurm_abi::log_error;
using slurm_abi::SpankContext;
using slurm_abi::SpankHandle;

constexpr std::size_t options_max = 16;
constexpr const char* nonce_name = "SLUICE_NONCE";
constexpr int failed = -1;

struct State {
  SpankContext context = SpankContext::other;
  std::array<std::optional<std::string>, options_max> chosen;  // index as in option_rules()
  std::array<bool, options_max> bad_default{};
  std::string nonce;  // one per submission, whatever its number of components
};

State* state = nullptr;

bool in_allocation() { return std::getenv("SLURM_JOB_ID") != nullptr; }

/// Where a submission is made, as opposed to a step of an allocation that exists.
bool submits() {
  return state->context == SpankContext::allocator || (state->context == SpankContext::srun && !in_allocation());
}

std::string slurm_default_name(const OptionRule& rule) { return "SLURM_SPANK_" + travel_name(rule.name); }

/// Slurm leaves a job's options in the job's environment and lets them win over
/// #SBATCH lines in a nested sbatch, which would be paid by the outer job's voucher.
void drop_inherited() {
  for (const OptionRule& rule : option_rules()) {
    unsetenv(slurm_default_name(rule).c_str());
    unsetenv(travel_name(rule.name).c_str());
  }
}

/// A default that is wrong must stop the submission, but after the options are
/// parsed Slurm ignores what an optional plugin returns. So it is handed to Slurm as
/// if Slurm had kept it itself: Slurm then calls our callback, and heeds its answer.
/// It stops the command even where an option would have won.
void expose_bad_defaults() {
  const auto rules = option_rules();
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const char* value = std::getenv(rules[i].environment);
    if (value == nullptr || *value == '\0' || !check_option(rules[i], value)) continue;
    state->bad_default[i] = true;
    setenv(slurm_default_name(rules[i]).c_str(), value, 1);
  }
}

int take_option(int number, const char* argument, int remote) {
  const auto rules = option_rules();
  if (state == nullptr || number < 0 || static_cast<std::size_t>(number) >= rules.size()) return 0;
  const auto index = static_cast<std::size_t>(number);
  const OptionRule& rule = rules[index];
  const std::string value = argument != nullptr ? argument : "";
  if (const auto problem = check_option(rule, value)) {
    if (remote != 0) return 0;  // the command has refused it; here it could only fill a node's log
    const char* fallback = std::getenv(rule.environment);
    const bool from_environment = state->bad_default[index] && fallback != nullptr && value == fallback;
    log_error("sluice: %s%s: %s", from_environment ? "" : "--", from_environment ? rule.environment : rule.name, problem->c_str());
    return failed;
  }
  state->chosen[index] = value;
  return 0;
}

void make_nonce() {
  std::array<unsigned char, 16> bytes{};
  if (getrandom(bytes.data(), bytes.size(), GRND_NONBLOCK) != static_cast<ssize_t>(bytes.size())) {
    log_error("sluice: couldn't make a nonce: %s; the job is matched without", std::strerror(errno));
    return;
  }
  constexpr const char* digits = "0123456789abcdef";
  for (const unsigned char byte : bytes) {
    state->nonce += digits[byte >> 4U];
    state->nonce += digits[byte & 0xFU];
  }
}

/// Puts `value` where Slurm puts an option: into the job's SPANK environment for
/// slurmctld, and into ours for slurmstepd.
void send(SpankHandle& spank, const std::string& name, const std::string& value) {
  if (!spank.set_job_control(name.c_str(), value)) log_error("sluice: couldn't hand %s to slurmctld", name.c_str());
  setenv(name.c_str(), value.c_str(), 1);
}

void send_default(SpankHandle& spank, const OptionRule& rule) {
  const char* value = std::getenv(rule.environment);
  if (value != nullptr && *value != '\0' && !check_option(rule, value)) send(spank, travel_name(rule.name), value);
}

void send_quote_format(SpankHandle& spank) {
  const char* value = std::getenv("SLUICE_QUOTE");
  if (value == nullptr || *value == '\0') return;
  if (const auto problem = check_quote_format(value)) {
    log_error("sluice: SLUICE_QUOTE: %s; a quote is shown as text", problem->c_str());
    return;
  }
  (void)spank.set_job_control(travel_name("quote-format").c_str(), value);
}

int after_options_in_command(SpankHandle& spank) {
  const auto rules = option_rules();
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (state->chosen[i]) {
      setenv(rules[i].environment, state->chosen[i]->c_str(), 1);  // before the command copies its environment
    } else if (submits()) {
      send_default(spank, rules[i]);
    }
  }
  if (!submits()) return 0;
  send_quote_format(spank);
  if (state->nonce.empty()) make_nonce();
  if (!state->nonce.empty() && !spank.set_job_control(nonce_name, state->nonce)) {
    log_error("sluice: couldn't hand the nonce to slurmctld; the job is matched without");
  }
  return 0;
}

/// What the command has put into its own environment is lost with --export=NONE;
/// what Slurm keeps under SLURM_* is not.
int after_options_in_step(SpankHandle& spank) {
  const auto rules = option_rules();
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (spank.task_environment(rules[i].environment)) continue;
    auto value = state->chosen[i];
    if (!value) value = spank.task_environment(slurm_default_name(rules[i]).c_str());
    if (value && !check_option(rules[i], *value)) (void)spank.set_task_environment(rules[i].environment, *value);
  }
  return 0;
}

int callback(int number, const char* argument, int remote) {
  return guard("option", failed, [&] { return take_option(number, argument, remote); });
}

int start(SpankHandle spank) {
  if (state == nullptr) state = new State;
  state->context = SpankHandle::context();
  const auto rules = option_rules();
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const slurm_abi::SpankOption option{rules[i].name, rules[i].argument, rules[i].usage, static_cast<int>(i)};
    if (!spank.register_option(option, callback)) log_error("sluice: couldn't register --%s", rules[i].name);
  }
  if (state->context == SpankContext::allocator) drop_inherited();
  if (submits()) expose_bad_defaults();
  return 0;
}

int after_options(SpankHandle spank) {
  if (state == nullptr) return 0;
  switch (state->context) {
    case SpankContext::allocator:
    case SpankContext::srun: return after_options_in_command(spank);
    case SpankContext::step: return after_options_in_step(spank);
    case SpankContext::other: return 0;
  }
  return 0;
}

int end() {
  delete state;
  state = nullptr;
  return 0;
}

}  // namespace

}  // namespace sluice::spank

using namespace sluice;
using slurm_abi::guard;
using slurm_abi::SpankHandle;

// Failures of ours never stop a step: what a step needs of us was checked at submission.
extern "C" int sluice_spank_init(void* handle) {
  return guard("init", 0, [handle] { return spank::start(SpankHandle(handle)); });
}

extern "C" int sluice_spank_init_post_opt(void* handle) {
  return guard("init_post_opt", 0, [handle] { return spank::after_options(SpankHandle(handle)); });
}

extern "C" int sluice_spank_exit(void*) {
  return guard("exit", 0, [] { return spank::end(); });
}
