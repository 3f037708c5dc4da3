// One expression on one line, from the tree alone, for messages.
#include <fmt/format.h>

#include "syntax/syntax.hpp"

namespace metac::dsl {

std::string_view symbol(BinaryOp op) {
  static constexpr std::string_view symbols[] = {
      "+", "-", "*", "/", "%", "^", "@", "==", "!=", "<", "<=", ">", ">=", "and", "or", "..", "|>"};
  return symbols[static_cast<int>(op)];
}

namespace {

std::string quoted(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    switch (c) {
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      default:
        out += c;
    }
  }
  return out + '"';
}

// Appends to one text, so that a long row costs its length.
class LinePrinter {
 public:
  std::string run(const Expr& e) {
    print(e);
    return std::move(out_);
  }

 private:
  void print(const Expr& e) {
    std::visit([&](const auto& node) { show(node); }, e.node);
  }
  void print(const ExprPtr& e) {
    if (e) print(*e);
  }
  template <typename Range, typename Show>
  void commas(const Range& range, Show show_one) {
    bool first = true;
    for (const auto& item : range) {
      if (!first) out_ += ", ";
      first = false;
      show_one(item);
    }
  }
  void fields(const std::vector<Field>& all) {
    commas(all, [&](const Field& field) {
      if (field.name) out_ += field.name->text + ": ";
      print(field.value);
    });
  }
  void parameters(const ParameterList& list) {
    out_ += '(';
    commas(list.parameters, [&](const Parameter& parameter) {
      out_ += parameter.name.text;
      if (parameter.default_value) out_ += " = ";
      print(parameter.default_value);
    });
    out_ += ')';
  }
  void names(const std::vector<Name>& all, std::string_view between) {
    for (std::size_t i = 0; i < all.size(); ++i) out_.append(i > 0 ? between : "").append(all[i].text);
  }
  void pattern(const Pattern& p) {
    if (p.is_tuple) out_ += '(';
    names(p.names, ", ");
    if (p.is_tuple) out_ += ')';
  }
  void block(const Block& b) {
    out_ += b.statements.empty() ? "{" : "{ ";
    for (std::size_t i = 0; i < b.statements.size(); ++i) {
      if (i > 0) out_ += "; ";
      std::visit([&](const auto& node) { show(node); }, b.statements[i]->node);
    }
    out_ += b.statements.empty() ? "}" : " }";
  }
  void body(const Body& b) {
    out_ += b.block ? " " : " = ";
    if (b.block) block(*b.block);
    print(b.expression);
  }
  void binding(std::string_view word, const auto& left, std::string_view sign, const ExprPtr& value) {
    out_ += word;
    left();
    out_ += sign;
    print(value);
  }

