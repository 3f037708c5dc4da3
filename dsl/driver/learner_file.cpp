// The arrays of a file say what the leaves are.
#include "driver/learner_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "driver/state.hpp"
#include "store/safetensors.hpp"

namespace metac::dsl {
namespace {

// The tree of "learner.theta.linear.weight", ...: its records in the order of the file.
Value tree_of(const store::Tensors& tensors) {
  struct Node {
    std::vector<std::pair<std::string, std::unique_ptr<Node>>> children;
    const Array* leaf = nullptr;
    Value value() const {
      if (leaf != nullptr) return *leaf;
      std::vector<std::pair<std::string, Value>> fields;
      for (const auto& [name, child] : children) fields.emplace_back(name, child->value());
      return Value::record(std::move(fields));
    }
  } root;
  for (const auto& [path, array] : tensors.arrays) {
    if (std::count(path.begin(), path.end(), '.') >= tallest_value)
      throw Error(fmt::format("the name of an array has more than {} parts", tallest_value));
    Node* node = &root;
    for (std::size_t begin = 0; begin <= path.size();) {
      const std::size_t end = std::min(path.find('.', begin), path.size());
      const std::string name = path.substr(begin, end - begin);
      const auto at =
          std::find_if(node->children.begin(), node->children.end(), [&](const auto& c) { return c.first == name; });
      node = at != node->children.end() ? at->second.get()
                                        : node->children.emplace_back(name, std::make_unique<Node>()).second.get();
      begin = end + 1;
    }
    node->leaf = &array;
  }
  const Value tree = root.value();
  const Value* learner = tree.record()->find("learner");
  return learner != nullptr && learner->record() != nullptr ? *learner : Value(None{});
}

}  // namespace

void write_learner(const std::string& path, const Learner& learner) {
  store::write_safetensors(path, {parts_of("learner", learner.state),
                                  {{"learner", learner.name()}, {"trainings", fmt::format("{}", learner.trainings)}}});
}

void read_learner(const std::string& path, Learner& learner) {
  const auto tensors = store::read_safetensors(path);
  learner.state = tree_of(tensors);
  if (const auto trainings = tensors.metadata.find("trainings"); trainings != tensors.metadata.end())
    learner.trainings = std::strtoll(trainings->second.c_str(), nullptr, 10);
}

}  // namespace metac::dsl
