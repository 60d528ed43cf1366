// What a client says to a proxy and makes of its answers, byte by byte, without a socket.
#include "core/net/proxy_handshake.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mqtt_sim::net {
namespace {

using std::string_literals::operator""s;
using Step = ProxyHandshake::Step;

struct Dialogue {
  const char* name;
  ProxyOptions options;
  std::string host;
  std::vector<std::string> says;     // what we say, in turn
  std::vector<std::string> answers;  // of the proxy, one for each
  std::string problem = {};          // empty: the way is open
};

ProxyOptions socks(std::string user = {}, std::string password = {}) {
  return {ProxyKind::socks5h, "proxy", 1080, std::move(user), std::move(password)};
}
ProxyOptions http(std::string user = {}, std::string password = {}) {
  return {ProxyKind::http, "proxy", 8080, std::move(user), std::move(password)};
}

const std::string kGreeting = "\5\1\0"s;
const std::string kLogin = "\1\4user\6secret"s;
const std::string kRequest = "\5\1\0\3\4host\7\133"s;
const std::string kGranted = "\5\0\0\1\0\0\0\0\0\0"s;

const Dialogue kDialogues[] = {
    {"no_login", socks(), "host", {kGreeting, kRequest}, {"\5\0"s, kGranted}},
    {"login", socks("user", "secret"), "host", {"\5\2\0\2"s, kLogin, kRequest}, {"\5\2"s, "\1\0"s, kGranted}},
    {"login_that_is_not_asked_for", socks("user", "secret"), "host", {"\5\2\0\2"s, kRequest}, {"\5\0"s, kGranted}},
    {"ipv4", socks(), "1.2.3.255", {kGreeting, "\5\1\0\1\1\2\3\377\7\133"s}, {"\5\0"s, kGranted}},
    {"ipv6", socks(), "::1", {kGreeting, "\5\1\0\4"s + std::string(15, '\0') + "\1\7\133"}, {"\5\0"s, kGranted}},
    {"answer_with_a_name", socks(), "host", {kGreeting, kRequest}, {"\5\0"s, "\5\0\0\3\2ab\0\1"s}},
    {"answer_with_ipv6", socks(), "host", {kGreeting, kRequest}, {"\5\0"s, "\5\0\0\4"s + std::string(18, '\1')}},
    {"login_wanted", socks(), "host", {kGreeting}, {"\5\377"s}, "it wants a login"},
    {"login_impossible", socks("u", "p"), "host", {"\5\2\0\2"s}, {"\5\377"s}, "no login by user name"},
    {"login_wrong", socks("user", "secret"), "host", {"\5\2\0\2"s, kLogin}, {"\5\2"s, "\1\1"s}, "wrong user name"},
    {"method_that_was_not_offered", socks(), "host", {kGreeting}, {"\5\2"s}, "it wants a login"},
    {"another_protocol", socks(), "host", {kGreeting}, {"HTTP/1.1 400 Bad Request\r\n"}, "does not speak SOCKS5"},
    {"refused_by_rules", socks(), "host", {kGreeting, kRequest}, {"\5\0"s, "\5\2"s}, "rules do not allow"},
    {"host_unreachable", socks(), "host", {kGreeting, kRequest}, {"\5\0"s, "\5\4"s}, "host unreachable"},
    {"target_refused", socks(), "host", {kGreeting, kRequest}, {"\5\0"s, "\5\5"s}, "target refused"},
    {"unknown_code", socks(), "host", {kGreeting, kRequest}, {"\5\0"s, "\5\x63"s}, "code that there is not"},
    {"unknown_address", socks(), "host", {kGreeting, kRequest}, {"\5\0"s, "\5\0\0\7\0"s}, "type of address"},
    {"wrong_version", socks(), "host", {kGreeting, kRequest}, {"\5\0"s, "\4\0\0\1\0"s}, "does not speak SOCKS5"},
    {"http",
     http(),
     "host",
     {"CONNECT host:1883 HTTP/1.1\r\nHost: host:1883\r\n\r\n"},
     {"HTTP/1.1 200 Connection established\r\n\r\n"}},
    {"http_1_0",
     http(),
     "::1",
     {"CONNECT [::1]:1883 HTTP/1.1\r\nHost: [::1]:1883\r\n\r\n"},
     {"HTTP/1.0 200 OK\r\nVia: x\r\n\r\n"}},
    {"http_login",
     http("user", "secret"),
     "host",
     {"CONNECT host:1883 HTTP/1.1\r\nHost: host:1883\r\nProxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n\r\n"},
     {"HTTP/1.1 200 OK\r\n\r\n"}},
    {"http_login_wanted",
     http(),
     "host",
     {"CONNECT host:1883 HTTP/1.1\r\nHost: host:1883\r\n\r\n"},
     {"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"},
     "it wants a login"},
    {"http_refused",
     http(),
     "host",
     {"CONNECT host:1883 HTTP/1.1\r\nHost: host:1883\r\n\r\n"},
     {"HTTP/1.1 403 Forbidden\r\n\r\n"},
     "answered with 403 Forbidden"},
    {"http_is_none",
     http(),
     "host",
     {"CONNECT host:1883 HTTP/1.1\r\nHost: host:1883\r\n\r\n"},
     {"SSH-2.0-x\r\n\r\n"},
     "proxy:8080"},
};

class ProxyDialogue : public ::testing::TestWithParam<Dialogue> {};

// `size`: how many bytes of an answer come at a time.
void hold(const Dialogue& dialogue, size_t size) {
  ProxyHandshake handshake(dialogue.options, dialogue.host, 1883);
  WireBuffer head;
  for (size_t turn = 0; turn < dialogue.says.size(); ++turn) {
    ASSERT_EQ(handshake.advance(head), Step::speak);
    EXPECT_EQ(handshake.to_say(), dialogue.says[turn]);
    ASSERT_EQ(handshake.advance(head), Step::wait);
    const std::string& answer = dialogue.answers[turn];
    const bool is_last = turn + 1 == dialogue.says.size();
    for (size_t at = 0; at + size < answer.size(); at += size) {
      head.append(as_bytes(answer.substr(at, size)));
      if (dialogue.problem.empty()) {
        ASSERT_EQ(handshake.advance(head), Step::wait) << at;
      }
    }
    const size_t rest = answer.size() - 1 - (answer.size() - 1) % size;
    head.append(as_bytes(answer.substr(rest) + (is_last && dialogue.problem.empty() ? "then" : "")));
  }
  if (dialogue.problem.empty()) {
    EXPECT_EQ(handshake.advance(head), Step::open);
    EXPECT_EQ(as_text(head.view()), "then");
  } else {
    ASSERT_EQ(handshake.advance(head), Step::refuse);
    EXPECT_NE(handshake.problem().find("proxy proxy:"), std::string::npos) << handshake.problem();
    EXPECT_NE(handshake.problem().find(dialogue.problem), std::string::npos) << handshake.problem();
  }
}

TEST_P(ProxyDialogue, in_whole_answers) {
  RecordProperty("req", "Y-09");
  hold(GetParam(), 1000);
}

TEST_P(ProxyDialogue, byte_by_byte_until_the_way_is_open) {
  hold(GetParam(), GetParam().problem.empty() ? 1 : 1000);  // a refusal may come before the whole answer has
}

INSTANTIATE_TEST_SUITE_P(All, ProxyDialogue, ::testing::ValuesIn(kDialogues),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace mqtt_sim::net
