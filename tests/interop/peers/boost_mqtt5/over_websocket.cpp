// Boost.MQTT5 over WebSocket.
#include <boost/beast/websocket/stream.hpp>
#include <boost/mqtt5/websocket.hpp>
#include <variant>

#include "client_over.hpp"

namespace boost_mqtt5_peer {

std::unique_ptr<Client> open_websocket(const Options& options) {
  using Stream = boost::beast::websocket::stream<boost::asio::ip::tcp::socket>;
  auto client = std::make_unique<ClientOver<Stream, std::monostate>>(options, std::monostate{});
  client->start();
  return client;
}

}  // namespace boost_mqtt5_peer
