// What an expression of the language can be while a script is elaborated: host values, run values (tensors of a graph),
// and trees of either. Values are cheap to copy and never change; only scopes do.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/array.hpp"
#include "data/dataset.hpp"
#include "graph/graph.hpp"
#include "syntax/tree.hpp"

namespace metac::dsl {

class Value;
struct Callable;
struct Learner;
struct Optimizer;
class Source;
struct None {
  bool operator==(const None&) const = default;
};

// Named fields, or unnamed ones (names are empty) for a tuple. A tree is a record whose leaves are tensors or arrays.
struct Record {
  std::vector<std::pair<std::string, Value>> fields;
  int height = 1;  // one more than that of the tallest field
  const Value* find(std::string_view name) const;
};
struct List {
  std::vector<Value> items;
  int height = 1;  // likewise
};
// Records and lists inside each other. Bounds the recursion of everything that walks a value.
inline constexpr int tallest_value = 500;
struct Carried;
// What an experiment measures, while it is only rehearsed: a number, or a condition on such numbers. It is not known
// yet, so an `if` on it goes both ways; elsewhere it counts as this number.
struct Unmeasured {
  double value = 0;
  bool is_condition = false;
};
// What a learner is trained and measured on, other than a plain data set.
using SourcePtr = std::shared_ptr<const Source>;

class Value {
 public:
  using Variant =
      std::variant<None, bool, std::int64_t, double, Unmeasured, std::string, Tensor, Array,
                   std::shared_ptr<const List>, std::shared_ptr<const Record>, std::shared_ptr<const Carried>,
                   std::shared_ptr<const Callable>, std::shared_ptr<const Learner>, std::shared_ptr<const Optimizer>,
                   std::shared_ptr<const data::Dataset>, SourcePtr>;
  Value() = default;
  template <class T>
  requires std::constructible_from<Variant, T&&> &&(!std::same_as<std::remove_cvref_t<T>, Value>)Value(T&& value)
      : variant_(std::forward<T>(value)) {}
  Value(const char* text) : variant_(std::string(text)) {}
  Value(int value) : variant_(static_cast<std::int64_t>(value)) {}
  Value(const Value&) = default;
  Value(Value&&) noexcept = default;
  Value& operator=(const Value&) = default;
  Value& operator=(Value&&) noexcept = default;
  ~Value();

  // Error for one that is taller than `tallest_value`.
  static Value record(std::vector<std::pair<std::string, Value>> fields);
  static Value tuple(std::vector<Value> values);
  static Value list(std::vector<Value> items);
  static Value carried(Carried);

  template <class T>
  const T* get() const {
    return std::get_if<T>(&variant_);
  }
  const Record* record() const;
  const List* list() const;
  const Carried* carried() const;
  const Callable* callable() const;
  bool is_none() const { return get<None>() != nullptr; }
  std::optional<double> number() const;  // of an int or float
  const Variant& variant() const { return variant_; }

 private:
  Variant variant_;
};

// A leaf of a tree that is only carried along: models use it, derivatives and arithmetic do not see it. It is a
// parameter that `freeze` named, or the memory of a model. The gradient of such a tree, and the memory of an optimizer
// for it, have an empty place there (the leaf is none); so has the tree itself before a model remembers anything.
struct Carried {
  static constexpr int held = -1;
  Value leaf;
  bool frozen = false;  // `freeze` named it
  // While calls of models are listened to (model_memory.cpp): the number that this memory and its copies are known by.
  // Otherwise 0, or `held` where nothing may change.
  int place = 0;
};

// "the int 3", "a tensor f32[10, 40]", "a record (x, y)", "the model `linear`": for messages.
std::string describe(const Value&);
// As `print` shows it.
std::string to_text(const Value&);

// Names of one block and those around it. Changed only by `let`, `var` and assignment while its block is elaborated.
struct Scope {
  explicit Scope(std::shared_ptr<Scope> parent = nullptr) : parent(std::move(parent)) {}
  Value* find(std::string_view name);
  bool has(std::string_view name) const;     // in this scope itself
  Scope* holder(std::string_view name);      // the scope that `find` finds it in
  void bind(std::string name, Value value);  // replaces a binding of the same name in this scope

