// The state of a training is complete and comparable: every part has a name, a copy shares no memory, and the part that
// differs is named.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <set>

#include "dsl/driver/recorder.hpp"

using namespace metac;
using namespace metac::dsl;
using namespace metac::dsl::testing;

namespace {

TrainState trained_state() {
  Recorder recorder(true);
  Options options;
  options.settings["iterations"] = "3";
  run_script(example("sinusoid_maml.meta"), options, recorder);
  BOOST_TEST_REQUIRE(recorder.states.size() == 1);
  return recorder.states.front();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(state)

BOOST_AUTO_TEST_CASE(lists_every_part_with_a_name_of_its_own) {
  const TrainState state = trained_state();
  std::set<std::string> names;
  std::size_t learned = 0, remembered = 0;
  for (const auto& [name, array] : state.list()) {
    BOOST_TEST(names.insert(name).second, name << " is there twice");
    learned += name.starts_with("learner.theta.");
    remembered += name.starts_with("optimizer.");
  }
  BOOST_TEST(learned == 6u);             // weight and offset of three layers
  BOOST_TEST(remembered == 2 * 6u + 1);  // two moments for each, and the count
  BOOST_TEST(names.contains("key"));
  BOOST_TEST(names.contains("step"));
  BOOST_TEST(names.contains("best_value"));
  BOOST_TEST(names.contains("best_step"));
  BOOST_TEST(names.size() == learned + remembered + 4);
  BOOST_TEST(state.step == 3);
}

BOOST_AUTO_TEST_CASE(a_copy_is_equal_and_shares_no_memory) {
  const TrainState state = trained_state(), copy = state.copy();
  BOOST_TEST(difference(state, copy) == "");
  std::set<const void*> memory;
  for (const TrainState* each : {&state, &copy})
    for (const Value* tree : {&each->learner, &each->optimizer})
      for (const auto& leaf : leaves(*tree))
        BOOST_TEST(memory.insert(leaf.value.get<Array>()->data()).second, leaf.path << " shares its memory");
}

BOOST_AUTO_TEST_CASE(one_changed_bit_is_named) {
  const TrainState state = trained_state();
  const auto parts = state.list();
  const auto count = leaves(state.learner).size() + leaves(state.optimizer).size();
  for (std::size_t i = 0; i < count; ++i) {
    const TrainState copy = state.copy();
    Array changed = copy.list()[i].second;  // shares the memory of the copy
    static_cast<unsigned char*>(changed.data())[changed.bytes() - 1] ^= 1;
    BOOST_TEST(difference(state, copy) == parts[i].first);
    BOOST_TEST(difference(copy, state) == parts[i].first);
  }
  TrainState later = state.copy(), elsewhere = state.copy();
  later.step += 1;
  elsewhere.key.b ^= 1;
  BOOST_TEST(difference(state, later) == "step");
  BOOST_TEST(difference(state, elsewhere) == "key");
}

BOOST_AUTO_TEST_CASE(a_missing_part_is_named) {
  const TrainState state = trained_state();
  TrainState less = state.copy();
  less.optimizer = None{};
  BOOST_TEST(difference(state, less).starts_with("optimizer."));
}

BOOST_AUTO_TEST_CASE(parts_of_another_form_are_refused_by_name_and_change_nothing) {
  TrainState state = trained_state();
  const TrainState before = state.copy();
  const auto refusal = [&](const NamedArrays& parts) {
    std::string said;
    try {
      state.take(parts, "a file");
    } catch (const Error& error) {
      said = error.what();
    }
    BOOST_TEST(difference(state, before) == "");
    return said;
  };
  auto parts = state.list();
  BOOST_TEST(refusal(parts) == "");
  const auto named = [&](const std::string& name) {
    return std::find_if(parts.begin(), parts.end(), [&](const auto& part) { return part.first == name; });
  };
  auto& weight = named("optimizer.first.theta.linear1.weight")->second;
  weight = Array(Type{Dtype::f32, {1, 30}});
  BOOST_TEST(refusal(parts) ==
             "a file is of another model: `optimizer.first.theta.linear1.weight` is [1, 30], [1, 40] is needed");
  parts = state.list();
  parts.erase(named("learner.theta.linear2.offset"));
  BOOST_TEST(refusal(parts) == "a file is of another model: `learner.theta.linear2.offset` [40] is missing");
  parts = state.list();
  parts.emplace_back("learner.theta.linear4.offset", Array(Type{Dtype::f32, {2}}));
  BOOST_TEST(refusal(parts) == "a file is of another model: `learner.theta.linear4.offset` [2] is not there");
}

BOOST_AUTO_TEST_CASE(the_same_run_twice_gives_the_same_bits) {
  BOOST_TEST(difference(trained_state(), trained_state()) == "");
}

BOOST_AUTO_TEST_SUITE_END()
