// Runs procedures on arrays, or, in a rehearsal, only keeps their forms.
#pragma once

#include <vector>

#include "driver/driver.hpp"
#include "elaborate/learning.hpp"
#include "plan/cost.hpp"

namespace metac::dsl {

// What a key is for: different things draw differently.
enum class Purpose : std::uint32_t { initial_state = 1, training, measuring, start, end };
inline data::Key for_purpose(data::Key key, Purpose purpose) {
  return data::fold_in(key, static_cast<std::uint32_t>(purpose));
}
Array key_array(data::Key);

constexpr std::int64_t default_rows_at_once = 500;  // examples that are predicted together

struct RunFailure {  // it failed while running; not the script's form
  Diagnostic diagnostic;
};
RunFailure run_failure(const char* code, const Error&, Span);

class Gradcheck;

struct Machine {
  Elaborator& self;
  const Options& options;
  Observer& observer;
  bool rehearsal;                  // elaborates everything and runs nothing
  Costs* costs = nullptr;          // of a rehearsal, where they are wanted
  Gradcheck* gradcheck = nullptr;  // looks at the derivatives of each training; these are then short

  std::shared_ptr<const Plan> plan(const Procedure& procedure) const {
    return make_plan(options.kept < 1 ? recompute(procedure.program, options.kept) : procedure.program);
  }
  Executable executable(const Procedure& procedure) const { return Executable(plan(procedure), options.threads); }
  // Of any procedure, in their order; `state`: its trees.
  std::vector<Array> inputs(std::initializer_list<Value> state, data::Key, std::int64_t step, double progress,
                            std::vector<Array> arrays) const;
  // In a rehearsal: what a run of the procedure here would take, and hold as long as its program is kept, in bytes.
  std::size_t weigh(const Procedure&, Span, Cost* cost = nullptr) const;
  // The tree that a procedure computes, in memory of its own; `inputs` is not called in a rehearsal.
  Value computed(const Computed&, Span, const std::function<std::vector<Array>()>& inputs) const;
  // The state a learner comes with to this source: its own, in memory of its own, or, before any training, drawn. One
  // that was loaded must be of the form that would be drawn: Failure naming the leaves that differ.
  Value state_for(const Learner&, const Source&, data::Key) const;
  Value own(const Value& state) const;  // in memory of its own; in a rehearsal zeros of the same forms
  void stop_if_asked() const;
  // Shows a program to who asked for it, in a rehearsal.
  void inspect(const std::string& what, const Procedure&) const;
};

}  // namespace metac::dsl
