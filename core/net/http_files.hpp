// Answers HTTP with files: pages that were put in, then those below one directory. Each has its type and an ETag; a
// path cannot lead out of the directory, by dots, by encoding or by a link, and names that begin with a dot are not
// served. Reads a file for every request that needs it. Called on the driver's thread.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/expected.hpp"
#include "core/base/http.hpp"

namespace mqtt_sim::net {

class HttpFiles final : public HttpHandler {
 public:
  static constexpr uint64_t kFileLimit = 64 * 1024 * 1024;  // larger ones are refused

  // Error: not a directory that can be read.
  Expected<void> serve_directory(const std::string& root);
  // `path` begins with a slash; the type follows its ending. Replaces an earlier one.
  void put(std::string path, std::string_view body);
  // Sent with every answer, error or not: Content-Security-Policy, say.
  void add_header(HttpField field) { headers_.push_back(std::move(field)); }

  // 200, 301 (a directory without its last slash), 304, 403 or 404.
  HttpResponse on_request(const HttpRequest& request, Instant now) override;

 private:
  struct Page {
    SharedBytes body;
    std::string tag;
  };

  HttpResponse answer_page(const std::string& path, const Page& page, const HttpRequest& request) const;
  HttpResponse answer_file(const std::string& path, const HttpRequest& request) const;
  HttpResponse answer_text(unsigned status, std::string_view text) const;
  HttpResponse make(unsigned status, std::string_view type) const;

  std::map<std::string, Page, std::less<>> pages_;
  std::filesystem::path root_;  // canonical; empty: no directory
  std::vector<HttpField> headers_;
};

// What a browser is told the file is, by the ending of its name.
std::string_view content_type_of(std::string_view path);

}  // namespace mqtt_sim::net
