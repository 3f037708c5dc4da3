// Keys say all that a kernel depends on, bit for bit; shared kernels are immutable, so sharing cannot be noticed.
#include "plan/share.hpp"

#include <type_traits>

namespace metac {
namespace {

// Numbers and shapes, one after the other; each is of fixed size or preceded by its length, so equal strings mean equal
// things.
class Key {
 public:
  template <class T>
  Key& add(const T& value) {
    static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_pointer_v<T>);
    text_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Key& add(const Shape& shape) {
    add(shape.rank());
    for (const auto size : shape) add(size);
    return *this;
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string key_of(const PointwiseProgram& program) {
  Key key;
  key.add(program.shape).add(program.from_memory);
  for (const auto& load : program.loads) key.add('l').add(load.dtype).add(load.strides);
  for (const auto& immediate : program.immediates) key.add('i').add(immediate.dtype).add(immediate.value);
  for (const auto& instruction : program.instructions) {
    key.add('x').add(instruction.fn).add(instruction.call).add(instruction.operand).add(instruction.result);
    for (int i = 0; i < arity(instruction.fn); ++i) key.add(instruction.inputs[i]);
  }
  for (const auto& output : program.outputs) key.add('o').add(output.source).add(output.reduction).add(output.axes);
  return key.take();
}

std::string key_of(const Node& node, std::span<const Layout> inputs) {
  Key key;
  key.add('n').add(&node.op).add(node.type.dtype).add(node.type.shape);
  for (const auto& input : inputs) key.add('l').add(input.dtype).add(input.shape).add(input.strides);
  for (const auto number : node.attributes.numbers) key.add('a').add(number);
  key.add(node.attributes.object.get());
  return key.take();
}

double occupied_bytes(Dtype dtype, const Shape& shape, const Shape& strides) {
  double elements = 1;
  for (int axis = 0; axis < shape.rank(); ++axis)
    if (strides[axis] != 0 || shape[axis] == 0) elements *= static_cast<double>(shape[axis]);
  return elements * static_cast<double>(size_of(dtype));
}

}  // namespace

Cost work_of(const PointwiseProgram& program) {
  const auto elements = static_cast<double>(program.shape.elements());
  Cost work;
  for (const auto& load : program.loads) work.bytes += occupied_bytes(load.dtype, program.shape, load.strides);
  work.operations = static_cast<double>(program.instructions.size()) * elements;
  for (const auto& output : program.outputs) {
    if (output.reduction != Reduction::none) work.operations += elements;
    double kept = 1;
    for (int axis = 0; axis < program.shape.rank(); ++axis)
      if (output.reduction == Reduction::none || (output.axes >> axis & 1) == 0)
        kept *= static_cast<double>(program.shape[axis]);
    work.bytes += kept * static_cast<double>(size_of(program.dtype(output.source)));
  }
  return work;
}

Cost work_of(const Node& node, std::span<const Layout> inputs) {
  Cost work;
  work.operations =
      node.op.operations != nullptr ? node.op.operations(node, inputs) : static_cast<double>(node.type.elements());
  work.bytes = static_cast<double>(node.type.bytes());
  for (const Layout& input : inputs) work.bytes += occupied_bytes(input.dtype, input.shape, input.strides);
  return work;
}

KernelCache::Shared KernelCache::of_program(PointwiseProgram program) {
  Shared& kernel = kernels_[key_of(program)];
  if (!kernel) {
    const Cost work = work_of(program);
    kernel = make_pointwise(std::move(program));
    work_.emplace(kernel.get(), work);
  }
  return kernel;
}

KernelCache::Shared KernelCache::of_node(const Node& node, std::span<const Layout> inputs) {
  Shared& kernel = kernels_[key_of(node, inputs)];
  if (!kernel) {
    kernel = node.op.kernel(node, inputs);
    work_.emplace(kernel.get(), work_of(node, inputs));
  }
  return kernel;
}

}  // namespace metac
