// From a finished graph to running code: a flat list of kernels over one arena, then an Executable that owns the memory
// and runs it. Fusion happens here and nowhere else.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/array.hpp"
#include "transform/transform.hpp"

namespace metac {

class Plan;  // immutable; may be shared by several Executables

// Choices depend on shapes, dtypes and the instruction set only: never on timing or the number of threads.
std::shared_ptr<const Plan> make_plan(const Program&);
std::string to_text(const Plan&);
std::size_t arena_bytes(const Plan&);  // for one worker, regions included
std::int64_t steps(const Plan&);       // kernels, those of regions counted once

class Executable {
 public:
  // Binds memory and primitives for this many threads. Results have the same bits for any number.
  Executable(std::shared_ptr<const Plan>, int threads = 1);
  ~Executable();
  Executable(Executable&&) noexcept;

  // Checks the types of the inputs (Error), runs, then copies the results out: an output may share memory with an input.
  // An output that is not of its result's type, such as an empty one, is replaced by a new array; where all are, nothing
  // is allocated. Not for two threads at once.
  void run(std::span<const Array> inputs, std::span<Array> outputs);
  std::vector<Array> run(std::span<const Array> inputs);

  std::vector<Type> input_types() const;
  std::vector<Type> output_types() const;

 private:
  struct Bound;
  std::unique_ptr<Bound> bound_;
};

// finalize, plan and bind in one.
Executable compile(std::span<const Tensor> inputs, std::span<const Tensor> outputs, int threads = 1);

}  // namespace metac
