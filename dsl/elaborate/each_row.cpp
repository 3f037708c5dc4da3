// A region of one row, batched over all of them.
#include "elaborate/each_row.hpp"

#include "transform/transform.hpp"

namespace metac::dsl {

Context row_context(Elaborator& self, Tensor index, std::int64_t count) {
  Context context = self.context();
  context.graph = &index.graph();
  context.parameters = nullptr;  // a layer made in here would belong to one row
  if (context.key) context.key = fold_in(context.key, index);
  context.rows.emplace_back(count, index);
  return context;
}

Value each_row(Elaborator& self, const std::vector<Tensor>& sequences, std::int64_t count, const OneRow& one,
               Span span) {
  Graph& outer = self.graph(span);
  auto body = std::make_shared<Graph>(outer);
  const Tensor index = input(*body, {Dtype::i32, {}});
  Region region{body, {index.id()}, {}};
  std::vector<Batched> inputs{{iota(outer, count), true}};
  std::vector<Tensor> slices;
  for (const Tensor& sequence : sequences) {
    slices.push_back(input(*body, {sequence.dtype(), sequence.shape().without(0)}));
    region.inputs.push_back(slices.back().id());
    inputs.push_back({sequence, true});
  }
  std::vector<std::optional<std::int64_t>> classes;
  const Value row = [&] {
    const KnownClasses known(self);
    return map_leaves(one(slices, index), [&](const Leaf& leaf) -> Value {
      const Tensor t = self.tensor(leaf.value, span);
      classes.push_back(self.classes_of(t));
      return &t.graph() == body.get() ? t : body->capture(t);
    });
  }();
  for (const auto& capture : body->captures()) {
    region.inputs.push_back(capture.inner);
    inputs.push_back({capture.outer, false});
  }
  for (const auto& leaf : leaves(row)) region.outputs.push_back(leaf.value.get<Tensor>()->id());
  std::vector<Value> columns;
  for (const auto& [value, batched] : batch(region, inputs, count, outer)) {
    const Tensor column = batched ? value : broadcast_to(value, value.shape().with_front(count));
    if (const auto known = classes[columns.size()]) self.know_classes(column, *known);
    columns.emplace_back(column);
  }
  return with_leaves(row, columns);
}

}  // namespace metac::dsl
