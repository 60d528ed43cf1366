#pragma once
// A Boost.MQTT5 client that is waited for: one interface over the four streams that the library knows, each in a file
// of its own because each is a minute of templates. Every wait has an end; what goes wrong is a std::runtime_error.

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace boost_mqtt5_peer {

inline constexpr std::chrono::seconds patience{10};

struct Message {
  std::string topic;
  std::string payload;
  std::vector<std::pair<std::string, std::string>> user_properties;
};

/// Where to connect, whom to trust (a PEM file, for TLS), and the topic of a will that says "gone".
struct Options {
  std::string place;  // host:port/path, as mqtt_client::brokers takes it
  std::string host;
  std::string ca;
  std::string will_topic;
  int will_qos = 0;
};

class Client {
 public:
  virtual ~Client() = default;
  /// The granted QoS.
  virtual int subscribe(const std::string& filter, int qos) = 0;
  /// Returns before the acknowledgement; wait_for_publishes() waits for all of them.
  virtual void publish(const std::string& topic, const std::string& payload, int qos, bool retain) = 0;
  virtual void wait_for_publishes() = 0;
  virtual Message next() = 0;
  /// Ends the connection without a DISCONNECT; so does the destructor.
  virtual void drop() = 0;
  /// Waits until the certificate of the server was refused; false when it was taken, or nothing came.
  virtual bool is_certificate_refused() = 0;
};

std::unique_ptr<Client> open_tcp(const Options& options);
std::unique_ptr<Client> open_tls(const Options& options);
std::unique_ptr<Client> open_websocket(const Options& options);
std::unique_ptr<Client> open_websocket_tls(const Options& options);

}  // namespace boost_mqtt5_peer
