#include "core/load/corpus.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>

#include "core/base/assert.hpp"
#include "core/protocol/utf8.hpp"

namespace mqtt_sim::load {
namespace {

// A double-quoted field as it stands in a line.
struct Field {
  std::string text;
  std::optional<size_t> stray_backslash;  // where the first backslash is that escapes nothing, as in some copies
};

// Reads one line: quoted fields with one space between. Positions are offsets into the line.
class LineReader {
 public:
  explicit LineReader(std::string_view line) : line_(line) {}

  size_t position() const { return at_; }
  bool is_at_end() const { return at_ == line_.size(); }
  const std::string& expected() const { return expected_; }

  std::optional<Field> field() {
    if (is_at_end() || line_[at_] != '"') return fail("a double quote that opens a field");
    ++at_;
    Field field;
    for (; at_ < line_.size(); ++at_) {
      const char c = line_[at_];
      const char next = at_ + 1 < line_.size() ? line_[at_ + 1] : '\0';
      if (c == '"') {
        ++at_;
        return field;
      }
      if (c == '\\' && next == '"' && at_ + 2 < line_.size()) {
        field.text.push_back('"');
        ++at_;
      } else if (c == '\\' && next == '\\') {
        field.text.push_back('\\');
        ++at_;
      } else {
        if (c == '\\' && !field.stray_backslash) field.stray_backslash = at_;
        field.text.push_back(c);
      }
    }
    return fail("a double quote that closes the field");
  }

  bool separator() {
    if (!is_at_end() && line_[at_] == ' ') {
      ++at_;
      return true;
    }
    fail("one space and another field");
    return false;
  }

 private:
  std::nullopt_t fail(const char* expected) {
    expected_ = expected;
    return std::nullopt;
  }

  std::string_view line_;
  size_t at_ = 0;
  std::string expected_;
};

class CorpusReader {
 public:
  using Outcome = boost::system::result<void, CorpusError>;

  CorpusReader(const std::string& path, CorpusOptions options) : path_(path), options_(options) {}

  Outcome read(std::string_view bytes) {
    if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
    while (!bytes.empty()) {
      const size_t end = bytes.find('\n');
      std::string_view line = bytes.substr(0, end);
      bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
      ++line_;
      if (auto outcome = read_line(line); !outcome) return outcome;
    }
    ++line_;
    if (row_number_ == 0) return error(0, "at least one row below the header");
    return {};
  }

  Corpus take() { return std::move(corpus_); }

 private:
  CorpusError error(size_t offset, std::string expected) const {
    return {path_, line_, offset + 1, std::move(expected)};
  }

  Outcome read_line(std::string_view line) {
    if (line.size() >= kCorpusLineLimit) return error(kCorpusLineLimit - 1, "a line shorter than 1 MiB");
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (const size_t nul = line.find('\0'); nul != line.npos) return error(nul, "text without a NUL byte");
    if (!protocol::is_utf8_string(line)) return error(first_bad_utf8(line), "well-formed UTF-8");
    if (line_ == 1) return read_header(line);
    if (options_.tutorial_parser) return read_as_tutorial(line);
    return read_row(line);
  }

  // The length of the longest well-formed prefix.
  static size_t first_bad_utf8(std::string_view line) {
    constexpr size_t kLongestCharacter = 4;
    size_t good = 0;
    while (good < line.size()) {
      size_t length = 1;
      while (length <= kLongestCharacter && !protocol::is_utf8_string(line.substr(good, length))) ++length;
      if (length > kLongestCharacter) break;
      good += length;
    }
    return good;
  }

  Outcome read_header(std::string_view line) {
    if (options_.header_as_record) corpus_.rows.push_back({});
    if (line.empty()) return {};  // some copies have a blank header
    LineReader reader(line);
    size_t names = 0;
    do {
      if (!reader.field()) return error(reader.position(), "a header of quoted names, or " + reader.expected());
      ++names;
    } while (!reader.is_at_end() && reader.separator());
    if (!reader.is_at_end() || names < 2 || names > 3)
      return error(reader.position(), "a header of two names (\"character\" \"dialogue\") or three");
    return {};
  }

