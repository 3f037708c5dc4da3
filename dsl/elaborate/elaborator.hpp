// Runs a checked program against the engine: calls are followed, host values are computed, and what depends on tensors
// becomes nodes of a graph that remember their place. Shapes are checked here, by the operators' own rules, so there is
// one shape system.
//
// A mistake of the script is thrown as a Failure, with its place and the calls that led there.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "check/builtins.hpp"
#include "check/check.hpp"
#include "elaborate/flow.hpp"
#include "elaborate/source.hpp"
#include "elaborate/value.hpp"
#include "ops/ops.hpp"
#include "report/report.hpp"

namespace metac::dsl {

class MemoryLog;

inline constexpr std::int64_t longest_range = 10'000'000;  // numbers; each is a value of its own

struct Failure {
  Diagnostic diagnostic;
  bool out_of_memory = false;  // not the script's form: there is no room for what it asks
};

struct Interrupted {};  // `Elaborator::stop` was set

// The parameters that the body of a model sees: drawn when a tree is initialised, else taken from a tree.
struct ParameterFrame {
  explicit ParameterFrame(std::string model) : model(std::move(model)) {}
  std::string model;
  bool initialising = false;
  Value tree;                                                          // to take from
  const std::vector<std::pair<std::string, Value>>* layers = nullptr;  // that take the place of others, by name
  struct Child {
    std::shared_ptr<const Callable> layer;     // kept alive: its address is its identity
    std::shared_ptr<const Callable> in_place;  // what is applied: it, or the layer that took its place
    std::string base;                          // its name before numbering
    bool numbered = true;                      // false for a name given by `as`
    Value tree;
    Span span;  // where it is applied first
  };
  std::vector<std::pair<std::string, Value>> own;  // the `param`s drawn and the `memory` begun here
  std::vector<Child> children;
  struct Memory {
    Name name;
    ScopePtr scope;  // where the body may assign it
    int place = 0;   // Carried::place
    Value before;
  };
  std::vector<Memory> listened;  // memory of the running body that somebody listens to
  Value drawn() const;           // the tree of an initialised frame, its layers numbered
};

// Values of top-level `let`s, by file and name.
using Globals = std::map<std::pair<std::uint32_t, std::string>, Value>;

class TaskDraws;

// What surrounds an expression besides the names it can see.
struct Context {
  Graph* graph = nullptr;
  Tensor key;                         // of the draws here
  std::uint64_t path = 0;             // of names of calls, mixed into the key of a draw
  std::map<std::string, int> counts;  // how often a name was called or drawn in this call
  ParameterFrame* parameters = nullptr;
  Value example;                   // the form of one task, or of a batch of one; while training, the item at hand
  const Source* source = nullptr;  // that gives it; null where none does
  Value step, progress;            // of the training: none elsewhere
  TaskDraws* draws = nullptr;      // in the body of `tasks`: where it gets the tasks of other sources from
  // The rows inside of which an expression stands (in `sample`, in `map`): how many there are, and the number of its
  // own.
  std::vector<std::pair<std::int64_t, Tensor>> rows;
  bool training = false;   // called from `objective` or `direction`
  bool observing = false;  // called from `observe` or `init`
  // In a body that takes all it uses as inputs (control): what names stand for is captured in this graph.
  Graph* inside = nullptr;
  MemoryLog* log = nullptr;  // of what models assign to their memory; null: nobody listens
  Dtype real = Dtype::f32;   // the working type
  int depth = 0;             // of calls
  std::uint64_t seed = 0;    // of what top-level `let`s draw
  // The top-level `let`s that hold tensors, as they are in this graph or the one it is a body in: they go with it.
  std::shared_ptr<Globals> globals = std::make_shared<Globals>();
};

// The path of a call or draw of this name, the `count`th of its kind, inside what has the path `path`.
std::uint64_t mix_path(std::uint64_t path, std::string_view name, int count);

class Elaborator {
 public:
  Elaborator(std::shared_ptr<const CheckedProgram>, std::map<std::string, Value> settings = {});
  ~Elaborator();
  Elaborator(const Elaborator&) = delete;
  Elaborator& operator=(const Elaborator&) = delete;

  // ---- names ----
  Value global(const std::string& name, std::uint32_t file, Span use);
  const Value* known_global(const std::string& name,
                            std::uint32_t file) const;  // of a `let` without tensors; null if not yet computed
  const CheckedProgram& program() const { return *program_; }
  // At a prompt: the program has grown; what it defines now is known from here on.
  void grow(std::shared_ptr<const CheckedProgram> program) { program_ = std::move(program); }
  // What a `let` of the top level stands for from now on.
  void set_global(const std::string& name, std::uint32_t file, Value value) {
    globals_[{file, name}] = std::move(value);
  }
  void set_data_directory(std::string directory) { data_directory_ = std::move(directory); }
  const std::string& data_directory() const { return data_directory_; }

