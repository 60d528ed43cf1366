// Who may publish to and read from which topics, in the format of Mosquitto's acl_file:
//
//   topic [read|write|readwrite|deny] <filter>     for clients without a user name, until the first `user`
//   user <name>                                    the topic lines after it are for this user
//   topic [read|write|readwrite|deny] <filter>
//   pattern [read|write|readwrite|deny] <filter>   for everybody; %u is the user name, %c the client identifier
//
// Lines that begin with # are comments. What no line grants is denied. A denial among the user's own lines comes before
// their grants, these before the patterns, and among the patterns denials come first. A client whose user name or
// client identifier holds + or # gets nothing by patterns, and no substitution leads to a topic that begins with $.
//
// PUBLISH and wills need `write`; a message is delivered where `read` is granted. A SUBSCRIBE is refused (0x87) when
// nothing its filter matches could ever be read. What the owner publishes is not asked about.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/expected.hpp"
#include "core/broker/by_name.hpp"
#include "core/broker/rule.hpp"
#include "core/protocol/topic_tree.hpp"

namespace mqtt_sim::broker {

enum class Access : uint8_t { deny = 1, read = 2, write = 4, readwrite = 6 };

// What a text says, ready to be asked. Moves, does not copy.
class AccessTable {
 public:
  struct Who {
    std::optional<std::string_view> user_name;
    std::string_view client_id;
  };

  AccessTable() = default;  // denies everything
  // Error: line, text and what would be right.
  static Expected<AccessTable> parse(std::string_view text);

  bool allows(Who who, std::string_view topic, Access access) const;  // read or write
  bool allows_subscription(Who who, std::string_view filter) const;   // `$share/...` included

 private:
  struct Line {
    std::string filter;
    Access access;
  };
  struct Lines {
    std::vector<Line> all;
    protocol::TopicTree<uint8_t> by_filter;  // Access bits of all lines with this filter
  };
  struct Piece {
    char name = '\0';  // u or c: of the client; else the text
    std::string text;
  };
  struct Pattern {
    Line line;
    std::vector<Piece> start;  // what a topic must begin with: all before the first wildcard
    bool has_wildcard;
    bool needs_user_name;
  };
  class Parser;

  const Lines* lines_of(Who who) const;
  bool matches(const Pattern& pattern, Who who, std::string_view topic) const;
  const std::string* expand(const Pattern& pattern, Who who) const;
  bool allows_by_pattern(Who who, std::string_view topic, Access access) const;

  ByName<std::unique_ptr<Lines>> users_;
  std::unique_ptr<Lines> anonymous_;
  std::vector<Pattern> patterns_;  // denials first
  mutable std::string expanded_;   // space for the pattern being looked at
};

class AccessList final : public Rule {
 public:
  explicit AccessList(AccessTable table = {}) : table_(std::move(table)) {}

  void replace(AccessTable table) { table_ = std::move(table); }  // asked from now on, also for clients that are here
  Verdict on_event(const Event& event, Instant now) override;

 private:
  AccessTable table_;
};

}  // namespace mqtt_sim::broker
