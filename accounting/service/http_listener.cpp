// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/http_listener.hpp"

#include <microhttpd.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "accounting/service/error_object.hpp"
#include "accounting/service/socket_address.hpp"

namespace sluice::service {

/// What the callbacks need; it outlives the daemon.
struct HttpListener::State {
  HttpLimits limits;
  Handler handler;
  MHD_Daemon* daemon = nullptr;

  static MHD_Result serve(void* closure, MHD_Connection* connection, const char* url, const char* method, const char* version,
                          const char* upload, size_t* upload_size, void** per_request);
};

namespace {

struct Exchange {
  HttpRequest request;
  bool too_large = false;
};

MHD_Result keep_query(void* closure, enum MHD_ValueKind, const char* key, const char* value) {
  (*static_cast<std::map<std::string, std::string>*>(closure))[key] = value != nullptr ? value : "";
  return MHD_YES;
}

void* keep_target(void*, const char* uri, struct MHD_Connection*) {
  auto* exchange = new Exchange;
  exchange->request.target = uri;
  return exchange;
}

MHD_Result send(MHD_Connection* connection, const HttpResponse& response) {
  MHD_Response* message = MHD_create_response_from_buffer(
      response.body.size(), const_cast<char*>(response.body.data()), MHD_RESPMEM_MUST_COPY);
  if (message == nullptr) return MHD_NO;
  MHD_add_response_header(message, "Content-Type", response.content_type);
  const MHD_Result queued = MHD_queue_response(connection, response.status, message);
  MHD_destroy_response(message);
  return queued;
}

HttpResponse call(const HttpListener::Handler& handler, const HttpRequest& request) {
  try {
    return handler(request);
  } catch (const std::exception& problem) {
    spdlog::error("{} {}: {}", request.method, request.path, problem.what());
    return error_response(500, "fault", "fault", "the service failed; its log says why");
  }
}

void forget(void*, MHD_Connection*, void** per_request, enum MHD_RequestTerminationCode) {
  delete static_cast<Exchange*>(*per_request);
  *per_request = nullptr;
}

void ignore_log(void*, const char*, va_list) {}

std::string problem_text() { return std::strerror(errno); }

}  // namespace

MHD_Result HttpListener::State::serve(void* closure, MHD_Connection* connection, const char* url, const char* method, const char*,
                 const char* upload, size_t* upload_size, void** per_request) {
  const auto& served = *static_cast<const State*>(closure);
  auto* exchange = static_cast<Exchange*>(*per_request);
  if (exchange == nullptr) return MHD_NO;
  if (exchange->request.method.empty()) {
    exchange->request.method = method;
    exchange->request.path = url;
    const char* authorization = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    if (authorization != nullptr) exchange->request.authorization = authorization;
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, keep_query, &exchange->request.query);
    return MHD_YES;
  }
  if (*upload_size != 0) {
    if (exchange->request.body.size() + *upload_size > served.limits.body_bytes_max) {
      exchange->too_large = true;
      exchange->request.body.clear();
    } else if (!exchange->too_large) {
      exchange->request.body.append(upload, *upload_size);
    }
    *upload_size = 0;
    return MHD_YES;
  }
  if (exchange->too_large) {
    return send(connection, error_response(413, "usage", "too_large", "the request is too large"));
  }
  return send(connection, call(served.handler, exchange->request));
}

HttpResponse error_response(unsigned int status, const std::string& kind, const std::string& code, const std::string& text) {
  return {status, error_object(kind, code, text), "application/json"};
}

HttpListener::HttpListener(std::unique_ptr<State> state) : state_(std::move(state)) {}

HttpListener::~HttpListener() {
  if (state_->daemon != nullptr) MHD_stop_daemon(state_->daemon);
}

Result<std::unique_ptr<HttpListener>> HttpListener::start(int socket, HttpLimits limits, Handler handler) {
  auto state = std::make_unique<State>();
  state->limits = limits;
  state->handler = std::move(handler);
  // A pool of one would only be a thread more between socket and handler.
  const MHD_OptionItem pool[] = {
      {limits.threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, static_cast<intptr_t>(limits.threads), nullptr},
      {MHD_OPTION_END, 0, nullptr}};
  state->daemon = MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, nullptr, nullptr, State::serve, state.get(),
      MHD_OPTION_EXTERNAL_LOGGER, ignore_log, nullptr, MHD_OPTION_LISTEN_SOCKET, socket, MHD_OPTION_URI_LOG_CALLBACK,
      keep_target, nullptr, MHD_OPTION_NOTIFY_COMPLETED, forget, nullptr, MHD_OPTION_CONNECTION_LIMIT,
      limits.connections_max, MHD_OPTION_PER_IP_CONNECTION_LIMIT, limits.connections_per_address_max,
      MHD_OPTION_CONNECTION_TIMEOUT, limits.idle_seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      static_cast<size_t>(64 * 1024), MHD_OPTION_ARRAY, pool, MHD_OPTION_END);
  if (state->daemon == nullptr) {
    ::close(socket);
    return fault("couldn't start an HTTP listener: " + problem_text());
  }
  return std::unique_ptr<HttpListener>(new HttpListener(std::move(state)));
}

Result<int> listen_tcp(const std::string& address) {
  const auto bad = [&](const std::string& why) { return fault("couldn't listen on " + address + ": " + why); };
  const auto parsed = parse_socket_address(address);
  if (!parsed.ok()) return bad(parsed.failure().text);
  const int fd = ::socket(parsed->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return bad(problem_text());
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&parsed->storage), parsed->size) != 0 || ::listen(fd, 256) != 0) {
    const std::string why = problem_text();
    ::close(fd);
    return bad(why);
  }
  return fd;
}

}  // namespace sluice::service
