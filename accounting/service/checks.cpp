// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/checks.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>
#include <sstream>

namespace sluice::service {
namespace {

constexpr std::int64_t hour_seconds = 3600;
constexpr std::int64_t day_seconds = 86'400;
constexpr std::int64_t month_seconds = 30 * day_seconds;
// The collector reads so much again every night.
constexpr std::int64_t read_again_seconds = 35 * day_seconds;
constexpr std::int64_t skew_warn_seconds = 2;
constexpr std::int64_t skew_fail_seconds = 60;
// It comes every ten seconds, where there are submissions.
constexpr std::int64_t report_seconds = 60;
constexpr std::int64_t recent_seconds = day_seconds;
// A job is submitted a moment before its plugin asks, and a sweep may see it before the answer is noted.
constexpr std::int64_t silence_seconds = 5;
constexpr std::int64_t free_percent_fail = 2;
constexpr std::int64_t free_percent_warn = 10;
constexpr std::int64_t days_left_fail = 7;
constexpr std::int64_t days_left_warn = 60;

std::vector<std::string> list_of(const std::string& text) {
  std::vector<std::string> items;
  std::istringstream list(text);
  for (std::string item; std::getline(list, item, ',');) {
    if (!item.empty()) items.push_back(item);
  }
  return items;
}

std::string join(const std::set<std::string>& items) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : ", ") + item;
  return text;
}

Check check_job_submit(const slurm::Diagnosis& diagnosis) {
  const auto plugins = list_of(diagnosis.job_submit_plugins);
  const std::string name = "JobSubmitPlugins";
  if (std::find(plugins.begin(), plugins.end(), "sluice") == plugins.end()) {
    return {name, CheckState::fail,
            "slurmctld runs " + (plugins.empty() ? "none" : diagnosis.job_submit_plugins) +
                ", so no job is quoted, held or refused; where job_submit_sluice.so is installed, add sluice as the last and restart slurmctld"};
  }
  if (plugins.back() != "sluice") {
    return {name, CheckState::warn,
            diagnosis.job_submit_plugins + ": what comes after sluice may change a job that has its price; put sluice last and restart slurmctld"};
  }
  return {name, CheckState::ok, "slurmctld " + diagnosis.slurm_version + " has loaded " + diagnosis.job_submit_plugins};
}

/// What isn't recorded isn't charged.
Check check_records(const SlurmStanding& standing) {
  const auto& diagnosis = standing.diagnosis;
  const std::string name = "accounting";
  if (diagnosis.storage_type != "accounting_storage/slurmdbd") {
    return {name, CheckState::fail,
            "AccountingStorageType is " + (diagnosis.storage_type.empty() ? "not set" : diagnosis.storage_type) +
                ", and charges are made of slurmdbd's records; set accounting_storage/slurmdbd in slurm.conf"};
  }
  const auto recorded = list_of(diagnosis.storage_tres);
  std::set<std::string> missing;
  if (standing.facts != nullptr) {
    for (const auto& node : standing.facts->inventory.nodes) {
      for (const auto& [tres, count] : node.gres) {
        // A kind is priced by the name that stands for all of it, where its types aren't recorded.
        const std::string whole = tres.substr(0, tres.find(':'));
        if (count > 0 && std::find(recorded.begin(), recorded.end(), whole) == recorded.end()) missing.insert(whole);
      }
    }
  }
  if (!missing.empty()) {
    return {name, CheckState::fail,
            "AccountingStorageTRES lacks " + join(missing) + ", so it is in no record and in no charge; add it in slurm.conf and restart slurmctld"};
  }
  if (!diagnosis.enforces_associations) {
    return {name, CheckState::warn,
            "AccountingStorageEnforce lacks associations, so a job may belong to no account; set it in slurm.conf and restart slurmctld"};
  }
  return {name, CheckState::ok, "slurmdbd records " + diagnosis.storage_tres + "; AdminComment needs none of AccountingStoreFlags"};
}

Check check_queue(const slurm::Diagnosis& diagnosis) {
  const std::string waiting = std::to_string(diagnosis.dbd_queue) + " messages of slurmctld wait for slurmdbd";
  const std::string most = diagnosis.dbd_queue_max > 0 ? ", which drops some beyond " + std::to_string(diagnosis.dbd_queue_max) : "";
  const std::string advice = most + "; start slurmdbd, or look at its log and its database";
  const std::string name = "slurmdbd queue";
  if (diagnosis.dbd_queue_max > 0 && diagnosis.dbd_queue * 2 > diagnosis.dbd_queue_max) return {name, CheckState::fail, waiting + advice};
  if (!diagnosis.dbd_problem.empty()) return {name, CheckState::fail, waiting + ": " + diagnosis.dbd_problem + advice};
  // A busy cluster has some on the way; more than a second's worth is not on the way.
  if (diagnosis.dbd_queue > 1000) return {name, CheckState::warn, waiting + advice};
  return {name, CheckState::ok, waiting};
}

