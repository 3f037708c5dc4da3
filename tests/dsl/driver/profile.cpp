// `--profile`: one report a training, of its steps only, and the same results.
#include "dsl/driver/recorder.hpp"

namespace metac::dsl::testing {
namespace {

constexpr const char* script = R"(
experiment e {
  let learner = maml(mlp([8, 1]), loss: mse)
  train learner on sinusoids() { iterations: 3, batch: 4, optimizer: sgd(0.01), validate: (on: sinusoids(), every: 2, tasks: 5) }
  train learner on sinusoids() { iterations: 2, batch: 4, optimizer: sgd(0.01) }
}
)";

Recorder& run_with(Recorder& recorder, bool profile) {
  Options options;
  options.threads = 2;
  options.profile = profile;
  run_script(script, options, recorder);
  return recorder;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_profile_tells_of_each_training) {
  Recorder with, without;
  const auto& profiles = run_with(with, true).profiles;
  BOOST_TEST(run_with(without, false).profiles.empty());
  BOOST_TEST_REQUIRE(profiles.size() == 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    const Profile& profile = profiles[i];
    BOOST_TEST(profile.steps == (i == 0 ? 3 : 2));
    BOOST_TEST(profile.threads == 2);
    BOOST_TEST(profile.running > 0);
    BOOST_TEST(profile.running <= profile.seconds);
    BOOST_TEST(!profile.kernels.empty());
    double operations = 0;
    for (const auto& kernel : profile.kernels) {
      BOOST_TEST(kernel.calls % profile.steps == 0, kernel.kernel);
      operations += kernel.operations;
    }
    BOOST_TEST(operations > 0);
  }
  BOOST_TEST_REQUIRE(with.states.size() == 2u);
  for (std::size_t i = 0; i < 2; ++i) BOOST_TEST(difference(with.states[i], without.states[i]) == "");
}

}  // namespace metac::dsl::testing
