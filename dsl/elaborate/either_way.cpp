// An `if` on what is measured, in a rehearsal: which way it goes is not known yet, so both are gone.
#include "elaborate/elaborator.hpp"

namespace metac::dsl {
namespace {

constexpr const char* refusal = "E0396";  // of `error(..)`: a way that ends there is one that the script means to end

// The names that are bound around a place, to be put back.
class Names {
 public:
  explicit Names(const ScopePtr& scope) {
    for (Scope* each = scope.get(); each != nullptr; each = each->parent.get()) scopes_.emplace_back(each, each->names);
  }
  void put_back() const {
    for (const auto& [scope, names] : scopes_) scope->names = names;
  }

 private:
  std::vector<std::pair<Scope*, std::vector<std::pair<std::string, Value>>>> scopes_;
};

// How a way ended: it went on, or there was a `return`, or an `error`.
struct End {
  std::optional<Value> returned;
  std::optional<Failure> refused;
  bool goes_on() const { return !returned && !refused; }
};

template <class Run>
End gone(Run&& run) {
  End end;
  try {
    end.returned = run();
  } catch (const Failure& failure) {
    if (failure.diagnostic.code != refusal) throw;
    end.refused = failure;
  }
  return end;
}

}  // namespace

// What one way changes is undone before the other. It goes on after `then`, or, where that ends, after `else`.
std::optional<Value> Elaborator::either_way(const IfStatement& branch, const ScopePtr& scope) {
  const auto now = [&] {
    return [names = Names(scope), done = remember ? remember() : nullptr] {
      names.put_back();
      if (done) done();
    };
  };
  const auto before = now();
  const End then = gone([&] { return run(*branch.then, scope); });
  const auto after = now();
  before();
  const End otherwise = gone(
      [&] { return branch.otherwise != nullptr ? run(*branch.otherwise, scope) : std::optional<Value>(std::nullopt); });
  if (then.goes_on()) after();
  if (then.goes_on() || otherwise.goes_on()) return std::nullopt;
  if (then.returned) return then.returned;
  if (otherwise.returned) return otherwise.returned;
  throw *then.refused;
}

// Of two numbers or conditions it is not known which, of other values it is the first.
Value Elaborator::either_value(const IfExpr& branch, const ScopePtr& scope) {
  const End then = gone([&] { return std::optional(evaluate(branch.then, scope)); });
  const End otherwise = gone([&] { return std::optional(evaluate(branch.otherwise, scope)); });
  if (then.refused && otherwise.refused) throw *then.refused;
  const Value& value = then.returned ? *then.returned : *otherwise.returned;
  if (value.get<bool>() != nullptr) return Unmeasured{0, true};
  return value;
}

}  // namespace metac::dsl
