// From a finished graph to running code: a flat list of kernels over one arena, then an Executable that owns the memory
// and runs it. Fusion happens here and nowhere else.
#pragma once

#include <initializer_list>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/view.hpp"
#include "transform/transform.hpp"

namespace [[gnu::visibility("default")]] metac {

class Plan;  // immutable; may be shared by several Executables

// When large work is done in parts, slice by slice. Times are estimates.
struct Parts {
  std::int64_t threads = 16;        // that may share a step at most: those of a map are divided among its tasks
  double least_microseconds = 100;  // of the work of one part, for threads
  double bytes = 1 << 20;         // of the operands of one part, where several steps run through it: fits into a cache
  double least_of_step = 5;       // microseconds of one part of one step
  double most_passing = 1 << 20;  // bytes of the operands of a step that may change places with such steps
  double most_adding = 0.1;       // where each part has a sum of its own: the share of the work that adds them up
  double most_sums = 1;           // and their bytes, beside those of the operands
  static Parts smallest() {       // for tests
    constexpr double all = std::numeric_limits<double>::infinity();
    return {16, 0, 0, 0, all, all, all};
  }
};

// Choices depend on shapes, dtypes and the instruction set only: never on timing or the number of threads.
std::shared_ptr<const Plan> make_plan(const Program&, const Parts& = {});
std::string to_text(const Plan&);
std::size_t arena_bytes(const Plan&);  // for one worker, regions included
std::int64_t steps(const Plan&);       // kernels, those of regions counted once

// Where the time of runs went: all calls of the kernels of one text, whose threads are added up.
struct KernelTime {
  std::string kernel;
  std::int64_t calls = 0;
  double seconds = 0;
  double operations = 0;  // additions, multiplications and the like
  double bytes = 0;       // of the operands, each counted once: the least that was read and written
};
// One for each text, the longest first.
std::vector<KernelTime> added_up(std::span<const KernelTime>);

// A plan bound to memory of its own, for one thread at a time. It may be moved to another thread.
class Executable {
 public:
  // Threads go to the tasks of a `map` first, and those that are left over to the steps inside of them. Results have
  // the same bits for any number. Error for fewer than 1; OutOfMemory.
  explicit Executable(std::shared_ptr<const Plan>, int threads = 1);
  ~Executable();
  Executable(Executable&&) noexcept;

  // Reads the inputs where they are and writes each output straight to its memory. Memory that is given for several of
  // them is allowed: what overlaps is written last, from memory that the first such run makes. Otherwise a run
  // allocates nothing. Error "[run] ...": another number of inputs or outputs, another type.
  void run(std::span<const ArrayView> inputs, std::span<const MutableArrayView> outputs);
  // The same with arrays; outputs of another type are replaced by new arrays.
  void run(std::span<const Array> inputs, std::span<Array> outputs);
  std::vector<Array> run(std::span<const Array> inputs);

  const std::vector<Type>& input_types() const;
  const std::vector<Type>& output_types() const;

  // From now on each call of a kernel is timed; that takes some 50 ns a call.
  void measure();
  // Of all runs since then, the longest first. The kernels inside of a `map` are listed, and not the map.
  std::vector<KernelTime> times() const;

 private:
  struct Bound;
  std::unique_ptr<Bound> bound_;
};

// A compiled program as a function of host arrays. Copies share it, and any number of threads may call it at once: each
// call takes an Executable that no other is using, or makes one. So it keeps as much working memory as calls were ever
// under way together.
//
//   const Function f = compile({x, y}, {loss, gradient});
//   std::vector<Array> results = f({xs, ys});  // arrays, vectors, views
//   f({xs, ys}, {loss_memory, gradient_memory});
class Function {
 public:
  explicit Function(std::shared_ptr<const Plan>, int threads = 1);

  // New arrays, in the order of the outputs. Errors as of Executable::run.
  std::vector<Array> operator()(std::initializer_list<ArrayView> inputs) const;
  std::vector<Array> operator()(std::span<const ArrayView> inputs) const;
  std::vector<Array> operator()(std::span<const Array> inputs) const;
  // Into memory of the caller.
  void operator()(std::initializer_list<ArrayView> inputs, std::initializer_list<MutableArrayView> outputs) const;
  void operator()(std::span<const ArrayView> inputs, std::span<const MutableArrayView> outputs) const;

  const std::vector<Type>& input_types() const;
  const std::vector<Type>& output_types() const;
  const Plan& plan() const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

// The function of `inputs` that gives `outputs`. Needs the graph no more when it returns. `threads` is how many one
// call may use: they share the tasks of a `map`, and the parts of large work. Errors "[finalize] ...": an
// output that needs an input which is not among those given, an input given twice or that is no input, tensors of
// different graphs; OutOfMemory.
Function compile(TensorList inputs, TensorList outputs, int threads = 1);

}  // namespace metac
