#include "core/client/client.hpp"

#include <algorithm>

#include "core/base/random.hpp"
#include "core/protocol/encode.hpp"

namespace mqtt_sim::client {
namespace {

using protocol::PropertyId;
using protocol::ReasonCode;

constexpr Instant kAtOnce{};  // a deadline that asks for nothing but to learn the time

Instant after(Instant now, Duration wait) { return wait > kNever - now ? kNever : now + wait; }

protocol::PropertyWriter connect_properties(const ClientOptions& options) {
  protocol::PropertyWriter writer;
  if (options.version != protocol::ProtocolVersion::v5_0) return writer;
  if (options.session_expiry_interval_s > 0) {
    writer.number(PropertyId::session_expiry_interval, options.session_expiry_interval_s);
  }
  if (options.receive_maximum < 65535) writer.number(PropertyId::receive_maximum, options.receive_maximum);
  if (options.maximum_packet_size < protocol::Framer::kLargestPacket) {
    writer.number(PropertyId::maximum_packet_size, options.maximum_packet_size);
  }
  return writer;
}

// Whether a CONNACK with this reason says that we, as we are, will never be let in.
bool is_lasting_refusal(ReasonCode reason) {
  switch (reason) {
    case ReasonCode::unsupported_protocol_version:
    case ReasonCode::client_identifier_not_valid:
    case ReasonCode::bad_user_name_or_password:
    case ReasonCode::not_authorized:
    case ReasonCode::banned:
    case ReasonCode::bad_authentication_method: return true;
    default: return false;
  }
}

}  // namespace

Client::Client(const ClientOptions& options, std::string client_id, uint64_t seed)
    : options_(&options), client_id_(std::move(client_id)), seed_(seed), framer_(options.maximum_packet_size) {
  MQTT_SIM_ASSERT(options.receive_maximum > 0 && options.in_flight_maximum > 0 && options.maximum_packet_size > 0);
}

Client::~Client() = default;

void Client::enter(State to) {
  MQTT_SIM_ASSERT(may_follow(state_, to));
  state_ = to;
}

void Client::connect() {
  if (state_ == State::idle || state_ == State::closed) {
    resumes_ = false;
    stay_closed_ = false;
    failures_ = 0;
    begin_attempt(kAtOnce);
  } else if (state_ == State::reconnecting) {
    begin_attempt(kAtOnce);
  }
}

void Client::disconnect(Instant now, ReasonCode reason) {
  now_ = now;
  if (state_ == State::idle || state_ == State::closed) return;
  stay_closed_ = true;
  if (state_ == State::closing) return;
  if (stream_ == Stream::open) send_disconnect(is_5() ? reason : ReasonCode::success);
  start_closing({to_string(EndCause::by_us), EndCause::by_us, reason});
}

void Client::kill() {
  if (state_ == State::idle || state_ == State::closed) return;
  stay_closed_ = true;
  if (state_ != State::closing) start_closing({to_string(EndCause::by_us), EndCause::by_us, ReasonCode::success});
  if (state_ != State::closing) return;
  abort_ = true;
  timer_ = kNever;
  output_.clear();
}

void Client::begin_attempt(Instant connect_deadline) {
  enter(State::connecting);
  // A stream of an abandoned attempt may still be on its way: an opening one will do, an open one has to go first.
  if (stream_ == Stream::none) stream_ = Stream::opening;
  timer_ = connect_deadline;
}

void Client::on_open(Waker&, const Opening& opening, Instant now) {
  MQTT_SIM_ASSERT(!input_pending_);
  now_ = last_sent_ = now;
  if (state_ != State::connecting) {
    stream_ = Stream::unwanted;
    return;
  }
  stream_ = Stream::open;
  timer_ = after(opening.started, options_->connect_timeout);
  handshake_ = std::make_unique<Handshake>(Handshake{opening, now});
  send_connect();
}

void Client::send_connect() {
  const ClientOptions& options = *options_;
  clean_start_sent_ = options.clean_start && !resumes_;
  if (!is_5() && client_id_.empty()) clean_start_sent_ = true;  // [MQTT-3.1.3-7] of 3.1.1
  const protocol::PropertyWriter properties = connect_properties(options);
  protocol::Connect connect;  // [MQTT-3.1.0-1] the first packet on the stream
  connect.version = options.version;
  connect.clean_start = clean_start_sent_;
  connect.keep_alive_s = options.keep_alive_s;
  connect.client_id = client_id_;
  if (options.will) {
    const WillOptions& will = *options.will;
    connect.will = protocol::Will{will.topic, as_bytes(will.payload), will.qos, will.retain, {}};
  }
  if (options.user_name) connect.user_name = *options.user_name;
  if (options.password) connect.password = as_bytes(*options.password);
  connect.properties = properties.list();
  const auto encoded = protocol::encode(connect, options.version, output_);
  if (encoded.has_value()) return;
  stay_closed_ = true;  // it would be the same the next time
  start_closing(
      {"CONNECT cannot be encoded", EndCause::protocol_error, static_cast<ReasonCode>(encoded.error().reason)});
}

void Client::send_disconnect(ReasonCode reason) {
  // A reason that only a server may give is left to the close itself.
  static_cast<void>(protocol::encode(protocol::Disconnect{reason, {}}, options_->version, output_));
}

void Client::on_bytes(ByteView bytes, Instant now) {
  MQTT_SIM_ASSERT(!input_pending_);
  now_ = now;
  if (stream_ != Stream::open || state_ == State::closing) return;
  framer_.feed(bytes);
  input_pending_ = true;
}

std::optional<Event> Client::poll_event() {
  for (;;) {
    if (pending_) {
      if (auto event = pending_->pop()) return event;
      pending_.reset();
    }
    if (!input_pending_) return {};
    const auto frame = framer_.next();
    if (frame.has_error()) {
      const auto reason = static_cast<ReasonCode>(frame.error().reason);
      fail(reason, protocol::to_string(reason));
    } else if (!frame->has_value()) {
      input_pending_ = false;
    } else if (auto event = handle(**frame)) {
      return event;
    }
  }
}

void Client::output_sent(size_t n, Instant now) {
  now_ = last_sent_ = now;
  output_.consume(n);
  reply_bytes_ = std::min(reply_bytes_, static_cast<uint32_t>(std::min<size_t>(output_.size(), kReplyLimit)));
  if (inflight_.held() > 0 && state_ == State::connected) resend_held();
}

std::optional<Instant> Client::deadline() const {
  if (timer_ == kNever) return {};
  return timer_;
}

void Client::on_deadline(Instant now) {
  MQTT_SIM_ASSERT(!input_pending_);
  if (now < timer_) return;
  now_ = now;
  switch (state_) {
    case State::connecting:
      if (timer_ == kAtOnce) {
        timer_ = after(now, options_->connect_timeout);
      } else {
        start_closing({stream_ == Stream::open ? "connack timeout" : "stream open timeout", EndCause::connect_timeout,
                       ReasonCode::success});
      }
      break;
    case State::connected: check_keep_alive(now); break;
    case State::reconnecting: begin_attempt(after(now, options_->connect_timeout)); break;
    case State::closing:
      abort_ = true;
      timer_ = kNever;
      break;
    case State::idle:
    case State::closed: break;
  }
}

// The timer is not moved by each packet that leaves; when it fires too early for that reason it is set anew.
void Client::check_keep_alive(Instant now) {
  inflight_.release_if_idle();
  received_.release();
  const Duration keep_alive = std::chrono::seconds(keep_alive_s_);
  if (ping_outstanding_) {
    start_closing({"no PINGRESP in time", EndCause::keep_alive_timeout, ReasonCode::keep_alive_timeout});
  } else if (now < last_sent_ + keep_alive) {
    timer_ = last_sent_ + keep_alive;
  } else {  // [MQTT-3.1.2-20]; 3.1.1 [MQTT-3.1.2-23]
    static_cast<void>(protocol::encode(protocol::Pingreq{}, options_->version, output_));
    ping_outstanding_ = true;
    timer_ = now + keep_alive;
  }
}

StreamWish Client::wish() const {
  switch (stream_) {
    case Stream::none: return StreamWish::none;
    case Stream::opening: return StreamWish::open;
    case Stream::abandoned: return state_ == State::connecting ? StreamWish::open : StreamWish::abort;
    case Stream::unwanted: return StreamWish::abort;
    case Stream::open:
      if (state_ != State::closing) return StreamWish::none;
      return abort_ ? StreamWish::abort : StreamWish::close;
  }
  return StreamWish::none;
}

void Client::start_closing(const Ending& ending) {
  input_pending_ = false;
  framer_.reset();
  if (stream_ == Stream::open) {
    enter(State::closing);
    ending_ = ending;
    abort_ = false;
    timer_ = after(now_, kCloseLimit);
    return;
  }
  if (stream_ == Stream::opening) stream_ = Stream::abandoned;
  end_connection(ending, CloseReason::local);
}

void Client::on_closed(CloseReason reason, Instant now) {
  MQTT_SIM_ASSERT(!input_pending_);
  now_ = now;
  const Stream was = std::exchange(stream_, Stream::none);
  if (was == Stream::none) return;
  const bool was_given_up = was == Stream::unwanted ||
                            (was == Stream::abandoned && (state_ != State::connecting || reason == CloseReason::local));
  if (was_given_up) {
    if (state_ == State::connecting) stream_ = Stream::opening;  // wished meanwhile
  } else if (state_ == State::closing) {
    end_connection(ending_, reason);
  } else {
    end_connection({to_string(reason), EndCause::stream, ReasonCode::success}, reason);
  }
}

void Client::end_connection(const Ending& ending, CloseReason close) {
  const bool was_connected = std::exchange(was_connected_, false);
  framer_.reset();
  output_.clear();
  handshake_.reset();
  reply_bytes_ = 0;
  ping_outstanding_ = false;
  inflight_.drop_requests();
  if (!session_persists_) drop_session();  // 3.1.1 [MQTT-3.1.2-6]
  pending().add_ended({ending.cause, close, ending.reason, ending.text, was_connected});
  if (may_reconnect(ending, was_connected)) {
    enter(State::reconnecting);
    timer_ = after(now_, draw_reconnect_wait());
  } else {
    enter(State::closed);
    timer_ = kNever;
  }
}

bool Client::may_reconnect(const Ending& ending, bool was_connected) const {
  if (options_->reconnect_period <= Duration::zero() || stay_closed_) return false;
  if (ending.cause != EndCause::server_disconnect) return true;
  return was_connected ? ending.reason != ReasonCode::session_taken_over : !is_lasting_refusal(ending.reason);
}

Duration Client::draw_reconnect_wait() {
  const Duration most = std::max(options_->reconnect_period, options_->reconnect_period_max);
  Duration ceiling = options_->reconnect_period;
  for (uint32_t i = 0; i < failures_ && ceiling < most; ++i) ceiling = ceiling > most / 2 ? most : ceiling * 2;
  ++failures_;
  return Duration(Random(seed_).fork(jitters_drawn_++).below(static_cast<uint64_t>(to_ns(ceiling)) + 1));
}

// Nothing in flight will ever be acknowledged, and packet identifiers of the server mean something new.
void Client::drop_session() {
  received_.clear();
  if (inflight_.publishes() > 0) pending().add_dropped(inflight_.take_publishes());
}

PendingEvents& Client::pending() {
  if (!pending_) pending_ = std::make_unique<PendingEvents>();
  return *pending_;
}

}  // namespace mqtt_sim::client
