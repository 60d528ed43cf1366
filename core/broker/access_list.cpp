#include "core/broker/access_list.hpp"

#include <algorithm>
#include <utility>

#include "core/broker/filter_overlap.hpp"
#include "core/broker/text_lines.hpp"
#include "core/protocol/topic.hpp"

namespace mqtt_sim::broker {

using protocol::ReasonCode;

namespace {

constexpr bool has(uint8_t bits, Access access) { return (bits & static_cast<uint8_t>(access)) != 0; }
constexpr bool has(Access bits, Access access) { return has(static_cast<uint8_t>(bits), access); }

std::optional<Access> to_access(std::string_view word) {
  if (word == "read") return Access::read;
  if (word == "write") return Access::write;
  if (word == "readwrite") return Access::readwrite;
  if (word == "deny") return Access::deny;
  return std::nullopt;
}

bool is_dangerous(std::string_view name) { return name.find_first_of("+#") != std::string_view::npos; }

// The part of a pattern before its first wildcard; `a/#` matches `a` as well.
std::string_view start_of(std::string_view pattern) {
  std::string_view start = pattern.substr(0, pattern.find_first_of("+#"));
  if (start.size() < pattern.size() && pattern[start.size()] == '#' && !start.empty()) start.remove_suffix(1);
  return start;
}

// Calls text(piece) and name('u' or 'c') for the pieces of a pattern in turn.
template <class Text, class Name>
void split_pattern(std::string_view pattern, Text text, Name name) {
  for (;;) {
    size_t at = 0;
    while ((at = pattern.find('%', at)) != std::string_view::npos && !pattern.substr(at + 1).starts_with('u') &&
           !pattern.substr(at + 1).starts_with('c')) {
      ++at;
    }
    if (const auto piece = pattern.substr(0, at); !piece.empty()) text(piece);
    if (at == std::string_view::npos) return;
    name(pattern[at + 1]);
    pattern.remove_prefix(at + 2);
  }
}

}  // namespace

class AccessTable::Parser {
 public:
  Expected<AccessTable> parse(std::string_view text) {
    if (auto error = check_size(text)) return std::move(*error);
    for (TextLines lines(text); lines.next();) {
      if (auto error = read(lines)) return std::move(*error);
    }
    std::ranges::stable_sort(table_.patterns_, {}, [](const Pattern& p) { return p.line.access != Access::deny; });
    return std::move(table_);
  }

 private:
  std::optional<Error> read(const TextLines& lines) {
    std::string_view rest = lines.line();
    if (rest.starts_with('#')) return std::nullopt;
    const std::string_view word = take_word(rest);
    if (word.empty()) return std::nullopt;
    if (word == "user") return read_user(lines, trim(rest));
    if (word == "topic" || word == "pattern") return read_filter(lines, word == "pattern", rest);
    return lines.error("a line begins with topic, pattern, user or #");
  }

  std::optional<Error> read_user(const TextLines& lines, std::string_view name) {
    if (name.empty()) return lines.error("write the user's name after user");
    auto& place = table_.users_[std::string(name)];
    if (!place) place = std::make_unique<Lines>();
    current_ = place.get();
    return std::nullopt;
  }

  std::optional<Error> read_filter(const TextLines& lines, bool is_pattern, std::string_view rest) {
    const std::string_view first = take_word(rest);
    std::string_view filter = trim(rest);
    Access access = Access::readwrite;
    if (filter.empty()) {
      if (first.empty()) return lines.error("write a topic filter at its end");
      if (to_access(first)) return lines.error("write a topic filter after " + std::string(first));
      filter = first;
    } else {
      const auto given = to_access(first);
      if (!given) return lines.error("access is read, write, readwrite or deny");
      access = *given;
    }
    if (!protocol::is_valid_topic_filter(filter)) {
      return lines.error("not a topic filter: + and # must fill a level, # the last one");
    }
    if (is_pattern) {
      add_pattern(filter, access);
    } else {
      add(filter, access);
    }
    return std::nullopt;
  }

  void add(std::string_view filter, Access access) {
    if (!current_) {
      table_.anonymous_ = std::make_unique<Lines>();
      current_ = table_.anonymous_.get();
    }
    current_->all.push_back({std::string(filter), access});
    current_->by_filter.insert(filter) |= static_cast<uint8_t>(access);
  }

  void add_pattern(std::string_view filter, Access access) {
    Pattern& pattern = table_.patterns_.emplace_back();
    pattern.line = {std::string(filter), access};
    pattern.has_wildcard = protocol::has_wildcard(filter);
    pattern.needs_user_name = filter.find("%u") != std::string_view::npos;
    split_pattern(
        start_of(filter), [&](std::string_view text) { pattern.start.push_back({'\0', std::string(text)}); },
        [&](char name) { pattern.start.push_back({name, {}}); });
  }

