// A region of one row, batched over all of them.
#include "elaborate/each_row.hpp"

#include "elaborate/model_memory.hpp"
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
  const ListeningInRow listening(self.context());
  BodyFlow derivatives(self.flow);
  const Tensor index = input(*body, {Dtype::i32, {}});
  Region region{body, {index.id()}, {}};
  std::vector<Batched> inputs{{iota(outer, count), true}};
  std::vector<Tensor> slices;
  for (const Tensor& sequence : sequences) {
    slices.push_back(input(*body, {sequence.dtype(), sequence.shape().without(0)}));
    region.inputs.push_back(slices.back().id());
    inputs.push_back({sequence, true});
  }
  const auto in_body = [&](Tensor t) { return &t.graph() == body.get() ? t : body->capture(t); };
  std::vector<std::optional<std::int64_t>> classes;
  const Value row = [&] {
    const KnownClasses known(self);
    return map_leaves(one(slices, index), [&](const Leaf& leaf) -> Value {
      const Tensor t = self.tensor(leaf.value, span);
      classes.push_back(self.classes_of(t));
      return in_body(t);
    });
  }();
  std::vector<Tensor> outputs = tensors_of(row);
  for (const auto& [place, heard] : listening.heard()) outputs.push_back(in_body(heard.value));
  for (const auto& capture : body->captures()) {
    region.inputs.push_back(capture.inner);
    inputs.push_back({capture.outer, false});
  }
  for (const Tensor& output : outputs) region.outputs.push_back(output.id());
  std::vector<BodyFlow::Input> ends;
  for (std::size_t i = 0; i < slices.size(); ++i) ends.push_back({slices[i], sequences[i], {}});
  derivatives.end(*body, ends);
  derivatives.run_by(outer, outer.size());  // no node runs the body: its nodes are copied
  std::vector<Value> columns;
  std::vector<Tensor> means;
  for (const auto& [value, batched] : batch(region, inputs, count, outer)) {
    if (columns.size() == classes.size()) {
      means.push_back(batched ? mean(value, {0}) : value);
      continue;
    }
    const Tensor column = batched ? value : broadcast_to(value, value.shape().with_front(count));
    if (const auto known = classes[columns.size()]) self.know_classes(column, *known);
    columns.emplace_back(column);
  }
  listening.tell(means, count);
  return with_leaves(row, columns);
}

}  // namespace metac::dsl
