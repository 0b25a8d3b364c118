// SPDX-License-Identifier: Apache-2.0
//
// Reading an answer: anything but a valid object is a fault as a whole, so that no
// half of a decision is ever applied.

#include "plugins/job_submit/answer.hpp"

#include <algorithm>

#include "plugins/job_submit/json_limits.hpp"

namespace sluice::job_submit {

namespace {

constexpr std::int64_t begin_time_max = 0xFFFFFFFDLL;  // Slurm's own sentinels begin after it

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

/// Collects the first reason why the answer can't be taken.
class Reader {
 public:
  explicit Reader(const Json& root) : root_(root) {}

  [[nodiscard]] std::variant<Answer, Unreadable> read() {
    if (!root_.is_object()) return Unreadable{"the answer is no JSON object"};
    read_version();
    read_action();
    if (const Json* set = member(root_, "set")) read_set(*set);
    if (const Json* lines = member(root_, "lines")) read_lines(*lines);
    if (!why_.empty()) return Unreadable{why_};
    if (answer_.action == Answer::Action::refuse && answer_.lines.empty()) {
      answer_.lines.emplace_back("sluice: this job is refused, but no reason was given; ask your administrator");
    }
    return answer_;
  }

 private:
  static const Json* member(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found == object.end() ? nullptr : &*found;
  }

  void fail(const std::string& why) {
    if (why_.empty()) why_ = why;
  }

  void read_version() {
    const Json* version = member(root_, "v");
    if (version == nullptr || !version->is_number_integer() || *version != 1) fail("\"v\" is not 1");
  }

  void read_action() {
    const Json* action = member(root_, "action");
    if (action == nullptr || !action->is_string()) {
      fail("\"action\" is missing or no text");
    } else if (*action == "refuse") {
      answer_.action = Answer::Action::refuse;
    } else if (*action != "admit") {
      fail("\"action\" is neither admit nor refuse");
    }
    if (const Json* reason = member(root_, "reason")) {
      if (!reason->is_string()) {
        fail("\"reason\" is no text");
      } else if (*reason == "denied") {
        answer_.reason = Answer::Reason::denied;
      }
    }
  }

  void read_set(const Json& set) {
    if (!set.is_object()) return fail("\"set\" is no object");
    read_text(set, "partition", set_text_bytes_max, answer_.partition);
    read_text(set, "cluster_features", set_text_bytes_max, answer_.cluster_features);
    read_text(set, "admin_comment", admin_comment_bytes_max, answer_.admin_comment);
    if (const Json* time = member(set, "begin_time")) {
      if (!time->is_number_unsigned() || time->get<std::uint64_t>() == 0 ||
          time->get<std::uint64_t>() > static_cast<std::uint64_t>(begin_time_max)) {
        return fail("\"begin_time\" is no time");
      }
      answer_.begin_time = static_cast<std::int64_t>(time->get<std::uint64_t>());
    }
  }

  void read_text(const Json& set, const char* name, std::size_t bytes_max, std::optional<std::string>& field) {
    const Json* value = member(set, name);
    if (value == nullptr) return;
    const auto* text = value->get_ptr<const std::string*>();
    const std::string quoted = std::string("\"") + name + "\"";
    if (text == nullptr) return fail(quoted + " is no text");
    if (text->empty()) return fail(quoted + " is empty");
    if (text->size() > bytes_max) return fail(quoted + " is longer than " + std::to_string(bytes_max) + " bytes");
    // Others may keep several lines in AdminComment; no other field has a use for them.
    const bool lines_allowed = std::string_view(name) == "admin_comment";
    if (lines_allowed ? text->find('\0') != std::string::npos : has_control(*text)) {
      return fail(quoted + " holds a control character");
    }
    field = *text;
  }

  void read_lines(const Json& lines) {
    if (!lines.is_array()) return fail("\"lines\" is no list");
    for (const Json& line : lines) {
      const auto* text = line.get_ptr<const std::string*>();
      if (text == nullptr) return fail("\"lines\" holds something that is no text");
      if (answer_.lines.size() == lines_max) continue;
      const std::string whole = printable(*text);
      const bool is_quote = whole.compare(0, quote_line_prefix.size(), quote_line_prefix) == 0;
      std::string shown(cut_text(whole, is_quote ? quote_line_bytes_max : line_bytes_max));
      if (!shown.empty()) answer_.lines.push_back(std::move(shown));
    }
  }

  const Json& root_;
  Answer answer_;
  std::string why_;
};

}  // namespace

std::variant<Answer, Unreadable> read_answer(std::string_view body) {
  if (body.size() > answer_bytes_max) return Unreadable{"the answer is longer than 65536 bytes"};
  if (!nests_at_most(body, answer_depth_max)) return Unreadable{"the answer nests too deep"};
  if (body.find('\0') != std::string_view::npos) return Unreadable{"the answer holds a NUL"};  // the parser would stop there
  const Json root = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (root.is_discarded()) return Unreadable{"the answer is no JSON"};
  return Reader(root).read();
}

}  // namespace sluice::job_submit
