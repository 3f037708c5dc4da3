// A pointwise program made ready to run: its iteration space collapsed and cut into tiles, its registers placed, its
// instructions bound to functions of the chosen instruction set. Private to the pointwise kernel.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "kernels/pointwise.hpp"
#include "kernels/simd/table.hpp"

namespace metac {

class GeneratedCode;

// The iteration space with as few axes as the strides and the reduced axes allow; sizes of 1 are gone.
struct CollapsedSpace {
  std::vector<std::int64_t> sizes;
  std::vector<char> reduced;
  std::vector<std::vector<std::int64_t>> strides;  // [load][axis]
  int axes() const { return static_cast<int>(sizes.size()); }
};

CollapsedSpace collapse(const PointwiseProgram&);

// A tile is `rows` steps along the axis `cut` and everything inside of it. The loops around go over the axes outside
// and the pieces of the cut axis: kept axes first, reduced ones inside, so that the results of a tile are finished
// before the next are begun.
struct Tiling {
  struct Loop {
    std::int64_t extent;
    int axis;
    std::int64_t step;  // along the axis
    bool reduced;
  };
  int cut = 0;
  std::int64_t rows = 1, last_rows = 1;  // the last piece of the cut axis may be shorter
  std::int64_t block = 1;                // elements of one row
  std::vector<Loop> loops;               // outermost first; those of one turn are left out
  int cut_loop = -1;                     // which of them goes over the pieces
  std::int64_t elements() const { return rows * block; }
};

Tiling cut_into_tiles(const CollapsedSpace&, std::int64_t most_elements);

// Where the elements of a register are during a tile.
struct Place {
  enum Kind : std::uint8_t { operand, slot, cell, constant, output } kind = slot;
  int index = 0;        // of the operand (load or output), slot, cell or constant
  bool single = false;  // one element for the whole tile
  bool once = false;    // the same in every tile: prepared before the first
};

// One call of the inner loop: a map, a scalar function element by element, or a gather of `source`.
struct TileStep {
  Fn fn = Fn::copy;  // of a map or call
  MapFunction map = nullptr;
  Scalar call = nullptr;
  GatherFunction gather = nullptr;
  std::uint16_t result = 0, inputs[3] = {0, 0, 0};
  Dtype dtype = Dtype::f32;    // of the operands of a map or call
  std::int8_t stride[3] = {};  // of a call: 0 for an operand of one element
  bool single = false;         // one element only
  int view = -1;               // of a gather: the view of a load; -1 repeats a single element
};

// A load as the tile sees it: merged axes, outermost first; the first one may be the cut axis.
struct TileView {
  std::vector<std::int64_t> sizes, strides;
  bool cut = false;  // the first size is multiplied by the rows of the tile
};

// One pass of a reduction within the tile: [outer, reduced, inner] -> [outer, inner]. One of outer and reduced counts
// rows.
struct ReduceStep {
  std::int64_t outer, reduced, inner;
  bool rows_reduced;
};

struct TileOutput {
  std::uint16_t source;  // a register of the tile
  Dtype dtype;
  bool direct = false;  // its instruction has written it
  bool single = false;
  Reduction reduction = Reduction::none;
  std::size_t accumulator = 0;  // offset in the scratch
};

// Steps of the body that are run together.
struct StepGroup {
  std::size_t first = 0, count = 1;
  std::shared_ptr<const GeneratedCode> code;  // null: one step, interpreted
};

// An operand of which each tile lies right behind the last one: these many bytes.
struct TileStream {
  bool stored;          // an output, else a load
  std::uint16_t index;  // among them
  std::uint16_t reg;    // that points to it
  std::int64_t bytes;
};

struct TileProgram {
  Tiling tiling;
  std::vector<Place> places;         // of registers; those of the program, then vectors made of single elements
  std::vector<std::uint8_t> widths;  // bytes of an element of each register
  std::vector<TileStep> prologue, body;
  std::vector<StepGroup> groups;  // all of the body
  std::vector<TileView> views;
  std::vector<TileOutput> outputs;
  std::vector<ReduceStep> reduce_steps;
  bool outer_reduction = false;  // some loop is reduced: accumulators are needed
  std::int64_t kept_block = 1;   // elements of the tile's results for one row (or altogether, if rows are reduced)
  bool rows_kept = false;
  std::vector<double> constants;                      // 8 bytes each, holding a value of the immediate's dtype
  std::vector<std::vector<std::int64_t>> load_steps;  // [loop][load], bytes
  std::vector<TileStream> streams;
  std::vector<std::int64_t> space_steps, kept_steps;  // [loop], elements of dense and of reduced outputs
  // Scratch: pointers of registers, cells, slots, parts of reductions, accumulators.
  std::size_t load_count = 0;
  int slots = 0, cells = 0;
  std::size_t slot_bytes = 0, cells_at = 0, slots_at = 0, parts_at = 0, part_bytes = 0, scratch_bytes = 0;
};

TileProgram compile_tiles(const PointwiseProgram&, const PointwiseTable&);

// Machine code for the steps, where that is possible (generated.hpp). Until then all are interpreted.
void generate_code(TileProgram&, const PointwiseTable&);

// Dtype of each register; Bug where the program breaks a promise.
std::vector<Dtype> register_types(const PointwiseProgram&, const PointwiseTable&);

}  // namespace metac
