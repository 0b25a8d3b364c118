// SPDX-License-Identifier: Apache-2.0

#include "accounting/core/digest.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <sys/random.h>

#include <array>
#include <memory>
#include <optional>

#include "accounting/core/check.hpp"

namespace sluice {
namespace {

using Digest = std::array<unsigned char, 32>;

/// Fetched once: EVP_sha256() is looked up anew at each use.
const EVP_MD* sha256_method() {
  static const EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  SLUICE_CHECK(method != nullptr, "SHA-256 is available");
  return method;
}

Digest sha256(std::string_view bytes) {
  using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
  thread_local const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  Digest digest{};
  const bool done = context != nullptr && EVP_DigestInit_ex2(context.get(), sha256_method(), nullptr) == 1 &&
                    EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1 &&
                    EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1;
  SLUICE_CHECK(done, "SHA-256 is available");
  return digest;
}

/// Made once per thread: that takes several times as long as a MAC, and half of a MAC is its key.
struct KeyedHmac {
  using Context = std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)>;
  Context context = [] {
    const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> method(EVP_MAC_fetch(nullptr, "HMAC", nullptr), EVP_MAC_free);
    Context made(method != nullptr ? EVP_MAC_CTX_new(method.get()) : nullptr, EVP_MAC_CTX_free);
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
    SLUICE_CHECK(made != nullptr && EVP_MAC_CTX_set_params(made.get(), parameters) == 1, "HMAC is available");
    return made;
  }();
  std::optional<std::string> key{};  ///< with which it can start again

  /// Ready for the bytes of a message under `wanted`.
  bool start(std::string_view wanted) {
    if (key == wanted) return start_again();
    key.reset();
    const std::string set(wanted);
    if (!set_key(set)) return false;
    // Before 3.0.3 OpenSSL says that it starts again, and goes on where the last message ended.
    const auto first = mac("");
    const bool can_start_again = first && start_again() && mac("") == first;
    if (can_start_again) key = set;
    return can_start_again ? start_again() : set_key(set);
  }

  std::optional<Digest> mac(std::string_view bytes) {
    Digest digest{};
    std::size_t size = 0;
    const bool done = EVP_MAC_update(context.get(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()) == 1 &&
                      EVP_MAC_final(context.get(), digest.data(), &size, digest.size()) == 1;
    return done ? std::optional(digest) : std::nullopt;
  }

 private:
  /// The pointer must not be null: that stands for the last key.
  bool set_key(const std::string& text) {
    return EVP_MAC_init(context.get(), reinterpret_cast<const unsigned char*>(text.data()), text.size(), nullptr) == 1;
  }
  bool start_again() { return EVP_MAC_init(context.get(), nullptr, 0, nullptr) == 1; }
};

std::string hex(const unsigned char* bytes, std::size_t size) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(size * 2);
  for (std::size_t i = 0; i < size; ++i) {
    text += digits[bytes[i] >> 4];
    text += digits[bytes[i] & 15];
  }
  return text;
}

std::array<unsigned char, 16> random_bytes() {
  std::array<unsigned char, 16> bytes{};
  SLUICE_CHECK(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()), "the random generator works");
  return bytes;
}

/// 128 bits as 26 characters; the first stands for the topmost 3 bits.
std::string base32(std::string_view prefix, const unsigned char* bytes) {
  static constexpr char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  __extension__ unsigned __int128 value = 0;
  for (int i = 0; i < 16; ++i) value = value << 8 | bytes[i];
  std::string text(26, '0');
  for (int i = 25; i >= 0; --i) {
    text[static_cast<std::size_t>(i)] = alphabet[static_cast<unsigned>(value & 31)];
    value >>= 5;
  }
  return std::string(prefix) + text;
}

}  // namespace

std::string sha256_hex(std::string_view bytes) {
  const Digest digest = sha256(bytes);
  return hex(digest.data(), digest.size());
}

std::string mac_hex(std::string_view key, std::string_view bytes) {
  thread_local KeyedHmac hmac;
  const auto digest = hmac.start(key) ? hmac.mac(bytes) : std::nullopt;
  SLUICE_CHECK(digest.has_value(), "HMAC is available");
  return hex(digest->data(), 16);
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string id_from(std::string_view prefix, std::string_view seed) { return base32(prefix, sha256(seed).data()); }

std::string random_id(std::string_view prefix) { return base32(prefix, random_bytes().data()); }

std::string random_id_of_time(std::string_view prefix, std::int64_t at) {
  auto bytes = random_bytes();
  for (std::size_t i = 0; i < 5; ++i) bytes[i] = static_cast<unsigned char>(static_cast<std::uint64_t>(at) >> (8 * (4 - i)));
  return base32(prefix, bytes.data());
}

}  // namespace sluice
