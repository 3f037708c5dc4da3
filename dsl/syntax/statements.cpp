// Statements and blocks.
#include "syntax/builder.hpp"
#include "syntax/documentation.hpp"
#include "syntax/tokens.hpp"

namespace metac::dsl {

namespace {

DefinitionKind definition_kind(std::string_view word) {
  if (word == "model") return DefinitionKind::model;
  if (word == "tasks") return DefinitionKind::tasks;
  if (word == "learner") return DefinitionKind::learner;
  if (word == "optimizer") return DefinitionKind::optimizer;
  if (word == "experiment") return DefinitionKind::experiment;
  return DefinitionKind::function;
}

// `w.head` as the names along it; empty if it is no path.
std::vector<Name> path_of(const Expr& expr) {
  std::vector<Name> path;
  const Expr* at = &expr;
  while (const auto* member = std::get_if<MemberExpr>(&at->node)) {
    path.insert(path.begin(), member->member);
    at = member->base.get();
  }
  const auto* root = std::get_if<NameExpr>(&at->node);
  if (!root) return {};
  path.insert(path.begin(), Name{root->name, at->span});
  return path;
}

// What a target names: the parts of (a, b), or the one thing itself. `is_tuple` tells which.
std::vector<ExprPtr> target_parts(const ExprPtr& target, bool& is_tuple) {
  is_tuple = true;
  if (const auto* grouped = std::get_if<ParenExpr>(&target->node)) return {grouped->inner};
  std::vector<ExprPtr> parts;
  if (const auto* record = std::get_if<RecordExpr>(&target->node)) {
    for (const Field& field : record->fields) parts.push_back(field.name ? nullptr : field.value);
    return parts;
  }
  is_tuple = false;
  return {target};
}

}  // namespace

std::vector<StatementPtr> Builder::statements(const std::vector<Node>& nodes) {
  std::vector<StatementPtr> result;
  for (const Node& node : nodes) {
    if (StatementPtr made = statement(node)) result.push_back(std::move(made));
  }
  return result;
}

BlockPtr Builder::block(const Node& node) {
  return std::make_shared<const Block>(Block{statements(node.children), span(node)});
}

StatementPtr Builder::statement(const Node& node) {
  const std::vector<Node>& parts = node.children;
  switch (node.kind) {
    case NodeKind::let:
      return make_statement(node, LetStatement{pattern(parts[0]), expression(parts[1])});
    case NodeKind::var:
      return make_statement(node, VarStatement{pattern(parts[0]), expression(parts[1])});
    case NodeKind::learn:
      return make_statement(node, LearnStatement{name(parts[0]), expression(parts[1])});
    case NodeKind::memory:
      return make_statement(node, MemoryStatement{name(parts[0]), expression(parts[1])});
    case NodeKind::return_:
      return make_statement(node, ReturnStatement{expression(parts[0])});
    case NodeKind::for_:
      return make_statement(node, ForStatement{pattern(parts[0]), expression(parts[1]), block(parts[2])});
    case NodeKind::definition:
      return make_statement(node, definition(node));
    case NodeKind::use:
      return make_statement(node, use(node));
    case NodeKind::param:
      return make_statement(node, param(node));
    case NodeKind::on:
      return make_statement(node, on(node));
    case NodeKind::if_:
      return if_statement(node);
    case NodeKind::simple:
      return simple(node);
    default:
      return nullptr;
  }
}

Definition Builder::definition(const Node& node) {
  Definition result{definition_kind(source(node.children[0])),
                    name(node.children[1]),
                    {},
                    {},
                    documentation_above(text_, comments_, node.begin)};
  for (const Node& child : node.children) {
    if (child.kind == NodeKind::parameters) result.lists.push_back(parameters(child));
  }
  result.body = body(node.children.back());
  return result;
}

UseStatement Builder::use(const Node& node) {
  UseStatement result{{}, string_value(node.children.back()), span(node.children.back())};
  for (const Node& child : node.children) {
    if (child.kind == NodeKind::name) result.names.push_back(name(child));
  }
  return result;
}

ParamStatement Builder::param(const Node& node) {
  ParamStatement result{name(node.children[0]), {}, expression(node.children.back())};
  if (node.children[1].kind == NodeKind::shape) {
    for (const Node& child : node.children[1].children) {
      if (child.kind != NodeKind::trailing_comma) result.shape.push_back(expression(child));
    }
  }
  return result;
}

OnStatement Builder::on(const Node& node) {
  return {name(node.children[0]), parameters(node.children[1]), block(node.children[2])};
}

StatementPtr Builder::if_statement(const Node& node) {
  const std::vector<Node>& parts = node.children;
  if (parts[1].kind != NodeKind::block) {
    IfExpr chosen{expression(parts[0]), expression(parts[1]), expression(parts[2])};
    return make_statement(node, ExprStatement{make(span(node), std::move(chosen))});
  }
  IfStatement result{expression(parts[0]), block(parts[1]), nullptr};
  if (parts.size() > 2) {
    const Node& rest = parts[2];
    result.otherwise = rest.kind == NodeKind::block
                           ? block(rest)
                           : std::make_shared<const Block>(Block{{statement(rest)}, span(rest)});
  }
  return make_statement(node, std::move(result));
}

StatementPtr Builder::simple(const Node& node) {
  ExprPtr target = expression(node.children[0]);
  if (node.children.size() == 1) return make_statement(node, ExprStatement{std::move(target)});
  ExprPtr value = expression(node.children[2]);
  if (node.children[1].kind == NodeKind::draw) return drawing(node, target, std::move(value));
  return assignment(node, std::move(target), std::move(value));
}

StatementPtr Builder::assignment(const Node& node, ExprPtr target, ExprPtr value) {
  AssignStatement result;
  for (const ExprPtr& part : target_parts(target, result.is_tuple)) {
    std::vector<Name> path = part ? path_of(*part) : std::vector<Name>{};
    if (path.empty()) {
      report_.error("E0101", (part ? part : target)->span, "`=` cannot bind this").hint =
          "on its left stands a name, a path such as `w.head`, or several of them in parentheses; `==` compares";
      return nullptr;
    }
    result.paths.push_back(std::move(path));
  }
  result.value = std::move(value);
  return make_statement(node, std::move(result));
}

StatementPtr Builder::drawing(const Node& node, const ExprPtr& target, ExprPtr distribution) {
  Pattern drawn{{}, false, target->span};
  for (const ExprPtr& part : target_parts(target, drawn.is_tuple)) {
    const auto* single = part ? std::get_if<NameExpr>(&part->node) : nullptr;
    if (!single) {
      report_.error("E0101", (part ? part : target)->span, "`~` cannot draw this").hint =
          "on its left stands a name, or several names in parentheses";
      return nullptr;
    }
    drawn.names.push_back({single->name, part->span});
  }
  return make_statement(node, DrawStatement{std::move(drawn), std::move(distribution)});
}

}  // namespace metac::dsl
