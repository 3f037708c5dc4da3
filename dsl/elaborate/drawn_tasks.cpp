// `tasks` definitions: their draws are in the graph. One that is given another source may draw from that, whatever it
// is, so it may be a wrapper round any source.
#include <fmt/format.h>

#include <algorithm>

#include "elaborate/task_draws.hpp"

namespace metac::dsl {
namespace {

// What a body draws from the host, and the forms that its arrays may have. Draws from sources of the same forms share
// the one at hand, so that a body can choose among their tasks.
struct Hosted {
  std::vector<HostDraw> draws;
  std::vector<std::vector<Form>> forms;  // of the sources: each list once
  std::vector<std::size_t> forms_of;     // for each draw, which of them are its own

  explicit Hosted(std::vector<HostDraw> all) : draws(std::move(all)) {
    for (const auto& draw : draws) {
      auto own = tasks_of(draw).task_forms();
      const auto known = std::find(forms.begin(), forms.end(), own);
      forms_of.push_back(static_cast<std::size_t>(known - forms.begin()));
      if (known == forms.end()) forms.push_back(std::move(own));
    }
  }

  static const TaskSource& tasks_of(const HostDraw& draw) { return dynamic_cast<const TaskSource&>(*draw.source); }

  std::size_t combinations() const {
    std::size_t all = 1;
    for (const auto& list : forms) all *= list.size();
    return all;
  }
  // Which form each draw has in one of the combinations.
  std::vector<std::size_t> forms_in(std::size_t combination) const {
    std::vector<std::size_t> at;
    for (const auto& list : forms) at.push_back(combination % list.size()), combination /= list.size();
    std::vector<std::size_t> result;
    for (const auto list : forms_of) result.push_back(at[list]);
    return result;
  }
};

// Its statements are elaborated anew for each graph. The task is what it returns, else every name that it binds.
class DrawnTasks : public TaskSource {
 public:
  DrawnTasks(Elaborator& self, const Definition* definition, ScopePtr arguments)
      : self_(self), definition_(definition), arguments_(std::move(arguments)) {}

  std::string describe() const override {
    std::vector<std::string> settings;
    for (const auto& [name, value] : arguments_->names) settings.push_back(fmt::format("{}: {}", name, to_text(value)));
    return fmt::format("{}({})", definition_->name.text, fmt::join(settings, ", "));
  }

  std::vector<Form> task_forms() const override {
    std::vector<Form> all;
    for (std::size_t form = 0; form < hosted().combinations(); ++form) {
      const auto forms = hosted().forms_in(form);
      Form& joined = all.emplace_back();
      for (std::size_t i = 0; i < forms.size(); ++i)
        for (auto type : hosted().forms[hosted().forms_of[i]][forms[i]]) {
          if (const auto rows = hosted().draws[i].rows; rows > 0) type.shape = type.shape.with_front(rows);
          joined.push_back(type);
        }
    }
    return all;
  }

  std::vector<Array> arrays(data::Key key, std::size_t form, std::int64_t first, std::int64_t count) const override {
    std::vector<Array> all;
    const auto forms = hosted().forms_in(form);
    for (std::size_t i = 0; i < forms.size(); ++i) {
      const HostDraw& draw = hosted().draws[i];
      const std::int64_t each = std::max<std::int64_t>(draw.rows, 1);
      for (const auto& array :
           Hosted::tasks_of(draw).arrays(data::fold_in_wide(key, draw.path), forms[i], first * each, count * each))
        all.push_back(draw.rows == 0 ? array
                                     : array.reshaped(array.shape().without(0).with_front(each).with_front(count)));
    }
    return all;
  }

  Value build(Elaborator& self, std::span<const Tensor> arrays) const override {
    TaskDraws draws(hosted().draws, arrays);
    const Value task = with_draws(self, draws);
    draws.finish(self, definition_->name.span);
    return task;
  }

  Value drawn_inside(Elaborator& self, const SourcePtr&, Span) const override { return body(self); }

 private:
  Value with_draws(Elaborator& self, TaskDraws& draws) const {
    Context context = self.context();
    context.draws = &draws;
    context.rows.clear();
    WithContext here(self, std::move(context));
    return body(self);
  }

  // Elaborates the body once in a graph of its own, only to see what it asks for.
  const Hosted& hosted() const {
    if (hosted_) return *hosted_;
    constexpr std::size_t most = 64;  // each form is a program of its own
    Graph graph;
    Context context;
    context.graph = &graph;
    context.real = self_.context().real;
    context.seed = self_.context().seed;
    context.key = input(graph, {Dtype::i32, {2}});
    context.step = input(graph, {Dtype::i32, {}});
    context.progress = input(graph, {context.real, {}});
    const KnownClasses known(self_);
    const std::size_t scopes = self_.scopes_with_functions();
    TaskDraws draws;
    {
      WithContext here(self_, std::move(context));
      with_draws(self_, draws);
    }
    self_.take_apart(scopes);
    hosted_.emplace(draws.asked());
    if (hosted_->combinations() > most)
      self_.fail("E0405", definition_->name.span,
                 fmt::format("the tasks of `{}` have {} forms; at most {} are possible", definition_->name.text,
                             hosted_->combinations(), most),
                 "", "draw from sources of fewer ways and shots");
    return *hosted_;
  }

  Value body(Elaborator& self) const {
    auto scope = std::make_shared<Scope>(arguments_);
    const Block& block = self.body_of(*definition_);
    self.bind_functions(block, scope);
    std::optional<Value> returned;
    for (const auto& statement : block.statements) {
      if (const auto* bound = std::get_if<AssignStatement>(&statement->node);
          bound != nullptr && !bound->is_tuple && bound->paths.front().size() == 1) {
        scope->bind(bound->paths.front().front().text, self.evaluate(bound->value, scope));
        continue;
      }
      returned = self.run(*statement, scope);
      if (returned) break;
    }
    const Value task = returned ? *returned : names_of(*scope);
    for (const char* part : {"support", "query"}) {
      const Value* set = task.record() != nullptr ? task.record()->find(part) : nullptr;
      if (set == nullptr || set->record() == nullptr)
        self.fail("E0387", definition_->name.span,
                  fmt::format("the tasks `{}` need a `{}` set", definition_->name.text, part), "",
                  returned ? "what is returned is a task, such as one that was drawn from another source"
                           : fmt::format("write `{} = sample(example, n)`", part));
    }
    return task;
  }

  static Value names_of(const Scope& scope) {
    std::vector<std::pair<std::string, Value>> fields;
    for (const auto& [name, value] : scope.names)
      if (value.callable() == nullptr && value.get<SourcePtr>() == nullptr) fields.emplace_back(name, value);
    return Value::record(std::move(fields));
  }

  Elaborator& self_;
  const Definition* definition_;
  ScopePtr arguments_;
  mutable std::optional<Hosted> hosted_;
};

}  // namespace

SourcePtr task_source(Elaborator& self, const Definition* definition, const ScopePtr& arguments) {
  return std::make_shared<const DrawnTasks>(self, definition, arguments);
}

}  // namespace metac::dsl
