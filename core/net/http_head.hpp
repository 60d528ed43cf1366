// The head of an HTTP/1.1 message, parsed by Beast behind checks that leave two readers of it nothing to disagree on:
// what smuggles requests past a proxy (bare line feeds, folded lines, two lengths, any transfer coding) is an error.
// Values and functions; no state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/expected.hpp"
#include "core/base/http.hpp"

namespace mqtt_sim::net {

constexpr size_t kHttpHeadLimit = 8 * 1024;

struct HttpHead {
  std::string method;   // of a request
  std::string target;   // of a request
  unsigned status = 0;  // of a response
  std::string reason;   // of a response
  bool is_1_1 = true;
  std::vector<HttpField> fields;

  std::string_view field(std::string_view name) const { return field_value(fields, name); }
  // Whether the comma-separated values of all fields of that name hold `token`, in any case of letters.
  bool has_token(std::string_view name, std::string_view token) const;
  bool keeps_alive() const;
};

// What is wrong with a request: the status to answer with, and why.
struct HttpFault {
  unsigned status = 400;
  std::string text;
};

enum class HeadState : uint8_t {
  partial,   // more bytes are needed
  complete,  // `size` bytes of head
  too_large,
  malformed,  // a line ends otherwise than HTTP lines do
};
struct HeadExtent {
  HeadState state;
  size_t size = 0;
};
HeadExtent find_head(ByteView bytes);

// `head` is a complete one. A request: the fault otherwise; it has no body. A response: only for opening WebSockets.
boost::system::result<HttpHead, HttpFault> parse_request_head(ByteView head);
Expected<HttpHead> parse_response_head(ByteView head);

const char* status_text(unsigned status);
// A whole response without a body but for a line of text.
std::string make_refusal(const HttpFault& fault, const std::vector<HttpField>& fields = {});

[[noreturn]] void throw_exception_from_error(const HttpFault&, const boost::source_location&);

}  // namespace mqtt_sim::net
