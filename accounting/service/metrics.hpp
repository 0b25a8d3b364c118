// SPDX-License-Identifier: Apache-2.0
//
// What Prometheus reads, in its text format 0.0.4 (API.md, "Metrics"). Labels name programmes,
// clusters, codes and the service's own doings; never a user, an account or a job.

#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "accounting/service/doctor.hpp"
#include "accounting/service/http_listener.hpp"

namespace sluice::service {

/// The text, metric after metric. Pure.
class MetricsText {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  /// Begins a metric; its samples follow.
  MetricsText& counter(const char* name, const char* help) { return begin(name, help, "counter"); }
  MetricsText& gauge(const char* name, const char* help) { return begin(name, help, "gauge"); }
  MetricsText& sample(std::int64_t value, Labels labels = {}) { return line(std::to_string(value), labels); }
  MetricsText& sample(Money yuan, Labels labels = {}) { return line(format_money(yuan), labels); }

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  MetricsText& begin(const char* name, const char* help, const char* type);
  MetricsText& line(const std::string& value, Labels labels);

  const char* name_ = "";
  std::string text_;
};

class Metrics {
 public:
  explicit Metrics(Watched watched) : watched_(std::move(watched)) {}

  [[nodiscard]] std::string text(UnixTime now) const;
  /// `GET /metrics`; nothing else is there.
  [[nodiscard]] HttpResponse handle(const HttpRequest& request) const;

 private:
  void add_admissions(MetricsText& out) const;
  void add_plugin(MetricsText& out) const;
  void add_books(MetricsText& out, UnixTime now) const;
  void add_slurm(MetricsText& out) const;
  void add_doings(MetricsText& out) const;
  void add_disk(MetricsText& out) const;

  const Watched watched_;
};

}  // namespace sluice::service
