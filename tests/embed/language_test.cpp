// The language as another program sees it: a script and a state that `metac run` left behind, functions called by name
// on host arrays, from one thread and from several.
#include <metac/engine.hpp>
#include <metac/metac.hpp>

#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

namespace fs = std::filesystem;
using namespace metac;

namespace {

constexpr const char* waves = R"(
# A learner for the tests: gradient steps on a mean squared error, from what was meta-learned.
learner steps_from(net, rate = 0.1) {
  learn theta = init(net)

  # The weights after some steps on the support.
  fn adapt(support, updates = 1) {
    var w = theta
    for _ in 1..updates {
      w = w - rate * grad(w) { mse(net(w, support.x), support.y) }
    }
    return w
  }
  fn objective(task) = mse(net(adapt(task.support), task.query.x), task.query.y)
  fn predict(task, x, updates = 1) = net(adapt(task.support, updates), x)
  fn noisy(x) {
    e ~ normal(x.shape)
    return x + e
  }
  fn rule() = (name: "rule", apply: adapt)
  fn described(updates) = (name: "steps", updates: updates, half: updates / 2, weights: theta, pair: (1, true))
}

learner louder(base, factor = 2.0) {
  memory heard = 0.0
  fn objective(task) = base.objective(task)
  fn predict(task, x) = factor * base.predict(task, x)
}

fn usual() = steps_from(mlp([8, 1]))

let five = sinusoids(shots: 5, queries: 3)

experiment meta {
  let learner = usual()
  train learner on five { iterations: 30, batch: 4, optimizer: adam(1e-2) }
  save(learner, "state.safetensors")
  let loud = louder(learner)
  train loud on five { iterations: 2, batch: 4, optimizer: adam(1e-2) }
  save(loud, "loud.safetensors")
}
)";

// A folder with the script and what a run of it saved, made when it is first needed.
struct Folder {
  static inline fs::path path;
  static const fs::path& get() {
    if (!path.empty()) return path;
    path = fs::temp_directory_path() / ("metac_embed_" + std::to_string(getpid()));
    fs::create_directories(path);
    std::ofstream(path / "waves.meta") << waves;
    const std::string command = "cd '" + path.string() + "' && '" METAC_COMMAND "' run waves.meta > log 2>&1";
    BOOST_REQUIRE_EQUAL(std::system(command.c_str()), 0);
    return path;
  }
  ~Folder() {
    if (!path.empty()) fs::remove_all(path);
  }
};
BOOST_TEST_GLOBAL_FIXTURE(Folder);

std::string file(const char* name) { return (Folder::get() / name).string(); }
Script script() { return Script::load(file("waves.meta")); }
Learner learner(int threads = 1) {
  return Script::load(file("waves.meta"), {.threads = threads}).learner("usual()", file("state.safetensors"));
}

bool same(const Value& a, const Value& b) { return same_bits(a.array(), b.array()); }

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no exception";
}

