// Tasks round other tasks: what is drawn from a source, whether in the graph or by the host, alone, several side by
// side, or from one of several sources.
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <set>

#include "dsl/driver/recorder.hpp"

using namespace metac;
using namespace metac::dsl;
using namespace metac::dsl::testing;

namespace {

// Sources whose tasks tell what they are: `y - x` is the offset of a task, in its support as in its query. Those of
// `of_groups` are 0, 10, 20, ..., those of `of_numbers` are drawn in the graph. `guess` learns nothing; it predicts
// what `told` makes of a task and x.
const std::string definitions = R"(
tasks of_numbers(low = 0, high = 1, shots = 2, queries = 3) {
  offset ~ uniform(low, high)
  fn example() {
    x ~ uniform(-1, 1)
    return (x: [x], y: [x + offset])
  }
  support = sample(example, shots)
  query = sample(example, queries)
}
tasks same(base) {
  task ~ base
  return task
}
fn offset_of(task) = mean(task.support.y - task.support.x)
fn by_offset(task, x) = x + offset_of(task)
fn error(p, y) = max(abs(p - y))
fn offset(p, y) = mean(p)
learner guess(told = by_offset) {
  learn w = 0.0
  fn predict(task, x) = told(task, x)
  fn objective(task) = w * mean(predict(task, task.query.x))
}
fn only(value) = fn (task, x) = value(task) + 0 * x
)";

// A table with the groups, and the script that reads it.
struct Table {
  Table() : folder(std::filesystem::temp_directory_path() / "metac_task_wrappers") {
    std::filesystem::create_directories(folder);
    std::ofstream file(folder / "t.csv");
    file << "group,x,y\n";
    for (int group = 0; group < 8; ++group)
      for (int x = 0; x < 6; ++x) file << group << ',' << x << ',' << x + 10 * group << '\n';
    script = definitions + "let of_groups = groups(csv(\"" + (folder / "t.csv").string() +
             "\", x: \"x\", y: \"y\", group: \"group\"), shots: 2, queries: 3)\nlet _all = of_groups\n";
  }
  ~Table() { std::filesystem::remove_all(folder); }
  std::filesystem::path folder;
  std::string script;
};

using Values = std::vector<double>;

// What each line `evaluate LEARNER on SOURCE` of an experiment measures of its tasks.
std::vector<Values> measured(const std::string& script, const std::string& lines, Options options = {}) {
  Recorder recorder;
  run_script(script + "experiment e {\n" + lines + "}\n", options, recorder);
  std::vector<Values> all;
  for (const auto& result : recorder.results) all.push_back(result.rows.front().values);
  return all;
}
Values measured_on(const std::string& script, const std::string& learner, const std::string& source,
                   const std::string& metric, int tasks = 60, Options options = {}) {
  const auto all = measured(script,
                            "  evaluate " + learner + " on " + source + " { tasks: " + std::to_string(tasks) +
                                ", metrics: [" + metric + "] }\n",
                            options);
  BOOST_TEST_REQUIRE(all.size() == 1u);
  return all.front();
}

bool all_small(const Values& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::abs(v) < 1e-4; });
}
std::size_t different(const Values& values) { return std::set<long>(values.begin(), values.end()).size(); }

std::string mistake_of(const std::string& text) {
  const Diagnostic mistake = first_mistake(text);
  return mistake.code + " " + mistake.message;
}

const std::string sources[] = {"of_numbers(high: 80)", "of_groups"};

}  // namespace

BOOST_AUTO_TEST_SUITE(task_wrappers)

BOOST_AUTO_TEST_CASE(a_task_passes_through_wrappers_whoever_draws_it) {
  const Table table;
  for (const auto& base : sources)
    for (const std::string& source : {base, "same(" + base + ")", "same(same(" + base + "))"})
      BOOST_TEST_CONTEXT(source) {
        BOOST_TEST(all_small(measured_on(table.script, "guess()", source, "error")));
        const Values offsets = measured_on(table.script, "guess(only(offset_of))", source, "offset");
        BOOST_TEST(different(offsets) > 5u);  // drawn anew for each task
        BOOST_TEST(*std::min_element(offsets.begin(), offsets.end()) < 20);
        BOOST_TEST(*std::max_element(offsets.begin(), offsets.end()) > 50);
      }
}

BOOST_AUTO_TEST_CASE(two_draws_are_two_tasks_and_a_bound_one_stays) {
  const Table table;
  const std::string pairs = table.script + R"(
tasks pairs(base) {
  first ~ base
  second ~ base
  third = second
  support = first.support
  query = first.query
}
)";
  for (const auto& base : sources) BOOST_TEST_CONTEXT(base) {
      const std::string source = "pairs(" + base + ")";
      BOOST_TEST(all_small(measured_on(pairs, "guess()", source, "error")));
      const auto apart = measured_on(pairs, "guess(only(fn (task) = offset_of(task.first) - offset_of(task.second)))",
                                     source, "offset");
      BOOST_TEST(different(apart) > 5u);
      BOOST_TEST(all_small(measured_on(pairs, "guess(only(fn (task) = offset_of(task.second) - offset_of(task.third)))",
                                       source, "offset")));
    }
}

