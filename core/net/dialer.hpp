// Opens streams to one target: at most so many at once, handshakes included, and so many a second; the rest wait in
// order. It resolves the target's name once (and that of a proxy before it), tries its addresses in turn beginning with
// the one that worked last, and moves to the next source address when one has no port left. One per distinct target;
// owned by NetDriver, its thread only.
#pragma once

#include <boost/system/error_code.hpp>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/driver.hpp"
#include "core/net/loop.hpp"
#include "core/net/opener.hpp"
#include "core/net/options.hpp"
#include "core/net/source_addresses.hpp"

namespace mqtt_sim::net {

class Connection;

class Dialer final : public DeadlineHolder {
 public:
  Dialer(Loop& loop, const Target& target, const NetOptions& options);
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;
  ~Dialer();

  // Connects a socket for `connection` when its turn has come, never within this call: on_dialled or on_dial_failed
  // tells.
  void enqueue(Connection& connection);
  // Takes that back: neither will be called.
  void withdraw(const Connection& connection);

  const Target& target() const { return target_; }
  Duration handshake_limit() const { return handshake_limit_; }
  // For a target that is not plain. Each opener must be followed by on_opening_over().
  std::unique_ptr<Opener> make_opener(Stack& stack, TlsSession& session, const Opening& opening, Instant now);
  void on_opening_over();

  std::optional<Instant> deadline() const override;  // of the next start, when a rate is set
  void on_deadline(Instant now) override;

 private:
  // One opening: a sequence of attempts over addresses and sources until one works.
  struct Dial {
    Dial(Dialer& owner, Connection& wanted_by);

    void attempt();
    void on_attempt(const boost::system::error_code& error);
    boost::system::error_code prepare(const Tcp::endpoint& remote);
    boost::system::error_code open_unix();
    boost::system::error_code open_in_memory();

    Dialer& dialer;
    Connection* connection;  // null: withdrawn, waits for its handler only
    Socket socket;
    Opening opening;
    std::optional<SourceAddresses::Choice> source;
    boost::system::error_code early_error;  // of an attempt that was over before it left the machine
    size_t address;                         // index of the present one
    size_t addresses_tried = 0;
    size_t sources_tried = 0;  // for the present address
    std::list<Dial>::iterator place;
  };

  void start_next();
  bool has_room() const { return dials_.size() + openings_ < in_progress_limit_; }
  void fail_all(CloseReason reason, const std::string& detail, Instant now);
  bool is_paced(Instant now) const { return interval_ > Duration::zero() && next_start_ > now; }
  bool is_resolved() const { return !addresses_.empty() && (!target_.proxy || !destination_.empty()); }
  void resolve();
  void on_resolved(const boost::system::error_code& error, const Resolver::results_type& found);
  std::string in_words(const boost::system::error_code& error) const;
  void finish(Dial& dial, const boost::system::error_code& error, Instant now);

  Loop& loop_;
  const Target target_;
  const Address hop_;        // what is dialled: the target, or the proxy before it
  std::string destination_;  // what the proxy is told; empty: still to be looked up
  const Duration handshake_limit_;
  const uint64_t websocket_frame_limit_;
  const uint32_t in_progress_limit_;
  const Duration interval_;  // between two starts; zero: no pacing
  Instant next_start_{};
  Resolver resolver_;
  Instant resolve_started_ = kNever;  // kNever: not resolving
  Duration resolve_time_{};           // while the openings that waited for it start; else zero
  std::vector<Tcp::endpoint> addresses_;
  size_t preferred_ = 0;  // index of the address that worked last
  SourceAddresses sources_;
  std::unique_ptr<TlsContext> tls_;  // of tls and wss
  std::string tls_problem_;          // why there is none
  uint32_t openings_ = 0;            // connected, and with handshakes to do
  std::deque<Connection*> waiting_;
  std::list<Dial> dials_;
};

}  // namespace mqtt_sim::net
