#include "core/client/topic_alias.hpp"

#include "core/base/assert.hpp"

namespace mqtt_sim::client {

void AliasTable::set(uint16_t alias, std::string_view topic) {
  MQTT_SIM_ASSERT(alias > 0);
  if (topics_.size() < alias) topics_.resize(alias);
  topics_[alias - 1u] = topic;
}

std::string_view AliasTable::topic_of(uint16_t alias) const {
  return alias > 0 && alias <= topics_.size() ? std::string_view(topics_[alias - 1u]) : std::string_view();
}

AliasChooser::Choice AliasChooser::choose(std::string_view topic) const {
  if (maximum_ == 0) return {};
  if (!used_.empty() && used_.front().topic == topic) return {used_.front().alias, true};
  if (const auto known = by_topic_.find(topic); known != by_topic_.end()) return {known->second->alias, true};
  if (used_.size() < maximum_) return {static_cast<uint16_t>(used_.size() + 1), false};
  return {used_.back().alias, false};
}

void AliasChooser::note_sent(const Choice& choice, std::string_view topic) {
  if (choice.is_known) {
    if (used_.front().alias != choice.alias) used_.splice(used_.begin(), used_, by_topic_.at(topic));
    return;
  }
  if (used_.size() < maximum_) {
    used_.push_front({std::string(topic), choice.alias});
  } else {
    by_topic_.erase(used_.back().topic);
    used_.back().topic = topic;
    used_.splice(used_.begin(), used_, std::prev(used_.end()));
  }
  MQTT_SIM_ASSERT(used_.front().alias == choice.alias);
  by_topic_.emplace(used_.front().topic, used_.begin());
}

}  // namespace mqtt_sim::client
