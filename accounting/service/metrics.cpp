// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/metrics.hpp"

#include "accounting/service/collector.hpp"
#include "accounting/service/version.hpp"

namespace sluice::service {
namespace {

constexpr std::int64_t tags_counted_max = 10'000;
constexpr const char* text_format = "text/plain; version=0.0.4; charset=utf-8";

void append_escaped(std::string& text, std::string_view value) {
  for (const char one : value) {
    if (one == '\n') {
      text += "\\n";
    } else {
      if (one == '\\' || one == '"') text += '\\';
      text += one;
    }
  }
}

}  // namespace

MetricsText& MetricsText::begin(const char* name, const char* help, const char* type) {
  name_ = name;
  text_ += std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
  return *this;
}

MetricsText& MetricsText::line(const std::string& value, Labels labels) {
  text_ += name_;
  char before = '{';
  for (const auto& [label, content] : labels) {
    text_ += before;
    text_ += label;
    text_ += "=\"";
    append_escaped(text_, content);
    text_ += '"';
    before = ',';
  }
  text_ += (before == ',' ? "} " : " ") + value + "\n";
  return *this;
}

void Metrics::add_admissions(MetricsText& out) const {
  const AdmissionCounts counts = watched_.control.counts();
  out.counter("sluice_admissions_answered_total", "Questions of slurmctld that were answered.");
  for (const auto& [key, count] : counts.answers) {
    out.sample(static_cast<std::int64_t>(count), {{"kind", key.first}, {"action", key.second}});
  }
  out.counter("sluice_admissions_unreadable_total", "Questions that could not be read.")
      .sample(static_cast<std::int64_t>(counts.unreadable));
  out.counter("sluice_refusals_total", "Submissions that broke a rule, by the first one; refused in mode enforce only.");
  for (const auto& [key, count] : counts.refusals) {
    out.sample(static_cast<std::int64_t>(count), {{"code", key.first}, {"mode", key.second}});
  }
}

void Metrics::add_plugin(MetricsText& out) const {
  const PluginSeen seen = watched_.plugin.seen();
  out.gauge("sluice_plugin_asked_timestamp_seconds", "When slurmctld asked last; 0 before it has.").sample(seen.asked_at);
  if (!seen.report) return;
  out.gauge("sluice_plugin_info", "The plugin that slurmctld runs.").sample(1, {{"version", seen.report->version}, {"slurm", seen.report->slurm}});
  out.gauge("sluice_plugin_loaded_timestamp_seconds", "When slurmctld loaded it.").sample(seen.report->loaded_at);
  out.counter("sluice_plugin_unanswered_total", "Calls that had no answer since slurmctld loaded the plugin, as it told with its last report.")
      .sample(seen.report->without_answer);
}

void Metrics::add_books(MetricsText& out, UnixTime now) const {
  if (watched_.books == nullptr) return;
  const auto counts = watched_.books->counts();
  out.gauge("sluice_open_admissions", "Admissions whose records have not been read.").sample(counts.at("open_admissions").get<std::int64_t>());
  out.gauge("sluice_open_liens", "Liens that are neither settled nor voided.").sample(counts.at("open_liens").get<std::int64_t>());
  out.gauge("sluice_liens_yuan", "What these liens hold of a programme's vouchers.");
  for (const auto& [programme, amount] : watched_.books->liens_of_programmes()) out.sample(amount, {{"programme", programme}});
  out.gauge("sluice_pending_proposals", "Proposals that wait for a second person.").sample(counts.at("pending_proposals").get<std::int64_t>());
  const auto tags = watched_.books->tags_due(tags_counted_max);
  if (tags.ok()) {
    out.gauge("sluice_final_tags_waiting", "Charges that are to be written into AdminComment, 10000 at most.")
        .sample(static_cast<std::int64_t>(tags->size()));
  }
  const UnixTime read_to = std::max(watched_.books->collected_to(), watched_.books->since());
  out.gauge("sluice_collector_lag_seconds", "Up to how long ago slurmdbd's records have been read.").sample(std::max<std::int64_t>(0, now - read_to));
}

void Metrics::add_slurm(MetricsText& out) const {
  const auto diagnosis = watched_.facts.diagnosis();
  if (diagnosis == nullptr) return;
  out.gauge("sluice_slurmdbd_up", "Whether slurmdbd could be asked last.").sample(diagnosis->dbd_problem.empty() ? 1 : 0);
  out.gauge("sluice_slurmdbd_queue_messages", "Messages of slurmctld that wait for slurmdbd.").sample(diagnosis->dbd_queue);
  out.gauge("sluice_slurmctld_clock_ahead_seconds", "slurmctld's clock before this host's.").sample(diagnosis->clock_ahead_seconds);
}

void Metrics::add_doings(MetricsText& out) const {
  const auto doings = watched_.health.all();
  out.gauge("sluice_doing_ok", "Whether it succeeded when it was done last: collect, sweep, inventory, ...");
  for (const auto& [name, doing] : doings) out.sample(doing.ok() ? 1 : 0, {{"doing", name}});
  out.gauge("sluice_doing_success_timestamp_seconds", "When it succeeded last; 0 if never.");
  for (const auto& [name, doing] : doings) out.sample(doing.succeeded_at, {{"doing", name}});
  out.counter("sluice_doing_failures_total", "How often it failed since the service started.");
  for (const auto& [name, doing] : doings) out.sample(doing.failures, {{"doing", name}});
}

void Metrics::add_disk(MetricsText& out) const {
  const std::string folder = watched_.config()->data_dir;
  out.gauge("sluice_data_bytes", "Size of the files in data_dir, the ledger's above all.").sample(watched_.disk.bytes());
  const auto space = disk_space(folder);
  if (!space) return;
  out.gauge("sluice_data_free_bytes", "Free space on the disk of data_dir.").sample(space->free_bytes);
  const auto forecast = disk_forecast(watched_.disk.samples(), space->free_bytes);
  if (!forecast) return;
  out.gauge("sluice_data_growth_bytes_per_day", "By what is known of the last two weeks.").sample(forecast->bytes_per_day);
}

std::string Metrics::text(UnixTime now) const {
  const auto config = watched_.config();
  MetricsText out;
  out.gauge("sluice_build_info", "This service.")
      .sample(1, {{"version", version}, {"role", config->role == ServiceRole::home ? "home" : "site"}, {"cluster", config->cluster}});
  out.gauge("sluice_start_timestamp_seconds", "When it started.").sample(watched_.started_at);
  add_admissions(out);
  add_plugin(out);
  add_books(out, now);
  add_slurm(out);
  add_doings(out);
  add_disk(out);
  return out.text();
}

HttpResponse Metrics::handle(const HttpRequest& request) const {
  if (request.method != "GET" || request.path != "/metrics") {
    return error_response(404, "usage", "no_such_path", "there is only GET /metrics here");
  }
  return {200, text(clock_now()), text_format};
}

}  // namespace sluice::service
