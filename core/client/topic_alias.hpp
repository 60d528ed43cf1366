// Topic aliases of one connection (section 3.3.2.3.4): numbers that stand for topics. Made anew for each connection,
// since none outlives it [MQTT-3.3.2-7].
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace mqtt_sim::client {

// The topics that the sender of aliases has set. Costs memory up to the highest alias set, which its owner bounds.
class AliasTable {
 public:
  void set(uint16_t alias, std::string_view topic);  // alias > 0
  // Empty when it was never set. Valid until the next set().
  std::string_view topic_of(uint16_t alias) const;

 private:
  std::vector<std::string> topics_;  // by alias, from 1
};

// Gives out at most `maximum` aliases; then the least recently used one is set anew.
class AliasChooser {
 public:
  explicit AliasChooser(uint16_t maximum) : maximum_(maximum) {}

  struct Choice {
    uint16_t alias = 0;     // 0: none may be used
    bool is_known = false;  // it already stands for the topic
  };
  Choice choose(std::string_view topic) const;
  // A packet with that choice for that topic has been sent.
  void note_sent(const Choice&, std::string_view topic);

 private:
  struct Used {
    std::string topic;
    uint16_t alias;
  };

  uint16_t maximum_;
  std::list<Used> used_;                                                      // most recently used first
  std::unordered_map<std::string_view, std::list<Used>::iterator> by_topic_;  // keys are the topics in used_
};

}  // namespace mqtt_sim::client
