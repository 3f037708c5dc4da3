// Builds the programs that other programs run: the same elaboration as for training, with host values as arguments.
#include "embed/program.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "elaborate/source.hpp"

namespace metac::dsl {
namespace {

// The value with `f` of each array in its place; also in lists.
Value map_arrays(const Value& value, const std::function<Value(const Array&)>& f) {
  if (const auto* array = value.get<Array>()) return f(*array);
  if (const Carried* carried = value.carried()) {
    Carried copy = *carried;
    copy.leaf = map_arrays(carried->leaf, f);
    return std::make_shared<const Carried>(std::move(copy));
  }
  if (const List* list = value.list()) {
    std::vector<Value> items;
    for (const Value& item : list->items) items.push_back(map_arrays(item, f));
    return Value::list(std::move(items));
  }
  if (const Record* record = value.record()) {
    std::vector<std::pair<std::string, Value>> fields;
    for (const auto& [name, field] : record->fields) fields.emplace_back(name, map_arrays(field, f));
    return Value::record(std::move(fields));
  }
  return value;
}

// A graph with inputs for a state, a key and arrays, and the context for what is elaborated in it.
class Outside {
 public:
  explicit Outside(Elaborator& self) : self_(self), scopes_(self.scopes_with_functions()) { self.forget_classes(); }
  ~Outside() { self_.take_apart(scopes_); }
  Outside(const Outside&) = delete;

  Tensor push(const Type& type) { return inputs_.emplace_back(input(*graph_, type)); }
  Value push(const Value& tree) {
    return map_arrays(tree, [this](const Array& array) -> Value { return push(array.type()); });
  }

  Context context(Tensor key) const {
    Context context;
    context.graph = graph_.get();
    context.real = self_.context().real;
    context.key = key;
    return context;
  }

  // Tensors and lists of them become outputs.
  OutsideProgram close(const Value& result, Span span) {
    OutsideProgram made;
    std::vector<Tensor> outputs;
    made.result = map_leaves(result, [&](const Leaf& leaf) -> Value {
      if (!self_.is_run_value(leaf.value)) return host(leaf, span);
      outputs.push_back(self_.tensor(leaf.value, span));
      return Array(outputs.back().type());
    });
    made.program = finalize(inputs_, outputs);
    return made;
  }

 private:
  // What a program outside can make something of.
  Value host(const Leaf& leaf, Span span) const {
    const Value& value = leaf.value;
    const bool plain = value.is_none() || value.number().has_value() || value.get<bool>() != nullptr ||
                       value.get<std::string>() != nullptr || value.list() != nullptr;
    if (!plain)
      self_.fail(
          "E0601", span,
          fmt::format("the result has {}{}: only numbers, texts, tensors, and lists and records of them can leave "
                      "the script",
                      describe(value), leaf.path.empty() ? "" : fmt::format(" in `{}`", leaf.path)));
    return value;
  }

  Elaborator& self_;
  std::shared_ptr<Graph> graph_ = std::make_shared<Graph>();
  std::size_t scopes_;
  std::vector<Tensor> inputs_;
};

constexpr int task_stream = 1, learner_stream = 2;  // of a key: what a source draws, what a learner draws

Value callable_of(Elaborator& self, const ScopePtr& frame, const Learner& learner, const std::string& function,
                  Span span) {
  const Value* value = frame->find(function);
  if (value != nullptr && value->callable() != nullptr) return *value;
  std::vector<std::string> names;
  for (Scope* scope = frame.get(); scope != nullptr; scope = scope->parent.get())
    for (const auto& [name, known] : scope->names)
      if (known.callable() != nullptr) names.push_back(name);
  const std::string near = nearest(function, names);
  self.fail("E0602", span,
            value != nullptr ? fmt::format("`{}` of the learner `{}` is {}: it cannot be called", function,
                                           learner.name(), describe(*value))
                             : fmt::format("the learner `{}` has no function `{}`", learner.name(), function),
            "",
            near.empty() ? fmt::format("it has {}", fmt::join(names, ", ")) : fmt::format("did you mean `{}`?", near));
}

}  // namespace

void collect_arrays(const Value& value, std::vector<Array>& arrays) {
  map_arrays(value, [&](const Array& array) -> Value {
    arrays.push_back(array);
    return array;
  });
}

OutsideProgram function_program(Elaborator& self, const Learner& learner, const std::string& function,
                                std::vector<Elaborator::Argument> arguments, Span span) {
  Outside outside(self);
  const Value state = outside.push(learner.state);
  const Tensor key = outside.push(Type{Dtype::i32, {2}});
  for (auto& argument : arguments) argument.value = outside.push(argument.value);
  WithContext here(self, outside.context(fold_in(key, learner_stream)));
  const ScopePtr frame = self.frame(learner, state);
  const Value callee = callable_of(self, frame, learner, function, span);
  return outside.close(self.call(callee, std::move(arguments), span), span);
}

OutsideProgram item_program(Elaborator& self, const Source& source, const std::vector<Type>& form, Span span) {
  Outside outside(self);
  const Tensor key = outside.push(Type{Dtype::i32, {2}});
  std::vector<Tensor> arrays;
  for (const Type& type : form) arrays.push_back(outside.push(type));
  WithContext here(self, outside.context(fold_in(key, task_stream)));
  return outside.close(source.build(self, arrays), span);
}

}  // namespace metac::dsl
