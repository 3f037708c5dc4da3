// What the store promises: interning, captures, references that stay, errors for the caller's mistakes.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>

#include "graph/operator.hpp"
#include "ops/primitives.hpp"
#include "transform/transform.hpp"

using namespace metac;

namespace {

const Type f32_3{Dtype::f32, {3}};
const Operator& op_of(Tensor t) { return t.graph().node(t.id()).op; }

}  // namespace

BOOST_AUTO_TEST_SUITE(graph)

BOOST_AUTO_TEST_CASE(equal_expressions_are_one_node) {
  Graph graph;
  const Tensor x = input(graph, f32_3), y = input(graph, f32_3);
  BOOST_TEST((x != y));
  BOOST_TEST((exp(x) == exp(x)));
  BOOST_TEST((exp(x) != exp(y)));
  BOOST_TEST((sub(x, y) != sub(y, x)));
  BOOST_TEST((reshape(x, {3, 1}) == reshape(x, {3, 1})));
  BOOST_TEST((reshape(x, {3, 1}) != reshape(x, {1, 3})));
  const NodeId before = graph.size();
  exp(x);
  BOOST_TEST(graph.size() == before);
}

BOOST_AUTO_TEST_CASE(constants_are_interned_by_their_bits_and_dtype) {
  Graph graph;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  BOOST_TEST((constant(graph, 0.0) == constant(graph, 0.0)));
  BOOST_TEST((constant(graph, 0.0) != constant(graph, -0.0)));
  BOOST_TEST((constant(graph, nan) == constant(graph, nan)));
  BOOST_TEST((constant(graph, nan) != constant(graph, -nan)));
  BOOST_TEST((constant(graph, 1.0, Dtype::f32) != constant(graph, 1.0, Dtype::f64)));
  BOOST_TEST((constant(graph, 0.1, Dtype::f32) == constant(graph, 0.1f, Dtype::f32)));
  BOOST_TEST((constant(graph, -0.0, Dtype::i32) == constant(graph, 0.0, Dtype::i32)));
  BOOST_TEST(std::signbit(*constant_value(constant(graph, -0.0))));
  BOOST_TEST(std::isnan(*constant_value(constant(graph, nan))));
  BOOST_TEST(*constant_value(full(graph, {2, 0, 3}, 5)) == 5);
  BOOST_TEST((constant(graph, Array::scalar(2.0f)) == constant(graph, 2.0)));
  BOOST_CHECK_THROW(constant(graph, 0.5, Dtype::i32), Error);
  BOOST_CHECK_THROW(constant(graph, nan, Dtype::i32), Error);
  BOOST_CHECK_THROW(constant(graph, 2147483648.0, Dtype::i32), Error);
  BOOST_CHECK_NO_THROW(constant(graph, -2147483648.0, Dtype::i32));
}

BOOST_AUTO_TEST_CASE(arrays_are_interned_by_their_memory) {
  Graph graph;
  const Array a(f32_3), b(f32_3), copy = a;
  BOOST_TEST((constant(graph, a) == constant(graph, copy)));
  BOOST_TEST((constant(graph, a) != constant(graph, b)));
  BOOST_TEST((constant(graph, a) != constant(graph, a.reshaped({3, 1}))));
  const Tensor node = constant(graph, a);
  BOOST_TEST(array_value(graph.node(node.id())).data() == a.data());
}

BOOST_AUTO_TEST_CASE(an_array_lives_as_long_as_the_graph) {
  Graph graph;
  NodeId id;
  {
    const float values[] = {1, 2, 3};
    id = constant(graph, Array::from<float>({3}, values)).id();
  }
  BOOST_TEST(array_value(graph.node(id)).at(2) == 3);
}

BOOST_AUTO_TEST_CASE(aliases_are_never_the_same) {
  Graph graph;
  const Tensor x = input(graph, f32_3);
  BOOST_TEST((alias(x, graph) != alias(x, graph)));
  BOOST_TEST((alias(x, graph) != x));
}

