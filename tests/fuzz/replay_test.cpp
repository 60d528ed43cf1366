// Feeds every target the inputs that are kept as text, one a line in hex: the corpus, and in findings/ each input that
// once broke something. Needs no libFuzzer, so it runs with every compiler and under every sanitizer.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "tests/cpp/protocol/vectors.hpp"
#include "tests/fuzz/script.hpp"
#include "tests/fuzz/targets.hpp"

namespace mqtt_sim::fuzz {
namespace {

// The lines of a file that hold an input; an input that fails has its line printed last.
size_t replay(const Target& target, const std::filesystem::path& path) {
  std::ifstream file(path);
  size_t count = 0;
  size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.empty() || line.front() == '#') continue;
    std::cout << path.string() << ':' << number << std::endl;
    const std::vector<uint8_t> input = protocol::vectors::bytes_of(line);
    target.run(copy_of(input));
    ++count;
  }
  return count;
}

const Target& target_of(std::string_view name) {
  for (const Target& target : kTargets) {
    if (target.name == name) return target;
  }
  ADD_FAILURE() << "no such target";
  return kTargets[0];
}

class Replay : public ::testing::TestWithParam<const char*> {};

TEST_P(Replay, HoldsWhatTheTargetAssertsForTheCorpusAndForEveryFinding) {
  const Target& target = target_of(GetParam());
  const std::string file = std::string(target.name) + ".hex";
  EXPECT_GT(replay(target, std::filesystem::path("tests/fuzz/corpus") / file), 10u);
  replay(target, std::filesystem::path("tests/fuzz/findings") / file);  // there may be none
  target.run({});
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Replay,
                         ::testing::Values("decode_fuzz", "framer_fuzz", "topic_fuzz", "broker_connection_fuzz",
                                           "client_connection_fuzz"),
                         [](const auto& name) { return std::string(name.param); });

}  // namespace
}  // namespace mqtt_sim::fuzz
