// Graphs as text, for people: one line a node, bodies of regions indented below their node.
#include <fmt/format.h>

#include "graph/drawing.hpp"
#include "graph/operator.hpp"

namespace metac {

namespace {

std::string ids(std::span<const NodeId> list) {
  std::string text;
  for (NodeId id : list) text += fmt::format("{}%{}", text.empty() ? "" : ", ", id);
  return text;
}

void print(const Graph& graph, std::span<const NodeId> outputs, const std::string& indent, const NodeNote& note,
           std::string& text) {
  const std::vector<char> needed = needed_by(graph, outputs);
  for (NodeId id = 0; id < needed.size(); ++id) {
    if (!needed[id]) continue;
    const Node node = graph.node(id);
    const auto said = note ? note(graph, id) : std::string();
    if (!said) continue;
    text += fmt::format("{}%{} = {}({})", indent, id, node.op.name, ids(node.inputs));
    if (!node.attributes.numbers.empty() && &node.op != &input_operator)
      text += fmt::format(" {{{}}}", fmt::join(node.attributes.numbers, ", "));
    text += " : " + to_string(node.type) + (said->empty() ? "" : "  # " + *said) + "\n";
    if (!node.op.region) continue;
    const Region& body = *node.op.region(node);
    text += fmt::format("{}  body({})\n", indent, ids(body.inputs));
    print(*body.graph, body.outputs, indent + "    ", note, text);
  }
  text += fmt::format("{}return {}\n", indent, ids(outputs));
}

}  // namespace

std::string to_text(const Graph& graph, std::span<const NodeId> outputs) { return to_text(graph, outputs, {}); }

std::string to_text(const Graph& graph, std::span<const NodeId> outputs, const NodeNote& note) {
  std::string text;
  print(graph, outputs, "", note, text);
  return text;
}

}  // namespace metac
