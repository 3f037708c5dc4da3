// Signatures from trees, and from the one-line texts of the table of builtins.
#include "check/signature.hpp"

#include <algorithm>

namespace metac::dsl {

namespace {

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// "x", "axis = none" or "values...". Defaults in the table are single words and hold no commas.
void add_parameter(SignatureList& list, std::string_view text) {
  text = trimmed(text);
  if (text.empty()) return;
  if (text.ends_with("...")) {
    list.variadic = true;
    text.remove_suffix(3);
    if (trimmed(text).empty()) return;
    list.parameters.push_back({std::string(trimmed(text)), false, {}});
    return;
  }
  const std::size_t equals = text.find('=');
  list.parameters.push_back({std::string(trimmed(text.substr(0, equals))), equals == std::string_view::npos, {}});
}

SignatureList list_of(std::string_view text) {
  SignatureList list;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    add_parameter(list, text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return list;
}

void add_started(Signature& signature, const Definition& definition) {
  if (!definition.body.block) return;
  for (const auto& statement : definition.body.block->statements) {
    if (const auto* learn = std::get_if<LearnStatement>(&statement->node))
      signature.started.push_back({learn->name.text, false, learn->name.span});
    if (const auto* memory = std::get_if<MemoryStatement>(&statement->node))
      signature.started.push_back({memory->name.text, false, memory->name.span});
  }
}

const SignatureParameter* find_in(const std::vector<SignatureParameter>& all, const std::string& name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& p) { return p.name == name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

const SignatureParameter* SignatureList::find(const std::string& name) const { return find_in(parameters, name); }

const SignatureParameter* Signature::find_started(const std::string& name) const { return find_in(started, name); }

Signature signature_of(const Definition& definition) {
  Signature signature;
  signature.name = definition.name.text;
  signature.span = definition.name.span;
  signature.takes_weights = definition.kind == DefinitionKind::model;
  for (const ParameterList& list : definition.lists) {
    SignatureList& made = signature.lists.emplace_back();
    for (const Parameter& p : list.parameters) made.parameters.push_back({p.name.text, !p.default_value, p.name.span});
  }
  add_started(signature, definition);
  // `learner l { .. }` may be written `l()` where it is used.
  const bool makes_value = definition.kind != DefinitionKind::function && definition.kind != DefinitionKind::model;
  if (signature.lists.empty() && makes_value) signature.lists.emplace_back();
  return signature;
}

Signature signature_of(const Builtin& builtin) {
  Signature signature;
  signature.name = builtin.name;
  signature.is_builtin = true;
  std::string_view rest = builtin.parameters;
  while (rest.starts_with('(')) {
    const std::size_t close = std::min(rest.find(')'), rest.size());
    signature.lists.push_back(list_of(rest.substr(1, close - 1)));
    rest = trimmed(rest.substr(std::min(close + 1, rest.size())));
  }
  return signature;
}

std::string describe(const Signature& signature) {
  std::string text = signature.name;
  for (const SignatureList& list : signature.lists) {
    text += '(';
    for (std::size_t i = 0; i < list.parameters.size(); ++i) {
      if (i > 0) text += ", ";
      const bool last = i + 1 == list.parameters.size();
      text += list.parameters[i].name + (list.variadic && last ? "..." : list.parameters[i].required ? "" : " = ..");
    }
    text += ')';
  }
  return text;
}

}  // namespace metac::dsl
