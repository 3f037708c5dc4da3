// Each node becomes `(name part part ...)`; see dump.hpp.
#include "dsl/syntax/dump.hpp"

namespace metac::dsl {

namespace {

std::string show(const Field&);
std::string show(const Parameter&);
std::string show(const ParameterList&);
std::string show(const IndexItem&);

std::string show(const ExprPtr& e) { return e ? dump(*e) : "nil"; }

std::string show(const BlockPtr& b) {
  if (!b) return "nil";
  std::string out = "{";
  for (const auto& statement : b->statements) out += (out.size() > 1 ? "; " : "") + dump(*statement);
  return out + "}";
}

std::string show(const Name& name) { return name.text; }

template <typename T>
std::string show(const std::vector<T>& all) {
  std::string out = "[";
  for (const T& one : all) out += (out.size() > 1 ? " " : "") + show(one);
  return out + "]";
}

std::string show(const Pattern& p) { return p.is_tuple ? show(p.names) : p.names.at(0).text; }
std::string show(const Field& f) { return (f.name ? f.name->text + ":" : "") + show(f.value); }
std::string show(const Parameter& p) { return p.name.text + (p.default_value ? "=" + show(p.default_value) : ""); }
std::string show(const ParameterList& list) { return show(list.parameters); }
std::string show(const Body& body) { return body.block ? show(body.block) : show(body.expression); }
std::string show(const IndexItem& item) {
  return item.is_slice ? "(slice " + show(item.begin) + " " + show(item.end) + ")" : show(item.index);
}

template <typename... Parts>
std::string form(const std::string& head, const Parts&... parts) {
  std::string out = "(" + head;
  ((out += " " + show(parts)), ...);
  return out + ")";
}

struct Dumper {
  std::string operator()(const NumberLiteral& e) const {
    return e.is_integer ? std::to_string(e.integer) : "f" + std::to_string(e.real);
  }
  std::string operator()(const StringLiteral& e) const { return '"' + e.value + '"'; }
  std::string operator()(const BoolLiteral& e) const { return e.value ? "true" : "false"; }
  std::string operator()(const NameExpr& e) const { return e.name; }
  std::string operator()(const ListExpr& e) const { return form("list", e.items); }
  std::string operator()(const ParenExpr& e) const { return form("paren", e.inner); }
  std::string operator()(const RecordExpr& e) const { return form("record", e.fields); }
  std::string operator()(const std::shared_ptr<const ComprehensionExpr>& e) const {
    return form("each", e->item, e->pattern, e->sequence, e->condition);
  }
  std::string operator()(const UnaryExpr& e) const { return form(e.op == UnaryOp::negate ? "-" : "not", e.operand); }
  std::string operator()(const BinaryExpr& e) const {
    static const char* const names[] = {
        "+", "-", "*", "/", "%", "^", "@", "==", "!=", "<", "<=", ">", ">=", "and", "or", "..", "|>"};
    return form(names[static_cast<int>(e.op)], e.left, e.right);
  }
  std::string operator()(const CallExpr& e) const { return form("call", e.callee, e.arguments); }
  std::string operator()(const MemberExpr& e) const { return form(".", e.base, e.member); }
  std::string operator()(const IndexExpr& e) const { return form("index", e.base, e.items); }
  std::string operator()(const IfExpr& e) const { return form("if", e.condition, e.then, e.otherwise); }
  std::string operator()(const NamedExpr& e) const { return form("as", e.inner, e.name); }
  std::string operator()(const FunctionExpr& e) const { return form("fn", e.lists, e.body); }
  std::string operator()(const DerivativeExpr& e) const { return form(e.kind.text, e.arguments, e.block); }
  std::string operator()(const WorkExpr& e) const {
    return form(e.kind == WorkExpr::Kind::train ? "train" : "evaluate", e.learner, e.source, e.options);
  }

  std::string operator()(const LetStatement& s) const { return form("let", s.pattern, s.value); }
  std::string operator()(const VarStatement& s) const { return form("var", s.pattern, s.value); }
  std::string operator()(const AssignStatement& s) const { return form(s.is_tuple ? "set*" : "set", s.paths, s.value); }
  std::string operator()(const DrawStatement& s) const { return form("~", s.pattern, s.distribution); }
  std::string operator()(const ParamStatement& s) const { return form("param", s.name, s.shape, s.initialiser); }
  std::string operator()(const LearnStatement& s) const { return form("learn", s.name, s.value); }
  std::string operator()(const MemoryStatement& s) const { return form("memory", s.name, s.value); }
  std::string operator()(const ReturnStatement& s) const { return form("return", s.value); }
  std::string operator()(const ForStatement& s) const { return form("for", s.pattern, s.sequence, s.body); }
  std::string operator()(const IfStatement& s) const { return form("if", s.condition, s.then, s.otherwise); }
  std::string operator()(const OnStatement& s) const { return form("on", s.event, s.parameters, s.body); }
  std::string operator()(const ExprStatement& s) const { return show(s.value); }
  std::string operator()(const Definition& s) const {
    return form("define" + std::to_string(static_cast<int>(s.kind)), s.name, s.lists, s.body) + "'" + s.documentation +
           "'";
  }
  std::string operator()(const UseStatement& s) const { return form("use", s.names) + s.module; }
};

}  // namespace

std::string dump(const Expr& e) { return std::visit(Dumper{}, e.node); }
std::string dump(const Statement& s) { return std::visit(Dumper{}, s.node); }
std::string dump(const Module& module) {
  std::string out;
  for (const auto& statement : module.statements) out += dump(*statement) + "\n";
  return out;
}

}  // namespace metac::dsl
