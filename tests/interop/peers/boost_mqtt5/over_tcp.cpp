// Boost.MQTT5 over TCP.
#include <variant>

#include "client_over.hpp"

namespace boost_mqtt5_peer {

std::unique_ptr<Client> open_tcp(const Options& options) {
  auto client = std::make_unique<ClientOver<boost::asio::ip::tcp::socket, std::monostate>>(options, std::monostate{});
  client->start();
  return client;
}

}  // namespace boost_mqtt5_peer