Check check_clock(const slurm::Diagnosis& diagnosis) {
  const std::int64_t ahead = diagnosis.clock_ahead_seconds;
  const std::int64_t apart = ahead < 0 ? -ahead : ahead;
  if (apart <= skew_warn_seconds) {
    return {"clock", CheckState::ok, "slurmctld's is this host's within " + std::to_string(skew_warn_seconds) + " s; slurmdbd tells none, and MUNGE refuses it beyond 300 s"};
  }
  return {"clock", apart > skew_fail_seconds ? CheckState::fail : CheckState::warn,
          "slurmctld's is " + std::to_string(apart) + " s " + (ahead > 0 ? "ahead of" : "behind") +
              " this host's: prices and validity go by both; let NTP set them"};
}

Check check_purge(const SlurmStanding& standing) {
  const auto& diagnosis = standing.diagnosis;
  const std::string name = "PurgeJobAfter";
  if (!diagnosis.dbd_problem.empty()) return {name, CheckState::warn, "not known: " + diagnosis.dbd_problem};
  if (!diagnosis.purge_jobs_after) {
    return {name, CheckState::ok, "slurmdbd " + diagnosis.slurm_version + " doesn't tell; slurmdbd.conf should say 2months or more, or nothing"};
  }
  const auto seconds = purge_seconds(*diagnosis.purge_jobs_after);
  if (!seconds) return {name, CheckState::ok, "slurmdbd keeps every record"};
  const std::string says = "slurmdbd forgets records after " + *diagnosis.purge_jobs_after;
  if (standing.oldest_open > 0 && standing.now - standing.oldest_open >= *seconds) {
    return {name, CheckState::fail,
            says + ", and an admission of " + format_time(standing.oldest_open, standing.config.zone) +
                " still waits for its own: it may never be charged; set PurgeJobAfter=2months or more in slurmdbd.conf"};
  }
  if (*seconds < read_again_seconds) {
    return {name, CheckState::warn,
            says + "; the last 35 days are read again every night for records that come late: set PurgeJobAfter=2months or more in slurmdbd.conf"};
  }
  return {name, CheckState::ok, says};
}

Check check_private_data(const Config& config, const ClusterFacts& facts) {
  if (!config.tag_full) return {"PrivateData", CheckState::ok, "tags say nothing that is private (tag: pointer)"};
  if (facts.inventory.private_jobs) return {"PrivateData", CheckState::ok, "slurmdbd hides jobs of others"};
  return {"PrivateData", CheckState::warn,
          "slurmdbd shows every job's AdminComment to everybody; set PrivateData=jobs in slurmdbd.conf, or tag: pointer"};
}

Check check_version(const PluginStanding& standing) {
  const std::string name = "job_submit_sluice.so";
  const auto& seen = standing.seen;
  if (!seen.report) {
    if (seen.asked_at - seen.first_asked_at < report_seconds) {
      return {name, CheckState::ok, "not known yet: it says so with a submission, and hasn't since sluiced started"};
    }
    return {name, CheckState::warn, "an old one, which doesn't tell its version; restart slurmctld to load the one that is installed"};
  }
  const std::string is = seen.report->version + " for Slurm " + seen.report->slurm + ", loaded " + format_time(seen.report->loaded_at, standing.config.zone);
  if (seen.report->version != standing.service_version) {
    return {name, CheckState::warn, is + ", beside sluiced " + standing.service_version + "; install both and restart slurmctld"};
  }
  return {name, CheckState::ok, is};
}

/// The plugin can't be asked, but what it lets in without us shows.
Check check_breaker(const PluginStanding& standing) {
  const auto& [config, seen, unanswered_submit, version, started_at, now] = standing;
  const auto time = [&zone = config.zone](UnixTime at) { return format_time(at, zone); };
  const UnixTime heard = std::max(seen.asked_at, started_at);
  if (unanswered_submit > heard + silence_seconds) {
    return {"breaker", CheckState::fail,
            "open: a job was submitted " + time(unanswered_submit) + " without an answer, and slurmctld " +
                (seen.asked_at > 0 ? "asked last " + time(seen.asked_at) : "has not asked since sluiced started") +
                "; compare `socket` of plugin.conf with control_socket, and SlurmUser with control_users, and see slurmctld's log"};
  }
  if (seen.asked_at == 0) return {"breaker", CheckState::ok, "slurmctld has not asked since sluiced started " + time(started_at)};
  std::string text = "closed: slurmctld asked last " + time(seen.asked_at);
  if (!seen.report || seen.report->without_answer == 0) return {"breaker", CheckState::ok, text};
  text += "; " + std::to_string(seen.report->without_answer) + " calls had no answer since slurmctld loaded the plugin, the last before " +
          time(seen.unanswered_at);
  if (now - seen.unanswered_at >= recent_seconds) return {"breaker", CheckState::ok, text};
  return {"breaker", CheckState::warn, text + "; slurmctld's log says why (sluice: job_submit), and this goes in a day"};
}

}  // namespace

