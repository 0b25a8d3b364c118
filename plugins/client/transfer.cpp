// SPDX-License-Identifier: Apache-2.0
//
// The only file that calls libcurl's easy interface.

#include "plugins/client/transfer.hpp"

#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace sluice::client {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using Outcome = TransferResult::Outcome;

constexpr std::size_t header_bytes_max = 16 * 1024;

// slurmctld runs programs and, since 24.11, replaces itself with exec on a
// reconfiguration: no socket of ours may survive that.
curl_socket_t open_socket(void*, curlsocktype, curl_sockaddr* address) {
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

Outcome outcome_of(CURLcode code) {
  switch (code) {
    case CURLE_OK: return Outcome::answered;
    case CURLE_OPERATION_TIMEDOUT: return Outcome::timed_out;
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE: return Outcome::unreachable;
    default: return Outcome::bad_reply;
  }
}

}  // namespace

Transfer::Transfer() : received_(body_bytes_max) {
  static_assert(std::tuple_size_v<decltype(error_text_)> >= CURL_ERROR_SIZE);
  curl_ = curl_easy_init();
  headers_ = curl_slist_append(headers_, "Content-Type: application/json");
  // libcurl would wait for "100 Continue" before a larger body.
  curl_slist* longer = curl_slist_append(headers_, "Expect:");
  if (curl_ == nullptr || headers_ == nullptr || longer == nullptr) {
    curl_slist_free_all(headers_);
    curl_easy_cleanup(curl_);
    throw std::bad_alloc();
  }
  curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl_, CURLOPT_PROXY, "");
  curl_easy_setopt(curl_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers_);
  curl_easy_setopt(curl_, CURLOPT_POST, 1L);
  curl_easy_setopt(curl_, CURLOPT_MAXCONNECTS, 1L);
  curl_easy_setopt(curl_, CURLOPT_ERRORBUFFER, error_text_.data());
  curl_easy_setopt(curl_, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl_, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(curl_, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl_, CURLOPT_HEADERDATA, this);
}

Transfer::~Transfer() {
  curl_easy_cleanup(curl_);
  curl_slist_free_all(headers_);
}

std::size_t Transfer::take_body(char* data, std::size_t size, std::size_t count, void* self) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::size_t bytes = size * count;
  if (bytes > transfer.received_.size() - transfer.received_bytes_) return 0;  // ends the transfer
  std::memcpy(transfer.received_.data() + transfer.received_bytes_, data, bytes);
  transfer.received_bytes_ += bytes;
  return bytes;
}

std::size_t Transfer::take_header(char*, std::size_t size, std::size_t count, void* self) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::size_t bytes = size * count;
  if (bytes > header_bytes_max - transfer.header_bytes_) return 0;
  transfer.header_bytes_ += bytes;
  return bytes;
}

TransferResult Transfer::post(const std::string& socket_path, const std::string& path, std::string_view body,
                              Clock::time_point deadline) {
  if (socket_path != socket_path_) {
    curl_easy_setopt(curl_, CURLOPT_UNIX_SOCKET_PATH, socket_path.c_str());
    socket_path_ = socket_path;
  }
  if (path != path_) {
    // The host is never looked up: the unix socket stands for it.
    curl_easy_setopt(curl_, CURLOPT_URL, ("http://localhost" + path).c_str());
    path_ = path;
  }
  curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));

  TransferResult result;
  for (const bool fresh : {false, true}) {
    const auto left = duration_cast<milliseconds>(deadline - Clock::now() + std::chrono::microseconds(999));
    if (left.count() < 1) {
      result.outcome = Outcome::timed_out;
      result.why = "no time left";
      break;
    }
    received_bytes_ = 0;
    header_bytes_ = 0;
    error_text_[0] = '\0';
    curl_easy_setopt(curl_, CURLOPT_TIMEOUT_MS, static_cast<long>(left.count()));
    curl_easy_setopt(curl_, CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L);
    const CURLcode code = curl_easy_perform(curl_);
    result.outcome = outcome_of(code);
    if (code == CURLE_OK) {
      curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &result.status);
      result.body.assign(received_.data(), received_bytes_);
      break;
    }
    result.why = error_text_[0] != '\0' ? error_text_.data() : curl_easy_strerror(code);
    long connections_made = 0;
    curl_easy_getinfo(curl_, CURLINFO_NUM_CONNECTS, &connections_made);
    const bool was_stale = result.outcome == Outcome::unreachable && connections_made == 0 && received_bytes_ == 0;
    if (!was_stale) break;
  }
  // Nothing of the caller's may be reachable from a handle that waits in the pool.
  curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, nullptr);
  return result;
}

}  // namespace sluice::client
