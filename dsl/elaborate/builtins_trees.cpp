// The builtins on models and their trees of parameters: making trees, freezing parts of them, trees as one vector, and
// the mode that models are in.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "elaborate/builtin_table.hpp"

namespace metac::dsl {
namespace {

using Call = const BuiltinCall&;

// ---- paths ----

// Whether a pattern stands for the whole text; `*` is any run of characters.
bool matches_whole(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, from = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++, from = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1, t = ++from;  // the last star takes one character more
    } else {
      return false;
    }
  }
  return pattern.substr(p).find_first_not_of('*') == std::string_view::npos;
}

// A leaf and the layers it is in: "a.b.c", "a", "a.b".
std::vector<std::string> names_of(const std::string& path) {
  std::vector<std::string> names{path};
  for (auto dot = path.find('.'); dot != std::string::npos; dot = path.find('.', dot + 1))
    names.push_back(path.substr(0, dot));
  return names;
}

bool matches(std::string_view pattern, const std::string& path) {
  const auto names = names_of(path);
  return std::any_of(names.begin(), names.end(), [&](const auto& name) { return matches_whole(pattern, name); });
}

std::vector<std::string> patterns_of(Elaborator& e, Call call, std::size_t argument) {
  std::vector<std::string> patterns;
  const auto add = [&](const Value& value) {
    const auto* text = value.get<std::string>();
    if (text == nullptr)
      e.fail("E0449", call.place(argument), fmt::format("a name in quotes was needed, this is {}", describe(value)), "",
             "such as `[\"conv_block*\", \"head.weight\"]`");
    patterns.push_back(*text);
  };
  if (const List* list = call.arguments[argument].list())
    for (const auto& item : list->items) add(item);
  else
    add(call.arguments[argument]);
  return patterns;
}

void require_match(Elaborator& e, const std::string& pattern, const std::vector<Leaf>& all, Span span) {
  std::set<std::string> names;
  for (const auto& leaf : all) {
    if (matches(pattern, leaf.path)) return;
    for (auto& name : names_of(leaf.path)) names.insert(std::move(name));
  }
  const auto near = nearest(pattern, {names.begin(), names.end()});
  std::set<std::string> top;
  for (const auto& leaf : all) top.insert(leaf.path.substr(0, leaf.path.find('.')));
  e.fail("E0450", span, fmt::format("nothing in the tree is named \"{}\"", pattern), "",
         near.empty() ? fmt::format("there is {}", fmt::join(top, ", ")) : fmt::format("did you mean \"{}\"?", near));
}

[[noreturn]] void fail_no_tree(Elaborator& e, Call call, std::size_t argument) {
  e.fail("E0451", call.place(argument),
         fmt::format("a tree of parameters was needed, this is {}", describe(call.arguments[argument])));
}

std::vector<Leaf> leaves_of(Elaborator& e, Call call) {
  auto all = leaves(call.arguments[0]);
  if (call.arguments[0].record() == nullptr || all.empty()) fail_no_tree(e, call, 0);
  return all;
}

// The patterns in an argument, each of which names something in the tree.
std::vector<std::string> names_in_tree(Elaborator& e, Call call, std::size_t argument, const std::vector<Leaf>& all) {
  auto patterns = patterns_of(e, call, argument);
  for (const auto& pattern : patterns) require_match(e, pattern, all, call.place(argument));
  return patterns;
}

bool among(const std::vector<std::string>& patterns, const std::string& path) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) { return matches(pattern, path); });
}

Value freeze_value(Elaborator& e, Call call) {
  const Value& tree = call.arguments[0];
  const auto all = leaves_of(e, call);
  const auto names = names_in_tree(e, call, 1, all), others = names_in_tree(e, call, 2, all);
  const auto freezes = [&](const std::string& path) { return among(names, path) && !among(others, path); };
  const Value frozen = map_leaves(tree, [&](const Leaf& leaf) -> Value {
    return !leaf.carried && freezes(leaf.path) ? Value::carried(Carried{leaf.value, true}) : leaf.value;
  });
  return map_carried(frozen, [&](const std::string& path, Carried leaf) {
    leaf.frozen |= !leaf.leaf.is_none() && freezes(path);
    return leaf;
  });
}

// A record without the leaves that are named; a layer that is left with none goes too.
Value remaining(const Value& tree, const std::string& prefix, const std::vector<std::string>& names) {
  std::vector<std::pair<std::string, Value>> fields;
  for (const auto& [name, value] : tree.record()->fields) {
    const std::string path = prefix + name;
    if (value.record() == nullptr) {
      if (!among(names, path)) fields.emplace_back(name, value);
      continue;
    }
    Value inner = remaining(value, path + ".", names);
    if (!inner.record()->fields.empty()) fields.emplace_back(name, std::move(inner));
  }
  return Value::record(std::move(fields));
}

Value without_value(Elaborator& e, Call call) {
  const auto all = leaves_of(e, call);
  return remaining(call.arguments[0], "", names_in_tree(e, call, 1, all));
}

