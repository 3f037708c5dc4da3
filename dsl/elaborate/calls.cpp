// Calls: arguments are bound to parameters, a body is run in a scope of its own, and every call leaves a mark on the
// trail (for messages) and on the path (for the keys of draws).
#include <fmt/format.h>

#include <algorithm>

#include "base/hash.hpp"
#include "elaborate/elaborator.hpp"

namespace metac::dsl {
namespace {

constexpr int max_call_depth =
    400;  // a script recursion deeper than this is endless; each level takes a few KiB of stack

std::vector<std::vector<CallParameter>> parameters_of(const std::vector<ParameterList>& lists) {
  std::vector<std::vector<CallParameter>> result;
  for (const auto& list : lists) {
    auto& out = result.emplace_back();
    for (const auto& parameter : list.parameters) out.push_back({parameter.name.text, parameter.default_value});
  }
  if (result.empty()) result.emplace_back();
  return result;
}

constexpr int most_wrappers = 50;  // learners round a learner: each has its turn in every function and event

// Whether a learner's definition has a `learn` or `memory` of this name.
bool is_state(const Definition& definition, const std::string& name) {
  for (const auto& statement : definition.body.block->statements) {
    const auto* learn = std::get_if<LearnStatement>(&statement->node);
    const auto* memory = std::get_if<MemoryStatement>(&statement->node);
    if ((learn != nullptr && learn->name.text == name) || (memory != nullptr && memory->name.text == name)) return true;
  }
  return false;
}

std::string kind_phrase(const Callable& callable) {
  switch (callable.kind) {
    case DefinitionKind::model:
      return fmt::format("while building `{}`", callable.name);
    default:
      return fmt::format("in `{}`, called here", callable.name);
  }
}

}  // namespace

// The name and how often it was seen: what tells two draws or calls of one body apart.
std::uint64_t mix_path(std::uint64_t path, std::string_view name, int count) {
  Hash hash(path);
  hash.bytes(name.data(), name.size());
  hash.byte(0xff);
  for (int shift = 0; shift < 32; shift += 8)
    hash.byte(static_cast<std::uint8_t>(static_cast<std::uint32_t>(count) >> shift));
  return hash.value();
}

// While a call or a draw runs: a path of its own, so that two of them in one body, or two turns of a loop, draw
// differently.
struct Elaborator::PathGuard {
  PathGuard(Elaborator& elaborator, const std::string& name) : context(elaborator.context_), path(context.path) {
    context.path = mix_path(path, name, context.counts[name]++);
    counts.swap(context.counts);
  }
  ~PathGuard() {
    context.path = path;
    counts.swap(context.counts);
  }
  PathGuard(const PathGuard&) = delete;
  Context& context;
  std::uint64_t path;
  std::map<std::string, int> counts;
};

// Besides a path, a call of the script's own has an entry on the trail.
struct Elaborator::CallGuard {
  CallGuard(Elaborator& elaborator, const std::string& name, std::string trail, Span span)
      : elaborator(elaborator), path(elaborator, name) {
    elaborator.trail_.push_back({std::move(trail), span});
  }
  ~CallGuard() { elaborator.trail_.pop_back(); }
  Elaborator& elaborator;
  PathGuard path;
};

// Every call counts towards the depth, from before its defaults are computed: they may call, too.
struct Elaborator::DepthGuard {
  DepthGuard(Elaborator& elaborator, Span span) : elaborator(elaborator) {
    if (elaborator.context_.depth >= max_call_depth)
      elaborator.fail("E0304", span,
                      fmt::format("calls are nested more than {} deep: a recursion without end?", max_call_depth));
    ++elaborator.context_.depth;
  }
  ~DepthGuard() { --elaborator.context_.depth; }
  Elaborator& elaborator;
};

std::shared_ptr<const Callable> Elaborator::closure(const Definition& definition, const ScopePtr& scope) {
  auto callable = std::make_shared<Callable>();
  callable->name = definition.name.text;
  callable->kind = definition.kind;
  callable->lists = parameters_of(definition.lists);
  callable->open_ended.resize(callable->lists.size(), false);
  callable->body = definition.body;
  callable->definition = &definition;
  callable->scope = scope;
  callable->span = definition.name.span;
  const bool is_new = with_functions_.empty() || with_functions_.back().lock() != scope;
  if (scope != nullptr && is_new) with_functions_.push_back(scope);
  return callable;
}

std::vector<std::pair<std::string, Value>> Elaborator::bind_arguments(const Callable& callable,
                                                                      std::vector<Argument>& arguments,
                                                                      const ScopePtr& defaults_scope, Span span,
                                                                      std::vector<Span>* spans,
                                                                      std::vector<Value>* rest) {
  const auto& list = callable.lists[callable.stage];
  std::vector<const Argument*> given(list.size(), nullptr);
  std::size_t positional = 0;
  for (auto& argument : arguments) {
    std::size_t at = list.size();
    if (argument.name.empty()) {
      at = positional++;
      if (at >= list.size()) {
        if (rest != nullptr && callable.open_ended[callable.stage]) {
          rest->push_back(argument.value);
          continue;
        }
        fail("E0305", argument.span,
             fmt::format("`{}` takes {} argument{} here, more were given", callable.name, list.size(),
                         list.size() == 1 ? "" : "s"));
      }
    } else {
      for (std::size_t i = 0; i < list.size(); ++i)
        if (list[i].name == argument.name) at = i;
      if (at == list.size()) {
        std::vector<std::string> names;
        for (const auto& parameter : list) names.push_back(parameter.name);
        const auto near = nearest(argument.name, names);
        fail("E0306", argument.place(), fmt::format("`{}` has no parameter `{}`", callable.name, argument.name), "",
             near.empty()
                 ? (names.empty() ? "it takes no arguments here" : fmt::format("it has {}", fmt::join(names, ", ")))
                 : fmt::format("did you mean `{}`?", near));
      }
    }
    if (given[at] != nullptr)
      fail("E0307", argument.place(), fmt::format("`{}` of `{}` is given twice", list[at].name, callable.name));
    given[at] = &argument;
  }
  std::vector<std::pair<std::string, Value>> bound;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (given[i] == nullptr && list[i].default_value == nullptr)
      fail("E0308", span, fmt::format("`{}` needs its argument `{}`", callable.name, list[i].name));
    Value value = given[i] != nullptr ? given[i]->value : evaluate(list[i].default_value, defaults_scope);
    if (spans != nullptr) spans->push_back(given[i] != nullptr ? given[i]->span : Span{});
    defaults_scope->bind(list[i].name, value);
    if (name_bound && callable.definition != nullptr)
      name_bound(callable.definition->lists[callable.stage].parameters[i].name, value);
    bound.emplace_back(list[i].name, std::move(value));
  }
  return bound;
}

