// SPDX-License-Identifier: Apache-2.0
//
// Goal: whatever a killed process or a broken disk has left in the log of admissions, the
// next start reads what is whole and nothing else. Method: the bytes as the file; and, as
// no change of a byte gets past the hashes, the bytes as what one record holds.

#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "accounting/core/digest.hpp"
#include "accounting/ledger/storage/admission_log.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace sluice;
using fuzz::require;
using ledger::AdmissionLog;
using ledger::NewAdmission;

/// A file in memory with a name.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : fd_(::memfd_create("log", MFD_CLOEXEC)) {
    require(fd_ >= 0 && ::write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), "there is memory");
  }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

std::vector<NewAdmission> read(std::string_view bytes) {
  const MemoryFile file(bytes);
  const auto log = AdmissionLog::open(file.path());
  require(log.ok(), "the log opens");
  auto admissions = log->read();
  require(admissions.ok(), "damage is no failure to read");
  return std::move(*admissions);
}

bool equal(const NewAdmission& a, const NewAdmission& b) {
  const auto row = [](const NewAdmission& one) {
    return std::tie(one.row.id, one.row.open, one.row.created_at, one.row.cluster, one.row.user_id, one.row.content_sha256, one.row.body);
  };
  if (row(a) != row(b) || a.lien.has_value() != b.lien.has_value()) return false;
  if (!a.lien) return true;
  return a.lien->id == b.lien->id && a.lien->memo == b.lien->memo && a.lien->usage_from == b.lien->usage_from &&
         a.lien->transfers.size() == b.lien->transfers.size();
}

/// What was read is written again and read once more.
void check_round_trip(const std::vector<NewAdmission>& admissions) {
  const MemoryFile file("");
  auto log = AdmissionLog::open(file.path());
  require(log.ok(), "the log opens");
  std::vector<const NewAdmission*> all;
  for (const NewAdmission& one : admissions) all.push_back(&one);
  require(log->append(all).ok(), "records are appended");
  const auto again = log->read();
  require(again.ok() && again->size() == admissions.size(), "as many are read as were appended");
  for (std::size_t i = 0; i < admissions.size(); ++i) require(equal((*again)[i], admissions[i]), "a record reads as it was written");
}

/// LEDGER.md, "The log of admissions".
std::string record_of(std::string_view payload) {
  std::string record = "SLA1";
  const auto size = static_cast<std::uint32_t>(payload.size());
  for (int byte = 0; byte < 4; ++byte) record.push_back(static_cast<char>(size >> (8 * byte) & 0xFF));
  record += sha256_hex(payload).substr(0, 16);
  record += payload;
  return record;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  check_round_trip(read(bytes));

  const std::string record = record_of(bytes);
  const auto one = read(record);
  require(one.size() <= 1, "a record is one admission at most");
  check_round_trip(one);
  // What follows is torn, as after a kill.
  require(read(record + record.substr(0, record.size() - 1)).size() == one.size(), "a torn record is none");
  return 0;
}
