// What every operator promises, checked for every sample of every registered operator: its derivatives at orders 1, 2
// and 3 against central differences in f64, its batching of every subset of inputs against a loop, and its kernel
// against the obvious reference. An operator without samples, or one that is not checked at all, fails.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <set>

#include "engine/ops/checks.hpp"

using namespace metac;
using namespace metac::testing;

namespace {

// Leaves and regions, which have tests of their own.
const std::set<std::string> without_samples = {"array", "constant", "custom_vjp", "input", "map", "part", "scan"};

bool has_derivative_or_none_to_miss(const Operator& op) {
  return std::string(op.name) != "stop_gradient";  // is not the derivative of its value, on purpose
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

// A key is the least that an operator on keys can be given.
bool is_smallest(const Type& type) { return type.elements() == 1 || type == Type{Dtype::i32, {2}}; }

BOOST_AUTO_TEST_CASE(every_operator_has_an_empty_and_a_one_element_sample) {
  for (const Operator* op : all_operators()) {
    if (!op->samples || op->arity == 0) continue;
    const auto samples = op->samples();
    const bool empty = std::any_of(samples.begin(), samples.end(), [](const Sample& sample) {
      return std::any_of(sample.inputs.begin(), sample.inputs.end(), [](const Type& t) { return t.elements() == 0; });
    });
    const bool one = std::any_of(samples.begin(), samples.end(), [](const Sample& sample) {
      return std::all_of(sample.inputs.begin(), sample.inputs.end(), is_smallest);
    });
    BOOST_CHECK_MESSAGE(empty, op->name << " has no sample without elements");
    BOOST_CHECK_MESSAGE(one, op->name << " has no sample of one element");
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
    for (const Case& one : all_cases(dtype)) check_plan(one), ++checked;
  BOOST_TEST_MESSAGE(checked << " samples run");
  BOOST_CHECK_GT(checked, 500);
}

BOOST_AUTO_TEST_CASE(kernels_treat_special_values_as_the_reference) {
  int checked = 0;
  for (Dtype dtype : {Dtype::f32, Dtype::f64})
    for (const Case& one : all_cases(dtype)) {
      const bool to_integer = one.op == find_operator("cast") && Built(one).node.dtype() == Dtype::i32;
      if (to_integer && is_float(one.sample.inputs[0].dtype)) continue;  // of NaN there is no integer
      check_special_values(one);
      ++checked;
    }
  BOOST_CHECK_GT(checked, 500);
}

BOOST_AUTO_TEST_CASE(kernels_read_operands_through_views) {
  for (const Case& one : all_cases(Dtype::f32)) check_views(one);
}

BOOST_AUTO_TEST_SUITE_END()
