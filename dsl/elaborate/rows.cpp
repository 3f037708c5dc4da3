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

}  // namespace metac::dsl
