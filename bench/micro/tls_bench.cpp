// What a TLS 1.3 handshake costs each side without sockets: two layers, mouth to ear. Manual time counts one side only;
// the bytes in the counters are what that side sends.
#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <vector>

#include "core/net/certificates.hpp"
#include "core/net/tls_context.hpp"
#include "core/net/tls_layer.hpp"

namespace mqtt_sim::net {
namespace {

using Clock = std::chrono::steady_clock;

enum Side : size_t { kClient, kServer };

// Everything about a side that outlives a handshake.
struct Party {
  std::unique_ptr<TlsContext> context;
  std::vector<uint8_t> plain = std::vector<uint8_t>(32 * 1024);
  Clock::duration spent{};
  size_t bytes_sent = 0;
};

class Handshakes {
 public:
  Handshakes() {
    const auto authority = CertificateAuthority::make("bench");
    const KeyPair own = authority.issue({.common_name = "localhost", .names = {"localhost"}}).value();
    TlsServerOptions server;
    server.identity.certificate_pem = own.certificate_pem;
    server.identity.key_pem = own.key_pem;
    parties_[kServer].context = TlsContext::make_server(server).value();
    TlsClientOptions client;
    client.trust.ca_pem = authority.own().certificate_pem;
    client.resume = true;
    parties_[kClient].context = TlsContext::make_client(client, "localhost").value();
  }

  // `session`, when not null, is resumed if it can be, and renewed.
  bool shake(TlsSession* session) {
    std::array<std::unique_ptr<TlsLayer>, 2> layers;
    for (const Side side : {kClient, kServer}) {
      timed(side, [&] {
        layers[side] = std::make_unique<TlsLayer>(*parties_[side].context, parties_[side].plain,
                                                  side == kClient ? session : nullptr);
      });
    }
    for (bool is_talking = true; is_talking;) {
      is_talking = false;
      for (const Side from : {kClient, kServer}) {
        WireBuffer wire;
        timed(from, [&] { layers[from]->give({}, wire); });
        parties_[from].bytes_sent += wire.size();
        is_talking = is_talking || !wire.empty();
        const Side to = from == kClient ? kServer : kClient;
        if (wire.empty()) continue;
        timed(to, [&] {
          layers[to]->put(wire.bytes());
          while (!layers[to]->take().empty()) continue;
        });
      }
    }
    was_resumed_ = layers[kClient]->was_resumed();
    const bool are_open =
        layers[kClient]->state() == Layer::State::open && layers[kServer]->state() == Layer::State::open;
    for (const Side side : {kClient, kServer}) layers[side]->close();  // OpenSSL resumes no session that just stopped
    return are_open;
  }

  bool was_resumed() const { return was_resumed_; }
  Party& party(Side side) { return parties_[side]; }

 private:
  template <class Work>
  void timed(Side side, Work work) {
    const auto began = Clock::now();
    work();
    parties_[side].spent += Clock::now() - began;
  }

  std::array<Party, 2> parties_;
  bool was_resumed_ = false;
};

void handshake(benchmark::State& state, Side side, bool resumes) {
  Handshakes handshakes;
  TlsSession session;
  if (!handshakes.shake(&session) || !session) return state.SkipWithError("no handshake, or no ticket");
  handshakes.party(side).bytes_sent = 0;
  for (auto _ : state) {
    handshakes.party(side).spent = {};
    if (!handshakes.shake(resumes ? &session : nullptr) || handshakes.was_resumed() != resumes)
      return state.SkipWithError("the handshake went otherwise");
    state.SetIterationTime(std::chrono::duration<double>(handshakes.party(side).spent).count());
  }
  state.counters["bytes_sent"] =
      benchmark::Counter(static_cast<double>(handshakes.party(side).bytes_sent), benchmark::Counter::kAvgIterations);
}

BENCHMARK_CAPTURE(handshake, client_full, kClient, false)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(handshake, client_resumed, kClient, true)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(handshake, server_full, kServer, false)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(handshake, server_resumed, kServer, true)->UseManualTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace mqtt_sim::net

BENCHMARK_MAIN();
