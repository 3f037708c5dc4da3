// Learners and optimizers as values, members of values, and the task sources.
#include <fmt/format.h>

#include <map>

#include "data/episodes.hpp"
#include "elaborate/elaborator.hpp"
#include "elaborate/sources.hpp"
#include "transform/transform.hpp"

namespace metac::dsl {
namespace {

// Binds what a body defines besides its state: functions, which see `scope` and each other.
void bind_functions(Elaborator& self, const Block& body, const ScopePtr& scope) {
  for (const auto& statement : body.statements)
    if (const auto* definition = std::get_if<Definition>(&statement->node))
      scope->bind(definition->name.text, self.closure(*definition, scope));
}

const Block& body_of(Elaborator& self, const Definition& definition) {
  if (definition.body.block == nullptr)
    self.fail("E0380", definition.name.span, fmt::format("`{}` needs a body in braces", definition.name.text));
  return *definition.body.block;
}

}  // namespace

bool is_learned(const Definition& definition, std::string_view name) {
  for (const auto& statement : definition.body.block->statements)
    if (const auto* learn = std::get_if<LearnStatement>(&statement->node); learn != nullptr && learn->name.text == name)
      return true;
  return false;
}

ScopePtr Elaborator::frame(const Learner& learner, const Value& state) {
  auto scope = std::make_shared<Scope>(learner.arguments);
  scope->is_learner = true;
  if (const Record* record = state.record())
    for (const auto& [name, value] : record->fields) scope->bind(name, value);
  const Block& body = body_of(*this, *learner.definition);
  bind_functions(*this, body, scope);
  if (!state.is_none())
    for (const auto& statement : body.statements)
      if (std::holds_alternative<LetStatement>(statement->node)) run(*statement, scope);
  return scope;
}

Value Elaborator::initial_state(const Learner& learner) {
  ScopePtr scope = frame(learner, None{});
  trail_.push_back({fmt::format("in the learner `{}`", learner.name()), learner.span});
  struct Pop {
    std::vector<TrailEntry>& trail;
    ~Pop() { trail.pop_back(); }
  } pop{trail_};
  std::vector<std::pair<std::string, Value>> fields;
  const auto add = [&](const Name& name, const ExprPtr& expression) {
    Value value = tensors(evaluate(expression, scope), expression->span);
    if (leaves(value).empty())
      fail("E0381", expression->span,
           fmt::format("`{}` has nothing to learn or to remember: {}", name.text, describe(value)));
    scope->bind(name.text, value);
    fields.emplace_back(name.text, std::move(value));
  };
  for (const auto& statement : body_of(*this, *learner.definition).statements) {
    if (const auto* learn = std::get_if<LearnStatement>(&statement->node)) add(learn->name, learn->value);
    if (const auto* memory = std::get_if<MemoryStatement>(&statement->node)) add(memory->name, memory->value);
    if (std::holds_alternative<LetStatement>(statement->node)) run(*statement, scope);
  }
  return Value::record(std::move(fields));
}

Value Elaborator::start(const Optimizer& optimizer, const Value& weights) {
  auto scope = std::make_shared<Scope>(optimizer.arguments);
  scope->bind("weights", weights);
  bind_functions(*this, body_of(*this, *optimizer.definition), scope);
  std::vector<std::pair<std::string, Value>> fields;
  for (const auto& statement : body_of(*this, *optimizer.definition).statements) {
    const auto* memory = std::get_if<MemoryStatement>(&statement->node);
    if (memory == nullptr) continue;
    Value value = tensors(evaluate(memory->value, scope), memory->value->span);
    scope->bind(memory->name.text, value);
    fields.emplace_back(memory->name.text, std::move(value));
  }
  return Value::record(std::move(fields));
}

std::pair<Value, Value> Elaborator::update(const Optimizer& optimizer, const Value& weights, const Value& gradient,
                                           const Value& memory) {
  auto scope = std::make_shared<Scope>(optimizer.arguments);
  scope->bind("weights", weights);
  scope->bind("gradient", gradient);
  for (const auto& [name, value] : memory.record()->fields) scope->bind(name, value);
  bind_functions(*this, body_of(*this, *optimizer.definition), scope);
  Value* rule = scope->find("update");
  if (rule == nullptr)
    fail("E0382", optimizer.definition->name.span,
         fmt::format("the optimizer `{}` has no `fn update(weights, gradient)`", optimizer.definition->name.text));
  Value moved = call_function(*rule, {weights, gradient}, optimizer.span);
  // The update may have been computed in wider types or from trees with other leaves: weights keep theirs.
  const Span place = rule->callable() != nullptr ? rule->callable()->span : optimizer.span;
  moved = guarded(place, {}, [&] {
    return zip_leaves(weights, moved, [&](const Value& before, const Value& after) -> Value {
      const Tensor old = tensor(before, place), t = tensor(after, place);
      return cast(broadcast_to(t, old.shape()), old.dtype());
    });
  });
  std::vector<std::pair<std::string, Value>> fields;
  for (const auto& [name, value] : memory.record()->fields)
    fields.emplace_back(
        name, guarded(place, {}, [&] {
          return zip_leaves(value, *scope->find(name), [&](const Value& before, const Value& after) -> Value {
            const Tensor old = tensor(before, place), t = tensor(after, place);
            if (old.shape() != t.shape())
              fail("E0383", place,
                   fmt::format("the memory `{}` of `{}` changed its shape from {} to {}", name,
                               optimizer.definition->name.text, to_string(old.shape()), to_string(t.shape())));
            return cast(t, old.dtype());
          });
        }));
  return {std::move(moved), Value::record(std::move(fields))};
}

// ---- members ----

namespace {

Value method(std::string name, std::vector<std::string> parameters, BuiltinFunction function) {
  auto callable = std::make_shared<Callable>();
  callable->name = std::move(name);
  auto& list = callable->lists.emplace_back();
  for (auto& parameter : parameters) list.push_back({std::move(parameter), nullptr});
  callable->open_ended = {false};
  callable->builtin = std::move(function);
  return std::shared_ptr<const Callable>(std::move(callable));
}

std::optional<Value> member_of(Elaborator& self, const std::shared_ptr<const Optimizer>& optimizer,
                               const std::string& name) {
  (void)self;
  if (name == "start")
    return method("start", {"weights"}, [optimizer](Elaborator& e, const BuiltinCall& call) {
      return e.start(*optimizer, e.tensors(call.arguments[0], call.span));
    });
  if (name == "update")
    return method("update", {"weights", "gradient", "memory"}, [optimizer](Elaborator& e, const BuiltinCall& call) {
      if (call.arguments[2].record() == nullptr)
        e.fail("E0384", call.span,
               fmt::format("`update` needs the memory that `start` or `update` gave, not {}",
                           describe(call.arguments[2])));
      auto [weights, memory] = e.update(*optimizer, e.tensors(call.arguments[0], call.span),
                                        e.tensors(call.arguments[1], call.span), call.arguments[2]);
      return Value::tuple({weights, memory});
    });
  return std::nullopt;
}

std::optional<Value> member_of(const std::shared_ptr<const data::Dataset>& dataset, const std::string& name) {
  if (name == "size") return Value(dataset->size());
  if (name == "classes") return Value(dataset->class_count());
  if (name == "take")
    return method("take", {"count"}, [dataset](Elaborator& e, const BuiltinCall& call) -> Value {
      const auto count = e.integer(call.arguments[0], call.span, "a number of examples");
      try {
        return std::make_shared<const data::Dataset>(dataset->take(count));
      } catch (const Error& error) {
        e.fail("E0401", call.span, error.what());
      }
    });
  return std::nullopt;
}

std::optional<Value> member_of(Elaborator& self, const Tensor& tensor, const std::string& name) {
  (void)self;
  if (name == "shape") {
    std::vector<Value> sizes;
    for (const auto size : tensor.shape()) sizes.emplace_back(size);
    return Value::list(std::move(sizes));
  }
  if (name == "rank") return Value(tensor.shape().rank());
  return std::nullopt;
}

}  // namespace

Value Elaborator::member(const Value& base, const Name& name, Span span) {
  if (base.list() != nullptr && is_run_value(base))
    return member(tensor(base, span), name, span);  // a list of tensors is one
  std::vector<std::string> known;
  std::optional<Value> found;
  if (const Record* record = base.record()) {
    if (const Value* field = record->find(name.text)) return *field;
    for (const auto& [field, value] : record->fields) known.push_back(field);
  } else if (const auto* tensor = base.get<Tensor>()) {
    found = member_of(*this, *tensor, name.text);
    known = {"shape", "rank"};
  } else if (const auto* array = base.get<Array>(); array != nullptr && name.text == "shape") {
    std::vector<Value> sizes;
    for (const auto size : array->shape()) sizes.emplace_back(size);
    return Value::list(std::move(sizes));
  } else if (const auto* optimizer = base.get<std::shared_ptr<const Optimizer>>()) {
    found = member_of(*this, *optimizer, name.text);
    known = {"start", "update"};
  } else if (const auto* dataset = base.get<std::shared_ptr<const data::Dataset>>()) {
    found = member_of(*dataset, name.text);
    known = {"size", "classes", "take"};
  } else if (const auto* learner = base.get<std::shared_ptr<const Learner>>()) {
    if (const Record* state = (*learner)->state.record()) {
      if (const Value* field = state->find(name.text)) return *field;
      for (const auto& [field, value] : state->fields) known.push_back(field);
    } else {
      fail("E0385", name.span,
           fmt::format("the learner `{}` has no state yet: it was not trained", (*learner)->name()));
    }
  }
  if (found) return *found;
  const auto near = nearest(name.text, known);
  std::string hint = near.empty() ? (known.empty() ? "" : fmt::format("there is {}", fmt::join(known, ", ")))
                                  : fmt::format("did you mean `{}`?", near);
  // Tuples have no names: their parts are taken apart.
  if (!known.empty() && known.front().empty()) hint = "a tuple is taken apart: `let (a, b) = ...`";
  if (base.list() != nullptr && hint.empty())
    hint = "lists have a length: `len(x)`; numbers in lists become tensors by arithmetic";
  fail("E0386", name.span.end > name.span.begin ? name.span : span,
       fmt::format("there is no `{}` in {}", name.text, describe(base)), "", hint);
}

// ---- sources ----

namespace {

// A `tasks` definition: its statements are elaborated anew for each graph; every name that it binds is part of the
// task.
class DrawnTasks : public TaskSource {
 public:
  DrawnTasks(const Definition* definition, ScopePtr arguments, Span span)
      : definition_(definition), arguments_(std::move(arguments)), span_(span) {}

