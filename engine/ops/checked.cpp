// A value that is used only where a condition holds: else the run that meets it ends with an Error. So a rule can say
// that a derivative does not exist, instead of giving an infinity.
#include <fmt/format.h>

#include <cstring>

#include "ops/family.hpp"
#include "ops/reference.hpp"

namespace metac {
namespace {

// The object of the attributes is the text of the error, which lives as long as the program.
const char* message_of(const Attributes& attributes) { return static_cast<const char*>(attributes.object.get()); }

Type checked_type(const Site& site) {
  require_dtype(site.op, site.inputs[1], Dtype::boolean);
  return site.inputs[0].type();
}

KernelPtr checked_kernel(const Node& node, std::span<const Layout> inputs) {
  const std::size_t bytes = inputs[0].type().bytes();
  const std::int64_t conditions = inputs[1].shape.elements();
  const auto run = [bytes, conditions, message = message_of(node.attributes)](void* const* operands, std::byte*) {
    const auto* holds = static_cast<const unsigned char*>(operands[2]);
    for (std::int64_t i = 0; i < conditions; ++i)
      if (holds[i] == 0) throw Error(message);
    if (bytes != 0 && operands[0] != operands[1]) std::memcpy(operands[0], operands[1], bytes);
  };
  return make_kernel("checked", run, 0, true);
}

void checked_reference(const Node& node, std::span<const Array> inputs, Array& result) {
  for (std::int64_t i = 0; i < inputs[1].elements(); ++i)
    if (inputs[1].at(i) == 0) throw Error(message_of(node.attributes));
  for (std::int64_t i = 0; i < result.elements(); ++i) store(result, i, inputs[0].at(i));
}

Attributes with_message(const char* message) {
  return {.numbers = {}, .object = std::shared_ptr<const void>(std::shared_ptr<const void>(), message)};
}

std::vector<Sample> checked_samples() {
  std::vector<Sample> samples;
  for (const auto& shape : {Shape{}, Shape{1}, Shape{0, 3}, Shape{2, 5}})
    samples.push_back({.inputs = {{Dtype::f32, shape}, {Dtype::boolean, shape}},
                       .attributes = with_message("[checked] a condition does not hold"),
                       .adjust = [](int input, Array& values) {
                         for (std::int64_t i = 0; input == 1 && i < values.elements(); ++i) store(values, i, 1);
                       }});
  return samples;
}

const Operator checked_operator = {.name = "checked",
                                   .doc = "the first input; an error where an element of the second does not hold",
                                   .arity = 2,
                                   .type = checked_type,
                                   .vjp = [](const VjpSite& site) -> Tensors {
                                     return {site.cotangents[0], Tensor{}};
                                   },
                                   .batch = batch_by_broadcast,
                                   .kernel = checked_kernel,
                                   .samples = checked_samples,
                                   .reference = checked_reference};

const Register registered{checked_operator};

}  // namespace

Tensor checked(Tensor value, Tensor condition, const char* message) {
  return apply(checked_operator, {value, condition}, with_message(message));
}

}  // namespace metac
