// One function for each form of the tree.
#include "syntax/picture.hpp"

#include "syntax/syntax.hpp"

namespace metac::dsl {

namespace {

Picture as(std::string role, Picture node) {
  node.role = std::move(role);
  return node;
}

std::string text_of(const Pattern& pattern) {
  std::string text;
  for (const Name& name : pattern.names) text += (text.empty() ? "" : ", ") + name.text;
  return pattern.is_tuple ? "(" + text + ")" : text;
}

Picture block_of(const Block& block) {
  Picture node{"", "block", "", block.span, {}};
  for (const auto& statement : block.statements) node.parts.push_back(picture(*statement));
  return node;
}

class Drawer {
 public:
  explicit Drawer(Span span) : node_{"", "", "", span, {}} {}
  template <class Form>
  Picture draw(const Form& form) {
    add(form);
    return std::move(node_);
  }

 private:
  void is(const char* form, std::string value = "") {
    node_.form = form;
    node_.value = std::move(value);
  }
  void part(std::string role, const ExprPtr& expression) {
    if (expression != nullptr) node_.parts.push_back(as(std::move(role), picture(*expression)));
  }
  void part(std::string role, const BlockPtr& block) {
    if (block != nullptr) node_.parts.push_back(as(std::move(role), block_of(*block)));
  }
  void parts(const std::vector<ExprPtr>& all) {
    for (const auto& each : all) part("", each);
  }
  void fields(const char* role, const std::vector<Field>& all) {
    for (const Field& field : all) part(field.name ? std::string(role) + " " + field.name->text : role, field.value);
  }
  void lists(const std::vector<ParameterList>& all) {
    for (const auto& list : all) {
      Picture made{"", "parameters", "", list.span, {}};
      for (const Parameter& each : list.parameters) {
        Picture& parameter = made.parts.emplace_back(Picture{"", "parameter", each.name.text, each.name.span, {}});
        if (each.default_value != nullptr) parameter.parts.push_back(as("default", picture(*each.default_value)));
      }
      node_.parts.push_back(std::move(made));
    }
  }
  void body(const Body& body) {
    part("", body.expression);
    part("", body.block);
  }

  // ---- expressions ----
  void add(const NumberLiteral&) { is("number"); }
  void add(const StringLiteral& e) { is("text", e.value); }
  void add(const BoolLiteral& e) { is("truth", e.value ? "true" : "false"); }
  void add(const NameExpr& e) { is("name", e.name); }
  void add(const ListExpr& e) { is("list"), parts(e.items); }
  void add(const ParenExpr& e) { is("parentheses"), part("", e.inner); }
  void add(const RecordExpr& e) { is("record"), fields("field", e.fields); }
  void add(const std::shared_ptr<const ComprehensionExpr>& e) {
    is("comprehension", text_of(e->pattern));
    part("item", e->item), part("in", e->sequence), part("condition", e->condition);
  }
  void add(const UnaryExpr& e) {
    is("operator", e.op == UnaryOp::negate ? "-" : "not");
    part("", e.operand);
  }
  void add(const BinaryExpr& e) {
    is("operator", std::string(symbol(e.op)));
    part("left", e.left), part("right", e.right);
  }
  void add(const CallExpr& e) { is("call"), part("callee", e.callee), fields("argument", e.arguments); }
  void add(const MemberExpr& e) { is("member", e.member.text), part("of", e.base); }
  void add(const IndexExpr& e) {
    is("index"), part("of", e.base);
    for (const IndexItem& item : e.items) {
      if (!item.is_slice) {
        part("", item.index);
        continue;
      }
      Picture slice{"", "slice", "", item.span, {}};
      if (item.begin != nullptr) slice.parts.push_back(as("from", picture(*item.begin)));
      if (item.end != nullptr) slice.parts.push_back(as("to", picture(*item.end)));
      node_.parts.push_back(std::move(slice));
    }
  }
  void add(const IfExpr& e) {
    is("if");
    part("condition", e.condition), part("then", e.then), part("else", e.otherwise);
  }
  void add(const NamedExpr& e) { is("as", e.name.text), part("", e.inner); }
  void add(const FunctionExpr& e) { is("fn"), lists(e.lists), body(e.body); }
  void add(const DerivativeExpr& e) {
    is("derivative", e.kind.text), fields("variable", e.arguments), part("of", e.block);
  }
  void add(const WorkExpr& e) {
    is(e.kind == WorkExpr::Kind::train ? "train" : "evaluate");
    part("learner", e.learner), part("on", e.source), fields("option", e.options);
  }

  // ---- statements ----
  void add(const LetStatement& s) { is("let", text_of(s.pattern)), part("", s.value); }
  void add(const VarStatement& s) { is("var", text_of(s.pattern)), part("", s.value); }
  void add(const AssignStatement& s) {
    std::string names;
    for (const auto& path : s.paths) {
      if (!names.empty()) names += ", ";
      for (const Name& name : path) names += (&name == &path.front() ? "" : ".") + name.text;
    }
    is("assign", s.is_tuple ? "(" + names + ")" : names), part("", s.value);
  }
  void add(const DrawStatement& s) { is("draw", text_of(s.pattern)), part("from", s.distribution); }
  void add(const ParamStatement& s) {
    is("param", s.name.text);
    for (const auto& size : s.shape) part("size", size);
    part("from", s.initialiser);
  }
  void add(const LearnStatement& s) { is("learn", s.name.text), part("", s.value); }
  void add(const MemoryStatement& s) { is("memory", s.name.text), part("", s.value); }
  void add(const ReturnStatement& s) { is("return"), part("", s.value); }
  void add(const ForStatement& s) { is("for", text_of(s.pattern)), part("in", s.sequence), part("", s.body); }
  void add(const IfStatement& s) {
    is("if");
    part("condition", s.condition), part("then", s.then), part("else", s.otherwise);
  }
  void add(const OnStatement& s) { is("on", s.event.text), lists({s.parameters}), part("", s.body); }
  void add(const ExprStatement& s) { node_ = picture(*s.value); }
  void add(const Definition& s) {
    static constexpr const char* words[] = {"fn", "model", "tasks", "learner", "optimizer", "experiment"};
    is(words[static_cast<int>(s.kind)], s.name.text), lists(s.lists), body(s.body);
  }
  void add(const UseStatement& s) {
    is("use", s.module);
    for (const Name& name : s.names) node_.parts.push_back({"", "name", name.text, name.span, {}});
  }

  Picture node_;
};

}  // namespace

Picture picture(const Statement& statement) {
  return std::visit([&](const auto& form) { return Drawer(statement.span).draw(form); }, statement.node);
}

Picture picture(const Expr& expression) {
  Picture node = std::visit([&](const auto& form) { return Drawer(expression.span).draw(form); }, expression.node);
  if (node.form == "number") node.value = print(expression);
  return node;
}

}  // namespace metac::dsl
