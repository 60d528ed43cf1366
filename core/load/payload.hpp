// What a message of one publishing group carries: a dialogue as the tutorial's JSON, filler of a given size, or a
// template, or what somebody outside composed, with the stamp put where the plan says. One writer per group and shard;
// what write() returns lasts until the next write().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/load/content.hpp"
#include "core/load/dialogue.hpp"
#include "core/load/plan.hpp"
#include "core/load/stamp.hpp"
#include "core/protocol/property.hpp"

namespace mqtt_sim::load {

struct Content {
  ByteView payload;
  protocol::PropertyList properties;
};

// Who speaks, and which of its lines: one more than the sequence number for each that the server would not take.
struct Speaker {
  uint32_t index = 0;
  std::string_view client_id;
  uint64_t turn = 0;
  const ComposedContent* composed = nullptr;  // where the plan says that this message is
};

class PayloadWriter {
 public:
  // `rendered`: render_rows() of the plan's corpus. Wall clock = instant + `epoch_offset`. All must outlive the writer.
  PayloadWriter(const Plan& plan, const GroupPlan& group, const std::vector<std::string>& rendered,
                Duration epoch_offset);

  // How many messages client `index` has to say; nothing when there is no end.
  std::optional<uint64_t> message_limit(uint32_t index) const;
  Content write(const Stamp&, const Speaker&);

 private:
  void write_body(const Stamp&, const Speaker&);
  void write_properties(const Speaker&);
  void write_template(const Stamp&, const Speaker&);
  std::string spoken(const std::string& text) const;
  void attach(const Stamp&, bool is_object);

  const Plan& plan_;
  const GroupPlan& group_;
  const PublishPlan& publish_;
  const std::vector<std::string>& rendered_;
  Duration epoch_offset_;
  std::optional<Dialogue> dialogue_;
  std::string body_;
  protocol::PropertyWriter properties_;
  bool has_properties_ = false;  // beside the stamp
};

}  // namespace mqtt_sim::load
