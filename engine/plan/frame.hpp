// A frame is the flat form of one graph: the whole program, or the body of a region. It lists kernels and says where
// each operand lies; it holds no run-time pointer and no scratch memory, so any number of workers may share it. Built
// by lower.hpp, given memory by memory.hpp, run by execute.cpp, printed by text.cpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "graph/graph.hpp"
#include "kernels/kernel.hpp"
#include "plan/cost.hpp"

namespace metac {

enum class Space : std::uint8_t {
  arena,     // the worker's own memory, at Storage::offset
  external,  // given from outside: an input or output of the program, an operand of the region; Storage::index says
             // which
  array,     // memory of Frame::arrays[Storage::index], shared by all workers and never written
  part,      // nobody needs it outside of a chain: one part of it in the scratch of the worker, at Storage::offset
};

// A piece of memory that holds one dense result; views share it.
struct Storage {
  Space space = Space::arena;
  std::uint32_t index = 0;
  std::size_t bytes = 0;
  std::int64_t offset = -1;  // in the arena or scratch, once memory is assigned
};

struct Operand {
  std::uint32_t storage = 0;
  std::int64_t offset = 0;  // bytes
  // Of a step that is run in parts: how far the operand moves (bytes) with each place along the axis that is cut, or,
  // if `by_part`, with each part.
  std::int64_t stride = 0;
  bool by_part = false;
};

class LoopKernel;

struct Step {
  std::shared_ptr<const Kernel> kernel;
  const LoopKernel* loop = nullptr;  // the kernel, if it is a region
  NodeId node = 0;                   // whose result it is (of a fused kernel: the last one), for people
  std::uint32_t first = 0;           // in Frame::operands: the results, then the inputs
  std::uint32_t results = 0;
  std::uint32_t operands = 0;
  std::int64_t scratch = -1;  // offset in the arena, once memory is assigned; -1: none

  Cost work;  // of one run, all parts together; of a region, whose work is that of its body, nothing

  // Part p takes the places from p * length / parts of the axis that is cut. Parts need nothing of each other. One part
  // runs through all steps of a chain before the next begins.
  std::int64_t length = 1, parts = 1;
  std::shared_ptr<const Kernel> smaller;  // for parts of one place less than most; null: they are all alike
  std::uint32_t together = 1;             // of the first step of a chain: how many they are

  std::int64_t place(std::int64_t part) const { return part * length / parts; }
  std::int64_t most_places() const { return (length + parts - 1) / parts; }  // of one part
  bool is_cut() const { return parts > 1; }
  std::size_t scratch_bytes() const {
    return std::max(kernel->scratch_bytes(), smaller == nullptr ? 0 : smaller->scratch_bytes());
  }
};

struct Frame {
  std::vector<Step> steps;
  std::vector<Storage> storages;
  std::vector<Operand> operands;       // of the outputs and of all steps
  std::vector<std::uint32_t> outputs;  // of a body: which operands hold the results that are added up; dense
  std::vector<Array> arrays;
  std::size_t arena_bytes = 0;
  std::int64_t most_parts = 1;         // of a step
  std::size_t part_scratch_bytes = 0;  // what each further worker needs of its own for parts

  int workers(int threads) const { return static_cast<int>(std::clamp<std::int64_t>(threads, 1, most_parts)); }
};

// The step of a `map` or `scan`: runs its body once for each task. Its operands are the results (the parts), then the
// sequences, what the carries begin with, and the captures; operand i is external i of the body.
class LoopKernel final : public Kernel {
 public:
  // A result that is added up over the tasks.
  struct Sum {
    std::uint32_t operand;  // of this step
    std::uint32_t output;   // of the body
    Type type;
    std::size_t offset;  // in an accumulator
  };
  // What one task hands to the next. It lies in two places by turns, one of which is the result.
  struct Carry {
    std::uint32_t result, initial;  // operands of this step
    std::size_t bytes;
    std::size_t offset;  // of the other place, in the scratch
  };

  Frame body;
  std::int64_t length = 0;
  std::size_t results = 0;            // operands that are written
  std::vector<std::int64_t> strides;  // for each operand: bytes from one task to the next; 0: the same for all
  std::vector<Sum> sums;
  std::size_t accumulator_bytes = 0;  // of one accumulator for all the sums
  std::vector<Carry> carries;
  std::size_t carry_bytes = 0;
  std::int64_t guard = -1;  // the operand that says whether a task is run; -1: all are

  // The tasks are cut into this many pieces of neighbours; a piece adds up its tasks in order, then the pieces are
  // added in order. Depends on the length only, so that sums have the same bits for any number of threads. One piece
  // where tasks hand on carries.
  std::int64_t pieces() const;
  std::int64_t first_task(std::int64_t piece) const { return piece * length / pieces(); }
  int workers(int threads) const;           // that run pieces at one time
  int threads_of_each(int threads) const;   // of such workers; rounded up, so that all threads find work
  bool moves(std::uint32_t operand) const;  // whether it lies elsewhere from task to task

  std::size_t scratch_bytes() const override { return carry_bytes + accumulator_bytes + body.arena_bytes; }
  void run(void* const* operands, std::byte* scratch, State* state) const override;
  std::string describe() const override;
};

}  // namespace metac
