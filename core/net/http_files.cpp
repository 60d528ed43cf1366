#include "core/net/http_files.hpp"

#include <array>
#include <charconv>
#include <fstream>
#include <optional>
#include <system_error>

namespace mqtt_sim::net {
namespace {

namespace fs = std::filesystem;

struct Type {
  std::string_view ending;
  std::string_view name;
};
constexpr std::array kTypes{
    Type{".html", "text/html; charset=utf-8"},
    Type{".htm", "text/html; charset=utf-8"},
    Type{".css", "text/css; charset=utf-8"},
    Type{".js", "text/javascript; charset=utf-8"},
    Type{".mjs", "text/javascript; charset=utf-8"},
    Type{".json", "application/json"},
    Type{".map", "application/json"},
    Type{".txt", "text/plain; charset=utf-8"},
    Type{".md", "text/plain; charset=utf-8"},
    Type{".csv", "text/csv; charset=utf-8"},
    Type{".xml", "application/xml"},
    Type{".svg", "image/svg+xml"},
    Type{".png", "image/png"},
    Type{".jpg", "image/jpeg"},
    Type{".jpeg", "image/jpeg"},
    Type{".gif", "image/gif"},
    Type{".webp", "image/webp"},
    Type{".ico", "image/x-icon"},
    Type{".woff", "font/woff"},
    Type{".woff2", "font/woff2"},
    Type{".wasm", "application/wasm"},
    Type{".pdf", "application/pdf"},
};

// The path with %XX decoded; nothing when it is malformed or holds what no name of ours does.
std::optional<std::string> decode(std::string_view path) {
  std::string decoded;
  for (size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    if (c == '%') {
      unsigned value = 0;
      const char* digits = path.data() + i + 1;
      if (i + 2 >= path.size()) return std::nullopt;
      const auto [end, error] = std::from_chars(digits, digits + 2, value, 16);
      if (error != std::errc() || end != digits + 2) return std::nullopt;
      c = static_cast<char>(value);
      i += 2;
    }
    if (c == '\0' || c == '\\') return std::nullopt;
    decoded += c;
  }
  if (!decoded.starts_with('/')) return std::nullopt;
  // Neither .. nor a hidden name.
  if (decoded.find("/.") != std::string::npos || decoded.find("//") != std::string::npos) return std::nullopt;
  return decoded;
}

std::string hex(uint64_t number) {
  std::array<char, 16> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16);
  return {digits.data(), end};
}

uint64_t hash_of(std::string_view text) {  // FNV-1a
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return hash;
}

// Whether one of the tags in If-None-Match is `tag`. Weak ones count: the question is about the same bytes to show.
bool is_known(std::string_view listed, std::string_view tag) {
  return !listed.empty() && (listed == "*" || listed.find(tag) != std::string_view::npos);
}

bool is_inside(const fs::path& path, const fs::path& root) {
  const auto [root_end, end] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  return root_end == root.end();
}

}  // namespace

std::string_view content_type_of(std::string_view path) {
  for (const Type& type : kTypes) {
    if (path.ends_with(type.ending)) return type.name;
  }
  return "application/octet-stream";
}

Expected<void> HttpFiles::serve_directory(const std::string& root) {
  std::error_code error;
  root_ = fs::canonical(root, error);
  if (!error && !fs::is_directory(root_, error)) error = std::make_error_code(std::errc::not_a_directory);
  if (!error) return {};
  root_.clear();
  return make_error(0x80, "cannot serve directory " + root + ": " + error.message());
}

void HttpFiles::put(std::string path, std::string_view body) {
  pages_[std::move(path)] = {SharedBytes(as_bytes(body)), '"' + hex(hash_of(body)) + '-' + hex(body.size()) + '"'};
}

HttpResponse HttpFiles::on_request(const HttpRequest& request, Instant) {
  std::optional<std::string> path = decode(request.path());
  if (!path) return answer_text(404, "not found\n");
  if (path->ends_with('/')) *path += "index.html";
  const auto page = pages_.find(*path);
  if (page != pages_.end()) return answer_page(*path, page->second, request);
  return root_.empty() ? answer_text(404, "not found\n") : answer_file(*path, request);
}

HttpResponse HttpFiles::answer_page(const std::string& path, const Page& page, const HttpRequest& request) const {
  const bool is_fresh = is_known(field_value(request.headers, "If-None-Match"), page.tag);
  HttpResponse response = make(is_fresh ? 304 : 200, content_type_of(path));
  response.headers.push_back({"ETag", page.tag});
  if (!is_fresh) response.body = page.body;
  return response;
}

HttpResponse HttpFiles::answer_file(const std::string& path, const HttpRequest& request) const {
  std::error_code error;
  const fs::path file = fs::canonical(root_ / path.substr(1), error);
  if (error || !is_inside(file, root_)) return answer_text(404, "not found\n");
  if (fs::is_directory(file, error)) {
    HttpResponse response = answer_text(301, "moved\n");
    response.headers.push_back({"Location", std::string(request.path()) + "/"});
    return response;
  }
  const uint64_t size = fs::is_regular_file(file, error) ? fs::file_size(file, error) : 0;
  const auto written = fs::last_write_time(file, error).time_since_epoch().count();
  if (error || !fs::is_regular_file(file, error)) return answer_text(404, "not found\n");
  if (size > kFileLimit) return answer_text(403, "larger than 64 MiB\n");

  Page page;
  page.tag = '"' + hex(static_cast<uint64_t>(written)) + '-' + hex(size) + '"';
  if (!is_known(field_value(request.headers, "If-None-Match"), page.tag)) {
    std::string body(size, '\0');
    std::ifstream in(file, std::ios::binary);
    if (!in) return answer_text(404, "not found\n");
    in.read(body.data(), static_cast<std::streamsize>(size));
    body.resize(static_cast<size_t>(in.gcount()));
    page.body = SharedBytes(as_bytes(body));
  }
  return answer_page(path, page, request);
}

HttpResponse HttpFiles::answer_text(unsigned status, std::string_view text) const {
  HttpResponse response = make(status, "text/plain; charset=utf-8");
  response.body = SharedBytes(as_bytes(text));
  return response;
}

HttpResponse HttpFiles::make(unsigned status, std::string_view type) const {
  HttpResponse response{.status = status, .headers = headers_, .body = {}};
  response.headers.push_back({"Content-Type", std::string(type)});
  response.headers.push_back({"Cache-Control", "no-cache"});
  response.headers.push_back({"X-Content-Type-Options", "nosniff"});
  return response;
}

}  // namespace mqtt_sim::net
