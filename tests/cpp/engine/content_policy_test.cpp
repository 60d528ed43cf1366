// The crawl page's policy: to whom the page may connect, and that no request can write anything else into the header.
#include "core/engine/content_policy.hpp"

#include <gtest/gtest.h>

#include <string>

namespace mqtt_sim::engine {
namespace {

std::string connect_places(std::string_view host, std::string_view query, bool allows_others = false) {
  const std::string policy = content_security_policy(host, query, allows_others);
  const std::string begin = "default-src 'self'; connect-src ";
  const std::string end = "; base-uri 'none'; form-action 'self'";
  EXPECT_TRUE(policy.starts_with(begin)) << policy;
  EXPECT_TRUE(policy.ends_with(end)) << policy;
  return policy.substr(begin.size(), policy.size() - begin.size() - end.size());
}

constexpr const char* kOwn = "'self' ws://127.0.0.1:80 wss://127.0.0.1:80";

TEST(ContentPolicy, ThePageMayReachItsOwnServer) {
  RecordProperty("req", "W-01");
  EXPECT_EQ(connect_places("127.0.0.1:80", ""), kOwn);
  EXPECT_EQ(connect_places("[::1]:80", ""), "'self' ws://[::1]:80 wss://[::1]:80");
  EXPECT_EQ(connect_places("example", "topic=a/%23&v=5"), "'self' ws://example wss://example");
}

TEST(ContentPolicy, AnotherPortOfItsOwnHostMayBeNamed) {
  RecordProperty("req", "W-01, W-11");
  EXPECT_EQ(connect_places("127.0.0.1:80", "url=ws://127.0.0.1:9001/mqtt"), kOwn + std::string(" ws://127.0.0.1:9001"));
  EXPECT_EQ(connect_places("127.0.0.1:80", "v=4&url=ws%3A%2F%2Fann%3Ax%40127.0.0.1%3A9001%2F%3Fa"),
            kOwn + std::string(" ws://127.0.0.1:9001"));
  EXPECT_EQ(connect_places("[::1]:80", "url=wss://[::1]:9001/"),
            "'self' ws://[::1]:80 wss://[::1]:80 wss://[::1]:9001");
}

TEST(ContentPolicy, AnotherHostOnlyWhereThatIsAllowed) {
  RecordProperty("req", "W-01");
  EXPECT_EQ(connect_places("127.0.0.1:80", "url=wss://elsewhere:9001/"), kOwn);
  EXPECT_EQ(connect_places("127.0.0.1:80", "url=wss://elsewhere:9001/", true),
            kOwn + std::string(" wss://elsewhere:9001"));
  EXPECT_EQ(connect_places("127.0.0.1:80", "url=ws://127.0.0.1:80@elsewhere/"), kOwn);
  EXPECT_EQ(connect_places("127.0.0.1:80", "url=ws://127.0.0.1.elsewhere/"), kOwn);
}

TEST(ContentPolicy, ThePresetsNameTheirPorts) {
  RecordProperty("req", "D-21");
  EXPECT_EQ(connect_places("127.0.0.1:80", "mosquitto"),
            kOwn + std::string(" ws://127.0.0.1:8080 wss://127.0.0.1:8081"));
  EXPECT_EQ(connect_places("127.0.0.1:80", "quiet&useDiffusionServer=1"),
            kOwn + std::string(" ws://127.0.0.1:8086 wss://127.0.0.1:8086"));
  EXPECT_EQ(connect_places("127.0.0.1:80", "diffusion"), kOwn);
}

TEST(ContentPolicy, WhatIsNoHostIsLeftOut) {
  for (const std::string host : {"", "a b", "a;script-src *", "a\r\nX: y", "a'b", "a,b"})
    EXPECT_EQ(connect_places(host, "mosquitto"), "'self'") << host;
  EXPECT_EQ(connect_places(std::string(256, 'a'), "mosquitto"), "'self'");
  for (const std::string url : {"ws://a;b/", "ws://a%0d%0aX:y/", "ws://a%20*/", "http://a/", "ws://", "%", "ws%3", "*"})
    EXPECT_EQ(connect_places("127.0.0.1:80", "url=" + url, true), kOwn) << url;
}

}  // namespace
}  // namespace mqtt_sim::engine
