// The builtins that steer what is computed: loops that hand on a state, branches, what derivatives compute again, and
// derivatives of one's own. Each is one node of the engine (ops/control.hpp).
#include <fmt/format.h>

#include <limits>

#include "elaborate/builtin_table.hpp"
#include "elaborate/choice.hpp"
#include "elaborate/each_row.hpp"
#include "elaborate/model_memory.hpp"
#include "elaborate/rows.hpp"
#include "elaborate/tensor_form.hpp"
#include "ops/control.hpp"

namespace metac::dsl {
namespace {

using Call = const BuiltinCall&;

constexpr std::int64_t most_steps = std::numeric_limits<std::int32_t>::max();

// ---- what all bodies share ----

// The context of one step of `count`. Layers in it belong to the model around.
Context step_context(Elaborator& e, Tensor index, std::int64_t count) {
  Context context = row_context(e, index, count);
  context.parameters = e.context().parameters;
  return context;
}

// The layers that a body applies were made before it: those that are made in it would be others in each step. Where a
// model is initialised they are drawn by a turn that stands outside of the loop.
class Layers {
 public:
  explicit Layers(Elaborator& e) : self_(e) {}
  void draw(const std::function<void()>& turn) {
    if (!initialising()) return;
    {
      WithContext as_it_was(self_, self_.context());
      turn();
    }
    known_ = self_.context().parameters->children.size();
  }
  void check(const char* name) const {
    if (!initialising() || self_.context().parameters->children.size() == known_) return;
    self_.fail("E0348", self_.context().parameters->children.back().span,
               fmt::format("a layer is made in a step of `{}`: it would be another one in each step", name), "",
               "bind it with `let` before, and apply it in the step");
  }

 private:
  bool initialising() const {
    const ParameterFrame* frame = self_.context().parameters;
    return frame != nullptr && frame->initialising;
  }
  Elaborator& self_;
  std::size_t known_ = 0;
};

// What models assign to their memory, where it is not known whether or how often that is computed.
class NothingHeard {
 public:
  NothingHeard(Elaborator& e, const char* name, Span span)
      : self_(e),
        name_(name),
        span_(span),
        listens_(e.context().log != nullptr),
        listening_(e.context(), listens_ ? &log_ : nullptr, e.context().observing) {}
  void check() const {
    if (!log_.means().empty())
      self_.fail(
          "E0348", span_,
          fmt::format("a layer remembers statistics in `{}`, and it is not known how often that is computed", name_),
          "", "call it with `evaluating(net)`, or outside");
  }

 private:
  Elaborator& self_;
  const char* name_;
  Span span_;
  bool listens_;
  MemoryLog log_;
  Listening listening_;
};

// A condition on tensors: one, that holds or does not.
Tensor scalar_condition(Elaborator& e, const Value& value, Span span, const char* name) {
  const Tensor* t = value.get<Tensor>();
  if (value.get<bool>() != nullptr || (t != nullptr && t->type() == Type{Dtype::boolean, {}}))
    return e.tensor(value, span);
  e.fail("E0346", span,
         fmt::format("the condition of `{}` is one that holds or does not; this is {}", name, describe(value)), "",
         t != nullptr && t->dtype() == Dtype::boolean ? "`any(..)` or `all(..)` makes one of many"
                                                      : "such as `norm(r) > 1e-6`");
}

// What is built in a graph of its own, inside of the one at hand. What it uses of this one it takes as inputs, so that
// nothing but them is computed outside.
class Inside {
 public:
  explicit Inside(Graph& outer) : graph_(std::make_shared<Graph>(outer)) {}
  Graph& graph() const { return *graph_; }

