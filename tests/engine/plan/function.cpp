// A compiled program as a function: memory of the caller is read and written in place, whatever overlaps, and any
// number of threads call one function.
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <numeric>
#include <thread>

#include "base/memory.hpp"
#include "engine/plan/support.hpp"
#include "plan/plan.hpp"

namespace metac::testing {
namespace {

Type f32(Shape shape) { return {Dtype::f32, shape}; }

std::vector<float> counting(int n, float from = 1) {
  std::vector<float> values(static_cast<std::size_t>(n));
  std::iota(values.begin(), values.end(), from);
  return values;
}

auto says(const std::string& text) {
  return [text](const Error& error) {
    BOOST_TEST_INFO(error.what());
    return std::string(error.what()) == text;
  };
}

}  // namespace

BOOST_AUTO_TEST_SUITE(functions)

BOOST_AUTO_TEST_CASE(take_vectors_arrays_and_views) {
  Graph graph;
  const Tensor x = input(graph, f32({4})), y = input(graph, f32({2, 2}));
  const Function f = compile({x, y}, {x * 2.0, sum(y)});
  const std::vector<float> xs = counting(4);
  const Array ys = Array::from<float>({2, 2}, xs);
  for (const auto& results : {f({xs, ys}), f({ArrayView(xs, {4}), {xs, {2, 2}}})}) {
    BOOST_TEST(to_string(results[0].type()) == "f32[4]");
    BOOST_TEST(results[0].at(3) == 8);
    BOOST_TEST(results[1].at(0) == 10);
  }
}

BOOST_AUTO_TEST_CASE(need_the_graph_no_more_once_they_are_compiled) {
  const Function f = [] {
    Graph graph;
    const Tensor x = input(graph, f32({}));
    return compile(x, grad(x * x * x, x));
  }();
  BOOST_TEST(f({Array::scalar(2.0f)})[0].at(0) == 12);
}

BOOST_AUTO_TEST_CASE(of_no_input_or_no_output_run) {
  Graph graph;
  BOOST_TEST(compile({}, constant(graph, 3))({})[0].at(0) == 3);
  BOOST_TEST(compile(input(graph, f32({2})), {})({counting(2)}).empty());
  BOOST_TEST(compile({}, {})({}).empty());
}

// The steps that make the outputs write to the memory that is given: no copy is left, in the arena or as a step.
BOOST_AUTO_TEST_CASE(write_outputs_where_they_belong) {
  Case c;
  const Tensor x = c.add_input(f32({1000}));
  MapBuilder tasks(*c.graph, {reshape(x, {10, 100})}, 10);
  c.outputs = {tanh(x), tasks.close({{exp(tasks.slices()[0])}})[0]};
  BOOST_TEST(steps(*c.plan()) == 2);
  BOOST_TEST(arena_bytes(*c.plan()) < 1000 * sizeof(float));
  check_plan(c);
}

// Every way in which memory of inputs and outputs can overlap gives what separate memory gives.
BOOST_AUTO_TEST_CASE(may_be_given_memory_that_overlaps) {
  Graph graph;
  const Tensor x = input(graph, f32({8})), y = input(graph, f32({8}));
  // The first output is made before the others read the inputs.
  const Function f = compile({x, y}, {flip(x, 0) + y, flip(y, 0) * 2.0, x, reshape(x + 1.0, {2, 4})});
  const std::vector<float> xs = counting(8), ys = counting(8, 20);
  const auto expected = f({xs, ys});
  std::mt19937 random(5);
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<float> memory(64);
    const auto at = [&] { return memory.data() + random() % (memory.size() - 8); };
    const float *first = at(), *second = at();
    if (std::abs(first - second) < 8) continue;  // the inputs themselves are apart
    std::copy(xs.begin(), xs.end(), const_cast<float*>(first));
    std::copy(ys.begin(), ys.end(), const_cast<float*>(second));
    // The outputs, which are apart from each other, lie anywhere over the inputs.
    const int shift = static_cast<int>(random() % 33);
    float* outputs[] = {memory.data() + shift, memory.data() + shift + 8, memory.data() + shift + 16,
                        memory.data() + shift + 24};
    std::vector<MutableArrayView> views;
    for (std::size_t i = 0; i < 4; ++i) views.emplace_back(expected[i].type(), outputs[i]);
    const ArrayView inputs[] = {{f32({8}), first}, {f32({8}), second}};
    f(inputs, views);
    for (std::size_t i = 0; i < 4; ++i)
      BOOST_TEST(std::memcmp(outputs[i], expected[i].data(), expected[i].bytes()) == 0);
  }
}

