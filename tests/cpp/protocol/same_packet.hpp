// Whether two packets say the same, wherever the bytes lie that their views point into.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>

#include "core/protocol/packet.hpp"

namespace mqtt_sim::protocol {

struct IsSame {
  static bool same(ByteView a, ByteView b) { return std::ranges::equal(a, b); }
  static bool same(const PropertyList& a, const PropertyList& b) { return same(a.encoded(), b.encoded()); }
  static bool same(const std::optional<ByteView>& a, const std::optional<ByteView>& b) {
    return a.has_value() == b.has_value() && (!a || same(*a, *b));
  }
  static bool same(const std::optional<Will>& a, const std::optional<Will>& b) {
    if (!a || !b) return a.has_value() == b.has_value();
    return a->topic == b->topic && same(a->payload, b->payload) && a->qos == b->qos && a->retain == b->retain &&
           same(a->properties, b->properties);
  }

  bool operator()(const Connect& a, const Connect& b) const {
    return a.version == b.version && a.clean_start == b.clean_start && a.keep_alive_s == b.keep_alive_s &&
           a.client_id == b.client_id && same(a.will, b.will) && a.user_name == b.user_name &&
           same(a.password, b.password) && same(a.properties, b.properties);
  }
  bool operator()(const Connack& a, const Connack& b) const {
    return a.session_present == b.session_present && a.code == b.code && same(a.properties, b.properties);
  }
  bool operator()(const Publish& a, const Publish& b) const {
    return a.dup == b.dup && a.qos == b.qos && a.retain == b.retain && a.topic == b.topic &&
           a.packet_id == b.packet_id && same(a.properties, b.properties) && same(a.payload, b.payload);
  }
  template <PacketType type>
  bool operator()(const PublishReply<type>& a, const PublishReply<type>& b) const {
    return a.packet_id == b.packet_id && a.reason == b.reason && same(a.properties, b.properties);
  }
  bool operator()(const Subscribe& a, const Subscribe& b) const {
    const auto same_entry = [](const SubscribeEntry& one, const SubscribeEntry& other) {
      return one.filter == other.filter && one.options == other.options;
    };
    return a.packet_id == b.packet_id && same(a.properties, b.properties) &&
           std::ranges::equal(a.entries, b.entries, same_entry);
  }
  bool operator()(const Unsubscribe& a, const Unsubscribe& b) const {
    return a.packet_id == b.packet_id && same(a.properties, b.properties) && a.filters == b.filters;
  }
  bool operator()(const Suback& a, const Suback& b) const { return same_codes(a, b); }
  bool operator()(const Unsuback& a, const Unsuback& b) const { return same_codes(a, b); }
  bool operator()(const Pingreq&, const Pingreq&) const { return true; }
  bool operator()(const Pingresp&, const Pingresp&) const { return true; }
  bool operator()(const Disconnect& a, const Disconnect& b) const {
    return a.reason == b.reason && same(a.properties, b.properties);
  }
  bool operator()(const Auth& a, const Auth& b) const {
    return a.reason == b.reason && same(a.properties, b.properties);
  }
  template <class One, class Other>
  bool operator()(const One&, const Other&) const {
    return false;
  }

 private:
  template <class Acknowledgement>
  static bool same_codes(const Acknowledgement& a, const Acknowledgement& b) {
    return a.packet_id == b.packet_id && same(a.properties, b.properties) && same(a.codes, b.codes);
  }
};

inline bool is_same(const Packet& a, const Packet& b) { return std::visit(IsSame(), a, b); }

}  // namespace mqtt_sim::protocol
