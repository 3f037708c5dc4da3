// What is told of the time and the work of kernels: calls and operations are exact, seconds are there.
#include "engine/plan/support.hpp"
#include "transform/transform.hpp"

namespace metac::testing {
namespace {

const KernelTime& the_one(const std::vector<KernelTime>& times, const std::string& begins) {
  const auto found =
      std::find_if(times.begin(), times.end(), [&](const KernelTime& time) { return time.kernel.starts_with(begins); });
  BOOST_REQUIRE_MESSAGE(found != times.end(), begins << " was not timed");
  return *found;
}

// For each of 6 tasks: [4, 5] @ [5, 7], then tanh and the sum over it.
Case products() {
  Case c;
  const Tensor x = c.add_input({Dtype::f32, {6, 4, 5}}), w = c.add_input({Dtype::f32, {5, 7}});
  MapBuilder map(*c.graph, {x}, 6);
  c.outputs = map.close({{sum(tanh(matmul(map.slices()[0], w)))}});
  return c;
}

}  // namespace

BOOST_AUTO_TEST_CASE(times_count_calls_and_work_for_any_number_of_threads) {
  const Case c = products();
  std::mt19937 random(1);
  const auto arrays = random_inputs(c, random);
  for (const int threads : {1, 3}) {
    Executable executable(c.plan(), threads);
    executable.run(arrays);
    BOOST_TEST(executable.times().empty());  // nothing was asked for
    executable.measure();
    for (int run = 0; run < 2; ++run) executable.run(arrays);
    const auto times = executable.times();
    const KernelTime &product = the_one(times, "matmul 4x5x7"), &rest = the_one(times, "pointwise[4x7]");
    BOOST_TEST(product.calls == 12);
    BOOST_TEST(product.operations == 12 * 2 * 4 * 5 * 7);
    BOOST_TEST(product.bytes == 12 * 4 * (4 * 5 + 5 * 7 + 4 * 7));
    BOOST_TEST(product.seconds > 0);
    BOOST_TEST(rest.calls == 12);
    BOOST_TEST(rest.operations == 12 * 2 * 4 * 7);  // tanh, and the sum
    BOOST_TEST(rest.bytes == 12 * 4 * (4 * 7 + 1));
  }
}

BOOST_AUTO_TEST_CASE(an_operand_that_is_repeated_counts_once) {
  Case c;
  const Tensor x = c.add_input({Dtype::f64, {3, 1}}), y = c.add_input({Dtype::f64, {1, 8}});
  c.outputs = {x * y};
  std::mt19937 random(1);
  Executable executable(c.plan());
  executable.measure();
  executable.run(random_inputs(c, random));
  const auto times = executable.times();
  BOOST_TEST(times.size() == 1u);
  BOOST_TEST(times[0].operations == 24);
  BOOST_TEST(times[0].bytes == 8 * (3 + 8 + 24));
}

BOOST_AUTO_TEST_CASE(a_convolution_counts_two_operations_for_each_weight_of_each_result) {
  Case c;
  const Tensor image = c.add_input({Dtype::f32, {2, 6, 5, 3}}), weights = c.add_input({Dtype::f32, {3, 2, 3, 4}});
  const Tensor result = convolution(image, weights, {});
  c.outputs = {result, grad(sum(square(result)), image), grad(sum(square(result)), weights)};
  std::mt19937 random(1);
  const Program program = finalize(c.inputs, c.outputs);
  Executable executable(make_plan(program));
  executable.measure();
  executable.run(random_inputs(c, random));
  double operations = 0;
  int convolutions = 0;
  for (const auto& time : executable.times())
    if (time.kernel.find("convolution") != std::string::npos) {
      operations += time.operations;
      convolutions += static_cast<int>(time.calls);
    }
  BOOST_TEST(convolutions == 3);
  BOOST_TEST(operations == 3.0 * 2 * result.type().elements() * 3 * 2 * 3);
}

namespace {

// Of the products and convolutions of a plan that gives `outputs`.
double contractions(const Case& c, std::vector<Tensor> outputs) {
  std::mt19937 random(1);
  Executable executable(make_plan(finalize(c.inputs, outputs)));
  executable.measure();
  executable.run(random_inputs(c, random));
  double operations = 0;
  for (const auto& time : executable.times())
    if (time.kernel.starts_with("matmul") || time.kernel.starts_with("convolution")) operations += time.operations;
  return operations;
}

}  // namespace

// What mixed-mode differentiation could save: nothing of what costs most. A product or convolution is linear in each of
// its two operands, so its tangent and its gradient take two more of the same size, in whatever order the modes are
// nested.
BOOST_AUTO_TEST_CASE(a_hessian_vector_product_costs_the_same_contractions_in_any_nesting_of_modes) {
  Case c;
  const Tensor image = c.add_input({Dtype::f64, {2, 6, 6, 3}});
  const Tensor filters = c.add_input({Dtype::f64, {3, 3, 3, 4}}), more = c.add_input({Dtype::f64, {3, 3, 4, 4}}),
               weights = c.add_input({Dtype::f64, {144, 5}});
  std::vector<Tensor> along;
  for (const Tensor& w : {filters, more, weights}) along.push_back(c.add_input(w.type()));
  const auto same = ConvolutionWindow{.padding = {1, 1}};
  const Tensor hidden = tanh(convolution(tanh(convolution(image, filters, same)), more, same));
  const Tensor loss = mean(square(matmul(reshape(hidden, {2, 144}), weights)));
  const std::vector<Tensor> wrt{filters, more, weights};

  const auto reverse_reverse = hvp(loss, wrt, along);
  const auto reverse_forward = grad(jvp(loss, wrt, along), wrt);
  std::vector<Tensor> forward_reverse;
  for (const Tensor& gradient : grad(loss, wrt)) forward_reverse.push_back(jvp(gradient, wrt, along));

  const double cost = contractions(c, reverse_reverse);
  BOOST_TEST(cost == contractions(c, reverse_forward));
  BOOST_TEST(cost == contractions(c, forward_reverse));
  std::mt19937 random(2);
  const auto arrays = random_inputs(c, random);
  const auto values = [&](const std::vector<Tensor>& outputs) {
    return Executable(make_plan(finalize(c.inputs, outputs))).run(arrays);
  };
  const auto first = values(reverse_reverse), second = values(reverse_forward), third = values(forward_reverse);
  for (std::size_t i = 0; i < first.size(); ++i) {
    check_close(second[i], first[i]);
    check_close(third[i], first[i]);
  }
}

}  // namespace metac::testing
