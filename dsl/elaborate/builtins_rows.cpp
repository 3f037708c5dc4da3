// The builtins on rows: trees whose leaves share their first axis (examples of a batch, a buffer of examples).
#include <fmt/format.h>

#include "elaborate/builtin_table.hpp"
#include "elaborate/each_row.hpp"
#include "elaborate/model_memory.hpp"
#include "elaborate/rows.hpp"
#include "transform/transform.hpp"

namespace metac::dsl {
namespace {

using Call = const BuiltinCall&;

Value rows_value(Elaborator& e, Call call) {
  return map_rows(e, call.arguments[0], call.place(0), [&](const Leaf&, Tensor t) {
    const Tensor taken = slices_at(t, indices_of(e, call.arguments[1], t.shape()[0], call.place(1)), 0);
    if (const auto classes = e.classes_of(t)) e.know_classes(taken, *classes);
    return taken;
  });
}

Value with_rows_value(Elaborator& e, Call call) {
  return zip_leaves(call.arguments[0], call.arguments[2], [&](const Value& old, const Value& given) -> Value {
    if (stands_beside(old)) return old;
    const Tensor table = e.tensor(old, call.place(0)), rows = e.tensor(given, call.place(2));
    if (table.shape().rank() == 0)
      e.fail("E0444", call.place(0), fmt::format("{} has no rows to take the place of", to_string(table.type())));
    const Tensor index = indices_of(e, call.arguments[1], table.shape()[0], call.place(1));
    if (index.shape().rank() != 1)
      e.fail("E0443", call.place(1), fmt::format("the indices are {}; a list of them is needed", describe(index)));
    if (rows.shape() != table.shape().without(0).with_front(index.shape()[0]))
      e.fail("E0444", call.place(2),
             fmt::format("rows {} cannot take the place of {} rows of {}", to_string(rows.type()), index.shape()[0],
                         to_string(table.type())));
    return scatter_set(table, rows.dtype() == table.dtype() ? rows : cast(rows, table.dtype()), index);
  });
}

Value rows_like_value(Elaborator& e, Call call) {
  const auto count = e.integer(call.arguments[1], call.place(1), "a number of rows");
  if (count < 1) e.fail("E0445", call.place(1), fmt::format("at least 1 row is needed, not {}", count));
  const Record* tree = call.arguments[0].record();
  if (const Source* source = e.context().source;
      source != nullptr && source->gives_tasks() && tree != nullptr && tree == e.context().example.record())
    e.fail("E0465", call.place(0),
           fmt::format("rows are examples of a data set; {} gives tasks, which are none", source->describe()), "",
           "what keeps examples fits a learner that is trained on batches");
  return map_rows(e, call.arguments[0], call.place(0), [&](const Leaf&, Tensor t) {
    return full(e.graph(call.span), t.shape().without(0).with_front(count), 0, t.dtype());
  });
}

Value as_batch_value(Elaborator& e, Call call) {
  return map_leaves(call.arguments[0], [&](const Leaf& leaf) -> Value {
    if (!leaf.path.empty() && stands_beside(leaf.value)) return leaf.value;
    const Tensor t = e.tensor(leaf.value, call.place(0));
    const Tensor row = reshape(t, t.shape().with_front(1));
    if (const auto classes = e.classes_of(t)) e.know_classes(row, *classes);
    return row;
  });
}

// ---- functions of one row ----

// What `function` makes of one row, in the graph that `index` is an input of; draws have a key for each row.
Value of_one_row(Elaborator& e, const Value& function, const Value& row, Tensor index, std::int64_t count, Span span) {
  WithContext inside(e, row_context(e, index, count));
  return map_leaves(e.call_function(function, {row}, span),
                    [&](const Leaf& leaf) -> Value { return index.graph().capture(e.tensor(leaf.value, span)); });
}

Value with_tensors(const Value& form, const std::vector<Tensor>& tensors) {
  return with_leaves(form, std::vector<Value>(tensors.begin(), tensors.end()));
}

Value map_value(Elaborator& e, Call call) {
  const Value& xs = call.arguments[1];
  const auto count = row_count(e, xs, call.place(1));
  const auto sequences = sequences_of(e, xs, call.place(1));
  const auto one = [&](const std::vector<Tensor>& slices, Tensor index) {
    return of_one_row(e, call.arguments[0], with_slices(e, xs, sequences, slices, call.place(1)), index, count,
                      call.span);
  };
  return each_row(e, sequences, count, one, call.span);
}

// One row after another in a region of its own, whose results are added up as they come.
Value map_sum_value(Elaborator& e, Call call) {
  const Value& xs = call.arguments[1];
  const auto count = row_count(e, xs, call.place(1));
  const auto sequences = sequences_of(e, xs, call.place(1));
  MapBuilder each(e.graph(call.span), sequences, count);
  const KnownClasses known(e);
  const ListeningInRow listening(e.context());
  BodyFlow derivatives(e.flow);
  const Value one = of_one_row(e, call.arguments[0], with_slices(e, xs, sequences, each.slices(), call.place(1)),
                               each.index(), count, call.span);
  std::vector<MapBuilder::Result> results;
  for (const Tensor& t : tensors_of(one))
    results.push_back({t.dtype() == Dtype::boolean ? cast(t, Dtype::i32) : t, MapBuilder::summed});
  if (results.empty())
    e.fail("E0446", call.place(0), fmt::format("the function gives {}, which cannot be summed", describe(one)));
  const std::size_t own = results.size();
  for (const auto& [place, heard] : listening.heard()) results.push_back({heard.value, MapBuilder::summed});
  std::vector<BodyFlow::Input> ends;
  for (std::size_t i = 0; i < sequences.size(); ++i) ends.push_back({each.slices()[i], sequences[i], {}});
  derivatives.end(each.graph(), ends);
  const NodeId begin = e.graph(call.span).size();
  auto sums = each.close(results);
  derivatives.run_by(e.graph(call.span), begin);
  std::vector<Tensor> means;
  for (std::size_t i = own; i < sums.size(); ++i) means.push_back(sums[i] / static_cast<double>(count));
  listening.tell(means, count);
  sums.resize(own);
  return with_tensors(one, sums);
}

// ---- drawn indices ----

Value draw_distinct_value(Elaborator& e, Call call) {
  const auto count = e.integer(call.arguments[0], call.place(0), "a number of rows");
  const auto among = e.integer(call.arguments[1], call.place(1), "a number of rows");
  if (count < 1 || count > among)
    e.fail("E0447", call.span, fmt::format("{} different rows of {} cannot be drawn", count, among), "",
           "from 1 to as many as there are; with `among` rows are drawn again and again");
  return distinct(e.current_key(call.span), among, count);
}

Value draw_integers_value(Elaborator& e, Call call) {
  const Shape shape = e.shape(call.arguments[0], call.place(0));
  if (const auto limit = call.arguments[1].number(); limit && *limit < 1)
    e.fail("E0448", call.place(1), fmt::format("there are no whole numbers from 0 that are below {}", *limit));
  const Tensor limit = e.tensor(call.arguments[1], call.place(1));
  if (limit.dtype() != Dtype::i32)
    e.fail("E0355", call.place(1), fmt::format("a limit of whole numbers is one, not {}", describe(call.arguments[1])),
           "", "`cast_int(x)` makes whole numbers of floats");
  return random_below(e.current_key(call.span), broadcast_to(limit, shape));
}

}  // namespace

void add_row_builtins(std::map<std::string, BuiltinFunction, std::less<>>& table) {
  table["row_count"] = [](Elaborator& e, Call call) -> Value { return row_count(e, call.arguments[0], call.place(0)); };
  table["rows"] = rows_value;
  table["with_rows"] = with_rows_value;
  table["rows_like"] = rows_like_value;
  table["as_batch"] = as_batch_value;
  table["map"] = map_value;
  table["map_sum"] = map_sum_value;
  table["draw_distinct"] = draw_distinct_value;
  table["draw_integers"] = draw_integers_value;
}

}  // namespace metac::dsl
