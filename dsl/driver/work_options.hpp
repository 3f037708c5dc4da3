// The options of a `train` or `evaluate`, each taken once; what is left over is an error.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "elaborate/elaborator.hpp"

namespace metac::dsl {

class WorkOptions {
 public:
  WorkOptions(Elaborator&, const WorkExpr&, ScopePtr, Span);
  ExprPtr expression(const char* name);  // null if not given
  std::optional<Value> value(const char* name);
  // The same where metrics stand: names that only a learner's functions have are metrics of its own.
  std::optional<Value> value_with_metrics(const char* name);
  std::optional<std::int64_t> count(const char* name);  // at least 1
  void finish() const;
  Span span(const char* name) const;

 private:
  Elaborator& self_;
  const WorkExpr& work_;
  ScopePtr scope_;
  Span span_;
  std::vector<std::string> taken_;
};

}  // namespace metac::dsl
