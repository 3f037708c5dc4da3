// Expressions: from rows of operands and operators to trees.
#include "syntax/builder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "syntax/tokens.hpp"

namespace metac::dsl {

namespace {

enum class Side { left, right, none };

struct OperatorRule {
  std::string_view text;
  BinaryOp op;
  int precedence;
  Side side;
};

// Loosest first. `as` stands between pipe and or, `not` between and and comparison, unary minus between product and
// power.
constexpr OperatorRule binary_operators[] = {{"|>", BinaryOp::pipe, 1, Side::left},
                                             {"or", BinaryOp::logical_or, 3, Side::left},
                                             {"and", BinaryOp::logical_and, 4, Side::left},
                                             {"==", BinaryOp::equal, 6, Side::none},
                                             {"!=", BinaryOp::not_equal, 6, Side::none},
                                             {"<", BinaryOp::less, 6, Side::none},
                                             {"<=", BinaryOp::less_equal, 6, Side::none},
                                             {">", BinaryOp::greater, 6, Side::none},
                                             {">=", BinaryOp::greater_equal, 6, Side::none},
                                             {"..", BinaryOp::range, 7, Side::none},
                                             {"+", BinaryOp::add, 8, Side::left},
                                             {"-", BinaryOp::subtract, 8, Side::left},
                                             {"*", BinaryOp::multiply, 9, Side::left},
                                             {"/", BinaryOp::divide, 9, Side::left},
                                             {"%", BinaryOp::remainder, 9, Side::left},
                                             {"@", BinaryOp::matmul, 9, Side::left},
                                             {"^", BinaryOp::power, 11, Side::right}};
constexpr int as_precedence = 2;
constexpr int not_precedence = 5;
constexpr int negate_precedence = 10;

const OperatorRule& rule_of(std::string_view text) {
  for (const OperatorRule& rule : binary_operators) {
    if (rule.text == text) return rule;
  }
  return binary_operators[0];  // unreachable: the grammar knows the same operators
}

bool is_operator(const Node& node) {
  return node.kind == NodeKind::prefix_operator || node.kind == NodeKind::binary_operator ||
         node.kind == NodeKind::as_name;
}

}  // namespace

// Operator precedence with two stacks, so that a row of any length needs no recursion.
class Builder::OperatorStack {
 public:
  explicit OperatorStack(Builder& builder) : builder_(builder) {}

  void push_operand(ExprPtr operand) { operands_.push_back(std::move(operand)); }
  void push_prefix(const Node& node) {
    const bool negates = builder_.source(node) == "-";
    pending_.push_back({nullptr, negates ? UnaryOp::negate : UnaryOp::logical_not,
                        negates ? negate_precedence : not_precedence, builder_.span(node)});
  }
  void push_binary(const Node& node) {
    const OperatorRule& rule = rule_of(builder_.source(node));
    apply_tighter_than(rule.precedence, rule.side != Side::right, &rule, builder_.span(node));
    pending_.push_back({&rule, UnaryOp::negate, rule.precedence, builder_.span(node)});
  }
  void name_operand(const Node& node) {
    apply_tighter_than(as_precedence, false, nullptr, {});
    ExprPtr inner = std::move(operands_.back());
    const Span whole = join(inner->span, builder_.span(node));
    operands_.back() = builder_.make(whole, NamedExpr{std::move(inner), builder_.name(node.children[0])});
  }
  ExprPtr finish() {
    while (!pending_.empty()) apply();
    return std::move(operands_.back());
  }

 private:
  struct Pending {
    const OperatorRule* binary;  // null: a prefix operator
    UnaryOp unary;
    int precedence;
    Span span;
  };

  void apply_tighter_than(int precedence, bool and_equal, const OperatorRule* next, Span next_span) {
    while (!pending_.empty()) {
      const Pending& top = pending_.back();
      if (top.precedence < precedence || (top.precedence == precedence && !and_equal)) return;
      if (top.precedence == precedence && next && next->side == Side::none) refuse_row(top, next_span);
      apply();
    }
  }

  void refuse_row(const Pending& first, Span second) {
    const bool range = first.binary->op == BinaryOp::range;
    Diagnostic& error = builder_.report_.error(
        "E0101", second, range ? "a range has one start and one end" : "comparisons cannot stand in a row");
    error.hint = range ? "put one of the ranges in parentheses" : "write `a < b and b < c`";
  }

  void apply() {
    const Pending top = pending_.back();
    pending_.pop_back();
    ExprPtr right = std::move(operands_.back());
    operands_.pop_back();
    if (!top.binary) {
      const Span whole = join(top.span, right->span);
      operands_.push_back(builder_.make(whole, UnaryExpr{top.unary, std::move(right)}));
      return;
    }
    ExprPtr left = std::move(operands_.back());
    const Span whole = join(left->span, right->span);
    operands_.back() = builder_.make(whole, BinaryExpr{top.binary->op, top.span, std::move(left), std::move(right)});
  }

