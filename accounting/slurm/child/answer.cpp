// SPDX-License-Identifier: Apache-2.0

#include "accounting/slurm/child/answer.hpp"

#include <unistd.h>

#include <cerrno>

#include "accounting/slurm/codec.hpp"

namespace sluice::slurm {
namespace {

constexpr std::size_t pending_bytes_max = 256u << 10;

}  // namespace

void LineOutput::add(std::string_view line) {
  pending_ += line;
  if (pending_.size() >= pending_bytes_max) flush();
}

void LineOutput::flush() {
  std::size_t written = 0;
  while (written < pending_.size()) {
    const ssize_t count = write(descriptor_, pending_.data() + written, pending_.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) _exit(1);
    written += static_cast<std::size_t>(count);
  }
  pending_.clear();
}

void Answer::row(nlohmann::json row) {
  ++rows_;
  output_.add(to_line({{"id", id_}, {"row", std::move(row)}}));
}

void Answer::relay(std::string_view line) {
  ++rows_;
  output_.add(line);
}

void Answer::done(nlohmann::json more) {
  more["id"] = id_;
  more["done"] = true;
  more["rows"] = rows_;
  output_.add(to_line(more));
  output_.flush();
}

void Answer::error(const HelperFault& fault) {
  output_.add(
      to_line({{"id", id_},
               {"error", {{"text", fault.text}, {"errno", fault.number}, {"unreachable", fault.is_unreachable}}}}));
  output_.flush();
}

}  // namespace sluice::slurm
