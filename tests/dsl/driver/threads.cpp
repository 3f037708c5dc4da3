// The same seed gives the same bits on 1, 2 and 4 threads: all of the training state, and every measured value.
#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "dsl/driver/recorder.hpp"

using namespace metac;
using namespace metac::dsl;
using namespace metac::dsl::testing;

namespace {

void check_bits_do_not_depend_on_threads(const std::string& text, Options options) {
  Recorder one;
  run_script(text, options, one);
  BOOST_TEST_REQUIRE(one.states.size() == 1);
  for (const int threads : {2, 4}) {
    options.threads = threads;
    Recorder more;
    run_script(text, options, more);
    BOOST_TEST_REQUIRE(more.states.size() == 1);
    BOOST_TEST(difference(one.states.front(), more.states.front()) == "", "with " << threads << " threads");
    BOOST_TEST_REQUIRE(one.results.size() == more.results.size());
    for (std::size_t i = 0; i < one.results.size(); ++i)
      for (std::size_t row = 0; row < one.results[i].rows.size(); ++row)
        BOOST_TEST(one.results[i].rows[row].values == more.results[i].rows[row].values,
                   "with " << threads << " threads");
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(threads)

BOOST_AUTO_TEST_CASE(sinusoids_are_the_same_on_any_number) {
  Options options;
  options.settings = {{"iterations", "30"}, {"test_tasks", "130"}};
  check_bits_do_not_depend_on_threads(example("sinusoid_maml.meta"), options);
}

// Its inner steps draw parts of the support.
BOOST_AUTO_TEST_CASE(draws_of_a_learner_are_the_same_on_any_number) {
  check_bits_do_not_depend_on_threads(
      "experiment e {\n  let learner = reptile(mlp([40, 1]), loss: mse, inner: sgd(0.001), part: 3)\n"
      "  train learner on sinusoids() { iterations: 20, batch: 7, optimizer: sgd(0.5) }\n"
      "  evaluate learner on sinusoids() { tasks: 33, with: (updates: [1, 4]), metrics: [mse] }\n}\n",
      {});
}

BOOST_AUTO_TEST_CASE(another_seed_gives_other_bits) {
  Options options;
  options.settings["iterations"] = "1";
  Recorder one(true), other(true);
  run_script(example("sinusoid_maml.meta"), options, one);
  options.seed = 1;
  run_script(example("sinusoid_maml.meta"), options, other);
  BOOST_TEST(difference(one.states.at(0), other.states.at(0)) != "");
}

BOOST_AUTO_TEST_CASE(omniglot_is_the_same_on_any_number) {
  const char* data = std::getenv("METAC_DATA");
  if (data == nullptr) {
    BOOST_TEST_MESSAGE("skipped: METAC_DATA names no data folder");
    return;
  }
  Options options;
  options.data = data;
  options.settings = {{"iterations", "3"}, {"test_tasks", "5"}};
  check_bits_do_not_depend_on_threads(example("omniglot_maml.meta"), options);
}

BOOST_AUTO_TEST_CASE(images_drawn_in_the_graph_are_the_same_on_any_number) {
  check_bits_do_not_depend_on_threads(R"(
tasks patterns(ways = 5, shots = 1, queries = 1, size = 28) {
  let pattern = normal()([ways, size, size, 1])
  fn example() = (x: pattern + normal()([ways, size, size, 1]), y: iota(ways))
  fn together(examples) = (x: reshape(examples.x, [-1, size, size, 1]), y: reshape(examples.y, [-1]))
  support = together(sample(example, shots))
  query = together(sample(example, queries))
}
experiment drawn {
  let learner = maml(conv4(ways: 5, channels: 16), inner_lr: 0.4)
  train learner on patterns() { iterations: 3, batch: 9, optimizer: adam(1e-3) }
  evaluate learner on patterns(queries: 2) { tasks: 7, with: (updates: [1, 3]), metrics: [accuracy, cross_entropy] }
}
)",
                                      {});
}

BOOST_AUTO_TEST_SUITE_END()
