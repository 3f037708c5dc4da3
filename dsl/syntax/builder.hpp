// Nodes of the grammar become the syntax tree: operators get their precedence, literals their values, definitions the
// comments above them. Expressions are in builder.cpp, statements and blocks in statements.cpp.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "report/report.hpp"
#include "syntax/nodes.hpp"
#include "syntax/tree.hpp"

namespace metac::dsl {

using StatementPtr = std::shared_ptr<const Statement>;

class Builder {
 public:
  Builder(std::string_view text, std::uint32_t file, const std::vector<Comment>& comments, Report& report)
      : text_(text), file_(file), comments_(comments), report_(report) {}

  std::vector<StatementPtr> statements(const std::vector<Node>&);

 private:
  class OperatorStack;

  // builder.cpp
  ExprPtr expression(const Node&);
  ExprPtr operand(const Node&);
  ExprPtr postfix(const Node&);
  ExprPtr continued(ExprPtr base, const Node& continuation);
  ExprPtr number(const Node&);
  ExprPtr word(const Node&);
  ExprPtr parens(const Node&);
  ExprPtr list(const Node&);
  ExprPtr lambda(const Node&);
  ExprPtr derivative(const Node&);
  ExprPtr work(const Node&);
  IndexItem index_item(const Node&);
  std::string string_value(const Node&);
  std::vector<Field> fields(const std::vector<Node>&);
  ParameterList parameters(const Node&);
  Pattern pattern(const Node&);
  Body body(const Node&);

  // statements.cpp
  StatementPtr statement(const Node&);
  BlockPtr block(const Node&);
  Definition definition(const Node&);
  UseStatement use(const Node&);
  ParamStatement param(const Node&);
  OnStatement on(const Node&);
  StatementPtr if_statement(const Node&);
  StatementPtr simple(const Node&);
  StatementPtr assignment(const Node&, ExprPtr target, ExprPtr value);
  StatementPtr drawing(const Node&, const ExprPtr& target, ExprPtr distribution);

  template <typename Kind>
  ExprPtr make(Span span, Kind node) {
    return std::make_shared<const Expr>(Expr{span, std::move(node)});
  }
  template <typename Kind>
  StatementPtr make_statement(const Node& node, Kind kind) {
    return std::make_shared<const Statement>(Statement{span(node), std::move(kind)});
  }
  Span span(const Node& node) const { return {file_, node.begin, node.end}; }
  std::string_view source(const Node& node) const { return text_.substr(node.begin, node.end - node.begin); }
  Name name(const Node& node) const { return {std::string(source(node)), span(node)}; }

  std::string_view text_;
  std::uint32_t file_;
  const std::vector<Comment>& comments_;
  Report& report_;
  int height_ = 0;  // what the expressions round the present one may add to the height of the tree
};

}  // namespace metac::dsl
