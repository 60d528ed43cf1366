// A gate that answers when the test does.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/broker/connection.hpp"
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {

// Remembers what it was asked.
class WaitingGate final : public Gate {
 public:
  void ask(const Question& question, Instant) override {
    numbers.push_back(question.number);
    if (question.connect) lines.push_back("connect " + std::string(question.connect->client_id));
    if (question.publish) {
      const std::string topic(question.publish->topic);
      const bool is_forward = question.kind == QuestionKind::forward;
      lines.push_back(is_forward ? topic + " to " + std::string(question.connection->facts().client_id)
                                 : "publish " + topic);
    }
    if (question.subscribe) lines.push_back("subscribe " + std::to_string(question.subscribe->entries.size()));
  }
  uint64_t next() {
    const uint64_t number = numbers.front();
    numbers.erase(numbers.begin());
    return number;
  }
  std::vector<uint64_t> numbers;
  Lines lines;
};

inline Answer saying(Verdict verdict) {
  Answer answer;
  answer.verdicts.push_back(std::move(verdict));
  return answer;
}

}  // namespace mqtt_sim::broker::test
