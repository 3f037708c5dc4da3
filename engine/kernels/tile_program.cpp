// Compiles a pointwise program to tile steps. Registers are placed in three ways: in place (loads and outputs whose
// elements lie side by side), in a slot of tile size that is used again after its last reader, or, when there is one
// element for the whole tile, in a cell of eight bytes.
#include "kernels/tile_program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/memory.hpp"
#include "kernels/generated.hpp"

namespace metac {
namespace {

// Registers of tile size and what is read and written in place should stay in the first-level cache together.
constexpr std::int64_t cache_budget = 26 * 1024;
constexpr std::int64_t largest_tile = 2048, smallest_tile = 128;

double bits_of_constant(Dtype dtype, double value) {
  std::uint64_t bits = 0;
  switch (dtype) {
    case Dtype::f32:
      bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
      break;
    case Dtype::f64:
      return value;
    case Dtype::i32:
      bits = static_cast<std::uint32_t>(static_cast<std::int64_t>(value));
      break;
    case Dtype::boolean:
      bits = value != 0;
      break;
  }
  if constexpr (std::endian::native == std::endian::big) bits <<= 64 - 8 * size_of(dtype);
  return std::bit_cast<double>(bits);
}

class Compiler {
 public:
  Compiler(const PointwiseProgram& program, const PointwiseTable& table, std::int64_t most_elements)
      : program_(program), table_(table), types_(register_types(program, table)), space_(collapse(program)) {
    result_.tiling = cut_into_tiles(space_, most_elements);
    result_.places.resize(types_.size());
    result_.load_count = program.loads.size();
    for (Dtype type : types_) result_.widths.push_back(static_cast<std::uint8_t>(size_of(type)));
  }

  TileProgram compile() {
    place_loads();
    place_immediates();
    classify_instructions();
    choose_direct_outputs();
    add_instructions();
    add_outputs();
    assign_slots();
    compile_reduction();
    compile_steps_of_loops();
    lay_out_scratch();
    return std::move(result_);
  }

  // What a tile touches, in bytes.
  std::int64_t footprint() const { return footprint_; }

 private:
  int loads() const { return static_cast<int>(program_.loads.size()); }
  int first_instruction() const { return loads() + static_cast<int>(program_.immediates.size()); }
  bool one_tile() const { return result_.tiling.loops.empty(); }

  // The axes of a load within the tile, merged.
  TileView view_of(int load) const {
    TileView view;
    const auto& strides = space_.strides[load];
    const Tiling& tiling = result_.tiling;
    for (int axis = tiling.cut; axis < space_.axes(); ++axis) {
      const std::int64_t size = axis == tiling.cut ? 1 : space_.sizes[axis];
      if (axis == tiling.cut && tiling.rows == 1) continue;
      const bool joins = !view.sizes.empty() && view.strides.back() == strides[axis] * size;
      if (axis == tiling.cut) view.cut = true;
      if (joins) {
        view.sizes.back() *= size;
        view.strides.back() = strides[axis];
      } else {
        view.sizes.push_back(size);
        view.strides.push_back(strides[axis]);
      }
    }
    return view;
  }

  bool same_in_every_tile(int load) const {
    for (const auto& loop : result_.tiling.loops)
      if (space_.strides[load][loop.axis] != 0) return false;
    return !one_tile();
  }

  void place_loads() {
    gathers_.assign(types_.size(), -1);
    for (int load = 0; load < loads(); ++load) {
      const TileView view = view_of(load);
      Place& place = result_.places[load];
      place.once = same_in_every_tile(load);
      place.single = std::all_of(view.strides.begin(), view.strides.end(), [](auto stride) { return stride == 0; });
      place.kind = Place::operand;
      place.index = load;
      if (place.single || (view.strides.size() == 1 && view.strides[0] == 1)) continue;
      place.kind = Place::slot;
      gathers_[load] = static_cast<int>(result_.views.size());
      result_.views.push_back(view);
      if (place.once) add_gather(load, result_.prologue);
    }
  }

