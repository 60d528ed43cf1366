// Plain HTTP on a listener: what is answered, what is refused, and which files are served.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/net/http_endpoint.hpp"
#include "core/net/http_files.hpp"
#include "tests/cpp/net/certificates.hpp"
#include "tests/cpp/net/raw_socket.hpp"
#include "tests/cpp/net/recording_endpoint.hpp"

namespace mqtt_sim::net {
namespace {

struct Echo final : HttpHandler {
  std::vector<std::string> seen;
  unsigned status = 200;
  size_t size = 2;

  HttpResponse on_request(const HttpRequest& request, Instant) override {
    seen.push_back(std::string(request.method) + " " + std::string(request.path()) + " [" +
                   std::string(request.query()) + "] " + std::string(field_value(request.headers, "x-test")));
    return {.status = status,
            .headers = {{"Content-Type", "text/plain"}},
            .body = SharedBytes(as_bytes(std::string(size, 'o')))};
  }
};

// --- the machine, without a socket

struct Http : ::testing::Test {
  Echo handler;
  HttpEndpoint endpoint{handler, "192.0.2.1:5", false, {.request = 10s, .idle = 60s}};
  Instant now{};
  struct NoWaker final : Waker {
    void wake() override {}
  } waker;

  void SetUp() override { endpoint.on_open(waker, {}, now); }
  std::string taken() {
    std::string text;
    while (!endpoint.output().empty()) {
      const ByteView piece = endpoint.output()[0];
      text += as_text(piece);
      endpoint.output_sent(piece.size(), now);
    }
    return text;
  }
  std::string answer_to(std::string_view text) {
    endpoint.on_bytes(as_bytes(text), now);
    return taken();
  }
};

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\noo";

TEST_F(Http, a_request_is_answered_and_the_stream_kept) {
  EXPECT_EQ(answer_to("GET /a/b?c=d&e HTTP/1.1\r\nHost: x\r\nX-Test: yes\r\n\r\n"), kOk);
  EXPECT_EQ(answer_to("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), kOk);
  EXPECT_EQ(handler.seen, (std::vector<std::string>{"GET /a/b [c=d&e] yes", "GET / [] "}));
  EXPECT_EQ(endpoint.wish(), StreamWish::none);
}

TEST_F(Http, a_request_in_pieces_is_one_and_several_at_once_are_several) {
  const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  std::string answer;
  for (const char byte : request) answer += answer_to({&byte, 1});
  EXPECT_EQ(answer, kOk);
  EXPECT_EQ(answer_to(request + request + request), kOk + kOk + kOk);
}

TEST_F(Http, the_answer_to_head_has_the_length_and_no_body) {
  EXPECT_EQ(answer_to("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"), kOk.substr(0, kOk.size() - 2));
}

TEST_F(Http, answers_without_a_body_have_no_length) {
  handler.status = 304;
  EXPECT_EQ(answer_to("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
            "HTTP/1.1 304 Not Modified\r\nContent-Type: text/plain\r\n\r\n");
}

TEST_F(Http, the_stream_ends_when_the_request_says_so) {
  EXPECT_NE(answer_to("GET / HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n").find("Connection: close"),
            std::string::npos);
  EXPECT_EQ(endpoint.wish(), StreamWish::close);
  EXPECT_EQ(answer_to("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "") << "and what follows is not answered";
}

TEST_F(Http, version_1_0_ends_the_stream_unless_asked_otherwise) {
  EXPECT_NE(answer_to("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").find("Connection: keep-alive"),
            std::string::npos);
  EXPECT_EQ(endpoint.wish(), StreamWish::none);
  answer_to("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(endpoint.wish(), StreamWish::close);
}

struct BadRequest {
  const char* name;
  std::string text;
  int status;
};

TEST_F(Http, what_could_be_read_in_two_ways_is_refused) {
  const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n";
  const BadRequest rows[] = {
      {"a body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 400},
      {"POST", "POST / HTTP/1.1\r\nHost: x\r\n\r\n", 405},
      {"DELETE", "DELETE / HTTP/1.1\r\nHost: x\r\n\r\n", 405},
      {"length and coding", get + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"chunked", get + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"coding in disguise", get + "Transfer-Encoding: xchunked\r\n\r\n", 400},
      {"coding behind a space", get + "Transfer-Encoding : chunked\r\n\r\n", 400},
      {"two lengths", get + "Content-Length: 0\r\nContent-Length: 5\r\n\r\n", 400},
      {"two equal lengths", get + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400},
      {"signed length", get + "Content-Length: +0\r\n\r\n", 400},
      {"negative length", get + "Content-Length: -1\r\n\r\n", 400},
      {"two hosts", get + "Host: y\r\n\r\n", 400},
      {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"bare line feeds", "GET / HTTP/1.1\nHost: x\n\n", 400},
      {"one bare line feed", get + "X: a\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"folded line", get + "X: a\r\n b\r\n\r\n", 400},
      {"folded with a tab", get + "Content-Length:\r\n\t5\r\n\r\n", 400},
      {"zero in a name", get + std::string("X\0: a\r\n\r\n", 9), 400},
      {"carriage return in a value", get + "X: a\rb\r\n\r\n", 400},
      {"space in the target", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 505},
      {"control byte in the target", "GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"byte above 127 in the target", "GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"another version", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
      {"no version", "GET /\r\n\r\n", 400},
      {"not HTTP", "hello\r\n\r\n", 400},
      {"a long header", get + "X: " + std::string(9000, 'x') + "\r\n\r\n", 431},
      {"a long target", "GET /" + std::string(9000, 'x'), 431},
      {"many at once", std::string(70'000, 'G'), 431},
  };
  for (const BadRequest& row : rows) {
    HttpEndpoint fresh(handler, "", false, {.request = 10s, .idle = 60s});
    fresh.on_bytes(as_bytes(row.text), now);
    ASSERT_FALSE(fresh.output().empty()) << row.name;
    const std::string answer(as_text(fresh.output()[0]));
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + std::to_string(row.status))) << row.name << ": " << answer;
    EXPECT_NE(answer.find("Connection: close"), std::string::npos) << row.name;
    EXPECT_EQ(fresh.wish(), StreamWish::close) << row.name;
  }
  EXPECT_TRUE(handler.seen.empty());
}

TEST_F(Http, time_is_limited_for_a_request_and_between_two) {
  EXPECT_EQ(endpoint.deadline(), now + 10s);
  now += 5s;
  answer_to("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(endpoint.deadline(), now + 60s);
  now += 30s;
  answer_to("GET /");
  EXPECT_EQ(endpoint.deadline(), now + 10s);
  const Instant due = *endpoint.deadline();
  now += 5s;
  answer_to("slow");
  EXPECT_EQ(endpoint.deadline(), due) << "more bytes of the same request gain no time";
  endpoint.on_deadline(due);
  EXPECT_EQ(endpoint.wish(), StreamWish::close);
}

TEST_F(Http, a_peer_that_does_not_read_is_not_answered_for_ever) {
  handler.size = 600'000;
  std::string requests;
  for (int i = 0; i < 10; ++i) requests += "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  endpoint.on_bytes(as_bytes(requests), now);
  EXPECT_EQ(handler.seen.size(), 2u) << "a megabyte of answers waits, the other requests too";
  EXPECT_GT(taken().size(), 6'000'000u);
  EXPECT_EQ(handler.seen.size(), 10u);
  handler.size = 600'000;
  endpoint.on_bytes(as_bytes("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), now);
  endpoint.on_deadline(now + 60s);
  EXPECT_EQ(endpoint.wish(), StreamWish::abort);
}

// --- files

struct Files : ::testing::Test {
  TemporaryDirectory directory;
  HttpFiles files;
  std::vector<HttpField> headers;

  HttpResponse get(std::string_view target) {
    return files.on_request({.method = "GET", .target = target, .headers = headers, .peer = "", .is_tls = false}, {});
  }
  std::string body(std::string_view target) { return std::string(as_text(get(target).body.view())); }
  void serve() { ASSERT_TRUE(files.serve_directory(directory.path("www"))); }
};

TEST_F(Files, are_served_with_type_and_tag) {
  RecordProperty("req", "M-07");
  directory.write("www/index.html", "<p>home");
  directory.write("www/sub/app.js", "run()");
  directory.write("www/sub/index.html", "<p>sub");
  directory.write("www/a b.txt", "spaced");
  serve();
  EXPECT_EQ(body("/"), "<p>home");
  EXPECT_EQ(body("/sub/"), "<p>sub");
  EXPECT_EQ(body("/sub/app.js?v=1"), "run()");
  EXPECT_EQ(body("/a%20b.txt"), "spaced");
  const HttpResponse script = get("/sub/app.js");
  EXPECT_EQ(script.status, 200u);
  EXPECT_EQ(field_value(script.headers, "Content-Type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(field_value(script.headers, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(field_value(get("/").headers, "Content-Type"), "text/html; charset=utf-8");
  EXPECT_NE(field_value(script.headers, "ETag"), field_value(get("/").headers, "ETag"));
  const HttpResponse moved = get("/sub");
  EXPECT_EQ(moved.status, 301u);
  EXPECT_EQ(field_value(moved.headers, "Location"), "/sub/");
}

TEST_F(Files, that_the_browser_has_are_not_sent_again) {
  RecordProperty("req", "M-07");
  directory.write("www/a.css", "a{}");
  serve();
  files.put("/page.html", "<p>page");
  for (const char* path : {"/a.css", "/page.html"}) {
    headers.clear();
    const std::string tag(field_value(get(path).headers, "ETag"));
    for (const std::string& known : {tag, "W/" + tag, "\"other\", " + tag, std::string("*")}) {
      headers = {{"If-None-Match", known}};
      EXPECT_EQ(get(path).status, 304u) << known;
      EXPECT_EQ(get(path).body.size(), 0u);
    }
    headers = {{"If-None-Match", "\"other\""}};
    EXPECT_EQ(get(path).status, 200u);
  }
  files.put("/page.html", "<p>other");
  EXPECT_EQ(body("/page.html"), "<p>other");
}

TEST_F(Files, pages_that_were_put_in_come_first) {
  directory.write("www/x.txt", "file");
  serve();
  files.put("/x.txt", "page");
  files.put("/index.html", "start");
  EXPECT_EQ(body("/x.txt"), "page");
  EXPECT_EQ(body("/"), "start");
}

TEST_F(Files, outside_the_directory_are_not_there) {
  RecordProperty("req", "M-07");
  directory.write("secret.txt", "secret");
  directory.write("www/.hidden", "secret");
  directory.write("www/.git/config", "secret");
  directory.write("www-other/x.txt", "secret");
  directory.write("www/inside.txt", "fine");
  std::filesystem::create_symlink(directory.path("secret.txt"), directory.path("www/link.txt"));
  std::filesystem::create_symlink(directory.path("www/inside.txt"), directory.path("www/good.txt"));
  std::filesystem::create_symlink(directory.path("www-other"), directory.path("www/other"));
  serve();
  for (const char* path : {"/../secret.txt",
                           "/%2e%2e/secret.txt",
                           "/%2E%2E%2Fsecret.txt",
                           "/..%2fsecret.txt",
                           "/a/../../secret.txt",
                           "/./inside.txt",
                           "/.hidden",
                           "/.git/config",
                           "/link.txt",
                           "/other/x.txt",
                           "/..\\secret.txt",
                           "/%5c..%5csecret.txt",
                           "/inside.txt%00.html",
                           "//inside.txt",
                           "/%",
                           "/%2",
                           "/%zz",
                           "/%-1",
                           "inside.txt",
                           "",
                           "*",
                           "http://x/inside.txt",
                           "/nothing.txt",
                           "/inside.txt/"}) {
    const HttpResponse response = get(path);
    EXPECT_EQ(response.status, 404u) << path;
    EXPECT_EQ(as_text(response.body.view()), "not found\n") << path;
  }
  EXPECT_EQ(body("/inside.txt"), "fine");
  EXPECT_EQ(body("/good.txt"), "fine");
}

TEST_F(Files, that_are_no_files_or_too_large_are_refused) {
  directory.write("www/big.bin", "");
  std::filesystem::resize_file(directory.path("www/big.bin"), HttpFiles::kFileLimit + 1);
  ASSERT_EQ(::mkfifo(directory.path("www/pipe").c_str(), 0600), 0);
  serve();
  EXPECT_EQ(get("/big.bin").status, 403u);
  EXPECT_EQ(get("/pipe").status, 404u);
}

TEST_F(Files, have_the_headers_that_were_added) {
  files.add_header({"Content-Security-Policy", "default-src 'self'"});
  files.put("/x.html", "x");
  EXPECT_EQ(field_value(get("/x.html").headers, "Content-Security-Policy"), "default-src 'self'");
  EXPECT_EQ(field_value(get("/none").headers, "Content-Security-Policy"), "default-src 'self'");
}

TEST_F(Files, a_directory_that_is_none_is_an_error) {
  EXPECT_EQ(files.serve_directory(directory.path("none")).error().text,
            "cannot serve directory " + directory.path("none") + ": No such file or directory");
  EXPECT_FALSE(files.serve_directory(directory.write("file", "x")));
  EXPECT_EQ(get("/file").status, 404u);
}

// --- over a socket

TEST(HttpService, a_large_page_reaches_a_slow_reader_and_the_stream_is_kept) {
  RecordingService service;
  HttpFiles files;
  const std::string page(8 << 20, 'p');
  files.put("/big.txt", page);
  NetDriver driver;
  ListenAddress rules(Address{"127.0.0.1", 0});
  rules.protocols = {.mqtt = false, .websocket = false, .http = true};
  rules.http = &files;
  rules.http_idle_limit = 50ms;
  RawSocket peer = RawSocket::connected_to(driver.listen(service, rules).value().port);
  for (int i = 0; i < 2; ++i) {
    peer.send("GET /big.txt HTTP/1.1\r\nHost: x\r\n\r\n");
    std::string got;
    ASSERT_TRUE(run_until_true(driver, [&] {
      got += peer.receive_some(1 << 20);
      return got.size() >= page.size() + 100 && got.ends_with("p");
    }));
    EXPECT_TRUE(got.ends_with(page.substr(0, 1000)));
  }
  EXPECT_TRUE(run_until_true(driver, [&] {
    peer.receive_some(1 << 20);
    return peer.has_ended();
  })) << "until nothing has been asked for long enough";
  EXPECT_TRUE(service.endpoints.empty());
}

}  // namespace
}  // namespace mqtt_sim::net
