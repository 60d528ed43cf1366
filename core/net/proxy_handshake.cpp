#include "core/net/proxy_handshake.hpp"

#include <boost/asio/ip/address.hpp>

#include "core/base/base64.hpp"
#include "core/net/http_head.hpp"

namespace mqtt_sim::net {
namespace {

constexpr uint8_t kVersion = 5;
constexpr uint8_t kLoginVersion = 1;
constexpr uint8_t kNoLogin = 0;
constexpr uint8_t kUserAndPassword = 2;
constexpr uint8_t kConnect = 1;
enum AddressType : uint8_t { ipv4 = 1, name = 3, ipv6 = 4 };

char octet(size_t value) { return static_cast<char>(value & 0xFF); }
std::string prefixed(std::string_view text) { return octet(text.size()) + std::string(text); }

std::string_view words_of(uint8_t reply) {
  switch (reply) {
    case 1: return "general failure";
    case 2: return "its rules do not allow this target";
    case 3: return "network unreachable";
    case 4: return "host unreachable, or its name not found";
    case 5: return "the target refused the connection";
    case 6: return "time to live expired";
    case 7: return "it does not know the command CONNECT";
    case 8: return "it does not know this type of address";
    default: return "it answers with a code that there is not";
  }
}

}  // namespace

ProxyHandshake::ProxyHandshake(const ProxyOptions& options, std::string host, uint16_t port)
    : options_(options), host_(std::move(host)), port_(port) {}

ProxyHandshake::Step ProxyHandshake::advance(WireBuffer& head) {
  switch (stage_) {
    case Stage::begin:
      if (options_.kind == ProxyKind::http) return say(http_request(), Stage::http_answer);
      return say(greeting(), Stage::method);
    case Stage::method: return read_method(head);
    case Stage::login: return read_login(head);
    case Stage::answer: return read_answer(head);
    case Stage::http_answer: return read_http_answer(head);
  }
  return Step::wait;
}

ProxyHandshake::Step ProxyHandshake::say(std::string text, Stage then) {
  to_say_ = std::move(text);
  stage_ = then;
  return Step::speak;
}

ProxyHandshake::Step ProxyHandshake::refuse(std::string_view problem) {
  problem_ = "proxy " + options_.host + ":" + std::to_string(options_.port) + ": " + std::string(problem);
  return Step::refuse;
}

// --- SOCKS5

std::string ProxyHandshake::greeting() const {
  std::string text{octet(kVersion)};
  if (options_.user_name.empty()) return text + octet(1) + octet(kNoLogin);
  return text + octet(2) + octet(kNoLogin) + octet(kUserAndPassword);
}

ProxyHandshake::Step ProxyHandshake::read_method(WireBuffer& head) {
  if (head.size() < 2) return Step::wait;
  const uint8_t version = head.view()[0];
  const uint8_t method = head.view()[1];
  head.drop_front(2);
  if (version != kVersion) return refuse("it does not speak SOCKS5");
  if (method == kNoLogin) return say(request(), Stage::answer);
  if (method == kUserAndPassword && !options_.user_name.empty()) return say(login(), Stage::login);
  return refuse(options_.user_name.empty() ? "it wants a login: put user:password@ into its URL"
                                           : "it takes no login by user name and password");
}

std::string ProxyHandshake::login() const {
  return octet(kLoginVersion) + prefixed(options_.user_name) + prefixed(options_.password);
}

ProxyHandshake::Step ProxyHandshake::read_login(WireBuffer& head) {
  if (head.size() < 2) return Step::wait;
  const uint8_t status = head.view()[1];
  head.drop_front(2);
  if (status != 0) return refuse("wrong user name or password");
  return say(request(), Stage::answer);
}

std::string ProxyHandshake::request() const {
  std::string text{octet(kVersion), octet(kConnect), 0};
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host_, error);
  if (error) {
    text += octet(AddressType::name) + prefixed(host_);
  } else if (address.is_v4()) {
    text += octet(AddressType::ipv4);
    for (const uint8_t byte : address.to_v4().to_bytes()) text += octet(byte);
  } else {
    text += octet(AddressType::ipv6);
    for (const uint8_t byte : address.to_v6().to_bytes()) text += octet(byte);
  }
  return text + octet(size_t{port_} >> 8) + octet(port_);
}

// The address in the answer is the proxy's own and of no use, but has to be read past.
ProxyHandshake::Step ProxyHandshake::read_answer(WireBuffer& head) {
  const ByteView bytes = head.view();
  if (bytes.size() < 2) return Step::wait;
  if (bytes[0] != kVersion) return refuse("it does not speak SOCKS5");
  if (bytes[1] != 0) return refuse(words_of(bytes[1]));
  if (bytes.size() < 5) return Step::wait;
  size_t size = 4 + 2;
  switch (bytes[3]) {
    case AddressType::ipv4: size += 4; break;
    case AddressType::ipv6: size += 16; break;
    case AddressType::name: size += 1 + size_t{bytes[4]}; break;
    default: return refuse("it answers with a type of address that there is not");
  }
  if (bytes.size() < size) return Step::wait;
  head.drop_front(size);
  return Step::open;
}

// --- HTTP

std::string ProxyHandshake::http_request() const {
  const bool is_ipv6 = host_.find(':') != std::string::npos;
  const std::string to = (is_ipv6 ? "[" + host_ + "]" : host_) + ":" + std::to_string(port_);
  std::string text = "CONNECT " + to + " HTTP/1.1\r\nHost: " + to + "\r\n";
  if (!options_.user_name.empty()) {
    text += "Proxy-Authorization: Basic " + to_base64(options_.user_name + ":" + options_.password) + "\r\n";
  }
  return text + "\r\n";
}

ProxyHandshake::Step ProxyHandshake::read_http_answer(WireBuffer& head) {
  const HeadExtent extent = find_head(head.view());
  if (extent.state == HeadState::partial) return Step::wait;
  if (extent.state != HeadState::complete) return refuse("it does not speak HTTP");
  const auto response = parse_response_head(head.view().first(extent.size));
  if (!response) return refuse(response.error().text);
  if (response->status == 407) {
    return refuse(options_.user_name.empty() ? "it wants a login: put user:password@ into its URL"
                                             : "wrong user name or password");
  }
  if (response->status < 200 || response->status > 299) {
    return refuse("CONNECT was answered with " + std::to_string(response->status) + " " + response->reason);
  }
  head.drop_front(extent.size);
  return Step::open;
}

}  // namespace mqtt_sim::net