  void add_gather(int load, std::vector<TileStep>& steps) {
    TileStep step;
    step.gather = table_.gather[result_.widths[load]];
    step.result = static_cast<std::uint16_t>(load);
    step.view = gathers_[load];
    steps.push_back(step);
    gathers_[load] = -1;
  }

  void place_immediates() {
    for (const auto& immediate : program_.immediates) {
      Place& place = result_.places[loads() + result_.constants.size()];
      place = {Place::constant, static_cast<int>(result_.constants.size()), true, !one_tile()};
      result_.constants.push_back(bits_of_constant(immediate.dtype, immediate.value));
    }
  }

  void classify_instructions() {
    for (std::size_t i = 0; i < program_.instructions.size(); ++i) {
      const auto& instruction = program_.instructions[i];
      Place& place = result_.places[first_instruction() + i];
      place.single = true;
      place.once = !one_tile();
      for (int k = 0; k < arity(instruction.fn); ++k) {
        place.single = place.single && result_.places[instruction.inputs[k]].single;
        place.once = place.once && result_.places[instruction.inputs[k]].once;
      }
      place.kind = place.single ? Place::cell : Place::slot;
      if (place.single) place.index = result_.cells++;
    }
  }

  void choose_direct_outputs() {
    for (std::size_t o = 0; o < program_.outputs.size(); ++o) {
      const auto& output = program_.outputs[o];
      Place& place = result_.places[output.source];
      if (output.reduction != Reduction::none || output.source < first_instruction()) continue;
      if (place.kind != Place::slot || place.once) continue;
      place.kind = Place::output;
      place.index = static_cast<int>(o);
    }
  }

  void add_instructions() {
    for (std::size_t i = 0; i < program_.instructions.size(); ++i) {
      const auto& instruction = program_.instructions[i];
      const int target = first_instruction() + static_cast<int>(i);
      auto& steps = result_.places[target].once ? result_.prologue : result_.body;
      TileStep step;
      int singles = 0;
      for (int k = 0; k < arity(instruction.fn); ++k) {
        const int input = instruction.inputs[k];
        if (gathers_[input] >= 0) add_gather(input, steps);
        step.inputs[k] = static_cast<std::uint16_t>(input);
        singles |= result_.places[input].single ? 1 << k : 0;
      }
      for (int k = arity(instruction.fn); k < 3; ++k) step.inputs[k] = step.inputs[0];
      step.single = result_.places[target].single;
      bind(step, instruction, singles);
      step.result = static_cast<std::uint16_t>(target);
      steps.push_back(step);
    }
  }

  void bind(TileStep& step, const PointwiseProgram::Instruction& instruction, int singles) const {
    const int fn = static_cast<int>(instruction.fn), operand = static_cast<int>(instruction.operand);
    step.fn = instruction.fn;
    step.dtype = instruction.operand;
    if (instruction.fn == Fn::cast) {
      step.map = table_.cast[operand][static_cast<int>(instruction.result)];
    } else if (instruction.fn < Fn::call_1) {
      step.map = table_.map[fn][operand][singles];
    } else {
      step.call = instruction.call;
      for (int k = 0; k < arity(instruction.fn); ++k) step.stride[k] = (singles >> k & 1) != 0 ? 0 : 1;
    }
  }

  void add_outputs() {
    for (std::size_t o = 0; o < program_.outputs.size(); ++o) {
      const auto& output = program_.outputs[o];
      if (gathers_[output.source] >= 0) add_gather(output.source, result_.body);
      TileOutput target;
      target.source = output.source;
      target.dtype = types_[output.source];
      target.reduction = output.reduction;
      const Place& place = result_.places[output.source];
      target.single = place.single;
      target.direct = place.kind == Place::output && place.index == static_cast<int>(o);
      if (place.single && output.reduction != Reduction::none) target.source = repeat(output.source);
      result_.outputs.push_back(target);
    }
  }

  // A register of tile size full of the single element of another.
  std::uint16_t repeat(std::uint16_t source) {
    TileStep step;
    step.gather = table_.gather[result_.widths[source]];
    step.result = static_cast<std::uint16_t>(result_.places.size());
    step.inputs[0] = step.inputs[1] = step.inputs[2] = source;
    const bool once = result_.places[source].once;
    (once ? result_.prologue : result_.body).push_back(step);
    result_.places.push_back({Place::slot, 0, false, once});
    result_.widths.push_back(result_.widths[source]);
    return step.result;
  }

