// Streams between two drivers of one process that no port, path or address leads to: two ends of a stream that the
// system keeps in memory. Whoever serves them offers that under a name of its own choosing; who knows the name opens
// one. All functions may be called from any thread.
#pragma once

#include <boost/system/result.hpp>
#include <functional>
#include <memory>
#include <string>

namespace mqtt_sim::net {

// One end; closed with its owner unless somebody else has taken it.
class StreamEnd {
 public:
  explicit StreamEnd(int descriptor) : descriptor_(descriptor) {}
  StreamEnd(const StreamEnd&) = delete;
  StreamEnd& operator=(const StreamEnd&) = delete;
  ~StreamEnd();

  int release();  // the descriptor, which is the caller's now

 private:
  int descriptor_;
};

// `take` is called with one end of each stream that is opened under `name` from now on, on the thread that opens it;
// not any more once withdraw_streams() has returned. False: the name is taken.
bool offer_streams(const std::string& name, std::function<void(std::shared_ptr<StreamEnd>)> take);
void withdraw_streams(const std::string& name);

// The other end of a new one. Error: ECONNREFUSED, nobody offers it; EMFILE or ENFILE, no descriptor is left.
boost::system::result<int> open_stream(const std::string& name);

}  // namespace mqtt_sim::net