Value named_value(Elaborator& e, Call call) {
  const auto all = leaves_of(e, call);
  const auto names = names_in_tree(e, call, 1, all);
  return map_leaves(seen(call.arguments[0]),
                    [&](const Leaf& leaf) { return call.arguments[among(names, leaf.path) ? 2 : 3]; });
}

// ---- models with another layer ----

Value with_layer_value(Elaborator& e, Call call) {
  const auto model = [&](std::size_t argument) {
    const auto* callable = call.arguments[argument].get<std::shared_ptr<const Callable>>();
    if (callable == nullptr || (*callable)->kind != DefinitionKind::model ||
        (*callable)->stage + 1 != static_cast<int>((*callable)->lists.size()))
      e.fail("E0457", call.place(argument),
             fmt::format("a model with its settings was needed, this is {}", describe(call.arguments[argument])), "",
             "such as `linear(10)`");
    return *callable;
  };
  const auto net = model(0), layer = model(2);
  const auto* name = call.arguments[1].get<std::string>();
  if (name == nullptr)
    e.fail("E0449", call.place(1), fmt::format("a name in quotes was needed, this is {}", describe(call.arguments[1])),
           "", "such as \"head\"");
  auto changed = std::make_shared<Callable>(*net);
  std::erase_if(changed->layers, [&](const auto& known) { return known.first == *name; });
  changed->layers.emplace_back(*name, layer);
  return std::shared_ptr<const Callable>(std::move(changed));
}

// ---- first parameters ----

// The input that sizes a model: the one given, or the `x` of the source.
Value model_input(Elaborator& e, Call call) {
  Value x = call.arguments[1];
  if (x.is_none()) {
    const Value& example = e.context().example;
    const Record* item = example.record();
    if (item != nullptr && item->find("support") != nullptr) item = item->find("support")->record();
    const Value* found = item != nullptr ? item->find("x") : nullptr;
    if (found == nullptr)
      e.fail(
          "E0393", call.span,
          e.context().source == nullptr || item == nullptr
              ? "`init` does not know the size of the model's input here"
              : fmt::format("`init` takes the size of the model's input from the `x` of an item; here it is {}, of {}",
                            describe(example), e.context().source->describe()),
          "", "in a learner it is sized by the `x` of the source; elsewhere give an example: `init(net, x)`");
    x = *found;
  }
  return x;
}

// Whether a parameter of the shape `before` can grow into one of the shape `now`: no axis becomes shorter.
bool grows(const Shape& before, const Shape& now) {
  if (before.rank() != now.rank()) return false;
  for (int axis = 0; axis < now.rank(); ++axis)
    if (before[axis] > now[axis]) return false;
  return true;
}

// `fresh`, with the values of `old` at the beginning of each axis.
Tensor grown(Tensor old, Tensor fresh) {
  for (int axis = 0; axis < fresh.shape().rank(); ++axis) {
    const auto before = old.shape()[axis], now = fresh.shape()[axis];
    if (before == now) continue;
    Tensor further = slice_axis(fresh, axis, before, now);
    for (int later = axis + 1; later < fresh.shape().rank(); ++later)
      further = slice_axis(further, later, 0, old.shape()[later]);
    old = concatenate({old, further}, axis);
  }
  return old;
}

// Which of the parameters that were drawn take over those of a tree, by path and shape, for the line that tells it.
struct TakenOver {
  std::size_t all = 0;
  std::set<std::string> used;  // of the tree
  std::vector<std::string> grown, drawn_anew;

  std::string told(const std::vector<Leaf>& given) const {
    std::vector<std::string> left;
    for (const auto& leaf : given)
      if (!used.contains(leaf.path)) left.push_back(leaf.path);
    if (grown.empty() && drawn_anew.empty() && left.empty()) return "";
    std::string line = fmt::format("init: {} of {} parameters are taken over", all - drawn_anew.size(), all);
    if (!grown.empty()) line += fmt::format("; grown: {}", fmt::join(grown, ", "));
    if (!drawn_anew.empty()) line += fmt::format("; drawn anew: {}", fmt::join(drawn_anew, ", "));
    if (!left.empty()) line += fmt::format("; not used: {}", fmt::join(left, ", "));
    return line;
  }
};

// What fits of a tree takes the place of what was drawn; the rest is told.
Value taken_over(Elaborator& e, const Value& drawn, const Value& from, bool grow, Span span) {
  if (from.record() == nullptr)
    e.fail("E0452", span, fmt::format("a tree of parameters was needed, this is {}", describe(from)));
  const auto given = leaves(from);
  TakenOver result{leaves(drawn).size(), {}, {}, {}};
  Value tree = map_leaves(drawn, [&](const Leaf& leaf) -> Value {
    const Tensor own = *leaf.value.get<Tensor>();
    const auto found =
        std::find_if(given.begin(), given.end(), [&](const auto& other) { return other.path == leaf.path; });
    if (found == given.end()) {
      result.drawn_anew.push_back(fmt::format("{} {}", leaf.path, to_string(own.shape())));
      return leaf.value;
    }
    result.used.insert(leaf.path);
    const Tensor other = e.tensor(found->value, span);
    if (other.shape() == own.shape()) return cast(other, own.dtype());
    const std::string sizes = fmt::format("{} to {}", to_string(other.shape()), to_string(own.shape()));
    if (grow && grows(other.shape(), own.shape())) {
      result.grown.push_back(fmt::format("{} {}", leaf.path, sizes));
      return grown(cast(other, own.dtype()), own);
    }
    if (grow)
      e.fail(
          "E0477", span,
          fmt::format("`{}` cannot grow from {}: no axis may become shorter, and none may be added", leaf.path, sizes));
    result.drawn_anew.push_back(
        fmt::format("{} {} (the tree has {})", leaf.path, to_string(own.shape()), to_string(other.shape())));
    return leaf.value;
  });
  if (result.drawn_anew.size() == result.all)
    e.fail("E0453", span, fmt::format("nothing of {} fits the model, which has {}", describe(from), describe(drawn)));
  if (const auto line = result.told(given); !line.empty()) e.print(line);
  return tree;
}

