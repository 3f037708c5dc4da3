// Expressions: each name is looked up, each call checked.
#include <algorithm>

#include "check/walker.hpp"

namespace metac::dsl {

void Walker::expression(const Expr& e) {
  std::visit([&](const auto& node) { visit(node, e); }, e.node);
}

void Walker::visit(const NameExpr& e, const Expr& whole) { use_name(e.name, whole.span); }

void Walker::visit(const ListExpr& e, const Expr&) {
  for (const ExprPtr& item : e.items) expression(item);
}

void Walker::visit(const RecordExpr& e, const Expr&) {
  std::map<std::string, Span> seen;
  const Field* named = nullptr;
  for (const Field& field : e.fields)
    if (field.name && named == nullptr) named = &field;
  for (const Field& field : e.fields) {
    expression(field.value);
    if (!field.name && named != nullptr) {
      Diagnostic& error = report_.error("E0226", field.value->span, "this part has no name, and others have");
      error.labels.push_back({named->name->span, "this one has"});
      error.hint = "a record has a name for each part, `(a: 1, b: 2)`, a tuple for none, `(1, 2)`";
    }
    if (!field.name) continue;
    note(*field.name, Occurrence::Kind::field, nowhere);
    const auto [first, is_new] = seen.emplace(field.name->text, field.name->span);
    if (is_new) continue;
    Diagnostic& error = report_.error("E0204", field.name->span, "the field `" + field.name->text + "` is given twice");
    error.labels.push_back({first->second, "first given here"});
  }
}

void Walker::visit(const std::shared_ptr<const ComprehensionExpr>& e, const Expr&) {
  expression(e->sequence);
  scopes_.push();
  bind(e->pattern, SymbolKind::loop);
  expression(e->condition);
  expression(e->item);
  pop_scope();
}

void Walker::visit(const BinaryExpr& e, const Expr&) {
  expression(e.left);
  if (e.op == BinaryOp::pipe) {
    piped_ = e.right.get();
    while (const auto* named = std::get_if<NamedExpr>(&piped_->node)) piped_ = named->inner.get();
  }
  expression(e.right);
  if (e.op == BinaryOp::pipe) pipe(e);
}

void Walker::visit(const CallExpr& e, const Expr& whole) {
  const bool piped = piped_ == &whole;
  expression(e.callee);
  for (const Field& argument : e.arguments) expression(argument.value);
  const auto target = target_of(*e.callee);
  note_call(e, target);
  if (target) arguments(*target, e.arguments, e.callee->span, piped);
}

void Walker::visit(const MemberExpr& e, const Expr&) {
  expression(e.base);
  note_member(e);
  static const std::set<std::string> of_a_base = {"learned", "objective", "direction", "predict"};
  const auto* name = std::get_if<NameExpr>(&e.base->node);
  const Symbol* symbol = name ? scopes_.find(name->name) : nullptr;
  const bool of_parameter = symbol && symbol->kind == SymbolKind::parameter;
  if (of_parameter && (name->name == "base" || of_a_base.count(e.member.text) > 0)) wraps_ = true;
}

void Walker::visit(const IndexExpr& e, const Expr&) {
  expression(e.base);
  for (const IndexItem& item : e.items) {
    expression(item.index);
    expression(item.begin);
    expression(item.end);
  }
}

void Walker::visit(const IfExpr& e, const Expr&) {
  expression(e.condition);
  expression(e.then);
  expression(e.otherwise);
}

void Walker::visit(const FunctionExpr& e, const Expr&) {
  function_like(e.lists, e.body, Place::function, "this function");
}

void Walker::visit(const DerivativeExpr& e, const Expr&) {
  std::set<std::string> given;
  bool any = false;
  for (const Field& argument : e.arguments) {
    if (argument.name && !given.insert(argument.name->text).second) {
      report_.error("E0206", argument.name->span, "`" + argument.name->text + "` is given twice");
    }
    derivative_argument(e, argument);
    any = any || !argument.name;
  }
  const bool directional = e.kind.text == "jvp";
  if (!any)
    report_.error("E0219", e.kind.span, "`" + e.kind.text + "` needs the name to differentiate with respect to").hint =
        "write `" + e.kind.text + (directional ? "(w, along: v) { f(w) }`" : "(w) { loss(w) }`");
  if (directional && given.count("along") == 0) {
    report_.error("E0207", e.kind.span, "missing argument `along` of `jvp`").hint = "write `jvp(w, along: v) { f(w) }`";
  }

  const Restore restore(*this);
  context_.place = Place::derivative;
  context_.function = ++functions_;
  context_.direct = true;
  context_.what = "the block of `" + e.kind.text + "`";
  statements(*e.block, true);
}

// `w` or `w.head`, of a tensor or a tree.
void Walker::derivative_argument(const DerivativeExpr& e, const Field& argument) {
  expression(argument.value);
  if (argument.name) {
    if (e.kind.text == "jvp" && argument.name->text == "along") return;
    Diagnostic& error = report_.error("E0205", argument.name->span,
                                      "`" + e.kind.text + "` has no argument `" + argument.name->text + "`");
    error.hint = e.kind.text == "jvp" ? "did you mean `along`?"
                                      : "write `" + e.kind.text + "(w) { .. }`; `w` keeps its name in the block";
    return;
  }
  const Expr* at = argument.value.get();
  while (const auto* member = std::get_if<MemberExpr>(&at->node)) at = member->base.get();
  const auto* name = std::get_if<NameExpr>(&at->node);
  if (!name) {
    report_.error("E0219", argument.value->span, "`" + e.kind.text + "` needs a name or a path such as `w.head`").hint =
        "bind the value with `let` first, and use its name in the block";
    return;
  }
  if (at != argument.value.get()) return;
  const Meaning found = meaning(name->name);
  if (found.builtin || found.definition()) {
    const std::string what = found.builtin ? "built in" : "a `" + word(found.definition()->kind) + "`";
    report_.error("E0219", at->span, "`" + name->name + "` is " + what + ", not a tensor or a tree of tensors").hint =
        "differentiate with respect to its parameters, a `learn` or a variable";
  }
}

void Walker::visit(const WorkExpr& e, const Expr& whole) {
  const Span word{whole.span.file, whole.span.begin, whole.span.begin + (e.kind == WorkExpr::Kind::train ? 5u : 8u)};
  const auto wrong = misplaced_work(e.kind, context_.place);
  const Restore restore(*this);
  if (wrong && !context_.quiet) {
    report_.error("E0210", word, wrong->message).hint = wrong->hint;
    context_.quiet = true;
  }
  expression(e.learner);
  expression(e.source);
  work_options(e);
}

void Walker::work_options(const WorkExpr& e) {
  const bool trains = e.kind == WorkExpr::Kind::train;
  const std::vector<std::string>& known = options_of(e.kind);
  const std::string verb = trains ? "`train`" : "`evaluate`";
  std::map<std::string, Span> seen;
  for (const Field& option : e.options) {
    const std::string name = option.name ? option.name->text : "";
    const Span at = option.name ? option.name->span : option.span;
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      report_.error("E0214", at, verb + " has no option `" + name + "`").hint =
          suggestion(name, known, "its options are " + enumerate(known));
    }
    if (option.name) note(*option.name, Occurrence::Kind::field, nowhere);
    const auto [first, is_new] = seen.emplace(name, at);
    if (!is_new)
      report_.error("E0206", at, "the option `" + name + "` is given twice")
          .labels.push_back({first->second, "first given here"});

    const Restore restore(*this);
    context_.in_metrics = name == "metrics" || name == "validate";
    scopes_.push();
    declare_implicit({"step", "progress"});
    if (trains && name == "optimizer") declare_implicit({"same"});
    expression(option.value);
    pop_scope();
  }
}

}  // namespace metac::dsl
