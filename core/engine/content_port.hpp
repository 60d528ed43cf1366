// Where the contents that are composed outside meet the shards: what streams ask for goes out in batches to whoever
// composes, and comes back to the shard of each stream. In real time the shards' threads never wait; in virtual time
// the one shard waits, and asks in an order that the seed decides.
//
// Made before the shards and alive as long as anybody holds it; after close() nothing is asked and nothing comes back.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "core/base/driver.hpp"
#include "core/load/content.hpp"
#include "core/load/plan.hpp"
#include "core/load/topology.hpp"

namespace mqtt_sim::engine {

class ContentPort final : public load::ContentSource {
 public:
  static constexpr uint32_t kBatchLimit = 4096;                          // messages that take() gives at most
  static constexpr Duration kGatherTime = std::chrono::milliseconds(5);  // of real time, for a batch to grow
  static constexpr size_t kBytesLimit = size_t{1} << 30;                 // that wait to be sent; beyond it put() fails
  static constexpr size_t kRoomyPart = 16;  // beyond a 16th of that one message a stream is asked for at a time

  using Deliver = std::function<void(std::vector<load::ComposedContents>, Instant now)>;

  ContentPort(const load::Plan&, const load::Topology&, size_t bytes_limit = kBytesLimit);

  void carry(uint32_t shard, Driver&, Deliver);  // before the shards start; `deliver`: on the driver's thread
  void close();                                  // from any thread

  // For one thread, which composes. What is wanted next, empty when nothing was in time; nothing: closed.
  std::optional<std::vector<load::ContentRequest>> take(Duration patience);
  // False: more bytes than the limit would wait to be sent.
  bool put(std::vector<load::ComposedContents>);

  // load::ContentSource, on the shards' threads.
  void ask(const load::ContentRequest&) override;
  std::vector<load::ComposedContents> await() override;
  void note_taken(size_t bytes) override { bytes_ -= bytes; }
  bool has_room() const override { return bytes_ < bytes_limit_ / kRoomyPart; }

 private:
  struct Line {  // to one shard
    Driver* driver = nullptr;
    Deliver deliver;
    std::vector<load::ComposedContents> ready;
    bool is_woken = false;
  };

  void deliver(Line&);
  std::vector<load::ContentRequest> take_batch();

  const bool is_virtual_;
  const size_t bytes_limit_;
  std::vector<uint32_t> shard_of_;  // by stream
  std::atomic<size_t> bytes_ = 0;
  std::mutex mutex_;
  std::condition_variable asked_;     // for take()
  std::condition_variable answered_;  // for await()
  std::deque<load::ContentRequest> requests_;
  uint64_t requested_ = 0;    // messages in requests_
  uint64_t outstanding_ = 0;  // messages asked for and not put
  bool is_awaited_ = false;
  bool is_closed_ = false;
  std::vector<Line> lines_;  // by shard
};

}  // namespace mqtt_sim::engine
