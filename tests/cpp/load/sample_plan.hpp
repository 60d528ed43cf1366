// Plans built in code, for tests of what reads a Plan. The plan must outlive whatever was made from it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/load/plan.hpp"

namespace mqtt_sim::load {

// Speakers A, B and C with 4, 3 and 1 lines; the text of row r is "r".
inline Corpus sample_corpus() {
  return {{{"A", "0"}, {"B", "1"}, {"A", "2"}, {"C", "3"}, {"B", "4"}, {"A", "5"}, {"A", "6"}, {"B", "7"}}, {}};
}

inline GroupPlan producers(std::string name, uint32_t count, std::string topic) {
  GroupPlan group;
  group.name = std::move(name);
  group.count = count;
  group.client_id = "{group}-{i}";
  group.publish.emplace();
  group.publish->topic = std::move(topic);
  group.publish->rate_per_s = 1;
  return group;
}

inline GroupPlan consumers(std::string name, uint32_t count, std::vector<std::string> filters,
                           protocol::QoS qos = protocol::QoS::at_most_once) {
  GroupPlan group;
  group.name = std::move(name);
  group.count = count;
  group.client_id = "{group}-{i}";
  for (std::string& filter : filters) group.subscribe.push_back({std::move(filter), qos});
  return group;
}

inline Plan plan_of(std::vector<GroupPlan> groups, Duration duration = std::chrono::seconds(10)) {
  Plan plan;
  plan.name = "sample";
  plan.seed = 4;
  plan.is_virtual = true;
  plan.duration = duration;
  plan.drain = std::chrono::seconds(5);
  plan.broker = "{}";
  plan.corpus = sample_corpus();
  plan.groups = std::move(groups);
  return plan;
}

}  // namespace mqtt_sim::load
