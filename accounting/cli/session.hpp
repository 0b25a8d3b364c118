// SPDX-License-Identifier: Apache-2.0
//
// The conversation of a verb with the service: answers as objects, error objects as
// CommandFailure, and POSTs that are never done twice.

#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/cli/request_store.hpp"
#include "accounting/cli/transport.hpp"

namespace sluice::cli {

using Json = nlohmann::json;

struct Answer {
  Json object;
  std::string text;  ///< as the service sent it
};

/// A query such as "?account=astro&from=2026-01-01"; empty values are left out.
/// REQUIRES: names and values need no escaping (check_name, check_id and times see to it).
[[nodiscard]] std::string query(const std::vector<std::pair<std::string_view, std::string>>& parameters);

class Session {
 public:
  Session(std::unique_ptr<Transport> transport, RequestStore store, std::ostream& notes)
      : transport_(std::move(transport)), store_(std::move(store)), notes_(notes) {}

  /// `what` completes "couldn't"; throws CommandFailure unless the service answered 200.
  [[nodiscard]] Answer get(const std::string& what, const std::string& target, const std::string& working = "");

  struct Post {
    std::string what;
    std::string target;
    Json body;               ///< without request_id
    std::string request_id;  ///< the person's own; empty: made and kept here
  };
  [[nodiscard]] Answer post(const Post& post, UnixTime now);

  [[nodiscard]] std::string server() const { return transport_->server(); }

 private:
  std::unique_ptr<Transport> transport_;
  RequestStore store_;
  std::ostream& notes_;
};

}  // namespace sluice::cli
