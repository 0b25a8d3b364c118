// SPDX-License-Identifier: Apache-2.0
//
// Goal: any AdminComment can be searched for a tag and given one, and the tag is found again.
// Method: the bytes as an AdminComment.

#include <nlohmann/json.hpp>

#include "accounting/slurm/tag.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace sluice;
using fuzz::require;

constexpr std::size_t comment_bytes_max = 65'535;

slurm::Tag one_tag(const char* id) {
  slurm::Tag tag;
  tag.id = id;
  tag.mac = "1c4306d2fb0005a907855b6aab007358";
  tag.vouchers = {"CD-2026-0001"};
  tag.quote = "2.53";
  return tag;
}

void check_found(const slurm::Tag& tag) {
  for (const auto* text : {&tag.id, &tag.mac, &tag.nonce, &tag.workload, &tag.site, &tag.quote, &tag.charge}) {
    require(!*text || (*text)->size() <= 1024, "a member of a tag is short");
  }
  require(tag.vouchers.size() <= 64 && tag.options.size() <= 64, "a list of a tag is short");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  if (const auto found = slurm::find_tag(text)) check_found(*found);

  const auto tagged = slurm::with_tag(text, slurm::to_json(one_tag("A1")));
  if (!tagged.ok()) {
    require(size > comment_bytes_max - 4100, "a tag is refused only where there is no room");
    return 0;
  }
  require(tagged->size() <= comment_bytes_max, "slurmdbd keeps all of it");
  const auto found = slurm::find_tag(*tagged);
  require(found && found->id == "A1" && found->vouchers == one_tag("A1").vouchers, "a tag is found where it was set");

  const auto replaced = slurm::with_tag(*tagged, slurm::to_json(one_tag("A2")));
  require(replaced.ok() && replaced->size() == tagged->size(), "a tag takes the place of the one before");
  const auto newest = slurm::find_tag(*replaced);
  require(newest && newest->id == "A2", "the newest tag is found");
  return 0;
}