  std::string describe() const override {
    std::vector<std::string> settings;
    for (const auto& [name, value] : arguments_->names) settings.push_back(fmt::format("{}: {}", name, to_text(value)));
    return fmt::format("{}({})", definition_->name.text, fmt::join(settings, ", "));
  }

  Value build(Elaborator& self, std::span<const Tensor>) const override {
    auto scope = std::make_shared<Scope>(arguments_);
    const Block& body = body_of(self, *definition_);
    bind_functions(self, body, scope);
    for (const auto& statement : body.statements) {
      if (std::holds_alternative<Definition>(statement->node)) continue;
      if (const auto* bound = std::get_if<AssignStatement>(&statement->node);
          bound != nullptr && !bound->is_tuple && bound->paths.front().size() == 1) {
        scope->bind(bound->paths.front().front().text, self.evaluate(bound->value, scope));
        continue;
      }
      self.run(*statement, scope);
    }
    std::vector<std::pair<std::string, Value>> fields;
    for (const auto& [name, value] : scope->names)
      if (value.callable() == nullptr) fields.emplace_back(name, value);
    for (const char* part : {"support", "query"})
      if (scope->find(part) == nullptr || scope->find(part)->record() == nullptr)
        self.fail("E0387", definition_->name.span,
                  fmt::format("the tasks `{}` need a `{}` set", definition_->name.text, part), "",
                  fmt::format("write `{} = sample(example, n)`", part));
    return Value::record(std::move(fields));
  }

