#include "core/load/dialogue.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <unordered_map>

#include "core/base/random.hpp"

namespace mqtt_sim::load {
namespace {

constexpr uint64_t kShufflePurpose = 0x5u;

std::vector<std::string_view> speakers(const Corpus& corpus) {
  std::vector<std::string_view> names;
  std::unordered_map<std::string_view, bool> seen;
  for (const CorpusRow& row : corpus.rows)
    if (seen.emplace(row.character, true).second) names.push_back(row.character);
  return names;
}

std::vector<uint32_t> used_rows(const Corpus& corpus, const PayloadPlan& payload) {
  const uint32_t total = static_cast<uint32_t>(corpus.rows.size());
  const uint32_t first = std::min(payload.offset, total);
  const uint32_t count = payload.limit == 0 ? total - first : std::min(payload.limit, total - first);
  std::vector<uint32_t> rows(count);
  std::iota(rows.begin(), rows.end(), first);
  return rows;
}

void shuffle(std::vector<uint32_t>& rows, uint64_t seed) {
  Random random = Random(seed).fork(kShufflePurpose);
  for (size_t i = rows.size(); i > 1; --i) std::swap(rows[i - 1], rows[random.below(i)]);
}

std::vector<std::vector<uint32_t>> split_by_speaker(const Corpus& corpus, const std::vector<uint32_t>& rows) {
  std::unordered_map<std::string_view, size_t> index;
  for (const std::string_view name : speakers(corpus)) index.emplace(name, index.size());
  std::vector<std::vector<uint32_t>> lines(index.size());
  for (const uint32_t row : rows) lines[index[corpus.rows[row].character]].push_back(row);
  return lines;
}

}  // namespace

std::string_view speaker_of(const Corpus& corpus, uint32_t index) {
  const auto names = speakers(corpus);
  return names.empty() ? std::string_view() : names[index % names.size()];
}

Dialogue::Dialogue(const Plan& plan, const GroupPlan& group)
    : payload_(group.publish->payload), producers_(group.count) {
  std::vector<uint32_t> rows = used_rows(plan.corpus, payload_);
  if (payload_.order == DialogueOrder::shuffle) shuffle(rows, plan.seed);
  if (payload_.order == DialogueOrder::by_speaker) {
    lines_ = split_by_speaker(plan.corpus, rows);
  } else {
    lines_.push_back(std::move(rows));
  }
}

const std::vector<uint32_t>& Dialogue::lines_of(uint32_t index) const { return lines_[index % lines_.size()]; }

std::optional<uint64_t> Dialogue::line_limit(uint32_t index) const {
  const uint64_t count = lines_of(index).size();
  if (count == 0) return 0;  // a speaker with no line among the rows used
  if (payload_.loop) return std::nullopt;
  if (payload_.order != DialogueOrder::by_speaker && payload_.place == DialoguePlace::split)
    return index < count ? (count - index + producers_ - 1) / producers_ : 0;
  return count;
}

uint32_t Dialogue::row(uint32_t index, uint64_t k) const {
  const std::vector<uint32_t>& lines = lines_of(index);
  const uint64_t count = lines.size();
  if (payload_.order == DialogueOrder::by_speaker || payload_.place == DialoguePlace::start) return lines[k % count];
  if (payload_.place == DialoguePlace::split) return lines[(index + k * producers_) % count];
  return lines[(index * count / producers_ + k) % count];
}

std::vector<std::string> render_rows(const Corpus& corpus) {
  std::vector<std::string> rendered;
  rendered.reserve(corpus.rows.size());
  for (const CorpusRow& row : corpus.rows) {
    const nlohmann::ordered_json json{{"character", row.character}, {"text", row.text}};
    rendered.push_back(json.dump());
  }
  return rendered;
}

}  // namespace mqtt_sim::load