bool contains(const std::string& text, const std::string& part) {
  BOOST_TEST_INFO("`" << part << "` in `" << text << "`");
  return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(language)

BOOST_AUTO_TEST_CASE(functions_are_listed_as_the_script_declares_them) {
  const auto functions = learner().functions();
  BOOST_REQUIRE_EQUAL(functions.size(), 6u);
  BOOST_TEST(functions[0].name == "adapt");
  BOOST_TEST(functions[0].documentation == "The weights after some steps on the support.");
  BOOST_REQUIRE_EQUAL(functions[0].parameters.size(), 2u);
  BOOST_TEST(functions[0].parameters[0].name == "support");
  BOOST_TEST(functions[0].parameters[0].default_value == "");
  BOOST_TEST(functions[0].parameters[1].default_value == "1");
  const Learner loud = script().learner("louder(usual())", file("loud.safetensors"));
  BOOST_TEST(loud.name() == "louder(steps_from)");
  BOOST_TEST(loud.functions()[0].learner == "louder");
  BOOST_TEST(loud.functions()[2].name == "adapt");
  BOOST_TEST(loud.functions()[2].learner == "steps_from");
}

// adapt and predict, called from outside, are what the same formulas give when they are written against the engine.
BOOST_AUTO_TEST_CASE(adapt_and_predict_equal_the_engine) {
  const Learner trained = learner();
  const Value task = script().source("five").draw(3);
  const Value theta = trained.state()["theta"];
  Graph graph;
  std::vector<Tensor> inputs;
  std::vector<Array> arrays;
  for (const char* layer : {"linear1", "linear2"})
    for (const char* part : {"weight", "offset"}) {
      arrays.push_back(theta[layer][part].array());
      inputs.push_back(input(graph, arrays.back().type()));
    }
  const auto net = [](std::span<const Tensor> w, Tensor x) {
    return matmul(relu(matmul(x, w[0]) + w[1]), w[2]) + w[3];
  };
  for (const auto& [part, name] : {std::pair{"support", "x"}, {"support", "y"}, {"query", "x"}}) {
    arrays.push_back(task[part][name].array());
    inputs.push_back(input(graph, arrays.back().type()));
  }
  std::vector<Tensor> w(inputs.begin(), inputs.begin() + 4);
  for (int step = 0; step < 3; ++step) {
    for (Tensor& weight : w) weight = alias(weight, graph);
    const auto gradient = grad(mean(square(net(w, inputs[4]) - inputs[5])), w);
    for (std::size_t i = 0; i < 4; ++i) w[i] = w[i] - 0.1 * gradient[i];
  }
  std::vector<Tensor> outputs = w;
  outputs.push_back(net(w, inputs[6]));
  const auto expected = compile(inputs, outputs)(arrays);

  const Value predicted = trained.call("predict", {task, task["query"]["x"]}, {{"updates", 3}});
  const Value adapted = trained.call("adapt", {task["support"], 3});
  const auto near = [](const Array& a, const Array& b) {
    BOOST_REQUIRE_EQUAL(to_string(a.type()), to_string(b.type()));
    for (std::int64_t i = 0; i < a.elements(); ++i) BOOST_TEST(std::abs(a.at(i) - b.at(i)) < 1e-5);
  };
  near(predicted.array(), expected[4]);
  near(adapted["linear1"]["weight"].array(), expected[0]);
  near(adapted["linear2"]["offset"].array(), expected[3]);
  // What adapt gave is a tree like any other: the model that the learner was made with takes it.
  BOOST_TEST(same(trained.call("net", {adapted, task["query"]["x"]}), predicted));
}

BOOST_AUTO_TEST_CASE(memory_of_the_caller_is_read_in_place) {
  const Learner trained = learner();
  std::vector<float> x{-1, 0, 1}, y{0.5f, 0, -0.5f}, query{2, 3};
  const Value support = {{"x", Value(ArrayView(x, {3, 1}))}, {"y", Value(ArrayView(y, {3, 1}))}};
  const Value task = {{"support", support}}, at = Value(ArrayView(query, {2, 1}));
  const Value first = trained.call("predict", {task, at});
  const Value copied = {{"support", {{"x", Array::from<float>({3, 1}, x)}, {"y", Array::from<float>({3, 1}, y)}}}};
  BOOST_TEST(same(trained.call("predict", {copied, at}), first));
  x[0] = -2;  // the view is of the same memory
  BOOST_TEST(!same(trained.call("predict", {task, at}), first));
}

BOOST_AUTO_TEST_CASE(results_may_hold_anything_that_is_no_part_of_the_script) {
  const Value result = learner().call("described", {3});
  BOOST_TEST((result.names() == std::vector<std::string>{"name", "updates", "half", "weights", "pair"}));
  BOOST_TEST(result["name"].text() == "steps");
  BOOST_TEST(result["updates"].integer() == 3);
  BOOST_TEST(result["half"].number() == 1.5);
  BOOST_TEST(result["pair"].at(1).boolean());
  BOOST_TEST(same(result["weights"]["linear1"]["weight"], learner().state()["theta"]["linear1"]["weight"]));
}

BOOST_AUTO_TEST_CASE(draws_depend_on_the_seed_alone) {
  const Learner one = learner(), other = learner(2);
  const Value x = Array(Type{Dtype::f32, {50}});
  BOOST_TEST(same(one.call("noisy", {x}, {}, 4), other.call("noisy", {x}, {}, 4)));
  BOOST_TEST(!same(one.call("noisy", {x}, {}, 4), one.call("noisy", {x}, {}, 5)));
  const Source source = script().source("five");
  BOOST_TEST(source.gives_tasks());
  BOOST_TEST(same(source.draw(1)["query"]["y"], script().source("five").draw(1)["query"]["y"]));
  BOOST_TEST(!same(source.draw(1)["query"]["y"], source.draw(2)["query"]["y"]));
}

// One learner, many threads, forms that are new to it and forms that are not: the bits of a call by itself.
BOOST_AUTO_TEST_CASE(one_learner_is_called_by_many_threads) {
  const Source source = script().source("five");
  std::vector<Value> tasks, expected;
  for (std::uint64_t i = 0; i < 4; ++i) {
    tasks.push_back(source.draw(i));
    expected.push_back(learner().call("predict", {tasks[i], tasks[i]["query"]["x"]}, {{"updates", i}}));
  }
  const Learner shared = learner();
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (std::size_t caller = 0; caller < 4; ++caller)
    callers.emplace_back([&, caller] {
      for (std::size_t turn = 0; turn < 20; ++turn) {
        const std::size_t i = (caller + turn) % 4;
        wrong += !same(shared.call("predict", {tasks[i], tasks[i]["query"]["x"]}, {{"updates", i}}), expected[i]);
        wrong += !same(source.draw(i)["support"]["x"], tasks[i]["support"]["x"]);
      }
    });
  for (auto& caller : callers) caller.join();
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(more_forms_than_are_kept_stay_right) {
  const Learner trained = learner();
  for (const int round : {0, 1})
    for (int n = 1; n <= 80; ++n) {
      const Value x = Array(Type{Dtype::f32, {n}});
      BOOST_TEST(trained.call("noisy", {x}, {}, 1).array().elements() == n, "round " << round);
    }
}

BOOST_AUTO_TEST_CASE(a_state_can_be_loaded_by_the_expression) {
  const Learner trained = script().learner("load(usual(), \"" + file("state.safetensors") + "\")");
  BOOST_TEST(same(trained.state()["theta"]["linear1"]["weight"], learner().state()["theta"]["linear1"]["weight"]));
}

BOOST_AUTO_TEST_CASE(data_sets_are_drawn_in_batches) {
  const Source source = script().source("glyphs(classes: 3, per_class: 4, size: 8)");
  BOOST_TEST(!source.gives_tasks());
  const Value batch = source.draw(1, 5);
  BOOST_TEST(to_string(batch["x"].array().type()) == "f32[5, 8, 8, 1]");
  BOOST_TEST(to_string(batch["y"].array().type()) == "i32[5]");
  BOOST_TEST(contains(message_of([&] { source.draw(1, 13); }), "[draw] a batch of 13 was asked of"));
  BOOST_TEST(contains(message_of([&] { script().source("five").draw(1, 2); }), "1 to 1 are possible"));
}

// ---- what is wrong ----

BOOST_AUTO_TEST_CASE(mistakes_of_the_script_have_their_places) {
  try {
    Script::from_text("wrong.meta", "let a = relo(1)\nlet b = )\n");
    BOOST_TEST_ERROR("no exception");
  } catch (const ScriptError& error) {
    BOOST_REQUIRE(!error.mistakes().empty());
    BOOST_TEST(error.mistakes()[0].file == "wrong.meta");
    BOOST_TEST(error.mistakes()[0].line >= 1);
    BOOST_TEST(contains(error.what(), "wrong.meta:"));
    BOOST_TEST(contains(error.what(), "^"));
  }
  BOOST_TEST(contains(message_of([] { Script::load("no_such.meta"); }), "there is no file `no_such.meta`"));
  BOOST_TEST(contains(message_of([] { Script::from_text("a.meta", "", {.threads = 0}); }), "0 threads"));
}

BOOST_AUTO_TEST_CASE(mistakes_of_what_is_asked_say_what_is_needed) {
  const Script all = script();
  const std::string state = file("state.safetensors");
  const auto learner_message = [&](const std::string& expression, const std::string& path) {
    return message_of([&] { all.learner(expression, path); });
  };
  BOOST_TEST(contains(learner_message("usuel()", state), "did you mean `usual`?"));
  BOOST_TEST(contains(learner_message("five", state), "[learner] `five` is the task source"));
  BOOST_TEST(contains(learner_message("usual(", state), "error:"));
  BOOST_TEST(contains(learner_message("usual()", ""), "[learner] the state of `steps_from` is needed, with theta"));
  BOOST_TEST(contains(learner_message("usual()", file("none.safetensors")), "none.safetensors"));
  BOOST_TEST(contains(learner_message("usual()", file("waves.meta")), "waves.meta"));
  BOOST_TEST(contains(learner_message("louder(usual())", state), "base, heard"));
  BOOST_TEST(contains(message_of([&] { all.source("3"); }), "error:"));
}

BOOST_AUTO_TEST_CASE(mistakes_of_calls_are_those_of_the_script) {
  const Learner trained = learner();
  const Value x = Array(Type{Dtype::f32, {2, 1}}), wide = Array(Type{Dtype::f32, {2, 7}});
  const Value task = {{"support", {{"x", x}, {"y", x}}}};
  const auto call = [&](const std::string& function, const std::vector<Value>& arguments,
                        const NamedValues& named = {}) {
    return message_of([&] { trained.call(function, arguments, named); });
  };
  BOOST_TEST(contains(call("predikt", {task, x}), "did you mean `predict`?"));
  BOOST_TEST(contains(call("predikt", {task, x}), "[E0602]"));
  BOOST_TEST(contains(call("rule", {}), "in `apply`: only numbers, texts, tensors"));
  BOOST_TEST(contains(call("rule", {}), "[E0601]"));
  BOOST_TEST(contains(call("rate", {}), "`rate` of the learner `steps_from` is the float 0.1: it cannot be called"));
  BOOST_TEST(contains(call("predict", {task}), "`predict` needs its argument `x`"));
  BOOST_TEST(contains(call("predict", {task, x, 1, 1}), "more were given"));
  BOOST_TEST(contains(call("predict", {task, x}, {{"update", 1}}), "did you mean `updates`?"));
  BOOST_TEST(contains(call("predict", {task, wide}), "[1, 8]"));
  BOOST_TEST(contains(call("predict", {x, x}), "there is no `support`"));
  BOOST_TEST(contains(call("predict", {task, "text"}), "error:"));
  BOOST_TEST(call("predict", {task, x}) == "no exception");
}

BOOST_AUTO_TEST_CASE(values_say_what_they_are_instead) {
  const Value record = {{"x", 1}, {"name", "a"}, {"flag", true}, {"half", 0.5}};
  const Value list = Value::list({1, 2.5, Value()});
  BOOST_TEST(record["x"].integer() == 1);
  BOOST_TEST(record["half"].number() == 0.5);
  BOOST_TEST(list.at(2).is_none());
  BOOST_TEST(list.size() == 3u);
  BOOST_TEST(message_of([&] { record["y"]; }) == "[value] there is no field `y` in a record (x, name, flag, half)");
  BOOST_TEST(message_of([&] { record["x"].array(); }) == "[value] the int 1 was given, an array is needed");
  BOOST_TEST(message_of([&] { record["x"].text(); }) == "[value] the int 1 was given, a text is needed");
  BOOST_TEST(message_of([&] { list.at(3); }) == "[value] part 3 was asked of the list [1, 2.5, none], which has 3");
  BOOST_TEST(message_of([&] { record["x"].size(); }) == "[value] the int 1 was given, a record or a list is needed");
  BOOST_TEST(message_of([] { Value v = {{"a", 1}, {"a", 2}}; }) == "[value] a record with two fields `a` was given");
}

BOOST_AUTO_TEST_CASE(too_much_memory_is_an_exception_that_leaves_the_learner_whole) {
  const Learner trained = learner();
  const Value x = Array(Type{Dtype::f32, {100000}});
  set_memory_limit(memory_in_use() + 1000);
  BOOST_CHECK_THROW(trained.call("noisy", {x}), OutOfMemory);
  set_memory_limit(0);
  BOOST_TEST(trained.call("noisy", {x}).array().elements() == 100000);
}

BOOST_AUTO_TEST_SUITE_END()
