#include "core/engine/broker_pages.hpp"

#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/engine/broker_stats.hpp"
#include "core/engine/content_policy.hpp"
#include "core/engine/metrics_page.hpp"

namespace mqtt_sim::engine {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view kText = "text/plain; charset=utf-8";

// An answer that is made anew each time.
HttpResponse fresh(unsigned status, std::string_view type, std::string_view body) {
  HttpResponse response{.status = status, .headers = {}, .body = SharedBytes(as_bytes(body))};
  response.headers.push_back({"Content-Type", std::string(type)});
  response.headers.push_back({"Cache-Control", "no-store"});
  response.headers.push_back({"X-Content-Type-Options", "nosniff"});
  return response;
}

HttpResponse redirect(unsigned status, const std::string& place) {
  HttpResponse response = fresh(status, kText, "see " + place + "\n");
  response.headers.push_back({"Location", place});
  return response;
}

ordered_json run_document(const RunFigures& run) {
  ordered_json json = {{"phase", run.phase},
                       {"elapsed_s", run.elapsed_s},
                       {"sent_per_s", run.sent_per_s},
                       {"received_per_s", run.received_per_s}};
  if (run.latency.count > 0)
    json["latency_ns"] = {{"p50", run.latency.p50}, {"p99", run.latency.p99}, {"max", run.latency.max}};
  if (run.lost) json["lost"] = *run.lost;
  return json;
}

}  // namespace

Expected<std::unique_ptr<BrokerPages>> BrokerPages::make(const HttpConfig& config, PageSources sources) {
  std::unique_ptr<BrokerPages> pages(new BrokerPages(config, std::move(sources)));
  if (const std::string& web = pages->sources_.web_files; !web.empty())
    if (const auto served = pages->own_.serve_directory(web); !served) return served.error();
  for (const StaticDirectory& directory : config.directories) {
    Mount& mount = pages->mounts_.emplace_back(directory.path, net::HttpFiles());
    if (const auto served = mount.files.serve_directory(directory.directory); !served) return served.error();
  }
  return pages;
}

HttpResponse BrokerPages::on_request(const HttpRequest& request, Instant now) {
  HttpResponse response = answer(request, now);
  response.headers.insert(response.headers.end(), config_.headers.begin(), config_.headers.end());
  return response;
}

HttpResponse BrokerPages::answer(const HttpRequest& request, Instant now) {
  if (config_.pages)
    if (auto page = answer_page(request, now)) return std::move(*page);
  if (auto file = answer_static(request, now)) return std::move(*file);
  if (config_.bundle && request.path() == "/mqtt.js") return answer_own_file(request, "/mqtt.js", now);
  if (request.path() == "/favicon.ico")
    return {.status = 204, .headers = {{"Cache-Control", "max-age=3600"}}, .body = {}};
  if (config_.pages && request.path() == "/") return redirect(302, "/crawl");
  return fresh(404, kText, "not found\n");
}

std::optional<HttpResponse> BrokerPages::answer_page(const HttpRequest& request, Instant now) {
  const std::string_view path = request.path();
  if (path == "/stats.json") return fresh(200, "application/json", stats_document(now));
  if (path == "/metrics") return fresh(200, kMetricsType, metrics_page(sources_.stats(), sources_.run.get()));
  if (path == "/healthz") return fresh(200, kText, "ok\n");
  if (path == "/crawl/mqtt.js") return answer_own_file(request, "/mqtt.js", now);
  if (path != "/crawl" && path != "/crawl/") {
    if (!path.starts_with("/crawl/")) return std::nullopt;
    return answer_own_file(request, path, now);
  }
  HttpResponse response = answer_own_file(request, "/crawl/index.html", now);
  response.headers.push_back(
      {"Content-Security-Policy",
       content_security_policy(field_value(request.headers, "Host"), request.query(), config_.other_brokers)});
  return response;
}

std::optional<HttpResponse> BrokerPages::answer_static(const HttpRequest& request, Instant now) {
  for (Mount& mount : mounts_) {
    const std::string_view prefix = std::string_view(mount.path).substr(0, mount.path.size() - 1);
    if (!prefix.empty() && request.path() == prefix) return redirect(301, mount.path);
    if (!request.path().starts_with(mount.path)) continue;
    HttpRequest inside = request;
    inside.target.remove_prefix(prefix.size());
    HttpResponse response = mount.files.on_request(inside, now);
    if (response.status == 404) continue;
    for (HttpField& field : response.headers)
      if (field.name == "Location") field.value.insert(0, prefix);
    return response;
  }
  return std::nullopt;
}

HttpResponse BrokerPages::answer_own_file(const HttpRequest& request, std::string_view name, Instant now) {
  HttpRequest named = request;
  named.target = name;
  return own_.on_request(named, now);
}

std::string BrokerPages::stats_document(Instant now) const {
  const auto run = sources_.run.get();
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  ordered_json json;
  json["name"] = run ? ordered_json(run->name) : ordered_json();
  json["clock_ns"] = now.time_since_epoch().count();
  json["broker"] = to_document(sources_.stats());
  json["run"] = run ? run_document(*run) : ordered_json();
  json["history"] =
      sources_.history ? sources_.history->to_document(config_.history, now, wall) : ordered_json::array();
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace mqtt_sim::engine
