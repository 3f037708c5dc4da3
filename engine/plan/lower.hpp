// From a finished graph to a frame: one walk over the ids, upwards. Pointwise nodes gather in open groups (fuse.hpp),
// views become layouts, every other node becomes a step. An open group never depends on another open group, because
// using a value from outside its group closes that group: so groups may be emitted in any order, each when it is
// closed.
#pragma once

#include <map>
#include <span>
#include <unordered_map>
#include <vector>

#include "graph/operator.hpp"
#include "ops/primitives.hpp"
#include "plan/cut.hpp"
#include "plan/frame.hpp"
#include "plan/fuse.hpp"
#include "plan/share.hpp"

namespace metac {

class Lowering {
 public:
  Lowering(const Graph& graph, KernelCache& cache, const Parts& parts) : graph_(graph), cache_(cache), parts_(parts) {}

  // Input i of the frame is external i, the outputs are those that follow.
  Frame program(std::span<const NodeId> inputs, std::span<const NodeId> outputs);
  // The body of a map or scan: external i is operand i of its step, the results and then the inputs. Strides are those
  // of the inputs, in bytes from task to task.
  std::unique_ptr<LoopKernel> region(const MapBody&, std::span<const std::int64_t> strides);

 private:
  static constexpr std::uint32_t none = ~0u;

  // What became of a node.
  struct Value {
    enum Kind : std::uint8_t {
      unknown,
      splat,    // a constant, of any shape: splats_[index]
      stored,   // stored_[index]
      parts,    // a region's results: stored_[index...]
      member,   // instruction `slot` of groups_[index]
      reduced,  // reduction `slot` of groups_[index]
    } kind = unknown;
    std::uint16_t slot = 0;
    std::uint32_t index = 0;
  };
  struct Stored {
    std::uint32_t storage;
    std::int64_t offset;  // bytes
    Layout layout;
    std::uint32_t dense = none;   // a dense copy of it, if one was made
    std::uint32_t loader = none;  // the last group that loads it
  };

  // lower.cpp: the walk
  void bind_input(NodeId, std::uint32_t external);
  void lower(std::span<const NodeId> outputs);
  void count_uses(std::span<const NodeId> outputs);
  void visit(NodeId);
  void visit_kernel(NodeId, const Node&);
  void take_result(LoopKernel&, const MapBody&, std::uint32_t k);
  void visit_loop(NodeId, const Node&);
  void deliver(NodeId output, std::uint32_t external);
  void add_output(const Operand&);
  void emit_program(PointwiseProgram, NodeId, std::vector<Operand> operands);  // the outputs, then the loads
  void emit_kernel(NodeId, const Node&, std::vector<Layout> inputs, std::vector<Operand> operands);
  void move_result(Draft&, std::size_t result) const;
  void finish();

  // groups.cpp: who joins which group
  void visit_pointwise(NodeId, const Node&);
  void visit_reduction(NodeId, const Node&);
  std::uint32_t meet(std::span<const NodeId> inputs, const Shape&);
  std::uint32_t meet_loader(std::span<const NodeId> inputs, const Shape&);
  std::uint32_t open_group(const Shape&);
  std::uint32_t merge(std::uint32_t a, std::uint32_t b);
  Group::Source source(std::uint32_t group, NodeId input);
  std::uint16_t add_instruction(std::uint32_t group, const Group::Instruction&);
  void used(NodeId);
  void rebuild_loads(Group&);
  void close(std::uint32_t group);
  void close_all();

  // views.cpp: where values lie
  void visit_leaf(NodeId, const Node&);
  void visit_view(NodeId, const Node&);
  std::uint32_t settle(NodeId);  // index of the Stored, closing the node's group if it has one
  std::uint32_t dense(NodeId);   // the same, densely laid out
  std::uint32_t rows(NodeId);    // the same, with dense rows that may lie in any order
  void copy(NodeId, std::uint32_t stored, std::uint32_t storage);
  std::uint32_t filled(const Type&, double value);
  std::uint32_t add_array(const Array&);
  std::uint32_t add_storage(Space, std::uint32_t index, std::size_t bytes);
  std::uint32_t add_stored(std::uint32_t storage, const Type&);
  Value new_result(const Type&);  // a new storage of the arena
  Operand operand(std::uint32_t stored) const { return {stored_[stored].storage, stored_[stored].offset}; }

  const Graph& graph_;
  KernelCache& cache_;
  const Parts parts_;
  Frame frame_;
  std::vector<Draft> drafts_;
  std::vector<Value> values_;             // by node
  std::vector<std::uint32_t> remaining_;  // by node: uses not met yet; 0 from the start for a node that is not needed
  std::vector<Stored> stored_;
  std::vector<double> splats_;
  std::vector<Group> groups_;
  std::unordered_map<std::uint32_t, Group> recipes_;  // by storage: how its value is made again
  std::map<std::pair<std::uint64_t, std::pair<Dtype, std::int64_t>>, std::uint32_t>
      filled_;  // storages, by value and size
};

}  // namespace metac
