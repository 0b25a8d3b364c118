// SPDX-License-Identifier: Apache-2.0
//
// Runs a fuzz target where there is no libFuzzer: every file of the corpora as it is, and then as
// many changed ones as -runs says, from -seed on. It sees no coverage, so it finds
// less; what it has in common with libFuzzer are the target, its arguments, and that the
// input of a failure is left in a file.
//
// usage: fuzz_TARGET [-runs=N] [-seed=N] [-max_len=N] [-artifact_prefix=PATH] FILE|FOLDER...

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.hpp"

namespace {

using Bytes = std::string;

struct Options {
  std::uint64_t runs = 0;
  std::uint64_t seed = 1;
  std::uint64_t max_len = 4096;
  std::string artifact_prefix;
  std::vector<Bytes> corpus;
};

#ifdef __SANITIZE_ADDRESS__
constexpr int deadly[] = {SIGABRT};  // the others are the sanitizer's, who says more about them
#else
constexpr int deadly[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
#endif

// For the signal handler, which can't be handed anything.
Bytes current;
std::string artifact;

void leave_input(int signal) {
  const int file = ::open(artifact.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file >= 0) (void)!::write(file, current.data(), current.size());
  static constexpr char told[] = "fuzz: the input is left in the artifact\n";
  (void)!::write(STDERR_FILENO, told, sizeof told - 1);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

void run(Bytes input) {
  current = std::move(input);
  // A copy of its very size: what reads beyond it is seen by a sanitizer.
  const std::vector<std::uint8_t> bytes(current.begin(), current.end());
  try {
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  } catch (const std::exception& problem) {
    std::cerr << "fuzz: thrown: " << problem.what() << '\n';
    std::abort();
  }
}

/// An input that takes all memory must end this program and not the machine. A sanitizer
/// reserves far more than it uses, and has a limit of its own.
void limit_memory() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  constexpr rlim_t bytes_max = 2'000'000'000;
  const rlimit limit{bytes_max, bytes_max};
  if (::setrlimit(RLIMIT_AS, &limit) != 0) throw std::runtime_error("couldn't limit the memory");
#endif
}

/// Changes inputs in the ways that break parsers.
class Changer {
 public:
  Changer(std::uint64_t seed, const std::vector<Bytes>& corpus, std::size_t bytes_max)
      : random_(seed), corpus_(corpus), bytes_max_(bytes_max) {}

  Bytes next() {
    Bytes input = one_of_corpus();
    for (std::uint64_t i = 0, changes = 1 + below(4); i < changes; ++i) change(input);
    input.resize(std::min(input.size(), bytes_max_));
    return input;
  }

 private:
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_); }
  Bytes one_of_corpus() { return corpus_.empty() ? Bytes{} : corpus_[below(corpus_.size())]; }

  void change(Bytes& input) {
    const std::size_t at = below(input.size() + 1);
    const std::size_t length = below(std::min<std::size_t>(input.size() - at, 32) + 1);
    switch (below(6)) {
      case 0:
        if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
        break;
      case 1: input.erase(at, length); break;
      case 2: input.insert(at, input.substr(at, length)); break;
      case 3: input.insert(at, 1 + below(4), static_cast<char>(below(256))); break;
      case 4: input.insert(at, borrowed[below(std::size(borrowed))]); break;
      default: {
        const Bytes other = one_of_corpus();
        input = input.substr(0, at) + other.substr(below(other.size() + 1));
      }
    }
  }

  static constexpr const char* borrowed[] = {"{",  "}",  "[",    "]",    "\"", "\\", ":", ",", "-1", "0", "18446744073709551616",
                                             "1e999", "\n", "null", "true", "*a", "&a ", "\xC2\x80", "\xF0\x9F\x98\x80", "\\ud800"};
  std::mt19937_64 random_;
  const std::vector<Bytes>& corpus_;
  const std::size_t bytes_max_;
};

void load(const std::filesystem::path& path, std::vector<Bytes>& corpus) {
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_directory(path)) {
    for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry.path());
  } else {
    files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    std::ifstream stream(file, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
    if (!stream) throw std::runtime_error("couldn't read " + file.string());
  }
}

Options read_arguments(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto value_of = [&](const std::string& name) {
      return argument.starts_with(name) ? std::optional(argument.substr(name.size())) : std::nullopt;
    };
    const auto number = [&](const std::string& text, std::uint64_t& to) {
      const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), to);
      if (problem != std::errc{} || end != text.data() + text.size()) throw std::runtime_error(argument + ": write a number");
    };
    if (const auto runs = value_of("-runs=")) {
      number(*runs, options.runs);
    } else if (const auto seed = value_of("-seed=")) {
      number(*seed, options.seed);
    } else if (const auto max_len = value_of("-max_len=")) {
      number(*max_len, options.max_len);
    } else if (const auto prefix = value_of("-artifact_prefix=")) {
      options.artifact_prefix = *prefix;
    } else if (argument.starts_with("-")) {
      throw std::runtime_error(argument + ": only libFuzzer has that");
    } else {
      load(argument, options.corpus);
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = read_arguments(argc, argv);
    limit_memory();
    artifact = options.artifact_prefix + "failed-seed-" + std::to_string(options.seed);
    for (const int signal : deadly) ::signal(signal, leave_input);
    for (const Bytes& input : options.corpus) run(input);
    Changer changer(options.seed, options.corpus, options.max_len);
    for (std::uint64_t i = 0; i < options.runs; ++i) run(changer.next());
    std::cout << options.corpus.size() << " inputs of the corpora and " << options.runs << " changed ones, seed " << options.seed << '\n';
    return 0;
  } catch (const std::exception& problem) {
    std::cerr << "fuzz: " << problem.what() << '\n';
    return 2;
  }
}
