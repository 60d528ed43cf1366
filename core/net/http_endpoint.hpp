// One stream that speaks plain HTTP: reads a request, has the handler answer it, keeps the stream for the next. A
// machine like any other endpoint; a driver's own, since no service would know it. GET and HEAD only, no bodies.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "core/base/endpoint.hpp"
#include "core/base/http.hpp"
#include "core/base/output_queue.hpp"
#include "core/net/http_head.hpp"

namespace mqtt_sim::net {

struct HttpLimits {
  Duration request;  // from the first byte of a request to the end of its head
  Duration idle;     // between two requests, and while an answer does not leave
};

class HttpEndpoint final : public Endpoint {
 public:
  HttpEndpoint(HttpHandler& handler, std::string peer, bool is_tls, const HttpLimits& limits);

  void on_open(Waker& waker, const Opening& opening, Instant now) override;
  void on_bytes(ByteView bytes, Instant now) override;
  void on_deadline(Instant now) override;
  void on_closed(CloseReason, Instant) override {}
  std::span<const ByteView> output() const override { return output_.views(); }
  void output_sent(size_t n, Instant now) override;
  std::optional<Instant> deadline() const override { return due_; }
  StreamWish wish() const override { return wish_; }

 private:
  static constexpr size_t kOutputLimit = 1024 * 1024;  // answers that wait; then further requests wait too
  static constexpr size_t kInputLimit = 64 * 1024;     // requests that wait

  void answer_all(Instant now);
  void answer(const HttpHead& head, Instant now);
  void refuse(const HttpFault& fault, const std::vector<HttpField>& fields = {});

  HttpHandler& handler_;
  const std::string peer_;
  const bool is_tls_;
  const HttpLimits limits_;
  std::vector<uint8_t> input_;  // what is not answered yet
  OutputQueue output_;
  std::optional<Instant> due_;
  StreamWish wish_ = StreamWish::none;
};

}  // namespace mqtt_sim::net
