// The register of operators, and the one operator that every graph needs: input.
#include "graph/operator.hpp"

#include <algorithm>
#include <cstring>
#include <string>

namespace metac {

namespace {

// A function's own variable: registration happens before main, in no particular order of files.
std::vector<const Operator*>& registered() {
  static std::vector<const Operator*> operators;
  return operators;
}

bool before(const Operator* op, std::string_view name) { return op->name < name; }

auto position(std::string_view name) {
  auto& operators = registered();
  return std::lower_bound(operators.begin(), operators.end(), name, before);
}

Type input_type(const Site& site) { return attributes_type(site.attributes); }

}  // namespace

std::span<const Operator* const> all_operators() { return registered(); }

const Operator* find_operator(std::string_view name) {
  auto found = position(name);
  return found != registered().end() && (*found)->name == name ? *found : nullptr;
}

Register::Register(const Operator& op) {
  if (find_operator(op.name)) throw Bug(std::string("two operators are called ") + op.name);
  registered().insert(position(op.name), &op);
}

Attributes type_attributes(const Type& type) {
  Attributes result;
  result.numbers.reserve(1 + type.shape.rank());
  result.numbers.push_back(static_cast<std::int64_t>(type.dtype));
  result.numbers.insert(result.numbers.end(), type.shape.begin(), type.shape.end());
  return result;
}

Type attributes_type(const Attributes& attributes) {
  const std::span<const std::int64_t> numbers = attributes.numbers;
  if (numbers.empty()) throw Bug("attributes_type: there are no numbers");
  return {static_cast<Dtype>(numbers[0]), Shape(numbers.subspan(1))};
}

const Operator input_operator = {
    .name = "input", .doc = "A value given at each run, or to each task of a region.", .arity = 0, .type = input_type};
const Register register_input{input_operator};

}  // namespace metac
