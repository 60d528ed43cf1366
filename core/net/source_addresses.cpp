#include "core/net/source_addresses.hpp"

#include <algorithm>

namespace mqtt_sim::net {
namespace {

constexpr size_t kLoopbackSources = 254;  // the system's choice, then 127.0.0.2 to 127.0.0.254

bool may_fall_over(const SourceAddresses::Address& target) { return target.is_v4() && target.is_loopback(); }

}  // namespace

std::optional<SourceAddresses::Choice> SourceAddresses::choose(const Address& target) {
  if (listed_.empty()) {
    if (!may_fall_over(target) || next_ == 0) return Choice{};
    const uint32_t first = boost::asio::ip::address_v4::loopback().to_uint();
    return Choice{next_, boost::asio::ip::address_v4(first + static_cast<uint32_t>(next_))};
  }
  const auto choice = first_listed_from(next_, target);
  if (choice) next_ = (choice->number + 1) % listed_.size();
  return choice;
}

std::optional<SourceAddresses::Choice> SourceAddresses::choose_instead(const Choice& exhausted, const Address& target) {
  if (!listed_.empty()) return first_listed_from(exhausted.number + 1, target);
  // Several connects may find the same address exhausted at once; only the first of them moves on.
  if (may_fall_over(target) && exhausted.number == next_) next_ = (next_ + 1) % kLoopbackSources;
  return choose(target);
}

std::optional<SourceAddresses::Choice> SourceAddresses::first_listed_from(size_t number, const Address& target) const {
  for (size_t i = 0; i < listed_.size(); ++i) {
    const size_t candidate = (number + i) % listed_.size();
    if (listed_[candidate].is_v4() == target.is_v4()) return Choice{candidate, listed_[candidate]};
  }
  return std::nullopt;
}

size_t SourceAddresses::count(const Address& target) const {
  if (listed_.empty()) return may_fall_over(target) ? kLoopbackSources : 1;
  return static_cast<size_t>(
      std::ranges::count_if(listed_, [&](const Address& one) { return one.is_v4() == target.is_v4(); }));
}

}  // namespace mqtt_sim::net