 private:
  const Definition* definition_;
  ScopePtr arguments_;
  Span span_;
};

class Episodes : public TaskSource {
 public:
  explicit Episodes(data::EpisodeSource source) : source_(std::move(source)) {}

  std::string describe() const override {
    return fmt::format("{}-way {}-shot episodes of {}", source_.ways(), source_.shots(), source_.dataset().name());
  }
  std::vector<Type> array_types() const override {
    const auto part = [&](std::int64_t examples) {
      return std::pair{Type{Dtype::f32, source_.dataset().example_shape().with_front(source_.ways() * examples)},
                       Type{Dtype::i32, {source_.ways() * examples}}};
    };
    const auto [sx, sy] = part(source_.shots());
    const auto [qx, qy] = part(source_.queries());
    return {sx, sy, qx, qy};
  }
  std::vector<Array> sample(data::Key key, std::int64_t first, std::int64_t count) const override {
    auto episodes = source_.sample(key, first, count);
    return {episodes.support_x, episodes.support_y, episodes.query_x, episodes.query_y};
  }
  Value build(Elaborator& self, std::span<const Tensor> arrays) const override {
    const auto part = [&](Tensor x, Tensor y) {
      const Tensor images = x.dtype() == self.context().real ? x : cast(x, self.context().real);
      self.know_classes(y, source_.ways());
      return Value::record({{"x", images}, {"y", y}});
    };
    return Value::record({{"support", part(arrays[0], arrays[1])},
                          {"query", part(arrays[2], arrays[3])},
                          {"ways", source_.ways()},
                          {"shots", source_.shots()}});
  }

