// What module.cpp registers. pybind11 and the GIL live in this folder and nowhere else.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

#include "core/load/corpus.hpp"
#include "core/load/plan.hpp"
#include "python/bindings/without_gil.hpp"

namespace mqtt_sim::bindings {

void bind_errors(pybind11::module_&);
void bind_corpus(pybind11::module_&);
void bind_histogram(pybind11::module_&);
void bind_run(pybind11::module_&);
void bind_contents(pybind11::module_&);
void bind_broker(pybind11::module_&);
void bind_scripted_clients(pybind11::module_&);
void bind_client(pybind11::module_&);
void bind_certificates(pybind11::module_&);

// Raise _core.PlanError, CorpusError and RunError, with the parts of the error as attributes.
[[noreturn]] void raise_plan_error(const load::PlanError&);
[[noreturn]] void raise_corpus_error(const load::CorpusError&);
[[noreturn]] void raise_run_error(const std::string& kind, const std::string& text);

}  // namespace mqtt_sim::bindings
