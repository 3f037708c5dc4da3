// Expressions and statements: one function for each form of the tree.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/error.hpp"
#include "elaborate/choice.hpp"
#include "elaborate/rows.hpp"

namespace metac::dsl {

// By its name, which may be that of an argument that was given far from here.
static void refuse_uncallable(Elaborator& self, const Value& callee, const ExprPtr& written, Span span) {
  const auto* name = std::get_if<NameExpr>(&written->node);
  if (name == nullptr || callee.callable() != nullptr) return;
  self.fail("E0309", span, fmt::format("`{}` is {}, which cannot be called", name->name, describe(callee)), "",
            "only functions, models and constructors can");
}

// Dispatches on the form of an expression. `e` is the expression itself, for its span.
struct Expressions {
  Elaborator& self;
  const Expr& e;
  const ScopePtr& scope;

  Value operator()(const NumberLiteral& n) const { return n.is_integer ? Value(n.integer) : Value(n.real); }
  Value operator()(const StringLiteral& s) const { return s.value; }
  Value operator()(const BoolLiteral& b) const { return b.value; }
  Value operator()(const NameExpr& name) const {
    if (scope != nullptr)
      if (Value* found = scope->find(name.name)) return self.inside(*found);
    return self.inside(self.global(name.name, e.span.file, e.span));
  }
  Value operator()(const ListExpr& list) const {
    std::vector<Value> items;
    for (const auto& item : list.items) items.push_back(self.evaluate(item, scope));
    return Value::list(std::move(items));
  }
  Value operator()(const ParenExpr& paren) const { return self.evaluate(paren.inner, scope); }
  Value operator()(const RecordExpr& record) const {
    std::vector<std::pair<std::string, Value>> fields;
    for (const auto& field : record.fields)
      fields.emplace_back(field.name ? field.name->text : "", self.evaluate(field.value, scope));
    return Value::record(std::move(fields));
  }
  Value operator()(const std::shared_ptr<const ComprehensionExpr>& c) const {
    std::vector<Value> items;
    for (const auto& item : self.items(self.evaluate(c->sequence, scope), c->sequence->span)) {
      auto inner = std::make_shared<Scope>(scope);
      self.bind(c->pattern, item, inner, c->pattern.span);
      if (c->condition != nullptr && !self.condition(self.evaluate(c->condition, inner), c->condition->span)) continue;
      items.push_back(self.evaluate(c->item, inner));
    }
    return Value::list(std::move(items));
  }
  Value operator()(const UnaryExpr& unary) const {
    return self.unary(unary.op, self.evaluate(unary.operand, scope), e.span);
  }
  Value operator()(const BinaryExpr& b) const { return self.chain(b, scope, e.span); }
  Value operator()(const CallExpr& call) const {
    const Value callee = self.evaluate(call.callee, scope);
    std::vector<Elaborator::Argument> arguments;
    for (const auto& field : call.arguments)
      arguments.push_back({field.name ? field.name->text : "", self.evaluate(field.value, scope), field.value->span,
                           field.name ? field.name->span : Span{}});
    refuse_uncallable(self, callee, call.callee, e.span);
    return self.call(callee, std::move(arguments), e.span);
  }
  Value operator()(const MemberExpr& m) const {
    return taken_out(self.member(self.evaluate(m.base, scope), m.member, e.span));
  }
  Value operator()(const IndexExpr& i) const {
    return self.index(self.evaluate(i.base, scope), i.items, scope, e.span);
  }
  Value operator()(const IfExpr& i) const { return self.select(i, scope, e.span); }
  Value operator()(const NamedExpr& named) const {
    const Value value = self.evaluate(named.inner, scope);
    const Callable* callable = value.callable();
    if (callable == nullptr || callable->kind != DefinitionKind::model)
      self.fail("E0330", e.span, fmt::format("only a layer can be named with `as`, not {}", describe(value)));
    auto copy = std::make_shared<Callable>(*callable);
    copy->layer_name = named.name.text;
    return std::shared_ptr<const Callable>(std::move(copy));
  }
  Value operator()(const FunctionExpr& f) const {
    auto callable = std::make_shared<Callable>();
    callable->name = "fn";
    for (const auto& list : f.lists) {
      auto& out = callable->lists.emplace_back();
      for (const auto& parameter : list.parameters) out.push_back({parameter.name.text, parameter.default_value});
    }
    callable->open_ended.resize(callable->lists.size(), false);
    callable->body = f.body;
    callable->scope = scope;
    self.note_capture(scope);
    callable->span = e.span;
    return std::shared_ptr<const Callable>(std::move(callable));
  }
  Value operator()(const DerivativeExpr& d) const { return self.derivative(d, scope, e.span); }
  Value operator()(const WorkExpr& w) const {
    if (!self.work) self.fail("E0331", e.span, "`train` and `evaluate` stand in an experiment only");
    return self.work(w, scope, e.span);
  }
};

// Calls, parentheses and blocks inside each other all take stack, and of that there is little; so it is what is
// counted.
struct Elaborator::StackGuard {
  static constexpr std::ptrdiff_t most = 6 << 20;  // bytes of the 8 MiB that a program usually has
  StackGuard(Elaborator& elaborator, Span span) : elaborator(elaborator), outermost(elaborator.stack_ == nullptr) {
    const char* here = static_cast<const char*>(__builtin_frame_address(0));
    if (outermost)
      elaborator.stack_ = here;
    else if (std::abs(elaborator.stack_ - here) > most)
      elaborator.fail("E0304", span, "calls and expressions are nested too deep: a recursion without end?");
  }
  ~StackGuard() {
    if (outermost) elaborator.stack_ = nullptr;
  }
  Elaborator& elaborator;
  bool outermost;
};

Value Elaborator::evaluate(const ExprPtr& expression, const ScopePtr& scope) {
  const StackGuard stack(*this, expression->span);
  if (stop != nullptr && stop->load(std::memory_order_relaxed)) throw Interrupted{};
  try {
    Value value = std::visit(Expressions{*this, *expression, scope}, expression->node);
    if (flow != nullptr) flow->note(expression->span, value);
    return value;
  } catch (const Error& error) {  // what no operator around it has given a place
    fail_operator(error, expression->span, {});
  }
}

// A long chain of operators leans to the left; it is walked in a loop, so its length costs no stack.
Value Elaborator::chain(const BinaryExpr& top, const ScopePtr& scope, Span span) {
  std::vector<std::pair<const BinaryExpr*, Span>> links{{&top, span}};
  while (const auto* left = std::get_if<BinaryExpr>(&links.back().first->left->node))
    links.emplace_back(left, links.back().first->left->span);
  Value value = evaluate(links.back().first->left, scope);
  for (auto it = links.rbegin(); it != links.rend(); ++it) {
    const auto& [link, place] = *it;
    if (link->op == BinaryOp::logical_and || link->op == BinaryOp::logical_or) {
      const bool decided = link->op == BinaryOp::logical_or;
      if (const bool* left = value.get<bool>(); left != nullptr && *left == decided)
        continue;  // the rest is not looked at
    }
    const Value right = evaluate(link->right, scope);
    if (link->op == BinaryOp::pipe) refuse_uncallable(*this, right, link->right, place);
    value = link->op == BinaryOp::pipe ? call(right, {{"", value, link->left->span}}, place)
                                       : binary(link->op, value, right, place, link->left->span, link->right->span);
    if (flow != nullptr) flow->note(place, value);
  }
  return value;
}

bool Elaborator::condition(const Value& value, Span span) {
  if (const bool* b = value.get<bool>()) return *b;
  if (const auto* open = value.get<Unmeasured>(); open != nullptr && open->is_condition) return true;
  if (is_run_value(value))
    fail("E0332", span, "this condition is only known while the graph runs", fmt::format("this is {}", describe(value)),
         "use `if c then a else b`, which computes both sides and selects, or `branch(c, fn () = a, fn () = b)`");
  fail("E0333", span, fmt::format("a condition is true or false, not {}", describe(value)));
}

std::vector<Value> Elaborator::items(const Value& sequence, Span span) {
  if (const List* list = sequence.list()) return list->items;
  if (const Tensor* tensor = sequence.get<Tensor>(); tensor != nullptr && tensor->shape().rank() > 0) {
    std::vector<Value> rows;
    for (std::int64_t i = 0; i < tensor->shape()[0]; ++i) rows.emplace_back(index_axis(*tensor, 0, i));
    return rows;
  }
  fail("E0334", span,
       fmt::format("only a list, a range or the rows of a tensor can be gone through, not {}", describe(sequence)));
}

void Elaborator::bind(const Name& name, const Value& value, const ScopePtr& scope) {
  if (name.text == "_") return;
  scope->bind(name.text, value);
  if (name_bound) name_bound(name, value);
}

void Elaborator::bind(const Pattern& pattern, const Value& value, const ScopePtr& scope, Span span) {
  if (!pattern.is_tuple) return bind(pattern.names.front(), value, scope);
  const Record* record = value.record();
  const List* list = value.list();
  const std::size_t size = record != nullptr ? record->fields.size() : list != nullptr ? list->items.size() : 0;
  if (size != pattern.names.size())
    fail("E0335", span, fmt::format("{} names are bound to {}", pattern.names.size(), describe(value)), "",
         fmt::format("a tuple of {} values was needed", pattern.names.size()));
  for (std::size_t i = 0; i < size; ++i)
    bind(pattern.names[i], record != nullptr ? record->fields[i].second : list->items[i], scope);
}

// `tree` with the value at `path` (its names from `from` on) replaced.
Value Elaborator::replaced(const Value& tree, const std::vector<Name>& path, std::size_t from, const Value& value) {
  if (from == path.size()) {
    if (tree.carried() == nullptr || value.record() != nullptr) return value;
    Carried leaf = *tree.carried();
    leaf.leaf = value;
    return Value::carried(std::move(leaf));
  }
  if (const auto* learner = tree.get<std::shared_ptr<const Learner>>()) {
    auto copy = **learner;
    copy.state = path[from].text == "learned"
                     ? with_learned(copy, copy.state, replaced(learned(copy, copy.state), path, from + 1, value))
                     : replaced(copy.state, path, from, value);
    return std::make_shared<const Learner>(std::move(copy));
  }
  const Record* record = tree.record();
  const Value* child = record != nullptr ? record->find(path[from].text) : nullptr;
  if (child == nullptr)
    fail("E0336", path[from].span, fmt::format("there is no `{}` in {}", path[from].text, describe(tree)));
  auto fields = record->fields;
  for (auto& [name, field] : fields)
    if (name == path[from].text) field = replaced(field, path, from + 1, value);
  return Value::record(std::move(fields));
}

void Elaborator::assign(const AssignStatement& statement, const ScopePtr& scope, Span span) {
  const Value value = evaluate(statement.value, scope);
  const Record* parts = value.record();
  const std::size_t count = statement.paths.size();
  if (statement.is_tuple && (parts == nullptr || parts->fields.size() != count))
    fail("E0335", span, fmt::format("{} names are assigned {}", count, describe(value)));
  for (std::size_t i = 0; i < count; ++i) {
    const auto& path = statement.paths[i];
    const Value& part = statement.is_tuple ? parts->fields[i].second : value;
    if (path.front().text == "_") continue;
    if (Value* variable = scope->find(path.front().text)) {
      *variable = replaced(*variable, path, 1, part);
    } else {
      scope->bind(path.front().text, part);
    }
  }
}

Value Elaborator::block_value(const Block& block, const ScopePtr& scope) {
  if (block.statements.size() == 1)
    if (const auto* only = std::get_if<ExprStatement>(&block.statements.front()->node))
      return evaluate(only->value, scope);
  auto result = run(block, scope);
  return result ? *result : Value(None{});
}

std::optional<Value> Elaborator::run(const Block& block, const ScopePtr& outer) {
  auto scope = std::make_shared<Scope>(outer);
  // Functions of one block see each other, whatever their order.
  for (const auto& statement : block.statements)
    if (const auto* definition = std::get_if<Definition>(&statement->node))
      scope->bind(definition->name.text, closure(*definition, scope));
  for (const auto& statement : block.statements)
    if (auto result = run(*statement, scope)) return result;
  return std::nullopt;
}

namespace {

struct Statements {
  Elaborator& self;
  const Statement& statement;
  const ScopePtr& scope;
  using Result = std::optional<Value>;

