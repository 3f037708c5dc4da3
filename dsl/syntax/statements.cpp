// Statements and blocks, and the comments that document a definition.
#include "syntax/builder.hpp"
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

// The comment's words, without `#` and the blank after it.
std::string_view comment_text(std::string_view text, Span span) {
  std::string_view words = text.substr(span.begin + 1, span.end - span.begin - 1);
  if (words.starts_with(' ')) words.remove_prefix(1);
  while (words.ends_with(' ')) words.remove_suffix(1);
  return words;
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
  Definition result{
      definition_kind(source(node.children[0])), name(node.children[1]), {}, {}, documentation(node.begin)};
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

// The comments on the lines right above, without a line between.
std::string Builder::documentation(std::uint32_t definition_begin) const {
  std::vector<std::string_view> lines;
  std::uint32_t below = definition_begin;
  const auto line_breaks = [&](std::uint32_t from) {
    const std::string_view between = text_.substr(from, below - from);
    const auto first = between.find('\n');
    const bool blank = between.find_first_not_of(" \t\r\n") == std::string_view::npos;
    return blank && first != std::string_view::npos && between.find('\n', first + 1) == std::string_view::npos;
  };
  auto at = comments_.end();
  while (at != comments_.begin() && (at - 1)->span.begin >= definition_begin) --at;
  for (; at != comments_.begin(); --at) {
    const Comment& comment = *(at - 1);
    if (!comment.own_line || !line_breaks(comment.span.end)) break;
    lines.push_back(comment_text(text_, comment.span));
    below = comment.span.begin;
  }
  std::string result;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    if (!result.empty()) result += '\n';
    result += *line;
  }
  return result;
}

}  // namespace metac::dsl
