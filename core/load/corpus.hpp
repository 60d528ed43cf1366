// The dialogue corpus: rows of speaker and text in the format that R's write.table produces (row number, character,
// dialogue; each double-quoted, one space between, backslash before an inner quote). One immutable copy serves all
// producers of a process.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mqtt_sim::load {

struct CorpusOptions {
  bool header_as_record = false;  // the tutorial's reader turns the header line into one empty record
  bool tutorial_parser = false;   // reproduce the tutorial's naive splitting, byte for byte
  bool is_strict = false;         // warnings become errors
};

struct CorpusRow {
  std::string character;
  std::string text;

  friend bool operator==(const CorpusRow&, const CorpusRow&) = default;
};

struct CorpusError {
  std::string path;
  size_t line = 0;    // 1-based; 0 when the file itself cannot be read
  size_t column = 0;  // 1-based, in bytes
  std::string expected;

  std::string describe() const;  // "file:line:column: expected"
};

struct Corpus {
  std::vector<CorpusRow> rows;
  std::vector<std::string> warnings;  // "file:line: ..."

  bool empty() const { return rows.empty(); }
};

inline constexpr size_t kCorpusFileLimit = 256 * 1024 * 1024;
inline constexpr size_t kCorpusLineLimit = 1024 * 1024;  // a line of this many bytes or more is refused

boost::system::result<Corpus, CorpusError> parse_corpus(std::string_view bytes, const std::string& path, CorpusOptions);
boost::system::result<Corpus, CorpusError> load_corpus(const std::string& path, CorpusOptions);

[[noreturn]] void throw_exception_from_error(const CorpusError&, const boost::source_location&);

}  // namespace mqtt_sim::load