  // Slots for the prologue stay; those of the body are used again after the last reader.
  void assign_slots() {
    std::vector<int> last(result_.places.size(), -1);
    for (std::size_t s = 0; s < result_.body.size(); ++s)
      for (auto input : result_.body[s].inputs)
        if (result_.body[s].view < 0) last[input] = static_cast<int>(s);
    for (const auto& output : result_.outputs) last[output.source] = static_cast<int>(result_.body.size());
    for (auto& place : result_.places)
      if (place.kind == Place::slot && place.once) place.index = result_.slots++;
    std::vector<int> free;
    for (std::size_t s = 0; s < result_.body.size(); ++s) assign_slot(static_cast<int>(s), last, free);
  }

  void assign_slot(int s, std::vector<int>& last, std::vector<int>& free) {
    const TileStep& step = result_.body[s];
    Place& target = result_.places[step.result];
    const auto release = [&](bool of_same_width) {
      if (step.view >= 0) return;
      for (auto input : step.inputs) {
        const Place& place = result_.places[input];
        if (place.kind != Place::slot || place.once || last[input] != s) continue;
        if ((result_.widths[input] == result_.widths[step.result]) != of_same_width) continue;
        free.push_back(place.index);
        last[input] = -1;  // an input given twice is released once
      }
    };
    release(true);
    if (target.kind == Place::slot) {
      if (free.empty()) free.push_back(result_.slots++);
      target.index = free.back();
      free.pop_back();
    }
    release(false);
    if (target.kind == Place::slot && last[step.result] < 0) free.push_back(target.index);
  }

  void compile_reduction() {
    const Tiling& tiling = result_.tiling;
    for (const auto& loop : tiling.loops) result_.outer_reduction |= loop.reduced;
    result_.rows_kept = space_.reduced[tiling.cut] == 0;
    // Runs of axes that are all kept or all reduced; the first run has the rows.
    std::vector<std::pair<std::int64_t, char>> runs{{1, space_.reduced[tiling.cut]}};
    for (int axis = tiling.cut + 1; axis < space_.axes(); ++axis) {
      if (space_.reduced[axis] != runs.back().second) runs.push_back({1, space_.reduced[axis]});
      runs.back().first *= space_.sizes[axis];
    }
    for (int run = static_cast<int>(runs.size()) - 1; run >= 0; --run) {
      if (!runs[run].second) {
        result_.kept_block *= runs[run].first;
        continue;
      }
      std::int64_t before = 1;
      for (int r = 0; r < run; ++r) before *= runs[r].first;
      if (run > 0 || runs[0].first * tiling.rows > 1)
        result_.reduce_steps.push_back({before, runs[run].first, result_.kept_block, run == 0});
    }
  }

  void compile_steps_of_loops() {
    // Strides of the dense space, and of the space of kept axes.
    std::vector<std::int64_t> dense(space_.axes(), 1), kept(space_.axes(), 0);
    std::int64_t all = 1, left = 1;
    for (int axis = space_.axes() - 1; axis >= 0; --axis) {
      dense[axis] = all;
      all *= space_.sizes[axis];
      if (space_.reduced[axis]) continue;
      kept[axis] = left;
      left *= space_.sizes[axis];
    }
    for (const auto& loop : result_.tiling.loops) {
      result_.space_steps.push_back(dense[loop.axis] * loop.step);
      result_.kept_steps.push_back(kept[loop.axis] * loop.step);
      auto& steps = result_.load_steps.emplace_back();
      for (int load = 0; load < loads(); ++load)
        steps.push_back(space_.strides[load][loop.axis] * loop.step * result_.widths[load]);
    }
    find_streams();
  }

