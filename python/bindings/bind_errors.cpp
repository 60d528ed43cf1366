// Exceptions of the compiled module: what the user got wrong, with its parts as attributes.
#include "python/bindings/module.hpp"

namespace mqtt_sim::bindings {
namespace {

namespace py = pybind11;

py::handle plan_error;  // borrowed from the module, which outlives every call
py::handle corpus_error;
py::handle run_error;

py::handle make_exception(py::module_& module, const char* name, const char* doc) {
  const std::string full_name = std::string("mqtt_sim._core.") + name;
  py::object type =
      py::reinterpret_steal<py::object>(PyErr_NewExceptionWithDoc(full_name.c_str(), doc, PyExc_ValueError, nullptr));
  module.attr(name) = type;
  return type;
}

[[noreturn]] void raise(py::handle type, const py::object& error) {
  PyErr_SetObject(type.ptr(), error.ptr());
  throw py::error_already_set();
}

}  // namespace

void bind_errors(py::module_& module) {
  plan_error = make_exception(module, "PlanError", "A plan that cannot be run: path, value, message.");
  corpus_error = make_exception(module, "CorpusError", "A corpus that cannot be read: path, line, column, expected.");
  run_error = make_exception(module, "RunError", "A run or broker that cannot begin: kind, text.");
}

void raise_plan_error(const load::PlanError& error) {
  py::object exception = plan_error((error.path + ": " + error.message + ", found " + error.value).c_str());
  exception.attr("path") = error.path;
  exception.attr("value") = error.value;
  exception.attr("message") = error.message;
  raise(plan_error, exception);
}

void raise_corpus_error(const load::CorpusError& error) {
  py::object exception = corpus_error(error.describe().c_str());
  exception.attr("path") = error.path;
  exception.attr("line") = error.line;
  exception.attr("column") = error.column;
  exception.attr("expected") = error.expected;
  raise(corpus_error, exception);
}

void raise_run_error(const std::string& kind, const std::string& text) {
  py::object exception = run_error(text.c_str());
  exception.attr("kind") = kind;
  exception.attr("text") = text;
  raise(run_error, exception);
}

}  // namespace mqtt_sim::bindings
