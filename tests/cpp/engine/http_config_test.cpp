// What a user may say about HTTP, and how what is wrong is answered.
#include "core/engine/http_config.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/engine/broker_config.hpp"

namespace mqtt_sim::engine {
namespace {

using nlohmann::json;

std::string complaint_about(const json& http) {
  HttpConfig config;
  const auto error = read_http(http, config);
  return error ? error->path + ": " + error->message : "nothing";
}

TEST(HttpConfig, WithoutAWordThereArePagesAndNothingElse) {
  HttpConfig config;
  EXPECT_FALSE(read_http(json::object(), config));
  EXPECT_TRUE(config.pages);
  EXPECT_FALSE(config.bundle);
  EXPECT_TRUE(config.directories.empty());
  EXPECT_EQ(config.history, 0u);
}

TEST(HttpConfig, ReadsEveryKey) {
  RecordProperty("req", "M-07");
  HttpConfig config;
  const json given = json::parse(R"({
    "pages": false, "bundle": true, "other_brokers": true, "history": 20, "headers": {"X-Test": "1"},
    "static": [{"directory": "/tmp"}, {"path": "/files", "directory": "/usr"}]
  })");
  const auto error = read_http(given, config);
  ASSERT_FALSE(error) << error->path << ": " << error->message;
  EXPECT_FALSE(config.pages);
  EXPECT_TRUE(config.bundle);
  EXPECT_TRUE(config.other_brokers);
  EXPECT_EQ(config.history, 20u);
  EXPECT_EQ(config.headers, (std::vector<HttpField>{{"X-Test", "1"}}));
  ASSERT_EQ(config.directories.size(), 2u);
  EXPECT_EQ(config.directories[0].path, "/files/");
  EXPECT_EQ(config.directories[1].path, "/");
}

TEST(HttpConfig, SaysWhereItIsWrong) {
  EXPECT_EQ(complaint_about(1), "http: an object");
  EXPECT_EQ(complaint_about({{"page", true}}), "http.page: a known option");
  EXPECT_EQ(complaint_about({{"bundle", 1}}), "http.bundle: true or false");
  EXPECT_EQ(complaint_about({{"history", 201}}), "http.history: a whole number from 0 to 200");
  EXPECT_EQ(complaint_about({{"static", "/tmp"}}), "http.static: a list of objects {path, directory}");
  EXPECT_EQ(complaint_about({{"static", {{{"directory", "/no/such"}}}}}),
            "http.static[0].directory: a directory that is there");
  EXPECT_EQ(complaint_about({{"static", {{{"directory", "/tmp"}, {"path", "/../"}}}}}),
            R"(http.static[0].path: a path such as "/" or "/files/")");
  EXPECT_EQ(complaint_about({{"static", {{{"directory", "/tmp"}}, {{"directory", "/usr"}}}}}),
            "http.static[1].path: a path of its own");
  EXPECT_EQ(complaint_about({{"headers", {{"X-Test", "a\r\nb"}}}}), "http.headers.X-Test: text of one line");
  EXPECT_EQ(complaint_about({{"headers", {{"X Test", "a"}}}}), "http.headers.X Test: a name that we do not set");
  EXPECT_EQ(complaint_about({{"headers", {{"content-length", "1"}}}}),
            "http.headers.content-length: a name that we do not set");
}

TEST(HttpConfig, TheWholeFileSystemOnlyForThoseWhoMeanIt) {
  RecordProperty("req", "M-08");
  const std::string link = "/tmp/mqtt_sim_root_" + std::to_string(::getpid());
  std::filesystem::create_directory_symlink("/", link);
  for (const std::string& root : {std::string("/"), std::string("/tmp/.."), link}) {
    json http = {{"static", {{{"directory", root}}}}};
    EXPECT_TRUE(complaint_about(http).starts_with("http.static: a directory below /")) << root;
    http["allow_root_static"] = true;
    EXPECT_EQ(complaint_about(http), "nothing") << root;
  }
  std::filesystem::remove(link);
}

TEST(HttpConfig, BelongsToAListenerThatTakesHttp) {
  const auto of = [](const json& document) {
    const auto config = parse_broker_config(document.dump());
    return config ? "taken" : config.error().path + ": " + config.error().message;
  };
  EXPECT_EQ(of({{"http", {{"bundle", true}}}}), "taken");
  EXPECT_EQ(of({{"listeners", {{{"protocols", {"http"}}, {"http", {{"bundle", true}}}}}}}), "taken");
  EXPECT_EQ(of({{"http", {{"bundle", 1}}}}), "http.bundle: true or false");
  EXPECT_EQ(of({{"listeners", {{{"protocols", {"http"}}, {"http", {{"bundle", 1}}}}}}}),
            "listeners[0].http.bundle: true or false");
  EXPECT_EQ(of({{"listeners", {{{"http", json::object()}}}}}),
            R"(listeners[0].http: left out where protocols does not name "http")");
  EXPECT_EQ(of({{"listeners", {json::object()}}, {"http", json::object()}}), "http: left out beside listeners");
}

}  // namespace
}  // namespace mqtt_sim::engine
