// The driver of virtual time: carries bytes between endpoints over simulated links, and jumps from event to event. The
// same endpoints, calls and seed give the same run, byte for byte (trace_hash()); time starts at 0 and costs nothing to
// wait for. It keeps the law of endpoint.hpp: all events of one instant are delivered in order of their sequence
// numbers, then the endpoints they made dirty are visited in the order they became dirty, then time goes on.
//
// Connecting takes one round trip: the service is asked after one latency, the client's stream is up after two. A
// stream that ends in order delivers all bytes first; an abort or a dropped connection loses what was under way.
//
// Threads: as in driver.hpp; post() and stop() may come from any thread and take effect between two instants. Endpoints
// and services must outlive the driver's last run; destroying the driver calls nobody.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "core/base/driver.hpp"
#include "core/base/random.hpp"
#include "core/sim/event_queue.hpp"
#include "core/sim/fault.hpp"
#include "core/sim/link.hpp"
#include "core/sim/listeners.hpp"
#include "core/sim/stream.hpp"
#include "core/sim/trace.hpp"

namespace mqtt_sim::sim {

struct SimOptions {
  uint64_t seed = 0;
  LinkOptions link{};
  uint64_t event_limit = 100'000'000'000;  // of the whole run; one event more ends the process with an assertion
};

class SimDriver final : public Driver {
 public:
  // Most rounds of deliver-and-visit at one instant of a run: beyond it two machines wake each other for ever.
  static constexpr uint64_t kRoundsPerInstantLimit = 1'000'000;
  // Most pieces of posted work that wait for their turn.
  static constexpr size_t kPostedLimit = 65'536;

  explicit SimDriver(const SimOptions& options);
  ~SimDriver() override;
  SimDriver(const SimDriver&) = delete;
  SimDriver& operator=(const SimDriver&) = delete;

  Instant now() const override { return now_; }
  Waker& attach(Endpoint& endpoint, const Target& target) override;
  // Fails if the address is taken. A host of "0.0.0.0", "::" or "" answers for every host.
  Expected<Address> listen(Service& service, const ListenAddress& at) override;
  // stop() leaves now() at the last instant done. kNever runs until nothing is left to happen.
  void run_until(Instant until) override;
  void stop() override;
  void post(std::function<void()> work) override;

  void add_rule(std::unique_ptr<FaultRule> rule);  // asked after those added before
  void set_trace_sink(TraceSink* sink) { trace_.set_sink(sink); }

  uint64_t trace_hash() const { return trace_.hash(); }
  uint64_t event_count() const { return event_count_; }  // done so far
  size_t stream_count() const { return streams_.size() - free_streams_.size(); }

 private:
  // The turn of the loop.
  void run_posted();
  void mark_services();
  void settle();
  void advance(Instant to);
  void deliver_due();
  void count_round();

  // Events.
  void on_event(uint32_t source);
  void deliver(Stream& stream, Direction direction);
  void accept(Stream& stream);
  void opened(Attachment& client);
  void fire(Attachment& attachment);
  void fire(ServiceEntry& service);

  // What a visit does.
  void visit(Attachment& attachment);
  bool flush(Attachment& attachment);  // whether nothing is left to send
  void grant(Attachment& attachment, bool is_flushed);
  void connect(Attachment& client);
  void arm(uint32_t source, std::optional<Instant> deadline);

  // Streams.
  bool send(Stream& stream, Direction direction, SegmentKind kind);
  bool transmit(Stream& stream, Direction direction, Segment* segment);  // false: a rule drops the connection
  Duration flight_time(Duration extra);
  void cut(Attachment& attachment, CloseReason reason);     // the other end sees a reset
  void closed(Attachment& attachment, CloseReason reason);  // tells the endpoint; its end of the stream is gone
  void detach(Attachment& attachment);
  void clear(Stream& stream, Direction direction);

  Stream& new_stream();
  Attachment& new_attachment(Endpoint& endpoint);

  SimOptions options_;
  Instant now_{};
  uint64_t next_sequence_ = 0;
  uint64_t next_connection_ = 1;
  uint64_t event_count_ = 0;
  uint64_t rounds_at_instant_ = 0;
  uint32_t client_count_ = 0;
  Random jitter_;
  EventQueue events_;
  Trace trace_;
  FaultRules rules_;

  SegmentPool pool_;
  std::vector<std::unique_ptr<Attachment>> attachments_;
  std::vector<Attachment*> free_attachments_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<Stream*> free_streams_;
  Listeners listeners_;
  std::vector<Address> targets_;

  std::vector<Attachment*> dirty_;
  std::vector<Attachment*> visiting_;  // empty outside settle()

  std::atomic<bool> is_stopping_{false};
  std::atomic<bool> has_posted_{false};
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;  // under posted_mutex_
};

}  // namespace mqtt_sim::sim
