// Calls of what is known by name: definitions and builtins, also through the first of two lists and through `|>`.
// What is called through a value (a parameter, a `let`) is checked when the program is elaborated.
#include <algorithm>

#include "check/walker.hpp"

namespace metac::dsl {

namespace {

std::string count_of(std::size_t n) { return std::to_string(n) + (n == 1 ? " argument" : " arguments"); }

std::vector<std::string> names_of(const std::vector<SignatureParameter>& parameters) {
  std::vector<std::string> names;
  for (const SignatureParameter& parameter : parameters) names.push_back(parameter.name);
  return names;
}

}  // namespace

std::optional<Walker::Target> Walker::target_of(const Expr& callee) {
  if (const auto* inner = std::get_if<ParenExpr>(&callee.node)) return target_of(*inner->inner);
  if (const auto* inner = std::get_if<NamedExpr>(&callee.node)) return target_of(*inner->inner);
  if (const auto* call = std::get_if<CallExpr>(&callee.node)) {
    auto target = target_of(*call->callee);
    if (!target || ++target->list >= target->signature->lists.size()) return std::nullopt;
    return target;
  }
  const auto* name = std::get_if<NameExpr>(&callee.node);
  if (!name) return std::nullopt;
  const Meaning found = meaning(name->name);
  const void* key = found.builtin ? static_cast<const void*>(found.builtin) : found.definition();
  if (!key) return std::nullopt;
  const auto known = signatures_.find(key);
  const Signature& signature =
      known != signatures_.end()
          ? known->second
          : signatures_.emplace(key, found.builtin ? signature_of(*found.builtin) : signature_of(*found.definition()))
                .first->second;
  if (signature.lists.empty()) return std::nullopt;
  return Target{&signature, 0};
}

void Walker::arguments(const Target& target, const std::vector<Field>& all, Span callee, bool piped) {
  std::set<std::string> given;
  if (!positional_arguments(target, all, given)) return;
  named_arguments(target, all, given);
  missing_arguments(target, given, callee, piped);
}

bool Walker::positional_arguments(const Target& target, const std::vector<Field>& all, std::set<std::string>& given) {
  const Signature& signature = *target.signature;
  const SignatureList& list = signature.lists[target.list];
  std::vector<const Field*> positional;
  const Field* misplaced_argument = nullptr;
  bool after_named = false;
  for (const Field& argument : all) {
    after_named = after_named || argument.name.has_value();
    if (argument.name) continue;
    if (after_named && !misplaced_argument) misplaced_argument = &argument;
    positional.push_back(&argument);
  }
  if (misplaced_argument) {
    report_.error("E0209", misplaced_argument->span, "an argument without a name stands after one with a name").hint =
        "put it in front, or give it its name";
    return false;
  }
  // A model may be given its parameters in front: `net(w, x)`.
  const bool weights_first = signature.takes_weights && target.list + 1 == signature.lists.size() &&
                             positional.size() == list.parameters.size() + 1;
  if (weights_first) positional.erase(positional.begin());
  for (std::size_t i = 0; i < positional.size() && i < list.parameters.size(); ++i)
    given.insert(list.parameters[i].name);
  if (positional.size() <= list.parameters.size() || list.variadic) return true;

  const Field& extra = *positional[list.parameters.size()];
  Diagnostic& error = report_.error("E0208", extra.span,
                                    "`" + signature.name + "` takes " + count_of(list.parameters.size()) +
                                        (target.list + 1 < signature.lists.size() ? " in its first parentheses" : "") +
                                        ", not " + std::to_string(positional.size()));
  point_at_definition(error, signature);
  return true;
}

void Walker::named_arguments(const Target& target, const std::vector<Field>& all, std::set<std::string>& given) {
  const Signature& signature = *target.signature;
  const SignatureList& list = signature.lists[target.list];
  for (const Field& argument : all) {
    if (!argument.name) continue;
    const std::string& name = argument.name->text;
    if (list.find(name) || (target.list == 0 && signature.find_started(name))) {
      if (given.insert(name).second) continue;
      Diagnostic& error = report_.error("E0206", argument.name->span,
                                        "the argument `" + name + "` of `" + signature.name + "` is given twice");
      point_at_definition(error, signature);
      continue;
    }
    Diagnostic& error =
        report_.error("E0205", argument.name->span, "`" + signature.name + "` has no argument `" + name + "`");
    for (std::size_t other = 0; other < signature.lists.size(); ++other) {
      if (other != target.list && signature.lists[other].find(name)) {
        error.hint = std::string("`") + name + "` belongs in the " + (other == 0 ? "first" : "second") + " parentheses";
      }
    }
    if (error.hint.empty()) {
      std::vector<std::string> known = names_of(list.parameters);
      for (std::string& each : names_of(signature.started)) known.push_back(std::move(each));
      error.hint = suggestion(name, known, known.empty() ? "it takes none" : "it takes " + enumerate(known));
    }
    point_at_definition(error, signature);
  }
}

void Walker::missing_arguments(const Target& target, const std::set<std::string>& given, Span callee, bool piped) {
  const Signature& signature = *target.signature;
  std::vector<std::string> missing;
  for (const SignatureParameter& parameter : signature.lists[target.list].parameters) {
    if (parameter.required && given.count(parameter.name) == 0) missing.push_back(parameter.name);
  }
  if (missing.empty()) return;
  const std::string which = missing.size() == 1 ? "missing argument " : "missing arguments ";
  Diagnostic& error = report_.error("E0207", callee, which + enumerate(missing) + " of `" + signature.name + "`");
  const std::string& name = signature.name;
  if (piped && signature.lists.size() == 1)
    error.hint = missing.size() == 1 && given.empty()
                     ? "write `|> " + name + "`: what stands behind `|>` is called with what stands before"
                     : "`" + name + "` has one list of parameters: write `" + name +
                           "(x, ..)`; what stands behind `|>` needs two";
  point_at_definition(error, signature);
}

// x |> f is f(x). A callee with two lists must have been given the first.
void Walker::pipe(const BinaryExpr& e) {
  const auto target = target_of(*e.right);
  if (!target) return;
  if (target->list == 0 && target->signature->lists.size() > 1) {
    Diagnostic& error =
        report_.error("E0220", e.right->span, "`" + target->signature->name + "` takes its settings first");
    error.hint = "write `|> " + target->signature->name + "(..)`";
    point_at_definition(error, *target->signature);
    return;
  }
  arguments(*target, {Field{std::nullopt, e.left, e.left->span}}, e.right->span, false);
}

void Walker::point_at_definition(Diagnostic& error, const Signature& signature) const {
  if (signature.is_builtin) {
    error.notes.push_back({"built in: `" + describe(signature) + "`", {}, false});
  } else {
    error.labels.push_back({signature.span, "defined as `" + describe(signature) + "`"});
  }
}

}  // namespace metac::dsl
