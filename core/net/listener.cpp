#include "core/net/listener.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/local/stream_protocol.hpp>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <utility>

#include "core/net/connection.hpp"
#include "core/net/http_endpoint.hpp"

namespace mqtt_sim::net {
namespace {

using Unix = boost::asio::local::stream_protocol;

constexpr size_t kUnixPathLimit = 107;  // what the system's address can hold
constexpr int kBacklog = 4096;
constexpr int kAcceptsPerEvent = 64;  // then the others' turn
constexpr Duration kPause = std::chrono::milliseconds(100);
constexpr uint8_t kUnspecifiedError = 0x80;

using boost::system::error_code;

std::string name_of(const Address& at) {
  return at.unix_path.empty() ? at.host + ":" + std::to_string(at.port) : at.unix_path;
}

Error listen_error(const Address& at, const error_code& error) {
  std::string why = error.message();
  if (!why.empty()) why[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(why[0])));
  return make_error(kUnspecifiedError, "cannot listen on " + name_of(at) + ": " + why);
}

// Whether the path is a socket at which nobody listens any more.
bool is_left_over(boost::asio::io_context& context, const Unix::endpoint& at) {
  boost::asio::basic_stream_socket<Unix, Executor> probe(context);
  error_code error;
  probe.connect(at, error);
  return error == boost::asio::error::connection_refused;
}

bool is_want_of_resources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

Listener::Listener(Loop& loop, Service& service, const ListenAddress& rules)
    : loop_(loop), service_(service), rules_(rules), acceptor_(loop.context()) {}

Listener::~Listener() {
  loop_.deadlines().forget(*this);
  if (is_bound_to_path_) ::unlink(rules_.address.unix_path.c_str());
}

Expected<Address> Listener::open() {
  if (const auto checked = check_rules(); !checked) return checked.error();
  const auto bound = rules_.address.unix_path.empty() ? bind_tcp() : bind_unix();
  if (bound) wait_readable();
  return bound;
}

Expected<void> Listener::check_rules() {
  const Protocols& taken = rules_.protocols;
  const auto refuse = [&](const std::string& why) {
    return make_error(kUnspecifiedError, "cannot listen on " + name_of(rules_.address) + ": " + why);
  };
  if (!taken.mqtt && !taken.websocket && !taken.http) return refuse("no protocol is taken");
  if (taken.http && !rules_.http) return refuse("HTTP is taken, and nobody answers it");
  if (rules_.tls) {
    auto made = TlsContext::make_server(*rules_.tls);
    if (!made) return refuse(made.error().text);
    tls_ = std::move(*made);
  }
  if (!rules_.proxy_protocol) return {};
  auto trust = ProxyTrust::parse(rules_.trusted_proxies);
  if (!trust) return refuse(trust.error().text);
  if (rules_.trusted_proxies.empty()) return refuse("the PROXY protocol is taken, and no proxy is trusted");
  proxy_trust_ = std::move(*trust);
  return {};
}

Expected<Address> Listener::bind_tcp() {
  const Address& at = rules_.address;
  error_code error;
  const auto found = Resolver(loop_.context()).resolve(at.host, std::to_string(at.port), Resolver::passive, error);
  if (error || found.empty()) return listen_error(at, error);
  const Tcp::endpoint local = found.begin()->endpoint();

  if (!error) acceptor_.open(Stream(local.protocol()), error);
  if (!error) acceptor_.set_option(Acceptor::reuse_address(true), error);
  if (!error) acceptor_.set_option(Tcp::no_delay(true), error);  // accepted sockets inherit it
  if (!error) acceptor_.non_blocking(true, error);
  if (!error) acceptor_.bind(local, error);
  if (!error) acceptor_.listen(kBacklog, error);
  if (error) return listen_error(at, error);

  const auto bound = as_tcp(acceptor_.local_endpoint(error));
  if (error || !bound) return listen_error(at, error);
  return Address{bound->address().to_string(), bound->port()};
}

Expected<Address> Listener::bind_unix() {
  const Address& at = rules_.address;
  error_code error;
  if (at.unix_path.size() > kUnixPathLimit) return listen_error(at, {ENAMETOOLONG, boost::system::system_category()});
  const Unix::endpoint local(at.unix_path);
  struct stat found {};
  if (::lstat(at.unix_path.c_str(), &found) == 0 && !S_ISSOCK(found.st_mode)) {
    return make_error(kUnspecifiedError,
                      "cannot listen on " + name_of(at) + ": a file that is no socket is there already");
  }
  if (is_left_over(loop_.context(), local)) ::unlink(at.unix_path.c_str());

  acceptor_.open(Stream(local.protocol()), error);
  if (!error) acceptor_.non_blocking(true, error);
  if (!error) acceptor_.bind(local, error);
  if (!error) is_bound_to_path_ = true;
  if (!error) acceptor_.listen(kBacklog, error);
  if (error) return listen_error(at, error);
  return at;
}

std::optional<Instant> Listener::deadline() const {
  const Instant at = std::min(service_.deadline().value_or(kNever), resume_at_);
  return at == kNever ? std::nullopt : std::optional(at);
}

void Listener::on_deadline(Instant now) {
  const std::optional<Instant> asked = service_.deadline();
  if (asked && *asked <= now) service_.on_deadline(now);
  if (resume_at_ <= now) {
    resume_at_ = kNever;
    wait_readable();
  }
}

void Listener::wait_readable() {
  acceptor_.async_wait(Acceptor::wait_read, completion<&Listener::on_readable>(*this, loop_.memory()));
}

void Listener::on_readable(const error_code&) {
  const Instant now = loop_.on_event();
  for (int i = 0; i < kAcceptsPerEvent; ++i) {
    Stream::endpoint from;
    auto length = static_cast<socklen_t>(from.capacity());
    const int descriptor = ::accept4(acceptor_.native_handle(), from.data(), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) {
      from.resize(length);
      take(descriptor, from, now);
      continue;
    }
    if (errno == EAGAIN) break;
    if (errno == EINTR) continue;
    ++loop_.stats().accept_errors;
    if (is_want_of_resources(errno)) return pause(now);
    // Anything else concerns the one stream that was about to be taken.
  }
  wait_readable();
}

void Listener::pause(Instant now) {
  resume_at_ = now + kPause;
  loop_.deadlines().expect(*this);
}

void Listener::take(int descriptor, const Stream::endpoint& from, Instant now) {
  ++loop_.stats().accepted;
  Socket socket(loop_.context());
  error_code error;
  socket.assign(from.protocol(), descriptor, error);
  if (error) {
    ::close(descriptor);
    ++loop_.stats().accept_errors;
    return;
  }
  const auto tcp = as_tcp(from);
  Peer peer{.address = tcp ? to_text(*tcp) : name_of_unix_peers()};
  if (is_plain()) {
    Endpoint* endpoint = service_.on_accept(peer, now);
    if (!endpoint) return;  // refused: the socket closes here
    loop_.add(std::make_unique<Connection>(loop_, *this)).on_arrived(std::move(socket), *endpoint, now);
    return;
  }
  if (handshakes_ >= rules_.handshakes_limit) {
    ++loop_.stats().handshakes_refused;
    loop_.note_failure(CloseReason::local, "too many handshakes at once");
    return;
  }
  const bool is_trusted = tcp ? proxy_trust_.covers(tcp->address()) : proxy_trust_.covers_unix();
  Connection& connection = loop_.add(std::make_unique<Connection>(loop_, *this));
  connection.on_arrived(std::move(socket), std::move(peer), rules_.proxy_protocol && is_trusted, now);
}

void Listener::adopt(int descriptor, Instant now) {
  Stream::endpoint from;
  auto length = static_cast<socklen_t>(from.capacity());
  if (::getpeername(descriptor, from.data(), &length) == 0) from.resize(length);
  const int yes = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);  // where it means something
  take(descriptor, from, now);
}

std::string Listener::name_of_unix_peers() const {
  return acceptor_.is_open() ? "unix:" + rules_.address.unix_path : "memory";
}

bool Listener::is_plain() const {
  return !tls_ && !rules_.proxy_protocol && !rules_.protocols.websocket && !rules_.protocols.http;
}

std::unique_ptr<Opener> Listener::make_opener(Stack& stack, Peer peer, bool expects_proxy, Instant now) {
  return std::make_unique<ServerOpener>(stack, loop_.stack_buffers(), loop_.random(), Opening{.started = now}, rules_,
                                        tls_.get(), expects_proxy, std::move(peer), handshakes_);
}

std::unique_ptr<Endpoint> Listener::make_http_endpoint(const Peer& peer) {
  return std::make_unique<HttpEndpoint>(*rules_.http, peer.address, peer.transport == Transport::tls,
                                        HttpLimits{rules_.handshake_limit, rules_.http_idle_limit});
}

}  // namespace mqtt_sim::net
