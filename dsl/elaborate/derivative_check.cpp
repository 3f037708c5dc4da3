// Elaborates objectives once more and puts their variables on a line. The derivatives are taken by the same functions
// as in training.
#include "elaborate/derivative_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "elaborate/flow_check.hpp"
#include "elaborate/model_memory.hpp"
#include "elaborate/procedure.hpp"
#include "transform/flow.hpp"

namespace metac::dsl {
namespace {

constexpr int line_stream = 4, cotangent_stream = 5;  // of a procedure's key, beside those of procedure.hpp

// What a learner says of an item, with variables for what it learns.
struct Said {
  std::vector<Tensor> at, variables;
  std::vector<std::string> names;
  FlowLog flow;
  Tensor objective;
  std::vector<Tensor> direction;
};

Said said_of(Elaborator& self, const Learner& learner, const Value& state, const Value& item, Span span) {
  Said said;
  Graph& graph = self.graph(span);
  const Value weights = map_leaves(listened(learned(learner, state)), [&](const Leaf& leaf) -> Value {
    if (leaf.carried) return leaf.value;
    said.names.push_back(leaf.path);
    said.at.push_back(*leaf.value.get<Tensor>());
    said.variables.push_back(alias(said.at.back(), graph));
    return said.variables.back();
  });
  MemoryLog forgotten;
  const Listening listening(self.context(), &forgotten, false);
  self.context().training = true;
  const ScopePtr frame = self.frame(learner, with_learned(learner, state, weights));
  const Noting noting(self, said.flow, learner);
  said.objective = objective_of(self, learner, frame, item, span);
  if (!said.objective || frame->find("direction") != nullptr)
    said.direction = directions_of(self, learner, frame, weights, item, span);
  return said;
}

// The context of a learner on an item, for a while.
class OnItem {
 public:
  OnItem(Elaborator& self, const ProcedureBuilder& builder, const Source& source)
      : outside_(self, builder.context()),
        item(item_of(self, source, builder)),
        inside_(self, context(builder, source)) {}

 private:
  Context context(const ProcedureBuilder& builder, const Source& source) const {
    Context context = builder.context();
    context.example = item;
    context.source = &source;
    return context;
  }
  WithContext outside_;

 public:
  const Value item;

