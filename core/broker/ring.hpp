// A growing ring: first in, first out, with access by place, owning no memory until first used. Sessions keep their
// in-flight window and their queue in one each, so an idle session pays for neither.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "core/base/assert.hpp"

namespace mqtt_sim::broker {

template <class T>
class Ring {
 public:
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  T& operator[](size_t place) {
    MQTT_SIM_ASSERT(place < size_);
    return slots_[(first_ + place) & (capacity_ - 1)];
  }
  T& front() { return (*this)[0]; }

  T& push_back(T value) {
    if (size_ == capacity_) grow();
    T& slot = slots_[(first_ + size_++) & (capacity_ - 1)];
    slot = std::move(value);
    return slot;
  }
  void pop_front() {
    front() = T();
    first_ = (first_ + 1) & (capacity_ - 1);
    if (--size_ == 0 && capacity_ > kKeptWhenEmpty) *this = Ring();
  }

  Ring() = default;
  Ring(Ring&& other) noexcept { swap(other); }
  Ring& operator=(Ring&& other) noexcept {
    Ring taken(std::move(other));
    swap(taken);
    return *this;
  }

 private:
  static constexpr size_t kFirstCapacity = 8;
  static constexpr size_t kKeptWhenEmpty = 1024;  // a burst does not leave its memory behind

  void swap(Ring& other) noexcept {
    std::swap(slots_, other.slots_);
    std::swap(capacity_, other.capacity_);
    std::swap(first_, other.first_);
    std::swap(size_, other.size_);
  }
  void grow() {
    const size_t capacity = capacity_ ? capacity_ * 2 : kFirstCapacity;
    std::unique_ptr<T[]> slots(new T[capacity]);
    for (size_t i = 0; i < size_; ++i) slots[i] = std::move((*this)[i]);
    slots_ = std::move(slots);
    capacity_ = capacity;
    first_ = 0;
  }

  std::unique_ptr<T[]> slots_;
  size_t capacity_ = 0;  // a power of two
  size_t first_ = 0;
  size_t size_ = 0;
};

}  // namespace mqtt_sim::broker