  template <class F>
  auto build(Elaborator& e, F&& f) const {
    Context& context = e.context();
    struct Restore {
      Context& context;
      Graph* const graph = context.graph;
      Graph* const inside = context.inside;
      const Tensor key = context.key;
      ~Restore() { context.graph = graph, context.inside = inside, context.key = key; }
    } restore{context};
    context.graph = context.inside = graph_.get();
    if (context.key) context.key = graph_->capture(context.key);
    return f();
  }
  std::vector<Tensor> used() const {
    std::vector<Tensor> outer;
    for (const auto& capture : graph_->captures()) outer.push_back(capture.outer);
    return outer;
  }
  // Values of the graph again, made of others: of `own`, inputs of the graph, and of what it used.
  std::vector<Tensor> again(const std::vector<Tensor>& values, std::span<const Tensor> own,
                            std::span<const Tensor> own_now, std::span<const Tensor> used_now, Graph& into) const {
    std::vector<NodeId> from, outputs;
    std::vector<Tensor> to(own_now.begin(), own_now.end());
    for (const Tensor& t : own) from.push_back(t.id());
    for (const auto& capture : graph_->captures()) from.push_back(capture.inner);
    to.insert(to.end(), used_now.begin(), used_now.end());
    for (const Tensor& t : values) outputs.push_back(t.id());
    return replay(*graph_, from, to, outputs, into);
  }

