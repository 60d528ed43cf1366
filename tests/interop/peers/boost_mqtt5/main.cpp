// Boost.MQTT5 as a client of a broker: boost_mqtt5_client URL [CA FOREIGN_CA]
// Goes through every QoS of level 5, the only one it speaks, as ../../matrix.py describes it, and prints a line of JSON
// for each cell. The library does not tell QoS and retain of what it receives, so those are not looked at.
#include <array>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "client.hpp"

namespace {

using namespace boost_mqtt5_peer;

constexpr std::array sizes{0, 1, 125, 126, 127, 1000, 16'383, 16'384, 65'535, 65'536, 100'000};
constexpr int burst = 50;

void expect(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error{what};
}

struct Place {
  std::string scheme;
  Options options;
};

Place parse(const std::string& url, std::string ca) {
  const auto colon = url.find("://");
  expect(colon != std::string::npos, "not a URL: " + url);
  const std::string place = url.substr(colon + 3);
  return {url.substr(0, colon), {place, place.substr(0, place.find(':')), std::move(ca), {}, 0}};
}

std::unique_ptr<Client> open(const Place& place) {
  if (place.scheme == "mqtts") return open_tls(place.options);
  if (place.scheme == "ws") return open_websocket(place.options);
  if (place.scheme == "wss") return open_websocket_tls(place.options);
  return open_tcp(place.options);
}

std::string payload_of(int index, int size) {
  std::string bytes(static_cast<std::size_t>(size), '\0');
  for (int i = 0; i < size; ++i) bytes[static_cast<std::size_t>(i)] = static_cast<char>(index + 7 * i);
  return bytes;
}

void run_sizes(Client& hears, Client& speaks, const std::string& root, int qos) {
  for (int index = 0; const int size : sizes) {
    const std::string payload = payload_of(index++, size);
    speaks.publish(root + "/size", payload, qos, false);
    speaks.wait_for_publishes();
    const Message message = hears.next();
    expect(message.payload == payload, "payload of " + std::to_string(size) + " bytes came as others");
    expect(message.user_properties == decltype(message.user_properties){{"from", "boost"}}, "user property lost");
  }
}

void run_burst(Client& hears, Client& speaks, const std::string& root, int qos) {
  for (int i = 0; i < burst; ++i) speaks.publish(root + "/burst", std::to_string(i), qos, false);
  for (int i = 0; i < burst; ++i) {
    const std::string payload = hears.next().payload;
    expect(payload == std::to_string(i), "message " + std::to_string(i) + " of the burst came as " + payload);
  }
  speaks.wait_for_publishes();
}

void run_retained(const Place& place, Client& hears, Client& speaks, const std::string& root, int qos) {
  speaks.publish(root + "/state", "kept", qos, true);
  speaks.wait_for_publishes();
  hears.next();
  const auto late = open(place);
  late->subscribe(root + "/state", qos);
  expect(late->next().payload == "kept", "the retained message did not wait");
  speaks.publish(root + "/state", "", qos, true);
  speaks.wait_for_publishes();
  hears.next();
}

void run_will(Place place, Client& hears, const std::string& root, int qos) {
  place.options.will_topic = root + "/will";
  place.options.will_qos = qos;
  const auto mortal = open(place);
  mortal->subscribe(root + "/nothing", qos);
  mortal->drop();
  const Message will = hears.next();
  expect(will.topic == root + "/will" && will.payload == "gone", "instead of a will " + will.topic);
}

void run_cell(const Place& place, int qos) {
  const std::string root = "matrix/boost/5/" + std::to_string(qos);
  const auto hears = open(place);
  const auto speaks = open(place);
  const int granted = hears->subscribe(root + "/#", qos);
  expect(granted == qos, "SUBACK " + std::to_string(granted));
  run_sizes(*hears, *speaks, root, qos);
  run_burst(*hears, *speaks, root, qos);
  run_retained(place, *hears, *speaks, root, qos);
  run_will(place, *hears, root, qos);
}

void report(nlohmann::ordered_json row, const std::function<void()>& check) {
  const auto began = std::chrono::steady_clock::now();
  std::string detail;
  try {
    check();
  } catch (const std::exception& error) {
    detail = error.what();
  }
  row["passed"] = detail.empty();
  row["detail"] = detail;
  row["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::cout << row.dump() << std::endl;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2 && count != 4) {
    std::cerr << "usage: boost_mqtt5_client URL [CA FOREIGN_CA]\n";
    return 2;
  }
  const Place place = parse(arguments[1], count == 4 ? arguments[2] : "");
  for (const int qos : {0, 1, 2}) report({{"level", 5}, {"qos", qos}}, [&] { run_cell(place, qos); });
  if (count == 4) {
    report({{"check", "foreign authority"}}, [&] {
      const auto client = open(parse(arguments[1], arguments[3]));
      expect(client->is_certificate_refused(), "took a certificate of an authority that it does not know");
    });
  }
}
