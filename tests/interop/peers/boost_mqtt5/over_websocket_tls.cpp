// Boost.MQTT5 over WebSocket over TLS.
#include "tls_trust.hpp"
//
#include <boost/beast/websocket/ssl.hpp>
#include <boost/mqtt5/websocket_ssl.hpp>

#include "client_over.hpp"

namespace boost_mqtt5_peer {

std::unique_ptr<Client> open_websocket_tls(const Options& options) {
  using Stream = boost::beast::websocket::stream<ssl::stream<boost::asio::ip::tcp::socket>>;
  auto client = std::make_unique<ClientOver<Stream, ssl::context>>(options, context_trusting(options.ca));
  start_verifying(*client, options.host);
  return client;
}

}  // namespace boost_mqtt5_peer
