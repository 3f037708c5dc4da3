// Runs tile programs. See tile_program.hpp for what a tile is; nothing is allocated here after the kernel is made.
#include "kernels/pointwise.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <mutex>

#include "kernels/dispatch.hpp"
#include "kernels/generated.hpp"
#include "kernels/tile_program.hpp"

namespace metac {
namespace {

template <class T>
void fill(void* memory, std::int64_t n, T value) {
  std::fill_n(static_cast<T*>(memory), n, value);
}

template <class T>
T identity(Reduction reduction) {
  using Limits = std::numeric_limits<T>;
  switch (reduction) {
    case Reduction::product:
      return T(1);
    case Reduction::maximum:
      return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
    case Reduction::minimum:
      return Limits::has_infinity ? Limits::infinity() : Limits::max();
    default:
      return T(0);
  }
}

void fill_identity(void* memory, std::int64_t n, Dtype dtype, Reduction reduction) {
  switch (dtype) {
    case Dtype::f32:
      return fill(memory, n, identity<float>(reduction));
    case Dtype::f64:
      return fill(memory, n, identity<double>(reduction));
    case Dtype::i32:
      return fill(memory, n, identity<std::int32_t>(reduction));
    case Dtype::boolean:
      return fill(memory, n, identity<bool>(reduction));
  }
}

std::int64_t elements_left(const Shape& shape, std::uint32_t reduced) {
  std::int64_t product = 1;
  for (int axis = 0; axis < shape.rank(); ++axis)
    if ((reduced >> axis & 1) == 0) product *= shape[axis];
  return product;
}

const char* name(Reduction reduction) {
  constexpr const char* names[] = {"", "sum", "product", "maximum", "minimum"};
  return names[static_cast<int>(reduction)];
}

// One run of a tile program: pointers into the operands and the scratch.
class TileRun {
 public:
  TileRun(const TileProgram& program, const PointwiseTable& table, void* const* operands, std::byte* scratch)
      : program_(program),
        table_(table),
        outputs_(operands),
        loads_(operands + program.outputs.size()),
        scratch_(scratch),
        registers_(reinterpret_cast<std::byte**>(scratch)) {
    bind();
  }

  void run() {
    for (const auto& step : program_.prologue) execute(step, program_.tiling.rows);
    const auto& loops = program_.tiling.loops;
    if (loops.empty()) return tile(program_.tiling.rows);
    std::int64_t at[max_rank + 1] = {};
    for (;;) {
      const int cut = program_.tiling.cut_loop;
      first_ = last_ = true;
      for (std::size_t l = 0; l < loops.size(); ++l) {
        if (!loops[l].reduced) continue;
        first_ &= at[l] == 0;
        last_ &= at[l] == loops[l].extent - 1;
      }
      fetch_next_tile();
      tile(cut >= 0 && at[cut] == loops[cut].extent - 1 ? program_.tiling.last_rows : program_.tiling.rows);
      if (!advance(at)) return;
    }
  }

 private:
  void bind() {
    for (std::size_t r = 0; r < program_.places.size(); ++r) {
      const Place& place = program_.places[r];
      switch (place.kind) {
        case Place::operand:
          registers_[r] = static_cast<std::byte*>(loads_[place.index]);
          break;
        case Place::slot:
          registers_[r] = scratch_ + program_.slots_at + place.index * program_.slot_bytes;
          break;
        case Place::cell:
          registers_[r] = scratch_ + program_.cells_at + place.index * 8;
          break;
        case Place::constant:
          registers_[r] = reinterpret_cast<std::byte*>(const_cast<double*>(&program_.constants[place.index]));
          break;
        case Place::output:
          registers_[r] = static_cast<std::byte*>(outputs_[place.index]);
          break;
      }
    }
    if (program_.views.empty()) return;
    offsets_ = reinterpret_cast<std::int64_t*>(registers_ + program_.places.size());
    std::fill_n(offsets_, load_count(), 0);
  }

  std::size_t load_count() const { return program_.load_count; }

  // To the next tile: moves what is read and written in place. False after the last.
  bool advance(std::int64_t* at) {
    const auto& loops = program_.tiling.loops;
    for (int l = static_cast<int>(loops.size()) - 1; l >= 0; --l) {
      const bool wraps = ++at[l] == loops[l].extent;
      move(l, wraps ? 1 - loops[l].extent : 1);
      if (!wraps) return true;
      at[l] = 0;
    }
    return false;
  }

  void move(int loop, std::int64_t times) {
    const auto& steps = program_.load_steps[loop];
    for (std::size_t load = 0; load < steps.size(); ++load) {
      if (program_.places[load].kind == Place::operand) registers_[load] += steps[load] * times;
      if (offsets_ != nullptr) offsets_[load] += steps[load] * times;
    }
    space_offset_ += program_.space_steps[loop] * times;
    kept_offset_ += program_.kept_steps[loop] * times;
    for (std::size_t o = 0; o < program_.outputs.size(); ++o) {
      const auto& output = program_.outputs[o];
      if (output.direct)
        registers_[output.source] += program_.space_steps[loop] * times * program_.widths[output.source];
    }
  }

