// The language for other programs: a script and what it learned, whose functions are called by name on host arrays.
//
//   #include <metac/metac.hpp>
//
//   const metac::Script script = metac::Script::load("glyphs.meta");
//   const metac::Learner learner = script.learner("few_shot()", "glyphs.safetensors");
//   const metac::Value support = {{"x", images}, {"y", labels}};   // arrays, or views of your own memory
//   const metac::Value logits = learner.call("predict", {{{"support", support}, {"ways", 5}}, query});
//   logits.array().as<float>();
//
// A call is compiled once for each function, form of its arrays and value of everything else, then only run.
//
// Threads. Everything here may be used by any number of threads at once: values never change, calls of one learner run
// side by side (only new forms are compiled one after the other). Results have the same bits whatever the threads.
//
// Errors. ScriptError: a mistake of the script, or of what is asked of it, with the places in the text. Error: what was
// given and what was needed. OutOfMemory. The library never prints and never exits.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/view.hpp"

namespace metac::dsl {
class Value;
}

namespace [[gnu::visibility("default")]] metac {

// A mistake in a script, as `metac check` says it.
struct ScriptMistake {
  std::string code;          // "E0303"; `metac explain E0303` says more
  std::string file;          // empty where it has no place in a text
  int line = 0, column = 0;  // from 1; the column counts characters
  std::string message, hint;
};

class ScriptError : public Error {
 public:
  // `text` is what `metac check` prints: the lines of the script with carets, notes and hints.
  ScriptError(const std::string& text, std::vector<ScriptMistake> mistakes)
      : Error(text), mistakes_(std::move(mistakes)) {}
  const std::vector<ScriptMistake>& mistakes() const { return mistakes_; }

 private:
  std::vector<ScriptMistake> mistakes_;
};

// What functions of a script take and give: nothing, a bool, a whole number, a number, a text, an array, a list, or a
// record of named values (a tuple has empty names). Numbers are known when a call is compiled, so those that differ
// from call to call are better arrays. Cheap to copy; never changes.
class Value {
 public:
  Value();
  Value(bool);
  template <std::integral T>
  requires(!std::same_as<T, bool>) Value(T value) : Value(whole(static_cast<std::int64_t>(value))) {}
  Value(double);
  Value(const char* text) : Value(std::string(text)) {}
  Value(std::string);
  Value(Array);
  // The memory is not copied: it must stay until the calls that use the value are over.
  Value(const ArrayView&);
  // Named values, in this order: {{"x", images}, {"y", labels}}.
  Value(std::initializer_list<std::pair<std::string, Value>> fields);
  static Value record(std::vector<std::pair<std::string, Value>> fields);
  static Value list(std::vector<Value> items);

  // What it is. Error "[value] ..." that says what it is instead.
  bool is_none() const;
  bool boolean() const;
  std::int64_t integer() const;
  double number() const;  // also of a whole number
  std::string text() const;
  const Array& array() const;
  // The names of a record, in their order; empty ones in a tuple; none of anything else.
  std::vector<std::string> names() const;
  std::size_t size() const;                       // of a record or list
  Value operator[](std::string_view name) const;  // Error naming the fields there are
  Value at(std::size_t index) const;              // of a record, tuple or list
  std::string describe() const;                   // "a record (x, y)", "an array f32[5, 20, 20, 1]"

  // For the library itself.
  explicit Value(std::shared_ptr<const dsl::Value> inside) : inside_(std::move(inside)) {}
  const dsl::Value& inside() const { return *inside_; }

 private:
  static Value whole(std::int64_t);
  std::shared_ptr<const dsl::Value> inside_;
};

using NamedValues = std::vector<std::pair<std::string, Value>>;

// A function of a learner, as the script declares it.
struct ScriptFunction {
  struct Parameter {
    std::string name;
    std::string default_value;  // as it is written; empty: it must be given
  };
  std::string name;
  std::vector<Parameter> parameters;
  std::string documentation;  // the comment above it
  std::string learner;        // that defines it: this one, or one that it wraps
};

// A learner with what it has learned.
class Learner {
 public:
  std::string name() const;  // with what it wraps: "outer(inner)"
  // Its own functions, in the order of the script, then those it has from the learner it wraps.
  const std::vector<ScriptFunction>& functions() const;
  // What it learned and remembers: a record of trees of arrays.
  Value state() const;

  // The result of a function: one of `functions()`, or a model or function that the learner was made with. What the
  // function draws depends on the seed alone. ScriptError: no such function, arguments that it does not take, shapes
  // that do not fit.
  Value call(const std::string& function, const std::vector<Value>& arguments, const NamedValues& named = {},
             std::uint64_t seed = 0) const;

 private:
  friend class Script;
  struct Inside;
  explicit Learner(std::shared_ptr<Inside> inside) : inside_(std::move(inside)) {}
  std::shared_ptr<Inside> inside_;
};

// Where tasks or examples come from.
class Source {
 public:
  std::string describe() const;
  bool gives_tasks() const;
  // One task, with `support` and `query`; or `batch` examples of a data set, with `x` and `y`, of another epoch for
  // each seed. The same seed gives the same bits. Error: more than one task, more examples than there are.
  Value draw(std::uint64_t seed, std::int64_t batch = 1) const;

 private:
  friend class Script;
  struct Inside;
  explicit Source(std::shared_ptr<Inside> inside) : inside_(std::move(inside)) {}
  std::shared_ptr<Inside> inside_;
};

struct ScriptOptions {
  std::string data = "";  // the folder of data sets; empty: the environment variable METAC_DATA
  int threads = 1;        // of one call
};

// A script that is read and checked, with the files it uses.
class Script {
 public:
  // ScriptError: it cannot be read, or has mistakes.
  static Script load(const std::string& path, const ScriptOptions& = {});
  // `path` is what messages name, and where files that the script uses are looked for.
  static Script from_text(const std::string& path, const std::string& text, const ScriptOptions& = {});

  // The learner that an expression of the script gives, as it could stand in an experiment: "few_shot(ways: 5)",
  // or a function of the script that makes one. `state` is a file that `save(learner, "file")` wrote; it may be left
  // out if the expression loads one itself. Error: the expression is no learner, the file cannot be read or is that of
  // another learner.
  Learner learner(const std::string& expression, const std::string& state = "") const;

  // What a learner is trained and measured on: a source of tasks, such as "sinusoids(shots: 5)" or
  // "episodes(split.test, ways: 5, shots: 1, queries: 5)", or a data set. Error: the expression is neither.
  Source source(const std::string& expression) const;

 private:
  struct Inside;
  explicit Script(std::shared_ptr<const Inside> inside) : inside_(std::move(inside)) {}
  std::shared_ptr<const Inside> inside_;
};

}  // namespace metac