Value Elaborator::call(const Value& callee, std::vector<Argument> arguments, Span span) {
  const auto* pointer = callee.get<std::shared_ptr<const Callable>>();
  if (pointer == nullptr)
    fail("E0309", span, fmt::format("{} cannot be called", describe(callee)), "",
         "only functions, models and constructors can");
  const auto& callable = *pointer;
  const DepthGuard depth(*this, span);
  const bool last = callable->stage + 1 == static_cast<int>(callable->lists.size());
  // Where parameters are drawn there is no derivative; they are values of the graph around.
  const bool draws_parameters = context_.parameters != nullptr && context_.parameters->initialising;
  if (!callable->recomputed || !last || draws_parameters) return call_once(callable, std::move(arguments), last, span);
  const auto again = [&] {
    for (auto& argument : arguments) argument.value = inside(argument.value);
    return call_once(callable, std::move(arguments), last, span);
  };
  return recomputed(again, span);
}

Value Elaborator::call_once(const std::shared_ptr<const Callable>& callable, std::vector<Argument> arguments, bool last,
                            Span span) {
  if (callable->kind == DefinitionKind::model && last) return apply_model(callable, std::move(arguments), span);

  auto scope = std::make_shared<Scope>(callable->scope);
  for (const auto& list : callable->supplied)
    for (const auto& [name, value] : list) scope->bind(name, value);
  if (callable->builtin && last) {
    BuiltinCall builtin;
    builtin.span = span;
    for (const auto& list : callable->supplied)
      for (const auto& [name, value] : list) builtin.arguments.push_back(value), builtin.argument_spans.emplace_back();
    for (auto& [name, value] :
         bind_arguments(*callable, arguments, scope, span, &builtin.argument_spans, &builtin.rest))
      builtin.arguments.push_back(std::move(value));
    std::vector<std::pair<Span, Value>> operands;
    for (std::size_t i = 0; i < builtin.arguments.size(); ++i)
      if (is_run_value(builtin.arguments[i])) operands.emplace_back(builtin.argument_spans[i], builtin.arguments[i]);
    PathGuard path(*this, callable->name);
    return guarded(span, operands, [&] { return callable->builtin(*this, builtin); });
  }
  // `classifier(net, theta: tree)` begins with that tree.
  std::vector<std::pair<std::string, Value>> started;
  if (callable->kind == DefinitionKind::learner)
    std::erase_if(arguments, [&](const Argument& argument) {
      const auto& list = callable->lists.front();
      const bool is_parameter =
          std::any_of(list.begin(), list.end(), [&](const auto& p) { return p.name == argument.name; });
      if (argument.name.empty() || is_parameter || !is_state(*callable->definition, argument.name)) return false;
      started.emplace_back(argument.name, argument.value);
      return true;
    });
  auto bound = bind_arguments(*callable, arguments, scope, span, nullptr, nullptr);
  if (callable->kind == DefinitionKind::learner) {
    Learner learner{callable->definition, scope, None{}, span, std::move(started), 0, "", {}, {}, {}, {}};
    if (const Value* base = scope->find("base");
        base != nullptr && base->get<std::shared_ptr<const Learner>>() == nullptr && scope->has("base"))
      fail("E0466", span,
           fmt::format("`{}` is a wrapper: its `base` is a learner, not {}", callable->name, describe(*base)), "",
           "a learner is made by a call with its settings, such as `mine(net)`");
    int wrapped = 0;
    for (const Learner* base = learner.base(); base != nullptr; base = base->base())
      if (++wrapped > most_wrappers)
        fail("E0304", span, fmt::format("more than {} learners are wrapped round each other", most_wrappers));
    return std::make_shared<const Learner>(std::move(learner));
  }
  if (!last) {
    auto next = std::make_shared<Callable>(*callable);
    next->stage += 1;
    next->supplied.push_back(std::move(bound));
    return std::shared_ptr<const Callable>(std::move(next));
  }
  return execute(callable, scope, span);
}