BOOST_AUTO_TEST_CASE(tasks_do_not_depend_on_how_many_are_measured_at_once) {
  const Table table;
  for (const auto& base : sources) BOOST_TEST_CONTEXT(base) {
      Options one;
      one.tasks_at_once = 1;
      const std::string source = "least(same(" + base + "))";
      const std::string script = table.script + R"(
tasks least(base) {
  let all = sample(base, 3)
  return rows(all, argmax(-map(offset_of, all)))
}
)";
      const auto together = measured_on(script, "guess(only(offset_of))", source, "offset", 20);
      BOOST_TEST(together == measured_on(script, "guess(only(offset_of))", source, "offset", 20, one));
      BOOST_TEST(different(together) > 2u);
    }
}

BOOST_AUTO_TEST_CASE(candidates_side_by_side_are_whole_and_different_tasks) {
  const Table table;
  const std::string script = table.script + R"(
tasks largest(base) {
  let all = sample(base, 5)
  offsets = map(offset_of, all)
  nested = sample(fn () = sample(base, 2), 3)
  let chosen = rows(all, argmax(offsets))
  support = chosen.support
  query = chosen.query
}
)";
  for (const auto& base : sources) BOOST_TEST_CONTEXT(base) {
      const std::string source = "largest(" + base + ")";
      BOOST_TEST(all_small(measured_on(script, "guess()", source, "error")));
      BOOST_TEST(all_small(
          measured_on(script, "guess(only(fn (task) = offset_of(task) - max(task.offsets)))", source, "offset")));
      BOOST_TEST(!all_small(
          measured_on(script, "guess(only(fn (task) = offset_of(task) - min(task.offsets)))", source, "offset")));
      // Of six drawn inside of two kinds of rows: each is whole, and not all are the same.
      BOOST_TEST(
          all_small(measured_on(script,
                                "guess(only(fn (task) = max(abs(task.nested.support.y - task.nested.support.x -"
                                " mean(task.nested.support.y - task.nested.support.x, axis: [2, 3], keep: true)))))",
                                source, "offset")));
      BOOST_TEST(!all_small(measured_on(script,
                                        "guess(only(fn (task) = max(task.nested.support.y - task.nested.support.x) -"
                                        " min(task.nested.support.y - task.nested.support.x)))",
                                        source, "offset")));
    }
}

BOOST_AUTO_TEST_CASE(a_tensor_chooses_among_sources) {
  const Table table;
  const std::string script = table.script + R"(
tasks one_of(sources) {
  arm ~ integers(len(sources))
  task ~ sources[arm]
  offset = offset_of(task)
  support = task.support
  query = task.query
}
)";
  const std::string source = "one_of([of_numbers(100, 101), same(of_groups), of_numbers(200, 201), of_groups])";
  BOOST_TEST(all_small(measured_on(script, "guess()", source, "error")));
  const auto arms = measured_on(script, "guess(only(fn (task) = task.arm))", source, "offset", 200);
  const auto offsets = measured_on(script, "guess(only(fn (task) = task.offset))", source, "offset", 200);
  std::set<double> met;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    met.insert(arms[i]);
    const double low = arms[i] == 0 ? 100 : arms[i] == 2 ? 200 : 0;
    BOOST_TEST(offsets[i] >= low - 1e-3);
    BOOST_TEST(offsets[i] <= (low > 0 ? low + 1.001 : 70.001));
  }
  BOOST_TEST(met.size() == 4u);
}

BOOST_AUTO_TEST_CASE(a_tensor_chooses_among_values) {
  Recorder recorder;
  run_script(R"(
experiment e {
  let i = cast_int(full([], 2))
  print([1, 5, 9][i], [0.5, 0.5, 0.5][i], [[1, 2], [3, 4], [5, 6]][i])
  let tree = [(a: 1, b: [1.0, 2.0], c: "x"), (a: 2, b: [3.0, 4.0], c: "x"), (a: 3, b: [5.0, 6.0], c: "x")][i]
  print(tree.a, tree.b, tree.c)
  print([10, 20][cast_int([1, 0, 1])])
}
)",
             {}, recorder);
  BOOST_TEST(recorder.lines == (std::vector<std::string>{"9 0.5 [5, 6]", "3 [5, 6] x", "[20, 10, 20]"}),
             boost::test_tools::per_element());
}

