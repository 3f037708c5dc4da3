// The engine as another program sees it: the installed headers and the shared library, nothing else.
#include <metac/engine.hpp>

// Nothing of what the engine is made of shows in its headers.
#if defined(FMT_VERSION) || defined(_OPENMP) || defined(ONEAPI_DNNL_DNNL_H) || defined(DNNL_H) || \
    defined(TAO_PEGTL_VERSION) || defined(XTENSOR_VERSION_MAJOR)
#error "a public header includes what the engine is made of"
#endif

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <thread>

using namespace metac;

namespace {

Type f32(const Shape& shape) { return {Dtype::f32, shape}; }
Type i32(const Shape& shape) { return {Dtype::i32, shape}; }

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  } catch (const std::exception& error) {
    return std::string("another exception: ") + error.what();
  }
  return "no exception";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(engine)

BOOST_AUTO_TEST_CASE(the_program_in_the_header_runs) {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f32, {3}});
  const Tensor y = sum(exp(x) * x);
  const Function f = compile(x, {y, grad(y, x)});
  const std::vector<float> values{1, 2, 3};
  const std::vector<Array> results = f({values});
  const auto slope = results[1].as<float>();
  for (std::size_t i = 0; i < 3; ++i) BOOST_TEST(std::abs(slope[i] - std::exp(values[i]) * (1 + values[i])) < 1e-4f);
}

// Every part of the public headers is exported: what is not used anywhere else here is called once.
BOOST_AUTO_TEST_CASE(everything_declared_is_exported) {
  Graph graph;
  const Tensor x = input(graph, f32({2, 3}));
  const Tensor k = key(graph, 7);
  const std::vector<Tensor> expressions{abs(x),
                                        sign(x),
                                        expm1(x),
                                        log(abs(x) + 1.0),
                                        log1p(abs(x)),
                                        sqrt(abs(x)),
                                        sin(x),
                                        cos(x),
                                        tanh(x),
                                        sigmoid(x),
                                        floor(x),
                                        relu(x),
                                        square(x),
                                        cast(is_finite(x), Dtype::f32),
                                        pow(abs(x), x),
                                        maximum(x, -x),
                                        minimum(x, 1.0 - x),
                                        select(less(x, 2.0 / (x + 9.0)), x, 2.0 * x),
                                        cast(logical_or(equal(x, x), logical_not(less_equal(x, x))), Dtype::f32),
                                        cast(logical_and(not_equal(x, x), equal(x, x)), Dtype::f32),
                                        max(x, {0}),
                                        min(x, {1}),
                                        prod(x, {0, 1}),
                                        mean(x),
                                        cast(argmax(x, 1), Dtype::f32),
                                        log_softmax(x, -1),
                                        sum_to(x, {3}),
                                        transpose(x, {1, 0}),
                                        flip(x, 0),
                                        pad(x, {0, 1}, {1, 0}),
                                        concatenate({x, x}, 0),
                                        stack({x, x}, 1),
                                        gather(x, iota(graph, 2)),
                                        scatter_add(x, iota(graph, 2), 4),
                                        one_hot(iota(graph, 2), 3),
                                        matmul(x, transpose(x, {1, 0})),
                                        convolution(reshape(x, {1, 2, 3, 1}), full(graph, {1, 1, 1, 2}, 1)),
                                        max_pool(reshape(x, {1, 2, 3, 1}), {.size = {2}, .stride = {1}}),
                                        random(fold_in(k, 3), Distribution::normal, {4}),
                                        cast(distinct(k, 5, 2), Dtype::f32),
                                        cast(random_below(k, full(graph, {2}, 5, Dtype::i32)), Dtype::f32),
                                        stop_gradient(x),
                                        alias(x, graph),
                                        slice(x, {0, 0}, {2, 3}, {1, 2}),
                                        index_axis(x, 0, 1),
                                        slice_axis(x, 1, 0, 2),
                                        broadcast_to(x, {4, 2, 3})};
  const std::vector<Array> results = compile(x, expressions)({Array(f32({2, 3}))});
  BOOST_TEST(results.size() == expressions.size());
  for (std::size_t i = 0; i < results.size(); ++i)
    BOOST_TEST(to_string(results[i].type()) == to_string(expressions[i].type()));
  BOOST_TEST(!to_text(graph, std::vector{expressions[0].id()}).empty());
  BOOST_TEST(!std::string(instruction_set()).empty());
  BOOST_TEST(*constant_value(constant(graph, Array::scalar(2.0f))) == 2);
  BOOST_TEST(memory_peak() >= memory_in_use());
  verify(graph);
}

