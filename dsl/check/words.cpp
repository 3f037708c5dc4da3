// The table of words. Keep the texts short: the reference says more.
#include "check/words.hpp"

#include <string>
#include <unordered_map>

namespace metac::dsl {

namespace {

using Kind = Word::Kind;

constexpr Word table[] = {
    // names and values
    {Kind::word, "let", "let NAME = VALUE, let (a, b) = PAIR",
     "binds a name, which keeps its value. At the top level of a script `--set` replaces it.", R"(let rate = 0.5
experiment example {
  let (low, high) = (1, 4)
  print(rate * high, low)  # 2 1
}
)"},
    {Kind::word, "var", "var NAME = VALUE",
     "binds a name that `=` binds again, or a part of it, inside the same function or experiment.",
     R"(experiment example {
  var w = (a: 1.0, b: 2.0)
  w.a = 10 * w.a
  print(w)  # (a: 10, b: 2)
}
)"},
    {Kind::word, "fn", "fn NAME(x, y = 1) = VALUE, fn NAME(x) { .. }, fn (x) = VALUE",
     "defines a function, whose value stands behind `=` or `return`; without a name it is a value itself.",
     R"(fn scaled(x, factor = 2) = factor * x
experiment example {
  print(scaled(3), scaled(3, factor: 5))  # 6 15
  let squared = fn (x) = x^2
  print(4 |> squared)  # 16
}
)"},
    {Kind::word, "return", "return VALUE",
     "ends a function with a value. A block of several statements needs it on every way.",
     R"(fn magnitude(x) {
  if x < 0 { return -x }
  return x
}
experiment example { print(magnitude(-3)) }  # 3
)"},
    {Kind::word, "use", "use \"FILE\", use NAME, NAME from \"FILE\"",
     "brings the definitions and `let`s of another script, or those that are named. The path begins at the folder of\n"
     "the script that says it; the library needs no `use`."},