  std::shared_ptr<Scope> parent;
  bool captured = false;    // a function may hold it: the elaborator knows it
  bool is_learner = false;  // its names are seen by the learner's functions, so `grad` changes them in place
  std::vector<std::pair<std::string, Value>> names;
};
using ScopePtr = std::shared_ptr<Scope>;

// One parameter of a callable, wherever it was declared.
struct CallParameter {
  std::string name;
  ExprPtr default_value;  // null: required
};

class Elaborator;
// The bound arguments of a builtin, in the order of its parameters; those after "..." in `rest`.
struct BuiltinCall {
  std::vector<Value> arguments;
  std::vector<Value> rest;
  Span span;                         // of the whole call
  std::vector<Span> argument_spans;  // empty spans where a default was taken
  // Where an argument stands; the whole call where it was not given.
  Span place(std::size_t argument) const {
    const Span given = argument_spans[argument];
    return given.end > given.begin ? given : span;
  }
};
using BuiltinFunction = std::function<Value(Elaborator&, const BuiltinCall&)>;

// Anything that can be called: a function, a model, a constructor (of a learner, task source or optimizer), a builtin.
// What has two parameter lists is called twice; after the first call `supplied` holds the settings. Identity (the
// address) is what makes two applications of one layer share parameters.
struct Callable {
  std::string name;
  std::string layer_name;  // from `as`; empty: named after the model
  DefinitionKind kind = DefinitionKind::function;
  std::vector<std::vector<CallParameter>> lists;
  std::vector<bool> open_ended;  // lists[i] takes further positional arguments
  Body body;
  const Definition* definition = nullptr;
  BuiltinFunction builtin;
  ScopePtr scope;           // where it was defined
  int stage = 0;            // the list that the next call binds
  bool evaluating = false;  // its body runs in evaluation mode, whoever calls it
  bool recomputed = false;  // derivatives compute what its calls do once more
  std::vector<std::vector<std::pair<std::string, Value>>> supplied;
  std::vector<std::pair<std::string, Value>> layers;  // of a model: those that take the place of its own, by name
  Span span;                                          // of its definition
};

// What `optimizer:` says, for the step at hand (it may mention `progress` and `step`): an optimizer, or a record with
// one for each `learn`.
struct OptimizerRule {
  std::function<Value()> make;
  Span span;
};

// Which state a training kept, where it was validated.
struct Selection {
  std::string rule;      // "best", "highest", "lowest" or "last"; empty: nothing was validated
  std::string protocol;  // of the validation that chose; empty for "last"
};

// Data that a learner has seen: in the steps of a training, or in the validation beside it.
struct Exposure {
  std::optional<data::Dataset> set;                  // none where only a file says what was seen: then its
  std::shared_ptr<const data::Footprint> footprint;  // rows and classes are known
  bool of_tasks = false;  // tasks are made of its classes, so a new task has new classes; else new rows
  bool in_validation = false;
  Span span;  // where the script says so, or loads who has seen it
  const std::string& name() const { return set ? set->name() : footprint->name; }
};

// A learner and what it has learned so far. `state` has a field for each `learn` and `memory`, and, if it wraps another
// learner (its parameter `base`), a field `base` with the state of that; leaves are arrays, or tensors inside a graph.
// It is none until a source is known, because `init(net)` takes its sizes from the source.
struct Learner {
  const Definition* definition = nullptr;
  ScopePtr arguments;  // the learner's parameters, bound
  Value state;
  Span span;                                           // of the call that made it
  std::vector<std::pair<std::string, Value>> started;  // `learn`s and `memory`s that begin as something given
  std::int64_t trainings = 0;                          // how many it has had: each has draws of its own
  std::string loaded;                                  // the file that its state came from, until it is trained
  // Of its last training: which state was kept, and the optimizer with its memory at that state, for `optimizer: same`.
  Selection selection;
  OptimizerRule optimizer;
  Value optimizer_memory;
  std::vector<Exposure> exposures;           // of all its trainings
  std::string name() const;                  // with what it wraps: "outer(inner)"
  const Learner* base() const;               // the learner it wraps; null if there is none
  bool learns(std::string_view name) const;  // whether a name of its state is a `learn` of its own
};
// The part of a learner's state that is learned: a field for each `learn`, and `base` for what its base learns.
Value learned(const Learner&, const Value& state);
// `state` with other values for what is learned.
Value with_learned(const Learner&, const Value& state, const Value& learned);

struct Optimizer {
  const Definition* definition = nullptr;
  ScopePtr arguments;
  Span span;
};

// ---- trees ----

// The leaves of a value in order, with their paths ("conv_block1.conv2d.weight").
struct Leaf {
  std::string path;
  Value value;
  bool carried = false;
};
std::vector<Leaf> leaves(const Value&);
std::vector<Tensor> tensors_of(const Value&);  // its leaves, where all are tensors
// A number, or a list of numbers that has some, however deep: what becomes a tensor where a tensor is needed.
bool is_numbers(const Value&);
// Every leaf and empty place with its path, in order, as it stands in the tree: those that are only carried as such.
std::vector<std::pair<std::string, Value>> places(const Value&);
// The same value with each leaf replaced by f(leaf). A carried leaf stays carried; empty places stay and are no leaves.
Value map_leaves(const Value&, const std::function<Value(const Leaf&)>& f);
// As map_leaves over two trees of the same form; a leaf on one side may meet a whole record on the other. What is
// carried is that of the left, or of the right where the left is one leaf for all. Error naming the path where the
// forms differ.
Value zip_leaves(const Value&, const Value&, const std::function<Value(const Value&, const Value&)>& f);
// The tree with empty places for what is only carried.
Value seen(const Value& tree);
// A leaf as it is used when it is taken out of its tree.
Value taken_out(const Value& leaf);
// The same value with each carried leaf, empty or not, replaced by what f makes of its path and itself.
Value map_carried(const Value&, const std::function<Carried(const std::string& path, Carried)>& f);
// `tree` with new leaves, in order.
Value with_leaves(const Value& tree, std::span<const Value> leaves);

}  // namespace metac::dsl
