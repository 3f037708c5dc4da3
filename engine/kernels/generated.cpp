// One pass over the steps decides which register each value is in, and writes the code: the constants and single
// elements that the loop needs, the loop over whole vectors, and once more its body for the rest, under a mask.
#include "kernels/generated.hpp"

#if defined(__x86_64__)

#include <xbyak/xbyak.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <type_traits>

namespace metac {
namespace {

bool is_generated(Fn fn) {
  switch (fn) {
    case Fn::copy:
    case Fn::negate:
    case Fn::absolute:
    case Fn::sqrt:
    case Fn::floor:
    case Fn::round:
    case Fn::add:
    case Fn::subtract:
    case Fn::multiply:
    case Fn::divide:
    case Fn::maximum:
    case Fn::minimum:
    case Fn::equal:
    case Fn::not_equal:
    case Fn::less:
    case Fn::less_equal:
    case Fn::select:
      return true;
    default:
      return false;
  }
}

// Of the instruction VCMPPS; none of them signals.
enum Comparison : std::uint8_t {
  equal = 0,
  unordered = 3,
  not_equal = 4,
  less = 0x11,
  less_equal = 0x12,
  greater = 0x1e
};

// Thrown and caught here: the steps are then left to the interpreter.
struct NotPossible {};

// Hands out numbers, the lowest free one first.
class Numbers {
 public:
  explicit Numbers(std::initializer_list<int> all) : free_(all) {}
  int take() {
    if (free_.empty()) throw NotPossible();
    const auto lowest = std::min_element(free_.begin(), free_.end());
    const int number = *lowest;
    free_.erase(lowest);
    return number;
  }
  void give_back(int number) { free_.push_back(number); }

 private:
  std::vector<int> free_;
};

// Where vectors have 16 lanes (AVX-512) bools are bits of mask registers; where they have 8 (AVX2), vectors of all ones
// or zeros, and none may be in memory, for bytes cannot be read and written under a mask there.
template <int lanes>
class Code final : public GeneratedCode, private Xbyak::CodeGenerator {
 public:
  Code(std::span<const TileStep> steps, std::span<const char> stored, const TileProgram& program)
      : CodeGenerator(bytes_before_loop + bytes_of_step * steps.size(), Xbyak::DontSetProtectRWE),
        steps_(steps),
        stored_(stored),
        program_(program),
        registers_(program.places.size()) {
    find_values();
    write_begin();
    write_loop();
    write_end();
    setProtectModeRE();
    function_ = getCode<Function>();
    registers_.clear();
  }

  bool fetches(const TileStream& stream) const override {
    return std::find(fetched_.begin(), fetched_.end(), stream.reg) != fetched_.end();
  }

  void run(std::byte* const* registers, std::int64_t n) const override { function_(registers, n); }

 private:
  using Function = void (*)(std::byte* const* registers, std::int64_t n);
  using Vector = std::conditional_t<lanes == 16, Xbyak::Zmm, Xbyak::Ymm>;
  static constexpr bool has_masks = lanes == 16;
  // At most: an instruction has 11 bytes, a step some ten of them in each of the two bodies.
  static constexpr std::size_t bytes_before_loop = 1024, bytes_of_step = 256;

  struct Value {
    bool boolean = false;
    bool single = false;  // the same for all elements: in its register before the loop
    bool made = false;    // by a step of this code
    bool stored = false;
    int last = -1;               // the step that reads it last
    int ahead = 0;               // bytes from here to the same place in the next tile, if that is fetched
    std::optional<int> pointer;  // number of the register that says where it lies
    std::optional<int> number;   // of its vector or mask, while it has one
  };

  // ---- what there is ----

