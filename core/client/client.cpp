#include "core/client/client.hpp"

#include <algorithm>

#include "core/base/random.hpp"
#include "core/client/features.hpp"
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
  if (options.topic_alias_maximum > 0) writer.number(PropertyId::topic_alias_maximum, options.topic_alias_maximum);
  if (options.request_response_information) writer.number(PropertyId::request_response_information, 1);
  if (!options.request_problem_information) writer.number(PropertyId::request_problem_information, 0);
  for (const auto& [name, value] : options.user_properties) writer.user_property(name, value);
  return writer;
}

// Whether a client may give the reason in DISCONNECT (table 3-10).
bool is_clients_reason(ReasonCode reason) {
  switch (reason) {
    case ReasonCode::success:
    case ReasonCode::disconnect_with_will_message:
    case ReasonCode::unspecified_error:
    case ReasonCode::malformed_packet:
    case ReasonCode::protocol_error:
    case ReasonCode::implementation_specific_error:
    case ReasonCode::topic_name_invalid:
    case ReasonCode::receive_maximum_exceeded:
    case ReasonCode::topic_alias_invalid:
    case ReasonCode::packet_too_large:
    case ReasonCode::message_rate_too_high:
    case ReasonCode::quota_exceeded:
    case ReasonCode::administrative_action:
    case ReasonCode::payload_format_invalid: return true;
    default: return false;
  }
}

// Whether a CONNACK with this reason says that we, as we are, will never be let in.
bool is_lasting_refusal(ReasonCode reason) {
  switch (reason) {
    case ReasonCode::unsupported_protocol_version:
    case ReasonCode::client_identifier_not_valid:
    case ReasonCode::bad_user_name_or_password:
    case ReasonCode::not_authorized:
    case ReasonCode::banned:
    case ReasonCode::bad_authentication_method:
    case ReasonCode::server_moved: return true;
    default: return false;
  }
}

}  // namespace

