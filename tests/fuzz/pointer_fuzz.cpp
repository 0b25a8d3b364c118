// SPDX-License-Identifier: Apache-2.0
//
// Goal: what the plugin leaves in AdminComment without an answer is found by the service later,
// whatever the user wrote. Method: the bytes up to the first NUL are a voucher's name, the
// rest is the AdminComment before.

#include <string>

#include "accounting/slurm/tag.hpp"
#include "plugins/job_submit/tag.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace sluice;
using fuzz::require;

constexpr const char* nonce = "00112233445566778899aabbccddeeff";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const std::string voucher(text.substr(0, text.find('\0')));
  const std::string_view before = voucher.size() < size ? text.substr(voucher.size() + 1) : std::string_view{};
  const std::string comment = job_submit::outage_tag(nonce, {{"voucher", voucher}, {"place", "local"}}, before);
  // A byte of the user becomes six of JSON at most.
  require(comment.size() <= job_submit::tag_bytes_max + 6 * before.size() + 32, "the comment is not much longer than it was");
  const auto found = slurm::find_tag(comment);
  if (!found) {
    require(comment.size() > 65'535 || before.size() > 1024, "a pointer is found again");
    return 0;
  }
  require(found->nonce == nonce && found->unpriced && !found->id, "a pointer names its submission, and nothing else");
  return 0;
}