namespace {

struct BadCall {
  std::function<void()> call;
  std::vector<std::string> says;  // the operator in brackets, then what was given and what was needed
};

}  // namespace

// An exception that names the operator, what was given and what was needed, for every kind of mistake.
BOOST_AUTO_TEST_CASE(bad_input_gets_an_exception_that_says_what_and_why) {
  Graph graph, other;
  const Tensor x = input(graph, f32({2, 3})), y = input(graph, f32({4})), n = input(graph, i32({2, 3}));
  const Tensor wide = input(graph, {Dtype::f64, {2, 3}}), scalar = input(graph, f32({})), none;
  const Tensor image = input(graph, f32({1, 5, 5, 2})), weights = input(graph, f32({3, 3, 2, 4}));
  const Tensor foreign = input(other, f32({2, 3})), flag = input(graph, {Dtype::boolean, {2, 3}}), k = key(graph, 1);
  const std::int64_t huge = std::numeric_limits<std::int64_t>::max(), tiny = std::numeric_limits<std::int64_t>::min();
  const BadCall cases[] = {
      // shapes
      {[&] { x + y; }, {"[add]", "[2, 3]", "[4]", "equal or 1"}},
      {[&] { matmul(x, x); }, {"[matmul]", "[2, 3]", "needed"}},
      {[&] { matmul(scalar, x); }, {"[matmul]", "[]"}},
      {[&] { reshape(x, {4}); }, {"[reshape]", "f32[2, 3]", "[4]", "6"}},
      {[&] {
         reshape(x, {-1, -1});
       },
       {"[reshape]", "[-1, -1]"}},
      {[&] {
         reshape(x, {-2, -3});
       },
       {"[reshape]", "[-2, -3]"}},
      {[&] {
         broadcast_to(x, {3, 2});
       },
       {"[broadcast", "[2, 3]", "[3, 2]"}},
      {[&] { sum_to(x, {5}); }, {"[sum_to]", "[2, 3]", "[5]"}},
      {[&] {
         concatenate({x, y}, 0);
       },
       {"[concatenate]", "[2, 3]", "[4]"}},
      {[&] { concatenate({}, 0); }, {"[concatenate]", "no tensors"}},
      {[&] {
         stack({x, y}, 0);
       },
       {"[stack]", "[2, 3]", "[4]"}},
      {[&] { stack({}, 0); }, {"[stack]", "no tensors"}},
      {[&] {
         convolution(image, transpose(weights, {0, 1, 3, 2}));
       },
       {"[conv", "[1, 5, 5, 2]", "[3, 3, 4, 2]"}},
      {[&] { convolution(x, weights); }, {"[conv", "[2, 3]"}},
      {[&] {
         convolution(image, weights, {.stride = {0}});
       },
       {"[conv", "0"}},
      {[&] {
         convolution(image, weights, {.padding = {-1}});
       },
       {"[conv", "-1"}},
      {[&] {
         convolution(image, full(graph, {7, 7, 2, 1}, 1));
       },
       {"[conv", "[7, 7, 2, 1]"}},
      {[&] { max_pool(image, {.size = {6}, .stride = {1}}); }, {"[max_pool]", "6"}},
      {[&] { max_pool(image, {.size = {0}, .stride = {1}}); }, {"[max_pool]", "0"}},
      {[&] { max_pool(image, {.size = {2}, .stride = {0}}); }, {"[max_pool]", "0"}},
      {[&] {
         pad(x, {-1, 0}, {0, 0});
       },
       {"[pad]", "-1"}},
      {[&] { pad(x, {1}, {1}); }, {"[pad]", "[2, 3]", "[1]"}},
      {[&] { select(flag, x, y); }, {"[select]", "[2, 3]", "[4]"}},
      {[&] { random(x, Distribution::normal, {2}); }, {"[random]", "f32[2, 3]", "i32"}},
      {[&] { fold_in(n, 1); }, {"[fold_in]", "i32[2, 3]"}},
      {[&] {
         input(graph, f32({2, -3}));
       },
       {"[input]", "-3"}},
      {[&] { full(graph, {-1}, 0); }, {"-1"}},
      {[&] { iota(graph, -1); }, {"[iota]", "-1"}},
      {[&] { one_hot(n, -1); }, {"-1"}},
      {[&] { scatter_add(x, iota(graph, 2), -1); }, {"[scatter_add]", "-1"}},
      {[&] { distinct(k, 3, 4); }, {"[distinct]", "4", "3"}},
      {[&] { distinct(k, -1, -1); }, {"[distinct]", "-1"}},
      // too large
      {[&] {
         full(graph, {huge, 2}, 0);
       },
       {"9223372036854775807"}},
      {[&] {
         input(graph, f32({most_elements, 2}));
       },
       {"too many elements"}},
      {[&] {
         matmul(input(graph, f32({1 << 30, 1})), input(graph, f32({1, 1 << 30})));
       },
       {"too many elements"}},
      {[&] {
         pad(x, {huge, 0}, {huge, 0});
       },
       {"[pad]"}},
      {[&] {
         convolution(image, weights, {.padding = {huge}});
       },
       {"[conv"}},
      {[&] { max_pool(image, {.size = {huge}, .stride = {1}}); }, {"pool", "9223372036854775807"}},
      {[&] { max_pool(image, {.size = {2}, .stride = {1}, .padding = {huge}}); }, {"pool", "9223372036854775807"}},
      {[&] { iota(graph, huge); }, {"[iota]"}},
      {[&] { one_hot(n, huge); }, {"[iota]"}},
      {[&] { scatter_add(x, iota(graph, 2), huge); }, {"[scatter_add]", "9223372036854775807"}},
      {[&] { scatter_add(x, iota(graph, 2), most_elements); }, {"[scatter_add]", "too many elements"}},
      {[&] { random(k, Distribution::normal, {huge}); }, {"[random]", "9223372036854775807"}},
      {[&] {
         broadcast_to(x, {1, 1, 1, 1, 1, 1, 1, 1, 2, 3});
       },
       {"at most 8 axes"}},
      {[&] {
         stack({input(graph, f32({1, 1, 1, 1, 1, 1, 1, 1}))}, 0);
       },
       {"at most 8 axes"}},
      // dtypes
      {[&] { x + wide; }, {"[add]", "f32[2, 3]", "f64[2, 3]"}},
      {[&] { x* n; }, {"[mul]", "f32[2, 3]", "i32[2, 3]"}},
      {[&] { exp(n); }, {"[exp]", "i32[2, 3]", "f32 or f64"}},
      {[&] { -flag; }, {"[neg]", "bool[2, 3]"}},
      {[&] { logical_and(x, x); }, {"[logical_and]", "f32[2, 3]", "bool"}},
      {[&] { select(x, x, x); }, {"[select]", "f32[2, 3]", "bool"}},
      {[&] {
         matmul(x, transpose(wide, {1, 0}));
       },
       {"[matmul]", "f32", "f64"}},
      {[&] { gather(x, y); }, {"[gather]", "f32[4]", "i32"}},
      {[&] {
         concatenate({x, wide}, 0);
       },
       {"[concatenate]", "f32", "f64"}},
      {[&] { mean(n); }, {"[mean]", "i32[2, 3]"}},
      {[&] { sum(flag); }, {"[sum]", "bool[2, 3]"}},
      {[&] { n + 0.5; }, {"[constant]", "0.5", "i32"}},
      {[&] { constant(graph, 3e9, Dtype::i32); }, {"[constant]", "3000000000", "i32"}},
      {[&] { random(k, Distribution::bits, {2}, Dtype::f32); }, {"[random]", "f32"}},
      // axes and indices
      {[&] { sum(x, {2}); }, {"[sum]", "axis 2", "[2, 3]"}},
      {[&] {
         sum(x, {0, -2});
       },
       {"[sum]", "twice"}},
      {[&] { argmax(x, -3); }, {"[argmax]", "axis -3"}},
      {[&] { flip(x, 5); }, {"[flip]", "axis 5"}},
      {[&] { transpose(x, {0}); }, {"[transpose]", "[2, 3]"}},
      {[&] {
         transpose(x, {0, 2});
       },
       {"[transpose]", "2"}},
      {[&] { log_softmax(x, 2); }, {"axis 2"}},
      {[&] {
         stack({x, x}, 4);
       },
       {"[stack]", "axis 4"}},
      {[&] { index_axis(x, 0, 2); }, {"[index_axis]", "index 2", "f32[2, 3]"}},
      {[&] { index_axis(x, 0, -3); }, {"[index_axis]", "index -3", "f32[2, 3]"}},
      {[&] { index_axis(x, 0, huge); }, {"[index_axis]"}},
      {[&] { index_axis(x, 0, tiny); }, {"[index_axis]"}},
      {[&] { slice_axis(x, 1, 2, 1); }, {"[slice]", "2", "1"}},
      {[&] { slice_axis(x, 2, 0, 1); }, {"[slice", "axis 2"}},
      {[&] { slice(x, {0}, {1}); }, {"[slice]", "[2, 3]"}},
      {[&] {
         slice(x, {0, 0}, {2, 3}, {0, 1});
       },
       {"[slice]", "0"}},
      {[&] {
         slice(x, {0, 0}, {2, 4});
       },
       {"[slice]", "4"}},
      {[&] {
         slice(x, {tiny, 0}, {huge, 3});
       },
       {"[slice]"}},
      {[&] { gather(scalar, n); }, {"[gather]", "f32[]"}},
      // tensors that do not belong together, or are none
      {[&] { x + foreign; }, {"graphs that are not of one nest"}},
      {[&] { x + none; }, {"empty tensor"}},
      {[&] { exp(none); }, {"[exp]", "empty tensor"}},
      {[&] {
         concatenate({x, none}, 0);
       },
       {"[concatenate]", "empty tensor"}},
      {[&] { none.shape(); }, {"empty tensor"}},
      {[&] { stop_gradient(none); }, {"empty tensor"}},
      {[&] { alias(none, graph); }, {"[alias]", "empty tensor"}},
      {[&] { zeros_like(none); }, {"empty tensor"}},
      {[&] { MapBuilder(graph, {y}, 3); }, {"[map]", "f32[4]", "3"}},
      {[&] { MapBuilder(graph, {scalar}, 1); }, {"[map]", "f32[]"}},
      {[&] { MapBuilder(graph, {none}, 1); }, {"empty tensor"}},
      {[&] { MapBuilder(graph, {}, -1); }, {"-1"}},
      {[&] { MapBuilder(graph, {y}, 4).close({{none}}); }, {"[map]", "empty tensor"}},
      // compiling and calling
      {[&] { compile(x, y); }, {"[finalize]", "f32[4]", "not among the inputs"}},
      {[&] {
         compile({x, x}, x);
       },
       {"[finalize]", "twice"}},
      {[&] { compile(x + 1.0, x); }, {"[finalize]", "not an input"}},
      {[&] {
         compile({x, foreign}, x);
       },
       {"[finalize]", "not of one graph"}},
      {[&] { compile(x, none); }, {"[finalize]", "empty tensor"}},
      {[&] { compile(x, x)({}); }, {"[run]", "0 inputs", "1"}},
      {[&] { compile(x, x)({std::vector<float>(6)}); }, {"[run]", "input 0", "f32[6]", "f32[2, 3]"}},
      // derivatives
      {[&] { grad(x, x); }, {"[grad]", "f32[2, 3]", "scalar"}},
      {[&] { grad(sum(n), n); }, {"[grad]", "i32[]"}},
      {[&] { grad(sum(x), n); }, {"[grad]", "variable 0", "i32[2, 3]"}},
      {[&] { grad(sum(x), foreign); }, {"graphs that are not of one nest"}},
      {[&] { jvp(x, x, y); }, {"[jvp]", "tangent 0", "f32[4]", "f32[2, 3]"}},
      {[&] { vjp(x, y, x); }, {"[vjp]", "cotangent 0", "f32[4]", "f32[2, 3]"}},
  };
  int index = 0;
  for (const BadCall& bad : cases) {
    const std::string message = message_of(bad.call);
    for (const std::string& part : bad.says)
      BOOST_TEST((message.find(part) != std::string::npos),
                 "case " << index << ": `" << part << "` is not in `" << message << "`");
    ++index;
  }
}