 private:
  std::shared_ptr<Graph> graph_;
};

// ---- loops ----

TensorForm state_of(Elaborator& e, const char* name, const Value& start, Span span) {
  return {e,
          {"E0344", fmt::format("the state of `{}`", name), "begins as", "a step gives", "this gives the next state",
           "a step gives a state of the form and shape that it gets"},
          start,
          span};
}

// A step's pair: the next state, and what is kept of the step.
std::pair<Value, Value> state_and_output(Elaborator& e, const Value& given, Span step) {
  const Record* pair = given.record();
  if (pair == nullptr || pair->fields.size() != 2 || !pair->fields.front().first.empty())
    e.fail("E0343", step,
           fmt::format("a step of `scan` gives the next state and an output; this one gives {}", describe(given)), "",
           "return `(state, output)`; where nothing is to be kept, `(state, none)`");
  return {pair->fields[0].second, pair->fields[1].second};
}

std::vector<MapBuilder::Result> results_of(const Value& output, const HeardByPlace& heard) {
  std::vector<MapBuilder::Result> results;
  for (const auto& leaf : leaves(output))
    if (const Tensor* t = leaf.value.get<Tensor>()) results.push_back({*t});
  for (const auto& [place, value] : heard) results.push_back({value.value, MapBuilder::summed});
  return results;
}

// The inputs of a body that stand for something outside of it.
std::vector<BodyFlow::Input> ends(std::span<const Tensor> inner, std::span<const Tensor> outer,
                                  std::span<const Tensor> next = {}) {
  std::vector<BodyFlow::Input> inputs;
  for (std::size_t i = 0; i < inner.size(); ++i)
    inputs.push_back({inner[i], outer[i], next.empty() ? Tensor() : next[i]});
  return inputs;
}

Value scan_value(Elaborator& e, Call call) {
  const Value &step = call.arguments[0], &xs = call.arguments[2];
  if (xs.number())
    e.fail("E0440", call.place(2), "a number has no rows", "", "for so many steps: `iota(n)`, the numbers 0 .. n - 1");
  const auto count = row_count(e, xs, call.place(2));
  const auto sequences = sequences_of(e, xs, call.place(2));
  const TensorForm state = state_of(e, "scan", call.arguments[1], call.place(1));
  const auto every = e.integer(call.arguments[3], call.place(3), "`recompute_every`", 0, most_steps);
  const auto stepped = [&](std::span<const Tensor> carries, const std::vector<Tensor>& slices) {
    const Value x = with_slices(e, xs, sequences, slices, call.place(2));
    return e.call_function(step, {state.with(carries), x}, call.span);
  };
  Layers layers(e);
  if (count > 0)
    layers.draw([&] {
      std::vector<Tensor> first;
      for (const Tensor& sequence : sequences) first.push_back(index_axis(sequence, 0, 0));
      stepped(state.tensors(), first);
    });

  Graph& outer = e.graph(call.span);
  ScanBuilder steps(outer, state.tensors(), sequences, count);
  const KnownClasses known(e);
  const ListeningInRow listening(e.context());
  BodyFlow derivatives(e.flow);
  std::vector<Tensor> next;
  const Value output = [&] {
    WithContext inside(e, step_context(e, steps.index(), count));
    const auto [after, kept] = state_and_output(e, stepped(steps.carries(), steps.slices()), call.place(0));
    layers.check("scan");
    next = state.same(after, call.place(0));
    return map_leaves(kept, [&](const Leaf& leaf) -> Value {
      return leaf.value.is_none() ? leaf.value : Value(e.tensor(leaf.value, call.place(0)));
    });
  }();
  auto inputs = ends(steps.slices(), sequences);
  const auto carries = ends(steps.carries(), state.tensors(), next);
  inputs.insert(inputs.end(), carries.begin(), carries.end());
  derivatives.end(steps.graph(), inputs);
  const NodeId begin = outer.size();
  const auto closed =
      e.guarded(call.span, {}, [&] { return steps.close(next, results_of(output, listening.heard()), every); });
  derivatives.run_by(outer, begin);

  std::size_t at = 0;
  const Value outputs = map_leaves(output, [&](const Leaf& leaf) -> Value {
    return leaf.value.is_none() ? leaf.value : Value(closed.results[at++]);
  });
  std::vector<Tensor> means;
  while (at < closed.results.size()) means.push_back(closed.results[at++] / static_cast<double>(count));
  if (count > 0) listening.tell(means, count);
  return Value::tuple({state.with(closed.carries), outputs});
}

// A turn counter goes along as the first value: draws have a key for each turn.
Value while_value(Elaborator& e, Call call) {
  const TensorForm state = state_of(e, "while", call.arguments[2], call.place(2));
  const auto most = e.integer(call.arguments[3], call.place(3), "`at_most`", 0, most_steps);
  const auto every = e.integer(call.arguments[4], call.place(4), "`recompute_every`", 0, most_steps);
  Graph& outer = e.graph(call.span);
  const auto number = [](Graph& graph, double value) { return constant(graph, value, Dtype::i32); };
  const auto holds = [&](TensorList values) {
    WithContext inside(e, step_context(e, values[0], most));
    const Value value = e.call_function(call.arguments[0], {state.with(values.subspan(1))}, call.span);
    return scalar_condition(e, value, call.place(0), "while");
  };
  const auto stepped = [&](TensorList values) {
    WithContext inside(e, step_context(e, values[0], most));
    return state.same(e.call_function(call.arguments[1], {state.with(values.subspan(1))}, call.span), call.place(1));
  };
  std::vector<Tensor> initial{number(outer, 0)};
  initial.insert(initial.end(), state.tensors().begin(), state.tensors().end());
  Layers layers(e);
  layers.draw([&] { holds(initial), stepped(initial); });

  const KnownClasses known(e);
  const NothingHeard nothing(e, "while", call.span);
  BodyFlow derivatives(e.flow);
  NodeId begin = 0;
  const auto last = while_loop(
      holds,
      [&](TensorList values) {
        auto next = stepped(values);
        layers.check("while");
        const Tensor turn = e.guarded(call.span, {}, [&] { return values[0] + number(values[0].graph(), 1); });
        next.insert(next.begin(), turn);
        derivatives.end(values[0].graph(), ends(values, initial, next));
        begin = outer.size();
        return next;
      },
      initial, most, every);
  derivatives.run_by(outer, begin);
  nothing.check();
  return state.with(std::span(last).subspan(1));
}

// ---- branches ----

// One side: its value, of tensors, in a graph of its own.
struct Side {
  Inside inside;
  Value value;
  std::vector<Tensor> tensors;
  BodyFlow derivatives;

