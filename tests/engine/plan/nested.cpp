// Derivatives of derivatives, executed: six nested grads of tanh equal the closed form.
#include <boost/test/unit_test.hpp>

#include "engine/tanh_derivatives.hpp"
#include "ops/ops.hpp"
#include "plan/plan.hpp"

using namespace metac;
using namespace metac::testing;

BOOST_AUTO_TEST_SUITE(nested)

BOOST_AUTO_TEST_CASE(grads_of_tanh_equal_the_closed_form_to_order_6) {
  const auto points = tanh_points();
  Graph graph;
  const Tensor x = input(graph, {Dtype::f64, {static_cast<std::int64_t>(points.size())}});
  std::vector<Tensor> derivatives;
  Tensor value = tanh(x);
  for (int order = 1; order <= 6; ++order) {
    value = grad(sum(value), x);
    derivatives.push_back(value);
  }
  const Array given[] = {Array::from<double>(x.shape(), std::span<const double>(points))};
  const double worst = worst_error(points, compile(x, derivatives)(given));
  BOOST_TEST_MESSAGE("orders 1 to 6: within " << worst);
  BOOST_TEST(worst < 1e-9);
}

BOOST_AUTO_TEST_SUITE_END()