  // ---- expressions and statements ----
  Value evaluate(const ExprPtr&, const ScopePtr&);
  // Runs a block; the value of its `return`, if it met one.
  std::optional<Value> run(const Block&, const ScopePtr&);
  std::optional<Value> run(const Statement&, const ScopePtr&);
  // The value of a block: its one expression, or what it returns.
  Value block_value(const Block&, const ScopePtr&);
  void bind(const Pattern&, const Value&, const ScopePtr&, Span);
  void bind(const Name&, const Value&, const ScopePtr&);
  void assign(const AssignStatement&, const ScopePtr&, Span);
  bool condition(const Value&, Span);                                    // one that is known now
  std::optional<Value> either_way(const IfStatement&, const ScopePtr&);  // on what is not measured yet
  std::vector<Value> items(const Value& sequence, Span);

  // ---- calls ----
  struct Argument {
    std::string name;  // empty: positional
    Value value;
    Span span;
    Span name_span = {};
    Span place() const { return name_span.end > name_span.begin ? name_span : span; }  // of a mistake in the name
  };
  Value call(const Value& callee, std::vector<Argument>, Span);
  Value call_function(const Value& callee, std::vector<Value> positional, Span);
  std::shared_ptr<const Callable> closure(const Definition&, const ScopePtr&);
  // One draw from a distribution, which is a function of a shape.
  Value draw(const std::string& name, const Value& distribution, const Shape&, Span);
  Value draw_task(const std::string& name, const SourcePtr&, Span);  // in the body of `tasks`
  Tensor current_key(Span);  // of one primitive draw here: from the step's key and the path of calls

  // ---- models ----
  Value initialise(const Value& net, const Value& input, Span);
  Value parameter(const ParamStatement&, const ScopePtr&);
  void memory(const MemoryStatement&, const ScopePtr&);  // of a model (model_memory.cpp)
  // The tree with what the net remembers of x: each memory is the mean of what the calls in `net(tree, x)` assign to
  // it.
  Value observe(const Value& net, const Value& tree, const Value& x, Span);

  // ---- learners (learner.cpp) and optimizers (optimizer.cpp) ----
  // The names a learner's functions see: its parameters, its state, its functions, and those of its base that it does
  // not define itself. Changing a state name in the scope is what `grad(theta)` and `on` do.
  ScopePtr frame(const Learner&, const Value& state);
  Value initial_state(const Learner&);  // runs the `learn` and `memory` statements in the current context
  // The state after `on start`, `on step` or `on end`, the base's first. `before` and `gradient` are trees of what is
  // learned, for `on step`. An event that is not there changes nothing.
  Value after_event(const Learner&, const Value& state, const std::string& event, const Value& item,
                    const Value& before = {}, const Value& gradient = {});
  // What `on step` of an owner made of a part of its state, in the form and types that it had: the next step is the
  // same program. Failure, with this hint, if a shape is another.
  Value after_step(const Value& old, const Value& made, const std::string& name, const Definition& owner,
                   const char* hint, const OnStatement&);
  static bool has_event(const Learner&, const std::string& event);  // it or a base of it
  // Runs a part of a learner in this state. Where shapes do not fit because a wrapper remembers what its base learned
  // in an earlier shape, the mistake says so.
  template <class F>
  auto with_reasons(const Learner& learner, const Value& state, const F& part) {
    try {
      return part();
    } catch (Failure& failure) {
      explain_outgrown(failure.diagnostic, learner, state);
      throw;
    }
  }
  const Block& body_of(const Definition&);  // Failure if it is no block
  // Binds what a body defines besides its state: functions, which see `scope` and each other.
  void bind_functions(const Block&, const ScopePtr&);
  Value start(const Optimizer&, const Value& weights);
  std::pair<Value, Value> update(const Optimizer&, const Value& weights, const Value& gradient, const Value& memory);