  // An instruction goes through one or two streams, and the processor fetches ahead in those alone: without this the
  // memory would wait for the arithmetic. What is stored is fetched, too, or its fetches would wait behind the others.
  // Always inline: GCC drops calls of a function that only fetches ahead.
  [[gnu::always_inline]] void fetch_next_tile() const {
    constexpr std::int64_t cache_line = 64;
    for (const TileStream& stream : program_.streams) {
      if (stream.stored) {
        const std::int64_t here = space_offset_ * width(program_.outputs[stream.index]);
        const auto* next = static_cast<const std::byte*>(outputs_[stream.index]) + here + stream.bytes;
        for (std::int64_t i = 0; i < stream.bytes; i += cache_line) __builtin_prefetch(next + i, 1);
      } else {
        const std::byte* next = registers_[stream.index] + stream.bytes;
        for (std::int64_t i = 0; i < stream.bytes; i += cache_line) __builtin_prefetch(next + i);
      }
    }
  }

  void tile(std::int64_t rows) {
    for (const auto& [first, count, code] : program_.groups)
      if (code != nullptr)
        code->run(registers_, rows * program_.tiling.block);
      else
        execute(program_.body[first], rows);
    for (std::size_t o = 0; o < program_.outputs.size(); ++o) {
      const auto& output = program_.outputs[o];
      if (output.direct) continue;
      if (output.reduction == Reduction::none) {
        store(output, outputs_[o], rows * program_.tiling.block);
      } else {
        reduce(output, static_cast<std::byte*>(outputs_[o]) + kept_offset_ * width(output), rows);
      }
    }
  }

  std::int64_t width(const TileOutput& output) const { return program_.widths[output.source]; }

  void execute(const TileStep& step, std::int64_t rows) {
    std::byte* result = registers_[step.result];
    const std::int64_t n = step.single ? 1 : rows * program_.tiling.block;
    if (step.call != nullptr) {
      call(step, result, n);
    } else if (step.map != nullptr) {
      step.map(result, registers_[step.inputs[0]], registers_[step.inputs[1]], registers_[step.inputs[2]], n);
    } else if (step.view < 0) {
      step.gather(result, registers_[step.inputs[0]], 1, 0, n, 0);
    } else {
      gather(step, result, rows);
    }
  }

  void call(const TileStep& step, void* result, std::int64_t n) {
    if (step.dtype == Dtype::f32) return call_each<float>(step, result, n);
    if (step.dtype == Dtype::f64) return call_each<double>(step, result, n);
    call_each<std::int32_t>(step, result, n);
  }

  template <class T>
  void call_each(const TileStep& step, void* result, std::int64_t n) {
    const T* operands[3];
    for (int k = 0; k < 3; ++k) operands[k] = reinterpret_cast<const T*>(registers_[step.inputs[k]]);
    for (std::int64_t i = 0; i < n; ++i) {
      double values[3];
      for (int k = 0; k < 3; ++k) values[k] = static_cast<double>(operands[k][i * step.stride[k]]);
      static_cast<T*>(result)[i] = static_cast<T>(step.call(values[0], values[1], values[2]));
    }
  }

  // Copies a view side by side: the two innermost axes by the inner loop, the others counted here.
  void gather(const TileStep& step, std::byte* result, std::int64_t rows) {
    const TileView& view = program_.views[step.view];
    const std::int64_t width = program_.widths[step.result];
    const std::byte* source = static_cast<const std::byte*>(loads_[step.result]) + offsets_[step.result];
    const int axes = static_cast<int>(view.sizes.size());
    const auto size = [&](int axis) { return view.sizes[axis] * (axis == 0 && view.cut ? rows : 1); };
    const std::int64_t inner = size(axes - 1), inner_stride = view.strides[axes - 1];
    if (axes == 1) return step.gather(result, source, 1, 0, inner, inner_stride);
    const std::int64_t outer = size(axes - 2), outer_stride = view.strides[axes - 2];
    std::int64_t at[max_rank] = {};
    for (;;) {
      step.gather(result, source, outer, outer_stride, inner, inner_stride);
      result += outer * inner * width;
      int axis = axes - 3;
      for (; axis >= 0; --axis) {
        source += view.strides[axis] * width;
        if (++at[axis] < size(axis)) break;
        source -= view.strides[axis] * width * at[axis];
        at[axis] = 0;
      }
      if (axis < 0) return;
    }
  }

  void store(const TileOutput& output, void* base, std::int64_t n) {
    auto* target = static_cast<std::byte*>(base) + space_offset_ * width(output);
    const std::byte* source = registers_[output.source];
    if (target == source) return;  // a load stored over itself
    table_.gather[width(output)](target, source, 1, 0, n, output.single ? 0 : 1);
  }