 private:
  WithContext inside_;
};

// A scalar as a function of variables, of the graph at hand.
struct ScalarFunction {
  std::string what;
  Span span;
  Tensor value;
  std::vector<Tensor> variables, at;
  std::vector<std::string> names;
};

// ---- what stops derivatives ----

bool is_stop(const Node& node) { return operator_name(node) == "stop_gradient"; }

std::vector<NodeId> stops_before(Tensor value) {
  const NodeId outputs[] = {value.id()};
  const auto needed = needed_by(value.graph(), outputs);
  std::vector<NodeId> stops;
  for (NodeId id = 0; id < needed.size(); ++id)
    if (needed[id] && is_stop(value.graph().node(id))) stops.push_back(id);
  return stops;
}

// The place of a stop in the bodies that a value is made of; -1 if there is none.
std::int32_t stop_in_body(const Graph& graph, std::span<const NodeId> outputs, bool is_body) {
  const auto needed = needed_by(graph, outputs);
  for (NodeId id = 0; id < needed.size(); ++id) {
    if (!needed[id]) continue;
    const Node node = graph.node(id);
    if (is_body && is_stop(node)) return node.place;
    if (const Region* body = region_of(node))
      if (const auto place = stop_in_body(*body->graph, body->outputs, true); place >= 0) return place;
  }
  return -1;
}

// ---- the line ----

struct Line {
  Tensor number, shares, t;
};

std::vector<Tensor> direction_of(const ProcedureBuilder& builder, const Line& line, const std::vector<Tensor>& like) {
  std::vector<Tensor> result;
  const Tensor key = fold_in(fold_in(builder.key, line_stream), line.number);
  for (std::size_t i = 0; i < like.size(); ++i) {
    const auto place = static_cast<std::int64_t>(i);
    const Tensor drawn =
        random(fold_in(key, static_cast<std::int32_t>(i)), Distribution::normal, like[i].shape(), like[i].dtype());
    const Tensor share = reshape(slice(line.shares, {place}, {place + 1}), {});
    result.push_back(drawn * (cast(share, like[i].dtype()) / sqrt(sum(square(drawn)))));
  }
  return result;
}

Tensor product(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  Tensor total;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Tensor part = sum(a[i] * b[i]);
    total = total ? total + part : part;
  }
  return total;
}

// The value, its slope and its derivatives on the line. `held`: nodes that stay as they are.
std::vector<Tensor> along(const ProcedureBuilder& builder, const ScalarFunction& f, const Line& line, int orders,
                          const std::vector<NodeId>& held) {
  Graph& graph = f.value.graph();
  const auto direction = direction_of(builder, line, f.at);
  std::vector<NodeId> from = held;
  std::vector<Tensor> to, variables;
  for (const NodeId id : held) to.push_back(graph.tensor(id));
  for (std::size_t i = 0; i < f.variables.size(); ++i) {
    variables.push_back(alias(f.at[i] + direction[i] * cast(line.t, f.at[i].dtype()), graph));
    from.push_back(f.variables[i].id());
    to.push_back(variables.back());
  }
  const NodeId value[] = {f.value.id()};
  Tensor scalar = replay(graph, from, to, value, graph).front();
  std::vector<Tensor> outputs{scalar};
  for (int order = 1; order <= orders; ++order) {
    const auto gradient = grad(scalar, variables);
    scalar = product(gradient, direction);
    if (order == 1) outputs.push_back(scalar);
    outputs.insert(outputs.end(), gradient.begin(), gradient.end());
  }
  return outputs;
}

// ---- what is compared ----

std::string as_written(const Elaborator& self, Span span) {
  constexpr std::size_t longest = 44;
  std::string text;
  for (const char c : self.program().sources().text(span))
    if (c != ' ' && c != '\n' && c != '\t')
      text += c;
    else if (!text.empty() && text.back() != ' ')
      text += ' ';
  return text.size() > longest ? fmt::format("{}..", text.substr(0, longest - 2)) : text;
}

// Of a loop that is unrolled, the first turn.
void add_inner(const Elaborator& self, const Said& said, Graph& graph, std::vector<ScalarFunction>& all) {
  std::vector<Span> known;
  for (const auto& one : said.flow.derivatives) {
    if (one.graph != &graph || std::find(known.begin(), known.end(), one.span) != known.end()) continue;
    known.push_back(one.span);
    ScalarFunction& f =
        all.emplace_back(ScalarFunction{as_written(self, one.span), one.span, graph.tensor(one.value), {}, {}, {}});
    for (const NodeId id : one.variables) {
      f.variables.push_back(graph.tensor(id));
      f.at.push_back(graph.tensor(graph.node(id).inputs[0]));
      f.names.push_back(fmt::format("part {} of its variable", f.names.size() + 1));
    }
  }
}

void add_terms(const Elaborator& self, const Said& said, std::vector<ScalarFunction>& all) {
  std::vector<ScalarFunction> terms;
  for (const auto& [span, value] : said.flow.watched()) {
    const Tensor* term = value.get<Tensor>();
    if (term == nullptr || &term->graph() != &said.objective.graph() || term->shape().rank() != 0 ||
        !is_float(term->dtype()) || term->id() == said.objective.id())
      continue;
    terms.push_back({as_written(self, span), span, *term, said.variables, said.at, said.names});
  }
  if (terms.size() > 1) all.insert(all.end(), terms.begin(), terms.end());
}

std::vector<ScalarFunction> functions_of(Elaborator& self, const Learner& learner, const ProcedureBuilder& builder,
                                         const Said& said, Span span) {
  std::vector<ScalarFunction> all;
  if (said.objective) {
    all.push_back(
        {"objective", place_of(learner, "objective", span), said.objective, said.variables, said.at, said.names});
    add_terms(self, said, all);
  } else {
    std::vector<Tensor> cotangent;
    const Tensor key = fold_in(builder.key, cotangent_stream);
    for (std::size_t i = 0; i < said.at.size(); ++i)
      cotangent.push_back(random(fold_in(key, static_cast<std::int32_t>(i)), Distribution::normal, said.at[i].shape(),
                                 said.at[i].dtype()));
    all.push_back({"direction", place_of(learner, "direction", span), product(said.direction, cotangent),
                   said.variables, said.at, said.names});
  }
  add_inner(self, said, self.graph(span), all);
  return all;
}

std::int64_t elements(const std::vector<Tensor>& tensors) {
  return std::accumulate(tensors.begin(), tensors.end(), std::int64_t{0},
                         [](std::int64_t sum, const Tensor& t) { return sum + t.type().elements(); });
}

// What puts the functions of one training on lines; its inputs are there before the first of them.
Line line_of(ProcedureBuilder& builder, const std::vector<ScalarFunction>& functions) {
  std::size_t most = 0;
  for (const auto& f : functions) most = std::max(most, f.at.size());
  const Dtype real = builder.context().real;
  Line line;
  line.number = builder.push({Dtype::i32, {}});
  line.shares = builder.push({real, {static_cast<std::int64_t>(most)}});
  line.t = builder.push({real, {}});
  return line;
}

LineProgram program_of(const Elaborator& self, ProcedureBuilder& builder, const ScalarFunction& f, const Line& line,
                       int orders) {
  LineProgram program{f.what, f.span, f.names, elements(f.at), builder.close(along(builder, f, line, orders, {})),
                      {},     false,  {}};
  std::int32_t place = -1;
  if (const auto stops = stops_before(f.value); !stops.empty()) {
    program.held = builder.close(along(builder, f, line, orders, stops));
    place = f.value.graph().node(stops.front()).place;
  }
  const NodeId outputs[] = {f.value.id()};
  if (const auto inside = stop_in_body(f.value.graph(), outputs, false); inside >= 0) {
    program.stops_in_loop = true;
    place = inside;
  }
  if (place >= 0) program.stop = self.places()[static_cast<std::size_t>(place)];
  return program;
}

}  // namespace

