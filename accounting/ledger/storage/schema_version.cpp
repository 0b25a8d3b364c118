// SPDX-License-Identifier: Apache-2.0

#include "accounting/ledger/storage/schema_version.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>

#include "accounting/ledger/storage/sqlite_schema.hpp"

namespace sluice::ledger {
namespace {

// https://www.sqlite.org/fileformat.html: sections 1.3 (the first page) and 4.1 (the log). Every
// number is big-endian.
constexpr std::size_t version_offset = 60;
constexpr std::size_t header_bytes = 100;
constexpr std::size_t log_header_bytes = 32;
constexpr std::size_t frame_header_bytes = 24;
constexpr const char* magic = "SQLite format 3";  // and a NUL

std::uint32_t number_at(const char* bytes) {
  std::uint32_t number = 0;
  for (int i = 0; i < 4; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

template <std::size_t size>
bool read_at(std::ifstream& in, std::streamoff offset, std::array<char, size>& bytes) {
  in.seekg(offset);
  in.read(bytes.data(), bytes.size());
  return in.gcount() == static_cast<std::streamsize>(size);
}

/// In the newest first page of the log, which is not in the file yet; none where the log has none.
std::optional<int> version_in_log(const std::string& file) {
  std::ifstream in(file + "-wal", std::ios::binary);
  std::array<char, log_header_bytes> head{};
  if (!in || !read_at(in, 0, head)) return std::nullopt;
  const std::streamoff page_bytes = number_at(head.data() + 8);
  std::optional<int> version;
  std::array<char, frame_header_bytes> frame{};
  for (std::streamoff at = log_header_bytes; read_at(in, at, frame); at += static_cast<std::streamoff>(frame_header_bytes) + page_bytes) {
    // What an earlier round has left behind it carries other salts.
    if (std::memcmp(frame.data() + 8, head.data() + 16, 8) != 0) break;
    std::array<char, 4> number{};
    if (number_at(frame.data()) != 1 || !read_at(in, at + static_cast<std::streamoff>(frame_header_bytes + version_offset), number)) continue;
    version = static_cast<int>(number_at(number.data()));
  }
  return version;
}

}  // namespace

int known_schema_version() { return sqlite_schema_version; }

Result<std::optional<int>> stored_schema_version(const std::string& file) {
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    if (errno == ENOENT) return std::optional<int>{};
    return fault(file + ": " + std::strerror(errno));
  }
  std::array<char, header_bytes> header{};
  if (!read_at(in, 0, header) || std::strcmp(header.data(), magic) != 0) return fault(file + " is no SQLite database");
  if (const auto logged = version_in_log(file)) return logged;
  return std::optional(static_cast<int>(number_at(header.data() + version_offset)));
}

}  // namespace sluice::ledger