BOOST_AUTO_TEST_CASE(say_which_operand_is_wrong) {
  Graph graph;
  const Tensor x = input(graph, f32({2})), n = input(graph, {Dtype::i32, {}});
  const Function f = compile({x, n}, x * 2.0);
  const std::vector<float> two = counting(2), three = counting(3);
  std::vector<double> wide(2);
  const Array one = Array::scalar<std::int32_t>(1);
  BOOST_CHECK_EXCEPTION(f({two}), Error, says("[run] 1 inputs were given, 2 are needed"));
  BOOST_CHECK_EXCEPTION(f({three, one}), Error, says("[run] input 0 is f32[3], f32[2] is needed"));
  BOOST_CHECK_EXCEPTION(f({two, two}), Error, says("[run] input 1 is f32[2], i32[] is needed"));
  BOOST_CHECK_EXCEPTION(f({two, one}, {}), Error, says("[run] 0 outputs were given, 1 are needed"));
  BOOST_CHECK_EXCEPTION(f({two, one}, {{wide, {2}}}), Error, says("[run] output 0 is f64[2], f32[2] is needed"));
  BOOST_CHECK_EXCEPTION(compile(x, x, 0), Error, says("[run] 0 threads were given, at least 1 is needed"));
  BOOST_TEST(f({two, one})[0].at(1) == 4);  // as before
}

BOOST_AUTO_TEST_CASE(allocate_nothing_once_they_ran) {
  Graph graph;
  const Tensor x = input(graph, f32({100}));
  const Function f = compile(x, {tanh(x), sum(x)});
  const std::vector<float> xs = counting(100);
  std::vector<float> y(100), total(1);
  const auto run = [&] { f({xs}, {{y, {100}}, {total, {}}}); };
  run();
  const std::int64_t calls = allocations();
  const std::size_t bytes = memory_in_use();
  run();
  const std::int64_t more = allocations() - calls;
  BOOST_TEST(more == 0);
  BOOST_TEST(memory_in_use() == bytes);
  BOOST_TEST(total[0] == 5050);
}

// Calls from several threads at once, each of which may use two threads itself, give the bits of a single call.
BOOST_AUTO_TEST_CASE(are_called_by_many_threads_at_once) {
  Graph graph;
  const Tensor x = input(graph, f32({16, 40})), w = input(graph, f32({40, 40}));
  MapBuilder tasks(graph, {x}, 16);
  const Tensor inner = alias(w, tasks.graph());
  const Tensor loss = sum(square(tanh(matmul(tasks.slices()[0], inner))));
  const auto parts = tasks.close({{loss}, {grad(loss, inner), MapBuilder::summed}});
  for (const int threads : {1, 2}) {
    const Function f = compile({x, w}, parts, threads);
    std::mt19937 random(1);
    std::vector<std::vector<Array>> inputs, expected;
    for (int i = 0; i < 4; ++i) {
      inputs.push_back({random_array(x.type(), random), random_array(w.type(), random)});
      expected.push_back(f(inputs.back()));
    }
    std::atomic<int> wrong{0};
    std::vector<std::thread> callers;
    for (std::size_t caller = 0; caller < 4; ++caller)
      callers.emplace_back([&, caller] {
        for (int turn = 0; turn < 25; ++turn) {
          const auto results = f(inputs[caller]);
          for (std::size_t k = 0; k < 2; ++k) wrong += !same_bits(results[k], expected[caller][k]);
        }
      });
    for (auto& caller : callers) caller.join();
    BOOST_TEST(wrong == 0);
  }
}

