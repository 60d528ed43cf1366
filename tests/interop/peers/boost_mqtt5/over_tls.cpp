// Boost.MQTT5 over TLS.
#include "tls_trust.hpp"
//
#include "client_over.hpp"

namespace boost_mqtt5_peer {

std::unique_ptr<Client> open_tls(const Options& options) {
  using Stream = ssl::stream<boost::asio::ip::tcp::socket>;
  auto client = std::make_unique<ClientOver<Stream, ssl::context>>(options, context_trusting(options.ca));
  start_verifying(*client, options.host);
  return client;
}

}  // namespace boost_mqtt5_peer
