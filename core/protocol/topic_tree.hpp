// A tree over topic levels that keeps one value for each text put in. Texts that are filters are asked with a name
// (subscriptions: match), texts that are names with a filter (retained messages: match_names). Nothing recurses, so a
// topic of 65,535 levels costs memory only, and only as long as its value stays: nodes without a value below them are
// removed.
//
//   a/+/c    a -- + -- c*        * holds a value
//   a/b      '--- b*
//
// All nodes live in one hash table under (parent, level), and the children of a node are also chained in the order they
// came. So a node has no container of its own, and visits go in an order that no hash function decides. One owner, one
// thread. Texts are taken as they are [MQTT-4.7.3-4]: validity is the caller's (topic.hpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/protocol/topic.hpp"

namespace mqtt_sim::protocol {

template <class Value>
class TopicTree {
 public:
  TopicTree() = default;
  TopicTree(const TopicTree&) = delete;
  TopicTree& operator=(const TopicTree&) = delete;

  Value& insert(std::string_view text);  // the value there, default-constructed if it is new
  Value* find(std::string_view text);    // of exactly this text; nullptr if there is none
  bool erase(std::string_view text);     // whether there was one
  void clear();

  size_t size() const { return size_; }  // values
  bool empty() const { return size_ == 0; }
  size_t node_count() const { return nodes_.size(); }

  // fn(Value&) for every stored filter that matches `name`. fn may change values, not the tree.
  template <class Fn>
  void match(std::string_view name, Fn&& fn);

  // fn(Value&) for every stored name that `filter` (not shared) matches. Likewise.
  template <class Fn>
  void match_names(std::string_view filter, Fn&& fn);

  // The same where the tree is const; fn(const Value&).
  const Value* find(std::string_view text) const { return as_mutable().find(text); }
  template <class Fn>
  void match(std::string_view name, Fn&& fn) const {
    as_mutable().match(name, [&fn](const Value& value) { fn(value); });
  }
  template <class Fn>
  void match_names(std::string_view filter, Fn&& fn) const {
    as_mutable().match_names(filter, [&fn](const Value& value) { fn(value); });
  }

 private:
  struct Node;
  struct Place {  // where a node hangs
    Node* parent;
    std::string level;
  };
  struct PlaceView {
    const Node* parent;
    std::string_view level;
    PlaceView(const Node* parent_node, std::string_view level_text) : parent(parent_node), level(level_text) {}
    PlaceView(const Place& place) : parent(place.parent), level(place.level) {}  // NOLINT: a view of its owner
  };
  struct Node {
    std::optional<Value> value;
    const Place* place = nullptr;  // its key in the table; the root has none
    Node* plus = nullptr;          // the child + and the child #, which are children like others
    Node* hash = nullptr;
    Node* first_child = nullptr;
    Node* next_sibling = nullptr;
    Node* previous_sibling = nullptr;  // the first one's is the last one

    bool is_system() const { return place->level.starts_with('$'); }
  };
  // Not noexcept on purpose: libstdc++ then keeps the hash in the entry, and walks a bucket without computing it again.
  struct PlaceHash {
    using is_transparent = void;
    size_t operator()(PlaceView place) const {
      return std::hash<std::string_view>()(place.level) ^
             (reinterpret_cast<uintptr_t>(place.parent) * 0x9E3779B97F4A7C15u);
    }
  };
  struct SamePlace {
    using is_transparent = void;
    bool operator()(PlaceView a, PlaceView b) const { return a.parent == b.parent && a.level == b.level; }
  };

  // A node still to be visited, with the levels still to be met below it.
  struct Branch {
    Node* node;
    LevelCursor levels;
    bool with_siblings;  // and the siblings after it
  };
  // Waiting branches, at most one for each level; the first few need no allocation.
  class Branches {
   public:
    bool empty() const { return waiting_.empty(); }
    void push(const Branch& branch) { waiting_.push_back(branch); }
    Branch pop() {
      const Branch branch = waiting_.back();
      waiting_.pop_back();
      return branch;
    }

   private:
    std::array<std::byte, 1024> space_;
    std::pmr::monotonic_buffer_resource memory_{space_.data(), space_.size()};
    std::pmr::vector<Branch> waiting_{&memory_};
  };

  TopicTree& as_mutable() const { return const_cast<TopicTree&>(*this); }  // to look up; nothing is changed
  Node* child(Node* node, std::string_view level);
  Node* add_child(Node* node, std::string_view level);
  void remove_leaf(Node* node);
  Node* find_node(std::string_view text);
  Node* without_system(Node* node);
  template <class Fn>
  void visit_below(Node* top, Fn& fn);

