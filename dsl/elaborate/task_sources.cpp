// Task sources: `tasks` definitions, whose draws are in the graph, and episodes of data sets, which the host draws.
#include <fmt/format.h>

#include "data/episodes.hpp"
#include "elaborate/each_row.hpp"
#include "elaborate/sources.hpp"

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

// Episodes of one size, or of several, of which each draw takes one at random.
class Episodes : public TaskSource {
 public:
  explicit Episodes(std::vector<data::EpisodeSource> sizes) : sizes_(std::move(sizes)) {}

  std::string describe() const override {
    const auto span = [&](std::int64_t (data::EpisodeSource::*number)() const) {
      const auto least = (sizes_.front().*number)(), most = (sizes_.back().*number)();
      return least == most ? fmt::format("{}", least) : fmt::format("{}-to-{}", least, most);
    };
    return fmt::format("{}-way {}-shot episodes of {}", span(&data::EpisodeSource::ways),
                       span(&data::EpisodeSource::shots), sizes_.front().dataset().name());
  }
  std::vector<Form> task_forms() const override {
    std::vector<Form> forms;
    for (const auto& size : sizes_) {
      const auto add = [&, form = &forms.emplace_back()](std::int64_t examples) {
        form->push_back(size.dataset().x_type(size.ways() * examples));
        form->push_back({Dtype::i32, {size.ways() * examples}});
      };
      add(size.shots());
      add(size.queries());
    }
    return forms;
  }
  std::vector<Array> sample(data::Key key, std::int64_t first, std::int64_t count) const override {
    std::size_t size = 0;
    if (sizes_.size() > 1) {
      constexpr std::uint32_t size_stream = 0x73697a65;  // apart from the streams of the episodes themselves
      const data::Key drawn = data::fold_in_wide(data::fold_in(key, size_stream), static_cast<std::uint64_t>(first));
      size = data::uniform_below(drawn, static_cast<std::uint32_t>(sizes_.size()));
    }
    auto episodes = sizes_[size].sample(key, first, count);
    return {episodes.support_x, episodes.support_y, episodes.query_x, episodes.query_y};
  }
  Value build(Elaborator& self, std::span<const Tensor> arrays) const override {
    const std::int64_t ways = arrays[3].shape()[0] / sizes_.front().queries();
    const auto part = [&](Tensor x, Tensor y) {
      self.know_classes(y, ways);
      return Value::record({{"x", self.working(x)}, {"y", y}});
    };
    return Value::record({{"support", part(arrays[0], arrays[1])},
                          {"query", part(arrays[2], arrays[3])},
                          {"ways", ways},
                          {"shots", arrays[1].shape()[0] / ways}});
  }

 private:
  std::vector<data::EpisodeSource> sizes_;  // fewest ways and shots first; all of the same number of queries
};

}  // namespace

SourcePtr task_source(const Definition* definition, const ScopePtr& arguments) {
  return std::make_shared<const DrawnTasks>(definition, arguments);
}

SourcePtr episode_source(const data::Dataset& dataset, const std::vector<std::int64_t>& ways,
                         const std::vector<std::int64_t>& shots, std::int64_t queries) {
  std::vector<data::EpisodeSource> sizes;
  for (const auto w : ways)
    for (const auto s : shots) sizes.emplace_back(dataset, w, s, queries);
  return std::make_shared<const Episodes>(std::move(sizes));
}

Value sample(Elaborator& self, const Value& example, std::int64_t count, Span span) {
  if (!self.context().key) self.fail("E0312", span, "`sample` stands where nothing is random");
  const auto one = [&](const std::vector<Tensor>&, Tensor index) {
    WithContext inside(self, row_context(self, index));
    return self.call_function(example, {}, span);
  };
  return each_row(self, {}, count, one, span);
}

}  // namespace metac::dsl
