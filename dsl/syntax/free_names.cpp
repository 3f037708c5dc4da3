// Walks the picture of a body with the names that are bound at each place.
#include "syntax/free_names.hpp"

#include <algorithm>
#include <string_view>

#include "syntax/picture.hpp"

namespace metac::dsl {
namespace {

class FreeNames {
 public:
  std::set<std::string> found;

  void bind(std::string name) { bound_.push_back(std::move(name)); }
  void visit(const Picture& node) {
    static const std::set<std::string_view> scopes{"block", "fn", "model", "on", "for", "comprehension"};
    if (node.form == "name" && std::find(bound_.begin(), bound_.end(), node.value) == bound_.end())
      found.insert(node.value);
    const std::size_t outside = bound_.size();
    if (node.form == "block") hoist(node);
    if (binds_before(node))
      sequence_first(node);
    else
      for (const Picture& part : node.parts) visit(part);
    if (scopes.contains(node.form)) bound_.resize(outside);
    if (binds_after(node)) bind_all(node.value);
  }

 private:
  // A loop binds its names behind what it runs over, wherever this is written.
  static bool binds_before(const Picture& node) { return node.form == "for" || node.form == "comprehension"; }
  static bool binds_after(const Picture& node) {
    static const std::set<std::string_view> forms{"let", "var", "draw", "param", "parameter", "learn", "memory"};
    return forms.contains(node.form);
  }
  void sequence_first(const Picture& node) {
    for (const Picture& part : node.parts)
      if (part.role == "in") visit(part);
    bind_all(node.value);
    for (const Picture& part : node.parts)
      if (part.role != "in") visit(part);
  }
  // What a block defines, learns and remembers is known in the whole of it.
  void hoist(const Picture& block) {
    static const std::set<std::string_view> forms{"fn", "model", "learn", "memory"};
    for (const Picture& part : block.parts)
      if (forms.contains(part.form)) bind_all(part.value);
  }
  // "a", or "(a, b)"
  void bind_all(const std::string& names) {
    for (std::size_t at = 0; (at = names.find_first_not_of("(, )", at)) != std::string::npos;) {
      const std::size_t end = std::min(names.find_first_of("(, )", at), names.size());
      bind(names.substr(at, end - at));
      at = end;
    }
  }

  std::vector<std::string> bound_;
};

}  // namespace

std::set<std::string> free_names(const std::vector<Parameter>& parameters, const Body& body) {
  FreeNames walk;
  for (const Parameter& parameter : parameters) {
    if (parameter.default_value != nullptr) walk.visit(picture(*parameter.default_value));
    walk.bind(parameter.name.text);
  }
  if (body.expression != nullptr) walk.visit(picture(*body.expression));
  if (body.block != nullptr) {
    Picture block{"", "block", "", body.block->span, {}};
    for (const auto& statement : body.block->statements) block.parts.push_back(picture(*statement));
    walk.visit(block);
  }
  return walk.found;
}

}  // namespace metac::dsl