    // choices and loops
    {Kind::word, "if then else", "if c then a else b, if c { .. } else { .. }",
     "chooses: an expression with `then`, or a statement with braces. On a tensor the expression computes both and\n"
     "selects element by element; a statement needs a condition that is known while the script is checked.",
     R"(experiment example {
  let x = [-1.0, 2.0]
  print(if x > 0 then x else 0.1 * x)  # [-0.1, 2]
  if len([1, 2]) > 1 { print("several") }  # several
}
)"},
    {Kind::word, "for in", "for NAME in ITEMS { .. }, [VALUE for NAME in ITEMS if c]",
     "goes through a list, a range such as 1..10, or the rows of a tensor; in [ ] it makes a list. There is no "
     "`break`:\n"
     "`while` is a loop that ends by a condition, `scan` one that stays a loop in the graph.",
     R"(experiment example {
  var total = 0
  for i in 1..4 { total = total + i }
  print(total, [x^2 for x in [1, 2, 3] if x > 1])  # 10 [4, 9]
}
)"},
    {Kind::word, "and or not", "a and b, a or b, not a", "join conditions; of tensors, element by element.",
     R"(experiment example { print(1 < 2 and not (2 < 1), [1, 5] > 2 or [3, 0] > 2) }  # true [true, true]
)"},
    {Kind::word, "as", "x |> LAYER as NAME", "names a layer inside of a model: its part of the tree has this name.",
     R"(model net(x) = x |> linear(4) |> relu |> linear(1) as head
experiment example { print(init(net, [[1.0, 2.0]]).head.weight.shape) }  # [4, 1]
)"},

    // derivatives
    {Kind::word, "grad", "grad(w) { e }, grad(a, b) { e }",
     "the gradient of the scalar e with respect to w, a name or a path, in the form of w; of several names, a tuple.",
     R"(experiment example {
  let w = (a: 2.0, b: [1.0, 3.0])
  print(grad(w) { w.a * sum(w.b^2) })  # (a: 10, b: [4, 12])
}
)"},
    {Kind::word, "value_and_grad", "value_and_grad(w) { e }", "the pair of the scalar e and its gradient.",
     R"(experiment example {
  let x = 3.0
  let (value, slope) = value_and_grad(x) { x^2 }
  print(value, slope)  # 9 6
}
)"},
    {Kind::word, "jvp", "jvp(w, along: v) { e }",
     "the derivative of e, of any shape, when w moves along v, which has the form of w.", R"(experiment example {
  let x = [1.0, 2.0]
  print(jvp(x, along: [1.0, 0.0]) { x^3 })  # [3, 0]
}
)"},
    {Kind::word, "hessian", "hessian(w) { e }",
     "the matrix of second derivatives of the scalar e with respect to one tensor.", R"(experiment example {
  let x = [1.0, 2.0]
  print(hessian(x) { x[0]^2 * x[1] })  # [[4, 2], [2, 0]]
}
)"},

    // definitions
    {Kind::word, "model", "model NAME(SETTINGS)(x) { .. }",
     "defines a function with parameters, which `param` declares. `init(net, x)` draws a tree of them, `net(tree, x)`\n"
     "applies it; inside of another model it is a layer: `x |> net`.",
     R"(model scaled(out)(x) {
  param weight[x.shape[-1], out] ~ ones()
  return x @ weight
}
experiment example {
  let w = init(scaled(2), [[1.0, 2.0, 3.0]])
  print(scaled(2)(w, [[1.0, 2.0, 3.0]]))  # [[6, 6]]
}
)"},
    {Kind::word, "param", "param NAME[SIZES] ~ INITIALISER",
     "declares a parameter of a model: its shape, and what it is drawn from when the model is made. See `model`.",
     R"(model shift(x) {
  param offset[x.shape[-1]] ~ zeros()
  return x + offset
}
experiment example { print(init(shift, [[1.0, 2.0]]).offset) }  # [0, 0]
)"},
    {Kind::word, "tasks", "tasks NAME(SETTINGS) { .. }",
     "defines a distribution of tasks: its body draws one, and the names bound in it are the parts of the task, among\n"
     "them `support` and `query`. Called, it is a source for `train` and `evaluate`.",
     R"(tasks lines(shots = 5) {
  slope ~ normal()
  fn example() {
    x ~ uniform(-1, 1)
    return (x: [x], y: [slope * x])
  }
  support = sample(example, shots)
  query = sample(example, shots)
}
experiment example {
  let learner = maml(mlp([8, 1]), loss: mse)
  train learner on lines(shots: 10) { iterations: 2, batch: 4, optimizer: adam() }
}
)"},
    {Kind::word, "learner", "learner NAME(SETTINGS) { .. }",
     "defines a learning procedure: `learn` is what training moves, `memory` what it remembers, `fn objective(item)`\n"
     "what training makes smaller (or `fn direction(item)` a way to go), `fn predict` what `evaluate` measures, `on` "
     "events.",
     R"(learner plain(net) {
  learn theta = init(net)
  fn predict(x) = net(theta, x)
  fn objective(batch) = cross_entropy(predict(batch.x), batch.y)
}
experiment example {
  let student = plain(mlp([16, 4]))
  train student on glyphs(classes: 4, per_class: 10, size: 8) { iterations: 2, batch: 8, optimizer: adam() }
}
)"},
    {Kind::word, "learn", "learn NAME = VALUE",
     "what training moves: a part of a learner's state, and its first value. See `learner`.",
     R"(learner constant() {
  learn level = 2.0
  fn objective(task) = mean(square(level - task.query.y))
}
experiment example {
  let learner = constant()
  train learner on sinusoids() { iterations: 1, optimizer: sgd(0.0) }
  print(learner.level)  # 2
}
)"},
    {Kind::word, "memory", "memory NAME = VALUE",
     "what is remembered: of a learner or of tasks it changes in events (`on`), of an optimizer in `update`, of a "
     "model\n"
     "when its statistics are measured.",
     R"(learner counting(net) {
  learn theta = init(net)
  memory steps = 0
  fn objective(task) = mse(net(theta, task.query.x), task.query.y)
  on step(task) { steps = steps + 1 }
}
experiment example {
  let learner = counting(mlp([4, 1]))
  train learner on sinusoids() { iterations: 3, optimizer: adam() }
  print(learner.steps)  # 3
}
)"},
    {Kind::word, "on", "on start(data) { .. }, on step(item) { .. }, on end(data) { .. }",
     "what a learner does before a training, after each step, and at the end; of `tasks` there is `on step(tasks)`. "
     "Only\n"
     "here does `memory` of these change. See `memory` for an example. In `train` and `evaluate` the source stands "
     "behind it."},
    {Kind::word, "optimizer", "optimizer NAME(SETTINGS) { .. }",
     "defines an update rule: `fn update(weights, gradient)` gives the new weights; what it remembers is `memory`.",
     R"(optimizer heavy_ball(lr, decay = 0.5) {
  memory velocity = zeros_like(weights)
  fn update(weights, gradient) {
    velocity = decay * velocity + gradient
    return weights - lr * velocity
  }
}
experiment example {
  let rule = heavy_ball(0.1)
  let (w, state) = rule.update(1.0, 2.0, rule.start(1.0))
  print(w, state.velocity)  # 0.8 2
}
)"},
    {Kind::word, "experiment", "experiment NAME(SETTING = DEFAULT) { .. }",
     "does the work, statement by statement. `--set` replaces a default, `--experiment NAME` runs one of several; "
     "with\n"
     "a setting `seeds` it runs once for each seed.",
     R"(experiment example(rate = 0.1, turns = 3) {
  print(turns * rate)  # 0.3
}
)"},

    // work
    {Kind::word, "train", "train LEARNER on SOURCE { iterations: .., batch: .., optimizer: .. }",
     "trains the learner of this name and binds the name to what comes out. A source is a call of `tasks`,\n"
     "`episodes(..)`, `groups(..)`, a data set, or a task of a stream. Needed are `optimizer` and `iterations` (or\n"
     "`epochs` of a data set); there are `batch`, `validate`, `select`, `overlap`.",
     R"(experiment example {
  let learner = maml(mlp([8, 1]), loss: mse)
  train learner on sinusoids() {
    iterations: 4, batch: 2, optimizer: adam(1e-2)
    validate: (on: sinusoids(), every: 2, tasks: 5), select: "best"
  }
}
)"},
    {Kind::word, "evaluate", "evaluate LEARNER on SOURCE { tasks: .., metrics: [..], with: (..) }",
     "measures a learner, or a list of learners in pairs. Its value is the result, with `mean` and `interval`. On a "
     "data\n"
     "set all examples are measured; on tasks, as many as `tasks` says. There are `metrics`, `with`, `batch`, "
     "`after`,\n"
     "`overlap`.",
     R"(experiment example {
  let learner = maml(mlp([8, 1]), loss: mse)
  let result = evaluate learner on sinusoids(shots: 5) { tasks: 10, with: (updates: 1), metrics: [mse] }
  print(result.mean > 0)  # true
}
)"},

    // values
    {Kind::constant, "pi", "", "the number pi", "experiment example { print(cos(pi)) }  # -1\n"},
    {Kind::constant, "none", "", "no value: what is left out, such as `axis = none`",
     "experiment example { print(none == none) }  # true\n"},
    {Kind::constant, "infinity", "", "larger than every number",
     "experiment example { print(-infinity < 0) }  # true\n"},
    {Kind::constant, "nan", "", "not a number", "experiment example { print(is_nan(nan)) }  # true\n"},
    {Kind::word, "true false", "", "the two conditions", "experiment example { print(not true) }  # false\n"},

    // names that are known in some places
    {Kind::name, "step", "", "the number of the step at hand, from 0; known while training"},
    {Kind::name, "progress", "", "how much of the training is done, from 0 to 1; 1 where nothing is trained",
     R"(experiment example {
  let learner = maml(mlp([8, 1]), loss: mse)
  train learner on sinusoids() { iterations: 3, optimizer: sgd(0.01 * (1 - progress)) }
}
)"},
    {Kind::name, "example", "", "the form of one task, or of a batch of one; known in a learner"},
    {Kind::name, "weights", "", "the tree that is moved; known in an optimizer"},
    {Kind::name, "gradient", "",
     "of what is learned, for the step at hand; known in an optimizer and in `on step` of a learner"},
    {Kind::name, "before", "", "what was learned before the step at hand; known in `on step` of a learner"},
    {Kind::name, "loss", "", "of each task of the step at hand; known in `on step` of tasks"},
    {Kind::name, "gain", "", "by how much the step lowered the loss of each task; known in `on step` of tasks"},
    {Kind::name, "same", "",
     "the optimizer of the learner's last training, with its memory; known as `optimizer: same`"},
};