  void find_values() {
    for (int s = 0; s < size(); ++s) {
      const TileStep& step = steps_[static_cast<std::size_t>(s)];
      for (int k = 0; k < arity(step.fn); ++k) {
        Value& value = registers_[step.inputs[k]];
        value.boolean = step.fn == Fn::select && k == 0;
        value.single = program_.places[step.inputs[k]].single;
        value.last = s;
      }
      Value& result = registers_[step.result];
      result.made = true;
      result.boolean = program_.widths[step.result] == 1;
      result.stored = stored_[static_cast<std::size_t>(s)] != 0;
      if (step.fn == Fn::negate) sign_ = 0;
      if (step.fn == Fn::absolute) all_but_sign_ = 0;
      if (result.boolean && result.stored) byte_of_one_ = 0;
    }
    for (const Value& value : registers_)
      if (!has_masks && value.boolean && (value.stored || !value.made)) throw NotPossible();
    for (const TileStream& stream : program_.streams) {
      Value& value = registers_[stream.reg];
      const bool in_place = program_.places[stream.reg].kind == (stream.stored ? Place::output : Place::operand);
      if (!in_place || value.boolean || !(stream.stored ? value.stored : value.last >= 0 && !value.made)) continue;
      value.ahead = static_cast<int>(stream.bytes);
      fetched_.push_back(stream.reg);
    }
  }

  int size() const { return static_cast<int>(steps_.size()); }

  // ---- before the loop ----

  void write_begin() {
    for (const int saved : saved_by_callee) push(Xbyak::Reg64(saved));
    for (std::size_t r = 0; r < registers_.size(); ++r) {
      Value& value = registers_[r];
      if (value.made ? !value.stored : value.last < 0) continue;
      const auto place = ptr[rdi + static_cast<int>(r * sizeof(void*))];
      if (!value.made && value.single) {
        value.number = vectors_.take();
        mov(rax, place);
        vbroadcastss(Vector(*value.number), dword[rax]);
      } else {
        value.pointer = pointers_.take();
        mov(Xbyak::Reg64(*value.pointer), place);
      }
    }
    broadcast(sign_, 0x80000000);
    broadcast(all_but_sign_, 0x7fffffff);
    broadcast(byte_of_one_, 0x01010101);
  }

  void broadcast(std::optional<int>& number, std::uint32_t bits) {
    if (!number) return;
    number = vectors_.take();
    mov(eax, bits);
    vmovd(Xbyak::Xmm(*number), eax);
    vpbroadcastd(Vector(*number), Xbyak::Xmm(*number));
  }

  // ---- the loop ----

  void write_loop() {
    Xbyak::Label again, rest, end;
    xor_(eax, eax);
    sub(rsi, lanes);
    jl(rest, T_NEAR);
    L(again);
    write_body(false);
    add(rax, lanes);
    cmp(rax, rsi);
    jle(again, T_NEAR);
    L(rest);
    add(rsi, lanes);
    sub(rsi, rax);
    jz(end, T_NEAR);
    if constexpr (has_masks) {
      mov(edi, 1);
      shlx(edi, edi, esi);
      sub(edi, 1);
      kmovw(rest_mask, edi);
    } else {
      static constexpr std::int32_t ones_then_zeros[] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
      mov(rdi, reinterpret_cast<std::uint64_t>(ones_then_zeros + lanes));
      neg(rsi);
      vmovups(rest_vector, ptr[rdi + rsi * 4]);
    }
    write_body(true);
    L(end);
  }

  void write_end() {
    vzeroupper();
    for (auto saved = std::rbegin(saved_by_callee); saved != std::rend(saved_by_callee); ++saved)
      pop(Xbyak::Reg64(*saved));
    ret();
  }

  void write_body(bool rest) {
    rest_ = rest;
    for (int s = 0; s < size(); ++s) {
      const TileStep& step = steps_[static_cast<std::size_t>(s)];
      for (int k = 0; k < arity(step.fn); ++k) load(registers_[step.inputs[k]]);
      std::array<int, 3> inputs{};
      for (int k = 0; k < arity(step.fn); ++k) inputs[static_cast<std::size_t>(k)] = *registers_[step.inputs[k]].number;
      Value& result = registers_[step.result];
      const int number = numbers_of(result).take();
      compute(step, number, inputs);
      for (int k = 0; k < arity(step.fn); ++k) give_back(registers_[step.inputs[k]], s);
      result.number = number;
      if (result.stored) store(result);
      give_back(result, s);
    }
  }

