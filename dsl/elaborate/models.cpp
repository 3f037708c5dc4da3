// Models: functions with parameters. Applied inside another model, a layer finds its own parameters in its parent's
// tree, by name and order; applied outside, the tree is the first argument: net(theta, x).
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "elaborate/model_memory.hpp"

namespace metac::dsl {

Value ParameterFrame::drawn() const {
  std::map<std::string, int> uses, next;
  for (const auto& child : children)
    if (child.numbered) ++uses[child.base];
  auto fields = own;
  for (const auto& child : children) {
    const bool number = child.numbered && uses[child.base] > 1;
    fields.emplace_back(number ? fmt::format("{}{}", child.base, ++next[child.base]) : child.base, child.tree);
  }
  return Value::record(std::move(fields));
}

// The tree of an initialised frame, whose parts have names of their own: two of one name would be taken for one.
Value Elaborator::drawn_apart(const ParameterFrame& frame, Span span) {
  Value tree = frame.drawn();
  const auto& fields = tree.record()->fields;  // the parameters, then the layers
  std::set<std::string> names;
  for (std::size_t i = 0; i < fields.size(); ++i)
    if (!names.insert(fields[i].first).second)
      fail("E0324", i < frame.own.size() ? span : frame.children[i - frame.own.size()].span,
           fmt::format("two parts of `{}` are named `{}`", frame.model, fields[i].first), "",
           "name one of its layers otherwise with `as`");
  return tree;
}

Value Elaborator::initialise(const Value& net, const Value& input, Span span) {
  const auto* pointer = net.get<std::shared_ptr<const Callable>>();
  if (pointer == nullptr) fail("E0320", span, fmt::format("`init` needs a model, not {}", describe(net)));
  const auto& callable = *pointer;
  if (callable->stage + 1 != static_cast<int>(callable->lists.size()))
    fail("E0321", span, fmt::format("the model `{}` needs its settings first", callable->name), "",
         fmt::format("write `{}(...)` with its first list of arguments", callable->name));
  if (callable->kind != DefinitionKind::model) return Value::record({});  // a function has no parameters
  ParameterFrame frame(callable->name);
  frame.initialising = true;
  const Listening listening(context_, nullptr, true);  // nothing is remembered yet: models go by the example
  in_frame(frame, callable, {{"", input, span}}, span);
  Value tree = drawn_apart(frame, span);
  for (const auto& [name, layer] : callable->layers)
    if (tree.record()->find(name) == nullptr) {
      std::vector<std::string> known;
      for (const auto& child : tree.record()->fields) known.push_back(child.first);
      fail("E0329", span, fmt::format("the model `{}` has no layer `{}` to replace", callable->name, name), "",
           known.empty() ? "it has no layers" : fmt::format("it has {}", fmt::join(known, ", ")));
    }
  return tree;
}

namespace {

// The layer that is applied: the one that took its place, or the model's own. One that stands alone has no number.
std::shared_ptr<const Callable> layer_in_place(const ParameterFrame& parent, const std::shared_ptr<const Callable>& own,
                                               const std::string& base) {
  if (parent.layers == nullptr) return own;
  const bool numbered = own->layer_name.empty();
  const auto turn = 1 + std::count_if(parent.children.begin(), parent.children.end(),
                                      [&](const auto& child) { return child.base == base; });
  for (const auto& [name, layer] : *parent.layers)
    if (numbered ? name == fmt::format("{}{}", base, turn) || (turn == 1 && name == base) : name == base)
      return *layer.get<std::shared_ptr<const Callable>>();
  return own;
}

}  // namespace

namespace {

// A part of what a model gives that is neither a tensor nor a number; null if there is none.
const Value* part_without_numbers(const Value& value) {
  const Value* found = nullptr;
  if (const Record* record = value.record()) {
    for (const auto& [name, part] : record->fields)
      if (found == nullptr) found = part_without_numbers(part);
    return found;
  }
  if (const List* list = value.list()) {
    for (const auto& part : list->items)
      if (found == nullptr) found = part_without_numbers(part);
    return found;
  }
  const bool is_fine = value.get<Tensor>() || value.get<Array>() || value.carried() || value.number() ||
                       value.get<bool>() || value.is_none();
  return is_fine ? nullptr : &value;
}

}  // namespace

// A layer that is not applied to anything is the usual reason.
void Elaborator::require_tensors(const Callable& model, const Value& result, Span use) {
  const Value* part = part_without_numbers(result);
  if (part == nullptr) return;
  const OnTrail here(*this, fmt::format("while building `{}`", model.name), use);
  const Span body = model.body.expression != nullptr ? model.body.expression->span : model.span;
  const Callable* layer = part->callable();
  std::string hint;
  if (layer != nullptr && layer->kind == DefinitionKind::model) {
    // As it is written, if that is all of its settings and nothing that should have come in front.
    bool is_layer = part == &result && model.body.expression != nullptr && layer->stage > 0;
    for (const auto& list : layer->supplied)
      for (const auto& [name, value] : list) is_layer = is_layer && !is_run_value(value);
    hint = fmt::format("apply it to the input: `{} |> {}`", model.lists.back().front().name,
                       is_layer ? std::string(program_->sources().text(body)) : layer->name + "(..)");
  }
  fail("E0363", body,
       fmt::format("the model `{}` gives {}; tensors, or a tree of them, are needed", model.name, describe(*part)), "",
       hint);
}

// Runs a model's body with `frame` as the place its parameters are in.
Value Elaborator::in_frame(ParameterFrame& frame, const std::shared_ptr<const Callable>& callable,
                           std::vector<Argument> arguments, Span span) {
  auto scope = std::make_shared<Scope>(callable->scope);
  for (const auto& list : callable->supplied)
    for (const auto& [name, value] : list) scope->bind(name, value);
  bind_arguments(*callable, arguments, scope, span, nullptr, nullptr);
  frame.layers = callable->layers.empty() ? nullptr : &callable->layers;
  ParameterFrame* outer = context_.parameters;
  context_.parameters = &frame;
  struct Restore {
    Context& context;
    ParameterFrame* outer;
    ~Restore() { context.parameters = outer; }
  } restore{context_, outer};
  Value result = execute(callable, scope, span);
  require_tensors(*callable, result, span);
  listen(frame);
  return result;
}

Value Elaborator::apply_model(const std::shared_ptr<const Callable>& callable, std::vector<Argument> arguments,
                              Span span) {
  const auto inputs = callable->lists.back().size();
  const auto positional =
      std::count_if(arguments.begin(), arguments.end(), [](const Argument& a) { return a.name.empty(); });
  if (static_cast<std::size_t>(positional) == inputs + 1) {
    if (arguments.front().value.record() == nullptr)
      fail("E0322", arguments.front().span,
           fmt::format("`{}` needs a tree of parameters as its first argument here, not {}", callable->name,
                       describe(arguments.front().value)));
    ParameterFrame frame(callable->name);
    frame.tree = arguments.front().value;
    arguments.erase(arguments.begin());
    return in_frame(frame, callable, std::move(arguments), span);
  }
  ParameterFrame* parent = context_.parameters;
  if (parent == nullptr)
    fail("E0323", span, fmt::format("the model `{}` is applied without its parameters", callable->name), "",
         fmt::format(
             "outside a model, give them first: `net(theta, x)`, where `let net = {}{}` and `let theta = init(net, x)`",
             callable->name, callable->lists.size() > 1 ? "(..)" : ""));

  const std::string base = callable->layer_name.empty() ? callable->name : callable->layer_name;
  auto known = std::find_if(parent->children.begin(), parent->children.end(),
                            [&](const auto& child) { return child.layer == callable; });
  ParameterFrame frame(base);
  if (known != parent->children.end()) {  // shared: applied before
    frame.tree = known->tree;
    return in_frame(frame, known->in_place, std::move(arguments), span);
  }
  const auto layer = layer_in_place(*parent, callable, base);
  if (parent->initialising) {
    const std::size_t slot = parent->children.size();
    parent->children.push_back({callable, layer, base, callable->layer_name.empty(), {}, span});
    frame.initialising = true;
    Value result = in_frame(frame, layer, std::move(arguments), span);
    parent->children[slot].tree = drawn_apart(frame, span);
    return result;
  }
  const auto turn = 1 + std::count_if(parent->children.begin(), parent->children.end(),
                                      [&](const auto& child) { return child.base == base; });
  const Record* tree = parent->tree.record();
  const Value* own = tree != nullptr ? tree->find(base) : nullptr;
  if (own == nullptr && tree != nullptr) own = tree->find(fmt::format("{}{}", base, turn));
  if (own == nullptr)
    fail("E0325", span, fmt::format("the tree has no parameters for layer {} `{}` of `{}`", turn, base, parent->model),
         fmt::format("the tree is {}", describe(parent->tree)), "was it made by `init` of another model?");
  frame.tree = *own;
  parent->children.push_back({callable, layer, base, callable->layer_name.empty(), *own, span});
  return in_frame(frame, layer, std::move(arguments), span);
}

Value Elaborator::parameter(const ParamStatement& statement, const ScopePtr& scope) {
  const Span span = statement.name.span;
  ParameterFrame* frame = context_.parameters;
  if (frame == nullptr)
    fail("E0323", span, fmt::format("`{}` is a parameter, and there are none here", statement.name.text));
  Shape shape;
  for (const auto& size : statement.shape) {
    const auto value = integer(evaluate(size, scope), size->span, "a size of a parameter");
    if (value < 1) fail("E0326", size->span, fmt::format("a size of a parameter is at least 1, not {}", value));
    shape.push_back(value);
  }
  if (frame->initialising) {
    Value value = draw(statement.name.text, evaluate(statement.initialiser, scope), shape, statement.initialiser->span);
    Tensor drawn = tensor(value, statement.initialiser->span);
    if (drawn.shape() != shape)
      fail("E0327", statement.initialiser->span,
           fmt::format("the initialiser of `{}` gave the shape {}, {} was needed", statement.name.text,
                       to_string(drawn.shape()), to_string(shape)));
    frame->own.emplace_back(statement.name.text, drawn);
    return drawn;
  }
  const Record* tree = frame->tree.record();
  const Value* value = tree != nullptr ? tree->find(statement.name.text) : nullptr;
  if (value == nullptr)
    fail("E0325", span, fmt::format("the tree has no parameter `{}` of `{}`", statement.name.text, frame->model),
         fmt::format("the tree is {}", describe(frame->tree)), "was it made by `init` of another model?");
  const Tensor found = tensor(inside(*value), span);
  if (found.shape() != shape)
    fail("E0328", span,
         fmt::format("the parameter `{}` of `{}` has the shape {} in the tree, {} is needed for this input",
                     statement.name.text, frame->model, to_string(found.shape()), to_string(shape)),
         "", "the inputs must have the size that the tree was made for");
  return found;
}

}  // namespace metac::dsl