 private:
  data::EpisodeSource source_;
};

}  // namespace

SourcePtr task_source(const Definition* definition, const ScopePtr& arguments, Span span) {
  return std::make_shared<const DrawnTasks>(definition, arguments, span);
}

SourcePtr episode_source(const data::Dataset& dataset, std::int64_t ways, std::int64_t shots, std::int64_t queries) {
  return std::make_shared<const Episodes>(data::EpisodeSource(dataset, ways, shots, queries));
}

Value sample(Elaborator& self, const Value& example, std::int64_t count, Span span) {
  Graph& outer = self.graph(span);
  auto body = std::make_shared<Graph>(outer);
  const Tensor index = input(*body, Type{Dtype::i32, {}});
  Context context = self.context();
  context.graph = body.get();
  if (!context.key) self.fail("E0312", span, "`sample` stands where nothing is random");
  context.key = fold_in(context.key, index);
  Value result;
  {
    WithContext inside(self, context);
    result = self.call_function(example, {}, span);
    result = map_leaves(result, [&](const Leaf& leaf) -> Value {
      const Tensor t = self.tensor(leaf.value, span);
      return &t.graph() == body.get() ? t : body->capture(t);
    });
  }
  Region region{body, {index.id()}, {}};
  std::vector<Batched> inputs{{iota(outer, count), true}};
  for (const auto& capture : body->captures()) {
    region.inputs.push_back(capture.inner);
    inputs.push_back({capture.outer, false});
  }
  for (const auto& leaf : leaves(result)) region.outputs.push_back(leaf.value.get<Tensor>()->id());
  auto columns = batch(region, inputs, count, outer);
  std::vector<Value> values;
  for (auto& column : columns)
    values.emplace_back(column.batched ? column.value
                                       : broadcast_to(column.value, column.value.shape().with_front(count)));
  return with_leaves(result, values);
}

}  // namespace metac::dsl
