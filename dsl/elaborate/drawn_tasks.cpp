// `tasks` definitions: their draws are in the graph. One that is given another source may draw from that, whatever it
// is, so it may be a wrapper round any source. What they remember while a learner is trained is a tree: a field for
// each `memory`, and one for each argument with sources that remember something, in the form of the argument.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "elaborate/fingerprint.hpp"
#include "elaborate/task_draws.hpp"

namespace metac::dsl {
namespace {

using Fields = std::vector<std::pair<std::string, Value>>;

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
  DrawnTasks(Elaborator& self, const Definition* definition, ScopePtr arguments, Span call)
      : self_(self), definition_(definition), arguments_(std::move(arguments)), call_(call) {}

  std::string describe() const override {
    std::vector<std::string> settings;
    for (const auto& [name, value] : arguments_->names) settings.push_back(fmt::format("{}: {}", name, to_text(value)));
    return fmt::format("{}({})", definition_->name.text, fmt::join(settings, ", "));
  }

  void identify(Fingerprint& print) const override { print.made(*definition_, arguments_); }

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
    return task(self, arrays, first_memory(self)).task;
  }
  DrawnTask task(Elaborator& self, std::span<const Tensor> arrays, const Value& memory) const override {
    TaskDraws draws(hosted().draws, arrays);
    Value task = with_draws(self, draws, memory);
    draws.finish(self, definition_->name.span);
    return {std::move(task), draws.bound()};
  }

  Value drawn_inside(Elaborator& self, const SourcePtr&, Span span) const override { return body(self, span); }

  Value first_memory(Elaborator& self) const override {
    return of_all({}, [&](const DrawnTasks& source, const Value&) { return source.own_first_memory(self); });
  }
  bool has_event() const override {
    bool found = false;
    of_all({}, [&](const DrawnTasks& source, const Value& own) {
      found |= source.event() != nullptr;
      return own;
    });
    return found;
  }
  Value after_step(Elaborator& self, const Value& memory, const Bound& bound, Tensor loss, Tensor gain) const override {
    return of_all(memory, [&](const DrawnTasks& source, const Value& own) {
      for (const auto& [drawn, names] : bound)
        if (drawn == &source) return source.own_after_step(self, own, names, loss, gain);
      return own;  // no task of it was drawn
    });
  }

 private:
  Value with_draws(Elaborator& self, TaskDraws& draws, const Value& memory) const {
    of_all(memory, [&](const DrawnTasks& source, const Value& own) {
      draws.remember(source, own);
      return own;
    });
    Context context = self.context();
    context.draws = &draws;
    context.rows.clear();
    WithContext here(self, std::move(context));
    const OnTrail trail(self, fmt::format("in the tasks `{}`", definition_->name.text), call_);
    return body(self, call_);
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
      with_draws(self_, draws, first_memory(self_));
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

  Value body(Elaborator& self, Span span) const {
    const Block& block = self.body_of(*definition_);
    TaskDraws& draws = *self.context().draws;
    const auto scope =
        std::make_shared<Scope>(remembers() ? with_names(draws.memory_of(self, *this, span)) : arguments_);
    self.bind_functions(block, scope);
    std::optional<Value> returned;
    for (const auto& statement : block.statements) {
      if (std::holds_alternative<MemoryStatement>(statement->node) ||
          std::holds_alternative<OnStatement>(statement->node))
        continue;
      if (const auto* bound = std::get_if<AssignStatement>(&statement->node);
          bound != nullptr && !bound->is_tuple && bound->paths.front().size() == 1) {
        scope->bind(bound->paths.front().front().text, self.evaluate(bound->value, scope));
        continue;
      }
      returned = self.run(*statement, scope);
      if (returned) break;
    }
    const Value names = names_of(*scope), task = returned ? *returned : names;
    if (event() != nullptr) draws.bind(self, *this, names, span);
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
    Fields fields;
    for (const auto& [name, value] : scope.names)
      if (value.callable() == nullptr && value.get<SourcePtr>() == nullptr) fields.emplace_back(name, value);
    return Value::record(std::move(fields));
  }

  // ---- memory ----

  using OfSource = std::function<Value(const DrawnTasks&, const Value& own)>;

  // The tree that `f` makes of the memory of this source and of those among its arguments, these first, each once.
  Value of_all(const Value& memory, const OfSource& f) const {
    std::set<const Source*> met{this};
    return of_all(memory, f, met);
  }
  Value of_all(const Value& memory, const OfSource& f, std::set<const Source*>& met) const {
    Fields fields, own;
    for (const auto& [name, value] : arguments_->names)
      if (Value inner = of_argument(value, field(memory, name), f, met); !inner.is_none())
        fields.emplace_back(name, std::move(inner));
    for (const auto* statement : memories())
      own.emplace_back(statement->name.text, field(memory, statement->name.text));
    const Value changed = f(*this, Value::record(own));
    fields.insert(fields.end(), changed.record()->fields.begin(), changed.record()->fields.end());
    return Value::record(std::move(fields));
  }
  // None where nothing in it remembers anything.
  static Value of_argument(const Value& value, const Value& memory, const OfSource& f, std::set<const Source*>& met) {
    if (const auto* source = value.get<SourcePtr>()) {
      const auto* drawn = dynamic_cast<const DrawnTasks*>(source->get());
      if (drawn == nullptr || !met.insert(drawn).second) return {};
      Value inner = drawn->of_all(memory, f, met);
      return inner.record()->fields.empty() ? Value() : inner;
    }
    Fields parts, fields;
    if (const Record* record = value.record()) parts = record->fields;
    if (const List* list = value.list())
      for (const auto& item : list->items) parts.emplace_back("", item);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::string name = parts[i].first.empty() ? fmt::format("{}", i) : parts[i].first;
      if (Value inner = of_argument(parts[i].second, field(memory, name), f, met); !inner.is_none())
        fields.emplace_back(name, std::move(inner));
    }
    return fields.empty() ? Value() : Value::record(std::move(fields));
  }
  static Value field(const Value& record, const std::string& name) {
    const Value* found = record.record() != nullptr ? record.record()->find(name) : nullptr;
    return found != nullptr ? *found : Value();
  }

