// Task sources: `tasks` definitions, whose draws are in the graph, and episodes of data sets, which the host draws.
#include <fmt/format.h>

#include "data/episodes.hpp"
#include "elaborate/sources.hpp"
#include "transform/transform.hpp"

namespace metac::dsl {

std::vector<Form> TaskSource::forms(std::int64_t batch) const {
  auto forms = task_forms();
  for (auto& form : forms)
    for (auto& type : form) type.shape = type.shape.with_front(batch);
  return forms;
}

namespace {

// A `tasks` definition: its statements are elaborated anew for each graph; every name that it binds is part of the
// task.
class DrawnTasks : public TaskSource {
 public:
  DrawnTasks(const Definition* definition, ScopePtr arguments)
      : definition_(definition), arguments_(std::move(arguments)) {}

  std::string describe() const override {
    std::vector<std::string> settings;
    for (const auto& [name, value] : arguments_->names) settings.push_back(fmt::format("{}: {}", name, to_text(value)));
    return fmt::format("{}({})", definition_->name.text, fmt::join(settings, ", "));
  }

  Value build(Elaborator& self, std::span<const Tensor>) const override {
    auto scope = std::make_shared<Scope>(arguments_);
    const Block& body = self.body_of(*definition_);
    self.bind_functions(body, scope);
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
};

class Episodes : public TaskSource {
 public:
  explicit Episodes(data::EpisodeSource source) : source_(std::move(source)) {}

  std::string describe() const override {
    return fmt::format("{}-way {}-shot episodes of {}", source_.ways(), source_.shots(), source_.dataset().name());
  }
  std::vector<Form> task_forms() const override {
    const auto part = [&](std::int64_t examples) {
      return std::pair{Type{Dtype::f32, source_.dataset().example_shape().with_front(source_.ways() * examples)},
                       Type{Dtype::i32, {source_.ways() * examples}}};
    };
    const auto [sx, sy] = part(source_.shots());
    const auto [qx, qy] = part(source_.queries());
    return {{sx, sy, qx, qy}};
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

SourcePtr task_source(const Definition* definition, const ScopePtr& arguments) {
  return std::make_shared<const DrawnTasks>(definition, arguments);
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
