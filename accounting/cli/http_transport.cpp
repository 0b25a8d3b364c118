// SPDX-License-Identifier: Apache-2.0
//
// See transport.hpp. No proxy, no redirect, no other protocol: a credential goes to
// the configured service or nowhere.

#include <curl/curl.h>

#include <chrono>

#include "accounting/cli/transport.hpp"
#include "accounting/core/digest.hpp"

namespace sluice::cli {
namespace {

constexpr long connect_timeout_ms = 3000;
constexpr std::size_t reply_bytes_max = std::size_t{1} << 30;

using Steady = std::chrono::steady_clock;

/// What libcurl's callbacks see of one exchange.
struct Exchange {
  std::string body;
  std::ostream* progress = nullptr;
  std::string working;
  Steady::time_point started = Steady::now();
  long long seconds_shown = 0;
};

std::size_t on_body(char* bytes, std::size_t, std::size_t count, void* opaque) {
  auto& exchange = *static_cast<Exchange*>(opaque);
  if (exchange.body.size() + count > reply_bytes_max) return 0;
  exchange.body.append(bytes, count);
  return count;
}

int on_progress(void* opaque, curl_off_t, curl_off_t received, curl_off_t, curl_off_t) {
  auto& exchange = *static_cast<Exchange*>(opaque);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(Steady::now() - exchange.started).count();
  if (exchange.progress == nullptr || seconds <= exchange.seconds_shown) return 0;
  exchange.seconds_shown = seconds;
  *exchange.progress << "\r\033[K" << exchange.working << "… " << seconds << " s";
  if (received >= 1024) *exchange.progress << ", " << received / 1024 << " KiB";
  exchange.progress->flush();
  return 0;
}

/// Adds a line to a header list; on lack of memory the old list stays and false is returned.
bool append(std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>& headers, const std::string& line) {
  curl_slist* longer = curl_slist_append(headers.get(), line.c_str());
  if (longer == nullptr) return false;
  static_cast<void>(headers.release());
  headers.reset(longer);
  return true;
}

Failure unreachable(CURLcode status, const char* detail, const ClientConfig& config) {
  const std::string why = detail[0] != '\0' ? detail : curl_easy_strerror(status);
  const bool sent = status != CURLE_COULDNT_CONNECT && status != CURLE_COULDNT_RESOLVE_HOST;
  std::string text = "sluiced at " + config.server + " ";
  if (status == CURLE_OPERATION_TIMEDOUT) {
    text += "did not answer in time (" + why + ")";
  } else {
    text += sent ? "gave no answer (" + why + ")" : "can't be reached (" + why + ")";
  }
  return {Failure::Kind::unreachable, sent ? "no_answer" : "not_sent", text};
}

class HttpTransport final : public Transport {
 public:
  HttpTransport(ClientConfig config, std::unique_ptr<Authenticator> authenticator, std::ostream* progress)
      : config_(std::move(config)), authenticator_(std::move(authenticator)), progress_(progress) {
    curl_global_init(CURL_GLOBAL_NOTHING);
  }
  ~HttpTransport() override { curl_global_cleanup(); }

  [[nodiscard]] std::string server() const override { return config_.server; }
  [[nodiscard]] Result<Reply> exchange(const Request& request) override;

 private:
  ClientConfig config_;
  std::unique_ptr<Authenticator> authenticator_;
  std::ostream* progress_;
};

Result<Reply> HttpTransport::exchange(const Request& request) {
  auto authorization = authenticator_->authorization(request_digest(request));
  if (!authorization) {
    Failure failure = authorization.failure();
    failure.code = "not_sent";
    return failure;
  }
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), &curl_easy_cleanup);
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(nullptr, &curl_slist_free_all);
  if (!curl || !append(headers, "Authorization: " + *authorization) || !append(headers, "Accept: application/json") ||
      !append(headers, "Content-Type: application/json") || !append(headers, "Expect:")) {
    return Failure{Failure::Kind::unreachable, "not_sent", "memory for a request is lacking"};
  }
  Exchange exchange;
  exchange.progress = request.working.empty() ? nullptr : progress_;
  exchange.working = request.working;
  char detail[CURL_ERROR_SIZE] = "";
  const std::string url = "http://" + config_.server + request.target;
  CURL* handle = curl.get();
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http");
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT, static_cast<long>(config_.timeout_seconds));
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "sluice/" SLUICE_VERSION);
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, detail);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &exchange);
  if (request.method == "POST") {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  const CURLcode status = curl_easy_perform(handle);
  if (exchange.seconds_shown > 0) *exchange.progress << "\r\033[K" << std::flush;
  if (status != CURLE_OK) return unreachable(status, detail, config_);
  Reply reply;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &reply.status);
  reply.body = std::move(exchange.body);
  return reply;
}

}  // namespace

std::string request_digest(const Request& request) {
  return sha256_hex(request.method + "\n" + request.target + "\n" + sha256_hex(request.body));
}

std::unique_ptr<Transport> make_http_transport(ClientConfig config, std::unique_ptr<Authenticator> authenticator,
                                               std::ostream* progress) {
  return std::make_unique<HttpTransport>(std::move(config), std::move(authenticator), progress);
}

}  // namespace sluice::cli