// Episodes of two or three ways and one or two shots: what is drawn for one step is of one form, also from another
// source of the same forms.
BOOST_AUTO_TEST_CASE(the_forms_of_episodes_pass_through) {
  const std::string script = definitions + R"(
let parts = split_classes(glyphs(classes: 9, per_class: 4, size: 8), train: 5, test: 4)
let few = episodes(parts.train, ways: 2..3, shots: 1..2, queries: 1)
let others = episodes(parts.test, ways: 2..3, shots: 1..2, queries: 1)
let _all = [few, others]
tasks mixed(first, second) {
  arm ~ integers(2)
  let candidates = sample(second, 3)
  task ~ [first, same(second)][arm]
  let last = rows(candidates, 2)
  return (support: task.support, query: last.query, ways: task.ways, shots: last.shots)
}
fn size(p, y) = p[0, 0]
)";
  for (const std::string source : {"few", "same(few)", "mixed(few, others)"}) BOOST_TEST_CONTEXT(source) {
      const auto sizes =
          measured_on(script, "guess(fn (task, x) = reshape(x, [task.ways, -1]) * 0 + 10 * task.ways + task.shots)",
                      source, "size", 40);
      BOOST_TEST((std::set<double>(sizes.begin(), sizes.end()) == std::set<double>{21, 22, 31, 32}));
      const auto rows =
          measured_on(script, "guess(fn (task, x) = zeros_like(reshape(x, [task.ways, -1])) + task.support.x.shape[0])",
                      source, "size", 40);
      BOOST_TEST((std::set<double>(rows.begin(), rows.end()) == std::set<double>{2, 3, 4, 6}));
    }
  // The labels are known to be of so many classes also after a choice.
  BOOST_TEST(mistake_of(script + "experiment e { evaluate guess(fn (task, x) = full([task.ways, 1], 0.0)) on "
                                 "mixed(few, others) { tasks: 1, metrics: [cross_entropy] } }\n")
                 .starts_with("E0389"));
}

BOOST_AUTO_TEST_CASE(a_learner_sees_no_query_of_a_task_that_its_own_is_made_of) {
  const std::string script = definitions + R"(
tasks nested(base) {
  first ~ base
  list = [first, first]
  support = first.support
  query = first.query
}
)";
  for (const std::string way : {"task.query", "task.first.query", "task.list[1].query"})
    BOOST_TEST(mistake_of(script + "experiment e { evaluate guess(fn (task, x) = " + way +
                          ".y) on nested(of_numbers()) { tasks: 1 } }\n")
                   .substr(5)
                   .starts_with(" there is no `query`"));
}

BOOST_AUTO_TEST_CASE(what_a_form_decides_cannot_be_what_is_drawn) {
  BOOST_TEST(mistake_of(definitions + R"(
let few = episodes(glyphs(classes: 5, per_class: 4, size: 8), ways: 2..3, shots: 1, queries: 1)
tasks more(base) {
  first ~ base
  if first.ways > 2 { second ~ base }
  return first
}
experiment e { evaluate guess(fn (task, x) = reshape(x, [x.shape[0], -1])) on more(few) { tasks: 3 } }
)")
                 .starts_with("E0475"));
}

BOOST_AUTO_TEST_CASE(a_training_on_wrapped_tasks_is_that_on_the_same_tasks) {
  const Table table;
  for (const auto& base : sources) BOOST_TEST_CONTEXT(base) {
      Recorder recorder;
      run_script(table.script + R"(
learner mean_offset() {
  learn w = 0.0
  memory sum = 0.0
  memory count = 0
  fn objective(task) = square(w - offset_of(task) / 70)
  on step(tasks) {
    sum = sum + sum_of(tasks)
    count = count + row_count(tasks.support)
  }
  fn sum_of(tasks) = 5 * mean(tasks.support.y - tasks.support.x)
}
experiment e {
  let learner = mean_offset()
  train learner on same()" +
                     base +
                     R"() { iterations: 100, batch: 5, optimizer: sgd(0.05) }
  print(learner.w * 70, learner.sum / learner.count, learner.count)
}
)",
                 {}, recorder);
      BOOST_TEST_REQUIRE(recorder.lines.size() == 1u);
      std::istringstream words(recorder.lines.front());
      double learned = 0, mean = 0, count = 0;
      words >> learned >> mean >> count;
      BOOST_TEST(count == 500);
      BOOST_TEST(std::abs(mean - (base == "of_groups" ? 35 : 40)) < 4);  // three deviations
      BOOST_TEST(std::abs(learned - mean) < 12);
    }
}

BOOST_AUTO_TEST_CASE(the_same_bits_on_any_number_of_threads) {
  const Table table;
  for (const auto& base : sources) {
    std::vector<TrainState> states;
    for (const int threads : {1, 2, 4}) {
      Options options;
      options.threads = threads;
      Recorder recorder;
      run_script(table.script + R"(
tasks smallest(base) {
  let all = sample(base, 4)
  return rows(all, argmax(-map(offset_of, all)))
}
experiment e {
  let learner = maml(mlp([8, 1]), loss: mse)
  train learner on smallest()" +
                     base +
                     R"() { iterations: 10, batch: 7, optimizer: adam(1e-3) }
}
)",
                 options, recorder);
      BOOST_TEST_REQUIRE(recorder.states.size() == 1u);
      states.push_back(recorder.states.front());
    }
    BOOST_TEST(difference(states[0], states[1]) == "");
    BOOST_TEST(difference(states[0], states[2]) == "");
  }
}

BOOST_AUTO_TEST_SUITE_END()
