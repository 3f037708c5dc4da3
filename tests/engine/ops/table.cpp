// What every operator promises, checked for every sample of every registered operator: its derivatives at orders 1, 2
// and 3 against central differences in f64, its batching of every subset of inputs against a loop, and its kernel
// against the obvious reference. An operator without samples, or one that is not checked at all, fails.
#include <boost/test/unit_test.hpp>

#include <set>

#include "engine/ops/cases.hpp"
#include "plan/plan.hpp"
#include "transform/transform.hpp"

using namespace metac;
using namespace metac::testing;

namespace {

// Leaves and regions, which have tests of their own.
const std::set<std::string> without_samples = {"array", "constant", "input", "map", "part"};

bool has_derivative_or_none_to_miss(const Operator& op) {
  return std::string(op.name) != "stop_gradient";  // is not the derivative of its value, on purpose
}

// The inputs moved by `step` along the directions.
std::map<NodeId, Array> moved(const Built& built, const std::vector<Array>& directions, double step) {
  auto given = built.given();
  for (std::size_t i = 0; i < built.inputs.size(); ++i) {
    if (!is_float(built.inputs[i].dtype())) continue;
    Array value = built.values[i].clone();
    for (std::int64_t j = 0; j < value.elements(); ++j) put(value, j, value.at(j) + step * directions[i].at(j));
    given[built.inputs[i].id()] = value;
  }
  return given;
}

double central_difference(const Built& built, Tensor scalar, const std::vector<Array>& directions) {
  const double step = 1e-5;
  const double up = interpret(scalar, moved(built, directions, step)).at(0);
  const double down = interpret(scalar, moved(built, directions, -step)).at(0);
  const bool same = up == down || (std::isnan(up) && std::isnan(down));  // infinities: the maximum of nothing
  return same ? 0 : (up - down) / (2 * step);
}

// The derivative of a scalar along the directions, as an expression.
Tensor directional(const Built& built, Tensor scalar, const std::vector<Array>& directions) {
  std::vector<Tensor> variables;
  std::vector<Array> along;
  for (std::size_t i = 0; i < built.inputs.size(); ++i)
    if (is_float(built.inputs[i].dtype())) variables.push_back(built.inputs[i]), along.push_back(directions[i]);
  Tensor total = constant(*built.graph, 0, Dtype::f64);
  const auto gradients = grad(scalar, variables);
  for (std::size_t i = 0; i < variables.size(); ++i)
    if (gradients[i]) total = total + sum(gradients[i] * constant(*built.graph, along[i]));
  return total;
}

void check_derivatives(const Case& one) {
  const Built built(one);
  std::mt19937 rng(7);
  Tensor scalar = sum(built.node * constant(*built.graph, random_array(built.node.type(), rng)));
  for (int order = 1; order <= 3; ++order) {
    std::vector<Array> directions;
    for (const auto& input : built.inputs)
      directions.push_back(is_float(input.dtype()) ? random_array(input.type(), rng) : Array());
    const Tensor derivative = directional(built, scalar, directions);
    const double given = interpret(derivative, built.given()).at(0);
    const double expected = central_difference(built, scalar, directions);
    const bool close = std::abs(given - expected) <= 2e-6 * (1 + std::abs(expected));
    BOOST_CHECK_MESSAGE(
        close, one.name << ": derivative of order " << order << " is " << given << ", by differences " << expected);
    scalar = derivative;
  }
}

// The operator on each row of the batched inputs, by the reference, stacked.
Array looped(const Built& built, unsigned subset, const std::vector<Array>& values, std::int64_t size) {
  const Type& type = built.node.type();
  Array result(Type{type.dtype, type.shape.with_front(size)});
  for (std::int64_t task = 0; task < size; ++task) {
    std::map<NodeId, Array> given;
    for (std::size_t i = 0; i < built.inputs.size(); ++i)
      given[built.inputs[i].id()] = subset >> i & 1 ? values[i].row(task) : values[i];
    const Array row = interpret(built.node, given);
    for (std::int64_t j = 0; j < row.elements(); ++j) put(result, task * row.elements() + j, row.at(j));
  }
  return result;
}

void check_batch(const Case& one, unsigned subset, std::int64_t size) {
  const Built built(one);
  std::mt19937 rng(11);
  Graph into;
  std::vector<Batched> inputs;
  std::vector<Array> values;
  std::map<NodeId, Array> given;
  Region region{built.graph, {}, {built.node.id()}};
  for (std::size_t i = 0; i < built.inputs.size(); ++i) {
    const bool batched = subset >> i & 1;
    Type type = built.inputs[i].type();
    if (batched) type.shape = type.shape.with_front(size);
    region.inputs.push_back(built.inputs[i].id());
    inputs.push_back({input(into, type), batched});
    values.push_back(random_array(type, one.sample, rng));
    given[inputs.back().value.id()] = values.back();
  }
  const Batched result = batch(region, inputs, size, into)[0];
  verify(into);
  BOOST_CHECK_MESSAGE(result.batched, one.name << ": the result is not batched");
  if (!result.batched) return;
  const double error = difference(interpret(result.value, given), looped(built, subset, values, size));
  BOOST_CHECK_MESSAGE(error < 1e-12,
                      one.name << ": batched over inputs " << subset << " by " << size << " differs by " << error);
}

// The elements in another order, but in the same shape: axes reversed, merged, and reversed again.
Tensor reversed_twice(Tensor x) {
  std::vector<int> order;
  Shape reversed;
  for (int axis = x.shape().rank(); axis-- > 0;) order.push_back(axis), reversed.push_back(x.shape()[axis]);
  return transpose(reshape(x, reversed), order);
}

// The elements from the second on, then the first, out of memory that holds them three times.
Tensor out_of_larger(Tensor x, int axis) {
  const std::int64_t size = x.shape()[axis], begin = std::min<std::int64_t>(1, size);
  return slice_axis(concatenate({x, x, x}, axis), axis, begin, begin + size);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(table)

BOOST_AUTO_TEST_CASE(every_operator_has_samples_and_a_meaning) {
  BOOST_CHECK_GE(all_operators().size(), 55u);
  for (const Operator* op : all_operators()) {
    const bool exempt = without_samples.count(op->name) > 0;
    BOOST_CHECK_MESSAGE(exempt || (op->samples && !op->samples().empty()), op->name << " has no samples");
    const int ways = op->pointwise.has_value() + (op->reduction != Reduction::none) + (op->view != nullptr) +
                     (op->kernel != nullptr);
    BOOST_CHECK_MESSAGE(exempt || ways == 1, op->name << " has " << ways << " ways to run, exactly one is needed");
    BOOST_CHECK_MESSAGE(exempt || op->reference || op->pointwise || op->reduction != Reduction::none || op->view,
                        op->name << " has no reference");
    BOOST_CHECK_MESSAGE(exempt || op->batch || op->arity == 0, op->name << " cannot be batched");
    BOOST_CHECK(op->doc && *op->doc);
  }
}

BOOST_AUTO_TEST_CASE(derivatives_of_three_orders_equal_differences) {
  int checked = 0;
  for (const Case& one : all_cases(Dtype::f64)) {
    const Built built(one);
    // A result of f32 is too coarse for differences.
    if (built.node.dtype() != Dtype::f64 || one.sample.inputs.empty() || !has_derivative_or_none_to_miss(*one.op))
      continue;
    check_derivatives(one);
    ++checked;
  }
  BOOST_TEST_MESSAGE(checked << " samples differentiated three times");
  BOOST_CHECK_GT(checked, 200);
}

BOOST_AUTO_TEST_CASE(batching_equals_a_loop) {
  int checked = 0;
  for (const Case& one : all_cases(Dtype::f64)) {
    const auto count = one.sample.inputs.size();
    for (unsigned subset = 1; subset < 1u << count; ++subset)
      for (std::int64_t size : {0, 1, 3}) check_batch(one, subset, size), ++checked;
  }
  BOOST_TEST_MESSAGE(checked << " batches");
  BOOST_CHECK_GT(checked, 1000);
}

BOOST_AUTO_TEST_CASE(kernels_equal_the_reference) {
  int checked = 0;
  for (Dtype dtype : {Dtype::f32, Dtype::f64})
    for (const Case& one : all_cases(dtype)) {
      const Built built(one);
      const Function program = compile(built.inputs, built.node);
      const double error = difference(program(built.values)[0], interpret(built.node, built.given()));
      const bool single = dtype == Dtype::f32 || built.node.dtype() == Dtype::f32;
      BOOST_CHECK_MESSAGE(error < (single ? 2e-6 : 1e-12), one.name << ": the kernel differs by " << error);
      ++checked;
    }
  BOOST_TEST_MESSAGE(checked << " samples run");
  BOOST_CHECK_GT(checked, 500);
}

// NaN, infinities, zeros of both signs and ties, in every floating input.
BOOST_AUTO_TEST_CASE(kernels_treat_special_values_as_the_reference) {
  const double specials[] = {NAN, INFINITY, -INFINITY, 0.0, -0.0, 1, 1, -2};
  int checked = 0;
  for (Dtype dtype : {Dtype::f32, Dtype::f64})
    for (const Case& one : all_cases(dtype)) {
      Built built(one);
      std::mt19937 rng(13);
      for (auto& value : built.values)
        for (std::int64_t i = 0; is_float(value.dtype()) && i < value.elements(); ++i)
          put(value, i, specials[rng() % 8]);
      const bool to_integer = std::string(one.op->name) == "cast" && built.node.dtype() == Dtype::i32;
      if (to_integer && is_float(built.inputs[0].dtype())) continue;  // of NaN there is no integer
      const Function program = compile(built.inputs, built.node);
      const double error = difference(program(built.values)[0], interpret(built.node, built.given()));
      BOOST_CHECK_MESSAGE(error < 2e-6, one.name << ": the kernel differs by " << error);
      ++checked;
    }
  BOOST_CHECK_GT(checked, 500);
}

// Views before every operator: its inputs come transposed, flipped, sliced out of something larger, and repeated.
BOOST_AUTO_TEST_CASE(kernels_read_operands_through_views) {
  enum View { transposed, flipped, sliced, repeated };
  for (View view : {transposed, flipped, sliced, repeated})
    for (const Case& one : all_cases(Dtype::f32)) {
      Built built(one);
      std::vector<Tensor> viewed;
      for (const Tensor& x : built.inputs) {
        const int last = x.shape().rank() - 1;
        if (last < 0)
          viewed.push_back(x);
        else if (view == transposed)
          viewed.push_back(reversed_twice(x));
        else if (view == flipped)
          viewed.push_back(flip(flip(x, 0), last));
        else if (view == sliced)
          viewed.push_back(out_of_larger(x, last));
        else
          viewed.push_back(broadcast_to(slice_axis(x, 0, 0, std::min<std::int64_t>(1, x.shape()[0])), x.shape()));
      }
      const Tensor node = built.graph->push(*one.op, viewed, one.sample.attributes);
      const Function program = compile(built.inputs, node);
      const double error = difference(program(built.values)[0], interpret(node, built.given()));
      BOOST_CHECK_MESSAGE(error < 2e-6, one.name << " behind view " << view << ": the kernel differs by " << error);
    }
}

BOOST_AUTO_TEST_SUITE_END()
