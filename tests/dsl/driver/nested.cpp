// Derivatives inside of derivatives: nested `grad` blocks of tanh equal the closed form to order 6.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "dsl/laboratory.hpp"
#include "engine/tanh_derivatives.hpp"

using namespace metac;
using namespace metac::dsl;
using namespace metac::dsl::testing;

BOOST_AUTO_TEST_SUITE(nested)

BOOST_AUTO_TEST_CASE(grad_blocks_of_tanh_equal_the_closed_form_to_order_6) {
  Laboratory lab(R"(
fn d1(x) = grad(x) { sum(tanh(x)) }
fn d2(x) = grad(x) { sum(grad(x) { sum(tanh(x)) }) }
fn d3(x) = grad(x) { sum(grad(x) { sum(grad(x) { sum(tanh(x)) }) }) }
fn slope(f)(x) = grad(x) { sum(f(x)) }
fn d4(x) = slope(d3)(x)
fn d5(x) = slope(slope(d3))(x)
fn d6(x) = slope(slope(slope(d3)))(x)
)",
                 Dtype::f64);
  const auto points = metac::testing::tanh_points();
  const Tensor x = input(lab.graph(), {Dtype::f64, {static_cast<std::int64_t>(points.size())}});
  std::vector<Tensor> derivatives;
  for (int order = 1; order <= 6; ++order)
    derivatives.push_back(
        *lab.elaborator().call_function(lab.value("d" + std::to_string(order)), {x}, {}).get<Tensor>());
  const Array given[] = {Array::from<double>(x.shape(), std::span<const double>(points))};
  const double worst = metac::testing::worst_error(points, compile(x, derivatives)(given));
  BOOST_TEST_MESSAGE("in the language, orders 1 to 6: within " << worst);
  BOOST_TEST(worst < 1e-9);
}

BOOST_AUTO_TEST_SUITE_END()
