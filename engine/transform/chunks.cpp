// Maps in chunks. A map whose tasks each multiply a row or two by a matrix that all of them share reads that matrix
// once a task: it is bound by memory. Here the tasks of a chunk become one batch, so the matrix is read once for all of
// them, and a map goes over the chunks. What a task adds up as the square of an outer product (the diagonal of a Fisher
// information) is never made for a single task. Only finished graphs are looked at, and only maps of the outermost
// graph.
#include <algorithm>

#include "ops/primitives.hpp"
#include "transform/regions.hpp"

namespace metac {
namespace {

// Measured on per-example gradients of multilayer perceptrons (tests/bench/NOTES.md).
constexpr std::int64_t most_rows = 4;           // of a task, to be poor in work for one reading of the matrix
constexpr std::int64_t least_matrix = 64 * 64;  // elements: smaller ones stay near the core anyway
constexpr std::int64_t largest_chunk = 64;      // tasks
constexpr std::int64_t smallest_chunk = 8;
constexpr std::int64_t memory_of_chunk = 4ll << 20;  // bytes of intermediate values, which should stay in the cache

// What a body is, as far as this asks.
class Tasks {
 public:
  explicit Tasks(const MapBody& body) : body_(body), graph_(*body.region.graph), of_task_(graph_.size(), 0) {
    for (int i = 0; i < body.sequences; ++i) of_task_[body.region.inputs[i]] = 1;
    uses_.assign(graph_.size(), 0);
    for (const NodeId output : body.region.outputs) ++uses_[output];
    for (NodeId id = 0; id < graph_.size(); ++id) {
      const Node node = graph_.node(id);
      for (const NodeId input : node.inputs) {
        of_task_[id] |= of_task_[input];
        ++uses_[input];
      }
      holds_loop_ |= is_loop(node);
      shares_matrix_ |= shares_matrix(node);
    }
    count_visits(graph_.size());
    for (std::size_t k = 0; k < body.outputs.size(); ++k) squares_.push_back(square_of_outer_product(k));
  }

  // How many tasks make a chunk; 0 where tasks are better done one by one.
  std::int64_t chunk() const {
    if (!shares_matrix_ || holds_loop_ || body_.length < smallest_chunk || body_.guard != MapBody::no_guard) return 0;
    const std::int64_t size =
        std::min({largest_chunk, body_.length, memory_of_chunk / std::max<std::int64_t>(bytes(), 1)});
    return size < smallest_chunk ? 0 : size;
  }

  // The two factors of output k, [m, 1] and [1, n], if it adds up the squares of their products.
  struct Factors {
    NodeId product = 0, left = 0, right = 0;
  };
  const std::optional<Factors>& squares(std::size_t k) const { return squares_[k]; }

 private:
  bool shares_matrix(const Node& node) const {
    if (&node.op != &matmul_operator) return false;
    const auto shared = [&](NodeId id) {
      return !of_task_[id] && graph_.node(id).type.shape.elements() >= least_matrix;
    };
    const Shape& shape = node.type.shape;
    const std::int64_t rows = shape.elements() / std::max<std::int64_t>(shape.back(), 1),
                       columns = shape.elements() / std::max<std::int64_t>(shape[shape.rank() - 2], 1);
    return (shared(node.inputs[1]) && rows <= most_rows) || (shared(node.inputs[0]) && columns <= most_rows);
  }

  std::optional<Factors> square_of_outer_product(std::size_t k) const {
    if (body_.outputs[k] != MapBuilder::summed) return std::nullopt;
    const Node square = graph_.node(body_.region.outputs[k]);
    if (square.op.pointwise != Fn::multiply || square.inputs[0] != square.inputs[1]) return std::nullopt;
    const Node product = graph_.node(square.inputs[0]);
    if (&product.op != &matmul_operator || product.type.shape.rank() != 2) return std::nullopt;
    const bool outer = graph_.node(product.inputs[0]).type.shape[1] == 1;
    if (!outer || uses_[square.inputs[0]] != 2 || uses_[body_.region.outputs[k]] != 1) return std::nullopt;
    return Factors{square.inputs[0], product.inputs[0], product.inputs[1]};
  }

  // Of the values of one task that a batch of tasks would hold.
  std::int64_t bytes() const {
    std::vector<char> skipped(graph_.size(), 0);
    for (std::size_t k = 0; k < squares_.size(); ++k)
      if (squares_[k]) skipped[squares_[k]->product] = skipped[body_.region.outputs[k]] = 1;
    std::int64_t total = 0;
    for (NodeId id = 0; id < graph_.size(); ++id) {
      const Node node = graph_.node(id);
      if (of_task_[id] && !skipped[id] && !node.op.view && uses_[id] > 0)
        total += static_cast<std::int64_t>(node.type.bytes());
    }
    return total;
  }

  const MapBody& body_;
  const Graph& graph_;
  std::vector<char> of_task_;  // depends on a slice
  std::vector<int> uses_;
  bool holds_loop_ = false, shares_matrix_ = false;
  std::vector<std::optional<Factors>> squares_;
};

// One map, built again over chunks.
class Chunks {
 public:
  Chunks(const MapBody& body, const Tasks& tasks, std::vector<Tensor> inputs, Graph& graph)
      : body_(body), tasks_(tasks), inputs_(std::move(inputs)), graph_(graph), size_(tasks.chunk()) {
    region_ = body.region;
    region_.outputs.clear();
    for (std::size_t k = 0; k < body.outputs.size(); ++k) {
      if (const auto& factors = tasks.squares(k)) {
        region_.outputs.push_back(factors->left);
        region_.outputs.push_back(factors->right);
      } else {
        region_.outputs.push_back(body.region.outputs[k]);
      }
    }
  }