  void find_streams() {
    if (one_tile() || !program_.from_memory) return;
    const auto add = [&](bool stored, std::size_t index, std::int64_t step, std::size_t reg) {
      const std::int64_t bytes = result_.tiling.elements() * result_.widths[reg];
      if (step == bytes)
        result_.streams.push_back({stored, static_cast<std::uint16_t>(index), static_cast<std::uint16_t>(reg), bytes});
    };
    for (std::size_t load = 0; load < program_.loads.size(); ++load)
      if (result_.places[load].kind == Place::operand) add(false, load, result_.load_steps.back()[load], load);
    for (std::size_t o = 0; o < program_.outputs.size(); ++o)
      if (const auto& output = program_.outputs[o]; output.reduction == Reduction::none)
        add(true, o, result_.space_steps.back() * result_.widths[output.source], output.source);
  }

  void lay_out_scratch() {
    const auto aligned = round_up_to_alignment;
    const std::size_t elements = static_cast<std::size_t>(result_.tiling.elements());
    std::size_t width = 1, reduced_width = 0;
    for (std::size_t r = 0; r < result_.places.size(); ++r)
      if (result_.places[r].kind == Place::slot) width = std::max<std::size_t>(width, result_.widths[r]);
    for (const auto& output : result_.outputs)
      if (output.reduction != Reduction::none) reduced_width = std::max(reduced_width, size_of(output.dtype));
    result_.slot_bytes = aligned(elements * width) + 128;  // never a multiple of 4096: such stores and loads collide
    result_.part_bytes = aligned(elements * reduced_width);
    result_.cells_at = aligned(result_.places.size() * sizeof(void*) + loads() * sizeof(std::int64_t));
    result_.slots_at = aligned(result_.cells_at + result_.cells * 8);
    result_.parts_at = result_.slots_at + result_.slots * result_.slot_bytes;
    result_.scratch_bytes = result_.parts_at + 3 * result_.part_bytes;
    const std::size_t kept = result_.kept_block * (result_.rows_kept ? result_.tiling.rows : 1);
    for (auto& output : result_.outputs) {
      if (output.reduction == Reduction::none || !result_.outer_reduction) continue;
      output.accumulator = result_.scratch_bytes;
      result_.scratch_bytes += aligned(kept * 8);
    }
    footprint_ = static_cast<std::int64_t>(result_.slots * elements * width);
    for (std::size_t r = 0; r < result_.places.size(); ++r) {
      const Place& place = result_.places[r];
      if ((place.kind == Place::operand && !place.single) || place.kind == Place::output)
        footprint_ += static_cast<std::int64_t>(elements * result_.widths[r]);
    }
  }

