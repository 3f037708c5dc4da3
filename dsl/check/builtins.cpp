// The table of builtins: what the checker accepts and the elaborator must implement.
// Shapes in the docs: [..] any, s the shape of the first argument. Keep the rows short; a row is all the checker knows.
#include "check/builtins.hpp"

#include <string>
#include <unordered_map>

namespace metac::dsl {

namespace {

constexpr Builtin table[] = {
    // element by element: the shape stays
    {"exp", "(x)", "e to the power of each element"},
    {"log", "(x)", "natural logarithm of each element"},
    {"sqrt", "(x)", "square root of each element"},
    {"abs", "(x)", "magnitude of each element"},
    {"sin", "(x)", "sine of each element, in radians"},
    {"cos", "(x)", "cosine of each element, in radians"},
    {"tanh", "(x)", "hyperbolic tangent of each element"},
    {"sigmoid", "(x)", "1 / (1 + exp(-x)) of each element"},
    {"sign", "(x)", "-1, 0 or 1 for each element; its derivative is 0"},
    {"floor", "(x)", "the largest integer not above each element; its derivative is 0"},
    {"expm1", "(x)", "exp(x) - 1, exact near 0"},
    {"log1p", "(x)", "log(1 + x), exact near 0"},
    {"square", "(x)", "x * x of each element"},
    {"tan", "(x)", "tangent of each element, in radians"},
    {"asin", "(x)", "angle with this sine; its derivative at -1 and 1 is 0"},
    {"acos", "(x)", "angle with this cosine; its derivative at -1 and 1 is 0"},
    {"atan", "(x)", "angle with this tangent"},
    {"atan2", "(y, x)", "angle of the point (x, y), from -pi to pi; its derivative at (0, 0) is 0"},
    {"sinh", "(x)", "hyperbolic sine of each element"},
    {"cosh", "(x)", "hyperbolic cosine of each element"},
    {"erf", "(x)", "error function of each element"},
    {"erf_inverse", "(x)", "the number whose `erf` is x: infinite at -1 and 1, NaN beyond"},
    {"lgamma", "(x)", "logarithm of the size of the gamma function"},
    {"digamma", "(x)", "derivative of `lgamma`"},
    {"softplus", "(x)", "log(1 + exp(x)) of each element, for large and small ones, too"},
    {"silu", "(x)", "x * sigmoid(x) of each element"},
    {"gelu", "(x)", "each element times the normal distribution function there"},
    {"ceil", "(x)", "the smallest integer not below each element; its derivative is 0"},
    {"round", "(x)", "the nearest integer, of two the even one; its derivative is 0"},
    {"rsqrt", "(x)", "1 / sqrt(x) of each element; its derivative at 0 is 0"},
    {"clip", "(x, low, high)",
     "each element, but not below low nor above high; at a bound the derivative is that of x"},
    {"is_nan", "(x)", "true where an element is NaN"},
    {"is_finite", "(x)", "true where an element is neither NaN nor infinite"},
    {"stop_gradient", "(x)", "x, as a constant for every derivative around it"},
    {"cast_float", "(x)", "integers or booleans as floats"},
    {"cast_int", "(x)", "floats or booleans as integers, towards zero"},

    // fewer axes
    {"sum", "(x, axis = none, keep = false)",
     "sum over an axis, a list of axes, or everything; of a tree: over all leaves"},
    {"mean", "(x, axis = none, keep = false)", "mean over an axis, a list of axes, or everything"},
    {"prod", "(x, axis = none, keep = false)", "product over an axis, a list of axes, or everything"},
    {"max", "(x, other = none, axis = none, keep = false)",
     "largest element over an axis, a list of axes, or everything, such as a list of numbers; with `other`, "
     "the larger of two values, element by element"},
    {"min", "(x, other = none, axis = none, keep = false)",
     "smallest element over an axis, a list of axes, or everything, such as a list of numbers; with `other`, "
     "the smaller of two values, element by element"},
    {"logsumexp", "(x, axis = none, keep = false)", "log(sum(exp(x))), safe for large values"},
    {"variance", "(x, axis = none, keep = false, correction = 0)",
     "sum of squared deviations from the mean, over the number of elements less the correction"},
    {"norm", "(x, axis = none, keep = false, order = 2)",
     "sum(abs(x)^order)^(1/order); where it is 0 its derivative is 0"},
    {"any", "(x, axis = none, keep = false)", "true if a condition holds somewhere"},
    {"all", "(x, axis = none, keep = false)", "true if a condition holds everywhere"},
    {"argmin", "(x, axis = -1)", "index of the first smallest element along an axis, as integers"},
    {"argmax", "(x, axis = -1)", "index of the first largest element along an axis, as integers"},

    // along one axis
    {"cumulative_sum", "(x, axis = -1, reverse = false)", "the sum of each element and those before it, or behind it"},
    {"cumulative_product", "(x, axis = -1)", "the product of each element and those before it"},
    {"sort", "(x, axis = -1, descending = false)", "the elements in order; NaN counts as larger than every number"},
    {"argsort", "(x, axis = -1, descending = false)", "the indices of the elements in order; equal ones keep theirs"},
    {"top_k", "(x, count, axis = -1)", "the largest elements, the largest first: `values` and `indices`"},

    // the same elements in another form
    {"reshape", "(x, shape)", "the elements of x in row order as shape; one size may be -1"},
    {"transpose", "(x, axes = none)", "axes in the order given, or all of them reversed"},
    {"broadcast", "(x, shape)", "x repeated along axes of size 1 and in front, to shape"},
    {"concatenate", "(items, axis = 0)", "tensors one behind the other along an axis they already have"},
    {"stack", "(items, axis = 0)", "tensors of one shape along a new axis"},
    {"flip", "(x, axis, chance = none)",
     "the elements along an axis in reverse order; of data sets: of each example, with a chance or always"},
    {"tile", "(x, times)", "the whole again and again, so many times along each axis"},
    {"roll", "(x, shift, axis = 0)", "moved along an axis; what falls off the end comes in at the beginning"},
    {"take", "(x, indices, axis = 0)",
     "the slices along an axis with these indices, as `rows` takes them of the first axis"},
    {"pad", "(x, before, after, with = 0)",
     "so many places before and after along each axis: a number, or \"edge\" or \"reflect\" to go on from x"},
    {"lower_triangle", "(x, offset = 0)", "x [.., n, m] with zeros where the column is larger than row + offset"},
    {"upper_triangle", "(x, offset = 0)", "x [.., n, m] with zeros where the column is smaller than row + offset"},
    {"diagonal", "(x)", "the diagonal of the matrices x [.., n, m]"},
    {"diagonal_matrix", "(x)", "matrices [.., n, n] with x [.., n] on their diagonal"},
    {"one_hot", "(labels, classes)",
     "labels [..] as [.., classes] with a 1 at each; one that is not from 0 to classes - 1 is an error"},

    // new tensors
    {"zeros_like", "(x)", "zeros in the form of a tensor or tree"},
    {"ones_like", "(x)", "ones in the form of a tensor or tree"},
    {"full_like", "(x, value)", "value everywhere, in the form of a tensor or tree"},
    {"full", "(shape, value)", "a tensor of one value"},
    {"identity_matrix", "(n)", "ones on the diagonal of [n, n]"},
    {"iota", "(n)", "the integers 0 .. n - 1 as a tensor [n]"},

    // layers
    {"conv", "(x, weight, stride = 1, padding = 0, dilation = 1, groups = 1)",
     "x [n, sizes.., c] of one to three sizes with weight [kernel sizes.., c / groups, out]; numbers are for all "
     "sizes, or "
     "a list has one for each"},
    {"conv_transposed", "(x, weight, stride = 1, padding = 0, dilation = 1, groups = 1, further = 0)",
     "the transpose of `conv`: x [n, sizes.., c] with weight [kernel sizes.., out / groups, c]"},
    {"max_pool_window", "(x, size, stride, padding = 0)", "the largest element of each window of x [n, sizes.., c]"},
    {"average_pool_window", "(x, size, stride, padding = 0)",
     "the mean of each window of x [n, sizes.., c], zeros of the padding among them"},
    {"adaptive_average_pool", "(x, size)", "means of x [n, sizes.., c] over as many parts as `size` says"},
    {"resample", "(x, size, nearest = false)",
     "x [n, sizes.., c] in other sizes: between the centres of its elements, or of the nearest one"},
    {"init", "(net, example = none, from = none, grow = false)",
     "parameters for a model, sized by the source's x or by an example; takes over what fits of a tree, and tells the "
     "rest. With `grow`, what is smaller in the tree fits, too: along each axis its values come first, those behind "
     "them are drawn"},
    {"fresh", "(layer)", "the layer with parameters of its own, drawn anew"},
    {"is_training", "()", "true in calls from `objective` or `direction`, false in those from `predict` or `on`"},
    {"evaluating", "(net)", "the model or function as it is in evaluation, also when it is called in training"},
    {"observe", "(net, tree, x)",
     "the tree, which also carries the statistics that layers of the net remember of x; itself where they remember "
     "none"},
    {"is_observing", "()", "true in calls from `observe` or `init`: what a layer remembers is measured now"},
    {"with_layer", "(net, name, layer)",
     "the model with another layer in place of the one that its tree calls so, such as \"head\" or \"linear3\""},
    {"declare_statistics", "(kind)",
     "says in results whose statistics the model uses: \"batch\" (marked T), \"support\" or \"running\""},

    // products and linear algebra: of the last two axes, the others are a batch
    {"einsum", "(equation, items)", "sums of products of a list of tensors, such as \"ij,jk->ik\""},
    {"cholesky", "(x)", "lower factor of positive definite matrices"},
    {"solve", "(a, b)", "a^-1 b for b [.., n, k], or [.., n]"},
    {"triangular_solve", "(a, b, lower = true, transposed = false)", "t^-1 b for the lower or upper triangle t of a"},
    {"inverse", "(x)", "inverse matrices"},
    {"determinant", "(x)", "determinants"},
    {"log_determinant", "(x)", "`sign` of the determinant, and `logarithm` of its size"},
    {"qr", "(x)", "`q` with orthonormal columns and upper triangle `r`, whose diagonal is not negative"},
    {"symmetric_eigen", "(x)", "`values`, ascending, and `vectors` of symmetric matrices"},
    {"singular_values", "(x)", "`s`, descending, and the columns `u` and `v` of x = u diag(s) v^T"},

    // trees of parameters
    {"freeze", "(tree, names = \"*\", except = [])",
     "the tree, of which leaves and layers with these names are only carried along: derivatives and arithmetic do not "
     "see them, and what is learned frozen keeps its running statistics; in a name, * is any run of characters"},
    {"without", "(tree, names)", "the tree without the leaves and layers of these names"},
    {"named", "(tree, names, yes, no)",
     "the form of the tree with one value at leaves and layers of these names, another elsewhere"},
    {"leaves", "(tree)", "the tensors of a tree, as a list"},
    {"to_vector", "(tree)", "the elements of all leaves one behind the other, without those only carried"},
    {"from_vector", "(vector, tree)", "the numbers of a vector in the form of a tree, which carries what it carried"},

    // rows: trees whose leaves share their first axis, such as a batch of examples
    {"row_count", "(tree)", "the size of the first axis, which all leaves share"},
    {"rows", "(tree, indices)", "the rows with these indices, in their order",
     R"(A number that is known while the script is checked, also in a list, counts from the end where it is
negative, and is refused outside of the first axis. The indices of a tensor count from 0 only. Where one
of them is outside, the row of floats is NaN, and taking whole numbers or conditions ends the run.)"},
    {"with_rows", "(tree, indices, new)",
     "the tree with new rows at these indices; of equal indices the last counts; in a tensor of indices those "
     "outside are dropped, numbers that are known before are as for `rows`"},
    {"rows_like", "(example, count)", "zeros in the form of the example, with so many rows"},
    {"as_batch", "(tree)", "the tree as one row: each leaf with a further first axis of size 1"},
    {"map", "(function, tree)", "the function of each row of a tree, its results stacked along a new first axis"},
    {"map_sum", "(function, tree)",
     "the sum over the rows of a tree of what the function gives; holds the results of few rows at a time"},

    // control
    {"scan", "(step, start, xs, recompute_every = 0)",
     "one step after the other over the rows of a tree: `step(state, x)` gives a pair, the next state and an output",
     R"(Gives the pair (last state, outputs), the outputs stacked along a new first axis. The state may be a
tree; a step gives it in the form, shapes and types that it began with. The output is apart from the
state, because what is wanted of every step is seldom what the next one needs: to keep all states write
`(next, next)`, to keep nothing `(next, none)`. For n steps without a sequence: xs = `iota(n)`.

It is a loop however long it is, where `for` in a function is unrolled: compiling and memory for code do
not grow with the length. Draws in a step differ from step to step. Layers that a step applies are made
before it. Its derivative, of any order, keeps the state of each step; with `recompute_every: k` that of
each k-th step only, and computes those between once more (Griewank 1992): of n steps it then keeps
n / k + k states, fewest for k near the root of n.)",
     R"(experiment example {
  fn decay(rate) = scan(fn (state, x) {
    let next = rate * state + x
    return (next, next)
  }, 0.0, [1.0, 2.0, 3.0], recompute_every: 2)
  fn last_of(pair) {
    let (last, _) = pair
    return last
  }
  let (last, all) = decay(0.5)
  print(last, all)  # 4.25 [1, 2.5, 4.25]
  let rate = 0.5
  print(grad(rate) { last_of(decay(rate)) })  # 3
}
)"},
    {"while", "(condition, step, start, at_most, recompute_every = 0)",
     "step(state) again and again, from `start`, as long as condition(state) holds, at most so many times; gives the "
     "last state",
     R"(For what tensors decide: where it is known how often, `for` and `scan` do. The condition is one boolean.
When `at_most` ends the loop the condition still holds for what it gives. Steps beyond the end are not
computed, neither in the derivative, which is that of the steps that were taken. In a `map` each row goes
on as long as its own condition holds. `recompute_every` is as for `scan`.)",
     R"(experiment example {
  # Newton's method for a root.
  fn root(a) = while(fn (x) = abs(x * x - a) > 1e-6 * a, fn (x) = (x + a / x) / 2, a, at_most: 50)
  let a = 2.0
  print(root(a), grad(a) { root(a) })  # 1.41421 0.353553
}
)"},
    {"branch", "(condition, yes, no)",
     "yes() where a condition of the graph holds, else no(): only that one is computed, and only its derivative",
     R"(`if c then a else b` on a tensor computes both sides and selects, element by element. That costs both,
and where the derivative of the side that is left out is infinite the result is NaN. `branch` goes one
way, by one boolean; yes and no are functions without arguments that give tensors of one form and shape.
What they use by name is computed before in any case.)",
     R"(experiment example {
  fn safe_root(x) = branch(x > 0, fn () = sqrt(x), fn () = 0.0)
  print(map(safe_root, [4.0, -1.0, 9.0]))  # [2, 0, 3]
}
)"},
    {"checkpoint", "(f)",
     "the function or model, whose derivative computes what is in it once more instead of keeping it",
     R"(A call gives what `f` gives. Of what is inside only the arguments, and what else it uses from outside,
are kept for the derivative (Griewank 1992): less memory for about one forward pass more. Where f is a
layer its parameters are called as those of f itself.)",
     R"(experiment example {
  fn wave(x) = sin(exp(x))
  let x = 0.5
  print(grad(x) { wave(x) } - grad(x) { checkpoint(wave)(x) })  # 0
}
)"},
    {"custom_gradient", "(forward, backward)(x)",
     "forward(x), whose derivative is backward(x, y, g): of the form of x, for y = forward(x) and the cotangent g of y",
     R"(For estimators that are no derivative, such as straight-through rounding, and for derivatives that are
known better than by the chain rule. x and y may be trees; g has the form of y. Higher derivatives are
those of `backward`; where it uses y, the derivative of that is `backward` again. No derivative flows to
what the two functions use besides their arguments.)",
     R"(experiment example {
  let rounded = custom_gradient(fn (x) = round(x), fn (x, y, g) = g)
  let x = 1.7
  print(rounded(x), grad(x) { rounded(x)^2 })  # 2 4
}
)"},

    // draws
    {"draw_distinct", "(count, among)", "so many different ones of 0 .. among - 1, in random order"},
    {"draw_integers", "(shape, below)", "whole numbers from 0 to below - 1; below is a number or one for each"},
    {"sample", "(draw, count)",
     "count draws of a function without arguments, or tasks of a source, stacked along a new first axis"},
    {"draw_uniform", "(shape)", "uniform numbers in [0, 1)"},
    {"draw_normal", "(shape)", "normal numbers of mean 0 and deviation 1"},
    {"draw_truncated_normal", "(shape)", "normal numbers of mean 0 and deviation 1, drawn again beyond 2"},

    {"draw_gamma", "(concentration)", "gamma numbers of scale 1, one for each element; differentiable"},
    {"draw_beta", "(a, b)", "beta numbers, one for each element; differentiable"},
    {"draw_dirichlet", "(concentration)", "shares along the last axis that add up to 1; differentiable"},
    {"draw_true", "(probability)", "true with this probability, for each element"},
    {"draw_category", "(logits)", "for logits [.., n] one of 0 .. n - 1"},
    {"draw_categories", "(logits, count)", "for logits [.., n] so many different ones of 0 .. n - 1"},

    // host values
    {"len", "(items)", "the number of items of a list, dataset or first axis"},
    {"range", "(n)", "the list 0 .. n - 1"},
    {"str", "(value)", "a value as text"},
    {"has", "(record, name)", "true if a record, such as a batch, has a field of this name"},
    {"is_list", "(x)", "true if x is a list"},
    {"is_host", "(x)", "true if x is known while the script is compiled"},
    {"print", "(values...)", "prints values while an experiment runs"},
    {"save", "(learner, path)",
     "writes what a learner has learned and remembers to a file (safetensors); a relative path goes from the folder "
     "that metac was started in, and the folder must be there"},
    {"load", "(learner, path)", "the learner with what `save` wrote; the path as for `save`"},
    {"error", "(message)", "stops with a message that points at the call"},
    {"assert", "(condition, message = none)",
     "stops, with the message, unless the condition holds everywhere; of results and tensors when an experiment runs"},

    // data
    {"omniglot", "(size = 28)", "the characters of Omniglot, from the data directory: x [n, size, size, 1]"},
    {"mnist", "()", "MNIST, from the data directory: `train` and `test` of x [n, 28, 28, 1]"},
    {"fashion_mnist", "()", "Fashion-MNIST, from the data directory: `train` and `test` of x [n, 28, 28, 1]"},
    {"mnist_m", "()", "MNIST-M, from the data directory: `train` and `test` of x [n, 28, 28, 3]"},
    {"glyphs", "(classes, per_class, size = 28, seed = 0)",
     "invented characters that need no files: drawings x [classes * per_class, size, size, 1]"},
    {"images", "(path, class = none, size = none, invert = false)", "a folder of image files as a dataset"},
    {"folders", "(levels)", "for `images`: the class of a file is the name of its first folders"},
    {"idx", "(images, labels, classes = none)", "a dataset from a pair of IDX files"},
    {"npy", "(x, y = none)", "a dataset from NumPy's files; y: whole numbers are labels, floats are targets"},
    {"npz", "(path, x = \"x\", y = none)", "a dataset from arrays of a NumPy archive"},
    {"csv", "(path, x, y = none, group = none)",
     "columns of numbers as x [n, columns] and targets y [n, columns]; each value of the column `group` is a class"},
    {"text", "(path, text, label = none, vocabulary = none, length = none, like = none)",
     "a column of sentences as numbers of words x [n, length], below `vocabulary`; like: a text whose words to use"},
    {"split_classes", "(data, column = none, file = none, train = none, val = none, test = none, seed = 0)",
     "a dataset in parts `train`, `val` and `test` that share no class"},
    {"split_rows", "(data, train = none, val = none, test = none, seed = 0)",
     "so many drawn rows for each part; the parts share no row"},
    {"take_per_class", "(data, count)", "the first rows of each class"},
    {"rotated_classes", "(data)", "each image turned by 0, 90, 180 and 270 degrees, each turn a class of its own"},
    // transforms of a data set, or of each in a record or list; done when rows are gathered, at no cost of memory
    {"normalize", "(data, mean = none, deviation = none, from = none)",
     "(x - mean) / deviation: numbers, or one for each channel or column; or measured on the data set `from`; targets "
     "stay as they are"},
    {"resize", "(data, size)", "images of another size: a number, or (height, width)"},
    {"rotate", "(data, degrees)",
     "images turned counter-clockwise, 0 outside; (low, high) draws an angle for each example and step"},
    {"crop", "(data, size, padding = 0, at = \"centre\")",
     "a window of images padded with zeros; at: \"centre\", \"random\" (drawn for each example and step), or (top, "
     "left)"},
    {"noise", "(data, deviation)", "plus normal noise, drawn for each example and step"},
    {"permute", "(data, seed = 0)", "the pixels (or the entries of the first axis) in one fixed random order"},
    {"channels", "(data, count)",
     "grey images with equal channels; or colour images as grey: the mean of their channels"},

    // streams of lifelong learning: lists of (name, index, train, test, scenario, classes, active)
    {"permuted", "(data, tasks = 10, seed = 0, scenario = \"domain\")",
     "a stream of (train, test): the pixels in another order for each task, the first too"},
    {"split", "(data, tasks, scenario = \"class\")", "a stream of (train, test): the classes in order, in equal parts"},
    {"rotated", "(data, degrees, scenario = \"domain\")",
     "a stream of (train, test): turned by each of a list of angles"},
    {"stream", "(tasks, scenario)",
     "a stream of given (train, test) records; scenario: \"domain\" (labels shared), \"class\" (numbered through), "
     "\"task\" (numbered through, known to the learner)"},

    {"groups", "(data, shots, queries)", "a task source: regression within one class of a dataset with targets"},
    {"episodes", "(data, ways, shots, queries)",
     "a task source: classification among `ways` drawn classes; of ranges such as 5..10, each step draws one"},
    {"pairs", "(source, target)",
     "batches of two data sets side by side: item.source has x and y, item.target has x only"},
    {"joint", "(stream)", "the examples to train on of all tasks of a stream as one source of batches"},
};

}  // namespace

std::span<const Builtin> builtins() { return table; }

const Builtin* find_builtin(std::string_view name) {
  static const std::unordered_map<std::string_view, const Builtin*> by_name = [] {
    std::unordered_map<std::string_view, const Builtin*> result;
    for (const Builtin& builtin : table) result.emplace(builtin.name, &builtin);
    return result;
  }();
  const auto found = by_name.find(name);
  return found == by_name.end() ? nullptr : found->second;
}

}  // namespace metac::dsl