  Result operator()(const LetStatement& let) const {
    self.bind(let.pattern, self.evaluate(let.value, scope), scope, let.pattern.span);
    return std::nullopt;
  }
  Result operator()(const VarStatement& var) const {
    self.bind(var.pattern, self.evaluate(var.value, scope), scope, var.pattern.span);
    return std::nullopt;
  }
  Result operator()(const AssignStatement& assign) const {
    self.assign(assign, scope, statement.span);
    return std::nullopt;
  }
  Result operator()(const DrawStatement& draw) const {
    std::string name = draw.pattern.names.front().text;
    const Value value = self.draw(name, self.evaluate(draw.distribution, scope), {}, draw.distribution->span);
    self.bind(draw.pattern, value, scope, draw.pattern.span);
    return std::nullopt;
  }
  Result operator()(const ParamStatement& param) const {
    self.bind(param.name, self.parameter(param, scope), scope);
    return std::nullopt;
  }
  Result operator()(const MemoryStatement& memory) const {
    self.memory(memory, scope);
    return std::nullopt;
  }
  Result operator()(const ReturnStatement& result) const {
    return result.value != nullptr ? self.evaluate(result.value, scope) : Value(None{});
  }
  Result operator()(const ForStatement& loop) const {
    for (const auto& item : self.items(self.evaluate(loop.sequence, scope), loop.sequence->span)) {
      auto inner = std::make_shared<Scope>(scope);
      self.bind(loop.pattern, item, inner, loop.pattern.span);
      if (auto result = self.run(*loop.body, inner)) return result;
    }
    return std::nullopt;
  }
  Result operator()(const IfStatement& branch) const {
    const Value condition = self.evaluate(branch.condition, scope);
    if (condition.get<Unmeasured>() != nullptr) return self.either_way(branch, scope);
    if (self.condition(condition, branch.condition->span)) return self.run(*branch.then, scope);
    return branch.otherwise != nullptr ? self.run(*branch.otherwise, scope) : std::nullopt;
  }
  Result operator()(const ExprStatement& expression) const {
    self.evaluate(expression.value, scope);
    return std::nullopt;
  }
  Result operator()(const Definition&) const { return std::nullopt; }  // bound when the block began
  template <class Other>
  Result operator()(const Other&) const {
    self.fail("E0337", statement.span, "this statement cannot stand here");
  }
};

}  // namespace

std::optional<Value> Elaborator::run(const Statement& statement, const ScopePtr& scope) {
  return std::visit(Statements{*this, statement, scope}, statement.node);
}

Value Elaborator::select(const IfExpr& branch, const ScopePtr& scope, Span span) {
  const Value condition = evaluate(branch.condition, scope);
  if (const bool* known = condition.get<bool>()) return evaluate(*known ? branch.then : branch.otherwise, scope);
  if (condition.get<Unmeasured>() != nullptr) return either_value(branch, scope);
  // A tree of conditions selects leaf by leaf.
  for (const auto& leaf : leaves(seen(condition)))
    if (const Tensor* mask = leaf.value.get<Tensor>();
        !leaf.value.get<bool>() && (mask == nullptr || mask->dtype() != Dtype::boolean))
      fail("E0333", branch.condition->span, fmt::format("a condition is true or false, not {}", describe(leaf.value)));
  const Value a = evaluate(branch.then, scope), b = evaluate(branch.otherwise, scope);
  return guarded(span, {{branch.then->span, a}, {branch.otherwise->span, b}}, [&] {
    const Value pairs = zip_leaves(a, b, [](const Value& x, const Value& y) -> Value { return Value::list({x, y}); });
    return zip_leaves(condition, pairs, [&](const Value& mask, const Value& pair) -> Value {
      auto [left, right] = same_type(tensor(pair.list()->items[0], branch.then->span),
                                     tensor(pair.list()->items[1], branch.otherwise->span));
      return metac::select(tensor(mask, branch.condition->span), left, right);
    });
  });
}

// One of a list, by an index that is known only while the graph runs.
Value Elaborator::item_at(const List& list, Tensor index, Span span) {
  std::vector<SourcePtr> sources;
  for (const auto& item : list.items)
    if (const auto* source = item.get<SourcePtr>()) sources.push_back(*source);
  if (list.items.empty()) fail("E0339", span, "an empty list has nothing to choose from");
  if (sources.size() < list.items.size()) return choice(*this, list.items, index, span);
  if (context_.draws == nullptr || index.shape().rank() != 0)
    fail("E0342", span, fmt::format("a source cannot be chosen here by {}", describe(index)), "",
         "the body of `tasks` draws from a source that one whole number of the graph chooses");
  return source_choice(std::move(sources), index);
}

Value Elaborator::index(const Value& base, const std::vector<IndexItem>& items, const ScopePtr& scope, Span span) {
  const auto bound = [&](const ExprPtr& e, std::int64_t otherwise, std::int64_t size) {
    if (e == nullptr) return otherwise;
    const auto value = integer(evaluate(e, scope), e->span, "an end of a slice");
    if (value < -size || value > size)
      fail("E0338", e->span,
           fmt::format("a slice of {} elements {} at {}", size, otherwise == 0 ? "begins" : "ends", value), "",
           fmt::format("ends run from 0 to {}, or from -1 to {} backwards", size, -size));
    return value < 0 ? value + size : value;
  };
  const auto position = [&](const Value& value, Span place, std::int64_t size) {
    return place_of(*this, integer(value, place, "an index"), size, place);
  };
  if (const List* list = base.list(); list != nullptr && items.size() == 1) {
    const auto size = static_cast<std::int64_t>(list->items.size());
    const auto& item = items.front();
    if (!item.is_slice) {
      const Value at = evaluate(item.index, scope);
      const Tensor* drawn = at.get<Tensor>();
      return drawn == nullptr ? list->items[position(at, item.span, size)] : item_at(*list, *drawn, item.span);
    }
    const auto begin = bound(item.begin, 0, size), end = std::max(begin, bound(item.end, size, size));
    return Value::list({list->items.begin() + begin, list->items.begin() + end});
  }
  if (const Record* record = base.record(); record != nullptr && !record->fields.empty()) {
    const auto& name = record->fields.front().first;
    fail(
        "E0340", span, fmt::format("{} cannot be indexed", describe(base)), "",
        name.empty() ? "take it apart: `let (a, b) = pair`" : fmt::format("its parts have names, such as `.{}`", name));
  }
  if (!is_run_value(base) && !(base.list() != nullptr && is_numbers(base)))
    fail("E0340", span, fmt::format("{} cannot be indexed", describe(base)));
  Tensor result = tensor(base, span);
  return guarded(span, {{span, base}}, [&]() -> Value {
    int axis = 0;
    for (const auto& item : items) {
      if (axis >= result.shape().rank())
        fail("E0341", item.span, fmt::format("more indices than {} has axes", describe(base)));
      const auto size = result.shape()[axis];
      if (item.is_slice) {
        const auto begin = bound(item.begin, 0, size);
        result = slice_axis(result, axis, begin, std::max(begin, bound(item.end, size, size)));
        ++axis;
        continue;
      }
      const Value at = evaluate(item.index, scope);
      if (const Tensor* rows = at.get<Tensor>()) {
        if (rows->dtype() != Dtype::i32)
          fail("E0355", item.span, fmt::format("an index is a whole number, not {}", describe(at)));
        if (axis != 0) fail("E0342", item.span, "a tensor can index the first axis only");
        result = slices_at(result, *rows, 0);
        axis += rows->shape().rank();
        continue;
      }
      result = index_axis(result, axis, position(at, item.span, size));
    }
    return result;
  });
}

}  // namespace metac::dsl