struct Foreign {
  std::string_view name, instead;
};

constexpr Foreign foreign[] = {
    {"break", "a `for` goes through all items; `while(condition, step, start, at_most: n)` ends by its condition"},
    {"continue", "put the rest of the turn into `if c { .. }`"},
    {"def", "a function is defined with `fn`"},
    {"lambda", "a function without a name is `fn (x) = e`"},
    {"None", "write `none`"},
    {"null", "write `none`"},
    {"True", "write `true`"},
    {"False", "write `false`"},
    {"self", "functions of a learner see its names as they are: `theta`, not `self.theta`"},
    {"zip", "write `[(a[i], b[i]) for i in range(len(a))]`"},
    {"enumerate", "write `for i in range(len(items)) { .. }`"},
    {"append", "lists are joined by `+`: `items + [x]`"},
    {"pow", "a power is written `x ^ n`"},
    {"dot", "a product of matrices is written `a @ b`"},
    {"matmul", "a product of matrices is written `a @ b`"},
    {"math", "functions and constants need no prefix: `exp(x)`, `pi`"},
    {"np", "functions need no prefix: `exp(x)`, `concatenate([a, b])`"},
    {"torch", "functions need no prefix: `exp(x)`, `concatenate([a, b])`"},
    {"tensor", "a list of numbers is a tensor where one is needed: `[1.0, 2.0]`; `full(shape, value)` makes one"},
    {"array", "a list of numbers is a tensor where one is needed: `[1.0, 2.0]`; `full(shape, value)` makes one"},
    {"list", "a list is written `[a, b]`; `range(n)` gives one"},
    {"dict", "a record is written `(name: value)`"},
    {"float", "`cast_float(x)` makes floats"},
    {"int", "`cast_int(x)` makes whole numbers"},
    {"quit", "an experiment ends with its block; at the prompt `:quit` ends"},
    {"exit", "an experiment ends with its block; at the prompt `:quit` ends"},
    {"help", "`metac doc NAME` says what a name is, at the prompt `:doc NAME`; `:help` lists what there is"},
};

}  // namespace

std::string_view instead_of(std::string_view name) {
  for (const Foreign& each : foreign)
    if (each.name == name) return each.instead;
  return {};
}

std::span<const Word> language_words() { return table; }

const Word* find_word(std::string_view name) {
  static const std::unordered_map<std::string_view, const Word*> by_name = [] {
    std::unordered_map<std::string_view, const Word*> result;
    for (const Word& word : table) for_each_name(word, [&](std::string_view each) { result.emplace(each, &word); });
    return result;
  }();
  const auto found = by_name.find(name);
  return found == by_name.end() ? nullptr : found->second;
}

}  // namespace metac::dsl