  // ---- tensors ----
  bool is_run_value(const Value&) const;   // has a tensor in it
  Tensor tensor(const Value&, Span);       // numbers become constants, lists are stacked
  Value tensors(const Value& tree, Span);  // every leaf
  Value binary(BinaryOp, const Value&, const Value&, Span, Span left, Span right);
  Value unary(UnaryOp, const Value&, Span);
  std::pair<Tensor, Tensor> same_type(Tensor, Tensor);  // the wider of two dtypes: bool < i32 < float
  Tensor working(Tensor);                               // floats become the working type, others stay
  Tensor real(Tensor);                                  // i32 and bool become the working type
  Graph& graph(Span);                                   // Failure where there is none
  Value inside(const Value&);                           // as it is seen in `Context::inside`
  // A list of ints, or one int. One size may be -1 where `open`, for what is left.
  Shape shape(const Value&, Span, bool open = false);
  std::int64_t integer(const Value&, Span, const char* what);
  std::int64_t integer(const Value&, Span, const char* what, std::int64_t least, std::int64_t most);

  Context& context() { return context_; }
  // Whose statistics models use, which results must say: "batch", "support", "running".
  void declare(const std::string& statistics) { declared_.insert(statistics); }
  std::set<std::string>& declared() { return declared_; }
  // Labels that a source gives are known to be of so many classes, in the procedure that is being built.
  void know_classes(Tensor labels, std::int64_t classes) { known_classes_.emplace_back(labels, classes); }
  std::optional<std::int64_t> classes_of(Tensor labels) const;
  void forget_classes() { known_classes_.clear(); }
  // A scope and the functions that are defined in it hold each other: what was made for one procedure is taken apart
  // when that is built.
  std::size_t scopes_with_functions() const { return with_functions_.size(); }
  void take_apart(std::size_t from);
  // The same for a scope, and those around it, that a function without a name was made in: a value made with it may lie
  // in any of them. They are taken apart with the elaborator.
  void note_capture(const ScopePtr&);
  // A data set that is read once, however often the script asks for it.
  Value loaded(const std::string& what, const std::function<Value()>& load);
  // As `print` and `str` show a value: tensors of an experiment are computed for it.
  std::string shown(const Value&, Span);
  void set_printer(std::function<void(const std::string&)> printer) { printer_ = std::move(printer); }
  void print(const std::string& line) {
    if (printer_) printer_(line);
  }

  // ---- errors ----
  [[noreturn]] void fail(std::string code, Span, std::string message, std::string label = "", std::string hint = "",
                         std::vector<Label> labels = {});
  // The same at the innermost call outside of the library, where the place is inside of it.
  [[noreturn]] void fail_outside_of_library(std::string code, Span, std::string message);
  // Runs an engine call; its Error becomes a Failure at this place, with a label for each operand.
  template <class F>
  auto guarded(Span span, const std::vector<std::pair<Span, Value>>& operands, F&& f) {
    enter_place(span);
    try {
      return f();
    } catch (const Error& error) {
      fail_operator(error, span, operands);
    }
  }
  const std::vector<Span>& places() const { return places_; }

  struct TrailEntry {
    std::string text;  // "in `adapt`, called here"
    Span span;
  };

  // The experiment's own expressions (`train`, `evaluate`) are the driver's.
  std::function<Value(const WorkExpr&, const ScopePtr&, Span)> work;
  // So are `save` and `load` of learners.
  std::function<void(const Learner&, const std::string& path, Span)> save;
  std::function<Value(const Learner&, const std::string& path, Span)> load;
  // What an experiment has done so far, in its rehearsal: the result goes back there.
  std::function<std::function<void()>()> remember;
  // Computes a tensor of the experiment's own graph, for `print`; nullopt for one of another graph. Null where nothing
  // may run.
  std::function<std::optional<Array>(Tensor)> compute;

  // What an objective is made of, while it is elaborated; null elsewhere.
  FlowLog* flow = nullptr;
  bool overlap_intended = false;  // the script says so in the `train` at hand
  // For the check of derivatives, which elaborates an objective more than once: what the derivatives that the script
  // takes give is a constant (`first_order`), or `stop_gradient` stops nothing outside of their blocks (`whole`).
  enum class Derivatives { as_written, first_order, whole };
  Derivatives derivatives = Derivatives::as_written;
  bool stops_gradients() const { return derivatives != Derivatives::whole || blocks_of_derivatives_ > 0; }
  // Told of each objective: by which derivatives it reaches each name that is learned, "base.theta.linear1.weight".
  std::function<void(const Learner&, const std::vector<LearnedFlow>&)> flow_found;
  // Told of what each name of a statement or a parameter is bound to, each time; null: nobody asks.
  std::function<void(const Name&, const Value&)> name_bound;
  // Set from outside to stop: the next expression throws Interrupted. Null: nobody does.
  const std::atomic<bool>* stop = nullptr;

