// Reads where a group's clients lead and how, from the Plan's JSON document. Groups that say the same about TLS share
// one value, which is what makes drivers share one TLS context.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/base/target.hpp"
#include "core/load/plan_reader.hpp"

namespace mqtt_sim::load {

class TargetReader {
 public:
  // {"host", "port"} or {"unix"}, with none of them `otherwise`; "transport", "tls" and "websocket" by choice.
  Target read(const Reader& in, const Address& otherwise);

 private:
  std::map<std::string, std::shared_ptr<const TlsClientOptions>> tls_;  // by their text in the document
};

Address read_address(const Reader& in);

}  // namespace mqtt_sim::load
