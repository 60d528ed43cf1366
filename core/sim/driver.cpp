#include "core/sim/driver.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/assert.hpp"

namespace mqtt_sim::sim {
namespace {

constexpr uint64_t kJitterPurpose = 1;

// An event's source is the index of an object and which of its events it is.
enum class SourceKind : uint32_t { to_client, to_server, endpoint_deadline, service_deadline };

constexpr uint32_t source_of(SourceKind kind, uint32_t index) { return index * 4 + static_cast<uint32_t>(kind); }
constexpr uint32_t source_of(Direction direction, const Stream& stream) {
  return source_of(direction == Direction::to_client ? SourceKind::to_client : SourceKind::to_server, stream.index);
}
constexpr uint32_t source_of(const Attachment& a) { return source_of(SourceKind::endpoint_deadline, a.index); }
constexpr uint32_t source_of(const ServiceEntry& s) { return source_of(SourceKind::service_deadline, s.index); }

// Clients come from the loopback address, as in a run over real sockets; the ports come round again.
Peer peer_of(const Stream& stream) {
  return {.address = "127.0.0.1:" + std::to_string(1024 + (stream.connection - 1) % (65536 - 1024))};
}

// Copies the first n bytes of a gather list.
void gather(std::span<const ByteView> views, size_t n, uint8_t* space) {
  for (const ByteView view : views) {
    const size_t part = std::min(n, view.size());
    if (part > 0) std::memcpy(space, view.data(), part);
    space += part;
    n -= part;
    if (n == 0) return;
  }
}

}  // namespace

SimDriver::SimDriver(const SimOptions& options)
    : options_(options), jitter_(Random(options.seed).fork(kJitterPurpose)) {
  MQTT_SIM_ASSERT(options.link.latency >= Duration::zero() && options.link.jitter >= Duration::zero());
  MQTT_SIM_ASSERT(options.link.window_bytes > 0);
}

SimDriver::~SimDriver() = default;

// --- What engine asks ----------------------------------------------------------------------------------------------

Waker& SimDriver::attach(Endpoint& endpoint, const Target& target) {
  Attachment& attachment = new_attachment(endpoint);
  attachment.client = client_count_++;
  if (targets_.empty() || targets_.back() != target.address) targets_.push_back(target.address);
  attachment.target = static_cast<uint32_t>(targets_.size() - 1);
  attachment.wake();
  return attachment;
}

Expected<Address> SimDriver::listen(Service& service, const ListenAddress& at) {
  return listeners_.add(service, at.address);
}

void SimDriver::stop() { is_stopping_.store(true, std::memory_order_release); }

void SimDriver::post(std::function<void()> work) {
  const std::lock_guard lock(posted_mutex_);
  MQTT_SIM_ASSERT(posted_.size() < kPostedLimit);
  posted_.push_back(std::move(work));
  has_posted_.store(true, std::memory_order_release);
}

void SimDriver::add_rule(std::unique_ptr<FaultRule> rule) {
  MQTT_SIM_ASSERT(rule);
  rules_.add(std::move(rule));
}

// --- The turn of the loop ------------------------------------------------------------------------------------------

void SimDriver::run_until(Instant until) {
  assert_context() = {options_.seed, now_};
  rounds_at_instant_ = 0;  // many short runs at one instant are the owner's business
  mark_services();         // their owner may have used them since the last run
  for (;;) {
    run_posted();
    settle();
    if (is_stopping_.load(std::memory_order_acquire)) {
      is_stopping_.store(false, std::memory_order_relaxed);
      return;
    }
    if (has_posted_.load(std::memory_order_acquire)) continue;
    if (events_.empty() || events_.next().at > until) break;
    advance(events_.next().at);
    deliver_due();
  }
  if (until != kNever && until > now_) advance(until);
}

void SimDriver::run_posted() {
  if (!has_posted_.load(std::memory_order_acquire)) return;
  count_round();
  std::vector<std::function<void()>> work;
  {
    const std::lock_guard lock(posted_mutex_);
    work.swap(posted_);
    has_posted_.store(false, std::memory_order_relaxed);
  }
  for (auto& piece : work) piece();
  mark_services();
}

void SimDriver::mark_services() {
  for (auto& service : listeners_.services()) service->is_dirty = true;
}

void SimDriver::settle() {
  while (!dirty_.empty()) {
    count_round();
    visiting_.swap(dirty_);
    for (Attachment* attachment : visiting_) visit(*attachment);
    visiting_.clear();
  }
  for (auto& service : listeners_.services()) {
    if (std::exchange(service->is_dirty, false)) arm(source_of(*service), service->service->deadline());
  }
}

void SimDriver::advance(Instant to) {
  if (to == now_) return;
  MQTT_SIM_ASSERT(to > now_);
  now_ = to;
  rounds_at_instant_ = 0;
  assert_context().now = to;
}

void SimDriver::deliver_due() {
  while (!events_.empty() && events_.next().at == now_) {
    MQTT_SIM_ASSERT(event_count_ < options_.event_limit);
    ++event_count_;
    const uint32_t source = events_.next().source;
    events_.pop();
    on_event(source);
  }
}

void SimDriver::count_round() { MQTT_SIM_ASSERT(++rounds_at_instant_ <= kRoundsPerInstantLimit); }

// --- Events --------------------------------------------------------------------------------------------------------

void SimDriver::on_event(uint32_t source) {
  const uint32_t index = source / 4;
  switch (static_cast<SourceKind>(source % 4)) {
    case SourceKind::to_client: return deliver(*streams_[index], Direction::to_client);
    case SourceKind::to_server: return deliver(*streams_[index], Direction::to_server);
    case SourceKind::endpoint_deadline: return fire(*attachments_[index]);
    case SourceKind::service_deadline: return fire(*listeners_.services()[index]);
  }
}

void SimDriver::deliver(Stream& stream, Direction direction) {
  Pipe& pipe = stream.pipe(direction);
  Segment* segment = pipe.pop();
  if (!pipe.empty()) events_.schedule(source_of(direction, stream), pipe.head().arrives, pipe.head().sequence);
  if (std::exchange(pipe.sender_waits, false)) stream.sender(direction)->wake();
  trace_.record_segment(now_, stream.connection, direction, segment->kind, segment->bytes());

  Attachment* receiver = stream.receiver(direction);
  MQTT_SIM_ASSERT(receiver || segment->kind == SegmentKind::connect);
  switch (segment->kind) {
    case SegmentKind::connect: accept(stream); break;
    case SegmentKind::accept: opened(*receiver); break;
    case SegmentKind::refuse: closed(*receiver, CloseReason::refused); break;
    case SegmentKind::bytes:
      receiver->endpoint->on_bytes(segment->bytes(), now_);
      receiver->wake();
      break;
    case SegmentKind::end: closed(*receiver, CloseReason::peer); break;
    case SegmentKind::reset: closed(*receiver, CloseReason::reset); break;
  }
  pool_.give_back(segment);
}

// The kernel of a real host answers before the service is asked; so a service that refuses closes an open stream.
void SimDriver::accept(Stream& stream) {
  const Attachment& client = *stream.receiver(Direction::to_client);
  ServiceEntry* service = listeners_.find(targets_[client.target]);
  const bool is_answered = send(stream, Direction::to_client, service ? SegmentKind::accept : SegmentKind::refuse);
  if (!is_answered) send(stream, Direction::to_client, SegmentKind::reset);
  if (!is_answered || !service) {
    stream.is_gone(Direction::to_server) = true;
    return;
  }
  service->is_dirty = true;
  Endpoint* endpoint = service->service->on_accept(peer_of(stream), now_);
  if (!endpoint) {
    stream.is_gone(Direction::to_server) = true;
    if (!send(stream, Direction::to_client, SegmentKind::end)) send(stream, Direction::to_client, SegmentKind::reset);
    return;
  }
  Attachment& attachment = new_attachment(*endpoint);
  attachment.service = service;
  attachment.stream = &stream;
  attachment.phase = Attachment::Phase::open;
  stream.ends[static_cast<size_t>(Direction::to_server)] = &attachment;
  endpoint->on_open(attachment, Opening{.started = now_}, now_);
  attachment.wake();
}

void SimDriver::opened(Attachment& client) {
  client.phase = Attachment::Phase::open;
  client.endpoint->on_open(client, Opening{.started = client.started, .tcp = now_ - client.started}, now_);
  client.wake();
}

// Timers are armed lazily, and bytes of the same instant may have changed the deadline: so ask again.
void SimDriver::fire(Attachment& attachment) {
  const std::optional<Instant> deadline = attachment.endpoint->deadline();
  if (!deadline || *deadline > now_) return arm(source_of(attachment), deadline);
  trace_.record_deadline(now_, "endpoint", attachment.index);
  attachment.endpoint->on_deadline(now_);
  attachment.wake();
}

void SimDriver::fire(ServiceEntry& service) {
  const std::optional<Instant> deadline = service.service->deadline();
  if (!deadline || *deadline > now_) return arm(source_of(service), deadline);
  trace_.record_deadline(now_, "service", service.index);
  service.service->on_deadline(now_);
  service.is_dirty = true;
}

// --- What a visit does ---------------------------------------------------------------------------------------------

void SimDriver::visit(Attachment& attachment) {
  attachment.is_dirty = false;
  if (!attachment.endpoint) {
    free_attachments_.push_back(&attachment);
    return;
  }
  if (attachment.service) attachment.service->is_dirty = true;
  // An abort takes what waits with it; any other wish comes after it.
  const bool is_flushed = attachment.endpoint->wish() != StreamWish::abort && flush(attachment);
  grant(attachment, is_flushed);
  if (attachment.endpoint) arm(source_of(attachment), attachment.endpoint->deadline());
}

bool SimDriver::flush(Attachment& attachment) {
  while (attachment.phase == Attachment::Phase::open) {
    const std::span<const ByteView> views = attachment.endpoint->output();
    size_t waiting = 0;
    for (const ByteView view : views) waiting += view.size();
    if (waiting == 0) return true;

    Stream& stream = *attachment.stream;
    const Direction direction = attachment.outward();
    const size_t room = stream.pipe(direction).room(options_.link.window_bytes);
    if (room == 0) {
      stream.pipe(direction).sender_waits = true;
      return false;
    }
    const size_t n = std::min({waiting, room, Segment::kSizeLimit});
    Segment* segment = pool_.take(SegmentKind::bytes, n);
    gather(views, n, segment->space());
    attachment.endpoint->output_sent(n, now_);
    if (!transmit(stream, direction, segment)) cut(attachment, CloseReason::reset);
  }
  return true;
}

void SimDriver::grant(Attachment& attachment, bool is_flushed) {
  using Phase = Attachment::Phase;
  if (!attachment.endpoint) return;  // cut and released while flushing
  switch (attachment.endpoint->wish()) {
    case StreamWish::none: return;
    case StreamWish::open:
      if (attachment.phase == Phase::idle) connect(attachment);
      return;
    case StreamWish::close:
      if (attachment.phase == Phase::opening) return cut(attachment, CloseReason::local);
      if (attachment.phase == Phase::idle || !is_flushed) return;
      if (!send(*attachment.stream, attachment.outward(), SegmentKind::end)) {
        return cut(attachment, CloseReason::local);
      }
      return closed(attachment, CloseReason::local);
    case StreamWish::abort:
      if (attachment.phase != Phase::idle) cut(attachment, CloseReason::local);
      return;
  }
}

void SimDriver::connect(Attachment& client) {
  Stream& stream = new_stream();
  stream.client = client.client;
  stream.ends[static_cast<size_t>(Direction::to_client)] = &client;
  client.stream = &stream;
  client.started = now_;
  client.phase = Attachment::Phase::opening;
  if (!send(stream, Direction::to_server, SegmentKind::connect)) cut(client, CloseReason::reset);
}

// A later deadline leaves the timer where it is: when it comes, fire() looks again.
void SimDriver::arm(uint32_t source, std::optional<Instant> deadline) {
  if (!deadline || *deadline >= events_.time_of(source)) return;
  events_.schedule(source, std::max(*deadline, now_), next_sequence_++);
}

// --- Streams -------------------------------------------------------------------------------------------------------

bool SimDriver::send(Stream& stream, Direction direction, SegmentKind kind) {
  return transmit(stream, direction, pool_.take(kind, 0));
}

bool SimDriver::transmit(Stream& stream, Direction direction, Segment* segment) {
  if (stream.is_gone(direction)) {  // its end or reset is on the way to the sender
    pool_.give_back(segment);
    return true;
  }
  Duration extra{0};
  if (!rules_.empty() && segment->kind != SegmentKind::reset) {
    const Verdict verdict =
        rules_.judge({stream.connection, stream.client, direction, segment->kind, segment->size, now_});
    if (verdict.action() == Verdict::Action::drop_connection) {
      pool_.give_back(segment);
      return false;
    }
    extra = verdict.extra();
    MQTT_SIM_ASSERT(extra >= Duration::zero());
  }
  segment->sequence = next_sequence_++;
  Pipe& pipe = stream.pipe(direction);
  const bool is_first = pipe.empty();
  pipe.push(segment, now_, flight_time(extra), options_.link.bandwidth_bytes_per_s);
  if (is_first) events_.schedule(source_of(direction, stream), segment->arrives, segment->sequence);
  return true;
}

Duration SimDriver::flight_time(Duration extra) {
  const LinkOptions& link = options_.link;
  if (link.jitter == Duration::zero()) return link.latency + extra;
  return link.latency + extra + Duration(jitter_.below(static_cast<uint64_t>(to_ns(link.jitter)) + 1));
}

void SimDriver::cut(Attachment& attachment, CloseReason reason) {
  Stream& stream = *attachment.stream;
  const Direction direction = attachment.outward();
  clear(stream, direction);
  if (stream.receiver(direction)) {
    send(stream, direction, SegmentKind::reset);
  } else {
    stream.is_gone(direction) = true;  // connecting, and nobody has heard of it
  }
  closed(attachment, reason);
}

void SimDriver::closed(Attachment& attachment, CloseReason reason) {
  detach(attachment);
  Endpoint& endpoint = *attachment.endpoint;
  endpoint.on_closed(reason, now_);
  attachment.wake();  // to grant its next wish, or to free the attachment
  if (attachment.service) {
    attachment.endpoint = nullptr;
    attachment.service->is_dirty = true;
    events_.cancel(source_of(attachment));
    attachment.service->service->release(endpoint);
  }
}

void SimDriver::detach(Attachment& attachment) {
  Stream& stream = *std::exchange(attachment.stream, nullptr);
  attachment.phase = Attachment::Phase::idle;
  const Direction inward = opposite(attachment.outward());
  clear(stream, inward);
  stream.ends[static_cast<size_t>(inward)] = nullptr;
  stream.is_gone(inward) = true;
  stream.pipe(attachment.outward()).sender_waits = false;
  if (stream.is_gone(attachment.outward())) free_streams_.push_back(&stream);
}

void SimDriver::clear(Stream& stream, Direction direction) {
  stream.pipe(direction).clear(pool_);
  events_.cancel(source_of(direction, stream));
}

Stream& SimDriver::new_stream() {
  if (free_streams_.empty()) {
    streams_.push_back(std::make_unique<Stream>(static_cast<uint32_t>(streams_.size())));
    free_streams_.push_back(streams_.back().get());
  }
  Stream& stream = *free_streams_.back();
  free_streams_.pop_back();
  stream = Stream(stream.index);
  stream.connection = next_connection_++;
  return stream;
}

Attachment& SimDriver::new_attachment(Endpoint& endpoint) {
  if (free_attachments_.empty()) {
    const auto index = static_cast<uint32_t>(attachments_.size());
    attachments_.push_back(std::make_unique<Attachment>(index, dirty_));
    free_attachments_.push_back(attachments_.back().get());
  }
  Attachment& attachment = *free_attachments_.back();
  free_attachments_.pop_back();
  attachment.endpoint = &endpoint;
  attachment.service = nullptr;
  attachment.phase = Attachment::Phase::idle;
  return attachment;
}

}  // namespace mqtt_sim::sim
