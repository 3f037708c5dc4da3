// Writes random cases with our results, one JSON object a line, for tests/parity/compare.py.
//
//   parity_cases [--seed N] [--count M]      M draws of every function, M / 10 + 1 of those that are large
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "parity/cases.hpp"
#include "plan/plan.hpp"

namespace metac::parity {
namespace {

using nlohmann::json;

json of(const Array& array) {
  json values = json::array();
  for (std::int64_t i = 0; i < array.elements(); ++i) values.push_back(array.at(i));
  json shape = json::array();
  for (auto size : array.shape()) shape.push_back(size);
  return {{"dtype", to_string(array.dtype())}, {"shape", shape}, {"values", values}};
}

json of(std::span<const Array> arrays) {
  json list = json::array();
  for (const Array& array : arrays) list.push_back(of(array));
  return list;
}

// Sum of the elements of a times those of b, over all of both lists.
Tensor along(std::span<const Tensor> a, std::span<const Array> b) {
  Tensor total;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Tensor term = sum(a[i] * constant(a[i].graph(), b[i]));
    total = total ? total + term : term;
  }
  return total;
}

class Written {
 public:
  Written(const Case& one, Draws& draws) : case_(one), draws_(draws) {
    for (const Array& operand : one.operands) {
      inputs_.push_back(input(graph_, operand.type()));
      const bool wanted = one.variables < 0 || static_cast<int>(inputs_.size()) <= one.variables;
      if (wanted && is_float(operand.dtype())) variables_.push_back(inputs_.back());
    }
    results_ = one.build(inputs_);
  }

  json line() {
    std::vector<std::pair<std::string, Results>> wanted{{"results", results_}};
    json line = {{"function", case_.function},
                 {"expression", case_.expression},
                 {"operands", of(case_.operands)},
                 {"variables", variables_.size()},
                 {"through_sine", case_.through_sine}};
    if (case_.orders > 0) add_derivatives(wanted, line);
    Results all;
    for (const auto& part : wanted) all.insert(all.end(), part.second.begin(), part.second.end());
    const std::vector<Array> values = compile(inputs_, all)(std::span<const Array>(case_.operands));
    std::size_t next = 0;
    for (const auto& [name, tensors] : wanted) {
      line[name] = of(std::span(values).subspan(next, tensors.size()));
      next += tensors.size();
    }
    return line;
  }

 private:
  std::vector<Array> alike(std::span<const Tensor> tensors) {
    std::vector<Array> arrays;
    for (const Tensor& tensor : tensors) arrays.push_back(draws_.uniform(tensor.shape(), -1, 1));
    return arrays;
  }

  void add_derivatives(std::vector<std::pair<std::string, Results>>& wanted, json& line) {
    Results seen;
    for (const Tensor& result : results_)
      if (is_float(result.dtype())) seen.push_back(case_.through_sine ? sin(result + 0.5) : result);
    const std::vector<Array> weights = alike(seen);
    line["weights"] = of(weights);
    line["directions"] = json::array();
    Tensor scalar = along(seen, weights);
    for (int order = 1; order <= case_.orders; ++order) {
      const Results derivatives = grad(scalar, variables_);
      wanted.emplace_back("order " + std::to_string(order), derivatives);
      if (order == case_.orders) break;
      const std::vector<Array> direction = alike(variables_);
      line["directions"].push_back(of(direction));
      scalar = along(derivatives, direction);
    }
  }

  const Case& case_;
  Draws& draws_;
  Graph graph_;
  std::vector<Tensor> inputs_, variables_;
  Results results_;
};

void write(const Cases& cases, Draws& draws) {
  for (const Case& one : cases) {
    try {
      std::printf("%s\n", Written(one, draws).line().dump().c_str());
    } catch (const std::exception& error) {
      throw Error(one.function + ", " + one.expression + ": " + error.what());
    }
  }
}

void run(std::uint32_t seed, long count) {
  Draws draws(seed);
  for (long i = 0; i < count; ++i) {
    Cases cases;
    for (const auto family : {pointwise_cases, reduction_cases, structure_cases, matrix_cases, window_cases})
      family(draws, cases);
    if (i % 10 == 0) meta_learning_cases(draws, cases);
    write(cases, draws);
  }
}

}  // namespace
}  // namespace metac::parity

int main(int argc, char** argv) {
  long seed = 1, count = 3;
  for (int i = 1; i < argc; i += 2) {
    char* end = nullptr;
    const long number = i + 1 < argc ? std::strtol(argv[i + 1], &end, 10) : 0;
    const bool whole = end != nullptr && end != argv[i + 1] && *end == '\0' && number >= 0 && number < 1L << 32;
    if (whole && std::strcmp(argv[i], "--seed") == 0)
      seed = number;
    else if (whole && number > 0 && std::strcmp(argv[i], "--count") == 0)
      count = number;
    else {
      std::fprintf(stderr, "usage: parity_cases [--seed N] [--count M], whole numbers\n");
      return 2;
    }
  }
  try {
    metac::parity::run(static_cast<std::uint32_t>(seed), count);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "parity_cases --seed %ld: %s\n", seed, error.what());
    return 1;
  }
}
