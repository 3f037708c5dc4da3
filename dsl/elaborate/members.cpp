// What stands behind a dot: fields of records, and what tensors, learners, optimizers and data sets tell of themselves.
#include <fmt/format.h>

#include <algorithm>

#include "elaborate/elaborator.hpp"

namespace metac::dsl {
namespace {

Value method(std::string name, std::vector<std::string> parameters, BuiltinFunction function) {
  auto callable = std::make_shared<Callable>();
  callable->name = std::move(name);
  auto& list = callable->lists.emplace_back();
  for (auto& parameter : parameters) list.push_back({std::move(parameter), nullptr});
  callable->open_ended = {false};
  callable->builtin = std::move(function);
  return std::shared_ptr<const Callable>(std::move(callable));
}

std::optional<Value> member_of(const std::shared_ptr<const Optimizer>& optimizer, const std::string& name) {
  if (name == "start")
    return method("start", {"weights"}, [optimizer](Elaborator& e, const BuiltinCall& call) {
      return e.start(*optimizer, e.tensors(call.arguments[0], call.span));
    });
  if (name == "update")
    return method("update", {"weights", "gradient", "memory"}, [optimizer](Elaborator& e, const BuiltinCall& call) {
      if (call.arguments[2].record() == nullptr)
        e.fail("E0384", call.span,
               fmt::format("`update` needs the memory that `start` or `update` gave, not {}",
                           describe(call.arguments[2])));
      auto [weights, memory] = e.update(*optimizer, e.tensors(call.arguments[0], call.span),
                                        e.tensors(call.arguments[1], call.span), call.arguments[2]);
      return Value::tuple({weights, memory});
    });
  return std::nullopt;
}

std::optional<Value> member_of(const std::shared_ptr<const data::Dataset>& dataset, const std::string& name) {
  if (name == "size") return Value(dataset->size());
  if (name == "classes") return Value(dataset->class_count());
  if (name == "take")
    return method("take", {"count"}, [dataset](Elaborator& e, const BuiltinCall& call) -> Value {
      const auto count = e.integer(call.arguments[0], call.span, "a number of examples");
      try {
        return std::make_shared<const data::Dataset>(dataset->take(count));
      } catch (const OutOfMemory&) {
        throw;  // no fault of the data
      } catch (const Error& error) {
        e.fail("E0401", call.span, error.what());
      }
    });
  return std::nullopt;
}

std::optional<Value> member_of(const Tensor& tensor, const std::string& name) {
  if (name == "shape") {
    std::vector<Value> sizes;
    for (const auto size : tensor.shape()) sizes.emplace_back(size);
    return Value::list(std::move(sizes));
  }
  if (name == "rank") return Value(tensor.shape().rank());
  return std::nullopt;
}

// The number of rows of a tree of examples: the first axis that all of its leaves have.
std::optional<std::int64_t> rows_of(const Value& tree) {
  std::optional<std::int64_t> rows;
  for (const auto& leaf : leaves(tree)) {
    const Tensor* tensor = leaf.value.get<Tensor>();
    if (tensor == nullptr || tensor->shape().rank() == 0 || (rows && *rows != tensor->shape()[0])) return std::nullopt;
    rows = tensor->shape()[0];
  }
  return rows;
}

// What it was made with, what it has learned, and its functions.
std::optional<Value> member_of(Elaborator& self, const Learner& learner, const Name& name,
                               std::vector<std::string>& known) {
  for (const auto& [parameter, value] : learner.arguments->names) {
    if (parameter == name.text && parameter != "base") return value;
    known.push_back(parameter);
  }
  if (learner.state.is_none())
    self.fail("E0385", name.span, fmt::format("the learner `{}` has no state yet: it was not trained", learner.name()));
  if (name.text == "learned") return learned(learner, learner.state);
  known.push_back("learned");
  const ScopePtr frame = self.frame(learner, learner.state);
  std::vector<std::string> functions;
  for (const auto& [member, value] : frame->names) {
    if (member == name.text) return value;
    known.push_back(member);
    if (value.callable() != nullptr && value.callable()->definition != nullptr) functions.push_back(member);
  }
  if (name.text == "objective" || name.text == "direction" || name.text == "predict")
    self.fail(
        "E0464", name.span,
        fmt::format("this needs the `{}` of a learner, and `{}` has none: its functions are {}", name.text,
                    learner.name(), fmt::join(functions, ", ")),
        "",
        name.text == "objective" && frame->find("direction") != nullptr
            ? fmt::format("`{}` follows a `direction`: what adds to an objective does not fit round it", learner.name())
            : "");
  return std::nullopt;
}

// What a learner asks of the item at hand, and its source does not give.
[[noreturn]] void not_in_item(Elaborator& self, const Name& name, const Record& item) {
  const Source& source = *self.context().source;
  std::vector<std::string> known;
  for (const auto& [field, value] : item.fields) known.push_back(field);
  const auto asks = [&](std::initializer_list<const char*> words) {
    return std::find(words.begin(), words.end(), name.text) != words.end();
  };
  const auto near = nearest(name.text, known);
  const char* hint = name.text == "query" && source.gives_tasks()
                         ? "a task that is predicted on shows its support only: the labels of the query are measured"
                     : asks({"support", "query"}) ? "tasks have it, such as `episodes(data, ways: 5, shots: 1)`"
                     : asks({"source", "target"}) ? "pairs of domains have it: `pairs(source: a, target: b)`"
                     : asks({"x", "y", "size"})   ? "batches of a data set have it"
                                                  : "";
  const std::string what = known.empty()          ? "which are never all there"
                           : source.gives_tasks() ? fmt::format("which have {}", fmt::join(known, ", "))
                                                  : fmt::format("which has {}", fmt::join(known, ", "));
  self.fail("E0463", name.span,
            fmt::format("there is no `{}` here: {} gives {}, {}", name.text, source.describe(),
                        source.gives_tasks() ? "tasks" : "a batch", what),
            "", near.empty() ? hint : fmt::format("did you mean `{}`?", near));
}

}  // namespace

Value Elaborator::member(const Value& base, const Name& name, Span span) {
  if (base.list() != nullptr && (is_run_value(base) || is_numbers(base)))
    return member(tensor(base, span), name, span);  // a list of tensors or numbers is one
  std::vector<std::string> known;
  std::optional<Value> found;
  if (const Record* record = base.record()) {
    if (const Value* field = record->find(name.text)) return *field;
    if (name.text == "size")
      if (const auto rows = rows_of(base)) return *rows;
    if (record == context_.example.record() && context_.source != nullptr) not_in_item(*this, name, *record);
    for (const auto& [field, value] : record->fields) known.push_back(field);
  } else if (const auto* tensor = base.get<Tensor>()) {
    found = member_of(*tensor, name.text);
    known = {"shape", "rank"};
  } else if (const auto* array = base.get<Array>(); array != nullptr && name.text == "shape") {
    std::vector<Value> sizes;
    for (const auto size : array->shape()) sizes.emplace_back(size);
    return Value::list(std::move(sizes));
  } else if (const auto* optimizer = base.get<std::shared_ptr<const Optimizer>>()) {
    found = member_of(*optimizer, name.text);
    known = {"start", "update"};
  } else if (const auto* dataset = base.get<std::shared_ptr<const data::Dataset>>()) {
    found = member_of(*dataset, name.text);
    known = {"size", "classes", "take"};
  } else if (const auto* learner = base.get<std::shared_ptr<const Learner>>()) {
    found = member_of(*this, **learner, name, known);
  }
  if (found) return *found;
  const auto near = nearest(name.text, known);
  std::string hint =
      near.empty()
          ? (known.empty() ? "" : fmt::format("there {} {}", known.size() > 1 ? "are" : "is", fmt::join(known, ", ")))
          : fmt::format("did you mean `{}`?", near);
  // Tuples have no names: their parts are taken apart.
  if (!known.empty() && known.front().empty()) hint = "a tuple is taken apart: `let (a, b) = ...`";
  if (base.list() != nullptr && hint.empty()) hint = "lists have a length: `len(x)`";
  if (base.callable() != nullptr && hint.empty())
    hint =
        fmt::format("a function has no parts; what it gives may have: `{}(..).{}`", base.callable()->name, name.text);
  fail("E0386", name.span.end > name.span.begin ? name.span : span,
       fmt::format("there is no `{}` in {}", name.text, describe(base)), "", hint);
}

}  // namespace metac::dsl
