// A valid Plan as the JSON document that crosses into C++, to be changed in one place by a test.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

namespace mqtt_sim::load {

inline const std::filesystem::path kShipped =
    "python/mqtt_sim/corpora/long_haul.txt";  // tests run in the root of the repository

// One group of each kind of payload, every member present.
inline nlohmann::json valid_plan() {
  nlohmann::json plan = nlohmann::json::parse(R"({
    "version": 1, "name": "episode4", "seed": 18446744073709551615, "driver": "net",
    "duration_ns": 20000000000, "warmup_ns": 1000000000, "drain_ns": 5000000000, "shards": 2,
    "broker": null, "target": {"host": "broker.example", "port": 8883},
    "link": {"latency_ns": 200000, "jitter_ns": 100},
    "connect": {"rate_per_s": 500.5, "in_progress": 32, "timeout_ns": 10000000000, "source_addresses": ["127.0.0.2", "127.0.0.3"]},
    "corpus": {"path": "", "header": "skip", "parser": "strict-unescape", "strict": true},
    "groups": [
      {"name": "cast", "count": 1000,
       "client": {"protocol_version": 4, "clean_start": true, "session_expiry_interval_s": 0, "keep_alive_s": 60,
                  "client_id": "{group}-{i}", "user_name": null, "password": null, "will": null,
                  "reconnect_period_ns": 0, "receive_maximum": 65535},
       "publish": {"topic": "StarWars/{i}", "qos": 1, "retain": false, "rate_per_s": 2.5, "messages": null, "in_flight": 100,
                   "payload": {"kind": "dialogue", "order": "by-speaker", "place": "split", "loop": false, "limit": 7, "offset": 3},
                   "stamp": "json"},
       "subscribe": []},
      {"name": "filler", "count": 2,
       "client": {"protocol_version": 5, "clean_start": false, "session_expiry_interval_s": 3600, "keep_alive_s": 0,
                  "client_id": "f{n}", "user_name": "u", "password": "p",
                  "will": {"topic": "gone", "payload": "bye", "qos": 2, "retain": true},
                  "reconnect_period_ns": 250000000, "receive_maximum": 20},
       "publish": {"topic": "fill", "qos": 2, "retain": true, "rate_per_s": "max", "messages": 50, "in_flight": 8,
                   "payload": {"kind": "size", "size": 1024}, "stamp": "property"},
       "subscribe": [{"filter": "a/+", "qos": 2}, {"filter": "b/{i}", "qos": 0}]},
      {"name": "sensors", "count": 3,
       "client": {"protocol_version": 3, "clean_start": true, "session_expiry_interval_s": 0, "keep_alive_s": 65535,
                  "client_id": "s{i}", "user_name": null, "password": null, "will": null,
                  "reconnect_period_ns": 0, "receive_maximum": 65535},
       "publish": {"topic": "s", "qos": 0, "retain": false, "rate_per_s": 1, "messages": 4, "in_flight": 65535,
                   "payload": {"kind": "template", "template": "{\"n\":{seq}}"}, "stamp": "none"},
       "subscribe": []},
      {"name": "audience", "count": 4,
       "client": {"protocol_version": 4, "clean_start": true, "session_expiry_interval_s": 0, "keep_alive_s": 60,
                  "client_id": "c{i}", "user_name": null, "password": null, "will": null,
                  "reconnect_period_ns": 0, "receive_maximum": 65535},
       "publish": null, "subscribe": [{"filter": "StarWars/#", "qos": 1}]}
    ]})");
  plan["corpus"]["path"] = kShipped.string();
  return plan;
}

}  // namespace mqtt_sim::load
