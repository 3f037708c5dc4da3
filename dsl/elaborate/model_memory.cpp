// What models remember: statistics that are leaves of their tree, only carried. A model says `memory name = first` and
// may assign to the name; the new value is what a call says of it. It is heard where somebody listens: `observe` gives
// a tree with what was heard in one call, and a training step moves what is learned by what was heard in all of its
// calls in training mode. Elsewhere calls change nothing.
#include <fmt/format.h>

#include "elaborate/model_memory.hpp"

namespace metac::dsl {
namespace {

bool same(Tensor a, Tensor b) { return &a.graph() == &b.graph() && a.id() == b.id(); }

bool unchanged(const Value& before, const Value& now) {
  const Tensor *a = before.get<Tensor>(), *b = now.get<Tensor>();
  return a != nullptr && b != nullptr ? same(*a, *b) : before.is_none() && now.is_none();
}

}  // namespace

HeardByPlace MemoryLog::means() const {
  HeardByPlace result;
  for (const auto& [place, all] : heard_) {
    // One value for all calls stays the node it is, so that it merges with what else is computed from it.
    bool one = true;
    Tensor sum;
    std::int64_t calls = 0;
    for (const auto& [value, count] : all) {
      one = one && same(value, all.front().value);
      const Tensor part = count == 1 ? value : value * static_cast<double>(count);
      sum = sum ? sum + part : part;
      calls += count;
    }
    result[place] = {one ? all.front().value : sum / static_cast<double>(calls), calls};
  }
  return result;
}

void Elaborator::memory(const MemoryStatement& statement, const ScopePtr& scope) {
  const Name& name = statement.name;
  ParameterFrame* frame = context_.parameters;
  if (frame == nullptr) fail("E0337", name.span, "this statement cannot stand here");
  const auto remembered = [&](const Value& value, Span span) -> Value {
    return value.is_none() ? value : Value(real(tensor(value, span)));
  };
  const Value first = remembered(evaluate(statement.value, scope), statement.value->span);
  if (frame->initialising) {
    frame->own.emplace_back(name.text, Value::carried({first}));
    scope->bind(name.text, first);
    return;
  }
  const Record* tree = frame->tree.record();
  const Value* leaf = tree != nullptr ? tree->find(name.text) : nullptr;
  if (leaf == nullptr)
    fail("E0325", name.span, fmt::format("the tree has no memory `{}` of `{}`", name.text, frame->model),
         fmt::format("the tree is {}", describe(frame->tree)), "was it made by `init` of another model?");
  const Carried* carried = leaf->carried();
  const Value now = remembered(inside(carried != nullptr ? carried->leaf : *leaf), name.span);
  if (!first.is_none() && !now.is_none() && first.get<Tensor>()->shape() != now.get<Tensor>()->shape())
    fail("E0328", name.span,
         fmt::format("the memory `{}` of `{}` has the shape {} in the tree, {} is needed for this input", name.text,
                     frame->model, to_string(now.get<Tensor>()->shape()), to_string(first.get<Tensor>()->shape())),
         "", "the inputs must have the size that the tree was made for");
  scope->bind(name.text, now);
  if (carried == nullptr) return;
  if (carried->place == Carried::held) context_.training = false;  // up to the end of this body
  if (context_.log != nullptr && carried->place > 0 && (context_.training || context_.observing))
    frame->listened.push_back({name, scope, carried->place, now});
}

// At the end of a body: what it assigned to its memory.
void Elaborator::listen(const ParameterFrame& frame) {
  for (const auto& memory : frame.listened) {
    const Value& now = *memory.scope->find(memory.name.text);
    if (unchanged(memory.before, now)) continue;
    Tensor value = real(tensor(now, memory.name.span));
    if (const Tensor* before = memory.before.get<Tensor>()) {
      if (before->shape() != value.shape())
        fail("E0383", memory.name.span,
             fmt::format("the memory `{}` of `{}` changed its shape from {} to {}", memory.name.text, frame.model,
                         to_string(before->shape()), to_string(value.shape())));
      value = cast(value, before->dtype());
    }
    context_.log->add(memory.place, {value});
  }
}

Value Elaborator::observe(const Value& net, const Value& tree, const Value& x, Span span) {
  int count = 0;
  const Value numbered = map_carried(tree, [&](const std::string&, Carried leaf) {
    ++count;
    if (leaf.place != Carried::held) leaf.place = count;
    return leaf;
  });
  if (count == 0) return tree;
  MemoryLog log;
  {
    const Listening listening(context_, &log, true);
    call(net, {{"", numbered, span}, {"", x, span}}, span);
  }
  return with_memory(tree, log.means());
}

Value listened(const Value& tree) {
  int count = 0;
  return map_carried(tree, [&](const std::string&, Carried leaf) {
    ++count;
    leaf.place = leaf.frozen ? Carried::held : count;
    return leaf;
  });
}

Value with_memory(const Value& tree, const HeardByPlace& heard) {
  int count = 0;
  return map_carried(tree, [&](const std::string&, Carried leaf) {
    if (const auto found = heard.find(++count); found != heard.end()) leaf.leaf = found->second.value;
    return leaf;
  });
}

void ListeningInRow::tell(const std::vector<Tensor>& values, std::int64_t rows) const {
  std::size_t next = 0;
  for (const auto& [place, one] : heard()) outer_->add(place, {values[next++], rows * one.calls});
}

}  // namespace metac::dsl
