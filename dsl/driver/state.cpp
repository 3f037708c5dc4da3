// The parts of a training's state by name, for copying and comparing.
#include "driver/state.hpp"

#include <algorithm>

namespace metac::dsl {
namespace {

void list_tree(const std::string& prefix, const Value& tree, std::vector<std::pair<std::string, Array>>& out) {
  if (tree.is_none()) return;
  for (const auto& leaf : leaves(tree)) out.emplace_back(prefix + "." + leaf.path, *leaf.value.get<Array>());
}

}  // namespace

std::vector<std::pair<std::string, Array>> TrainState::list() const {
  std::vector<std::pair<std::string, Array>> parts;
  list_tree("learner", learner, parts);
  list_tree("optimizer", optimizer, parts);
  const std::int32_t words[] = {static_cast<std::int32_t>(key.a), static_cast<std::int32_t>(key.b)};
  parts.emplace_back("key", Array::from<std::int32_t>(Shape{2}, words));
  parts.emplace_back("step", Array::scalar<double>(static_cast<double>(step)));
  return parts;
}

Value cloned(const Value& tree) {
  if (tree.is_none()) return tree;
  return map_leaves(tree, [](const Leaf& leaf) -> Value { return leaf.value.get<Array>()->clone(); });
}

TrainState TrainState::copy() const { return {cloned(learner), cloned(optimizer), key, step}; }

std::string difference(const TrainState& a, const TrainState& b) {
  const auto left = a.list(), right = b.list();
  for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i)
    if (left[i].first != right[i].first || !same_bits(left[i].second, right[i].second)) return left[i].first;
  if (left.size() != right.size())
    return (left.size() > right.size() ? left : right)[std::min(left.size(), right.size())].first;
  return "";
}

}  // namespace metac::dsl
