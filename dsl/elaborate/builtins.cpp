// The builtins on tensors, trees and host values. Those on rows are in builtins_rows.cpp, data sources in
// builtins_data.cpp.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "elaborate/builtin_table.hpp"
#include "elaborate/sources.hpp"
#include "syntax/syntax.hpp"

namespace metac::dsl {

using Call = const BuiltinCall&;

// Host numbers at once, tensors by the engine, trees leaf by leaf.
BuiltinFunction elementwise(double (*host)(double), Tensor (*run)(Tensor), bool to_real) {
  return [=](Elaborator& e, Call call) -> Value {
    return map_leaves(call.arguments[0], [&](const Leaf& leaf) -> Value {
      if (leaf.carried) return leaf.value;
      if (leaf.value.get<Unmeasured>() != nullptr && leaf.value.number())
        return Unmeasured{host(*leaf.value.number()), false};
      if (const auto number = leaf.value.number()) return host(*number);
      Tensor t = e.tensor(leaf.value, call.span);
      if (to_real) t = e.real(t);
      return run(t);
    });
  };
}

std::vector<int> axes_of(Elaborator& e, const Value& axis, Tensor x, Span span) {
  if (axis.is_none()) return all_axes(x);
  std::vector<int> axes;
  const auto add = [&](const Value& value) {
    const auto n = e.integer(value, span, "an axis");
    const auto rank = x.shape().rank();
    if (n < -rank || n >= rank)
      e.fail("E0390", span, fmt::format("there is no axis {} in {}", n, to_string(x.type())), "",
             rank == 0 ? "a scalar has no axes" : fmt::format("axes run from 0 to {}, or from -1 backwards", rank - 1));
    axes.push_back(static_cast<int>(n));
  };
  if (const List* list = axis.list()) {
    for (const auto& item : list->items) add(item);
  } else {
    add(axis);
  }
  return axes;
}

int one_axis(Elaborator& e, Call call, std::size_t argument, Tensor x) {
  const auto axes = axes_of(e, call.arguments[argument], x, call.place(argument));
  if (axes.size() != 1)
    e.fail("E0399", call.place(argument),
           fmt::format("one axis is needed, this is {}", describe(call.arguments[argument])));
  return axes.front();
}

bool flag(Elaborator& e, Call call, std::size_t argument) {
  return e.condition(call.arguments[argument], call.place(argument));
}

BuiltinFunction reduction(Reduce reduce, bool to_real) {
  return [=](Elaborator& e, Call call) -> Value {
    Tensor x = e.tensor(call.arguments[0], call.place(0));
    if (to_real) x = e.real(x);
    if (x.dtype() == Dtype::boolean) x = cast(x, Dtype::i32);
    return reduce(x, axes_of(e, call.arguments[1], x, call.place(1)), flag(e, call, 2));
  };
}

std::vector<Tensor> tensor_list(Elaborator& e, Call call) {
  const List* list = call.arguments[0].list();
  if (list == nullptr || list->items.empty())
    e.fail("E0392", call.place(0),
           fmt::format("a list of tensors was needed, this is {}", describe(call.arguments[0])));
  std::vector<Tensor> items;
  for (const auto& item : list->items) items.push_back(e.tensor(item, call.place(0)));
  for (const auto& item : items) items.front() = e.same_type(items.front(), item).first;
  for (auto& item : items) item = e.same_type(item, items.front()).first;
  return items;
}

namespace {

// ---- element by element ----

double host_sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }
double host_sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double host_square(double x) { return x * x; }

Value is_finite_value(Elaborator& e, Call call) {
  if (const auto number = call.arguments[0].number()) return std::isfinite(*number);
  return is_finite(e.real(e.tensor(call.arguments[0], call.span)));
}

// ---- reductions ----

// Of two values, or of all leaves of a tree, there are no axes.
void refuse_axes(Elaborator& e, Call call, std::size_t axis, const char* what, const char* hint = "") {
  if (call.arguments[axis].is_none() && !flag(e, call, axis + 1)) return;
  e.fail("E0360", call.place(call.arguments[axis].is_none() ? axis + 1 : axis),
         fmt::format("{} has no axes: `axis` and `keep` say nothing here", what), "", hint);
}

Value sum_value(Elaborator& e, Call call) {
  if (call.arguments[0].record() == nullptr) return reduction(sum, false)(e, call);
  refuse_axes(e, call, 1, "the sum of a whole tree");
  Tensor total;
  for (const auto& leaf : leaves(seen(call.arguments[0]))) {
    const Tensor part = sum(e.real(e.tensor(leaf.value, call.span)));
    total = total ? total + part : part;
  }
  return total ? total : constant(e.graph(call.span), 0, e.context().real);
}

// max(a, b) of two values, max([a, b, c]) of host numbers; max(x), max(x, axis: 1) along axes.
BuiltinFunction extreme(Tensor (*of_two)(Tensor, Tensor), Reduce reduce, bool largest) {
  return [=](Elaborator& e, Call call) -> Value {
    const Value& other = call.arguments[1];
    if (other.is_none()) {
      const bool whole = call.arguments[2].is_none() && !flag(e, call, 3);
      if (const List* list = call.arguments[0].list();
          whole && list != nullptr && !e.is_run_value(call.arguments[0]) && !list->items.empty() &&
          !(is_numbers(call.arguments[0]) && list->items.front().list() != nullptr)) {  // a matrix
        Value best = list->items.front();
        bool open = false;
        for (const auto& item : list->items) {
          if (!item.number()) e.fail("E0391", call.span, fmt::format("{} is no number", describe(item)));
          open |= item.get<Unmeasured>() != nullptr;
          if (largest ? *item.number() > *best.number() : *item.number() < *best.number()) best = item;
        }
        return open ? Unmeasured{*best.number(), false} : best;
      }
      Call rest{{call.arguments[0], call.arguments[2], call.arguments[3]},
                {},
                call.span,
                {call.place(0), call.place(2), call.place(3)}};
      return reduction(reduce, false)(e, rest);
    }
    refuse_axes(e, call, 2, largest ? "the larger of two values" : "the smaller of two values",
                largest ? "of more than two numbers: `max([a, b, c])`" : "of more than two numbers: `min([a, b, c])`");
    const auto a = call.arguments[0].number(), b = other.number();
    const Value& better = a && b && (largest ? *a >= *b : *a <= *b) ? call.arguments[0] : other;
    if (a && b && (call.arguments[0].get<Unmeasured>() || other.get<Unmeasured>()))
      return Unmeasured{*better.number(), false};
    if (a && b) return better;
    return zip_leaves(call.arguments[0], other, [&](const Value& x, const Value& y) -> Value {
      auto [p, q] = e.same_type(e.tensor(x, call.place(0)), e.tensor(y, call.place(1)));
      return of_two(p, q);
    });
  };
}

Value argmax_value(Elaborator& e, Call call) {
  const Tensor x = e.tensor(call.arguments[0], call.place(0));
  return argmax(x, one_axis(e, call, 1, x));
}

// ---- structure ----

Value transpose_value(Elaborator& e, Call call) {
  const Tensor x = e.tensor(call.arguments[0], call.place(0));
  std::vector<int> order;
  if (call.arguments[1].is_none()) {
    for (int axis = x.shape().rank() - 1; axis >= 0; --axis) order.push_back(axis);
  } else {
    order = axes_of(e, call.arguments[1], x, call.place(1));
    for (auto& axis : order)
      if (axis < 0) axis += x.shape().rank();
  }
  return transpose(x, order);
}

BuiltinFunction like(double value) {
  return [=](Elaborator& e, Call call) -> Value {
    return map_leaves(seen(call.arguments[0]), [&](const Leaf& leaf) -> Value {
      const Tensor t = e.tensor(leaf.value, call.span);
      return full(e.graph(call.span), t.shape(), value, t.dtype());
    });
  };
}

Value full_like_value(Elaborator& e, Call call) {
  const Tensor value = e.tensor(call.arguments[1], call.place(1));
  return map_leaves(seen(call.arguments[0]), [&](const Leaf& leaf) -> Value {
    const Tensor t = e.tensor(leaf.value, call.span);
    return broadcast_to(cast(value, t.dtype()), t.shape());
  });
}

Value full_value(Elaborator& e, Call call) {
  const Shape shape = e.shape(call.arguments[0], call.place(0));
  Tensor value = e.tensor(call.arguments[1], call.place(1));
  if (call.arguments[1].number()) value = e.real(value);
  return broadcast_to(value, shape);
}

// ---- draws and models ----

BuiltinFunction primitive_draw(Distribution distribution) {
  return [=](Elaborator& e, Call call) -> Value {
    return random(e.current_key(call.span), distribution, e.shape(call.arguments[0], call.place(0)), e.context().real);
  };
}

Value fresh_value(Elaborator& e, Call call) {
  const Callable* callable = call.arguments[0].callable();
  if (callable == nullptr)
    e.fail("E0394", call.span, fmt::format("`fresh` needs a layer, not {}", describe(call.arguments[0])));
  return std::make_shared<const Callable>(*callable);
}

// ---- host ----

Value len_value(Elaborator& e, Call call) {
  const Value& x = call.arguments[0];
  if (const List* list = x.list()) return static_cast<std::int64_t>(list->items.size());
  if (const Record* record = x.record()) return static_cast<std::int64_t>(record->fields.size());
  if (const auto* dataset = x.get<std::shared_ptr<const data::Dataset>>()) return (*dataset)->size();
  const Tensor t = e.tensor(x, call.place(0));
  if (t.shape().rank() == 0) e.fail("E0395", call.span, "a scalar has no length");
  return t.shape()[0];
}

Value range_value(Elaborator& e, Call call) {
  const auto n = e.integer(call.arguments[0], call.span, "the length of a range");
  if (n < 0) e.fail("E0357", call.span, fmt::format("the length of a range is at least 0, not {}", n));
  if (n > longest_range) e.fail("E0357", call.span, fmt::format("a range has at most {} numbers", longest_range));
  std::vector<Value> items;
  for (std::int64_t i = 0; i < n; ++i) items.emplace_back(i);
  return Value::list(std::move(items));
}

Value print_value(Elaborator& e, Call call) {
  std::string line;
  for (const auto& value : call.rest) {
    if (!line.empty()) line += ' ';
    line += e.shown(value, call.span);
  }
  e.print(line);
  return None{};
}

// The learner and the path of `save` and `load`, which the experiment does.
std::pair<const Learner*, std::string> learner_and_path(Elaborator& e, Call call, const char* word, bool possible) {
  if (!possible) e.fail("E0331", call.span, fmt::format("`{}` stands in an experiment only", word));
  const auto* learner = call.arguments[0].get<std::shared_ptr<const Learner>>();
  if (learner == nullptr)
    e.fail("E0425", call.place(0), fmt::format("`{}` needs a learner, this is {}", word, describe(call.arguments[0])));
  const auto* path = call.arguments[1].get<std::string>();
  if (path == nullptr || path->empty())
    e.fail("E0402", call.place(1), fmt::format("a path is text in quotes, this is {}", describe(call.arguments[1])));
  return {learner->get(), *path};
}

Value save_value(Elaborator& e, Call call) {
  const auto [learner, path] = learner_and_path(e, call, "save", static_cast<bool>(e.save));
  e.save(*learner, path, call.span);
  return None{};
}

Value load_value(Elaborator& e, Call call) {
  const auto [learner, path] = learner_and_path(e, call, "load", static_cast<bool>(e.load));
  return e.load(*learner, path, call.span);
}

// What the library refuses is a mistake of who calls it.
Value error_value(Elaborator& e, Call call) {
  e.fail_outside_of_library("E0396", call.span, to_text(call.arguments[0]));
}

// Whether a condition holds everywhere. In a rehearsal what is only computed when the experiment runs counts as true.
bool holds(Elaborator& e, const Value& leaf, Span span) {
  const Tensor* t = leaf.get<Tensor>();
  if (t == nullptr || t->dtype() != Dtype::boolean) return e.condition(leaf, span);
  // Of an experiment's own graph, which is that of no item.
  if (e.context().source != nullptr || t->graph().parent() != nullptr)
    e.fail("E0332", span, "this condition is computed anew in each step, so there is none to assert", "",
           "assert in the experiment what `evaluate` gives");
  const auto computed = e.compute ? e.compute(*t) : std::nullopt;
  for (std::int64_t i = 0; computed && i < computed->elements(); ++i)
    if (computed->at(i) == 0) return false;
  return true;
}

Value assert_value(Elaborator& e, Call call) {
  const Value& message = call.arguments[1];
  for (const auto& leaf : leaves(seen(call.arguments[0])))
    if (!holds(e, leaf.value, call.place(0)))
      e.fail("E0505", call.span,
             message.is_none() ? "this does not hold"
                               : fmt::format("this does not hold: {}", e.shown(message, call.span)));
  return None{};
}

Value declare_value(Elaborator& e, Call call) {
  const auto* kind = call.arguments[0].get<std::string>();
  if (kind == nullptr)
    e.fail("E0397", call.span, fmt::format("`declare_statistics` needs a name, not {}", describe(call.arguments[0])));
  if (*kind != "batch" && *kind != "support" && *kind != "running")
    e.fail(
        "E0397", call.span,
        fmt::format("statistics are those of the \"batch\", the \"support\" or \"running\" ones, not \"{}\"", *kind));
  e.declare(*kind);
  return None{};
}

double host_expm1(double x) { return std::expm1(x); }
double host_log1p(double x) { return std::log1p(x); }
double host_sqrt(double x) { return std::sqrt(x); }

const std::map<std::string, BuiltinFunction, std::less<>>& table() {
  static const std::map<std::string, BuiltinFunction, std::less<>> functions = [] {
    std::map<std::string, BuiltinFunction, std::less<>> t{
        {"exp", elementwise(std::exp, exp)},
        {"log", elementwise(std::log, log)},
        {"sqrt", elementwise(host_sqrt, sqrt)},
        {"abs", elementwise(std::fabs, abs, false)},
        {"sin", elementwise(std::sin, sin)},
        {"cos", elementwise(std::cos, cos)},
        {"tanh", elementwise(std::tanh, tanh)},
        {"sigmoid", elementwise(host_sigmoid, sigmoid)},
        {"sign", elementwise(host_sign, sign, false)},
        {"floor", elementwise(std::floor, floor)},
        {"expm1", elementwise(host_expm1, expm1)},
        {"log1p", elementwise(host_log1p, log1p)},
        {"square", elementwise(host_square, square, false)},
        {"is_finite", is_finite_value},
        {"max", extreme(maximum, max, true)},
        {"min", extreme(minimum, min, false)},
        {"sum", sum_value},
        {"mean", reduction(mean, true)},
        {"prod", reduction(prod, false)},
        {"argmax", argmax_value},
        {"transpose", transpose_value},
        {"zeros_like", like(0)},
        {"ones_like", like(1)},
        {"full_like", full_like_value},
        {"full", full_value},
        {"fresh", fresh_value},
        {"len", len_value},
        {"range", range_value},
        {"print", print_value},
        {"save", save_value},
        {"load", load_value},
        {"error", error_value},
        {"assert", assert_value},
        {"declare_statistics", declare_value},
        {"draw_uniform", primitive_draw(Distribution::uniform)},
        {"draw_normal", primitive_draw(Distribution::normal)},
        {"draw_truncated_normal", primitive_draw(Distribution::truncated_normal)},
    };
    t["stop_gradient"] = [](Elaborator& e, Call call) -> Value {
      if (!e.stops_gradients()) return call.arguments[0];
      return map_leaves(call.arguments[0], [&](const Leaf& leaf) -> Value {
        return leaf.value.number() ? leaf.value : Value(stop_gradient(e.tensor(leaf.value, call.span)));
      });
    };
    t["cast_int"] = [](Elaborator& e, Call call) -> Value {
      if (const auto number = call.arguments[0].number(); number && std::abs(*number) < 9e15)
        return static_cast<std::int64_t>(*number);
      return cast(e.tensor(call.arguments[0], call.place(0)), Dtype::i32);
    };
    t["cast_float"] = [](Elaborator& e, Call call) -> Value { return e.real(e.tensor(call.arguments[0], call.span)); };
    t["reshape"] = [](Elaborator& e, Call call) -> Value {
      return reshape(e.tensor(call.arguments[0], call.place(0)), e.shape(call.arguments[1], call.place(1), true));
    };
    t["broadcast"] = [](Elaborator& e, Call call) -> Value {
      return broadcast_to(e.tensor(call.arguments[0], call.place(0)), e.shape(call.arguments[1], call.place(1)));
    };
    t["concatenate"] = [](Elaborator& e, Call call) -> Value {
      const auto items = tensor_list(e, call);
      return concatenate(items, one_axis(e, call, 1, items.front()));
    };
    t["stack"] = [](Elaborator& e, Call call) -> Value {
      const auto items = tensor_list(e, call);
      const auto rank = items.front().shape().rank();
      return stack(items,
                   static_cast<int>(e.integer(call.arguments[1], call.place(1), "the new axis", -rank - 1, rank)));
    };
    t["flip"] = [](Elaborator& e, Call call) -> Value {
      const Tensor x = e.tensor(call.arguments[0], call.place(0));
      return flip(x, one_axis(e, call, 1, x));
    };
    t["one_hot"] = [](Elaborator& e, Call call) -> Value {
      const Tensor labels = e.tensor(call.arguments[0], call.place(0));
      const auto classes = e.integer(call.arguments[1], call.place(1), "a number of classes");
      if (labels.dtype() != Dtype::i32)
        e.fail("E0388", call.place(0), fmt::format("labels are whole numbers, this is {}", describe(labels)), "",
               "`cross_entropy` and `accuracy` are for classes; for other targets there are `mse` and `mae`");
      const auto known = e.classes_of(labels);
      if (known && *known > classes)
        e.fail("E0389", call.span, fmt::format("the labels are of {} classes, {} were given room", *known, classes), "",
               "does the model have an output for each class?");
      // Of labels that no data set vouches for, only a run sees the values.
      return one_hot(known ? labels : checked_labels(labels, classes), classes, e.context().real);
    };
    t["iota"] = [](Elaborator& e, Call call) -> Value {
      return iota(e.graph(call.span), e.integer(call.arguments[0], call.span, "a length"));
    };
    t["sample"] = [](Elaborator& e, Call call) -> Value {
      const auto count = e.integer(call.arguments[1], call.place(1), "a number of examples");
      if (count < 1) e.fail("E0398", call.place(1), fmt::format("`sample` needs at least 1 example, not {}", count));
      return sample(e, call.arguments[0], count, call.span);
    };
    t["str"] = [](Elaborator& e, Call call) -> Value { return e.shown(call.arguments[0], call.span); };
    t["has"] = [](Elaborator& e, Call call) -> Value {
      const Record* record = call.arguments[0].record();
      const auto* name = call.arguments[1].get<std::string>();
      if (record == nullptr)
        e.fail("E0458", call.place(0), fmt::format("a record was needed, this is {}", describe(call.arguments[0])));
      if (name == nullptr)
        e.fail("E0458", call.place(1),
               fmt::format("a name in quotes was needed, this is {}", describe(call.arguments[1])));
      return record->find(*name) != nullptr;
    };
    t["is_list"] = [](Elaborator&, Call call) -> Value { return call.arguments[0].list() != nullptr; };
    t["is_host"] = [](Elaborator& e, Call call) -> Value { return !e.is_run_value(call.arguments[0]); };
    add_control_builtins(t);
    add_data_builtins(t);
    add_row_builtins(t);
    add_tensor_builtins(t);
    add_tree_builtins(t);
    return t;
  }();
  return functions;
}

}  // namespace

std::optional<Value> builtin_callable(const Builtin& builtin) {
  const auto found = table().find(builtin.name);
  if (found == table().end()) return std::nullopt;
  auto callable = std::make_shared<Callable>();
  callable->name = builtin.name;
  callable->builtin = found->second;
  // The signature is read by the language's own parser: "(x, axis = none)" is the head of a function.
  std::string head = builtin.parameters;
  const bool open = head.find("...") != std::string::npos;
  if (open) head = "()";
  Sources sources;
  Report report;
  const Module module = parse(sources, sources.add("builtin", fmt::format("fn f{} = 0\n", head)), report);
  if (report.has_errors() || module.statements.size() != 1)
    throw Bug(fmt::format("the signature of `{}` cannot be read", builtin.name));
  for (const auto& list : std::get<Definition>(module.statements.front()->node).lists) {
    auto& out = callable->lists.emplace_back();
    for (const auto& parameter : list.parameters) out.push_back({parameter.name.text, parameter.default_value});
    callable->open_ended.push_back(open);
  }
  return std::shared_ptr<const Callable>(std::move(callable));
}

}  // namespace metac::dsl
