// One walk over a tree, noting places.
#include "syntax/marks.hpp"

namespace metac::dsl {

namespace {

class Walker {
 public:
  explicit Walker(Marks& marks) : marks_(marks) {}

  void visit(const std::shared_ptr<const Statement>& statement) {
    marks_.starts.insert(statement->span.begin);
    marks_.groups.insert(statement->span.begin);  // (a, b) = e
    std::visit([&](const auto& node) { inside(node); }, statement->node);
  }

 private:
  void visit(const ExprPtr& expr) {
    if (!expr) return;
    at_ = expr->span.begin;
    std::visit([&](const auto& node) { inside(node); }, expr->node);
  }
  void visit(const BlockPtr& block) {
    if (!block) return;
    for (const auto& statement : block->statements) visit(statement);
  }
  void visit(const Body& body) {
    visit(body.expression);
    visit(body.block);
  }
  void visit(const Pattern& pattern) {
    if (pattern.is_tuple) marks_.groups.insert(pattern.span.begin);
  }
  void visit(const std::vector<ExprPtr>& all) {
    for (const ExprPtr& expr : all) visit(expr);
  }
  void visit(const std::vector<Field>& fields) {
    for (const Field& field : fields) visit(field.value);
  }
  void visit(const ParameterList& list) {
    for (const Parameter& parameter : list.parameters) visit(parameter.default_value);
  }
  template <typename... Parts>
  void each(const Parts&... parts) {
    (visit(parts), ...);
  }
  void group() { marks_.groups.insert(at_); }

  void inside(const NumberLiteral&) {}
  void inside(const StringLiteral&) {}
  void inside(const BoolLiteral&) {}
  void inside(const NameExpr&) {}
  void inside(const ListExpr& e) { group(), visit(e.items); }
  void inside(const ParenExpr& e) { group(), visit(e.inner); }
  void inside(const RecordExpr& e) { group(), visit(e.fields); }
  void inside(const std::shared_ptr<const ComprehensionExpr>& e) {
    group();
    each(e->item, e->pattern, e->sequence, e->condition);
  }
  void inside(const UnaryExpr& e) { marks_.prefixes.insert(at_), visit(e.operand); }
  void inside(const BinaryExpr& e) { each(e.left, e.right); }
  void inside(const CallExpr& e) { each(e.callee, e.arguments); }
  void inside(const MemberExpr& e) { visit(e.base); }
  void inside(const IndexExpr& e) {
    visit(e.base);
    for (const IndexItem& item : e.items) {
      each(item.index, item.begin, item.end);
      if (item.begin && item.end && (is_operation(item.begin) || is_operation(item.end)))
        marks_.wide_slices.insert(item.begin->span.end);
    }
  }
  void inside(const IfExpr& e) { each(e.condition, e.then, e.otherwise); }
  void inside(const NamedExpr& e) { visit(e.inner); }
  void inside(const FunctionExpr& e) {
    for (const ParameterList& list : e.lists) visit(list);
    visit(e.body);
  }
  void inside(const DerivativeExpr& e) { each(e.arguments, e.block); }
  void inside(const WorkExpr& e) {
    each(e.learner, e.source, e.options);
    for (const Field& option : e.options) marks_.starts.insert(option.span.begin);
  }

  void inside(const LetStatement& s) { each(s.pattern, s.value); }
  void inside(const VarStatement& s) { each(s.pattern, s.value); }
  void inside(const AssignStatement& s) { visit(s.value); }
  void inside(const DrawStatement& s) { each(s.pattern, s.distribution); }
  void inside(const ParamStatement& s) { each(s.shape, s.initialiser); }
  void inside(const LearnStatement& s) { visit(s.value); }
  void inside(const MemoryStatement& s) { visit(s.value); }
  void inside(const ReturnStatement& s) { visit(s.value); }
  void inside(const ForStatement& s) { each(s.pattern, s.sequence, s.body); }
  void inside(const IfStatement& s) { each(s.condition, s.then), otherwise(s.otherwise); }
  void inside(const OnStatement& s) { each(s.parameters, s.body); }
  void inside(const ExprStatement& s) { visit(s.value); }
  void inside(const Definition& s) {
    for (const ParameterList& list : s.lists) visit(list);
    visit(s.body);
  }
  void inside(const UseStatement&) {}

  // Of two values, with blanks round its sign.
  static bool is_operation(const ExprPtr& expr) {
    const auto* binary = std::get_if<BinaryExpr>(&expr->node);
    return binary && binary->op != BinaryOp::power;
  }

  // The `if` of an `else if` begins no statement of its own.
  void otherwise(const BlockPtr& block) {
    const bool nests = block && block->statements.size() == 1 && block->span == block->statements[0]->span;
    if (!nests) return visit(block);
    std::visit([&](const auto& node) { inside(node); }, block->statements[0]->node);
  }

  Marks& marks_;
  std::uint32_t at_ = 0;  // the start of the expression being visited
};

}  // namespace

Marks find_marks(const Module& module) {
  Marks marks;
  Walker walker(marks);
  for (const auto& statement : module.statements) walker.visit(statement);
  return marks;
}

}  // namespace metac::dsl
