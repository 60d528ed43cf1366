#pragma once
// What the library asks of its users for TLS: a context that verifies, the side of the handshake, and the server name
// of a stream. Include it before client_over.hpp, whose templates look for them.

#include <boost/asio/ssl.hpp>
#include <boost/mqtt5/ssl.hpp>
#include <boost/mqtt5/types.hpp>
#include <string>

namespace boost_mqtt5_peer {

namespace ssl = boost::asio::ssl;

inline ssl::context context_trusting(const std::string& ca) {
  ssl::context context{ssl::context::tls_client};
  context.load_verify_file(ca);
  context.set_verify_mode(ssl::verify_peer);
  return context;
}

/// Starts a client that checks the server's name too, and keeps the verdict.
template <class TlsClient>
void start_verifying(TlsClient& client, const std::string& host) {
  client.tls_context().set_verify_callback(
      [&client, verify = ssl::host_name_verification{host}](bool is_good_so_far, ssl::verify_context& context) {
        const bool is_good = verify(is_good_so_far, context);
        client.verdicts().put(is_good);
        return is_good;
      });
  client.start();
}

}  // namespace boost_mqtt5_peer

namespace boost::mqtt5 {

template <class Lower>
struct tls_handshake_type<asio::ssl::stream<Lower>> {
  static constexpr auto client = asio::ssl::stream_base::client;
};

template <class Lower>
void assign_tls_sni(const authority_path& broker, asio::ssl::context&, asio::ssl::stream<Lower>& stream) {
  SSL_set_tlsext_host_name(stream.native_handle(), broker.host.c_str());
}

}  // namespace boost::mqtt5