  std::vector<const MemoryStatement*> memories() const {
    std::vector<const MemoryStatement*> all;
    if (definition_->body.block != nullptr)
      for (const auto& statement : definition_->body.block->statements)
        if (const auto* memory = std::get_if<MemoryStatement>(&statement->node)) all.push_back(memory);
    return all;
  }
  bool remembers() const { return !memories().empty(); }
  const OnStatement* event() const {
    if (definition_->body.block != nullptr)
      for (const auto& statement : definition_->body.block->statements)
        if (const auto* on = std::get_if<OnStatement>(&statement->node)) return on;
    return nullptr;
  }

  // The arguments and what is remembered.
  ScopePtr with_names(const Value& own) const {
    auto scope = std::make_shared<Scope>(arguments_);
    for (const auto& [name, value] : own.record()->fields) scope->bind(name, value);
    return scope;
  }

  Value own_first_memory(Elaborator& self) const {
    const OnTrail here(self, fmt::format("in the tasks `{}`", definition_->name.text), call_);
    auto scope = std::make_shared<Scope>(arguments_);
    self.bind_functions(self.body_of(*definition_), scope);
    Fields fields;
    for (const auto* memory : memories()) {
      const Value value = self.tensors(self.evaluate(memory->value, scope), memory->value->span);
      if (leaves(value).empty())
        self.fail("E0381", memory->value->span,
                  fmt::format("`{}` has nothing to remember: {}", memory->name.text, dsl::describe(value)));
      scope->bind(memory->name.text, value);
      fields.emplace_back(memory->name.text, value);
    }
    return Value::record(std::move(fields));
  }

  Value own_after_step(Elaborator& self, const Value& own, const Value& names, Tensor loss, Tensor gain) const {
    const OnTrail here(self, fmt::format("in `on step` of `{}`", definition_->name.text), call_);
    const OnStatement& on = *event();
    const ScopePtr known = with_names(own);
    self.bind_functions(self.body_of(*definition_), known);
    auto scope = std::make_shared<Scope>(known);
    scope->bind("loss", loss);
    scope->bind("gain", gain);
    scope->bind(on.parameters.parameters.front().name.text, names);
    self.run(*on.body, scope);
    Fields fields;
    for (const auto& [name, old] : own.record()->fields)
      fields.emplace_back(name, self.after_step(old, *known->find(name), name, *definition_,
                                                "the next step draws with a memory of the same form", on));
    return Value::record(std::move(fields));
  }

  Elaborator& self_;
  const Definition* definition_;
  ScopePtr arguments_;
  Span call_;
  mutable std::optional<Hosted> hosted_;
};

}  // namespace

SourcePtr task_source(Elaborator& self, const Definition* definition, const ScopePtr& arguments, Span call) {
  return std::make_shared<const DrawnTasks>(self, definition, arguments, call);
}

}  // namespace metac::dsl
