#include "core/load/payload.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/random.hpp"
#include "core/load/placeholder.hpp"

namespace mqtt_sim::load {
namespace {

// Six decimals, cut and not rounded: 1.000000 would be outside [0, 1).
std::string_view format_random(double value, std::array<char, 32>& space) {
  const double cut = std::floor(value * 1e6) / 1e6;
  const auto result = std::to_chars(space.data(), space.data() + space.size(), cut, std::chars_format::fixed, 6);
  return {space.data(), static_cast<size_t>(result.ptr - space.data())};
}

}  // namespace

PayloadWriter::PayloadWriter(const Plan& plan, const GroupPlan& group, const std::vector<std::string>& rendered,
                             Duration epoch_offset)
    : plan_(plan), group_(group), publish_(*group.publish), rendered_(rendered), epoch_offset_(epoch_offset) {
  has_properties_ = !publish_.properties.empty() || !publish_.response_topic.empty();
  if (publish_.payload.speaks_corpus()) dialogue_.emplace(plan, group);
  if (publish_.payload.kind == PayloadKind::size) body_.assign(publish_.payload.size, 'x');
}

std::optional<uint64_t> PayloadWriter::message_limit(uint32_t index) const {
  return dialogue_ ? dialogue_->line_limit(index) : std::nullopt;
}

Content PayloadWriter::write(const Stamp& stamp, const Speaker& speaker) {
  write_body(stamp, speaker);
  if (has_properties_) write_properties(speaker);
  attach(stamp, speaker.composed && speaker.composed->is_object);
  return {as_bytes(body_), properties_.list()};
}

void PayloadWriter::write_body(const Stamp& stamp, const Speaker& speaker) {
  switch (publish_.payload.kind) {
    case PayloadKind::dialogue: body_ = rendered_[dialogue_->row(speaker.index, speaker.turn)]; return;
    case PayloadKind::text_template: return write_template(stamp, speaker);
    case PayloadKind::composed: body_ = speaker.composed->payload; return;
    case PayloadKind::size:
      return body_.resize(publish_.payload.size - (publish_.stamp == StampKind::trailer ? kStampSize : 0));
  }
}

void PayloadWriter::write_template(const Stamp& stamp, const Speaker& speaker) {
  body_.clear();
  expand(publish_.payload.text, body_, [&](std::string_view name, std::string& out) {
    if (name == "seq") {
      out += std::to_string(stamp.sequence);
    } else if (name == "epoch_ms") {
      out += std::to_string(to_ns(Duration(to_ns(stamp.sent)) + epoch_offset_) / 1'000'000);
    } else if (name == "random") {
      std::array<char, 32> space;
      const uint64_t purpose = uint64_t{stamp.stream} << 32 | stamp.sequence;
      out += format_random(Random(plan_.seed).fork(purpose).uniform(), space);
    } else if (name == "character") {
      out += spoken(plan_.corpus.rows[dialogue_->row(speaker.index, speaker.turn)].character);
    } else if (name == "text") {
      out += spoken(plan_.corpus.rows[dialogue_->row(speaker.index, speaker.turn)].text);
    } else {
      const std::string word = "{" + std::string(name) + "}";
      const std::string expanded = expand_names(word, {group_.name, speaker.index, speaker.client_id, ""});
      if (expanded == word) return false;
      out += expanded;
    }
    return true;
  });
}

void PayloadWriter::write_properties(const Speaker& speaker) {
  properties_ = publish_.properties;
  if (publish_.response_topic.empty()) return;
  properties_.text(protocol::PropertyId::response_topic,
                   expand_names(publish_.response_topic, {group_.name, speaker.index, speaker.client_id, ""}));
}

// Text of the corpus inside a template: escaped where the template is a JSON object, so that it stays one.
std::string PayloadWriter::spoken(const std::string& text) const {
  if (!publish_.payload.is_json) return text;
  const std::string quoted = nlohmann::json(text).dump();
  return quoted.substr(1, quoted.size() - 2);
}

void PayloadWriter::attach(const Stamp& stamp, bool is_object) {
  switch (publish_.stamp) {
    case StampKind::none: return;
    case StampKind::trailer: return append_stamp(stamp, body_);
    case StampKind::json: return append_stamp_member(stamp, body_);  // the plan made sure that it is an object
    case StampKind::by_content: return is_object ? append_stamp_member(stamp, body_) : append_stamp(stamp, body_);
    case StampKind::property: {
      std::array<uint8_t, kStampTextSize> text;
      write_stamp_text(stamp, text);
      if (!has_properties_) properties_.clear();
      properties_.user_property(kStampProperty, as_text(text));
    }
  }
}

}  // namespace mqtt_sim::load
