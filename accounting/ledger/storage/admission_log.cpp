// SPDX-License-Identifier: Apache-2.0

#include "accounting/ledger/storage/admission_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "accounting/core/digest.hpp"

namespace sluice::ledger {
namespace {

constexpr std::string_view magic = "SLA1";
constexpr std::size_t digest_characters = 16;

template <typename Number>
void put_little_endian(std::string& to, Number number) {
  std::array<char, sizeof number> bytes;
  for (std::size_t byte = 0; byte < bytes.size(); ++byte) bytes[byte] = static_cast<char>(number >> (8 * byte) & 0xFF);
  to.append(bytes.data(), bytes.size());
}

class Writer {
 public:
  void number(std::int64_t value) { put_little_endian(bytes_, static_cast<std::uint64_t>(value)); }
  void text(const std::string& value) {
    put_little_endian(bytes_, static_cast<std::uint32_t>(value.size()));
    bytes_ += value;
  }
  void time(const std::optional<UnixTime>& value) {
    number(value ? 1 : 0);
    number(value.value_or(0));
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// What is missing reads as zero or empty; whole() tells in the end.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::int64_t number() { return static_cast<std::int64_t>(little_endian<std::uint64_t>()); }
  std::string text() { return std::string(take(little_endian<std::uint32_t>())); }
  std::optional<UnixTime> time() {
    const bool there = number() != 0;
    const UnixTime value = number();
    return there ? std::optional(value) : std::nullopt;
  }
  template <typename Number>
  Number little_endian() {
    Number value = 0;
    const std::string_view bytes = take(sizeof value);
    for (std::size_t byte = 0; byte < bytes.size(); ++byte) value |= static_cast<Number>(static_cast<unsigned char>(bytes[byte])) << (8 * byte);
    return value;
  }
  std::string_view take(std::size_t bytes) {
    if (bytes > rest_.size()) {
      short_ = true;
      rest_ = {};
      return {};
    }
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }
  [[nodiscard]] std::size_t left() const { return rest_.size(); }
  [[nodiscard]] bool whole() const { return !short_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool short_ = false;
};

void write(Writer& to, const Event& event) {
  to.text(event.id);
  to.number(static_cast<std::int64_t>(event.kind));
  for (const Actor& actor : {event.actor, event.approver}) {
    to.number(actor.uid);
    to.text(actor.name);
  }
  to.number(event.posted_at);
  to.time(event.usage_from);
  to.time(event.usage_to);
  for (const std::string* text : {&event.period, &event.document, &event.corrects, &event.memo}) to.text(*text);
  to.number(static_cast<std::int64_t>(event.transfers.size()));
  for (const Transfer& transfer : event.transfers) {
    to.number(static_cast<std::int64_t>(transfer.debit.book));
    to.text(transfer.debit.name);
    to.text(transfer.credit.name);
    to.number(transfer.amount.micro);
    to.number(static_cast<std::int64_t>(transfer.state));
    to.text(transfer.lien);
  }
}

Event read_event(Reader& from) {
  Event event;
  event.id = from.text();
  event.kind = static_cast<EventKind>(from.number());
  for (Actor* actor : {&event.actor, &event.approver}) {
    actor->uid = from.number();
    actor->name = from.text();
  }
  event.posted_at = from.number();
  event.usage_from = from.time();
  event.usage_to = from.time();
  for (std::string* text : {&event.period, &event.document, &event.corrects, &event.memo}) *text = from.text();
  const std::int64_t transfers = from.number();
  for (std::int64_t i = 0; i < transfers && from.left() > 0; ++i) {
    Transfer transfer;
    transfer.debit.book = transfer.credit.book = static_cast<Book>(from.number());
    transfer.debit.name = from.text();
    transfer.credit.name = from.text();
    transfer.amount.micro = from.number();
    transfer.state = static_cast<TransferState>(from.number());
    transfer.lien = from.text();
    event.transfers.push_back(std::move(transfer));
  }
  return event;
}

void put_record(std::string& to, const NewAdmission& admission) {
  Writer payload;
  const AdmissionRow& row = admission.row;
  payload.text(row.id);
  payload.number(row.open ? 1 : 0);
  payload.number(row.created_at);
  payload.text(row.cluster);
  payload.number(row.user_id);
  payload.text(row.content_sha256);
  payload.text(row.body);
  payload.number(admission.lien ? 1 : 0);
  if (admission.lien) write(payload, *admission.lien);
  to += magic;
  put_little_endian(to, static_cast<std::uint32_t>(payload.bytes().size()));
  to.append(sha256_hex(payload.bytes()), 0, digest_characters);
  to += payload.bytes();
}

/// Nothing where the record is torn or damaged.
std::optional<NewAdmission> read_record(Reader& from) {
  if (from.take(magic.size()) != magic) return std::nullopt;
  const auto bytes = from.little_endian<std::uint32_t>();
  const std::string_view digest = from.take(digest_characters);
  const std::string_view bytes_of_payload = from.take(bytes);
  if (bytes_of_payload.size() != bytes || sha256_hex(bytes_of_payload).substr(0, digest_characters) != digest) return std::nullopt;
  Reader payload(bytes_of_payload);
  NewAdmission admission;
  AdmissionRow& row = admission.row;
  row.id = payload.text();
  row.open = payload.number() != 0;
  row.created_at = payload.number();
  row.cluster = payload.text();
  row.user_id = payload.number();
  row.content_sha256 = payload.text();
  row.body = payload.text();
  if (payload.number() != 0) admission.lien = read_event(payload);
  if (!payload.whole()) return std::nullopt;
  return admission;
}

Failure problem(const std::string& doing, const std::string& file) {
  return fault("couldn't " + doing + " " + file + ": " + std::strerror(errno));
}

}  // namespace

Result<AdmissionLog> AdmissionLog::open(const std::string& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return problem("open", file);
  struct stat status {};
  if (::fstat(fd, &status) != 0) {
    const Failure failure = problem("open", file);
    ::close(fd);
    return failure;
  }
  return AdmissionLog(file, fd, static_cast<std::uint64_t>(status.st_size));
}

AdmissionLog::AdmissionLog(AdmissionLog&& other) noexcept
    : file_(std::move(other.file_)), fd_(std::exchange(other.fd_, -1)), bytes_(other.bytes_), torn_(other.torn_) {}

AdmissionLog::~AdmissionLog() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> AdmissionLog::append(std::span<const NewAdmission* const> admissions) {
  // A torn record would hide those after it.
  if (torn_ && ::ftruncate(fd_, static_cast<off_t>(bytes_)) != 0) return problem("shorten", file_);
  std::string records;
  for (const NewAdmission* one : admissions) put_record(records, *one);
  std::size_t written = 0;
  while (written < records.size()) {
    const ssize_t some = ::write(fd_, records.data() + written, records.size() - written);
    if (some < 0 && errno == EINTR) continue;
    if (some <= 0) {
      const Failure failure = problem("write to", file_);
      torn_ = ::ftruncate(fd_, static_cast<off_t>(bytes_)) != 0;
      return failure;
    }
    written += static_cast<std::size_t>(some);
  }
  torn_ = false;
  bytes_ += records.size();
  return {};
}

Result<std::vector<NewAdmission>> AdmissionLog::read() const {
  std::string text(bytes_, '\0');
  std::size_t got = 0;
  while (got < text.size()) {
    const ssize_t some = ::pread(fd_, text.data() + got, text.size() - got, static_cast<off_t>(got));
    if (some < 0 && errno == EINTR) continue;
    if (some < 0) return problem("read", file_);
    if (some == 0) break;
    got += static_cast<std::size_t>(some);
  }
  std::vector<NewAdmission> admissions;
  Reader rest(std::string_view(text).substr(0, got));
  while (auto admission = read_record(rest)) admissions.push_back(std::move(*admission));
  return admissions;
}

Result<void> AdmissionLog::clear() {
  if (::ftruncate(fd_, 0) != 0) return problem("shorten", file_);
  bytes_ = 0;
  return {};
}

}  // namespace sluice::ledger