  Builder& builder_;
  std::vector<ExprPtr> operands_;
  std::vector<Pending> pending_;
};

ExprPtr Builder::expression(const Node& node) {
  const auto steps = static_cast<int>(std::ranges::count_if(node.children, is_operator));
  if (height_ + steps + 1 > maximum_height) {
    if (height_ <= maximum_height) {
      report_.error("E0104", span(node), "this expression has too many parts").hint =
          "give names to parts of it with `let`";
    }
    return make(span(node), RecordExpr{});
  }
  height_ += steps + 1;
  OperatorStack stack(*this);
  for (const Node& child : node.children) {
    switch (child.kind) {
      case NodeKind::prefix_operator:
        stack.push_prefix(child);
        break;
      case NodeKind::binary_operator:
        stack.push_binary(child);
        break;
      case NodeKind::as_name:
        stack.name_operand(child);
        break;
      default:
        stack.push_operand(operand(child));
    }
  }
  height_ -= steps + 1;
  return stack.finish();
}

ExprPtr Builder::operand(const Node& node) {
  switch (node.kind) {
    case NodeKind::postfix:
      return postfix(node);
    case NodeKind::number:
      return number(node);
    case NodeKind::string:
      return make(span(node), StringLiteral{string_value(node)});
    case NodeKind::name:
      return word(node);
    case NodeKind::parens:
      return parens(node);
    case NodeKind::list:
      return list(node);
    case NodeKind::lambda:
      return lambda(node);
    case NodeKind::derivative:
      return derivative(node);
    case NodeKind::work:
      return work(node);
    case NodeKind::if_then:
      return make(span(node),
                  IfExpr{expression(node.children[0]), expression(node.children[1]), expression(node.children[2])});
    default:
      return expression(node);
  }
}

ExprPtr Builder::postfix(const Node& node) {
  const int steps = static_cast<int>(node.children.size());
  height_ += steps;
  if (height_ > maximum_height) {
    report_.error("E0104", span(node), "this expression has too many parts").hint =
        "give names to parts of it with `let`";
    height_ -= steps;
    return make(span(node), RecordExpr{});
  }
  ExprPtr base = operand(node.children[0]);
  for (std::size_t i = 1; i < node.children.size(); ++i) base = continued(std::move(base), node.children[i]);
  height_ -= steps;
  return base;
}

// base(..), base[..] or base.name
ExprPtr Builder::continued(ExprPtr base, const Node& node) {
  const Span whole = join(base->span, span(node));
  if (node.kind == NodeKind::call) return make(whole, CallExpr{std::move(base), fields(node.children)});
  if (node.kind == NodeKind::member) return make(whole, MemberExpr{std::move(base), name(node.children[0])});
  IndexExpr result{std::move(base), {}};
  for (const Node& child : node.children) {
    if (child.kind == NodeKind::index_item) result.items.push_back(index_item(child));
  }
  return make(whole, std::move(result));
}

IndexItem Builder::index_item(const Node& node) {
  IndexItem item;
  item.span = span(node);
  for (const Node& child : node.children) {
    if (child.kind == NodeKind::colon) {
      item.is_slice = true;
      item.begin = std::move(item.index);
      item.index = nullptr;
    } else {
      (item.is_slice ? item.end : item.index) = expression(child);
    }
  }
  return item;
}

ExprPtr Builder::number(const Node& node) {
  std::string digits;
  for (const char c : source(node)) {
    if (c != '_') digits += c;
  }
  NumberLiteral literal;
  const char* const first = digits.data();
  const char* const last = first + digits.size();
  literal.is_integer = digits.find_first_not_of("0123456789") == std::string::npos;
  const auto real = std::from_chars(first, last, literal.real);
  const auto integer = literal.is_integer ? std::from_chars(first, last, literal.integer) : real;
  const bool misplaced = source(node).ends_with('_') || source(node).find("__") != std::string_view::npos;
  if (real.ptr != last || misplaced) {
    Diagnostic& error = report_.error("E0103", span(node), fmt::format("`{}` is not a number", source(node)));
    error.hint = "numbers are written `3`, `20_000`, `0.5` or `1e-3`; a name does not begin with a digit";
  } else if (real.ec != std::errc() || integer.ec != std::errc()) {
    Diagnostic& error =
        report_.error("E0103", span(node), fmt::format("the number `{}` is out of range", source(node)));
    error.hint = literal.is_integer ? "integers have 64 bits; write it with `.0` or an exponent to have a float"
                                    : "floats have 64 bits";
  }
  return make(span(node), literal);
}

std::string Builder::string_value(const Node& node) {
  std::string_view inner = source(node);
  if (!is_closed_string(inner)) {
    report_open_string(span(node), report_);
    return std::string(inner.substr(1));
  }
  inner = inner.substr(1, inner.size() - 2);
  std::string value;
  for (std::size_t i = 0; i < inner.size(); ++i) {
    if (inner[i] != '\\') {
      value += inner[i];
      continue;
    }
    static constexpr std::string_view letters = "ntr\"\\", meanings = "\n\t\r\"\\";
    const std::size_t which = letters.find(inner[++i]);
    if (which != std::string_view::npos) {
      value += meanings[which];
      continue;
    }
    const auto at = node.begin + static_cast<std::uint32_t>(i);
    report_.error("E0103", {file_, at, at + 2}, fmt::format("there is no escape `\\{}`", inner[i])).hint =
        "the escapes are `\\n`, `\\t`, `\\r`, `\\\"` and `\\\\`";
  }
  return value;
}

ExprPtr Builder::word(const Node& node) {
  const std::string_view text = source(node);
  if (text == "true" || text == "false") return make(span(node), BoolLiteral{text == "true"});
  return make(span(node), NameExpr{std::string(text)});
}

std::vector<Field> Builder::fields(const std::vector<Node>& nodes) {
  std::vector<Field> result;
  for (const Node& node : nodes) {
    if (node.kind != NodeKind::field) continue;
    Field field;
    if (node.children.size() == 2) field.name = name(node.children[0]);
    field.value = expression(node.children.back());
    field.span = span(node);
    result.push_back(std::move(field));
  }
  return result;
}

// One unnamed field without a comma is grouping; anything else is a record.
ExprPtr Builder::parens(const Node& node) {
  std::vector<Field> all = fields(node.children);
  const bool comma = !node.children.empty() && node.children.back().kind == NodeKind::trailing_comma;
  if (all.size() == 1 && !all[0].name && !comma) return make(span(node), ParenExpr{std::move(all[0].value)});
  return make(span(node), RecordExpr{std::move(all)});
}

ExprPtr Builder::list(const Node& node) {
  const bool comprehends = node.children.size() == 2 && node.children[1].kind == NodeKind::comprehension;
  if (comprehends) {
    const std::vector<Node>& parts = node.children[1].children;
    ComprehensionExpr result{expression(node.children[0]), pattern(parts[0]), expression(parts[1]), nullptr};
    if (parts.size() > 2) result.condition = expression(parts[2]);
    return make(span(node), std::make_shared<const ComprehensionExpr>(std::move(result)));
  }
  ListExpr result;
  for (const Node& child : node.children) {
    if (child.kind != NodeKind::trailing_comma) result.items.push_back(expression(child));
  }
  return make(span(node), std::move(result));
}

ExprPtr Builder::lambda(const Node& node) {
  FunctionExpr result;
  for (const Node& child : node.children) {
    if (child.kind == NodeKind::parameters) result.lists.push_back(parameters(child));
  }
  result.body = body(node.children.back());
  return make(span(node), std::move(result));
}

ExprPtr Builder::derivative(const Node& node) {
  Name kind = name(node.children[0]);
  std::vector<Field> arguments = fields(node.children);
  if (node.children.back().kind == NodeKind::block) {
    return make(span(node), DerivativeExpr{std::move(kind), std::move(arguments), block(node.children.back())});
  }
  ExprPtr callee = make(kind.span, NameExpr{kind.text});
  return make(span(node), CallExpr{std::move(callee), std::move(arguments)});
}

ExprPtr Builder::work(const Node& node) {
  WorkExpr result;
  result.kind = source(node.children[0]) == "train" ? WorkExpr::Kind::train : WorkExpr::Kind::evaluate;
  result.learner = expression(node.children[1]);
  result.source = expression(node.children[2]);
  if (node.children.size() > 3) result.options = fields(node.children[3].children);
  return make(span(node), std::move(result));
}

ParameterList Builder::parameters(const Node& node) {
  ParameterList list{{}, span(node)};
  for (const Node& child : node.children) {
    if (child.kind != NodeKind::parameter) continue;
    list.parameters.push_back(
        {name(child.children[0]), child.children.size() > 1 ? expression(child.children[1]) : nullptr});
  }
  return list;
}

Pattern Builder::pattern(const Node& node) {
  Pattern result{{}, text_[node.begin] == '(', span(node)};
  for (const Node& child : node.children) {
    if (child.kind == NodeKind::name) result.names.push_back(name(child));
  }
  return result;
}

Body Builder::body(const Node& node) {
  if (node.kind == NodeKind::block) return {nullptr, block(node)};
  return {expression(node), nullptr};
}

}  // namespace metac::dsl
