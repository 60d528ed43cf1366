// What publishing clients say when somebody outside composes it: payloads, topics or both, asked for ahead of the time
// at which they are to leave, many at once, and kept here until then. A fleet asks a ContentSource and never waits for
// it in real time; in virtual time, which stands still meanwhile, it waits. Plain values and one machine per stream;
// each belongs to the shard of its stream.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/time.hpp"
#include "core/load/plan.hpp"

namespace mqtt_sim::load {

// One message.
struct ComposedContent {
  std::string topic;       // where topics are composed
  std::string payload;     // where payloads are
  bool is_object = false;  // the payload is a JSON object, and its last byte the closing brace

  size_t size() const { return topic.size() + payload.size(); }
};

struct ContentRequest {
  uint32_t stream = 0;
  uint64_t first = 0;  // number of the first message
  uint32_t count = 0;
  Duration asked{};  // when, since the run began; nothing before that
};

// The next contents of a stream, in the order in which they were asked for.
struct ComposedContents {
  uint32_t stream = 0;
  std::vector<ComposedContent> contents;
};

// Whoever composes. Called on the threads of the shards; answers come as Fleet::take_contents().
class ContentSource {
 public:
  virtual void ask(const ContentRequest&) = 0;
  // In virtual time: waits for all that was asked. Less comes back when nobody composes any more.
  virtual std::vector<ComposedContents> await() = 0;
  // So many bytes wait no longer; whether there is room for more than the next message of each stream.
  virtual void note_taken(size_t bytes) = 0;
  virtual bool has_room() const = 0;

 protected:
  ~ContentSource() = default;
};

// The contents of one stream that are ready.
class ContentShelf {
 public:
  static constexpr uint32_t kReadyLimit = 100'000;                        // messages of all streams, or one of each
  static constexpr Duration kAheadTime = std::chrono::milliseconds(500);  // of real time
  static constexpr uint32_t kUnpacedAhead = 1024;                         // messages, where no timetable holds them
  static constexpr uint32_t kVirtualAhead = 64;

  // For a stream of this plan, so many messages ahead of the one that is due.
  static uint32_t ahead_of(const Plan&, const PublishPlan&);

  ContentShelf(uint32_t stream, uint32_t ahead) : stream_(stream), ahead_(ahead) {}

  bool holds(uint64_t turn) const { return turn < first_ + ready_.size(); }
  const ComposedContent& front() const { return ready_.front(); }
  void pop() {
    ready_.pop_front();
    ++first_;
  }
  void put(std::vector<ComposedContent>&& contents) {
    for (ComposedContent& one : contents) ready_.push_back(std::move(one));
  }

  // What to ask for while message `turn` is the next to fall due, of `planned` in all: nothing while enough is ready or
  // on its way. Takes it as asked.
  std::optional<ContentRequest> want(uint64_t turn, uint64_t planned, bool has_room);

 private:
  uint32_t stream_;
  uint32_t ahead_;
  uint64_t first_ = 0;  // number of ready_.front()
  uint64_t asked_ = 0;  // all before this number
  std::deque<ComposedContent> ready_;
};

}  // namespace mqtt_sim::load
