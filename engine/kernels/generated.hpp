// Machine code for pointwise instructions that follow each other in a tile: their values stay in registers, where the
// interpreter would write each to memory and read it back. It computes the same, to the bit. For AVX2 and AVX-512, made
// with Xbyak; on other machines, and of other functions, there is none, and the interpreter runs them.
#pragma once

#include <memory>
#include <span>

#include "kernels/tile_program.hpp"

namespace metac {

// Whether such code can have this step in it, whatever surrounds it.
bool can_generate(const TileStep&, const TileProgram&);

class GeneratedCode {
 public:
  // For vectors of so many lanes, of steps that each `can_generate`. `stored` says whose results something else reads;
  // the others are nowhere in memory. Null where that takes more registers than there are, or bools in memory where
  // there are 8 lanes, or the system refuses memory for code.
  static std::unique_ptr<GeneratedCode> make(int lanes, std::span<const TileStep>, std::span<const char> stored,
                                             const TileProgram&);
  virtual ~GeneratedCode() = default;

  // Whether it reads or writes what is in this stream, and fetches ahead in it.
  virtual bool fetches(const TileStream&) const = 0;

  // Over n >= 1 elements, which begin where the registers of the tile point.
  virtual void run(std::byte* const* registers, std::int64_t n) const = 0;
};

}  // namespace metac
