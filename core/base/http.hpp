// Plain HTTP as far as a listener speaks it: a request without a body in, a whole response out. Values that live for
// the call, and the contract of whoever answers. Called on the driver's thread; must not block for long.
#pragma once

#include <algorithm>
#include <cctype>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/shared_bytes.hpp"
#include "core/base/time.hpp"

namespace mqtt_sim::inline base {

struct HttpField {
  std::string name;
  std::string value;

  friend bool operator==(const HttpField&, const HttpField&) = default;
};

inline bool is_same_field_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// The value of the first field of that name; empty when there is none.
inline std::string_view field_value(std::span<const HttpField> fields, std::string_view name) {
  const auto found = std::ranges::find_if(fields, [&](const HttpField& f) { return is_same_field_name(f.name, name); });
  return found == fields.end() ? std::string_view() : std::string_view(found->value);
}

struct HttpRequest {
  std::string_view method;             // GET or HEAD; nothing else gets here
  std::string_view target;             // as sent: path and query, nothing decoded
  std::span<const HttpField> headers;  // as sent
  std::string_view peer;               // host:port as text
  bool is_tls = false;

  std::string_view path() const { return target.substr(0, target.find('?')); }
  std::string_view query() const { return target.substr(std::min(target.size(), path().size() + 1)); }
};

// Content-Length and Connection are added by the listener; the body is left out of the answer to HEAD.
struct HttpResponse {
  unsigned status = 200;
  std::vector<HttpField> headers;
  SharedBytes body;
};

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  virtual HttpResponse on_request(const HttpRequest&, Instant now) = 0;
};

}  // namespace mqtt_sim::inline base
