// A kernel is the smallest thing a plan runs: one loop nest or one oneDNN primitive, with every shape and stride fixed
// when it is made. It is immutable and shared by all workers; what a worker needs of its own is its State and scratch.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/array.hpp"

namespace metac {

// How an operand lies in memory. Strides count elements; 0 repeats an element along that axis. The first element is at
// the operand's pointer. Results are always dense and row-major.
struct Layout {
  Dtype dtype = Dtype::f32;
  Shape shape;
  Shape strides;

  static Layout dense(const Type& type) { return {type.dtype, type.shape, row_major_strides(type.shape)}; }
  Type type() const { return {dtype, shape}; }
  bool is_dense() const;  // row-major without gaps (strides of axes of size 1 do not matter)
};

class Kernel {
 public:
  // What one worker needs of its own, e.g. oneDNN memory objects.
  struct State {
    virtual ~State() = default;
  };

  virtual ~Kernel() = default;
  virtual std::unique_ptr<State> make_state() const { return nullptr; }
  virtual std::size_t scratch_bytes() const { return 0; }
  // True if result `output` may be written over operand `input` (counted among the inputs), which is then used up.
  virtual bool may_overwrite(int output, int input) const { (void)output, (void)input; return false; }
  // `operands` are the results, then the inputs. `scratch` is aligned to 64 bytes. Allocates nothing.
  virtual void run(void* const* operands, std::byte* scratch, State* state) const = 0;
  // For people who read a plan: "matmul 10x40x40 own".
  virtual std::string describe() const = 0;
};

using KernelPtr = std::unique_ptr<const Kernel>;

}  // namespace metac