  Side(Elaborator& e, const Value& function, Span place, Span span) : inside(e.graph(span)), derivatives(e.flow) {
    const KnownClasses known(e);
    value = inside.build(e, [&] {
      return map_leaves(e.call_function(function, {}, span), [&](const Leaf& leaf) -> Value {
        if (leaf.value.is_none()) return leaf.value;
        return tensors.emplace_back(inside.graph().capture(e.tensor(leaf.value, place)));
      });
    });
    derivatives.end(inside.graph(), {});
  }
};

// The same types on both sides: the wider of each two. Failure where the forms or shapes differ.
void fit_sides(Elaborator& e, Side& a, Side& b, Call call) {
  const auto refuse = [&](const std::string& path, const std::string& left, const std::string& right) {
    e.fail(
        "E0347", call.span,
        fmt::format("the sides of `branch` give different forms{}", path.empty() ? "" : fmt::format(" at `{}`", path)),
        "", "both sides give tensors of one form and shape",
        {{call.place(1), fmt::format("this gives {}", left)}, {call.place(2), fmt::format("this gives {}", right)}});
  };
  const auto left = places(a.value), right = places(b.value);
  std::size_t at = 0;
  for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
    const bool both = i < std::min(left.size(), right.size()) && left[i].first == right[i].first;
    if (!both || taken_out(left[i].second).is_none() != taken_out(right[i].second).is_none())
      refuse("", describe(a.value), describe(b.value));
    if (taken_out(left[i].second).is_none()) continue;
    Tensor &x = a.tensors[at], &y = b.tensors[at];
    ++at;
    if (x.shape() != y.shape()) refuse(left[i].first, to_string(x.type()), to_string(y.type()));
    const Dtype wider = e.same_type(x, full(x.graph(), {}, 0, y.dtype())).first.dtype();
    x = cast(x, wider), y = cast(y, wider);
  }
}

Value branch_value(Elaborator& e, Call call) {
  const Value& condition = call.arguments[0];
  if (condition.get<bool>() != nullptr || condition.get<Unmeasured>() != nullptr)
    return e.call_function(call.arguments[e.condition(condition, call.place(0)) ? 1 : 2], {}, call.span);
  const Tensor holds = scalar_condition(e, condition, call.place(0), "branch");
  Graph& outer = e.graph(call.span);
  const NothingHeard nothing(e, "branch", call.span);
  Layers layers(e);
  layers.draw([&] {
    e.call_function(call.arguments[1], {}, call.span);
    e.call_function(call.arguments[2], {}, call.span);
  });
  Side a(e, call.arguments[1], call.place(1), call.span), b(e, call.arguments[2], call.place(2), call.span);
  layers.check("branch");
  nothing.check();
  fit_sides(e, a, b, call);
  auto inputs = a.inside.used();
  const std::size_t own = inputs.size();
  for (const Tensor& t : b.inside.used()) inputs.push_back(t);
  inputs.push_back(holds);  // there is one at least
  const NodeId begin = outer.size();
  const auto yes = [&](TensorList in) { return a.inside.again(a.tensors, {}, {}, in.first(own), in[0].graph()); };
  const auto no = [&](TensorList in) {
    return b.inside.again(b.tensors, {}, {}, in.subspan(own, in.size() - own - 1), in[0].graph());
  };
  const auto results = e.guarded(call.span, {}, [&] { return metac::branch(holds, yes, no, inputs); });
  a.derivatives.run_by(outer, begin);
  b.derivatives.run_by(outer, begin);
  std::size_t next = 0;
  return map_leaves(
      a.value, [&](const Leaf& leaf) -> Value { return leaf.value.is_none() ? leaf.value : Value(results[next++]); });
}

// ---- derivatives of one's own ----

// The rule is built once, beside its function, in a graph of its own whose inputs are x, f(x) and the cotangent; what
// it uses besides goes along as further arguments that no derivative reaches.
Value custom_gradient_value(Elaborator& e, Call call) {
  const Value &forward = call.arguments[0], &backward = call.arguments[1];
  const auto form = [&](const char* whole, const Value& value, Span span) {
    return TensorForm(e,
                      {"E0349", whole, "is", "`backward` gives", "this gives its cotangent",
                       "`backward(x, y, g)` gives a tensor for each of x, in its shape"},
                      value, span);
  };
  const auto place = [&](std::size_t argument) {  // that of a function: arguments of the first list have none here
    const Callable* function = call.arguments[argument].callable();
    return function != nullptr && function->span.end > function->span.begin ? function->span : call.span;
  };
  const TensorForm x = form("`x` of `custom_gradient`", call.arguments[2], call.place(2));
  const Value y = e.call_function(forward, {x.with(x.tensors())}, call.span);
  const TensorForm result = form("what `forward` gives", y, place(0));
  const Inside rule(e.graph(call.span));
  std::vector<Tensor> own;
  const auto inputs_like = [&](const TensorForm& like) {
    std::vector<Tensor> fresh;
    for (const Tensor& t : like.tensors()) fresh.push_back(own.emplace_back(input(rule.graph(), t.type())));
    return like.with(fresh);
  };
  const auto cotangents = rule.build(e, [&] {
    const Listening nobody(e.context(), nullptr, e.context().observing);
    const KnownClasses known(e);
    const Value in = inputs_like(x), out = inputs_like(result), cotangent = inputs_like(result);
    auto given = x.same(e.call_function(backward, {in, out, cotangent}, call.span), place(1));
    for (Tensor& t : given) t = rule.graph().capture(t);
    return given;
  });
  std::vector<Tensor> inputs = x.tensors();
  for (const Tensor& t : rule.used()) inputs.push_back(t);
  const auto vjp = [rule, cotangents, own, count = x.tensors().size()](TensorList in, TensorList out, TensorList ct) {
    std::vector<Tensor> now(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(count));
    now.insert(now.end(), out.begin(), out.end());
    now.insert(now.end(), ct.begin(), ct.end());
    auto given = rule.again(cotangents, own, now, in.subspan(count), in[0].graph());
    given.resize(in.size());  // none for what the rule uses besides
    return given;
  };
  return result.with(custom_vjp([&](TensorList) { return result.tensors(); }, vjp, inputs));
}

}  // namespace

