// load_corpus: the loader of core/load for Python.
#include <pybind11/stl.h>

#include <utility>
#include <vector>

#include "python/bindings/module.hpp"

namespace mqtt_sim::bindings {
namespace py = pybind11;

void bind_corpus(py::module_& module) {
  module.def(
      "load_corpus",
      [](const std::string& path, const std::string& header, const std::string& parser, bool strict) {
        const bool is_header_known = header == "skip" || header == "as-record";
        const bool is_parser_known = parser == "strict-unescape" || parser == "tutorial";
        if (!is_header_known || !is_parser_known)
          throw py::value_error("header is \"skip\" or \"as-record\", parser \"strict-unescape\" or \"tutorial\"");
        const load::CorpusOptions options{header == "as-record", parser == "tutorial", strict};
        boost::system::result<load::Corpus, load::CorpusError> corpus = load::Corpus{};
        {
          const WithoutGil release;
          corpus = load::load_corpus(path, options);
        }
        if (!corpus) raise_corpus_error(corpus.error());
        std::vector<std::pair<std::string, std::string>> rows;
        rows.reserve(corpus->rows.size());
        for (load::CorpusRow& row : corpus->rows) rows.emplace_back(std::move(row.character), std::move(row.text));
        return std::make_pair(std::move(rows), std::move(corpus->warnings));
      },
      py::arg("path"), py::arg("header") = "skip", py::arg("parser") = "strict-unescape", py::arg("strict") = false,
      "Rows (character, text) of a corpus file, and warnings. Raises CorpusError with file, line, column and what was "
      "expected.");
}

}  // namespace mqtt_sim::bindings
