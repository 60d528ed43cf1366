// A plain blocking socket: the peer that does what a driver never would. Reads time out after five seconds.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace mqtt_sim::net {

class RawSocket {
 public:
  explicit RawSocket(int descriptor = ::socket(AF_INET, SOCK_STREAM, 0)) : descriptor_(descriptor) {
    EXPECT_GE(descriptor_, 0);
    const timeval limit{.tv_sec = 5, .tv_usec = 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  RawSocket(RawSocket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  RawSocket& operator=(RawSocket&&) = delete;
  ~RawSocket() { close(); }

  static RawSocket connected_to(uint16_t port) {
    RawSocket socket;
    const sockaddr_in address = loopback(port);
    EXPECT_EQ(::connect(socket.descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return socket;
  }
  static RawSocket listening(int backlog) {
    RawSocket socket;
    const sockaddr_in address = loopback(0);
    EXPECT_EQ(::bind(socket.descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(socket.descriptor_, backlog), 0);
    return socket;
  }

  RawSocket accept() { return RawSocket(::accept(descriptor_, nullptr, nullptr)); }
  uint16_t port() const {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &length);
    return ntohs(address.sin_port);
  }
  void send(std::string_view text) {
    if (text.empty()) return;
    EXPECT_EQ(::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  void end_output() { ::shutdown(descriptor_, SHUT_WR); }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }
  void reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }

  // What is there now, at most `limit` bytes; empty when nothing is.
  std::string receive_some(size_t limit) {
    std::string text(limit, '\0');
    const ssize_t n = ::recv(descriptor_, text.data(), limit, MSG_DONTWAIT);
    text.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return text;
  }
  // Whether the peer has ended it, in order or by a reset, and nothing is left to read.
  bool has_ended() {
    char byte = 0;
    const ssize_t n = ::recv(descriptor_, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    return n == 0 || (n < 0 && errno != EAGAIN);
  }
  // 0 at the end of the stream, otherwise the errno of the next read; -1 when there are bytes instead.
  int ending() {
    char byte = 0;
    const ssize_t n = ::recv(descriptor_, &byte, 1, 0);
    return n == 0 ? 0 : n > 0 ? -1 : errno;
  }

 private:
  static sockaddr_in loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  int descriptor_;
};

}  // namespace mqtt_sim::net