Client::Client(const ClientOptions& options, std::string client_id, uint64_t seed)
    : options_(&options), client_id_(std::move(client_id)), seed_(seed), framer_(options.maximum_packet_size) {
  MQTT_SIM_ASSERT(options.receive_maximum > 0 && options.in_flight_maximum > 0 && options.maximum_packet_size > 0);
  if (options.session_of_owner) inflight_.leave_ids_to_owner();
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

void Client::disconnect(Instant now, ReasonCode reason, const protocol::PropertyList& properties) {
  now_ = now;
  if (state_ == State::idle || state_ == State::closed) return;
  stay_closed_ = true;
  if (state_ == State::closing) return;
  if (stream_ == Stream::open) {
    if (is_5()) send_disconnect(reason, properties);
    if (!is_5()) send_disconnect(ReasonCode::success, {});
  }
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
  limits_ = {};
  protocol::PropertyWriter properties = connect_properties(options);
  if (is_5() && options.authentication) add_authentication(properties);
  protocol::Connect connect;  // [MQTT-3.1.0-1] the first packet on the stream
  connect.version = options.version;
  connect.clean_start = clean_start_sent_;
  connect.keep_alive_s = options.keep_alive_s;
  connect.client_id = client_id_;  // [MQTT-3.1.3-2], [MQTT-3.1.3-3]
  if (options.will) {              // [MQTT-3.1.2-9], [MQTT-3.1.2-11], [MQTT-3.1.2-13]
    const WillOptions& will = *options.will;
    connect.will = protocol::Will{will.topic, as_bytes(will.payload), will.qos, will.retain, will.properties.list()};
  }
  if (options.user_name) connect.user_name = *options.user_name;         // [MQTT-3.1.2-16], [MQTT-3.1.2-17]
  if (options.password) connect.password = as_bytes(*options.password);  // [MQTT-3.1.2-18], [MQTT-3.1.2-19]
  connect.properties = properties.list();
  // [MQTT-3.1.2-12], [MQTT-3.1.2-22] of 3.1.1, [MQTT-3.1.3-4], [MQTT-3.1.3-11], [MQTT-3.1.3-12]
  const auto encoded = protocol::encode(connect, options.version, output_);
  if (encoded.has_value()) return;
  stay_closed_ = true;  // it would be the same the next time
  start_closing(
      {"CONNECT cannot be encoded", EndCause::protocol_error, static_cast<ReasonCode>(encoded.error().reason)});
}

// A reason that only a server may give is left to the close itself.
void Client::send_disconnect(ReasonCode reason, const protocol::PropertyList& properties) {
  if (!is_clients_reason(reason)) return;  // [MQTT-3.14.2-1]
  const auto expiry = properties.number(PropertyId::session_expiry_interval);
  const bool is_allowed = !expiry || *expiry == 0 || options_->session_expiry_interval_s > 0;
  if (!properties.empty() && is_allowed && send_if_it_fits(protocol::Disconnect{reason, properties})) {
    if (expiry) session_persists_ = *expiry > 0;  // [MQTT-3.1.2-23]
    return;
  }
  // [MQTT-3.14.2-3], [MQTT-3.14.2-4]
  static_cast<void>(send_if_it_fits(protocol::Disconnect{reason, {}}));
}

// Encoded aside first: what is over the server's maximum packet size must not leave. [MQTT-3.2.2-15]
Expected<size_t> Client::send_if_it_fits(const protocol::Packet& packet) {
  OutputQueue aside;
  const auto size = protocol::encode(packet, options_->version, aside);
  if (size.has_error()) return size;
  if (*size > limits_.maximum_packet_size) {
    return protocol::make_error(ReasonCode::packet_too_large, "packet over the maximum packet size of the server");
  }
  while (!aside.empty()) {
    const ByteView part = aside.views().front();
    output_.append(part);
    aside.consume(part.size());
  }
  return size;
}

void Client::on_bytes(ByteView bytes, Instant now) {
  MQTT_SIM_ASSERT(!input_pending_);
  now_ = now;
  if (stream_ != Stream::open || state_ == State::closing) return;
  acked_in_read_ = 0;
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
  const Instant due = features_ ? std::min(timer_, features_->authentication_due) : timer_;
  if (due == kNever) return {};
  return due;
}

void Client::on_deadline(Instant now) {
  MQTT_SIM_ASSERT(!input_pending_);
  if (features_ && now >= features_->authentication_due) {  // [MQTT-4.12.1-2]
    now_ = now;
    send_disconnect(ReasonCode::unspecified_error, {});
    return start_closing({"no answer to AUTH in time", EndCause::authentication_timeout});
  }
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
  } else {  // [MQTT-3.1.2-20]
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

void Client::start_closing(Ending ending) {
  input_pending_ = false;
  framer_.reset();
  if (features_) features_->authentication_due = kNever;
  if (stream_ == Stream::open) {
    enter(State::closing);  // [MQTT-3.14.4-1], [MQTT-3.14.4-2]
    ending_ = std::make_unique<Ending>(std::move(ending));
    abort_ = false;
    timer_ = after(now_, kCloseLimit);
    return;
  }
  if (stream_ == Stream::opening) stream_ = Stream::abandoned;
  end_connection(std::move(ending), CloseReason::local);
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
    end_connection(std::move(*std::exchange(ending_, nullptr)), reason);
  } else {
    end_connection({to_string(reason), EndCause::stream, ReasonCode::success}, reason);
  }
}

void Client::end_connection(Ending ending, CloseReason close) {
  const bool was_connected = std::exchange(was_connected_, false);
  framer_.reset();
  output_.clear();
  handshake_.reset();
  forget_owed();
  features_.reset();  // [MQTT-3.3.2-7]
  reply_bytes_ = 0;
  ping_outstanding_ = false;
  inflight_.drop_requests();
  if (!session_persists_) drop_session();  // [MQTT-3.1.2-4], [MQTT-3.1.2-6] of 3.1.1
  pending().add_ended({ending.cause, close, ending.reason, ending.text, was_connected}, std::move(ending.properties));
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
  if (!was_connected) return !is_lasting_refusal(ending.reason);
  return ending.reason != ReasonCode::session_taken_over && ending.reason != ReasonCode::server_moved;
}

Duration Client::draw_reconnect_wait() {
  if (options_->reconnect_jitter == ReconnectJitter::none) return options_->reconnect_period;
  const Duration most = std::max(options_->reconnect_period, options_->reconnect_period_max);
  Duration ceiling = options_->reconnect_period;
  for (uint32_t i = 0; i < failures_ && ceiling < most; ++i) ceiling = ceiling > most / 2 ? most : ceiling * 2;
  ++failures_;
  return Duration(Random(seed_).fork(draws_++).below(static_cast<uint64_t>(to_ns(ceiling)) + 1));
}

// Nothing in flight will ever be acknowledged, and packet identifiers of the server mean something new.
// [MQTT-4.1.0-1]
void Client::drop_session() {
  has_session_ = false;
  received_.clear();
  if (inflight_.publishes() > 0) pending().add_dropped(inflight_.take_publishes());
}

PendingEvents& Client::pending() {
  if (!pending_) pending_ = std::make_unique<PendingEvents>();
  return *pending_;
}

Features& Client::features() {
  if (!features_) features_ = std::make_unique<Features>();
  return *features_;
}

}  // namespace mqtt_sim::client
