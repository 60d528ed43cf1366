// What the peer or the world did wrong, as a value: an MQTT reason code where the standard names one, and a
// short constant text. Expected<T> is either a T or such an Error. Errors of the user are exceptions in Python;
// errors of ours are assertions (assert.hpp).
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <string>
#include <utility>

namespace mqtt_sim::inline base {

struct Error {
  uint8_t reason = 0x80;  // MQTT 5.0 reason code; 0x80 "unspecified" where none fits
  std::string text;       // one line, lower case, no full stop

  friend bool operator==(const Error&, const Error&) = default;
};

// Needed by boost::system::result for value() on an error; reaching it is our mistake.
[[noreturn]] void throw_exception_from_error(const Error&, const boost::source_location&);

template <class T>
using Expected = boost::system::result<T, Error>;

inline Error make_error(uint8_t reason, std::string text) { return Error{reason, std::move(text)}; }

}  // namespace mqtt_sim::inline base
