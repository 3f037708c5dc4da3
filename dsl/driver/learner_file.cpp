// The arrays of a file say what the leaves are; its metadata says which of them are only carried, where there are empty
// places, and what data the learner has seen: of each origin the numbers of its rows and classes, as bits.
#include "driver/learner_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
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

// ---- what was seen ----

// Four to a digit, the first as the lowest bit.
std::string digits_of(const std::vector<bool>& bits) {
  std::string digits;
  for (std::size_t i = 0; i < bits.size(); i += 4) {
    int digit = 0;
    for (std::size_t k = i; k < std::min(i + 4, bits.size()); ++k) digit |= bits[k] << (k - i);
    digits += "0123456789abcdef"[digit];
  }
  return digits;
}

std::vector<bool> bits_of(const std::string& digits) {
  std::vector<bool> bits;
  for (const char c : digits) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) throw Error(fmt::format("`{}` is no digit of what was seen", c));
    for (int k = 0; k < 4; ++k) bits.push_back((digit >> k) & 1);
  }
  return bits;
}

void add(std::vector<bool>& all, const std::vector<bool>& more) {
  all.resize(std::max(all.size(), more.size()));
  for (std::size_t i = 0; i < more.size(); ++i) all[i] = all[i] || more[i];
}

// Names of files are bytes. A text that is no UTF-8 stands in JSON as the list of its bytes, so that it is known again.
nlohmann::ordered_json written(const std::string& text) {
  try {
    nlohmann::ordered_json(text).dump();  // refuses what is no UTF-8
    return text;
  } catch (const nlohmann::json::type_error&) {
    return std::vector<std::uint8_t>(text.begin(), text.end());
  }
}

std::string read(const nlohmann::json& text) {
  if (!text.is_array()) return text.get<std::string>();
  const auto bytes = text.get<std::vector<std::uint8_t>>();
  return {bytes.begin(), bytes.end()};
}

// What was seen of one part of an origin, in one way, is one entry, in however many trainings.
std::string text_of(const std::vector<Exposure>& seen) {
  std::vector<Exposure> entries;
  std::vector<data::Footprint> footprints;
  for (const Exposure& each : seen) {
    data::Footprint own = each.set ? data::footprint(*each.set) : *each.footprint;
    std::size_t at = 0;
    while (at < entries.size() && (footprints[at].origin != own.origin || footprints[at].part != own.part ||
                                   footprints[at].content != own.content || entries[at].of_tasks != each.of_tasks ||
                                   entries[at].in_validation != each.in_validation))
      ++at;
    if (at == entries.size()) {
      entries.push_back(each);
      footprints.push_back(std::move(own));
      continue;
    }
    add(footprints[at].rows, own.rows);
    add(footprints[at].classes, own.classes);
    if (footprints[at].name.find(own.name) == std::string::npos) footprints[at].name += ", " + own.name;
  }
  auto list = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < entries.size(); ++i)
    list.push_back({{"name", written(footprints[i].name)},
                    {"origin", written(footprints[i].origin)},
                    {"part", written(footprints[i].part)},
                    {"content", fmt::format("{:016x}", footprints[i].content)},
                    {"tasks", entries[i].of_tasks},
                    {"validation", entries[i].in_validation},
                    {"rows", digits_of(footprints[i].rows)},
                    {"classes", digits_of(footprints[i].classes)}});
  return list.dump();
}

std::vector<Exposure> seen_in(const std::string& path, const std::string& text) {
  std::vector<Exposure> seen;
  try {
    for (const auto& entry : nlohmann::json::parse(text)) {
      const auto word = [&](const char* name) { return read(entry.at(name)); };
      data::Footprint footprint{word("name"),          word("origin"),
                                word("part"),          std::stoull(word("content"), nullptr, 16),
                                bits_of(word("rows")), bits_of(word("classes"))};
      seen.push_back({std::nullopt, std::make_shared<const data::Footprint>(std::move(footprint)),
                      entry.at("tasks").get<bool>(), entry.at("validation").get<bool>(), Span{}});
    }
  } catch (const std::exception& error) {
    throw Error(fmt::format("{}: what the learner has seen cannot be read: {}", path, error.what()));
  }
  return seen;
}

}  // namespace

void write_learner(const std::string& path, const Learner& learner, const std::vector<Exposure>& seen) {
  std::map<std::string, std::string> metadata{{"learner", learner.name()},
                                              {"trainings", fmt::format("{}", learner.trainings)},
                                              {"selection", learner.selection.rule},
                                              {"selection_protocol", learner.selection.protocol},
                                              {"seen", text_of(seen)}};
  if (auto list = list_of(learner.state); !list.empty()) metadata["leaves"] = std::move(list);
  store::write_safetensors(path, {parts_of("learner", learner.state), std::move(metadata)});
}

bool read_learner(const std::string& path, Learner& learner) {
  const auto tensors = store::read_safetensors(path);
  learner.state = tree_of(leaves_of(tensors));
  const auto said = [&](const char* name) {
    const auto found = tensors.metadata.find(name);
    return found != tensors.metadata.end() ? found->second : "";
  };
  learner.trainings = std::strtoll(said("trainings").c_str(), nullptr, 10);
  learner.selection = {said("selection"), said("selection_protocol")};
  const bool says_what_was_seen = tensors.metadata.contains("seen");
  learner.exposures = says_what_was_seen ? seen_in(path, said("seen")) : std::vector<Exposure>();
  return says_what_was_seen;
}

}  // namespace metac::dsl
