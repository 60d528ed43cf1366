#include "core/net/dialer.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <chrono>
#include <utility>

#include "core/base/assert.hpp"
#include "core/net/connection.hpp"
#include "core/net/memory_streams.hpp"

namespace mqtt_sim::net {
namespace {

using boost::system::error_code;

using Unix = boost::asio::local::stream_protocol;

constexpr size_t kUnixPathLimit = 107;                        // what the system's address can hold
constexpr size_t kAddressLimit = 16;                          // of one name
constexpr Duration kCatchUp = std::chrono::milliseconds(10);  // how far a late start may be made up for
// A socket option of Linux: take the port at connect(), when the pair of addresses is known, not at bind().
using BindAddressNoPort = boost::asio::detail::socket_option::boolean<IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT>;

std::vector<SourceAddresses::Address> parse_all(const std::vector<std::string>& literals) {
  std::vector<SourceAddresses::Address> addresses;
  for (const std::string& literal : literals) {
    error_code error;
    addresses.push_back(boost::asio::ip::make_address(literal, error));
    MQTT_SIM_ASSERT(!error);  // literals are checked where the options are made
  }
  return addresses;
}

Duration interval_of(double rate_per_s) {
  return rate_per_s > 0 ? Duration(static_cast<int64_t>(1e9 / rate_per_s)) : Duration::zero();
}

CloseReason reason_of(const error_code& error) {
  switch (error.value()) {
    case EAGAIN:  // the backlog of a Unix-domain socket is full
    case ECONNREFUSED: return CloseReason::refused;
    case ECONNRESET: return CloseReason::reset;
    case EADDRNOTAVAIL:
    case EADDRINUSE: return CloseReason::no_ports;
    case EMFILE:
    case ENFILE: return CloseReason::descriptors;
    default: return CloseReason::unreachable;
  }
}

Address hop_of(const Target& target) {
  return target.proxy ? Address{target.proxy.host, target.proxy.port} : target.address;
}

// The target's host as its proxy is told, if that need not be looked up here.
std::string destination_of(const Target& target) {
  error_code is_name;
  static_cast<void>(boost::asio::ip::make_address(target.address.host, is_name));
  return is_name && target.proxy.kind == ProxyKind::socks5 ? std::string() : target.address.host;
}

error_code error_of(int number) { return {number, boost::system::system_category()}; }

// Dialling an unused port of the ephemeral range on one's own machine may by chance connect the socket to itself.
bool is_connected_to_itself(const Socket& socket, const Tcp::endpoint& remote) {
  if (!remote.address().is_loopback()) return false;
  error_code error;
  return as_tcp(socket.local_endpoint(error)) == remote && !error;
}

}  // namespace

Dialer::Dialer(Loop& loop, const Target& target, const NetOptions& options)
    : loop_(loop),
      target_(target),
      hop_(hop_of(target)),
      destination_(destination_of(target)),
      handshake_limit_(options.handshake_limit),
      websocket_frame_limit_(options.websocket_frame_limit),
      in_progress_limit_(std::max(options.connects_in_progress_limit, 1u)),
      interval_(interval_of(options.connect_rate_per_s)),
      resolver_(loop.context()),
      sources_(parse_all(options.source_addresses)) {
  const Address& at = target.address;
  error_code error;
  const auto literal = boost::asio::ip::make_address(hop_.host, error);
  if (!error) addresses_.emplace_back(literal, hop_.port);
  if (!at.unix_path.empty() || !at.memory_name.empty()) addresses_.assign(1, Tcp::endpoint());  // stands for the name
  if (has_tls(target.transport)) {
    const TlsClientOptions options_of_tls = target.tls ? *target.tls : TlsClientOptions{};
    auto made = TlsContext::make_client(options_of_tls, at.unix_path.empty() ? at.host : "localhost");
    if (made) {
      tls_ = std::move(*made);
    } else {
      tls_problem_ = made.error().text;
    }
  }
}

Dialer::~Dialer() { loop_.deadlines().forget(*this); }

void Dialer::enqueue(Connection& connection) {
  waiting_.push_back(&connection);
  start_next();
}

void Dialer::withdraw(const Connection& connection) {
  std::erase(waiting_, &connection);
  for (Dial& dial : dials_) {
    if (dial.connection != &connection) continue;
    dial.connection = nullptr;
    error_code ignored;
    dial.socket.close(ignored);
  }
}

std::optional<Instant> Dialer::deadline() const {
  const bool waits_for_time = interval_ > Duration::zero() && !waiting_.empty() && has_room();
  return waits_for_time ? std::optional(next_start_) : std::nullopt;
}

void Dialer::on_deadline(Instant) { start_next(); }

std::unique_ptr<Opener> Dialer::make_opener(Stack& stack, TlsSession& session, const Opening& opening, Instant now) {
  ++openings_;
  return std::make_unique<ClientOpener>(stack, loop_.stack_buffers(), loop_.random(), opening, target_, destination_,
                                        tls_.get(), tls_ && tls_->resumes() ? &session : nullptr,
                                        websocket_frame_limit_, now);
}

void Dialer::on_opening_over() {
  --openings_;
  start_next();
}

void Dialer::start_next() {
  if (waiting_.empty()) return;
  if (!tls_problem_.empty()) {
    boost::asio::post(loop_.context(), [this] { fail_all(CloseReason::tls_failed, tls_problem_, loop_.on_event()); });
    return;
  }
  if (!is_resolved()) return resolve();
  while (!waiting_.empty() && has_room()) {
    const Instant now = Loop::clock();
    if (is_paced(now)) break;
    next_start_ = std::max(next_start_, now - kCatchUp) + interval_;
    Connection& connection = *waiting_.front();
    waiting_.pop_front();

    ++loop_.stats().connects_started;
    Dial& dial = dials_.emplace_back(*this, connection);
    dial.place = std::prev(dials_.end());
    dial.opening.started = now;
    dial.opening.resolve = resolve_time_;
    dial.attempt();
  }
  loop_.deadlines().expect(*this);
}

void Dialer::resolve() {
  if (resolve_started_ != kNever) return;
  resolve_started_ = Loop::clock();
  const Address& wanted = addresses_.empty() ? hop_ : target_.address;
  resolver_.async_resolve(
      wanted.host, std::to_string(wanted.port),
      [this](const error_code& error, const Resolver::results_type& found) { on_resolved(error, found); });
}

void Dialer::on_resolved(const error_code& error, const Resolver::results_type& found) {
  const Instant now = loop_.on_event();
  const Instant started = std::exchange(resolve_started_, kNever);
  const bool is_found = !error && !found.empty();
  if (is_found && !addresses_.empty()) destination_ = found.begin()->endpoint().address().to_string();
  if (is_found && addresses_.empty()) {
    for (const auto& entry : found) {
      if (addresses_.size() < kAddressLimit) addresses_.push_back(entry.endpoint());
    }
  }
  if (is_found) {
    resolve_time_ = now - started;
    start_next();
    resolve_time_ = Duration::zero();
    return;
  }
  // Whoever wishes again has the name looked up again.
  fail_all(CloseReason::unreachable, error.message(), now);
}

void Dialer::fail_all(CloseReason reason, const std::string& detail, Instant now) {
  for (Connection* connection : std::exchange(waiting_, {})) {
    ++loop_.stats().connects_started;
    ++loop_.stats().connects_failed;
    connection->on_dial_failed(reason, detail, now);
  }
}

void Dialer::finish(Dial& dial, const error_code& error, Instant now) {
  Connection* connection = dial.connection;
  Socket socket = std::move(dial.socket);
  Opening opening = dial.opening;
  if (!error && connection) preferred_ = dial.address;
  dials_.erase(dial.place);

  if (connection && error) {
    ++loop_.stats().connects_failed;
    connection->on_dial_failed(reason_of(error), in_words(error), now);
  } else if (connection) {
    opening.tcp = now - opening.started;
    connection->on_dialled(std::move(socket), opening, now);
  }
  start_next();
}

std::string Dialer::in_words(const error_code& error) const {
  return target_.proxy ? "proxy " + hop_.host + ":" + std::to_string(hop_.port) + ": " + error.message()
                       : error.message();
}

// --- one opening

Dialer::Dial::Dial(Dialer& owner, Connection& wanted_by)
    : dialer(owner), connection(&wanted_by), socket(owner.loop_.context()), address(owner.preferred_) {}

// Ends in on_attempt, always by way of the loop, so that an endpoint that wishes again at once cannot keep us in here.
void Dialer::Dial::attempt() {
  Loop& loop = dialer.loop_;
  const Tcp::endpoint& remote = dialer.addresses_[address];
  early_error = prepare(remote);
  if (early_error || !dialer.target_.address.memory_name.empty()) {  // is connected, or will not be
    boost::asio::post(loop.context(), [this] { on_attempt(early_error); });
  } else {
    const std::string& path = dialer.target_.address.unix_path;
    const Stream::endpoint to = path.empty() ? Stream::endpoint(remote) : Stream::endpoint(Unix::endpoint(path));
    socket.async_connect(to, completion<&Dial::on_attempt>(*this, loop.memory()));
  }
}

error_code Dialer::Dial::prepare(const Tcp::endpoint& remote) {
  if (!dialer.target_.address.unix_path.empty()) return open_unix();
  if (!dialer.target_.address.memory_name.empty()) return open_in_memory();
  if (!source) source = dialer.sources_.choose(remote.address());
  if (!source) return error_of(EADDRNOTAVAIL);
  error_code error;
  socket.close(error);  // of the attempt before
  error.clear();
  socket.open(Stream(remote.protocol()), error);
  if (!error) socket.set_option(Tcp::no_delay(true), error);
  if (!error && source->address) socket.set_option(BindAddressNoPort(true), error);
  if (!error && source->address) socket.bind(Tcp::endpoint(*source->address, 0), error);
  return error;
}

error_code Dialer::Dial::open_unix() {
  if (dialer.target_.address.unix_path.size() > kUnixPathLimit) return error_of(ENAMETOOLONG);
  error_code error;
  socket.open(Stream(Unix()), error);
  return error;
}

error_code Dialer::Dial::open_in_memory() {
  const auto end = open_stream(dialer.target_.address.memory_name);
  error_code error;
  if (end) {
    socket.assign(Stream(Unix()), *end, error);
  } else {
    error = end.error();
  }
  return error;
}

void Dialer::Dial::on_attempt(const error_code& result) {
  const Instant now = dialer.loop_.on_event();
  const Tcp::endpoint& remote = dialer.addresses_[address];
  error_code error = result;
  if (!connection) return dialer.finish(*this, error, now);
  if (!error && is_connected_to_itself(socket, remote)) error = error_of(ECONNREFUSED);
  if (!error) return dialer.finish(*this, error, now);

  if (error.value() == EADDRNOTAVAIL && ++sources_tried < dialer.sources_.count(remote.address())) {
    source = dialer.sources_.choose_instead(*source, remote.address());
    return attempt();
  }
  const bool concerns_address = reason_of(error) != CloseReason::descriptors;
  source.reset();
  sources_tried = 0;
  if (concerns_address && ++addresses_tried < dialer.addresses_.size()) {
    address = (address + 1) % dialer.addresses_.size();
    return attempt();
  }
  dialer.finish(*this, error, now);
}

}  // namespace mqtt_sim::net