Value Elaborator::call_function(const Value& callee, std::vector<Value> positional, Span span) {
  std::vector<Argument> arguments;
  for (auto& value : positional) arguments.push_back({"", std::move(value), span});
  return call(callee, std::move(arguments), span);
}

// Runs the body of a callable whose arguments are bound in `scope`; a constructor makes its value instead.
Value Elaborator::execute(const std::shared_ptr<const Callable>& callable, const ScopePtr& scope, Span span) {
  switch (callable->kind) {
    case DefinitionKind::optimizer:
      return std::make_shared<const Optimizer>(Optimizer{callable->definition, scope, span});
    case DefinitionKind::tasks:
      return task_source(*this, callable->definition, scope, span);
    case DefinitionKind::experiment:
      fail("E0310", span, fmt::format("the experiment `{}` cannot be called", callable->name), "",
           "run it: `metac run --experiment NAME`");
    case DefinitionKind::learner:  // made in `call`
    case DefinitionKind::function:
    case DefinitionKind::model:
      break;
  }
  CallGuard guard(*this, callable->name, kind_phrase(*callable), span);
  struct Mode {
    bool& training;
    const bool outside = training;
    ~Mode() { training = outside; }
  } mode{context_.training};
  if (callable->evaluating) context_.training = false;
  if (callable->body.expression != nullptr) return evaluate(callable->body.expression, scope);
  return block_value(*callable->body.block, scope);
}

Value Elaborator::draw(const std::string& name, const Value& distribution, const Shape& shape, Span span) {
  if (const auto* source = distribution.get<SourcePtr>()) return draw_task(name, *source, span);
  if (distribution.callable() == nullptr)
    fail("E0311", span,
         fmt::format("`{}` can only be drawn from a distribution; this is {}", name, describe(distribution)), "",
         "write a distribution after `~`, such as `uniform(0, 1)` or `normal()`; a plain value is bound with `let`");
  if (const Callable& of = *distribution.callable(); of.stage + 1 < static_cast<int>(of.lists.size())) {
    std::vector<std::string> settings;  // as they are if nothing is said
    for (const auto& parameter : of.lists[of.stage])
      settings.emplace_back(parameter.default_value != nullptr && !of.builtin
                                ? program_->sources().text(parameter.default_value->span)
                                : parameter.name);
    fail("E0311", span, fmt::format("`{}` is drawn from `{}`, which needs its settings first", name, of.name), "",
         fmt::format("call it: `{} ~ {}({})`", name, of.name, fmt::join(settings, ", ")));
  }
  if (!context_.key && context_.graph != nullptr)
    fail("E0312", span, fmt::format("`{}` is drawn where nothing is random", name), "",
         "draws stand in tasks, models and learners");
  std::vector<Value> sizes;
  for (const auto size : shape) sizes.emplace_back(size);
  PathGuard path(*this, "~" + name);
  return call_function(distribution, {Value::list(std::move(sizes))}, span);
}

Value Elaborator::draw_task(const std::string& name, const SourcePtr& source, Span span) {
  const auto* tasks = dynamic_cast<const TaskSource*>(source.get());
  if (tasks == nullptr)
    fail("E0471", span,
         fmt::format("{} gives batches of examples; a task can only be drawn from tasks", source->describe()), "",
         "`episodes(..)` and `groups(..)` make tasks of a data set");
  if (context_.draws == nullptr)
    fail("E0470", span, fmt::format("a task of {} is drawn outside of `tasks`", source->describe()), "",
         "tasks of other sources are drawn in the body of `tasks`, or in functions that it calls");
  const DepthGuard depth(*this, span);
  CallGuard guard(*this, "~" + name, fmt::format("in a task of {}, drawn here", source->describe()), span);
  return tasks->drawn_inside(*this, source, span);
}

Tensor Elaborator::current_key(Span span) {
  if (!context_.key)
    fail("E0312", span, "a draw stands where nothing is random", "", "draws stand in tasks, models and learners");
  ++tensors_met_;
  const auto low = static_cast<std::int32_t>(context_.path), high = static_cast<std::int32_t>(context_.path >> 32);
  return fold_in(fold_in(context_.key, low), high);
}

}  // namespace metac::dsl