  void show(const NumberLiteral& e) {
    if (e.is_integer) {
      out_ += std::to_string(e.integer);
      return;
    }
    const std::string digits = fmt::format("{}", e.real);
    out_ += digits + (digits.find_first_of(".en") == std::string::npos ? ".0" : "");
  }
  void show(const StringLiteral& e) { out_ += quoted(e.value); }
  void show(const BoolLiteral& e) { out_ += e.value ? "true" : "false"; }
  void show(const NameExpr& e) { out_ += e.name; }
  void show(const ListExpr& e) {
    out_ += '[';
    commas(e.items, [&](const ExprPtr& item) { print(item); });
    out_ += ']';
  }
  void show(const ParenExpr& e) {
    out_ += '(';
    print(e.inner);
    out_ += ')';
  }
  void show(const RecordExpr& e) {
    out_ += '(';
    fields(e.fields);
    out_ += e.fields.size() == 1 && !e.fields[0].name ? ",)" : ")";
  }
  void show(const std::shared_ptr<const ComprehensionExpr>& e) {
    out_ += '[';
    print(e->item);
    out_ += " for ";
    pattern(e->pattern);
    out_ += " in ";
    print(e->sequence);
    if (e->condition) out_ += " if ";
    print(e->condition);
    out_ += ']';
  }
  void show(const UnaryExpr& e) {
    out_ += e.op == UnaryOp::negate ? "-" : "not ";
    print(e.operand);
  }
  // Rows lean to the left and may be long, so they are printed without recursion into the left.
  void show(const BinaryExpr& e) {
    std::vector<const BinaryExpr*> row = {&e};
    while (const auto* left = std::get_if<BinaryExpr>(&row.back()->left->node)) row.push_back(left);
    print(row.back()->left);
    for (auto step = row.rbegin(); step != row.rend(); ++step) {
      const bool tight = (*step)->op == BinaryOp::power || (*step)->op == BinaryOp::range;
      out_ += tight ? std::string(symbol((*step)->op)) : fmt::format(" {} ", symbol((*step)->op));
      print((*step)->right);
    }
  }
  void show(const CallExpr& e) {
    print(e.callee);
    out_ += '(';
    fields(e.arguments);
    out_ += ')';
  }
  void show(const MemberExpr& e) {
    print(e.base);
    out_ += '.' + e.member.text;
  }
  void show(const IndexExpr& e) {
    print(e.base);
    out_ += '[';
    commas(e.items, [&](const IndexItem& item) {
      print(item.is_slice ? item.begin : item.index);
      if (item.is_slice) out_ += ':';
      print(item.end);
    });
    out_ += ']';
  }
  void show(const IfExpr& e) {
    out_ += "if ";
    print(e.condition);
    out_ += " then ";
    print(e.then);
    out_ += " else ";
    print(e.otherwise);
  }
  void show(const NamedExpr& e) {
    print(e.inner);
    out_ += " as " + e.name.text;
  }
  void show(const FunctionExpr& e) {
    out_ += "fn ";
    for (const ParameterList& list : e.lists) parameters(list);
    body(e.body);
  }
  void show(const DerivativeExpr& e) {
    out_ += e.kind.text + '(';
    fields(e.arguments);
    out_ += ") ";
    block(*e.block);
  }
  void show(const WorkExpr& e) {
    out_ += e.kind == WorkExpr::Kind::train ? "train " : "evaluate ";
    print(e.learner);
    out_ += " on ";
    print(e.source);
    if (e.options.empty()) return;
    out_ += " { ";
    fields(e.options);
    out_ += " }";
  }

  void show(const LetStatement& s) {
    binding(
        "let ", [&] { pattern(s.pattern); }, " = ", s.value);
  }
  void show(const VarStatement& s) {
    binding(
        "var ", [&] { pattern(s.pattern); }, " = ", s.value);
  }
  void show(const DrawStatement& s) {
    binding(
        "", [&] { pattern(s.pattern); }, " ~ ", s.distribution);
  }
  void show(const LearnStatement& s) {
    binding(
        "learn ", [&] { out_ += s.name.text; }, " = ", s.value);
  }
  void show(const MemoryStatement& s) {
    binding(
        "memory ", [&] { out_ += s.name.text; }, " = ", s.value);
  }
  void show(const ReturnStatement& s) {
    binding(
        "return ", [] {}, "", s.value);
  }
  void show(const ExprStatement& s) { print(s.value); }
  void show(const AssignStatement& s) {
    if (s.is_tuple) out_ += '(';
    commas(s.paths, [&](const std::vector<Name>& path) { names(path, "."); });
    out_ += s.is_tuple ? ") = " : " = ";
    print(s.value);
  }
  void show(const ParamStatement& s) {
    out_ += "param " + s.name.text;
    if (!s.shape.empty()) {
      out_ += '[';
      commas(s.shape, [&](const ExprPtr& size) { print(size); });
      out_ += ']';
    }
    out_ += " ~ ";
    print(s.initialiser);
  }
  void show(const ForStatement& s) {
    binding(
        "for ", [&] { pattern(s.pattern); }, " in ", s.sequence);
    out_ += ' ';
    block(*s.body);
  }
  void show(const IfStatement& s) {
    binding(
        "if ", [] {}, "", s.condition);
    out_ += ' ';
    block(*s.then);
    if (!s.otherwise) return;
    out_ += " else ";
    block(*s.otherwise);
  }
  void show(const OnStatement& s) {
    out_ += "on " + s.event.text;
    parameters(s.parameters);
    out_ += ' ';
    block(*s.body);
  }
  void show(const Definition& s) {
    static constexpr std::string_view words[] = {"fn ", "model ", "tasks ", "learner ", "optimizer ", "experiment "};
    out_.append(words[static_cast<int>(s.kind)]).append(s.name.text);
    for (const ParameterList& list : s.lists) parameters(list);
    body(s.body);
  }
  void show(const UseStatement& s) {
    out_ += "use ";
    names(s.names, ", ");
    out_ += (s.names.empty() ? "" : " from ") + quoted(s.module);
  }

  std::string out_;
};

}  // namespace

std::string print(const Expr& expr) { return LinePrinter().run(expr); }

}  // namespace metac::dsl
