// An open group: pointwise nodes of one shape, with reductions at their end, that will become one kernel. It knows
// registers and limits, but neither the graph nor memory; who joins when is lower.hpp's business.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "graph/graph.hpp"
#include "kernels/pointwise.hpp"

namespace metac {

struct Group {
  // Where an operand of an instruction comes from. The program's register numbers are known only when it is complete.
  struct Source {
    enum Kind : std::uint8_t { load, immediate, instruction } kind = load;
    std::uint16_t index = 0;
  };
  struct Load {
    std::uint32_t storage;
    std::int64_t offset;  // bytes
    Dtype dtype;
    Shape strides;
  };
  struct Instruction {
    Fn fn;
    Dtype operand, result;
    Source inputs[3];
    NodeId node;
    Scalar call = nullptr;
  };
  struct Reduced {
    Source source;
    Reduction reduction;
    std::uint32_t axes;
    NodeId node;
  };

  Shape shape;
  std::vector<Load> loads;
  std::vector<PointwiseProgram::Immediate> immediates;
  std::vector<Instruction> instructions;
  std::vector<Reduced> reductions;
  int live =
      0;  // instructions whose value somebody outside still waits for: they would be stored if it were closed now
  bool open = true;
  std::uint32_t merged_into = 0;  // for a closed group that was merged: the group it became; else itself

  int operands() const { return static_cast<int>(loads.size() + reductions.size()) + live; }
  bool has_room(int more_instructions, int more_operands) const;
  bool reduces_over(std::uint32_t axes) const { return reductions.empty() || reductions[0].axes == axes; }
  bool can_merge(const Group& other) const;

  Source add_load(const Load&);
  Source add_immediate(Dtype, double value);
  // Takes over all of `other`, which depends on nothing of this group, nor this on it. Returns the number that was
  // added to its instructions' indices.
  std::uint16_t merge(const Group& other);
  // A group of its own that makes the value of one instruction as its last one; nullopt where that takes more than a few
  // quick instructions.
  std::optional<Group> recipe(std::uint16_t instruction) const;
  // Makes the value of a load by its recipe instead.
  void rebuild(std::size_t load, const Group& recipe);
  // Stores the values of `stored` instructions, then the reductions.
  PointwiseProgram program(const std::vector<std::uint16_t>& stored) const;
  void clear();  // keeps shape and merged_into: closed groups of a long graph must not hold memory
};

}  // namespace metac
