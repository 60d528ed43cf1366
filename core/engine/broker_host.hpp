// The embedded broker on a thread and a driver of its own, so that its CPU time is not the generator's. Used by runs in
// real time and by `mqtt-sim broker`. All functions may be called from any thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/driver.hpp"
#include "core/broker/broker.hpp"
#include "core/engine/broker_access.hpp"
#include "core/engine/broker_config.hpp"
#include "core/engine/broker_desk.hpp"
#include "core/engine/broker_pages.hpp"
#include "core/net/driver.hpp"
#include "core/storage/memory_store.hpp"

namespace mqtt_sim::engine {

// Opens every listener for `broker`. Result: the addresses really bound, in their order; or why one cannot be had.
Expected<std::vector<Address>> listen_all(Driver& driver, broker::Broker& broker,
                                          const std::vector<ListenerConfig>& listeners);

class BrokerHost {
 public:
  explicit BrokerHost(const BrokerConfig&);  // its access sources are read by the first reload()
  ~BrokerHost();

  // What clients have to believe where a listener generates its certificate, in PEM form; empty: none does.
  const std::string& ca_pem() const { return ca_pem_; }
  // Listens, then serves on its own thread until stop(); once. Result: as listen_all(); on an error nothing listens.
  Expected<std::vector<Address>> start();
  // Reads users_file, acl_file and the files of TLS again. Error: file, line, and what would be right; what held before
  // holds on. Who is connected stays, under the new rules, but for users who are gone or have another password: 0x98.
  // Certificates and keys are those of streams to come. Before start() as well, for users and rights.
  std::optional<Error> reload();
  // Tells every client that the server shuts down, writes out what waits for it and ends; then the ports are free.
  // Takes less than 2 s: who has not taken leave by then is cut off. Sessions and their messages are kept.
  void stop();
  // Serves a connected stream socket that does not block, as if it had come by a listener for plain MQTT of the name
  // "attached"; `descriptor` is the broker's from now on. False: it does not run, and the descriptor stays the
  // caller's.
  bool attach(int descriptor);
  // Has other drivers of this process open such streams under `name`, until it stops. False: it does not run, or the
  // name is taken.
  bool offer_streams(const std::string& name);
  // What its pages tell of a run; about once a second, and at the run's end.
  void publish_run_figures(RunFigures figures) { run_board_.put(std::move(figures)); }
  broker::Stats stats();  // the last ones once stopped
  // Where a script finds what happens; nullptr: the configuration has none, or no descriptor was left.
  BrokerDesk* desk() const { return desk_.get(); }
  using Work = std::function<void(broker::Broker&, Instant)>;
  // Does `work` with the broker before it returns. False: the broker has ended.
  bool run(const Work& work);
  // Has it done soon, in the order of the calls, and the ticket settled with what it gives. Waits while kOrdersLimit
  // of them are under way. False: not taken, since the broker has ended or does nothing any more.
  bool order(std::function<protocol::ReasonCode(broker::Broker&, Instant)> work, std::shared_ptr<DeskTicket> ticket);
  static constexpr size_t kOrdersLimit = 10'000;
  Duration cpu_time();  // of its thread so far; likewise

 private:
  struct Orders;  // how many are under way
  std::optional<Error> generate_certificate();
  std::optional<Error> make_pages();
  Expected<std::function<void()>> read_certificates();  // what makes listeners use what their files hold now
  void adopt(int descriptor);
  void withdraw_streams();
  void serve();
  void close_all();
  broker::Stats stats_on_thread() const;
  void on_thread(const std::function<void()>& work);  // and waits for it

  std::vector<ListenerConfig> listeners_;
  std::string ca_pem_;
  std::optional<Error> certificate_error_;  // why none could be generated
  std::unique_ptr<BrokerAccess> access_;    // none: everything is open
  const std::string web_files_;
  RunBoard run_board_;
  std::unique_ptr<BrokerDesk> desk_;
  std::unique_ptr<MessageHistory> history_;          // none: no listener's pages show any
  std::vector<std::unique_ptr<BrokerPages>> pages_;  // one for each listener that takes HTTP
  storage::MemoryStore store_;
  broker::Broker broker_;
  broker::Listener* attached_ = nullptr;    // of the thread; none before the first stream that was attached
  std::vector<std::string> stream_names_;   // under which streams are offered
  std::unique_ptr<net::NetDriver> driver_;  // none once stopped
  std::mutex mutex_;                        // held by whoever starts, stops or asks
  std::thread thread_;
  std::atomic<bool> is_stopping_ = false;
  std::shared_ptr<Orders> orders_;
  Duration last_cpu_time_{};
  uint64_t handshakes_failed_ = 0;  // when it ended
};

}  // namespace mqtt_sim::engine
