#include "core/net/http_endpoint.hpp"

#include <utility>

namespace mqtt_sim::net {

HttpEndpoint::HttpEndpoint(HttpHandler& handler, std::string peer, bool is_tls, const HttpLimits& limits)
    : handler_(handler), peer_(std::move(peer)), is_tls_(is_tls), limits_(limits) {}

void HttpEndpoint::on_open(Waker&, const Opening&, Instant now) { due_ = now + limits_.request; }

void HttpEndpoint::on_bytes(ByteView bytes, Instant now) {
  if (wish_ != StreamWish::none) return;
  if (input_.empty()) due_ = now + limits_.request;
  if (input_.size() + bytes.size() > kInputLimit) return refuse({431, "too many requests at once"});
  input_.insert(input_.end(), bytes.begin(), bytes.end());
  answer_all(now);
}

void HttpEndpoint::on_deadline(Instant) {
  wish_ = output_.empty() ? StreamWish::close : StreamWish::abort;  // a peer that does not read is not waited for
  due_.reset();
}

void HttpEndpoint::output_sent(size_t n, Instant now) {
  output_.consume(n);
  if (wish_ != StreamWish::none) return;
  due_ = now + limits_.idle;
  if (!input_.empty()) answer_all(now);
}

void HttpEndpoint::answer_all(Instant now) {
  while (wish_ == StreamWish::none && output_.size() < kOutputLimit && !input_.empty()) {
    const HeadExtent extent = find_head(input_);
    if (extent.state == HeadState::partial) return;
    if (extent.state == HeadState::too_large) return refuse({431, "headers above 8 KiB"});
    if (extent.state == HeadState::malformed) return refuse({400, "this is not HTTP"});
    const auto head = parse_request_head(ByteView(input_).first(extent.size));
    if (!head) return refuse(head.error());
    if (head->method != "GET" && head->method != "HEAD") {
      return refuse({405, "only GET and HEAD are answered"}, {{"Allow", "GET, HEAD"}});
    }
    input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(extent.size));
    answer(*head, now);
  }
  if (input_.empty()) {
    input_.shrink_to_fit();
    due_ = now + limits_.idle;
  }
}

void HttpEndpoint::answer(const HttpHead& head, Instant now) {
  const HttpResponse response = handler_.on_request(
      {.method = head.method, .target = head.target, .headers = head.fields, .peer = peer_, .is_tls = is_tls_}, now);
  const bool has_body = response.status >= 200 && response.status != 204 && response.status != 304;
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + " " + status_text(response.status) + "\r\n";
  for (const HttpField& field : response.headers) text += field.name + ": " + field.value + "\r\n";
  if (has_body) text += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  if (!head.keeps_alive()) {
    text += "Connection: close\r\n";
    wish_ = StreamWish::close;
  } else if (!head.is_1_1) {
    text += "Connection: keep-alive\r\n";
  }
  output_.append(as_bytes(text + "\r\n"));
  if (has_body && head.method != "HEAD") output_.append(response.body);
}

void HttpEndpoint::refuse(const HttpFault& fault, const std::vector<HttpField>& fields) {
  output_.append(as_bytes(make_refusal(fault, fields)));
  wish_ = StreamWish::close;
  input_.clear();
}

}  // namespace mqtt_sim::net
