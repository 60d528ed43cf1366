#include "core/engine/message_history.hpp"

#include <chrono>
#include <nlohmann/json.hpp>

#include "core/base/base64.hpp"
#include "core/protocol/utf8.hpp"

namespace mqtt_sim::engine {

broker::Verdict MessageHistory::on_event(const broker::Event& event, Instant now) {
  const bool is_kept = event.kind == broker::EventKind::publish && kept_ > 0 && !event.topic.starts_with('$') &&
                       event.payload.size() <= kPayloadLimit;
  if (!is_kept) return broker::Verdict::pass();
  if (past_.size() < kept_) past_.emplace_back();
  Past& place = past_[next_];  // its strings keep their memory
  place.topic = event.topic;
  place.payload = as_text(event.payload);
  place.at = now;
  next_ = (next_ + 1) % kept_;
  return broker::Verdict::pass();
}

nlohmann::ordered_json MessageHistory::to_document(size_t most, Instant now, Duration wall) const {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  const size_t oldest = past_.size() < kept_ ? 0 : next_;
  for (size_t i = past_.size() - std::min(most, past_.size()); i < past_.size(); ++i) {
    const Past& past = past_[(oldest + i) % past_.size()];
    const bool is_text = protocol::is_utf8_string(past.payload);
    nlohmann::ordered_json item = {{"topic", past.topic},
                                   {"payload", is_text ? past.payload : to_base64(past.payload)}};
    if (!is_text) item["encoding"] = "base64";
    item["at"] = std::chrono::duration_cast<std::chrono::milliseconds>(wall - (now - past.at)).count();
    list.push_back(std::move(item));
  }
  return list;
}

}  // namespace mqtt_sim::engine
