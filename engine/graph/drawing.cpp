// One walk over what the outputs need, for each form. Names of operators and types have no sign that needs an escape.
#include "graph/drawing.hpp"

#include <fmt/format.h>

#include "graph/operator.hpp"

namespace metac {

namespace {

class Drawing {
 public:
  Drawing(std::string& text, const NodeNote& note) : text_(text), note_(note) {}

  // `prefix` makes the names of nodes unique among all bodies.
  void draw(const Graph& graph, std::span<const NodeId> outputs, const std::string& prefix, const std::string& indent) {
    const std::vector<char> needed = needed_by(graph, outputs);
    for (NodeId id = 0; id < needed.size(); ++id) {
      if (!needed[id]) continue;
      const Node node = graph.node(id);
      const auto said = note_ ? note_(graph, id) : std::string();
      if (!said) continue;
      text_ += fmt::format(
          "{}{}{} [label={}];\n", indent, prefix, id,
          quoted(fmt::format("{}\n{}{}{}", node.op.name, to_string(node.type), said->empty() ? "" : "\n", *said)));
      if (node.op.region) {
        draw_body(node, fmt::format("{}{}", prefix, id), prefix, indent);
      } else {
        for (const NodeId input : node.inputs)
          text_ += fmt::format("{}{}{} -> {}{};\n", indent, prefix, input, prefix, id);
      }
    }
  }

 private:
  void draw_body(const Node& node, const std::string& name, const std::string& prefix, const std::string& indent) {
    const Region& body = *node.op.region(node);
    const std::string inner = name + "_";
    text_ += fmt::format("{}subgraph cluster_{} {{\n{}  label=\"{}\";\n", indent, name, indent, node.op.name);
    for (const NodeId input : body.inputs)  // also those that nothing needs: edges lead to them
      text_ += fmt::format("{}  {}{} [label=\"{}\\n{}\"];\n", indent, inner, input, body.graph->node(input).op.name,
                           to_string(body.graph->node(input).type));
    draw(*body.graph, body.outputs, inner, indent + "  ");
    text_ += indent + "}\n";
    for (std::size_t i = 0; i < node.inputs.size() && i < body.inputs.size(); ++i)
      text_ += fmt::format("{}{}{} -> {}{} [style=dashed];\n", indent, prefix, node.inputs[i], inner, body.inputs[i]);
    for (const NodeId output : body.outputs)
      text_ += fmt::format("{}{}{} -> {} [style=dashed];\n", indent, inner, output, name);
  }

  std::string& text_;
  const NodeNote& note_;
};

}  // namespace

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += ' ';
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + "\"";
}

std::string to_dot(const Graph& graph, std::span<const NodeId> outputs, const std::string& name, const NodeNote& note) {
  std::string text = fmt::format("digraph {} {{\n  node [shape=box];\n", quoted(name));
  Drawing(text, note).draw(graph, outputs, "n", "  ");
  for (const NodeId output : outputs) text += fmt::format("  n{} [peripheries=2];\n", output);
  return text + "}\n";
}

std::string to_json(const Graph& graph, std::span<const NodeId> inputs, std::span<const NodeId> outputs,
                    const NodeNote& note) {
  const std::vector<char> needed = needed_by(graph, outputs);
  std::string nodes;
  for (NodeId id = 0; id < needed.size(); ++id) {
    if (!needed[id]) continue;
    const Node node = graph.node(id);
    const auto said = note ? note(graph, id) : std::string();
    if (!said) continue;
    nodes += fmt::format(R"({}{{"id":{},"op":"{}","inputs":[{}],"attributes":[{}],"type":"{}")",
                         nodes.empty() ? "" : ",", id, node.op.name, fmt::join(node.inputs, ","),
                         fmt::join(node.attributes.numbers, ","), to_string(node.type));
    if (note) nodes += ",\"note\":" + quoted(*said);
    if (node.op.region) {
      const Region& body = *node.op.region(node);
      nodes += ",\"body\":" + to_json(*body.graph, body.inputs, body.outputs, note);
    }
    nodes += "}";
  }
  return fmt::format(R"({{"nodes":[{}],"inputs":[{}],"outputs":[{}]}})", nodes, fmt::join(inputs, ","),
                     fmt::join(outputs, ","));
}

}  // namespace metac
