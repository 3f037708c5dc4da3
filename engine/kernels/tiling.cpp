// The geometry of tiles: which axes can be one, and how the space is cut.
#include <algorithm>

#include "kernels/tile_program.hpp"

namespace metac {
namespace {

std::uint32_t reduced_axes(const PointwiseProgram& program) {
  for (const auto& output : program.outputs)
    if (output.reduction != Reduction::none) return output.axes;
  return 0;
}

}  // namespace

CollapsedSpace collapse(const PointwiseProgram& program) {
  CollapsedSpace space;
  space.strides.resize(program.loads.size());
  const std::uint32_t mask = reduced_axes(program);
  for (int axis = 0; axis < program.shape.rank(); ++axis) {
    const std::int64_t size = program.shape[axis];
    if (size == 1) continue;
    const char reduced = (mask >> axis & 1) != 0;
    bool joins = !space.sizes.empty() && space.reduced.back() == reduced;
    for (std::size_t load = 0; joins && load < program.loads.size(); ++load)
      joins = space.strides[load].back() == program.loads[load].strides[axis] * size;
    if (joins) {
      space.sizes.back() *= size;
    } else {
      space.sizes.push_back(size);
      space.reduced.push_back(reduced);
    }
    for (std::size_t load = 0; load < program.loads.size(); ++load) {
      const std::int64_t stride = program.loads[load].strides[axis];
      if (joins) {
        space.strides[load].back() = stride;
      } else {
        space.strides[load].push_back(stride);
      }
    }
  }
  if (space.sizes.empty()) {
    space.sizes = {1};
    space.reduced = {0};
    for (auto& strides : space.strides) strides = {0};
  }
  return space;
}

Tiling cut_into_tiles(const CollapsedSpace& space, std::int64_t most_elements) {
  Tiling tiling;
  tiling.cut = space.axes() - 1;
  while (tiling.cut > 0 && tiling.block * space.sizes[tiling.cut] <= most_elements)
    tiling.block *= space.sizes[tiling.cut--];
  const std::int64_t size = space.sizes[tiling.cut];
  const std::int64_t most_rows = std::max<std::int64_t>(1, most_elements / tiling.block);
  std::int64_t pieces = (size + most_rows - 1) / most_rows;
  tiling.rows = (size + pieces - 1) / pieces;
  if (tiling.block == 1 && pieces > 1) tiling.rows = std::min(most_rows, (tiling.rows + 15) / 16 * 16);
  pieces = (size + tiling.rows - 1) / tiling.rows;
  tiling.last_rows = size - (pieces - 1) * tiling.rows;
  for (const bool reduced : {false, true}) {
    for (int axis = 0; axis <= tiling.cut; ++axis) {
      if (static_cast<bool>(space.reduced[axis]) != reduced) continue;
      const bool is_cut = axis == tiling.cut;
      const std::int64_t extent = is_cut ? pieces : space.sizes[axis];
      if (extent == 1) continue;
      if (is_cut) tiling.cut_loop = static_cast<int>(tiling.loops.size());
      tiling.loops.push_back({extent, axis, is_cut ? tiling.rows : 1, reduced});
    }
  }
  return tiling;
}

}  // namespace metac
