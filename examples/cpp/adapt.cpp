// Loads a trained script and adapts to new images: five characters that the training never met, known from one drawing
// each. First train and save what is learned: metac run glyphs.meta
//
//   adapt glyphs.meta glyphs.safetensors
#include <atomic>
#include <cstdio>
#include <metac/metac.hpp>
#include <thread>

using namespace metac;

namespace {

// How many rows of the logits have their largest value where the label says.
int right_of(const Array& logits, const Array& labels) {
  const std::int64_t ways = logits.shape()[1];
  int right = 0;
  for (std::int64_t row = 0; row < labels.elements(); ++row) {
    std::int64_t best = 0;
    for (std::int64_t way = 1; way < ways; ++way)
      if (logits.at(row * ways + way) > logits.at(row * ways + best)) best = way;
    right += static_cast<double>(best) == labels.at(row);
  }
  return right;
}

}  // namespace

int main(int count, char** arguments) try {
  const Script script = Script::load(count > 1 ? arguments[1] : "glyphs.meta");
  const Learner learner = script.learner("few_shot()", count > 2 ? arguments[2] : "glyphs.safetensors");
  const Source tasks = script.source("new_characters");
  std::printf("%s has", learner.name().c_str());
  for (const ScriptFunction& function : learner.functions()) std::printf(" %s", function.name.c_str());
  std::printf("; here are %s\n", tasks.describe().c_str());

  // To adapt is to call a function of the learner: here it gives a prototype of each class, beside the parameters.
  const Value task = tasks.draw(0);
  const Value prototypes = learner.call("adapt", {task["support"], task["ways"]})["prototypes"];
  std::printf("prototypes: %s\n", to_string(prototypes.array().type()).c_str());

  // Many tasks, from several threads: one learner serves all of them.
  constexpr int threads = 4, tasks_of_each = 15;
  std::atomic<int> right{0}, all{0};
  std::vector<std::thread> workers;
  for (int worker = 0; worker < threads; ++worker)
    workers.emplace_back([&, worker] {
      for (int i = 0; i < tasks_of_each; ++i) {
        const Value drawn = tasks.draw(static_cast<std::uint64_t>(1 + worker * tasks_of_each + i)),
                    query = drawn["query"];
        const Value logits = learner.call("predict", {drawn, query["x"]});
        right += right_of(logits.array(), query["y"].array());
        all += static_cast<int>(query["y"].array().elements());
      }
    });
  for (std::thread& worker : workers) worker.join();
  const double accuracy = static_cast<double>(right) / all;
  std::printf("%d of %d new drawings are recognised: %.1f %% (chance is 20 %%)\n", right.load(), all.load(),
              100 * accuracy);
  return accuracy > 0.5 ? 0 : 1;
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