  Numbers& numbers_of(const Value& value) { return has_masks && value.boolean ? masks_ : vectors_; }

  void load(Value& value) {
    if (value.number) return;
    if (value.boolean) return load_bools(value);
    value.number = vectors_.take();
    const Vector to(*value.number);
    if (value.ahead > 0 && !rest_) prefetcht0(ptr[Xbyak::Reg64(*value.pointer) + rax * 4 + value.ahead]);
    if (!rest_)
      vmovups(to, address(value));
    else if constexpr (has_masks)
      vmovups(to | rest_mask | T_z, address(value));
    else
      vmaskmovps(to, rest_vector, address(value));
  }

  void store(const Value& value) {
    if (value.boolean) return store_bools(value);
    const Vector from(*value.number);
    if (value.ahead > 0 && !rest_) prefetchw(ptr[Xbyak::Reg64(*value.pointer) + rax * 4 + value.ahead]);
    if (!rest_)
      vmovups(address(value), from);
    else if constexpr (has_masks)
      vmovups(address(value) | rest_mask, from);
    else
      vmaskmovps(address(value), rest_vector, from);
  }

  void load_bools(Value& value) {
    const Xbyak::Xmm bytes(vectors_.take());
    value.number = masks_.take();
    if (rest_)
      vmovdqu8(bytes | rest_mask | T_z, address(value));
    else
      vmovdqu8(bytes, address(value));
    vptestmb(Xbyak::Opmask(*value.number), bytes, bytes);
    vectors_.give_back(bytes.getIdx());
  }

  void store_bools(const Value& value) {
    const Xbyak::Xmm bytes(vectors_.take());
    vmovdqu8(bytes | Xbyak::Opmask(*value.number) | T_z, Xbyak::Xmm(*byte_of_one_));
    if (rest_)
      vmovdqu8(address(value) | rest_mask, bytes);
    else
      vmovdqu8(address(value), bytes);
    vectors_.give_back(bytes.getIdx());
  }

  Xbyak::Address address(const Value& value) const {
    const Xbyak::Reg64 begin(*value.pointer);
    return value.boolean ? ptr[begin + rax] : ptr[begin + rax * 4];
  }

  // After the step that reads it last; of a result that nobody reads, the one that makes it.
  void give_back(Value& value, int step) {
    if (!value.number || value.last > step || (value.single && !value.made)) return;
    numbers_of(value).give_back(*value.number);
    value.number.reset();
  }

  void compute(const TileStep& step, int number, const std::array<int, 3>& inputs) {
    const Vector to(number), a(inputs[0]), b(inputs[1]), c(inputs[2]);
    switch (step.fn) {
      case Fn::copy:
        return vmovaps(to, a);
      case Fn::negate:
        return vxorps(to, a, Vector(*sign_));
      case Fn::absolute:
        return vandps(to, a, Vector(*all_but_sign_));
      case Fn::sqrt:
        return vsqrtps(to, a);
      case Fn::floor:
        return round(to, a, 9);
      case Fn::round:
        return round(to, a, 8);
      case Fn::add:
        return vaddps(to, a, b);
      case Fn::subtract:
        return vsubps(to, a, b);
      case Fn::multiply:
        return vmulps(to, a, b);
      case Fn::divide:
        return vdivps(to, a, b);
      case Fn::maximum:
        return first_or_second(to, a, b, greater);
      case Fn::minimum:
        return first_or_second(to, a, b, less);
      case Fn::equal:
        return compare(number, a, b, equal);
      case Fn::not_equal:
        return compare(number, a, b, not_equal);
      case Fn::less:
        return compare(number, a, b, less);
      case Fn::less_equal:
        return compare(number, a, b, less_equal);
      case Fn::select:
        return choose(to, inputs[0], b, c);
      default:
        throw Bug("[pointwise] there is no code for this function");
    }
  }

