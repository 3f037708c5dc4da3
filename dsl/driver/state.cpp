// The parts of a training's state by name, for copying, comparing and keeping.
#include "driver/state.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"

namespace metac::dsl {
namespace {

void append(NamedArrays& parts, NamedArrays more) {
  parts.insert(parts.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

const Array* find(const NamedArrays& parts, const std::string& name) {
  const auto at = std::find_if(parts.begin(), parts.end(), [&](const auto& part) { return part.first == name; });
  return at != parts.end() ? &at->second : nullptr;
}

// One number by name, of exactly this type and form.
const Array& number(const NamedArrays& parts, const char* name, const Type& type, const std::string& from) {
  const Array* array = find(parts, name);
  if (array == nullptr || !(array->type() == type))
    throw Error(fmt::format("{}: `{}` should be {}, it is {}", from, name, to_string(type),
                            array != nullptr ? to_string(array->type()) : "missing"));
  return *array;
}

const Type key_type{Dtype::i32, Shape{2}}, real_type{Dtype::f64, Shape{}};

}  // namespace

NamedArrays parts_of(const std::string& name, const Value& tree) {
  NamedArrays parts;
  if (!tree.is_none())
    for (const auto& leaf : leaves(tree)) parts.emplace_back(name + "." + leaf.path, *leaf.value.get<Array>());
  return parts;
}

Value taken(const Value& form, const std::string& name, const NamedArrays& parts, const std::string& from) {
  if (form.is_none()) return form;
  std::vector<std::string> wrong;
  std::size_t used = 0;
  const Value result = map_leaves(form, [&](const Leaf& leaf) -> Value {
    const std::string path = name + "." + leaf.path;
    const Array* array = find(parts, path);
    const Type& needed = leaf.value.get<Array>()->type();
    if (array == nullptr)
      wrong.push_back(fmt::format("`{}` {} is missing", path, to_string(needed)));
    else if (!(array->type() == needed))
      wrong.push_back(fmt::format("`{}` is {}, {} is needed", path, to_string(array->type()), to_string(needed)));
    else
      return ++used, array->clone();
    return leaf.value;
  });
  if (wrong.empty())
    for (const auto& [path, array] : parts)
      if (path.starts_with(name + ".") && used > 0) {
        const auto known = leaves(form);
        if (std::none_of(known.begin(), known.end(), [&](const Leaf& leaf) { return name + "." + leaf.path == path; }))
          wrong.push_back(fmt::format("`{}` {} is not there", path, to_string(array.type())));
      }
  if (wrong.empty()) return result;
  constexpr std::size_t most = 4;
  const std::size_t count = wrong.size();
  if (count > most) wrong.resize(most);
  throw Error(fmt::format("{} is of another model: {}{}", from, fmt::join(wrong, "; "),
                          count > most ? fmt::format("; and {} more", count - most) : ""));
}

NamedArrays TrainState::list() const {
  NamedArrays parts = parts_of("learner", learner);
  append(parts, parts_of("optimizer", optimizer));
  append(parts, parts_of("source", source));
  append(parts, parts_of("best", best));
  const std::int32_t words[] = {static_cast<std::int32_t>(key.a), static_cast<std::int32_t>(key.b)};
  parts.emplace_back("key", Array::from<std::int32_t>(Shape{2}, words));
  parts.emplace_back("step", Array::scalar<double>(static_cast<double>(step)));
  parts.emplace_back("best_value", Array::scalar<double>(best_value));
  parts.emplace_back("best_step", Array::scalar<double>(static_cast<double>(best_step)));
  return parts;
}

void TrainState::take(const NamedArrays& parts, const std::string& from) {
  const auto words = number(parts, "key", key_type, from).as<std::int32_t>();
  if (words[0] != static_cast<std::int32_t>(key.a) || words[1] != static_cast<std::int32_t>(key.b))
    throw Error(fmt::format("{}: it belongs to another training, its key is another", from));
  learner = taken(learner, "learner", parts, from);
  optimizer = taken(optimizer, "optimizer", parts, from);
  source = taken(source, "source", parts, from);
  best = taken(best, "best", parts, from);
  step = static_cast<std::int64_t>(number(parts, "step", real_type, from).at(0));
  best_value = number(parts, "best_value", real_type, from).at(0);
  best_step = static_cast<std::int64_t>(number(parts, "best_step", real_type, from).at(0));
}

Value cloned(const Value& tree) {
  if (tree.is_none()) return tree;
  return map_leaves(tree, [](const Leaf& leaf) -> Value { return leaf.value.get<Array>()->clone(); });
}

TrainState TrainState::copy() const {
  TrainState state = *this;
  state.learner = cloned(learner);
  state.optimizer = cloned(optimizer);
  state.source = cloned(source);
  state.best = cloned(best);
  return state;
}

std::string difference(const TrainState& a, const TrainState& b) {
  const auto left = a.list(), right = b.list();
  for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i)
    if (left[i].first != right[i].first || !same_bits(left[i].second, right[i].second)) return left[i].first;
  if (left.size() != right.size())
    return (left.size() > right.size() ? left : right)[std::min(left.size(), right.size())].first;
  return "";
}

}  // namespace metac::dsl
