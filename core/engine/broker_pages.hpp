// What the embedded broker answers to HTTP, on one listener. Reads what it tells of, changes nothing. On the broker's
// thread.
//
//   /crawl, /crawl/NAME          the crawl page, with its Content-Security-Policy     with `pages`
//   /stats.json                  members: python/mqtt_sim/web/crawl/stats_feed.js     likewise
//   /metrics, /healthz           for Prometheus; "ok"                                 likewise
//   static directories           the user's; their own /mqtt.js goes before ours
//   /mqtt.js                     our client for browsers                              with `bundle`
//   /favicon.ico                 204, so that no page has an error for it
//   /                            302 to /crawl                                        with `pages`
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/http.hpp"
#include "core/broker/stats.hpp"
#include "core/engine/http_config.hpp"
#include "core/engine/message_history.hpp"
#include "core/engine/run_figures.hpp"
#include "core/net/http_files.hpp"

namespace mqtt_sim::engine {

// What the pages tell of. All of it outlives them.
struct PageSources {
  std::string web_files;  // directory of the product's own pages; empty: none
  std::function<broker::Stats()> stats;
  const RunBoard& run;
  const MessageHistory* history = nullptr;  // none: nothing is kept
};

class BrokerPages final : public HttpHandler {
 public:
  // Error: a directory that cannot be read.
  static Expected<std::unique_ptr<BrokerPages>> make(const HttpConfig& config, PageSources sources);

  HttpResponse on_request(const HttpRequest& request, Instant now) override;

 private:
  struct Mount {
    std::string path;  // begins and ends with a slash
    net::HttpFiles files;
  };

  BrokerPages(const HttpConfig& config, PageSources sources) : config_(config), sources_(std::move(sources)) {}

  HttpResponse answer(const HttpRequest& request, Instant now);
  std::optional<HttpResponse> answer_page(const HttpRequest& request, Instant now);
  std::optional<HttpResponse> answer_static(const HttpRequest& request, Instant now);
  HttpResponse answer_own_file(const HttpRequest& request, std::string_view name, Instant now);
  std::string stats_document(Instant now) const;

  const HttpConfig config_;
  const PageSources sources_;
  std::vector<Mount> mounts_;  // the longest path first
  net::HttpFiles own_;
};

}  // namespace mqtt_sim::engine
