// The builtins that make streams of tasks. A stream is a list of records that `train` and `evaluate` take as they are:
// name, index, train, test, scenario, classes, active.
#include <fmt/format.h>

#include "data/stream.hpp"
#include "elaborate/data_arguments.hpp"

namespace metac::dsl {
namespace {

using Call = const BuiltinCall&;

Value stream_value(const data::TaskStream& stream) {
  std::vector<Value> tasks;
  for (std::size_t i = 0; i < stream.tasks.size(); ++i) {
    const auto& task = stream.tasks[i];
    std::vector<Value> active;
    for (auto label : task.active) active.emplace_back(static_cast<std::int64_t>(label));
    tasks.push_back(Value::record({{"name", task.name},
                                   {"index", static_cast<std::int64_t>(i)},
                                   {"train", held(task.data.train)},
                                   {"test", held(task.data.test)},
                                   {"scenario", to_string(stream.scenario)},
                                   {"classes", stream.classes},
                                   {"active", Value::list(std::move(active))}}));
  }
  return Value::list(std::move(tasks));
}

// A stream of one data set: train and test in the first argument, the scenario in argument `scenario`.
template <class F>
Value stream_of(Elaborator& e, Call call, std::size_t scenario, F&& make) {
  const auto both = train_and_test(e, call.arguments[0], call.place(0));
  const auto& name = text(e, call, scenario, "a scenario");
  return reading(e, call, [&] { return stream_value(make(both, data::scenario_of(name))); });
}

Value by_hand(Elaborator& e, Call call) {
  const auto& scenario = text(e, call, 1, "a scenario");
  std::vector<std::pair<std::string, data::TrainTest>> tasks;
  for (const Value& task : items(call.arguments[0])) {
    const auto both = train_and_test(e, task, call.place(0));
    const Value* name = task.record()->find("name");
    const auto* given_name = name != nullptr ? name->get<std::string>() : nullptr;
    tasks.emplace_back(given_name != nullptr ? *given_name : fmt::format("task {}", tasks.size() + 1), both);
  }
  return reading(e, call, [&] { return stream_value(data::stream(std::move(tasks), data::scenario_of(scenario))); });
}

}  // namespace

void add_stream_builtins(BuiltinTable& t) {
  t["permuted"] = [](Elaborator& e, Call call) {
    const auto tasks = e.integer(call.arguments[1], call.place(1), "a number of tasks");
    const auto seed = e.integer(call.arguments[2], call.place(2), "a seed");
    return stream_of(e, call, 3,
                     [&](const auto& both, auto scenario) { return permuted(both, tasks, seed, scenario); });
  };
  t["split"] = [](Elaborator& e, Call call) {
    const auto tasks = e.integer(call.arguments[1], call.place(1), "a number of tasks");
    return stream_of(e, call, 2, [&](const auto& both, auto scenario) { return split(both, tasks, scenario); });
  };
  t["rotated"] = [](Elaborator& e, Call call) {
    const auto degrees = numbers(e, call, 1, "an angle");
    return stream_of(e, call, 2, [&](const auto& both, auto scenario) { return rotated(both, degrees, scenario); });
  };
  t["stream"] = by_hand;
}

}  // namespace metac::dsl
