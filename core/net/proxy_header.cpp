#include "core/net/proxy_header.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <charconv>
#include <string_view>

namespace mqtt_sim::net {
namespace {

namespace ip = boost::asio::ip;

constexpr std::array<uint8_t, 12> kSignature{0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
constexpr std::string_view kTextBegin = "PROXY ";
constexpr size_t kTextLimit = 107;  // with its end of line, by the specification
constexpr size_t kFixedSize = 16;   // of version 2, before addresses and extras
constexpr size_t kExtrasLimit = 4096;

Error malformed(const char* what) { return make_error(0x80, std::string("PROXY header: ") + what); }

bool begins_alike(ByteView bytes, ByteView with) {
  const size_t n = std::min(bytes.size(), with.size());
  return std::ranges::equal(bytes.first(n), with.first(n));
}

std::string host_and_port(const ip::address& host, uint16_t port) {
  const std::string text = host.to_string();
  return (host.is_v6() ? "[" + text + "]:" : text + ":") + std::to_string(port);
}

template <class Integer>
bool read_number(std::string_view text, Integer& to) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  return error == std::errc() && end == text.data() + text.size();
}

// PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n
Expected<ProxyHeader> parse_text(ByteView bytes) {
  const std::string_view text = as_text(bytes.first(std::min(bytes.size(), kTextLimit)));
  const size_t end = text.find("\r\n");
  if (end == std::string_view::npos) {
    if (bytes.size() >= kTextLimit) return malformed("the line is too long");
    return ProxyHeader{};
  }
  std::array<std::string_view, 6> words;
  size_t count = 0;
  for (size_t at = 0; at <= end && count < words.size();) {
    const size_t space = std::min(text.find(' ', at), end);
    words[count++] = text.substr(at, space - at);
    at = space + 1;
  }
  if (words[1] == "UNKNOWN") return ProxyHeader{end + 2, {}};
  boost::system::error_code error;
  const ip::address client = ip::make_address(std::string(words[2]), error);
  uint16_t port = 0;
  const bool is_family = (words[1] == "TCP4" && client.is_v4()) || (words[1] == "TCP6" && client.is_v6());
  if (error || count != 6 || !is_family || !read_number(words[4], port)) return malformed("the line is malformed");
  return ProxyHeader{end + 2, host_and_port(client, port)};
}

Expected<ProxyHeader> parse_binary(ByteView bytes) {
  if (bytes.size() < kFixedSize) return ProxyHeader{};
  const size_t extras = static_cast<size_t>(bytes[14] << 8 | bytes[15]);
  if (bytes[12] >> 4 != 2) return malformed("unknown version");
  if (extras > kExtrasLimit) return malformed("above 4 KiB");
  if (bytes.size() < kFixedSize + extras) return ProxyHeader{};
  const size_t size = kFixedSize + extras;
  const ByteView body = bytes.subspan(kFixedSize, extras);
  const unsigned command = bytes[12] & 0x0f;
  if (command == 0) return ProxyHeader{size, {}};  // LOCAL: a health check of the proxy itself
  if (command != 1) return malformed("unknown command");

  const auto port_at = [&](size_t at) { return static_cast<uint16_t>(body[at] << 8 | body[at + 1]); };
  switch (bytes[13] >> 4) {
    case 1: {
      if (body.size() < 12) return malformed("too short for its addresses");
      ip::address_v4::bytes_type raw;
      std::ranges::copy(body.first(raw.size()), raw.begin());
      return ProxyHeader{size, host_and_port(ip::address_v4(raw), port_at(8))};
    }
    case 2: {
      if (body.size() < 36) return malformed("too short for its addresses");
      ip::address_v6::bytes_type raw;
      std::ranges::copy(body.first(raw.size()), raw.begin());
      return ProxyHeader{size, host_and_port(ip::address_v6(raw), port_at(32))};
    }
    default: return ProxyHeader{size, {}};
  }
}

ip::address_v6 as_v6(const ip::address& address) {
  return address.is_v6() ? address.to_v6() : ip::make_address_v6(ip::v4_mapped, address.to_v4());
}

}  // namespace

Expected<ProxyHeader> parse_proxy_header(ByteView bytes) {
  if (bytes.empty()) return ProxyHeader{};
  if (begins_alike(bytes, as_bytes(kTextBegin))) {
    return bytes.size() < kTextBegin.size() ? Expected<ProxyHeader>(ProxyHeader{}) : parse_text(bytes);
  }
  if (begins_alike(bytes, kSignature)) return parse_binary(bytes);
  return malformed("missing");
}

Expected<ProxyTrust> ProxyTrust::parse(const std::vector<std::string>& networks) {
  ProxyTrust trust;
  for (const std::string& text : networks) {
    if (text == "unix") {
      trust.covers_unix_ = true;
      continue;
    }
    const size_t slash = text.find('/');
    boost::system::error_code error;
    const ip::address address = ip::make_address(text.substr(0, slash), error);
    const unsigned limit = address.is_v6() ? 128 : 32;
    unsigned bits = limit;
    const bool has_bits = slash == std::string::npos || read_number(std::string_view(text).substr(slash + 1), bits);
    if (error || !has_bits || bits > limit) {
      return make_error(0x80, "trusted proxy \"" + text + "\": neither an address nor address/bits");
    }
    trust.networks_.push_back({as_v6(address), bits + (128 - limit)});
  }
  return trust;
}

bool ProxyTrust::covers(const ip::address& address) const {
  const auto bytes = as_v6(address).to_bytes();
  return std::ranges::any_of(networks_, [&](const Network& network) {
    const auto base = network.address.to_bytes();
    const size_t whole = network.bits / 8;
    if (!std::equal(base.begin(), base.begin() + static_cast<std::ptrdiff_t>(whole), bytes.begin())) return false;
    const unsigned rest = network.bits % 8;
    return rest == 0 || (base[whole] ^ bytes[whole]) >> (8 - rest) == 0;
  });
}

}  // namespace mqtt_sim::net
