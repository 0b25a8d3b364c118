// SPDX-License-Identifier: Apache-2.0
//
// Goal: nothing that a service may send does more inside slurmctld than PROTOCOL.md allows.
// Method: the bytes as an answer; and the limits of JSON and text that it rests on.

#include <algorithm>

#include "plugins/job_submit/answer.hpp"
#include "plugins/job_submit/json_limits.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace sluice;
using namespace sluice::job_submit;
using fuzz::require;

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

void check_field(const std::optional<std::string>& field, std::size_t bytes_max, bool lines_allowed) {
  if (!field) return;
  require(!field->empty() && field->size() <= bytes_max, "a text of \"set\" is as long as it may be");
  require(field->find('\0') == std::string::npos && (lines_allowed || !has_control(*field)), "a text of \"set\" is safe in a descriptor");
}

void check(const Answer& answer) {
  check_field(answer.partition, set_text_bytes_max, false);
  check_field(answer.cluster_features, set_text_bytes_max, false);
  check_field(answer.admin_comment, admin_comment_bytes_max, true);
  if (answer.begin_time) require(*answer.begin_time >= 1 && *answer.begin_time <= 4'294'967'293, "a begin time is one of Slurm's");
  require(answer.lines.size() <= lines_max, "there are no more lines than are shown");
  require(answer.action == Answer::Action::admit || !answer.lines.empty(), "a refusal says something");
  for (const std::string& line : answer.lines) {
    const bool is_quote = line.starts_with(quote_line_prefix);
    require(!line.empty() && line.size() <= (is_quote ? quote_line_bytes_max : line_bytes_max), "a line is as long as it may be");
    require(!has_control(line), "a terminal will show a line");
  }
}

void check_limits(std::string_view text) {
  if (nests_at_most(text, answer_depth_max)) {
    const Json read = Json::parse(text, nullptr, false);
    if (!read.is_discarded()) {
      const std::string written = write_json(read);
      const Json again = Json::parse(written, nullptr, false);
      require(!again.is_discarded() && write_json(again) == written, "JSON that is written reads back as it was");
    }
  }
  const std::string shown = printable(text);
  require(shown.size() <= text.size() && !has_control(shown), "what is printable has no control characters");
  const std::string_view cut = cut_text(text, text.size() / 2);
  require(cut.size() <= text.size() / 2 && text.starts_with(cut), "a cut text is a short beginning");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const auto answer = read_answer(text);
  if (const auto* read = std::get_if<Answer>(&answer)) check(*read);
  if (const auto* unreadable = std::get_if<Unreadable>(&answer)) {
    require(!unreadable->why.empty() && !has_control(unreadable->why), "what can't be read is said in one line");
  }
  check_limits(text);
  return 0;
}
