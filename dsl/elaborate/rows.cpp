// Trees whose leaves share their first axis: walking their rows.
#include "elaborate/rows.hpp"

#include <fmt/format.h>

namespace metac::dsl {

// What is known while the script is compiled, such as a number of classes, stands beside the rows and has none.
bool stands_beside(const Value& leaf) { return leaf.number() || leaf.get<bool>() || leaf.get<std::string>(); }

// A leaf as a tensor with rows; its path names it in messages.
static Tensor rows_of(Elaborator& e, const Leaf& leaf, Span span) {
  const Tensor t = e.tensor(leaf.value, span);
  if (t.shape().rank() == 0)
    e.fail("E0440", span,
           fmt::format("{} is a scalar, which has no rows",
                       leaf.path.empty() ? std::string("this") : fmt::format("`{}`", leaf.path)));
  return t;
}

Value map_rows(Elaborator& e, const Value& tree, Span span, const std::function<Tensor(const Leaf&, Tensor)>& f) {
  return map_leaves(tree, [&](const Leaf& leaf) -> Value {
    if (!leaf.path.empty() && stands_beside(leaf.value)) return leaf.value;
    return f(leaf, rows_of(e, leaf, span));
  });
}

std::int64_t row_count(Elaborator& e, const Value& tree, Span span) {
  std::string first;
  std::optional<std::int64_t> count;
  map_rows(e, tree, span, [&](const Leaf& leaf, Tensor t) {
    if (count && *count != t.shape()[0])
      e.fail("E0441", span,
             fmt::format("the parts have different numbers of rows: `{}` has {}, `{}` has {}", first, *count, leaf.path,
                         t.shape()[0]));
    if (!count) first = leaf.path, count = t.shape()[0];
    return t;
  });
  if (!count) e.fail("E0442", span, fmt::format("there are no rows in {}", describe(tree)));
  return *count;
}

std::vector<Tensor> sequences_of(Elaborator& e, const Value& tree, Span span) {
  std::vector<Tensor> sequences;
  map_rows(e, tree, span, [&](const Leaf&, Tensor t) { return sequences.emplace_back(t); });
  return sequences;
}

Value with_slices(Elaborator& e, const Value& tree, const std::vector<Tensor>& sequences,
                  const std::vector<Tensor>& slices, Span span) {
  std::size_t next = 0;
  return map_rows(e, tree, span, [&](const Leaf&, Tensor) {
    if (const auto classes = e.classes_of(sequences[next])) e.know_classes(slices[next], *classes);
    return slices[next++];
  });
}

std::int64_t place_of(Elaborator& e, std::int64_t index, std::int64_t size, Span span) {
  if (index < -size || index >= size)
    e.fail("E0339", span, fmt::format("the index {} is outside of {} elements", index, size), "", "indices start at 0");
  return index < 0 ? index + size : index;
}

// Numbers, or lists of them, with each in its place.
static Value places_of(Elaborator& e, const Value& indices, std::int64_t size, Span span) {
  if (indices.list() == nullptr) return place_of(e, e.integer(indices, span, "an index"), size, span);
  std::vector<Value> places;
  for (const auto& index : indices.list()->items) places.push_back(places_of(e, index, size, span));
  return Value::list(std::move(places));
}

Tensor indices_of(Elaborator& e, const Value& indices, std::int64_t size, Span span) {
  if (is_numbers(indices)) return e.tensor(places_of(e, indices, size, span), span);
  const Tensor index = e.tensor(indices, span);
  if (index.dtype() != Dtype::i32)
    e.fail("E0355", span, fmt::format("an index is a whole number, not {}", describe(indices)), "",
           "`cast_int(x)` makes whole numbers of floats");
  return index;
}

Tensor slices_at(Tensor x, Tensor indices, int axis) {
  if (!is_float(x.dtype())) indices = checked_labels(indices, x.shape()[axis]);
  return axis == 0 ? gather(x, indices) : take(x, indices, axis);
}

}  // namespace metac::dsl