 private:
  friend struct Expressions;
  friend class KnownClasses;
  friend class OnTrail;
  struct PathGuard;
  struct CallGuard;
  struct DepthGuard;
  struct StackGuard;
  Value top_level(const Global&, const std::string& name);
  Context outside() const;
  void enter_place(Span);
  static void explain_outgrown(Diagnostic&, const Learner&, const Value& state);
  [[noreturn]] void fail_operator(const Error&, Span, const std::vector<std::pair<Span, Value>>& operands);
  std::vector<std::pair<std::string, Value>> bind_arguments(const Callable&, std::vector<Argument>&, const ScopePtr&,
                                                            Span, std::vector<Span>* spans, std::vector<Value>* rest);
  Value call_once(const std::shared_ptr<const Callable>&, std::vector<Argument>, bool last, Span);
  Value recomputed(const std::function<Value()>& call, Span);  // its derivative computes it again (control.cpp)
  Value execute(const std::shared_ptr<const Callable>&, const ScopePtr&, Span);
  Value apply_model(const std::shared_ptr<const Callable>&, std::vector<Argument>, Span);
  Value drawn_apart(const ParameterFrame&, Span);
  Value in_frame(ParameterFrame&, const std::shared_ptr<const Callable>&, std::vector<Argument>, Span);
  void require_tensors(const Callable& model, const Value& result, Span use);
  void listen(const ParameterFrame&);
  Value derivative(const DerivativeExpr&, const ScopePtr&, Span);
  Value member(const Value&, const Name&, Span);
  Value index(const Value&, const std::vector<IndexItem>&, const ScopePtr&, Span);
  Value item_at(const List&, Tensor index, Span);
  Value select(const IfExpr&, const ScopePtr&, Span);
  Value either_value(const IfExpr&, const ScopePtr&);
  Value chain(const BinaryExpr&, const ScopePtr&, Span);
  Value floats(const Value& tree, Span, const std::string& name);
  Value replaced(const Value& tree, const std::vector<Name>& path, std::size_t from, const Value&);

  std::shared_ptr<const CheckedProgram> program_;
  std::vector<std::weak_ptr<Scope>> with_functions_;
  std::vector<std::weak_ptr<Scope>> captured_;
  std::size_t captured_limit_ = 64;  // then those that are gone are left out
  std::uint64_t tensors_met_ = 0;    // grows with each use of a graph: what does not move it holds no tensor
  std::map<std::string, Value> settings_;
  std::string data_directory_;
  Globals globals_;  // top-level `let`s without tensors, and builtins, once computed
  Context context_;
  const char* stack_ = nullptr;  // where it was when the outermost expression began
  std::vector<Span> places_;
  std::vector<TrailEntry> trail_;
  int blocks_of_derivatives_ = 0;  // that are being elaborated, one inside the other
  std::set<std::string> declared_;
  std::vector<std::pair<Tensor, std::int64_t>> known_classes_;
  std::map<std::string, Value> loaded_;
  std::function<void(const std::string&)> printer_;
};

// Replaces the context for a while.
class WithContext {
 public:
  WithContext(Elaborator& elaborator, Context context) : elaborator_(elaborator), saved_(elaborator.context()) {
    elaborator.context() = std::move(context);
  }
  ~WithContext() { elaborator_.context() = std::move(saved_); }
  WithContext(const WithContext&) = delete;

 private:
  Elaborator& elaborator_;
  Context saved_;
};

// An entry of the trail, for a while.
class OnTrail {
 public:
  OnTrail(Elaborator& elaborator, std::string text, Span span) : trail_(elaborator.trail_) {
    trail_.push_back({std::move(text), span});
  }
  ~OnTrail() { trail_.pop_back(); }
  OnTrail(const OnTrail&) = delete;

 private:
  std::vector<Elaborator::TrailEntry>& trail_;
};

// Forgets at its end the classes that became known in its life: those of tensors in a body that is gone then.
class KnownClasses {
 public:
  explicit KnownClasses(Elaborator& elaborator) : elaborator_(elaborator), before_(elaborator.known_classes_.size()) {}
  ~KnownClasses() {
    auto& known = elaborator_.known_classes_;
    known.erase(known.begin() + static_cast<std::ptrdiff_t>(before_), known.end());
  }
  KnownClasses(const KnownClasses&) = delete;

 private:
  Elaborator& elaborator_;
  std::size_t before_;
};

// The value of a builtin; nullopt if it has no implementation (a bug that a test finds).
std::optional<Value> builtin_callable(const Builtin&);
// The source that a call of a `tasks` definition makes.
SourcePtr task_source(Elaborator&, const Definition*, const ScopePtr& arguments, Span call);

}  // namespace metac::dsl