Value init_value(Elaborator& e, Call call) {
  const Value drawn = e.initialise(call.arguments[0], model_input(e, call), call.span);
  const Value& from = call.arguments[2];
  const bool grow = e.condition(call.arguments[3], call.place(3));
  if (from.is_none() && grow)
    e.fail("E0477", call.place(3), "`grow` needs `from`: the tree that grows", "",
           "write `init(net, x, from: theta, grow: true)`");
  return from.is_none() ? drawn : taken_over(e, drawn, from, grow, call.place(2));
}

// ---- training or evaluation ----

const Callable& net_of(Elaborator& e, Call call) {
  const Callable* net = call.arguments[0].callable();
  const bool is_net =
      net != nullptr && !net->builtin && (net->kind == DefinitionKind::model || net->kind == DefinitionKind::function);
  if (!is_net)
    e.fail("E0456", call.place(0),
           fmt::format("a model or function was needed, this is {}", describe(call.arguments[0])));
  return *net;
}

Value evaluating_value(Elaborator& e, Call call) {
  auto copy = std::make_shared<Callable>(net_of(e, call));
  copy->evaluating = true;
  return std::shared_ptr<const Callable>(std::move(copy));
}

Value checkpoint_value(Elaborator& e, Call call) {
  auto copy = std::make_shared<Callable>(net_of(e, call));
  copy->recomputed = true;
  return std::shared_ptr<const Callable>(std::move(copy));
}

Value observe_value(Elaborator& e, Call call) {
  const Callable& net = net_of(e, call);
  if (net.stage + 1 != static_cast<int>(net.lists.size()))
    e.fail("E0321", call.place(0), fmt::format("the model `{}` needs its settings first", net.name), "",
           fmt::format("write `{}(...)` with its first list of arguments", net.name));
  if (call.arguments[1].record() == nullptr) fail_no_tree(e, call, 1);
  return e.observe(call.arguments[0], call.arguments[1], call.arguments[2], call.span);
}

// ---- as one vector ----

Value to_vector_value(Elaborator& e, Call call) {
  std::vector<Tensor> parts;
  for (const auto& leaf : leaves(seen(call.arguments[0])))
    parts.push_back(e.real(e.tensor(leaf.value, call.place(0))));
  if (parts.empty())
    e.fail("E0454", call.place(0), fmt::format("there are no tensors in {}", describe(call.arguments[0])));
  return to_vector(parts);
}

Value from_vector_value(Elaborator& e, Call call) {
  const Tensor vector = e.tensor(call.arguments[0], call.place(0));
  std::vector<Tensor> like;
  std::int64_t needed = 0;
  for (const auto& leaf : leaves(seen(call.arguments[1]))) {
    like.push_back(e.tensor(leaf.value, call.place(1)));
    needed += like.back().type().elements();
  }
  if (vector.shape() != Shape{needed})
    e.fail("E0455", call.place(0),
           fmt::format("a vector of {} numbers was needed for this tree, this is {}", needed, describe(vector)));
  const std::vector<Tensor> parts = from_vector(vector, like);
  std::size_t next = 0;
  return zip_leaves(call.arguments[1], 0, [&](const Value&, const Value&) -> Value { return parts[next++]; });
}

}  // namespace

void add_tree_builtins(std::map<std::string, BuiltinFunction, std::less<>>& table) {
  table["init"] = init_value;
  table["freeze"] = freeze_value;
  table["evaluating"] = evaluating_value;
  table["checkpoint"] = checkpoint_value;
  table["observe"] = observe_value;
  table["is_observing"] = [](Elaborator& e, Call) -> Value { return e.context().observing; };
  table["is_training"] = [](Elaborator& e, Call) -> Value { return e.context().training; };
  table["without"] = without_value;
  table["named"] = named_value;
  table["with_layer"] = with_layer_value;
  table["to_vector"] = to_vector_value;
  table["from_vector"] = from_vector_value;
  table["leaves"] = [](Elaborator&, Call call) -> Value {
    std::vector<Value> values;
    for (const auto& leaf : leaves(call.arguments[0])) values.push_back(leaf.value);
    return Value::list(std::move(values));
  };
}

}  // namespace metac::dsl
