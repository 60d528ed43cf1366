// Contents: what streams of a run say next, for whoever composes it in Python. Requests go out and contents come in by
// many at a time; the engine's threads never take the GIL and never wait for who holds it.
#include <pybind11/stl.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/engine/content_port.hpp"
#include "core/engine/run.hpp"
#include "core/load/stamp.hpp"
#include "python/bindings/module.hpp"

namespace mqtt_sim::bindings {
namespace py = pybind11;

namespace {

// Stream, topics or none, payloads or none.
using Composed = std::tuple<uint32_t, std::optional<std::vector<std::string>>, std::optional<std::vector<std::string>>>;

class Contents {
 public:
  explicit Contents(std::shared_ptr<engine::ContentPort> port) : port_(std::move(port)) {}

  std::optional<std::vector<std::tuple<uint32_t, uint64_t, uint32_t, int64_t>>> take(double patience_s) {
    std::optional<std::vector<load::ContentRequest>> requests;
    {
      const WithoutGil release;
      const std::chrono::duration<double> patience(std::min(std::max(patience_s, 0.0), 60.0));
      requests = port_->take(std::chrono::duration_cast<Duration>(patience));
    }
    if (!requests) return std::nullopt;
    std::vector<std::tuple<uint32_t, uint64_t, uint32_t, int64_t>> wanted;
    wanted.reserve(requests->size());
    for (const load::ContentRequest& one : *requests)
      wanted.emplace_back(one.stream, one.first, one.count, one.asked.count());
    return wanted;
  }

  bool put(std::vector<Composed> batch) {
    const WithoutGil release;
    std::vector<load::ComposedContents> ready;
    ready.reserve(batch.size());
    for (auto& [stream, topics, payloads] : batch) {
      load::ComposedContents& one = ready.emplace_back(load::ComposedContents{stream, {}});
      one.contents.resize(topics ? topics->size() : payloads ? payloads->size() : 0);
      for (size_t i = 0; i < one.contents.size(); ++i) {
        if (topics) one.contents[i].topic = std::move((*topics)[i]);
        if (!payloads) continue;
        one.contents[i].payload = std::move((*payloads)[i]);
        one.contents[i].is_object = load::takes_stamp_member(one.contents[i].payload);
      }
    }
    return port_->put(std::move(ready));
  }

  void close() { port_->close(); }

 private:
  std::shared_ptr<engine::ContentPort> port_;
};

}  // namespace

void bind_contents(py::module_& module) {
  py::class_<Contents>(module, "Contents", "What streams of a run say next; see content_port.hpp.")
      .def("take", &Contents::take, py::arg("patience_s"),
           "[(stream, number of the first message, how many, when it was asked for in ns of the run)]; None: "
           "closed.")
      .def("put", &Contents::put, py::arg("batch"),
           "[(stream, topics or None, payloads or None)], as many as were taken. False: too many bytes wait.")
      .def("close", &Contents::close, py::call_guard<WithoutGil>(), "Nothing comes any more.");
  module.def(
      "contents_of",
      [](const engine::Run& run) {
        return run.contents() ? std::optional<Contents>(Contents(run.contents())) : std::nullopt;
      },
      py::arg("run"), "Of the groups whose messages are composed outside; None without one.");
  module.attr("CONTENT_BYTES_LIMIT") = engine::ContentPort::kBytesLimit;
}

}  // namespace mqtt_sim::bindings