  // The parts of the map.
  std::vector<Tensor> run() const {
    const std::int64_t chunks = body_.length / size_, rest = body_.length % size_;
    std::vector<Tensor> sequences;
    for (int i = 1; i < body_.sequences; ++i) {
      const Shape& shape = inputs_[i].shape();
      sequences.push_back(
          reshape(slice_axis(inputs_[i], 0, 0, chunks * size_), shape.without(0).with_front(size_).with_front(chunks)));
    }
    MapBuilder map(graph_, sequences, chunks);
    const Tensor first = map.index() * constant_of(size_, map.graph());
    const auto outputs = batched(map.slices(), first, size_, map.graph());
    std::vector<MapBuilder::Result> results;
    for (std::size_t k = 0; k < outputs.size(); ++k) results.push_back({outputs[k], body_.outputs[k]});
    std::vector<Tensor> parts = map.close(results);
    for (std::size_t k = 0; k < parts.size(); ++k)
      if (body_.outputs[k] == MapBuilder::stacked)
        parts[k] = reshape(parts[k], parts[k].shape().without(0).without(0).with_front(chunks * size_));
    if (rest > 0) add_rest(parts, rest);
    return parts;
  }

 private:
  static Tensor constant_of(std::int64_t value, Graph& graph) {
    return constant(graph, static_cast<double>(value), Dtype::i32);
  }

  void add_rest(std::vector<Tensor>& parts, std::int64_t rest) const {
    std::vector<Tensor> slices;
    for (int i = 1; i < body_.sequences; ++i)
      slices.push_back(slice_axis(inputs_[i], 0, body_.length - rest, body_.length));
    const auto outputs = batched(slices, constant_of(body_.length - rest, graph_), rest, graph_);
    for (std::size_t k = 0; k < parts.size(); ++k)
      parts[k] =
          body_.outputs[k] == MapBuilder::stacked ? concatenate({parts[k], outputs[k]}, 0) : parts[k] + outputs[k];
  }

  // Stacked outputs of `count` tasks from number `first` on; summed ones already added up.
  std::vector<Tensor> batched(const std::vector<Tensor>& slices, Tensor first, std::int64_t count, Graph& graph) const {
    std::vector<Batched> inputs{{first + iota(graph, count), true}};
    for (const Tensor& slice : slices) inputs.push_back({slice, true});
    for (std::size_t i = body_.sequences; i < inputs_.size(); ++i) inputs.push_back({inputs_[i], false});
    const std::vector<Batched> values = batch(region_, inputs, count, graph);
    const auto all = [&](std::size_t i) {
      const Tensor value = values[i].value;
      return values[i].batched ? value : broadcast_to(value, value.shape().with_front(count));
    };
    std::vector<Tensor> result;
    for (std::size_t k = 0, i = 0; k < body_.outputs.size(); ++k) {
      if (tasks_.squares(k)) {
        const Tensor left = all(i++), right = all(i++);
        result.push_back(
            squared_products(reshape(left, {count, left.shape()[1]}), reshape(right, {count, right.shape()[2]})));
      } else {
        const Tensor value = all(i++);
        result.push_back(body_.outputs[k] == MapBuilder::stacked ? value : sum(value, {0}));
      }
    }
    return result;
  }

  const MapBody& body_;
  const Tasks& tasks_;
  std::vector<Tensor> inputs_;
  Graph& graph_;
  std::int64_t size_;
  Region region_;  // the body, with the factors of squares for their squares
};

}  // namespace

std::optional<Program> in_chunks(const Program& program) {
  const Graph& source = *program.graph;
  std::vector<NodeId> from;
  std::vector<Tensor> to;
  Program result{std::make_shared<Graph>(), {}, {}};
  for (NodeId id = 0; id < source.size(); ++id) {
    const Node node = source.node(id);
    if (&node.op != &map_operator) continue;
    const MapBody& body = map_body(node);
    const Tasks tasks(body);
    if (tasks.chunk() == 0) continue;
    if (from.empty()) {
      from = program.inputs;
      for (const NodeId input_id : program.inputs) to.push_back(input(*result.graph, source.node(input_id).type));
    }
    const auto inputs = replay(source, from, to, node.inputs, *result.graph);
    const std::vector<Tensor> parts = Chunks(body, tasks, inputs, *result.graph).run();
    for (NodeId user = id + 1; user < source.size(); ++user) {
      const Node part = source.node(user);
      if (&part.op != &part_operator || part.inputs[0] != id) continue;
      from.push_back(user);
      to.push_back(parts[static_cast<std::size_t>(part.attributes.numbers[0])]);
    }
  }
  if (from.empty()) return std::nullopt;
  for (std::size_t i = 0; i < program.inputs.size(); ++i) result.inputs.push_back(to[i].id());
  for (const Tensor& output : replay(source, from, to, program.outputs, *result.graph))
    result.outputs.push_back(output.id());
  return result;
}

}  // namespace metac
