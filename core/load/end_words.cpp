#include "core/load/end_words.hpp"

namespace mqtt_sim::load {
namespace {

constexpr size_t kLongestQuote = 200;  // bytes of what a server says that are kept

}  // namespace

const char* failure_kind(const End& end) {
  switch (end.cause) {
    case client::EndCause::connect_timeout: return "connect_timeout";
    case client::EndCause::stream: break;
    default: return "refused";
  }
  switch (end.close) {
    case CloseReason::no_ports: return "no_ports";
    case CloseReason::descriptors: return "descriptors";
    case CloseReason::refused:
    case CloseReason::unreachable: return "unreachable";
    case CloseReason::tls_failed: return "tls";
    case CloseReason::upgrade_refused: return "upgrade";
    case CloseReason::timed_out: return "connect_timeout";
    case CloseReason::breach: return "protocol";
    default: return "refused";
  }
}

std::string_view beginning_of(std::string_view text) {
  if (text.size() <= kLongestQuote) return text;
  size_t end = kLongestQuote;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

std::string describe(const End& end, std::string_view detail) {
  const bool is_of_the_stream = end.cause == client::EndCause::stream;
  std::string text(end.text);
  if (text.empty()) text = is_of_the_stream ? to_string(end.close) : client::to_string(end.cause);
  const bool is_news = end.close != CloseReason::refused;  // of which the system says the same again
  if (is_of_the_stream && is_news && !detail.empty()) text += ": " + std::string(beginning_of(detail));
  if (end.text.empty() && !is_of_the_stream && is_failure(end.reason))
    text += ": " + std::string(protocol::to_string(end.reason));
  return text;
}

}  // namespace mqtt_sim::load
