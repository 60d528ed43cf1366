#include "core/net/http_head.hpp"

#include <algorithm>
#include <array>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include "core/base/assert.hpp"

namespace mqtt_sim::net {
namespace {

namespace http = boost::beast::http;

// Said twice, these mean different things to different readers.
constexpr std::array kSaidOnce{
    "Host", "Content-Length", "Transfer-Encoding", "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Origin"};

template <bool is_request>
boost::system::error_code parse(ByteView head, http::parser<is_request, http::empty_body>& parser) {
  boost::system::error_code error;
  parser.header_limit(static_cast<uint32_t>(kHttpHeadLimit));
  parser.skip(true);  // the body, which there is none of
  parser.put(boost::asio::buffer(head.data(), head.size()), error);
  if (!error && !parser.is_header_done()) error = http::error::partial_message;
  return error;
}

template <class Message>
void copy_fields(const Message& message, HttpHead& to) {
  to.is_1_1 = message.version() == 11;
  for (const auto& field : message) to.fields.push_back({std::string(field.name_string()), std::string(field.value())});
}

// A line that begins with a space continues the one before, for some readers.
bool has_folded_line(std::string_view text) {
  for (size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    if (at + 1 < text.size() && (text[at + 1] == ' ' || text[at + 1] == '\t')) return true;
  }
  return false;
}

bool is_visible(std::string_view target) {
  return std::ranges::all_of(target, [](char c) { return c > 0x20 && c < 0x7f; });
}

std::string fault_of(const HttpHead& head) {
  for (const char* name : kSaidOnce) {
    const auto count = std::ranges::count_if(
        head.fields, [&](const HttpField& field) { return is_same_field_name(field.name, name); });
    if (count > 1) return std::string(name) + " is given more than once";
  }
  if (!head.field("Transfer-Encoding").empty()) return "a request may not have a body here";
  const std::string_view length = head.field("Content-Length");
  if (!length.empty() && length != "0") return "a request may not have a body here";
  if (head.is_1_1 && head.field("Host").empty()) return "Host is missing";
  if (!is_visible(head.target)) return "the target holds bytes that it may not";
  return {};
}

}  // namespace

bool HttpHead::has_token(std::string_view name, std::string_view token) const {
  return std::ranges::any_of(fields, [&](const HttpField& field) {
    return is_same_field_name(field.name, name) && http::token_list(field.value).exists(token);
  });
}

bool HttpHead::keeps_alive() const {
  return is_1_1 ? !has_token("Connection", "close") : has_token("Connection", "keep-alive");
}

HeadExtent find_head(ByteView bytes) {
  const std::string_view text = as_text(bytes.first(std::min(bytes.size(), kHttpHeadLimit)));
  for (size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    if (at == 0 || text[at - 1] != '\r') return {HeadState::malformed};
    if (at >= 3 && text.substr(at - 3, 4) == "\r\n\r\n") return {HeadState::complete, at + 1};
  }
  return {bytes.size() >= kHttpHeadLimit ? HeadState::too_large : HeadState::partial};
}

boost::system::result<HttpHead, HttpFault> parse_request_head(ByteView bytes) {
  http::request_parser<http::empty_body> parser;
  if (has_folded_line(as_text(bytes))) return HttpFault{400, "folded header line"};
  const auto error = parse(bytes, parser);
  if (error == http::error::header_limit) return HttpFault{431, "headers above 8 KiB"};
  if (error == http::error::bad_version) return HttpFault{505, "only HTTP/1.1 is spoken here"};
  if (error) return HttpFault{400, error.message()};
  HttpHead head;
  head.method = std::string(parser.get().method_string());
  head.target = std::string(parser.get().target());
  copy_fields(parser.get(), head);
  if (std::string fault = fault_of(head); !fault.empty()) return HttpFault{400, std::move(fault)};
  return head;
}

Expected<HttpHead> parse_response_head(ByteView bytes) {
  http::response_parser<http::empty_body> parser;
  if (const auto error = parse(bytes, parser)) return make_error(0x80, "malformed HTTP response: " + error.message());
  HttpHead head;
  head.status = parser.get().result_int();
  head.reason = std::string(parser.get().reason());
  copy_fields(parser.get(), head);
  return head;
}

const char* status_text(unsigned status) {
  const auto known = http::int_to_status(status);
  return known == http::status::unknown ? "Unknown" : http::obsolete_reason(known).data();
}

std::string make_refusal(const HttpFault& fault, const std::vector<HttpField>& fields) {
  const std::string body = fault.text + "\n";
  std::string text = "HTTP/1.1 " + std::to_string(fault.status) + " " + status_text(fault.status) + "\r\n";
  for (const HttpField& field : fields) text += field.name + ": " + field.value + "\r\n";
  return text + "Content-Type: text/plain; charset=utf-8\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

void throw_exception_from_error(const HttpFault&, const boost::source_location&) {
  assertion_failed("a value, where there is a fault", __FILE__, __LINE__);
}

}  // namespace mqtt_sim::net
