// One named table of packets as bytes, valid and not, with what the codec has to say of each. Letters and numbers (F01,
// C04, P17) are those of the bad inputs a broker is measured by; where the codec alone cannot know that an input is
// bad, the name says so and the packet is valid here. Codec, client and broker tests read the same table.
#pragma once

#include <iterator>
#include <ostream>
#include <span>
#include <vector>

#include "tests/cpp/protocol/vectors_connection.hpp"
#include "tests/cpp/protocol/vectors_message.hpp"

namespace mqtt_sim::protocol::vectors {

struct Vector {
  std::string_view name;
  ProtocolVersion version;
  std::vector<uint8_t> bytes;
  Form form;
  ReasonCode reason;
  std::vector<uint8_t> canonical;  // what encoding gives; empty when unreadable

  bool is_valid() const { return form != Form::unreadable; }
  friend std::ostream& operator<<(std::ostream& out, const Vector& vector) {
    return out << vector.name << " at level " << static_cast<int>(vector.version);
  }
};

inline std::vector<uint8_t> bytes_of(std::string_view hex) {
  const auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < hex.size(); ++i) {
    if (hex[i] == ' ') continue;
    bytes.push_back(static_cast<uint8_t>(digit(hex[i]) << 4 | digit(hex[i + 1])));
    ++i;
  }
  return bytes;
}

inline unsigned bit_of(ProtocolVersion version) {
  return version == ProtocolVersion::v3_1 ? k31 : version == ProtocolVersion::v3_1_1 ? k311 : k50;
}

// Every row at every level it names.
inline std::vector<Vector> all() {
  std::vector<Vector> vectors;
  const auto add = [&](std::span<const Row> rows) {
    for (const Row& row : rows) {
      const std::vector<uint8_t> bytes = bytes_of(row.hex);
      std::vector<uint8_t> canonical = bytes_of(row.canonical);
      if (row.form == Form::canonical) canonical = bytes;
      for (const auto version : {ProtocolVersion::v3_1, ProtocolVersion::v3_1_1, ProtocolVersion::v5_0}) {
        if (!(row.versions & bit_of(version))) continue;
        vectors.push_back({row.name, version, bytes, row.form, row.reason, canonical});
      }
    }
  };
  add(kConnectionRows);
  add(kMessageRows);
  return vectors;
}

}  // namespace mqtt_sim::protocol::vectors
