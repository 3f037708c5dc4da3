// The parts of a training's state by name, for copying, comparing and keeping.
#include "driver/state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/error.hpp"

namespace metac::dsl {
namespace {

void append(NamedArrays& parts, NamedArrays more) {
  parts.insert(parts.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
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

const Array* find(const NamedArrays& parts, const std::string& name) {
  const auto at = std::find_if(parts.begin(), parts.end(), [&](const auto& part) { return part.first == name; });
  return at != parts.end() ? &at->second : nullptr;
}

namespace {

// Calls f(byte of `old`, byte of `grown`, bytes) for each run along the last axis.
template <class F>
void runs(const Array& old, const Array& grown, const F& f) {
  const Shape &a = old.shape(), &b = grown.shape();
  const int rank = a.rank();
  const std::size_t size = old.elements() == 0 ? 0 : old.bytes() / static_cast<std::size_t>(old.elements());
  const std::int64_t length = rank == 0 ? 1 : a[rank - 1];
  if (length == 0) return;
  for (std::int64_t run = 0; run < old.elements() / length; ++run) {
    std::int64_t rest = run, place = 0, stride = rank == 0 ? 1 : b[rank - 1];
    for (int axis = rank - 2; axis >= 0; --axis) {
      place += rest % a[axis] * stride;
      rest /= a[axis];
      stride *= b[axis];
    }
    f(static_cast<std::size_t>(run * length) * size, static_cast<std::size_t>(place) * size,
      static_cast<std::size_t>(length) * size);
  }
}

}  // namespace

bool fits_first(const Array& old, const Array& grown) {
  if (old.dtype() != grown.dtype() || old.shape().rank() != grown.shape().rank()) return false;
  for (int axis = 0; axis < old.shape().rank(); ++axis)
    if (old.shape()[axis] > grown.shape()[axis]) return false;
  return true;
}

bool is_first(const Array& old, const Array& grown) {
  bool same = true;
  runs(old, grown, [&](std::size_t from, std::size_t to, std::size_t bytes) {
    same &= std::memcmp(static_cast<const char*>(old.data()) + from, static_cast<const char*>(grown.data()) + to,
                        bytes) == 0;
  });
  return same;
}

void put_first(const Array& old, Array& grown) {
  runs(old, grown, [&](std::size_t from, std::size_t to, std::size_t bytes) {
    std::memcpy(static_cast<char*>(grown.data()) + to, static_cast<const char*>(old.data()) + from, bytes);
  });
}

NamedArrays parts_of(const std::string& name, const Value& tree) {
  NamedArrays parts;
  if (!tree.is_none())
    for (const auto& leaf : leaves(tree)) parts.emplace_back(name + "." + leaf.path, *leaf.value.get<Array>());
  return parts;
}

std::string misfit(const Value& form, const std::string& name, const NamedArrays& parts) {
  std::vector<std::string> wrong, known;
  if (!form.is_none())
    for (const auto& leaf : leaves(form)) {
      const std::string& path = known.emplace_back(name + "." + leaf.path);
      const Array* array = find(parts, path);
      const Type& needed = leaf.value.get<Array>()->type();
      if (array == nullptr)
        wrong.push_back(fmt::format("`{}` {} is missing", path, to_string(needed.shape)));
      else if (array->dtype() == needed.dtype && !(array->shape() == needed.shape))
        wrong.push_back(
            fmt::format("`{}` is {}, {} is needed", path, to_string(array->shape()), to_string(needed.shape)));
      else if (!(array->type() == needed))
        wrong.push_back(fmt::format("`{}` is {}, {} is needed", path, to_string(array->type()), to_string(needed)));
    }
  for (const auto& [path, array] : parts)
    if (wrong.empty() && path.starts_with(name + ".") && std::find(known.begin(), known.end(), path) == known.end())
      wrong.push_back(fmt::format("`{}` {} is not there", path, to_string(array.shape())));
  constexpr std::size_t most = 4;
  const std::size_t count = wrong.size();
  if (count > most) wrong.resize(most);
  return fmt::format("{}{}", fmt::join(wrong, "; "), count > most ? fmt::format("; and {} more", count - most) : "");
}

Value taken(const Value& form, const std::string& name, const NamedArrays& parts, const std::string& from) {
  if (const auto wrong = misfit(form, name, parts); !wrong.empty())
    throw Error(fmt::format("{} is of another model: {}", from, wrong));
  if (form.is_none()) return form;
  return map_leaves(form, [&](const Leaf& leaf) -> Value { return *find(parts, name + "." + leaf.path); });
}

NamedArrays TrainState::list() const {
  NamedArrays parts = parts_of("learner", learner);
  append(parts, parts_of("optimizer", optimizer));
  append(parts, parts_of("source", source));
  append(parts, parts_of("best", best));
  append(parts, parts_of("best_optimizer", best_optimizer));
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
  TrainState whole = *this;  // all of it or nothing
  whole.learner = taken(learner, "learner", parts, from);
  whole.optimizer = taken(optimizer, "optimizer", parts, from);
  whole.source = taken(source, "source", parts, from);
  whole.best = taken(best, "best", parts, from);
  whole.best_optimizer = taken(best_optimizer, "best_optimizer", parts, from);
  whole.step = static_cast<std::int64_t>(number(parts, "step", real_type, from).at(0));
  whole.best_value = number(parts, "best_value", real_type, from).at(0);
  whole.best_step = static_cast<std::int64_t>(number(parts, "best_step", real_type, from).at(0));
  *this = std::move(whole);
}

Value widened(const Value& tree, Dtype real) {
  if (tree.is_none() || real != Dtype::f64) return tree;
  return map_leaves(tree, [](const Leaf& leaf) -> Value {
    const Array& array = *leaf.value.get<Array>();
    if (array.dtype() != Dtype::f32) return leaf.value;
    Array wide(Type{Dtype::f64, array.shape()});
    std::copy_n(array.as<float>().begin(), array.elements(), wide.as<double>().begin());
    return wide;
  });
}

Value without_values(const Value& tree) {
  if (tree.is_none()) return tree;
  return map_leaves(tree, [](const Leaf& leaf) -> Value { return Array(leaf.value.get<Array>()->type(), nullptr); });
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
  state.best_optimizer = cloned(best_optimizer);
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