// Different threads may build, differentiate and compile different graphs at once.
BOOST_AUTO_TEST_CASE(are_built_by_many_threads_at_once) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> builders;
  for (int builder = 0; builder < 4; ++builder)
    builders.emplace_back([&wrong, builder] {
      for (int turn = 0; turn < 10; ++turn) {
        Graph graph;
        const Tensor x = input(graph, f32({})), y = x * x * static_cast<double>(builder + 1);
        wrong += compile(x, grad(y, x))({Array::scalar(3.0f)})[0].at(0) != 6 * (builder + 1);
      }
    });
  for (auto& builder : builders) builder.join();
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(stop_at_the_limit_of_memory_and_go_on) {
  Graph graph;
  const Tensor x = input(graph, f32({1000}));
  const Function f = compile(x, sum(matmul(reshape(x, {1000, 1}), reshape(x, {1, 1000})), {1}));
  const std::vector<float> xs = counting(1000);
  set_memory_limit(memory_in_use() + 1000);
  BOOST_CHECK_THROW(f({xs}), OutOfMemory);  // the results
  BOOST_CHECK_THROW(compile(x, exp(matmul(reshape(x, {1000, 1}), reshape(x, {1, 1000})))), OutOfMemory);
  set_memory_limit(0);
  BOOST_TEST(f({xs})[0].at(0) == 500500);
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

// Memory that ends where a page ends that may not be touched, or begins where one does.
class Guarded {
 public:
  explicit Guarded(std::size_t bytes, bool at_end) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t inside = (bytes + page - 1) / page * page;
    size_ = inside + 2 * page;
    all_ = static_cast<std::byte*>(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(all_, page, PROT_NONE);
    mprotect(all_ + page + inside, page, PROT_NONE);
    begin_ = at_end ? all_ + page + inside - bytes : all_ + page;
  }
  ~Guarded() { munmap(all_, size_); }
  Guarded(const Guarded&) = delete;
  std::byte* begin() const { return begin_; }

 private:
  std::byte *all_, *begin_;
  std::size_t size_;
};

// The samples of an operator as programs of their own, in both floating types.
std::vector<Case> cases_of(const Operator& op) {
  std::vector<Case> cases;
  if (op.samples == nullptr) return cases;
  for (const Sample& sample : op.samples())
    for (const Dtype floating : {Dtype::f32, Dtype::f64}) {
      Case c;
      for (const Type& type : sample.inputs) c.add_input({is_float(type.dtype) ? floating : type.dtype, type.shape});
      c.outputs = {c.graph->push(op, c.inputs, sample.attributes)};
      cases.push_back(std::move(c));
    }
  return cases;
}

// Where an array begins and ends, nothing else may be touched: a process that does so ends here.
void run_between_guards(const Case& c, bool at_end, std::mt19937& random) {
  std::vector<std::unique_ptr<Guarded>> memory;
  std::vector<ArrayView> inputs;
  std::vector<MutableArrayView> outputs;
  for (const Tensor& tensor : c.inputs) {
    const Array values = random_array(tensor.type(), random);
    memory.push_back(std::make_unique<Guarded>(values.bytes(), at_end));
    if (values.bytes() > 0) std::memcpy(memory.back()->begin(), values.data(), values.bytes());
    inputs.emplace_back(tensor.type(), memory.back()->begin());
  }
  for (const Tensor& tensor : c.outputs) {
    memory.push_back(std::make_unique<Guarded>(tensor.type().bytes(), at_end));
    outputs.emplace_back(tensor.type(), memory.back()->begin());
  }
  Executable program(c.plan());
  try {
    program.run(inputs, outputs);
  } catch (const Error&) {  // of values of which there is no result, such as a label out of range
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(no_operator_reads_or_writes_beside_the_arrays) {
  int met = 0;
  std::mt19937 random(2);
  for (const Operator* op : all_operators())
    for (const Case& c : cases_of(*op))
      for (const bool at_end : {true, false}) {
        BOOST_TEST_CHECKPOINT(op->name);
        run_between_guards(c, at_end, random);
        ++met;
      }
  BOOST_TEST(met > 1000);
}

// Operators that share a kernel, of all lengths about that of a vector.
BOOST_AUTO_TEST_CASE(no_fused_kernel_reads_or_writes_beside_the_arrays) {
  std::mt19937 random(3);
  for (std::int64_t n = 1; n < 70; ++n)
    for (const bool at_end : {true, false}) {
      Case c;
      const Tensor x = c.add_input({Dtype::f32, {n}}), y = c.add_input({Dtype::f32, {n}});
      const Tensor condition = c.add_input({Dtype::boolean, {n}});
      const Tensor z = select(condition, x * y + x, y);
      c.outputs = {maximum(z, y) - x, less(z * x, y), sum(z)};
      run_between_guards(c, at_end, random);
    }
}

}  // namespace metac::testing
