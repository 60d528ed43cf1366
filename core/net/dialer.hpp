// Opens streams to one target: at most so many at once and so many a second, the rest wait in order. It resolves the
// target's name once, tries its addresses in turn beginning with the one that worked last, and moves to the next source
// address when one has no port left. One per distinct target; owned by NetDriver, its thread only.
#pragma once

#include <boost/system/error_code.hpp>
#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <vector>

#include "core/base/driver.hpp"
#include "core/net/loop.hpp"
#include "core/net/options.hpp"
#include "core/net/source_addresses.hpp"

namespace mqtt_sim::net {

class Connection;

class Dialer final : public DeadlineHolder {
 public:
  Dialer(Loop& loop, const Address& target, const NetOptions& options);
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;
  ~Dialer();

  // Opens a stream for `connection` when its turn has come, never within this call: on_stream or on_dial_failed tells.
  void enqueue(Connection& connection);
  // Takes that back: neither will be called.
  void withdraw(const Connection& connection);

  std::optional<Instant> deadline() const override;  // of the next start, when a rate is set
  void on_deadline(Instant now) override;

 private:
  // One opening: a sequence of attempts over addresses and sources until one works.
  struct Dial {
    Dial(Dialer& owner, Connection& wanted_by);

    void attempt();
    void on_attempt(const boost::system::error_code& error);
    boost::system::error_code prepare(const Tcp::endpoint& remote);

    Dialer& dialer;
    Connection* connection;  // null: withdrawn, waits for its handler only
    Socket socket;
    Opening opening;
    std::optional<SourceAddresses::Choice> source;
    boost::system::error_code early_error;  // of an attempt that failed before it left the machine
    size_t address;                         // index of the present one
    size_t addresses_tried = 0;
    size_t sources_tried = 0;  // for the present address
    std::list<Dial>::iterator place;
  };

  void start_next();
  bool is_paced(Instant now) const { return interval_ > Duration::zero() && next_start_ > now; }
  void resolve();
  void on_resolved(const boost::system::error_code& error, const Resolver::results_type& found);
  void finish(Dial& dial, const boost::system::error_code& error, Instant now);

  Loop& loop_;
  const Address target_;
  const uint32_t in_progress_limit_;
  const Duration interval_;  // between two starts; zero: no pacing
  Instant next_start_{};
  Resolver resolver_;
  Instant resolve_started_ = kNever;  // kNever: not resolving
  Duration resolve_time_{};           // while the openings that waited for it start; else zero
  std::vector<Tcp::endpoint> addresses_;
  size_t preferred_ = 0;  // index of the address that worked last
  SourceAddresses sources_;
  std::deque<Connection*> waiting_;
  std::list<Dial> dials_;
};

}  // namespace mqtt_sim::net