  Node root_;
  std::unordered_map<Place, Node, PlaceHash, SamePlace> nodes_;
  size_t size_ = 0;
};

template <class Value>
Value& TopicTree<Value>::insert(std::string_view text) {
  Node* node = &root_;
  for (LevelCursor levels(text); !levels.is_done();) {
    const std::string_view level = levels.take();
    Node* next = child(node, level);
    node = next ? next : add_child(node, level);
  }
  if (!node->value) {
    node->value.emplace();
    ++size_;
  }
  return *node->value;
}

template <class Value>
Value* TopicTree<Value>::find(std::string_view text) {
  Node* node = find_node(text);
  return node && node->value ? &*node->value : nullptr;
}

template <class Value>
bool TopicTree<Value>::erase(std::string_view text) {
  Node* node = find_node(text);
  if (!node || !node->value) return false;
  node->value.reset();
  --size_;
  while (node != &root_ && !node->value && !node->first_child) {
    Node* parent = node->place->parent;
    remove_leaf(node);
    node = parent;
  }
  return true;
}

template <class Value>
void TopicTree<Value>::clear() {
  nodes_.clear();
  root_ = Node();
  size_ = 0;
}

template <class Value>
template <class Fn>
void TopicTree<Value>::match(std::string_view name, Fn&& fn) {
  const bool is_system = name.starts_with('$');
  Branches branches;
  Node* node = &root_;
  LevelCursor levels(name);
  for (;;) {
    const bool may_be_wildcard = !(is_system && node == &root_);  // [MQTT-4.7.2-1]
    if (node->hash && may_be_wildcard && node->hash->value) fn(*node->hash->value);
    Node* next = nullptr;
    if (levels.is_done()) {
      if (node->value) fn(*node->value);
    } else if (node->first_child) {
      const std::string_view level = levels.take();
      Node* plus = may_be_wildcard ? node->plus : nullptr;
      next = child(node, level);
      if (next && plus) branches.push({plus, levels, false});
      if (!next) next = plus;
    }
    if (!next) {
      if (branches.empty()) return;
      const Branch branch = branches.pop();
      next = branch.node;
      levels = branch.levels;
    }
    node = next;
  }
}

template <class Value>
template <class Fn>
void TopicTree<Value>::match_names(std::string_view filter, Fn&& fn) {
  Branches branches;
  branches.push({&root_, LevelCursor(filter), false});
  while (!branches.empty()) {
    auto [node, levels, with_siblings] = branches.pop();
    if (with_siblings) {
      Node* sibling = node->next_sibling;
      if (node->place->parent == &root_) sibling = without_system(sibling);
      if (sibling) branches.push({sibling, levels, true});
    }
    if (levels.is_done()) {
      if (node->value) fn(*node->value);
      continue;
    }
    const std::string_view level = levels.take();
    if (level == "#") {
      visit_below(node, fn);
    } else if (level == "+") {
      Node* first = node == &root_ ? without_system(node->first_child) : node->first_child;
      if (first) branches.push({first, levels, true});
    } else if (Node* next = child(node, level)) {
      branches.push({next, levels, false});
    }
  }
}

// Values of `top` and of everything below it, in the order of the tree. Below the root, system topics are left out.
template <class Value>
template <class Fn>
void TopicTree<Value>::visit_below(Node* top, Fn& fn) {
  Node* node = top;
  while (node) {
    if (node->value) fn(*node->value);
    Node* next = node == &root_ ? without_system(node->first_child) : node->first_child;
    while (!next && node != top) {
      next = node->next_sibling;
      node = node->place->parent;
      if (node == &root_) next = without_system(next);
    }
    node = next;
  }
}

// `node` or the first sibling after it that a leading wildcard matches. [MQTT-4.7.2-1]
template <class Value>
auto TopicTree<Value>::without_system(Node* node) -> Node* {
  while (node && node->is_system()) node = node->next_sibling;
  return node;
}

template <class Value>
auto TopicTree<Value>::child(Node* node, std::string_view level) -> Node* {
  Node* first = node->first_child;
  if (!first) return nullptr;
  if (!first->next_sibling) return first->place->level == level ? first : nullptr;  // an only child needs no hash
  const auto found = nodes_.find(PlaceView(node, level));
  return found == nodes_.end() ? nullptr : &found->second;
}

template <class Value>
auto TopicTree<Value>::find_node(std::string_view text) -> Node* {
  Node* node = &root_;
  for (LevelCursor levels(text); node && !levels.is_done();) node = child(node, levels.take());
  return node;
}

template <class Value>
auto TopicTree<Value>::add_child(Node* parent, std::string_view level) -> Node* {
  const auto added =
      nodes_.emplace(std::piecewise_construct, std::forward_as_tuple(Place{parent, std::string(level)}), std::tuple());
  Node* node = &added.first->second;
  node->place = &added.first->first;
  if (Node* first = parent->first_child) {
    node->previous_sibling = first->previous_sibling;
    first->previous_sibling->next_sibling = node;
    first->previous_sibling = node;
  } else {
    node->previous_sibling = node;
    parent->first_child = node;
  }
  if (level == "+") parent->plus = node;
  if (level == "#") parent->hash = node;
  return node;
}

template <class Value>
void TopicTree<Value>::remove_leaf(Node* node) {
  Node* parent = node->place->parent;
  Node* next = node->next_sibling;
  if (parent->first_child == node) {
    parent->first_child = next;
  } else {
    node->previous_sibling->next_sibling = next;
  }
  if (next) {
    next->previous_sibling = node->previous_sibling;
  } else if (parent->first_child) {
    parent->first_child->previous_sibling = node->previous_sibling;
  }
  if (parent->plus == node) parent->plus = nullptr;
  if (parent->hash == node) parent->hash = nullptr;
  nodes_.erase(nodes_.find(PlaceView(*node->place)));
  const size_t buckets = nodes_.bucket_count();
  if (buckets > 1024 && nodes_.size() < buckets / 8) nodes_.rehash(buckets / 4);  // the table itself does not shrink
}

}  // namespace mqtt_sim::protocol
