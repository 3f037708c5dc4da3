// Random graphs: what is simplified, batched, planned and run gives what their obvious meaning gives.
//
//   fuzz_graphs [--seed N] [--count M]      exit 1 and the seed of each difference
//
// Each graph is evaluated node by node as it is without simplifications, beside a bound of its rounding errors (see
// bounds.hpp). Within that bound lie: the finished and planned graph in f64; the same in the smallest parts; the same
// with values made again rather than kept; the same in f32; the graph batched over some of its inputs, planned, against
// one run for each row.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>

#include "fuzz/bounds.hpp"
#include "fuzz/random_graph.hpp"
#include "plan/plan.hpp"

namespace metac::testing {
namespace {

// Relative to 1 + the value; a bound beyond says nothing.
constexpr double loose = 1e-2;

struct Count {
  std::int64_t graphs = 0, nodes = 0, elements = 0, differences = 0;
  std::int64_t undecided = 0;  // elements
};

// Empty if all elements lie within their bounds.
std::string difference(const Array& given, const Bounded& expected, bool is_derivative, Count& count) {
  if (given.shape() != expected.value.shape())
    return "the shape is " + to_string(given.shape()) + ", not " + to_string(expected.value.shape());
  for (std::int64_t i = 0; i < given.elements(); ++i) {
    const double a = given.at(i), b = expected.value.at(i);
    // Where a factor of a derivative is infinite, a simplification that knows the other one to be 0 saves it from NaN.
    const double bound = is_derivative && !std::isfinite(b) ? INFINITY : expected.error[i];
    ++count.elements;
    count.undecided += bound > loose * (1 + std::abs(b));
    if (std::isinf(bound)) continue;
    const bool within = std::isfinite(b) ? std::abs(a - b) <= bound : a == b || (std::isnan(a) && std::isnan(b));
    if (within) continue;
    char text[200];
    std::snprintf(text, sizeof text, "element %lld of %s is %.17g, not %.17g within %.3g", static_cast<long long>(i),
                  to_string(given.type()).c_str(), a, b, bound);
    return text;
  }
  return "";
}

std::vector<NodeId> ids(std::span<const Tensor> tensors) {
  std::vector<NodeId> result;
  for (const Tensor& tensor : tensors) result.push_back(tensor.id());
  return result;
}

class Seed {
 public:
  Seed(std::uint32_t seed, Count& count)
      : seed_(seed), count_(count), opaque_(random_graph(seed, Dtype::f64, Form::opaque)) {}

  // What differs, or nothing.
  std::string check() {
    ++count_.graphs;
    count_.nodes += opaque_.graph->size();
    const RandomGraph plain = random_graph(seed_, Dtype::f64, Form::plain);
    const auto expected = bounded(*opaque_.graph, ids(opaque_.outputs), opaque_.given, double_precision);
    if (std::string wrong = compared("simplified and planned", run(plain), expected); !wrong.empty())
      return blame(plain, wrong);
    if (std::string wrong = compared("in the smallest parts", run_in_parts(plain), expected); !wrong.empty())
      return wrong;
    if (std::string wrong = compared("with values made again", run_again(plain), expected); !wrong.empty())
      return wrong;
    const auto coarse = bounded(*opaque_.graph, ids(opaque_.outputs), opaque_.given, single_precision);
    const RandomGraph single = random_graph(seed_, Dtype::f32, Form::plain);
    if (std::string wrong = compared("in f32", run(single), coarse); !wrong.empty()) return wrong;
    return batches(plain);
  }

  std::string text() const {
    const RandomGraph plain = random_graph(seed_, Dtype::f64, Form::plain);
    return to_text(*plain.graph, ids(plain.outputs));
  }

 private:
  static std::vector<Array> values(const RandomGraph& one) {
    std::vector<Array> arrays;
    for (const Tensor& x : one.inputs) arrays.push_back(one.given.at(x.id()));
    return arrays;
  }

  static std::vector<Array> run(const RandomGraph& one) { return compile(one.inputs, one.outputs)(values(one)); }

  static std::vector<Array> run_in_parts(const RandomGraph& one) {
    return Executable(make_plan(finalize(one.inputs, one.outputs), Parts::smallest()), 2).run(values(one));
  }

  static std::vector<Array> run_again(const RandomGraph& one) {
    const Program program = recompute(finalize(one.inputs, one.outputs), 0.3);
    verify(*program.graph);
    return Executable(make_plan(program)).run(values(one));
  }

  std::string compared(const std::string& what, std::span<const Array> given, std::span<const Bounded> expected) {
    for (std::size_t k = 0; k < given.size(); ++k)
      if (const std::string wrong = difference(given[k], expected[k], k >= opaque_.derivatives, count_); !wrong.empty())
        return what + ": output " + std::to_string(k) + ": " + wrong;
    return "";
  }

  // Which of the steps to the plan it was.
  std::string blame(const RandomGraph& plain, const std::string& wrong) {
    const auto expected = bounded(*opaque_.graph, ids(opaque_.outputs), opaque_.given, double_precision);
    const auto as_built = interpret(plain.outputs, plain.given);
    if (const auto built = compared("simplified while it was built", as_built, expected); !built.empty()) return built;
    const Program program = finalize(plain.inputs, plain.outputs);
    std::map<NodeId, Array> given;
    for (std::size_t i = 0; i < program.inputs.size(); ++i) given[program.inputs[i]] = values(plain)[i];
    const auto finished = interpret(*program.graph, program.outputs, given);
    if (const auto of = compared("finished", finished, expected); !of.empty()) return of;
    return "planned: " + wrong;
  }

