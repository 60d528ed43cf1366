#include "core/broker/text_lines.hpp"

#include <algorithm>

namespace mqtt_sim::broker {
namespace {

constexpr std::string_view kWhiteSpace = " \t\r\n\v\f";
constexpr uint8_t kUnspecified = 0x80;  // not of the protocol

std::string_view trim_end(std::string_view text) { return text.substr(0, text.find_last_not_of(kWhiteSpace) + 1); }

}  // namespace

std::optional<Error> check_size(std::string_view text) {
  if (text.size() <= kLongestText) return std::nullopt;
  return make_error(kUnspecified, "longer than " + std::to_string(kLongestText) + " bytes: split it");
}

std::string_view trim(std::string_view text) {
  const size_t start = text.find_first_not_of(kWhiteSpace);
  return start == std::string_view::npos ? "" : trim_end(text.substr(start));
}

std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

bool TextLines::next() {
  if (rest_.empty()) return false;
  const size_t end = rest_.find('\n');
  line_ = trim_end(rest_.substr(0, end));
  rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
  ++number_;
  return true;
}

Error TextLines::error(const std::string& remedy, bool shows_line) const {
  std::string text = "line " + std::to_string(number_) + ": ";
  if (shows_line) text += "\"" + std::string(line_.substr(0, 200)) + "\": ";
  return make_error(kUnspecified, text + remedy);
}

}  // namespace mqtt_sim::broker
