// Where values lie: leaves, views of stored values, dense copies, filled constants.
#include <fmt/format.h>

#include <bit>

#include "base/memory.hpp"
#include "plan/lower.hpp"

namespace metac {
namespace {

template <class T>
void fill(Array& array, double value) {
  for (T& element : array.as<T>()) element = static_cast<T>(value);
}

Array filled_array(const Type& type, double value) {
  Array array(type);
  if (std::bit_cast<std::uint64_t>(value) == 0) return array;  // zeros already, and never touched
  switch (type.dtype) {
    case Dtype::f32:
      fill<float>(array, value);
      break;
    case Dtype::f64:
      fill<double>(array, value);
      break;
    case Dtype::i32:
      fill<std::int32_t>(array, value);
      break;
    case Dtype::boolean:
      fill<bool>(array, value != 0);
      break;
  }
  return array;
}

Array evaluate_leaf(const Node& node, KernelCache& cache) {
  if (!node.op.kernel) throw Bug(fmt::format("plan: `{}` has no lowering", node.op.name));
  Array result(node.type);
  void* const operand = result.data();
  const auto kernel = cache.of_node(node, {});
  const auto scratch = allocate(kernel->scratch_bytes());
  kernel->run(&operand, scratch.get(), kernel->make_state().get());
  return result;
}

PointwiseProgram copy_program(const Layout& from) {
  PointwiseProgram program;
  program.shape = from.shape;
  program.loads.push_back({from.dtype, from.strides});
  program.instructions.push_back({Fn::copy, from.dtype, from.dtype, {0, 0, 0}});
  program.outputs.push_back({1});
  return program;
}

}  // namespace

// Constants stay numbers, arrays stay where they are, everything else without inputs is computed here, once.
void Lowering::visit_leaf(NodeId id, const Node& node) {
  if (&node.op == &input_operator)
    throw Error(
        fmt::format("[plan] the outputs need %{} : {}, which is not among the inputs given", id, to_string(node.type)));
  if (&node.op == &constant_operator) {
    values_[id] = {Value::splat, 0, static_cast<std::uint32_t>(splats_.size())};
    splats_.push_back(constant_value(node));
    return;
  }
  const Array array = &node.op == &array_operator ? array_value(node) : evaluate_leaf(node, cache_);
  values_[id] = {Value::stored, 0, add_stored(add_array(array), node.type)};
}

void Lowering::visit_view(NodeId id, const Node& node) {
  const NodeId input = node.inputs[0];
  if (values_[input].kind == Value::splat) {
    values_[id] = values_[input];
    return;
  }
  std::uint32_t from = settle(input);
  auto view = node.op.view(node, stored_[from].layout);
  if (!view) {
    from = dense(input);
    view = node.op.view(node, stored_[from].layout);
  }
  if (!view) throw Bug(fmt::format("plan: `{}` has no view even of dense memory", node.op.name));
  Stored stored{stored_[from].storage, stored_[from].offset, view->layout};
  stored.offset += view->offset * static_cast<std::int64_t>(size_of(view->layout.dtype));
  if (stored.layout.type() != node.type)
    throw Bug(fmt::format("plan: `{}` promised {}, its view is {}", node.op.name, to_string(node.type),
                          to_string(stored.layout.type())));
  values_[id] = {Value::stored, 0, static_cast<std::uint32_t>(stored_.size())};
  stored_.push_back(stored);
}

std::uint32_t Lowering::settle(NodeId id) {
  const Value& value = values_[id];
  if (value.kind == Value::member || value.kind == Value::reduced) close(value.index);
  if (value.kind == Value::splat) {  // remains one, for others
    const Type& type = graph_.node(id).type;
    const std::uint32_t number = filled({type.dtype, {}}, splats_[value.index]);
    stored_.push_back({number, 0, {type.dtype, type.shape, Shape(type.shape.rank(), 0)}});
    return static_cast<std::uint32_t>(stored_.size() - 1);
  }
  if (value.kind != Value::stored) throw Bug(fmt::format("plan: %{} is used before it has a value", id));
  return value.index;
}

std::uint32_t Lowering::dense(NodeId id) {
  const Type& type = graph_.node(id).type;
  if (values_[id].kind == Value::splat) return add_stored(filled(type, splats_[values_[id].index]), type);
  const std::uint32_t from = settle(id);
  if (stored_[from].layout.is_dense()) return from;
  if (stored_[from].dense == none) {
    const std::uint32_t result = new_result(type).index;
    copy(id, from, stored_[result].storage);
    stored_[from].dense = result;
  }
  return stored_[from].dense;
}

// So a loop reads a sequence that is reversed or repeated where it is.
std::uint32_t Lowering::rows(NodeId id) {
  const std::uint32_t stored = settle(id);
  const Layout& layout = stored_[stored].layout;
  const Layout row{layout.dtype, layout.shape.without(0), layout.strides.without(0)};
  return row.is_dense() ? stored : dense(id);
}

void Lowering::copy(NodeId id, std::uint32_t stored, std::uint32_t storage) {
  emit_program(copy_program(stored_[stored].layout), id, {{storage}, operand(stored)});
}

std::uint32_t Lowering::filled(const Type& type, double value) {
  const std::pair key{std::bit_cast<std::uint64_t>(value), std::pair{type.dtype, type.elements()}};
  const auto found = filled_.find(key);
  if (found != filled_.end()) return found->second;
  return filled_[key] = add_array(filled_array(type, value));
}

std::uint32_t Lowering::add_array(const Array& array) {
  frame_.arrays.push_back(array);
  return add_storage(Space::array, static_cast<std::uint32_t>(frame_.arrays.size() - 1), array.bytes());
}

std::uint32_t Lowering::add_storage(Space space, std::uint32_t index, std::size_t bytes) {
  Storage storage;
  storage.space = space;
  storage.index = index;
  storage.bytes = bytes;
  frame_.storages.push_back(storage);
  return static_cast<std::uint32_t>(frame_.storages.size() - 1);
}

std::uint32_t Lowering::add_stored(std::uint32_t storage, const Type& type) {
  stored_.push_back({storage, 0, Layout::dense(type)});
  return static_cast<std::uint32_t>(stored_.size() - 1);
}

Lowering::Value Lowering::new_result(const Type& type) {
  return {Value::stored, 0, add_stored(add_storage(Space::arena, 0, type.bytes()), type)};
}

}  // namespace metac