  Outcome read_row(std::string_view line) {
    if (line.empty()) return error(0, "a row of three quoted fields, not a blank line");
    LineReader reader(line);
    std::vector<Field> fields;
    do {
      const size_t start = reader.position();
      auto field = reader.field();
      if (!field) return error(reader.position(), reader.expected());
      fields.push_back(std::move(*field));
      if (fields.size() > 3) return error(start, "the end of the row after three fields");
      if (reader.is_at_end()) break;
    } while (reader.separator());
    if (!reader.is_at_end()) return error(reader.position(), reader.expected());
    if (fields.size() < 3) return error(line.size(), "three fields: row number, character, dialogue");
    if (auto outcome = check_number(fields[0].text); !outcome) return outcome;
    return keep(std::move(fields[1]), std::move(fields[2]));
  }

  Outcome check_number(const std::string& text) {
    uint64_t number = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    const uint64_t due = ++row_number_;
    if (code != std::errc() || end != text.data() + text.size() || number != due)
      return error(1, "row number " + std::to_string(due) + ", found \"" + (text.size() <= 40 ? text : "...") + "\"");
    return {};
  }

  Outcome keep(Field character, Field text) {
    if (const auto stray = character.stray_backslash ? character.stray_backslash : text.stray_backslash) {
      if (options_.is_strict) return error(*stray, "no backslash but before a double quote");
      corpus_.warnings.push_back(path_ + ":" + std::to_string(line_) + ": row " + std::to_string(row_number_) +
                                 " has a backslash that escapes nothing; kept as it is");
    }
    corpus_.rows.push_back({std::move(character.text), std::move(text.text)});
    return {};
  }

  // What the tutorial's reader does: splits at quote-space-quote and removes the first double quote it meets in each
  // part.
  Outcome read_as_tutorial(std::string_view line) {
    std::vector<std::string> parts;
    constexpr std::string_view kSplit = "\" \"";
    for (size_t from = 0;;) {
      const size_t at = line.find(kSplit, from);
      parts.emplace_back(line.substr(from, at == line.npos ? at : at - from));
      if (at == line.npos) break;
      from = at + kSplit.size();
    }
    for (std::string& part : parts)
      if (const size_t quote = part.find('"'); quote != part.npos) part.erase(quote, 1);
    ++row_number_;
    if (parts.size() < 3) return error(line.size(), "three parts between quote-space-quote");
    corpus_.rows.push_back({parts[1], parts[2]});
    return {};
  }

  const std::string& path_;
  CorpusOptions options_;
  Corpus corpus_;
  size_t line_ = 0;
  uint64_t row_number_ = 0;
};

}  // namespace

std::string CorpusError::describe() const {
  if (line == 0) return path + ": " + expected;
  return path + ":" + std::to_string(line) + ":" + std::to_string(column) + ": expected " + expected;
}

boost::system::result<Corpus, CorpusError> parse_corpus(std::string_view bytes, const std::string& path,
                                                        CorpusOptions options) {
  CorpusReader reader(path, options);
  if (auto outcome = reader.read(bytes); !outcome) return outcome.error();
  return reader.take();
}

boost::system::result<Corpus, CorpusError> load_corpus(const std::string& path, CorpusOptions options) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return CorpusError{path, 0, 0, std::string("cannot be read: ") + std::strerror(errno)};
  const auto size = file.tellg();
  if (size < 0 || static_cast<size_t>(size) > kCorpusFileLimit)
    return CorpusError{path, 0, 0, "cannot be read: not a regular file of at most 256 MiB"};
  file.seekg(0);
  std::ostringstream bytes;
  if (size > 0) bytes << file.rdbuf();  // of nothing would count as a failure
  if (file.bad() || bytes.fail()) return CorpusError{path, 0, 0, "cannot be read"};
  return parse_corpus(bytes.view(), path, options);
}

void throw_exception_from_error(const CorpusError& error, const boost::source_location& where) {
  assertion_failed(error.describe().c_str(), where.file_name(), static_cast<int>(where.line()));
}

}  // namespace mqtt_sim::load
