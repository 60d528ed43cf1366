#include "core/net/memory_streams.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <utility>

namespace mqtt_sim::net {
namespace {

struct Offers {
  std::mutex mutex;
  std::map<std::string, std::function<void(std::shared_ptr<StreamEnd>)>> by_name;
};

// Never destroyed: threads may outlive main().
Offers& offers() {
  static Offers& all = *new Offers;
  return all;
}

boost::system::error_code system_error(int number) { return {number, boost::system::system_category()}; }

}  // namespace

StreamEnd::~StreamEnd() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

int StreamEnd::release() { return std::exchange(descriptor_, -1); }

bool offer_streams(const std::string& name, std::function<void(std::shared_ptr<StreamEnd>)> take) {
  const std::lock_guard lock(offers().mutex);
  return offers().by_name.emplace(name, std::move(take)).second;
}

void withdraw_streams(const std::string& name) {
  const std::lock_guard lock(offers().mutex);
  offers().by_name.erase(name);
}

boost::system::result<int> open_stream(const std::string& name) {
  const std::lock_guard lock(offers().mutex);
  const auto offer = offers().by_name.find(name);
  if (offer == offers().by_name.end()) return system_error(ECONNREFUSED);
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return system_error(errno);
  offer->second(std::make_shared<StreamEnd>(ends[0]));
  return ends[1];
}

}  // namespace mqtt_sim::net