// ---- what derivatives compute again ----

Value Elaborator::recomputed(const std::function<Value()>& call, Span span) {
  Graph& outer = graph(span);
  const Inside inside(outer);
  const KnownClasses known(*this);
  const ListeningInRow listening(context_);
  BodyFlow derivatives(flow);
  const Value value = inside.build(*this, call);
  derivatives.end(inside.graph(), {});
  std::vector<Tensor> made;
  const auto is_inner = [&](Tensor t) { return &t.graph() == &inside.graph(); };
  map_tensors(value, [&](Tensor t) {
    if (is_inner(t)) made.push_back(t);
    return t;
  });
  for (const auto& [place, heard] : listening.heard()) made.push_back(inside.graph().capture(heard.value));
  for (const auto& leaf : leaves(value))
    if (leaf.value.callable() != nullptr)
      fail("E0345", span,
           fmt::format("what is computed again gives numbers and tensors, not {}", describe(leaf.value)));
  const auto used = inside.used();
  const auto again = [&](TensorList in) { return inside.again(made, {}, {}, in, in.empty() ? outer : in[0].graph()); };
  const NodeId begin = outer.size();
  const auto results =
      guarded(span, {}, [&] { return used.empty() || made.empty() ? again(used) : checkpoint(again, used); });
  derivatives.run_by(outer, begin);
  std::size_t next = 0;
  const Value result = map_tensors(value, [&](Tensor t) { return is_inner(t) ? results[next++] : t; });
  listening.tell({results.begin() + static_cast<std::ptrdiff_t>(next), results.end()}, 1);
  return result;
}

void add_control_builtins(std::map<std::string, BuiltinFunction, std::less<>>& table) {
  table["scan"] = scan_value;
  table["while"] = while_value;
  table["branch"] = branch_value;
  table["custom_gradient"] = custom_gradient_value;
}

}  // namespace metac::dsl
