// The lines of a users file or an access list, with their numbers, and what an error in one of them says.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/expected.hpp"

namespace mqtt_sim::broker {

inline constexpr size_t kLongestText = 64u << 20;  // bytes of such a file

// Error: the text is longer than kLongestText.
std::optional<Error> check_size(std::string_view text);

std::string_view trim(std::string_view text);        // without white space at both ends
std::string_view take_word(std::string_view& text);  // the first word between spaces, off the text

class TextLines {
 public:
  explicit TextLines(std::string_view text) : rest_(text) {}

  bool next();                                     // false: there is no further line
  std::string_view line() const { return line_; }  // without white space at its end
  size_t number() const { return number_; }
  // "line 7: topic read: <remedy>"; a text that must not be shown is left out.
  Error error(const std::string& remedy, bool shows_line = true) const;

 private:
  std::string_view rest_;
  std::string_view line_;
  size_t number_ = 0;
};

}  // namespace mqtt_sim::broker
