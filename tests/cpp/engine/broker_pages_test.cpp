// What the broker answers to HTTP, route by route; no socket is needed.
#include "core/engine/broker_pages.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace mqtt_sim::engine {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// A folder that goes with the test.
class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("mqtt_sim_pages_" + std::to_string(::getpid()))) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << text;
  }
  std::string at(const std::string& name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

class BrokerPagesTest : public ::testing::Test {
 protected:
  BrokerPagesTest() {
    folder_.write("web/crawl/index.html", "the page");
    folder_.write("web/crawl/app.js", "the script");
    folder_.write("web/mqtt.js", "our client");
    folder_.write("web/README.md", "for developers");
    folder_.write("public/index.html", "their page");
    folder_.write("public/sub/a.txt", "a");
  }

  HttpResponse get(const std::string& target, std::vector<HttpField> headers = {{"Host", "here:80"}}) {
    if (!pages_) {
      auto pages = BrokerPages::make(
          config_,
          {.web_files = folder_.at("web"), .stats = [this] { return stats_; }, .run = board_, .history = &history_});
      EXPECT_TRUE(pages) << (pages ? "" : pages.error().text);
      pages_ = std::move(*pages);
    }
    return pages_->on_request({.method = "GET", .target = target, .headers = headers, .peer = ""}, now_);
  }
  std::string body(const std::string& target) { return std::string(as_text(get(target).body.view())); }
  static std::string header(const HttpResponse& response, std::string_view name) {
    return std::string(field_value(response.headers, name));
  }

  Folder folder_;
  HttpConfig config_;
  broker::Stats stats_;
  RunBoard board_;
  MessageHistory history_{10};
  Instant now_ = instant_from_ns(123'456'789);
  std::unique_ptr<BrokerPages> pages_;
};

TEST_F(BrokerPagesTest, TheCrawlComesWithItsTypeItsTagAndItsPolicy) {
  RecordProperty("req", "W-01");
  const HttpResponse page = get("/crawl?quiet&mosquitto");
  EXPECT_EQ(page.status, 200u);
  EXPECT_EQ(as_text(page.body.view()), "the page");
  EXPECT_EQ(header(page, "Content-Type"), "text/html; charset=utf-8");
  EXPECT_NE(header(page, "ETag"), "");
  EXPECT_EQ(header(page, "Content-Security-Policy"),
            "default-src 'self'; connect-src 'self' ws://here:80 wss://here:80 ws://here:8080 wss://here:8081; "
            "base-uri 'none'; form-action 'self'");
  EXPECT_EQ(body("/crawl/"), "the page");
  EXPECT_EQ(header(get("/crawl/app.js"), "Content-Type"), "text/javascript; charset=utf-8");
}

TEST_F(BrokerPagesTest, WhatTheReaderHasIsNotSentAgain) {
  RecordProperty("req", "M-07");
  const std::string tag = header(get("/crawl"), "ETag");
  const HttpResponse again = get("/crawl", {{"Host", "here"}, {"If-None-Match", tag}});
  EXPECT_EQ(again.status, 304u);
  EXPECT_EQ(again.body.size(), 0u);
}

TEST_F(BrokerPagesTest, ThePageHasAClientOfItsOwnWhateverTheBundleIs) {
  RecordProperty("req", "M-07, B-01, B-07");
  EXPECT_EQ(body("/crawl/mqtt.js"), "our client");
  EXPECT_EQ(get("/mqtt.js").status, 404u);
  pages_.reset();
  config_.bundle = true;
  EXPECT_EQ(body("/mqtt.js"), "our client");
  EXPECT_EQ(header(get("/mqtt.js"), "Content-Type"), "text/javascript; charset=utf-8");
  pages_.reset();
  config_.directories = {{"/", folder_.at("public")}};
  EXPECT_EQ(body("/mqtt.js"), "our client");
  folder_.write("public/mqtt.js", "their client");
  EXPECT_EQ(body("/mqtt.js"), "their client");
  EXPECT_EQ(body("/crawl/mqtt.js"), "our client");
}

TEST_F(BrokerPagesTest, OnlyWhatIsMeantForReadersIsServed) {
  for (const char* target : {"/README.md", "/crawl/README.md", "/crawl/../README.md", "/crawl/%2e%2e/README.md",
                             "/crawl//app.js", "/crawl/nothing.js", "/nothing", "/web/mqtt.js", "/index.html"})
    EXPECT_EQ(get(target).status, 404u) << target;
}

TEST_F(BrokerPagesTest, DirectoriesOfTheUsersLieWhereTheySay) {
  RecordProperty("req", "M-07");
  config_.directories = {{"/files/", folder_.at("public")}};
  EXPECT_EQ(body("/files/sub/a.txt"), "a");
  EXPECT_EQ(header(get("/files/sub/a.txt"), "Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(body("/files/"), "their page");
  EXPECT_EQ(header(get("/files/sub"), "Location"), "/files/sub/");
  EXPECT_EQ(header(get("/files"), "Location"), "/files/");
  EXPECT_EQ(get("/sub/a.txt").status, 404u);
  for (const char* target : {"/files/../web/mqtt.js", "/files/%2e%2e/web/mqtt.js", "/files/..%2fweb/mqtt.js"})
    EXPECT_EQ(get(target).status, 404u) << target;
}

TEST_F(BrokerPagesTest, OurPagesGoBeforeFilesOfTheirNameUnlessThereAreNone) {
  folder_.write("public/stats.json", "{}");
  config_.directories = {{"/", folder_.at("public")}};
  EXPECT_NE(body("/stats.json"), "{}");
  EXPECT_EQ(body("/"), "their page");
  pages_.reset();
  config_.pages = false;
  EXPECT_EQ(body("/stats.json"), "{}");
  for (const char* target : {"/crawl", "/crawl/mqtt.js", "/metrics", "/healthz"})
    EXPECT_EQ(get(target).status, 404u) << target;
}

TEST_F(BrokerPagesTest, TheRootLeadsToTheCrawlAndTheIconIsNothing) {
  EXPECT_EQ(get("/").status, 302u);
  EXPECT_EQ(header(get("/"), "Location"), "/crawl");
  EXPECT_EQ(get("/favicon.ico").status, 204u);
  EXPECT_EQ(get("/healthz").status, 200u);
  EXPECT_EQ(body("/healthz"), "ok\n");
  pages_.reset();
  config_.pages = false;
  EXPECT_EQ(get("/").status, 404u);
}

TEST_F(BrokerPagesTest, StatsTellClockBrokerAndHistory) {
  RecordProperty("req", "W-08");
  stats_.messages_in = 7;
  config_.history = 1;
  history_.on_event({.kind = broker::EventKind::publish, .topic = "a", .payload = as_bytes("1")}, now_);
  history_.on_event({.kind = broker::EventKind::publish, .topic = "a", .payload = as_bytes("2")}, now_);
  const HttpResponse response = get("/stats.json");
  EXPECT_EQ(header(response, "Content-Type"), "application/json");
  EXPECT_EQ(header(response, "Cache-Control"), "no-store");
  const json stats = json::parse(as_text(response.body.view()));
  EXPECT_EQ(stats["name"], nullptr);
  EXPECT_EQ(stats["run"], nullptr);
  EXPECT_EQ(stats["clock_ns"], 123'456'789);
  EXPECT_EQ(stats["broker"]["messages_in"], 7);
  ASSERT_EQ(stats["history"].size(), 1u);
  EXPECT_EQ(stats["history"][0]["payload"], "2");
}

TEST_F(BrokerPagesTest, StatsTellARunAsSoonAsThereIsOne) {
  RecordProperty("req", "W-08");
  board_.put({.name = "episode4", .phase = "connecting"});
  EXPECT_FALSE(json::parse(body("/stats.json"))["run"].contains("latency_ns"));
  RunFigures run{.name = "episode4", .phase = "done", .elapsed_s = 10, .sent_per_s = 1000, .received_per_s = 4000};
  run.latency = {.count = 2, .p50 = 50, .p99 = 99, .max = 100};
  run.lost = 3;
  board_.put(run);
  const json stats = json::parse(body("/stats.json"));
  EXPECT_EQ(stats["name"], "episode4");
  EXPECT_EQ(stats["run"], (json{{"phase", "done"},
                                {"elapsed_s", 10.0},
                                {"sent_per_s", 1000.0},
                                {"received_per_s", 4000.0},
                                {"latency_ns", {{"p50", 50}, {"p99", 99}, {"max", 100}}},
                                {"lost", 3}}));
}

TEST_F(BrokerPagesTest, MetricsComeAsPrometheusWantsThem) {
  stats_.clients = 4;
  const HttpResponse response = get("/metrics");
  EXPECT_EQ(header(response, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(as_text(response.body.view()).find("\nmqtt_sim_broker_clients 4\n"), std::string_view::npos);
}

TEST_F(BrokerPagesTest, HeadersOfTheUsersAreOnEveryAnswer) {
  config_.headers = {{"Access-Control-Allow-Origin", "*"}};
  for (const char* target : {"/crawl", "/stats.json", "/nothing", "/favicon.ico"})
    EXPECT_EQ(header(get(target), "Access-Control-Allow-Origin"), "*") << target;
}

TEST_F(BrokerPagesTest, ADirectoryThatHasGoneIsSaid) {
  config_.directories = {{"/", folder_.at("gone")}};
  const auto pages = BrokerPages::make(config_, {.web_files = "", .stats = {}, .run = board_, .history = nullptr});
  ASSERT_FALSE(pages);
  EXPECT_EQ(pages.error().text, "cannot serve directory " + folder_.at("gone") + ": No such file or directory");
}

TEST_F(BrokerPagesTest, WithoutFilesOfOursThereIsNoPageButThereAreFigures) {
  auto pages = BrokerPages::make({}, {.web_files = "", .stats = [] { return broker::Stats(); }, .run = board_});
  ASSERT_TRUE(pages);
  EXPECT_EQ((*pages)->on_request({.method = "GET", .target = "/crawl", .headers = {}, .peer = ""}, now_).status, 404u);
  EXPECT_EQ((*pages)->on_request({.method = "GET", .target = "/stats.json", .headers = {}, .peer = ""}, now_).status,
            200u);
}

}  // namespace
}  // namespace mqtt_sim::engine
