#include "core/load/stamp.hpp"

#include <array>
#include <cstring>
#include <nlohmann/json.hpp>

namespace mqtt_sim::load {
namespace {

constexpr std::array<uint8_t, 4> kMagic{'m', 'q', 0xC2, 'S'};
constexpr std::string_view kDigits = "0123456789abcdef";

constexpr std::array<int, 256> make_digit_values() {
  std::array<int, 256> values{};
  values.fill(-1);
  for (size_t i = 0; i < kDigits.size(); ++i) values[static_cast<uint8_t>(kDigits[i])] = static_cast<int>(i);
  return values;
}
constexpr auto kDigitValues = make_digit_values();

void put_instant(ByteWriter& writer, Instant instant) {
  const uint64_t ns = static_cast<uint64_t>(to_ns(instant));
  writer.u32(static_cast<uint32_t>(ns >> 32));
  writer.u32(static_cast<uint32_t>(ns));
}

Instant read_instant(ByteReader& reader) {
  const uint64_t high = reader.u32();
  return instant_from_ns(static_cast<int64_t>(high << 32 | reader.u32()));
}

std::optional<Stamp> read_stamp(ByteView raw) {
  if (raw.size() != kStampSize || std::memcmp(raw.data(), kMagic.data(), kMagic.size()) != 0) return std::nullopt;
  ByteReader reader(raw.subspan(kMagic.size()));
  Stamp stamp;
  stamp.run = reader.u32();
  stamp.stream = reader.u32();
  stamp.sequence = reader.u32();
  stamp.intended = read_instant(reader);
  stamp.sent = read_instant(reader);
  return stamp;
}

std::optional<Stamp> read_stamp_text(std::string_view text) {
  if (text.size() != kStampTextSize) return std::nullopt;
  std::array<uint8_t, kStampSize> raw;
  for (size_t i = 0; i < kStampSize; ++i) {
    const int high = kDigitValues[static_cast<uint8_t>(text[2 * i])];
    const int low = kDigitValues[static_cast<uint8_t>(text[2 * i + 1])];
    if (high < 0 || low < 0) return std::nullopt;
    raw[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return read_stamp(raw);
}

std::optional<Stamp> find_in_json(std::string_view payload) {
  constexpr std::string_view kEnd = "\"}";
  if (payload.size() < kStampTextSize + kStampMember.size() + kEnd.size() || !payload.ends_with(kEnd))
    return std::nullopt;
  payload.remove_suffix(kEnd.size());
  const std::string_view digits = payload.substr(payload.size() - kStampTextSize);
  payload.remove_suffix(kStampTextSize);
  if (!payload.ends_with(kStampMember.substr(1))) return std::nullopt;  // an object may hold nothing but the stamp
  return read_stamp_text(digits);
}

template <size_t size>
std::span<uint8_t, size> append_space(std::string& text) {
  text.resize(text.size() + size);
  return std::span<uint8_t, size>(reinterpret_cast<uint8_t*>(text.data()) + text.size() - size, size);
}

}  // namespace

void write_stamp(const Stamp& stamp, std::span<uint8_t, kStampSize> space) {
  ByteWriter writer(space);
  writer.put(kMagic);
  writer.u32(stamp.run);
  writer.u32(stamp.stream);
  writer.u32(stamp.sequence);
  put_instant(writer, stamp.intended);
  put_instant(writer, stamp.sent);
}

void write_stamp_text(const Stamp& stamp, std::span<uint8_t, kStampTextSize> space) {
  std::array<uint8_t, kStampSize> raw;
  write_stamp(stamp, raw);
  for (size_t i = 0; i < kStampSize; ++i) {
    space[2 * i] = static_cast<uint8_t>(kDigits[raw[i] >> 4]);
    space[2 * i + 1] = static_cast<uint8_t>(kDigits[raw[i] & 15]);
  }
}

void append_stamp(const Stamp& stamp, std::string& payload) { write_stamp(stamp, append_space<kStampSize>(payload)); }

void append_stamp_member(const Stamp& stamp, std::string& object) {
  object.pop_back();
  const bool is_first_member = object[object.find_last_not_of(" \t\r\n")] == '{';
  object.append(kStampMember.substr(is_first_member ? 1 : 0));
  write_stamp_text(stamp, append_space<kStampTextSize>(object));
  object.append("\"}");
}

size_t cut_stamp(std::string& text, size_t payload_size) {
  const ByteView payload = as_bytes(std::string_view(text).substr(text.size() - payload_size));
  if (payload_size >= kStampSize && read_stamp(payload.last(kStampSize))) {
    text.resize(text.size() - kStampSize);
    return kStampSize;
  }
  if (!find_in_json(as_text(payload))) return 0;
  size_t end = text.size() - 2 - kStampTextSize - (kStampMember.size() - 1);
  if (text[end - 1] == ',') --end;  // unless it was the only member
  const size_t before = text.size();
  text.resize(end);
  text.push_back('}');
  return before - text.size();
}

bool takes_stamp_member(std::string_view payload) {
  const bool may_be = payload.starts_with('{') && payload.ends_with('}');
  return may_be && nlohmann::json::accept(payload);
}

std::optional<Stamp> find_stamp(const protocol::Publish& publish) {
  const ByteView payload = publish.payload;
  if (payload.size() >= kStampSize)
    if (auto stamp = read_stamp(payload.last(kStampSize))) return stamp;
  if (auto stamp = find_in_json(as_text(payload))) return stamp;
  if (publish.properties.empty()) return std::nullopt;
  const auto text = publish.properties.user_property(kStampProperty);
  return text ? read_stamp_text(*text) : std::nullopt;
}

}  // namespace mqtt_sim::load
