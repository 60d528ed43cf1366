// Well-formedness of MQTT strings (section 1.5.4): UTF-8 without surrogates, overlong forms or U+0000.
#pragma once

#include <string_view>

namespace mqtt_sim::protocol {

bool is_utf8_string(std::string_view);

}  // namespace mqtt_sim::protocol
