// SPDX-License-Identifier: Apache-2.0
//
// Goal: whatever packet comes back over the control socket, the plugin takes a status and a
// body from it or nothing. Method: the bytes as the packet.

#include "plugins/client/packet_transfer.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  using fuzz::require;
  using Outcome = client::TransferResult::Outcome;
  const std::string_view packet = fuzz::text_of(data, size);
  const auto result = client::read_answer_packet(packet);
  if (result.outcome != Outcome::answered) {
    require(result.outcome == Outcome::bad_reply && result.status == 0 && result.body.empty(), "a bad reply is nothing but that");
    require(!result.why.empty(), "a bad reply is told");
    return 0;
  }
  require(result.status >= 0 && result.status <= 999, "a status has three digits");
  const std::string status = std::to_string(result.status);
  require(packet == std::string(3 - status.size(), '0') + status + "\n" + result.body, "an answer is its packet");
  return 0;
}
