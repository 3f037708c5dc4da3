// xtensor arrays in and out: no copy where the layout allows, one copy where it does not, the same numbers always.
#include <metac/engine.hpp>
#include <metac/xtensor.hpp>

#include <boost/test/unit_test.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xfixed.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

using namespace metac;

namespace {

// [2, 3] to its double and its transpose.
Function doubled() {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f32, {2, 3}});
  return compile(x, {x * 2.0, transpose(x, {1, 0})});
}

xt::xtensor<float, 2> counting() { return {{1, 2, 3}, {4, 5, 6}}; }

}  // namespace

BOOST_AUTO_TEST_SUITE(xtensor)

BOOST_AUTO_TEST_CASE(dense_row_major_memory_is_read_in_place) {
  const xt::xtensor<float, 2> fixed_rank = counting();
  const xt::xarray<float> any_rank = counting();
  const xt::xtensor_fixed<float, xt::xshape<2, 3>> fixed_shape = counting();
  BOOST_TEST(from_xtensor(fixed_rank).data() == fixed_rank.data());
  BOOST_TEST(from_xtensor(any_rank).data() == any_rank.data());
  BOOST_TEST(from_xtensor(fixed_shape).data() == fixed_shape.data());
  BOOST_TEST(to_string(from_xtensor(any_rank).type()) == "f32[2, 3]");
  // The first rows of a larger array lie dense as well.
  const xt::xtensor<float, 2> large = xt::ones<float>({5, 3});
  BOOST_TEST(from_xtensor(xt::view(large, xt::range(1, 3), xt::all())).data() == large.data() + 3);
  const xt::xtensor<bool, 1> flags{true, false};
  const xt::xtensor<std::int32_t, 0> number(7);
  BOOST_TEST(to_string(from_xtensor(flags).type()) == "bool[2]");
  BOOST_TEST(to_string(from_xtensor(number).type()) == "i32[]");
}

BOOST_AUTO_TEST_CASE(anything_else_is_copied_once_and_right) {
  const Function f = doubled();
  const xt::xtensor<float, 2> x = counting();
  const xt::xarray<float, xt::layout_type::column_major> columns = x;
  const xt::xarray<float, xt::layout_type::dynamic> dynamic = columns;
  xt::xtensor<float, 2> wide = xt::zeros<float>({2, 6});
  auto every_second = xt::view(wide, xt::all(), xt::range(0, 6, 2));
  every_second = x;
  const xt::xtensor<float, 2> flipped = xt::transpose(x);
  const auto check = [&](const std::vector<Array>& results) {
    const auto twice = as_xtensor<float>(results[0]), turned = as_xtensor<float>(results[1]);
    BOOST_TEST((twice == 2.0f * x));
    BOOST_TEST((turned == flipped));
  };
  check(f({from_xtensor(x)}));
  check(f({from_xtensor(columns)}));
  check(f({from_xtensor(dynamic)}));
  check(f({from_xtensor(every_second)}));
  check(f({from_xtensor(xt::transpose(flipped))}));
  check(f({from_xtensor(x + 0.0f)}));  // an expression that nobody evaluated
  check(f({from_xtensor(xt::cast<float>(xt::xtensor<double, 2>(x)))}));
}

BOOST_AUTO_TEST_CASE(outputs_are_written_into_containers) {
  const Function f = doubled();
  const xt::xtensor<float, 2> x = counting();
  xt::xtensor<float, 2> y = xt::zeros<float>({2, 3});
  xt::xarray<float> turned = xt::zeros<float>({3, 2});
  BOOST_TEST(into_xtensor(y).data() == y.data());
  f({from_xtensor(x)}, {into_xtensor(y), into_xtensor(turned)});
  BOOST_TEST((y == 2.0f * x));
  BOOST_TEST((turned == xt::transpose(x)));
  xt::xtensor<float, 2> all = xt::zeros<float>({4, 3});
  auto rows = xt::view(all, xt::range(2, 4), xt::all());
  f({from_xtensor(x)}, {into_xtensor(rows), into_xtensor(turned)});
  BOOST_TEST(all(2, 0) == 2);
  BOOST_TEST(all(1, 0) == 0);
}

BOOST_AUTO_TEST_CASE(memory_of_another_layout_cannot_be_written) {
  xt::xtensor<float, 2, xt::layout_type::column_major> columns = xt::zeros<float>({2, 3});
  BOOST_CHECK_EXCEPTION(into_xtensor(columns), Error, [](const Error& error) {
    return std::string(error.what()) ==
           "[view] strides [1, 2] were given for f32[2, 3]: the dense row-major [3, 1] are needed";
  });
  xt::xtensor<float, 2> large = xt::zeros<float>({2, 6});
  auto part = xt::view(large, xt::all(), xt::range(0, 3));
  BOOST_CHECK_THROW(into_xtensor(part), Error);
}

BOOST_AUTO_TEST_CASE(a_result_lives_as_long_as_its_view) {
  const auto view = [] { return as_xtensor<float>(doubled()({from_xtensor(counting())})[0]); }();
  BOOST_TEST(view(1, 2) == 12);
  Array array = Array::from<float>({2}, std::vector<float>{1, 2});
  auto shared = as_xtensor<float>(array);
  shared(1) = 5;
  BOOST_TEST(array.at(1) == 5);
  BOOST_CHECK_THROW(as_xtensor<double>(array), Error);
  BOOST_TEST(as_xtensor<float>(Array::scalar(3.0f))() == 3);
  BOOST_TEST(as_xtensor<float>(Array(Type{Dtype::f32, {0, 3}})).size() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