  void round(const Vector& to, const Vector& a, std::uint8_t how) {
    if constexpr (has_masks)
      vrndscaleps(to, a, how);
    else
      vroundps(to, a, how);
  }

  void compare(int result, const Vector& a, const Vector& b, Comparison comparison) {
    if constexpr (has_masks)
      vcmpps(Xbyak::Opmask(result), a, b, comparison);
    else
      vcmpps(Vector(result), a, b, comparison);
  }

  void choose(const Vector& to, int condition, const Vector& if_true, const Vector& if_false) {
    if constexpr (has_masks)
      vblendmps(to | Xbyak::Opmask(condition), if_false, if_true);
    else
      vblendvps(to, if_false, if_true, Vector(condition));
  }

  // a where it compares so with b, or is NaN; else b.
  void first_or_second(const Vector& to, const Vector& a, const Vector& b, Comparison comparison) {
    Numbers& numbers = has_masks ? masks_ : vectors_;
    const int first = numbers.take(), nan = numbers.take();
    compare(first, a, b, comparison);
    compare(nan, a, a, unordered);
    if constexpr (has_masks)
      korw(Xbyak::Opmask(first), Xbyak::Opmask(first), Xbyak::Opmask(nan));
    else
      vorps(Vector(first), Vector(first), Vector(nan));
    choose(to, first, a, b);
    numbers.give_back(first);
    numbers.give_back(nan);
  }

  static constexpr int saved_by_callee[] = {Xbyak::Operand::RBX, Xbyak::Operand::RBP, Xbyak::Operand::R12,
                                            Xbyak::Operand::R13, Xbyak::Operand::R14, Xbyak::Operand::R15};

  Function function_ = nullptr;
  std::vector<std::uint16_t> fetched_;  // registers of the streams that it fetches ahead in

  // For the making only: what they refer to may be gone when the code runs.
  std::span<const TileStep> steps_;
  std::span<const char> stored_;
  const TileProgram& program_;
  std::vector<Value> registers_;  // of the tile
  const Xbyak::Opmask rest_mask{7};
  const Xbyak::Ymm rest_vector{15};
  Numbers masks_{1, 2, 3, 4, 5, 6};
  Numbers vectors_ = has_masks ? Numbers{0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                         16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}
                               : Numbers{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
  Numbers pointers_{Xbyak::Operand::RCX, Xbyak::Operand::RDX, Xbyak::Operand::R8,  Xbyak::Operand::R9,
                    Xbyak::Operand::R10, Xbyak::Operand::R11, Xbyak::Operand::RBX, Xbyak::Operand::RBP,
                    Xbyak::Operand::R12, Xbyak::Operand::R13, Xbyak::Operand::R14, Xbyak::Operand::R15};
  std::optional<int> sign_, all_but_sign_, byte_of_one_;  // vectors of constants, if they are needed
  bool rest_ = false;
};

}  // namespace

bool can_generate(const TileStep& step, const TileProgram& program) {
  if (step.map == nullptr || step.single || step.dtype != Dtype::f32 || !is_generated(step.fn)) return false;
  return step.fn != Fn::select || !program.places[step.inputs[0]].single;
}

std::unique_ptr<GeneratedCode> GeneratedCode::make(int lanes, std::span<const TileStep> steps,
                                                   std::span<const char> stored, const TileProgram& program) {
  try {
    if (lanes == 16) return std::make_unique<Code<16>>(steps, stored, program);
    if (lanes == 8) return std::make_unique<Code<8>>(steps, stored, program);
    return nullptr;
  } catch (const NotPossible&) {
    return nullptr;
  } catch (const Xbyak::Error&) {
    return nullptr;
  }
}

}  // namespace metac

#else

namespace metac {

bool can_generate(const TileStep&, const TileProgram&) { return false; }
std::unique_ptr<GeneratedCode> GeneratedCode::make(int, std::span<const TileStep>, std::span<const char>,
                                                   const TileProgram&) {
  return nullptr;
}

}  // namespace metac

#endif
