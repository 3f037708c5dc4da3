// The arrays of a file say what the leaves are; its metadata says which of them are only carried, and where there are
// empty places.
#include "driver/learner_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "base/error.hpp"
#include "driver/state.hpp"
#include "store/safetensors.hpp"

namespace metac::dsl {
namespace {

// What stands behind the path of a leaf that is only carried.
constexpr char carried_mark = '~', frozen_mark = '*', empty_mark = '-';

// The paths of all leaves in their order; empty if none is carried, as the arrays then say as much.
std::string list_of(const Value& state) {
  std::vector<std::string> paths;
  bool carries = false;
  for (const auto& [path, leaf] : places(state)) {
    paths.push_back("learner." + path);
    const Carried* carried = leaf.carried();
    if (carried == nullptr) continue;
    carries = true;
    paths.back() += carried->leaf.is_none() ? empty_mark : carried->frozen ? frozen_mark : carried_mark;
  }
  return carries ? fmt::format("{}", fmt::join(paths, " ")) : "";
}

using Leaves = std::vector<std::pair<std::string, Value>>;

Leaves listed(const std::string& list, const store::Tensors& tensors) {
  Leaves leaves;
  std::istringstream paths(list);
  for (std::string path; paths >> path;) {
    const char mark = path.back();
    const bool carried = mark == carried_mark || mark == frozen_mark || mark == empty_mark;
    if (carried) path.pop_back();
    const Array* array = mark == empty_mark ? nullptr : tensors.find(path);
    if (array == nullptr && mark != empty_mark) throw Error(fmt::format("the array `{}` is missing", path));
    const Value leaf = array != nullptr ? Value(*array) : Value(None{});
    leaves.emplace_back(path, carried ? Value::carried(Carried{leaf, mark == frozen_mark}) : leaf);
  }
  return leaves;
}

Leaves leaves_of(const store::Tensors& tensors) {
  if (const auto list = tensors.metadata.find("leaves"); list != tensors.metadata.end())
    return listed(list->second, tensors);
  return {tensors.arrays.begin(), tensors.arrays.end()};
}

// The tree of "learner.theta.linear.weight", ...: its records in the order of the leaves.
Value tree_of(const Leaves& leaves) {
  struct Node {
    std::vector<std::pair<std::string, std::unique_ptr<Node>>> children;
    std::optional<Value> leaf;
    Value value() const {
      if (leaf) return *leaf;
      std::vector<std::pair<std::string, Value>> fields;
      for (const auto& [name, child] : children) fields.emplace_back(name, child->value());
      return Value::record(std::move(fields));
    }
  } root;
  for (const auto& [path, leaf] : leaves) {
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
    node->leaf = leaf;
  }
  const Value tree = root.value();
  const Value* learner = tree.record()->find("learner");
  return learner != nullptr && learner->record() != nullptr ? *learner : Value(None{});
}

}  // namespace

void write_learner(const std::string& path, const Learner& learner) {
  std::map<std::string, std::string> metadata{{"learner", learner.name()},
                                              {"trainings", fmt::format("{}", learner.trainings)},
                                              {"selection", learner.selection.rule},
                                              {"selection_protocol", learner.selection.protocol}};
  if (auto list = list_of(learner.state); !list.empty()) metadata["leaves"] = std::move(list);
  store::write_safetensors(path, {parts_of("learner", learner.state), std::move(metadata)});
}

void read_learner(const std::string& path, Learner& learner) {
  const auto tensors = store::read_safetensors(path);
  learner.state = tree_of(leaves_of(tensors));
  const auto said = [&](const char* name) {
    const auto found = tensors.metadata.find(name);
    return found != tensors.metadata.end() ? found->second : "";
  };
  learner.trainings = std::strtoll(said("trainings").c_str(), nullptr, 10);
  learner.selection = {said("selection"), said("selection_protocol")};
}

}  // namespace metac::dsl