  const PointwiseProgram& program_;
  const PointwiseTable& table_;
  std::vector<Dtype> types_;
  CollapsedSpace space_;
  TileProgram result_;
  std::vector<int> gathers_;  // view of a load that has not been gathered yet, -1
  std::int64_t footprint_ = 0;
};

// ---- machine code ----

// Which results of body[first, end) something else reads.
std::vector<char> stored_results(const TileProgram& program, std::size_t first, std::size_t end) {
  std::vector<char> read(program.places.size(), 0), stored;
  for (std::size_t s = end; s < program.body.size(); ++s)
    if (program.body[s].view < 0)
      for (const auto input : program.body[s].inputs) read[input] = 1;
  for (const auto& output : program.outputs) read[output.source] = 1;
  for (std::size_t s = first; s < end; ++s) stored.push_back(read[program.body[s].result]);
  return stored;
}

// A slot may hold a value that is read and, after that, one of another width: element by element they would collide.
bool slots_collide(const TileProgram& program, std::size_t first, std::size_t end) {
  const auto slot = [&](std::uint16_t r) {
    return program.places[r].kind == Place::slot ? program.places[r].index : -1;
  };
  for (std::size_t s = first; s < end; ++s)
    for (std::size_t reader = first; reader < end; ++reader)
      for (const auto input : program.body[reader].inputs)
        if (slot(input) >= 0 && slot(input) == slot(program.body[s].result) &&
            program.widths[input] != program.widths[program.body[s].result])
          return true;
  return false;
}

// `lanes`: of the vectors of the code; 0: none is made.
void divide_into_groups(TileProgram& program, int lanes) {
  program.groups.clear();
  for (std::size_t first = 0; first < program.body.size();) {
    std::size_t end = first;
    while (lanes > 0 && end < program.body.size() && can_generate(program.body[end], program)) ++end;
    std::shared_ptr<const GeneratedCode> code;
    for (; end > first + 1; end -= (end - first) / 2) {
      if (slots_collide(program, first, end)) continue;
      code = GeneratedCode::make(lanes, std::span(program.body).subspan(first, end - first),
                                 stored_results(program, first, end), program);
      if (code != nullptr) break;
    }
    end = std::max(end, first + 1);
    if (code != nullptr) std::erase_if(program.streams, [&](const auto& stream) { return code->fetches(stream); });
    program.groups.push_back({first, end - first, std::move(code)});
    first = end;
  }
}

void need(bool promise, const char* what) {
  if (!promise) throw Bug(fmt::format("[pointwise] {}", what));
}

void check_instruction(const PointwiseProgram::Instruction& instruction, const std::vector<Dtype>& types,
                       const PointwiseTable& table) {
  for (int k = 0; k < arity(instruction.fn); ++k) {
    need(instruction.inputs[k] < types.size(), "an instruction reads a register that is not there yet");
    const bool condition = instruction.fn == Fn::select && k == 0;
    need(types[instruction.inputs[k]] == (condition ? Dtype::boolean : instruction.operand),
         "an instruction reads a register of another dtype");
  }
  if (instruction.fn == Fn::cast) return;
  const bool to_bool =
      instruction.fn == Fn::is_finite || (instruction.fn >= Fn::equal && instruction.fn <= Fn::logical_not);
  need(instruction.result == (to_bool ? Dtype::boolean : instruction.operand), "an instruction gives another dtype");
  if (instruction.fn >= Fn::call_1) {
    need(instruction.call != nullptr && instruction.operand != Dtype::boolean, "a call needs a function of numbers");
    return;
  }
  if (table.map[static_cast<int>(instruction.fn)][static_cast<int>(instruction.operand)][0] == nullptr)
    throw Bug(fmt::format("[pointwise] function {} has no meaning for {}", static_cast<int>(instruction.fn),
                          to_string(instruction.operand)));
}

}  // namespace

std::vector<Dtype> register_types(const PointwiseProgram& program, const PointwiseTable& table) {
  std::vector<Dtype> types;
  for (const auto& load : program.loads) {
    need(load.strides.rank() == program.shape.rank(), "a load needs one stride for each axis");
    types.push_back(load.dtype);
  }
  for (const auto& immediate : program.immediates) types.push_back(immediate.dtype);
  for (const auto& instruction : program.instructions) {
    check_instruction(instruction, types, table);
    types.push_back(instruction.result);
  }
  std::uint32_t axes = 0;
  bool reduced = false;
  for (const auto& output : program.outputs) {
    need(output.source < types.size(), "an output stores a register that is not there");
    if (output.reduction == Reduction::none) continue;
    need(!reduced || output.axes == axes, "every reduction of a program must be over the same axes");
    need(table.reduce[static_cast<int>(output.reduction)][static_cast<int>(types[output.source])] != nullptr,
         "bools can be reduced by maximum and minimum only");
    reduced = true;
    axes = output.axes;
  }
  need(axes >> program.shape.rank() == 0, "a reduction is over an axis that is not there");
  need(program.instructions.size() <= max_pointwise_instructions, "too many instructions");
  need(program.loads.size() + program.outputs.size() <= max_pointwise_operands, "too many operands");
  return types;
}

TileProgram compile_tiles(const PointwiseProgram& program, const PointwiseTable& table) {
  for (std::int64_t elements = largest_tile;; elements /= 2) {
    Compiler compiler(program, table, elements);
    TileProgram result = compiler.compile();
    if (compiler.footprint() > cache_budget && elements > smallest_tile) continue;
    divide_into_groups(result, 0);
    return result;
  }
}

void generate_code(TileProgram& program, const PointwiseTable& table) {
  divide_into_groups(program, table.lanes_of_code);
}

}  // namespace metac