  // Some of the inputs with a further first axis: as many runs, one for each row.
  std::string batches(const RandomGraph& plain) {
    std::mt19937 random(seed_);
    const std::int64_t size = random() % 8 == 0 ? 0 : 1 + static_cast<std::int64_t>(random() % 2);
    Graph into;
    Region region{plain.graph, ids(plain.inputs), ids(plain.outputs)};
    std::vector<Batched> inputs;
    std::vector<Tensor> variables;
    std::vector<Array> arrays;
    for (const Tensor& x : plain.inputs) {
      const bool batched = random() % 2 == 0;
      arrays.push_back(batched ? rows(plain.given.at(x.id()), size, random) : plain.given.at(x.id()));
      variables.push_back(input(into, arrays.back().type()));
      inputs.push_back({variables.back(), batched});
    }
    const auto results = batch(region, inputs, size, into);
    verify(into);
    std::vector<Tensor> outputs;
    for (const Batched& result : results) outputs.push_back(result.value);
    const auto together = compile(variables, outputs)(arrays);
    for (std::int64_t task = 0; task < size; ++task)
      if (const std::string wrong = row(task, inputs, arrays, results, together); !wrong.empty()) return wrong;
    return "";
  }

  // The values themselves, then others: multiples of an eighth, too.
  static Array rows(const Array& value, std::int64_t size, std::mt19937& random) {
    Array array(Type{value.dtype(), value.shape().with_front(size)});
    for (std::int64_t i = 0; i < array.elements(); ++i)
      put(array, i, i < value.elements() ? value.at(i) : (static_cast<int>(random() % 33) - 16) / 8.0);
    return array;
  }

  std::string row(std::int64_t task, const std::vector<Batched>& inputs, const std::vector<Array>& arrays,
                  const std::vector<Batched>& results, const std::vector<Array>& together) {
    auto given = opaque_.given;
    for (std::size_t i = 0; i < arrays.size(); ++i)
      given[opaque_.inputs[i].id()] = inputs[i].batched ? arrays[i].row(task) : arrays[i];
    const auto expected = bounded(*opaque_.graph, ids(opaque_.outputs), given, double_precision);
    std::vector<Array> rows;
    for (std::size_t k = 0; k < together.size(); ++k)
      rows.push_back(results[k].batched ? together[k].row(task) : together[k]);
    return compared("batched, row " + std::to_string(task), rows, expected);
  }

  std::uint32_t seed_;
  Count& count_;
  RandomGraph opaque_;
};

void check(std::uint32_t seed, bool alone, Count& count) {
  std::string wrong;
  try {
    Seed one(seed, count);
    if (alone) std::printf("%s", one.text().c_str());
    wrong = one.check();
  } catch (const std::exception& error) {
    wrong = error.what();
  }
  if (wrong.empty()) return;
  ++count.differences;
  std::printf("--seed %u --count 1: %s\n", seed, wrong.c_str());
  std::fflush(stdout);
}

// Of all that is compared, so much may be undecided: more would be a test of nothing.
constexpr double most_undecided = 0.25;

int run(std::uint32_t first, std::int64_t graphs) {
  Count count;
  for (std::int64_t i = 0; i < graphs; ++i) {
    check(first + static_cast<std::uint32_t>(i), graphs == 1, count);
    if ((i + 1) % 10'000 == 0) {
      std::fprintf(stderr, "%lld graphs, %lld differences\n", static_cast<long long>(i + 1),
                   static_cast<long long>(count.differences));
    }
  }
  const double undecided =
      count.elements == 0 ? 0 : static_cast<double>(count.undecided) / static_cast<double>(count.elements);
  std::printf("%lld graphs of %.0f nodes, %lld differences; %lld elements compared, %.1f %% undecided\n",
              static_cast<long long>(count.graphs), static_cast<double>(count.nodes) / static_cast<double>(graphs),
              static_cast<long long>(count.differences), static_cast<long long>(count.elements), 100 * undecided);
  if (graphs >= 1000 && undecided > most_undecided) std::printf("too much is undecided\n");
  return count.differences > 0 || (graphs >= 1000 && undecided > most_undecided) ? 1 : 0;
}

}  // namespace
}  // namespace metac::testing

int main(int argc, char** argv) {
  long long seed = 1, count = 1000;
  for (int i = 1; i < argc; i += 2) {
    char* end = nullptr;
    const long long number = i + 1 < argc ? std::strtoll(argv[i + 1], &end, 10) : 0;
    const bool whole = end != nullptr && *end == '\0' && end != argv[i + 1] && number >= 0 && number <= 0xffffffff;
    if (whole && std::strcmp(argv[i], "--seed") == 0)
      seed = number;
    else if (whole && number > 0 && std::strcmp(argv[i], "--count") == 0)
      count = number;
    else {
      std::fprintf(stderr, "usage: fuzz_graphs [--seed N] [--count M], whole numbers\n");
      return 2;
    }
  }
  return metac::testing::run(static_cast<std::uint32_t>(seed), count);
}
