// What stands between the braces of a `train` or `evaluate`.
#include "driver/work_options.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "driver/measuring.hpp"
#include "syntax/syntax.hpp"

namespace metac::dsl {

WorkOptions::WorkOptions(Elaborator& self, const WorkExpr& work, ScopePtr scope, Span span)
    : self_(self), work_(work), scope_(std::move(scope)), span_(span) {}

ExprPtr WorkOptions::expression(const char* name) {
  taken_.emplace_back(name);
  for (const auto& option : work_.options)
    if (option.name && option.name->text == name) return option.value;
  return nullptr;
}

std::optional<Value> WorkOptions::value(const char* name) {
  const auto given = expression(name);
  return given != nullptr ? std::optional(self_.evaluate(given, scope_)) : std::nullopt;
}

std::optional<Value> WorkOptions::value_with_metrics(const char* name) {
  const auto given = expression(name);
  if (given == nullptr) return std::nullopt;
  const CheckedProgram& program = self_.program();
  auto scope = std::make_shared<Scope>(scope_);
  for (const auto token : tokens(program.sources().text(given->span))) {
    const std::string word(token);
    const bool known = scope->find(word) != nullptr || program.find(word, given->span.file) != nullptr ||
                       find_builtin(word) != nullptr;
    if (!known && program.is_learner_function(word, given->span.file)) scope->bind(word, own_metric(word));
  }
  return self_.evaluate(given, scope);
}

std::optional<std::int64_t> WorkOptions::count(const char* name) {
  const auto given = value(name);
  if (!given) return std::nullopt;
  const auto n = self_.integer(*given, span(name), fmt::format("`{}`", name).c_str());
  if (n < 1) self_.fail("E0421", span(name), fmt::format("`{}` is at least 1, not {}", name, n));
  if (n > 1'000'000'000) self_.fail("E0421", span(name), fmt::format("`{}` is at most 1_000_000_000, not {}", name, n));
  return n;
}

Span WorkOptions::span(const char* name) const {
  for (const auto& option : work_.options)
    if (option.name && option.name->text == name) return option.value->span;
  return span_;
}

void WorkOptions::finish() const {
  for (const auto& option : work_.options)
    if (!option.name || std::find(taken_.begin(), taken_.end(), option.name->text) == taken_.end())
      self_.fail(
          "E0422", option.span,
          fmt::format("`{}` is not available here", option.name ? option.name->text : "an option without a name"), "",
          fmt::format("known are {}", fmt::join(taken_, ", ")));
}

}  // namespace metac::dsl