std::vector<LineProgram> line_programs(Elaborator& self, const Learner& learner, const Value& state,
                                       const Source& source, const Form& form, int orders, Span span) {
  ProcedureBuilder builder(self, state, None{}, form);
  const OnItem on(self, builder, source);
  const Said said = said_of(self, learner, builder.state, on.item, span);
  const auto functions = functions_of(self, learner, builder, said, span);
  const Line line = line_of(builder, functions);
  std::vector<LineProgram> programs;
  for (const auto& f : functions)
    programs.push_back(self.guarded(f.span, {}, [&] { return program_of(self, builder, f, line, orders); }));
  return programs;
}

// ---- directions ----

namespace {

// With another meaning of derivatives, for a while.
class Derivatives {
 public:
  Derivatives(Elaborator& self, Elaborator::Derivatives meaning) : self_(self) { self.derivatives = meaning; }
  ~Derivatives() { self_.derivatives = Elaborator::Derivatives::as_written; }
  Derivatives(const Derivatives&) = delete;

 private:
  Elaborator& self_;
};

}  // namespace

std::optional<DirectionsProgram> directions_program(Elaborator& self, const Learner& learner, const Value& state,
                                                    const Source& source, const Form& form, Span span) {
  ProcedureBuilder builder(self, state, None{}, form);
  const OnItem on(self, builder, source);
  const Context context = self.context();
  const auto said_with = [&](Elaborator::Derivatives meaning) {
    const Derivatives here(self, meaning);
    self.context() = context;  // the same draws
    return said_of(self, learner, builder.state, on.item, span);
  };
  const Said written = said_with(Elaborator::Derivatives::as_written);
  if (!written.objective) return std::nullopt;
  DirectionsProgram program;
  std::vector<Tensor> outputs;
  const auto add = [&](const std::vector<Tensor>& direction) {
    outputs.insert(outputs.end(), direction.begin(), direction.end());
  };
  const auto add_gradient = [&](const Said& said) {
    add(self.guarded(span, {}, [&] { return grad(said.objective, said.variables); }));
  };
  add_gradient(written);
  program.leaves = outputs.size();
  program.first_order = !written.flow.derivatives.empty();
  program.stops = !stops_before(written.objective).empty();
  program.whole = program.first_order || program.stops;
  program.direction = !written.direction.empty();
  if (program.first_order) add_gradient(said_with(Elaborator::Derivatives::first_order));
  if (program.whole) add_gradient(said_with(Elaborator::Derivatives::whole));
  if (program.direction) add(written.direction);
  program.procedure = builder.close(outputs);
  return program;
}

// ---- the graph ----

void show_gradient(Elaborator& self, const Learner& learner, const Value& state, const Source& source, const Form& form,
                   Span span, const std::function<void(const GradientGraph&)>& show) {
  ProcedureBuilder builder(self, state, None{}, form);
  const OnItem on(self, builder, source);
  const Said said = said_of(self, learner, builder.state, on.item, span);
  Graph& graph = self.graph(span);
  GradientGraph shown{graph, {}, {}, self.places()};
  for (const auto& one : said.flow.derivatives)
    if (one.graph == &graph) shown.made.push_back({as_written(self, one.span), one.span, one.begin, one.end});
  if (said.objective) {
    const NodeId begin = graph.size();
    const auto gradient = self.guarded(span, {}, [&] { return grad(said.objective, said.variables); });
    shown.made.push_back({"the gradient of `objective`", place_of(learner, "objective", span), begin, graph.size()});
    shown.outputs.push_back(said.objective.id());
    for (const Tensor& each : gradient) shown.outputs.push_back(each.id());
  } else {
    for (const Tensor& each : said.direction) shown.outputs.push_back(graph.capture(each).id());
  }
  show(shown);
}

}  // namespace metac::dsl
