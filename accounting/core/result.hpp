// SPDX-License-Identifier: Apache-2.0
//
// Result<T>: an expected outcome as a value, since g++ 12 has std::expected only
// in C++23. A failure is either a refusal (the request broke a rule) or a fault
// (we could not do what was right). No I/O, no allocation beyond the text.

#pragma once

#include <string>
#include <utility>
#include <variant>

namespace sluice {

/// Why something did not happen.
struct Failure {
  enum class Kind {
    refusal,     ///< the request broke a rule; repeating it won't help unless facts change
    fault,       ///< we failed; a retry may succeed
    unreachable  ///< a service that we need can't be reached
  };
  Kind kind = Kind::fault;
  std::string code;  ///< stable name, such as "insufficient_balance"; see refusal.hpp
  std::string text;  ///< one sentence for people: what, why, and what to do next
};

[[nodiscard]] inline Failure refusal(std::string code, std::string text) {
  return {Failure::Kind::refusal, std::move(code), std::move(text)};
}
[[nodiscard]] inline Failure fault(std::string text) {
  return {Failure::Kind::fault, "fault", std::move(text)};
}

/// Either a T or a Failure.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Failure failure) : state_(std::in_place_index<1>, std::move(failure)) {}

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  [[nodiscard]] T& value() & { return std::get<0>(state_); }
  [[nodiscard]] const T& value() const& { return std::get<0>(state_); }
  [[nodiscard]] T&& value() && { return std::get<0>(std::move(state_)); }
  [[nodiscard]] const Failure& failure() const { return std::get<1>(state_); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }

 private:
  std::variant<T, Failure> state_;
};

/// A Result without a value.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Failure failure) : failure_(std::move(failure)), ok_(false) {}
  [[nodiscard]] bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  [[nodiscard]] const Failure& failure() const { return failure_; }

 private:
  Failure failure_;
  bool ok_ = true;
};

}  // namespace sluice
