// One pass over the steps decides which register each value is in, and writes the code: the constants and single
// elements that the loop needs, the loop over whole vectors, and once more its body for the rest, under a mask.
#include "kernels/generated.hpp"

#if defined(__x86_64__)

#include <xbyak/xbyak.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>

namespace metac {
namespace {

constexpr int lanes = 16;

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
struct TooManyRegisters {};

// Hands out numbers, the lowest free one first.
class Numbers {
 public:
  explicit Numbers(std::initializer_list<int> all) : free_(all) {}
  int take() {
    if (free_.empty()) throw TooManyRegisters();
    const auto lowest = std::min_element(free_.begin(), free_.end());
    const int number = *lowest;
    free_.erase(lowest);
    return number;
  }
  void give_back(int number) { free_.push_back(number); }

 private:
  std::vector<int> free_;
};

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
  }

  bool fetches(const TileStream& stream) const override { return registers_[stream.reg].ahead > 0; }

  void run(std::byte* const* registers, std::int64_t n) const override { function_(registers, n); }

 private:
  using Function = void (*)(std::byte* const* registers, std::int64_t n);
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
    for (const TileStream& stream : program_.streams) {
      Value& value = registers_[stream.reg];
      const bool in_place = program_.places[stream.reg].kind == (stream.stored ? Place::output : Place::operand);
      if (in_place && !value.boolean && (stream.stored ? value.stored : value.last >= 0 && !value.made))
        value.ahead = static_cast<int>(stream.bytes);
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
        vbroadcastss(Xbyak::Zmm(*value.number), dword[rax]);
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
    vpbroadcastd(Xbyak::Zmm(*number), eax);
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
    mov(edi, 1);
    shlx(edi, edi, esi);
    sub(edi, 1);
    kmovw(rest_mask, edi);
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
      const int number = (result.boolean ? masks_ : vectors_).take();
      compute(step, number, inputs);
      for (int k = 0; k < arity(step.fn); ++k) give_back(registers_[step.inputs[k]], s);
      result.number = number;
      if (result.stored) store(result);
      give_back(result, s);
    }
  }

  void load(Value& value) {
    if (value.number) return;
    if (value.boolean) {
      const int bytes = vectors_.take();
      value.number = masks_.take();
      if (rest_)
        vmovdqu8(Xbyak::Xmm(bytes) | rest_mask | T_z, address(value));
      else
        vmovdqu8(Xbyak::Xmm(bytes), address(value));
      vptestmb(Xbyak::Opmask(*value.number), Xbyak::Xmm(bytes), Xbyak::Xmm(bytes));
      return vectors_.give_back(bytes);
    }
    value.number = vectors_.take();
    if (value.ahead > 0 && !rest_) prefetcht0(ptr[Xbyak::Reg64(*value.pointer) + rax * 4 + value.ahead]);
    if (rest_)
      vmovups(Xbyak::Zmm(*value.number) | rest_mask | T_z, address(value));
    else
      vmovups(Xbyak::Zmm(*value.number), address(value));
  }

  void store(const Value& value) {
    if (value.boolean) {
      const int bytes = vectors_.take();
      vmovdqu8(Xbyak::Xmm(bytes) | Xbyak::Opmask(*value.number) | T_z, Xbyak::Xmm(*byte_of_one_));
      if (rest_)
        vmovdqu8(address(value) | rest_mask, Xbyak::Xmm(bytes));
      else
        vmovdqu8(address(value), Xbyak::Xmm(bytes));
      return vectors_.give_back(bytes);
    }
    if (value.ahead > 0 && !rest_) prefetchw(ptr[Xbyak::Reg64(*value.pointer) + rax * 4 + value.ahead]);
    if (rest_)
      vmovups(address(value) | rest_mask, Xbyak::Zmm(*value.number));
    else
      vmovups(address(value), Xbyak::Zmm(*value.number));
  }

  Xbyak::Address address(const Value& value) const {
    const Xbyak::Reg64 begin(*value.pointer);
    return value.boolean ? ptr[begin + rax] : ptr[begin + rax * 4];
  }

  // After the step that reads it last; of a result that nobody reads, the one that makes it.
  void give_back(Value& value, int step) {
    if (!value.number || value.last > step || (value.single && !value.made)) return;
    (value.boolean ? masks_ : vectors_).give_back(*value.number);
    value.number.reset();
  }

  void compute(const TileStep& step, int number, const std::array<int, 3>& inputs) {
    const Xbyak::Zmm to(number), a(inputs[0]), b(inputs[1]), c(inputs[2]);
    const Xbyak::Opmask mask(number);
    switch (step.fn) {
      case Fn::copy:
        return vmovaps(to, a);
      case Fn::negate:
        return vpxord(to, a, Xbyak::Zmm(*sign_));
      case Fn::absolute:
        return vpandd(to, a, Xbyak::Zmm(*all_but_sign_));
      case Fn::sqrt:
        return vsqrtps(to, a);
      case Fn::floor:
        return vrndscaleps(to, a, 9);
      case Fn::round:
        return vrndscaleps(to, a, 8);
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
        return vcmpps(mask, a, b, equal);
      case Fn::not_equal:
        return vcmpps(mask, a, b, not_equal);
      case Fn::less:
        return vcmpps(mask, a, b, less);
      case Fn::less_equal:
        return vcmpps(mask, a, b, less_equal);
      case Fn::select:
        return vblendmps(to | Xbyak::Opmask(inputs[0]), c, b);
      default:
        throw Bug("[pointwise] there is no code for this function");
    }
  }

  // a where it compares so with b, or is NaN; else b.
  void first_or_second(const Xbyak::Zmm& to, const Xbyak::Zmm& a, const Xbyak::Zmm& b, Comparison comparison) {
    const int first = masks_.take(), nan = masks_.take();
    vcmpps(Xbyak::Opmask(first), a, b, comparison);
    vcmpps(Xbyak::Opmask(nan), a, a, unordered);
    korw(Xbyak::Opmask(first), Xbyak::Opmask(first), Xbyak::Opmask(nan));
    vblendmps(to | Xbyak::Opmask(first), b, a);
    masks_.give_back(first);
    masks_.give_back(nan);
  }

  static constexpr int saved_by_callee[] = {Xbyak::Operand::RBX, Xbyak::Operand::RBP, Xbyak::Operand::R12,
                                            Xbyak::Operand::R13, Xbyak::Operand::R14, Xbyak::Operand::R15};

  std::span<const TileStep> steps_;
  std::span<const char> stored_;
  const TileProgram& program_;
  std::vector<Value> registers_;  // of the tile
  const Xbyak::Opmask rest_mask{7};
  Numbers masks_{1, 2, 3, 4, 5, 6};
  Numbers vectors_{0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                   16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
  Numbers pointers_{Xbyak::Operand::RCX, Xbyak::Operand::RDX, Xbyak::Operand::R8,  Xbyak::Operand::R9,
                    Xbyak::Operand::R10, Xbyak::Operand::R11, Xbyak::Operand::RBX, Xbyak::Operand::RBP,
                    Xbyak::Operand::R12, Xbyak::Operand::R13, Xbyak::Operand::R14, Xbyak::Operand::R15};
  std::optional<int> sign_, all_but_sign_, byte_of_one_;  // vectors of constants, if they are needed
  bool rest_ = false;
  Function function_ = nullptr;
};

}  // namespace

bool can_generate(const TileStep& step, const TileProgram& program) {
  if (step.map == nullptr || step.single || step.dtype != Dtype::f32 || !is_generated(step.fn)) return false;
  return step.fn != Fn::select || !program.places[step.inputs[0]].single;
}

std::unique_ptr<GeneratedCode> GeneratedCode::make(std::span<const TileStep> steps, std::span<const char> stored,
                                                   const TileProgram& program) {
  try {
    return std::make_unique<Code>(steps, stored, program);
  } catch (const TooManyRegisters&) {
    return nullptr;
  } catch (const Xbyak::Error&) {
    return nullptr;
  }
}

}  // namespace metac

#else

namespace metac {

bool can_generate(const TileStep&, const TileProgram&) { return false; }
std::unique_ptr<GeneratedCode> GeneratedCode::make(std::span<const TileStep>, std::span<const char>,
                                                   const TileProgram&) {
  return nullptr;
}

}  // namespace metac

#endif