BOOST_AUTO_TEST_CASE(references_stay_valid_while_the_graph_grows) {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f32, {2, 3}});
  const Tensor y = transpose(x, {1, 0}) + input(graph, {Dtype::f32, {3, 2}});
  const Node node = graph.node(y.id());
  const NodeId first = node.inputs[0], second = node.inputs[1];
  const auto* list = node.inputs.data();
  const auto* type = &node.type;
  const auto* attributes = &node.attributes;
  Tensor last = y;
  for (int i = 0; i < 100000; ++i) last = slice_axis(pad(last, {0, 1}, {0, i % 1000}), 1, 1, 3);
  for (int i = 0; i < 20000; ++i) input(graph, {Dtype::f32, {i}});
  const Node again = graph.node(y.id());
  BOOST_TEST(again.inputs.data() == list);
  BOOST_TEST(&again.type == type);
  BOOST_TEST(&again.attributes == attributes);
  BOOST_TEST(node.inputs[0] == first);
  BOOST_TEST(node.inputs[1] == second);
  BOOST_TEST((node.type == Type{Dtype::f32, {3, 2}}));
}

BOOST_AUTO_TEST_CASE(nodes_remember_their_place_in_bodies_too) {
  Graph graph;
  Graph body(graph);
  graph.set_place(7);
  const Tensor x = input(body, f32_3);
  BOOST_TEST(body.node(x.id()).place == 7);
  body.set_place(8);
  BOOST_TEST(graph.place() == 8);
}

BOOST_AUTO_TEST_CASE(values_of_outside_are_captured_once) {
  Graph graph;
  Graph body(graph), inner(body);
  const Tensor x = input(graph, f32_3), y = input(inner, f32_3);
  const Tensor z = x + y;
  BOOST_TEST(&z.graph() == &inner);
  BOOST_TEST((x * y).graph().captures().size() == 1u);
  BOOST_TEST(body.captures().size() == 1u);
  BOOST_TEST((body.captures()[0].outer == x));
  BOOST_TEST((inner.capture(x) == inner.capture(x)));
  BOOST_TEST((inner.capture(y) == y));
}

BOOST_AUTO_TEST_CASE(what_does_not_depend_on_the_body_is_hoisted) {
  Graph graph;
  Graph body(graph);
  const Tensor x = input(graph, f32_3), y = input(body, f32_3);
  const Tensor outside = exp(x) * x;
  BOOST_TEST(&outside.graph() == &graph);
  BOOST_TEST(&(outside + y).graph() == &body);
  BOOST_TEST(body.captures().size() == 1u);
  BOOST_TEST((body.captures()[0].outer == outside));
}

BOOST_AUTO_TEST_CASE(constants_and_broadcasts_are_made_anew_inside) {
  Graph graph;
  Graph body(graph), inner(body);
  const Tensor x = input(graph, f32_3);
  BOOST_TEST(*constant_value(inner.capture(full(graph, {4, 4}, 2.5))) == 2.5);
  const Array array(f32_3);
  BOOST_TEST(&op_of(inner.capture(constant(graph, array))) == &array_operator);
  BOOST_TEST(inner.captures().empty());
  const Tensor wide = inner.capture(broadcast_to(x, {1000, 3}));
  BOOST_TEST(&op_of(wide) != &input_operator);
  BOOST_TEST((wide.shape() == Shape{1000, 3}));
  BOOST_REQUIRE_EQUAL(body.captures().size(), 1u);
  BOOST_TEST((body.captures()[0].outer == x));
}

BOOST_AUTO_TEST_CASE(an_alias_of_a_constant_can_be_captured) {
  Graph graph;
  Graph body(graph);
  const Tensor a = alias(constant(graph, 1), graph);
  BOOST_TEST(&op_of(body.capture(a)) == &input_operator);
}

BOOST_AUTO_TEST_CASE(graphs_of_different_nests_do_not_mix) {
  Graph a, b;
  Graph left(a), right(a);
  const Tensor x = input(a, f32_3), y = input(b, f32_3), l = input(left, f32_3), r = input(right, f32_3);
  BOOST_CHECK_THROW(x + y, Error);
  BOOST_CHECK_THROW(l + r, Error);
  BOOST_CHECK_THROW(a.push(op_of(exp(x)), std::span(&l, 1)), Error);
  BOOST_CHECK_THROW(a.capture(l), Error);
  BOOST_CHECK_THROW(innermost({}), Error);
  const Tensor none;
  BOOST_CHECK_THROW(a.push(op_of(exp(x)), std::span(&none, 1)), Error);
  BOOST_CHECK_THROW(a.push(op_of(exp(x)), {}), Error);
}

