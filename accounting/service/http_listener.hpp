// SPDX-License-Identifier: Apache-2.0
//
// An HTTP listener on a ready-made socket, through libmicrohttpd. It has threads of
// its own, so that a slow user never keeps slurmctld waiting.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "accounting/core/result.hpp"

namespace sluice::service {

struct HttpRequest {
  std::string method;
  std::string path;                          ///< without the query
  std::string target;                        ///< path and query as sent: what a client signs
  std::map<std::string, std::string> query;
  std::string authorization;
  std::string body;
};

struct HttpResponse {
  unsigned int status = 200;
  std::string body;
  const char* content_type = "application/json";
};

struct HttpLimits {
  std::size_t body_bytes_max = 1u << 20;
  unsigned int connections_max = 256;
  unsigned int connections_per_address_max = 0;  ///< 0: no limit
  unsigned int idle_seconds = 60;
  unsigned int threads = 1;
};

class HttpListener {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  /// Serves `socket`, which it owns from here on. `handler` is called on the
  /// listener's threads; what it throws becomes a 500.
  [[nodiscard]] static Result<std::unique_ptr<HttpListener>> start(int socket, HttpLimits limits, Handler handler);
  /// Ends connections and joins the threads.
  ~HttpListener();
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;

 private:
  struct State;
  explicit HttpListener(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// An error object (error_object.hpp) as a response.
[[nodiscard]] HttpResponse error_response(unsigned int status, const std::string& kind, const std::string& code,
                                          const std::string& text);

/// A listening TCP socket on "address:port"; the address must be a literal one.
[[nodiscard]] Result<int> listen_tcp(const std::string& address);

}  // namespace sluice::service