  AccessTable table_;
  Lines* current_ = nullptr;
};

Expected<AccessTable> AccessTable::parse(std::string_view text) { return Parser().parse(text); }

bool AccessTable::allows(Who who, std::string_view topic, Access access) const {
  if (const Lines* lines = lines_of(who)) {
    uint8_t found = 0;
    lines->by_filter.match(topic, [&](uint8_t bits) { found |= bits; });
    if (has(found, Access::deny)) return false;
    if (has(found, access)) return true;
  }
  return !patterns_.empty() && allows_by_pattern(who, topic, access);
}

bool AccessTable::allows_by_pattern(Who who, std::string_view topic, Access access) const {
  if (is_dangerous(who.client_id) || (who.user_name && is_dangerous(*who.user_name))) return false;
  for (const Pattern& pattern : patterns_) {
    if (!has(pattern.line.access, Access::deny) && !has(pattern.line.access, access)) continue;
    if (matches(pattern, who, topic)) return pattern.line.access != Access::deny;
  }
  return false;
}

bool AccessTable::matches(const Pattern& pattern, Who who, std::string_view topic) const {
  if (pattern.needs_user_name && !who.user_name) return false;
  if (topic.starts_with('$') && !pattern.line.filter.starts_with('$')) return false;
  std::string_view rest = topic;
  for (const Piece& piece : pattern.start) {
    const std::string_view text = piece.name == 'u' ? *who.user_name : piece.name == 'c' ? who.client_id : piece.text;
    if (!rest.starts_with(text)) return false;
    rest.remove_prefix(text.size());
  }
  if (!pattern.has_wildcard) return rest.empty();
  return protocol::matches(*expand(pattern, who), topic);
}

bool AccessTable::allows_subscription(Who who, std::string_view filter) const {
  if (const auto shared = protocol::parse_shared_filter(filter)) filter = shared->filter;
  std::vector<std::string_view> denials;
  const auto is_readable = [&](std::string_view granted) {
    const auto common = intersect(filter, granted);
    return common && std::ranges::none_of(denials, [&](std::string_view denied) { return covers(denied, *common); });
  };

  if (const Lines* lines = lines_of(who)) {
    for (const Line& line : lines->all) {
      if (line.access == Access::deny) denials.push_back(line.filter);
    }
    for (const Line& line : lines->all) {
      if (has(line.access, Access::read) && is_readable(line.filter)) return true;
    }
  }
  if (is_dangerous(who.client_id) || (who.user_name && is_dangerous(*who.user_name))) return false;
  std::vector<std::unique_ptr<std::string>> space;  // expanded denials
  for (const Pattern& pattern : patterns_) {
    const std::string* expanded = expand(pattern, who);
    if (!expanded) continue;
    if (pattern.line.access == Access::deny) {
      denials.push_back(*space.emplace_back(std::make_unique<std::string>(*expanded)));
    } else if (has(pattern.line.access, Access::read) && is_readable(*expanded)) {
      return true;
    }
  }
  return false;
}

const AccessTable::Lines* AccessTable::lines_of(Who who) const {
  if (!who.user_name) return anonymous_.get();
  const auto found = users_.find(*who.user_name);
  return found == users_.end() ? nullptr : found->second.get();
}

// The pattern with the client's names in it, until the next call; nullptr: it says nothing about this client.
const std::string* AccessTable::expand(const Pattern& pattern, Who who) const {
  if (pattern.needs_user_name && !who.user_name) return nullptr;
  expanded_.clear();
  split_pattern(
      pattern.line.filter, [&](std::string_view text) { expanded_ += text; },
      [&](char name) { expanded_ += name == 'u' ? *who.user_name : who.client_id; });
  const bool leads_to_system = expanded_.starts_with('$') && !pattern.line.filter.starts_with('$');
  return leads_to_system ? nullptr : &expanded_;
}

Verdict AccessList::on_event(const Event& event, Instant) {
  if (event.client_id.empty()) return Verdict::pass();  // the owner, or a CONNECT
  const AccessTable::Who who{event.user_name, event.client_id};
  const auto answer = [](bool is_allowed) {
    return is_allowed ? Verdict::pass() : Verdict::refuse(ReasonCode::not_authorized);
  };
  switch (event.kind) {
    case EventKind::publish: return answer(table_.allows(who, event.topic, Access::write));
    case EventKind::deliver: return answer(table_.allows(who, event.topic, Access::read));
    case EventKind::subscribe: return answer(table_.allows_subscription(who, event.topic));
    default: return Verdict::pass();
  }
}

}  // namespace mqtt_sim::broker