const char* name_of(CheckState state) {
  return state == CheckState::ok ? "ok" : state == CheckState::warn ? "warn" : "fail";
}

std::vector<Check> check_slurm(const SlurmStanding& standing) {
  std::vector<Check> checks = {check_job_submit(standing.diagnosis), check_records(standing), check_queue(standing.diagnosis),
                               check_clock(standing.diagnosis), check_purge(standing)};
  if (standing.facts != nullptr) checks.push_back(check_private_data(standing.config, *standing.facts));
  return checks;
}

std::vector<Check> check_plugin(const PluginStanding& standing) { return {check_version(standing), check_breaker(standing)}; }

std::vector<Check> check_plugin_settings(const Config& config, const job_submit::ParsedSettings& parsed) {
  const auto& settings = parsed.settings;
  const bool refuses = settings.when_unreachable == job_submit::Settings::WhenUnreachable::refuse;
  Check policy{"policy", CheckState::ok,
               std::string("mode ") + name_of(config.mode) + (config.modes.empty() ? "" : ", " + std::to_string(config.modes.size()) + (config.modes.size() == 1 ? " exception" : " exceptions") + " in modes") +
                   "; without an answer jobs are " + (refuses ? "refused" : "admitted") + " (when_unreachable), without a price " +
                   (config.admit_unpriced ? "admitted" : "refused") + " (unpriced)"};
  if (refuses && config.mode == Mode::observe && config.modes.empty()) {
    policy.state = CheckState::warn;
    policy.text += "; nothing should meet a job yet: set when_unreachable = admit in plugin.conf";
  }
  Check file{"plugin.conf", CheckState::ok, ""};
  const Site* site = config.site_of_cluster(config.cluster);
  const std::string feature = site != nullptr ? site->feature : "";
  if (!parsed.problems.empty()) {
    file = {"plugin.conf", CheckState::fail, parsed.problems.front() + "; correct the line"};
  } else if (settings.socket != config.control_socket) {
    file = {"plugin.conf", CheckState::fail,
            "socket is " + settings.socket + ", and sluiced's control_socket " + config.control_socket + "; make them one"};
  } else if (!settings.local_feature.empty() && settings.local_feature != feature) {
    file = {"plugin.conf", CheckState::fail,
            "local_feature is " + settings.local_feature + ", and the feature of this cluster's site in sluice.yaml " +
                (feature.empty() ? "isn't set" : feature) + "; without an answer jobs would go elsewhere: make them one"};
  } else if (settings.local_feature.empty() && !feature.empty() && config.sites.size() > 1) {
    file = {"plugin.conf", CheckState::warn,
            "local_feature isn't set, so while sluiced is away a job may start at another site; set local_feature = " + feature};
  } else {
    file.text = "agrees with sluice.yaml" + (feature.empty() ? "" : ": local_feature " + feature);
  }
  return {policy, file};
}

Check check_space(const std::string& what, const std::string& folder, const DiskSpace& space) {
  const std::int64_t percent = space.free_percent();
  const CheckState state = percent < free_percent_fail ? CheckState::fail : percent < free_percent_warn ? CheckState::warn : CheckState::ok;
  return {what, state,
          format_bytes(space.free_bytes) + " (" + std::to_string(percent) + " %) of " + folder + "'s disk free" +
              (state == CheckState::ok ? "" : "; make room")};
}

Check check_growth(const std::vector<DiskSample>& samples, const DiskSpace& space) {
  const auto forecast = disk_forecast(samples, space.free_bytes);
  if (!forecast) return {"disk forecast", CheckState::ok, "not known before sluiced has run for an hour"};
  const std::string over = ", as over the last " + std::to_string((samples.back().at - samples.front().at) / hour_seconds) + " hours";
  if (!forecast->days_left) return {"disk forecast", CheckState::ok, "the service's files don't grow" + over};
  const CheckState state = *forecast->days_left < days_left_fail   ? CheckState::fail
                           : *forecast->days_left < days_left_warn ? CheckState::warn
                                                                   : CheckState::ok;
  return {"disk forecast", state,
          "full in " + std::to_string(*forecast->days_left) + " days at " + format_bytes(forecast->bytes_per_day) + " a day" + over +
              (state == CheckState::ok ? "" : "; give data_dir a larger disk")};
}

std::optional<std::int64_t> purge_seconds(const std::string& text) {
  std::istringstream words(text);
  std::int64_t count = 0;
  std::string unit;
  if (!(words >> count >> unit) || count <= 0) return std::nullopt;
  if (unit.starts_with("hour")) return count * hour_seconds;
  if (unit.starts_with("day")) return count * day_seconds;
  if (unit.starts_with("month")) return count * month_seconds;
  return std::nullopt;
}

std::string format_bytes(std::int64_t bytes) {
  static constexpr std::array units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  double amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (amount >= 1024 && unit + 1 < units.size()) {
    amount /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", amount, units[unit]);
  return text;
}

}  // namespace sluice::service
