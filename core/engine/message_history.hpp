// The last messages that a broker took, for pages that begin in the middle. A Rule that lets everything pass; to be
// asked last, so that it sees what the others have left. What begins with $ is not kept, nor is a payload above 4 KiB.
// Lives on the broker's thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/broker/rule.hpp"

namespace mqtt_sim::engine {

class MessageHistory final : public broker::Rule {
 public:
  static constexpr uint32_t kLimit = 200;            // messages that can be asked for
  static constexpr size_t kPayloadLimit = 4 * 1024;  // bytes

  explicit MessageHistory(uint32_t kept) : kept_(std::min(kept, kLimit)) {}

  broker::Verdict on_event(const broker::Event& event, Instant now) override;

  // The last `most` as [{"topic", "payload", "encoding": "base64" unless the payload is text, "at": epoch
  // milliseconds}], oldest first. `now` is the monotonic clock, `wall` the other one at the same moment.
  nlohmann::ordered_json to_document(size_t most, Instant now, Duration wall) const;

 private:
  struct Past {
    std::string topic;
    std::string payload;
    Instant at{};
  };

  const uint32_t kept_;
  size_t next_ = 0;  // the place of the oldest, once all are taken
  std::vector<Past> past_;
};

}  // namespace mqtt_sim::engine
