// Trainings that cost the same, such as those of a loop, are told together.
#include "cli/costs.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace metac::dsl {
namespace {

// "1.23 G" with the letter of a thousand's power.
std::string quantity(double number) {
  const char* letters[] = {"", " k", " M", " G", " T", " P"};
  std::size_t power = 0;
  while (number >= 999.5 && power + 1 < std::size(letters)) number /= 1000, ++power;
  return fmt::format("{:.3g}{}", number, letters[power]);
}

std::int64_t total(const TrainingCost& training) {
  std::int64_t sum = 0;
  for (const auto& [layer, count] : training.parameters) sum += count;
  return sum;
}

std::string text_of(const TrainingCost& training) {
  std::vector<std::string> layers;
  for (const auto& [layer, count] : training.parameters) layers.push_back(fmt::format("{} {}", layer, count));
  return fmt::format("{} steps, each of {} operations and {}B read and written\n    {} parameters: {}\n",
                     training.steps, quantity(training.operations), quantity(training.bytes), total(training),
                     fmt::join(layers, ", "));
}

}  // namespace

std::string costs_text(const Costs& costs) {
  struct Told {
    const TrainingCost* first;
    std::string text;
    int times;
  };
  std::vector<Told> told;
  for (const auto& training : costs.trainings) {
    const std::string text = text_of(training);
    if (!told.empty() && told.back().text == text && told.back().first->learner == training.learner)
      ++told.back().times;
    else
      told.push_back({&training, text, 1});
  }
  std::string all;
  for (const auto& [first, text, times] : told)
    all += fmt::format("  train {} on {}{}: {}", first->learner, first->source,
                       times == 1 ? "" : fmt::format(" and {} more, each", times - 1), text);
  if (costs.peak_memory > 0)
    all += fmt::format("  memory at most {:.4g} MiB\n", static_cast<double>(costs.peak_memory) / (1 << 20));
  return all;
}

std::string costs_json(const Costs& costs) {
  std::string all;
  for (const auto& training : costs.trainings) {
    nlohmann::ordered_json layers;
    for (const auto& [layer, count] : training.parameters) layers[layer] = count;
    const nlohmann::ordered_json event{
        {"event", "cost"},         {"learner", training.learner},       {"source", training.source},
        {"steps", training.steps}, {"operations", training.operations}, {"bytes", training.bytes},
        {"parameters", layers}};
    all += event.dump() + "\n";
  }
  return all + memory_json(costs.peak_memory);
}

std::string memory_json(std::size_t peak) {
  return nlohmann::ordered_json{{"event", "memory"}, {"peak_bytes", peak}}.dump() + "\n";
}

}  // namespace metac::dsl