  void reduce(const TileOutput& output, std::byte* target, std::int64_t rows) {
    const int fn = static_cast<int>(output.reduction), dtype = static_cast<int>(output.dtype);
    const std::int64_t kept = program_.kept_block * (program_.rows_kept ? rows : 1);
    std::byte* part = scratch_ + program_.parts_at;
    const std::byte* source = registers_[output.source];
    const std::size_t steps = program_.reduce_steps.size();
    for (std::size_t s = 0; s < steps; ++s) {
      const ReduceStep& step = program_.reduce_steps[s];
      std::byte* result = !program_.outer_reduction && s + 1 == steps ? target : part + (s & 1) * program_.part_bytes;
      const std::int64_t outer = step.outer * (step.rows_reduced ? 1 : rows);
      const std::int64_t reduced = step.reduced * (step.rows_reduced ? rows : 1);
      table_.reduce[fn][dtype](result, source, part + 2 * program_.part_bytes, outer, reduced, step.inner);
      source = result;
    }
    if (!program_.outer_reduction) {
      if (steps == 0) table_.gather[width(output)](target, source, 1, 0, kept, 1);
      return;
    }
    std::byte* accumulator = scratch_ + output.accumulator;
    table_.accumulate[fn][dtype](accumulator, source, first_, kept);
    if (last_) table_.finish[fn][dtype](target, accumulator, kept);
  }

  const TileProgram& program_;
  const PointwiseTable& table_;
  void* const* outputs_;
  void* const* loads_;
  std::byte* scratch_;
  std::byte** registers_;
  std::int64_t* offsets_ = nullptr;  // of loads, bytes; only where some load is gathered
  std::int64_t space_offset_ = 0, kept_offset_ = 0;
  bool first_ = true, last_ = true;
};

class PointwiseKernel : public Kernel {
 public:
  PointwiseKernel(PointwiseProgram program, bool generate)
      : program_(std::move(program)),
        table_(simd().pointwise),
        types_(register_types(program_, table_)),
        generate_(generate) {
    for (auto size : program_.shape) empty_ = empty_ || size == 0;
    if (!empty_) tiles_ = compile_tiles(program_, table_);
  }

  // Machine code is made here, once: a plan that is only looked at needs none.
  std::unique_ptr<State> make_state() const override {
    if (generate_ && !empty_) std::call_once(generated_, [this] { generate_code(tiles_, table_); });
    return nullptr;
  }

  std::size_t scratch_bytes() const override { return tiles_.scratch_bytes; }

  bool may_overwrite(int output, int input) const override {
    const auto& load = program_.loads.at(input);
    const auto& stored = program_.outputs.at(output);
    if (empty_) return false;
    if (stored.reduction != Reduction::none || size_of(load.dtype) != tiles_.widths[stored.source]) return false;
    if (!Layout{load.dtype, program_.shape, load.strides}.is_dense()) return false;
    return written_at(output) >= last_read_of(input);
  }

  void run(void* const* operands, std::byte* scratch, State*) const override {
    if (!empty_) return TileRun(tiles_, table_, operands, scratch).run();
    for (std::size_t o = 0; o < program_.outputs.size(); ++o) {
      const auto& output = program_.outputs[o];
      if (output.reduction == Reduction::none) continue;
      fill_identity(operands[o], elements_left(program_.shape, output.axes), types_[output.source], output.reduction);
    }
  }

  std::string describe() const override {
    const auto plural = [](std::size_t n, const char* what) {
      return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
    };
    std::string text =
        fmt::format("pointwise[{}] {}, {}", fmt::join(program_.shape.begin(), program_.shape.end(), "x"),
                    plural(program_.instructions.size(), "instruction"), plural(program_.loads.size(), "load"));
    for (const auto& output : program_.outputs)
      if (output.reduction != Reduction::none) text += fmt::format(", {}", name(output.reduction));
    return text;
  }

 private:
  // Places in the order of a tile's work: the steps of the body, then the stores of the outputs.
  int written_at(int output) const {
    const int steps = static_cast<int>(tiles_.body.size());
    if (!tiles_.outputs[output].direct) return steps + output;
    for (int s = 0; s < steps; ++s)
      if (tiles_.body[s].result == tiles_.outputs[output].source) return s;
    throw Bug("[pointwise] an output has no instruction");
  }

  int last_read_of(int load) const {
    int last = -1;
    for (std::size_t s = 0; s < tiles_.body.size(); ++s)
      for (auto input : tiles_.body[s].inputs)
        if (input == load && tiles_.body[s].view < 0) last = static_cast<int>(s);
    for (std::size_t o = 0; o < tiles_.outputs.size(); ++o)
      if (program_.outputs[o].source == load) last = static_cast<int>(tiles_.body.size() + o);
    return last;
  }

  PointwiseProgram program_;
  const PointwiseTable& table_;
  std::vector<Dtype> types_;  // of the registers
  mutable TileProgram tiles_;
  mutable std::once_flag generated_;
  bool generate_, empty_ = false;
};

}  // namespace

KernelPtr make_pointwise(PointwiseProgram program, bool generate) {
  return std::make_unique<PointwiseKernel>(std::move(program), generate);
}

}  // namespace metac
