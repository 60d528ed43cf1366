#include "core/net/listener.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>

#include "core/net/connection.hpp"

namespace mqtt_sim::net {
namespace {

constexpr int kBacklog = 4096;
constexpr int kAcceptsPerEvent = 64;  // then the others' turn
constexpr Duration kPause = std::chrono::milliseconds(100);
constexpr uint8_t kUnspecifiedError = 0x80;

using boost::system::error_code;

Error listen_error(const Address& at, const error_code& error) {
  std::string why = error.message();
  if (!why.empty()) why[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(why[0])));
  return make_error(kUnspecifiedError, "cannot listen on " + at.host + ":" + std::to_string(at.port) + ": " + why);
}

bool is_want_of_resources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

Listener::Listener(Loop& loop, Service& service) : loop_(loop), service_(service), acceptor_(loop.context()) {}

Listener::~Listener() { loop_.deadlines().forget(*this); }

Expected<Address> Listener::open(const Address& at) {
  error_code error;
  const auto found = Resolver(loop_.context()).resolve(at.host, std::to_string(at.port), Resolver::passive, error);
  if (error || found.empty()) return listen_error(at, error);
  const Tcp::endpoint local = found.begin()->endpoint();

  if (!error) acceptor_.open(local.protocol(), error);
  if (!error) acceptor_.set_option(Acceptor::reuse_address(true), error);
  if (!error) acceptor_.set_option(Tcp::no_delay(true), error);  // accepted sockets inherit it
  if (!error) acceptor_.non_blocking(true, error);
  if (!error) acceptor_.bind(local, error);
  if (!error) acceptor_.listen(kBacklog, error);
  if (error) return listen_error(at, error);

  const Tcp::endpoint bound = acceptor_.local_endpoint(error);
  if (error) return listen_error(at, error);
  wait_readable();
  return Address{bound.address().to_string(), bound.port()};
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
    Tcp::endpoint from;
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

void Listener::take(int descriptor, const Tcp::endpoint& from, Instant now) {
  ++loop_.stats().accepted;
  Socket socket(loop_.context());
  error_code error;
  socket.assign(from.protocol(), descriptor, error);
  if (error) {
    ::close(descriptor);
    ++loop_.stats().accept_errors;
    return;
  }
  Endpoint* endpoint = service_.on_accept(Peer{to_text(from)}, now);
  if (!endpoint) return;  // refused: the socket closes here
  Connection& connection = loop_.add(std::make_unique<Connection>(loop_, *endpoint, service_));
  Opening opening;
  opening.started = now;
  connection.on_stream(std::move(socket), opening, now);
}

}  // namespace mqtt_sim::net