BOOST_AUTO_TEST_CASE(a_value_of_a_closed_body_is_refused) {
  Graph graph;
  const Tensor x = input(graph, f32({4}));
  MapBuilder tasks(graph, {x}, 4);
  const Tensor slice = tasks.slices()[0];
  tasks.close({{slice}});
  BOOST_TEST(message_of([&] { slice + 1.0; }).find("closed") != std::string::npos);
  MapBuilder inner(graph, {x}, 4);
  BOOST_TEST(message_of([&] { compile(x, inner.slices()[0]); }).find("not of one graph") != std::string::npos);
}

// What is thrown inside the library is caught by its type outside.
BOOST_AUTO_TEST_CASE(exceptions_keep_their_types_across_the_library) {
  Graph graph;
  const Tensor x = input(graph, f32({1000, 1000}));
  const Function f = compile(x, exp(x));
  const Array values(x.type());
  set_memory_limit(memory_in_use() + 1000);
  BOOST_CHECK_THROW(f({values}), OutOfMemory);
  BOOST_CHECK_THROW(Array(f32({1000})), OutOfMemory);
  set_memory_limit(0);
  BOOST_TEST(f({values})[0].at(0) == 1);
  BOOST_CHECK_THROW(graph.node(1u << 30), Bug);
}

BOOST_AUTO_TEST_SUITE_END()