BOOST_AUTO_TEST_CASE(a_failed_push_leaves_the_graph_as_it_was) {
  const Operator& add = *find_operator("add");
  Graph graph, other;
  Graph body(graph), inner(body);
  const Tensor x = input(graph, f32_3), stranger = input(other, f32_3);
  for (Graph* here : {&graph, &body, &inner}) {
    const Tensor y = input(*here, {Dtype::f32, {4}}), wrong[] = {x, y}, foreign[] = {x, stranger}, few[] = {x};
    const NodeId sizes[] = {graph.size(), body.size(), inner.size()};
    BOOST_CHECK_THROW(here->push(add, wrong), Error);
    BOOST_CHECK_THROW(here->push_unique(add, wrong), Error);
    BOOST_CHECK_THROW(here->push(add, foreign), Error);
    BOOST_CHECK_THROW(here->push(add, few), Error);
    BOOST_TEST((graph.size() == sizes[0] && body.size() == sizes[1] && inner.size() == sizes[2]));
  }
  BOOST_TEST((body.captures().empty() && inner.captures().empty()));
}

BOOST_AUTO_TEST_CASE(a_result_of_too_many_elements_is_refused_by_its_operator) {
  Graph graph;
  const std::int64_t huge = std::int64_t{1} << 62;
  const auto names_it = [](const Error& error) { return std::string(error.what()).starts_with("[broadcast] "); };
  BOOST_CHECK_EXCEPTION(broadcast_to(constant(graph, 1), {huge}), Error, names_it);
  BOOST_CHECK_THROW(input(graph, {Dtype::f32, {huge}}), Error);
  BOOST_CHECK_THROW(MapBuilder(graph, {}, 3).close({{broadcast_to(constant(graph, 1), {most_elements})}}), Error);
}

BOOST_AUTO_TEST_CASE(a_closed_graph_takes_no_more_nodes) {
  Graph graph;
  Graph body(graph);
  const Tensor x = input(body, f32_3), y = exp(x);
  body.close();
  BOOST_TEST((exp(x) == y));
  BOOST_CHECK_THROW(exp(y), Error);
}

BOOST_AUTO_TEST_CASE(replay_replaces_and_copies_what_is_needed) {
  Graph source, into;
  const Tensor x = input(source, f32_3), y = input(source, f32_3);
  const Tensor out = exp(x) * x + y;
  exp(out);
  const Tensor a = input(into, f32_3);
  const NodeId from[] = {x.id(), y.id()}, outputs[] = {out.id(), x.id()};
  const Tensor to[] = {a, a};
  const auto copies = replay(source, from, to, outputs, into);
  BOOST_TEST((copies[0] == exp(a) * a + a));
  BOOST_TEST((copies[1] == a));
  BOOST_TEST(into.size() == 4u);
  BOOST_CHECK_THROW(replay(source, std::span(from, 1), std::span(to, 1), outputs, into), Bug);
  verify(into);
}

BOOST_AUTO_TEST_CASE(replay_into_the_same_graph_keeps_what_does_not_change) {
  Graph graph;
  const Tensor x = input(graph, f32_3), y = input(graph, f32_3);
  const Tensor out = exp(y) * x;
  const NodeId from[] = {x.id()}, outputs[] = {out.id()};
  BOOST_TEST((replay(graph, from, std::span(&y, 1), outputs, graph)[0] == exp(y) * y));
}

BOOST_AUTO_TEST_CASE(text_has_a_line_for_each_needed_node) {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f32, {2, 3}});
  const Tensor y = x + x;
  const NodeId outputs[] = {y.id()};
  BOOST_TEST(to_text(graph, outputs) == "%0 = input() : f32[2, 3]\n%1 = add(%0, %0) : f32[2, 3]\nreturn %1\n");
}

BOOST_AUTO_TEST_CASE(verify_accepts_what_is_built_and_finds_a_broken_type) {
  Graph graph;
  const Tensor x = input(graph, f32_3);
  exp(x);
  verify(graph);
  static Type lie{Dtype::f32, {3}};
  static const Operator liar = {.name = "liar", .doc = "", .arity = 1, .type = [](const Site&) { return lie; }};
  graph.push(liar, std::span(&x, 1));
  verify(graph);
  lie = {Dtype::f64, {3}};
  BOOST_CHECK_THROW(verify(graph), Bug);
}

BOOST_AUTO_TEST_CASE(operators_are_found_by_name_in_order) {
  BOOST_TEST(find_operator("input") == &input_operator);
  BOOST_TEST(find_operator("map") == &map_operator);
  BOOST_TEST(find_operator("nonsense") == nullptr);
  const auto all = all_operators();
  for (std::size_t i = 1; i < all.size(); ++i) BOOST_TEST((std::string_view(all[i - 1]->name) < all[i]->name));
}

BOOST_AUTO_TEST_SUITE_END()
