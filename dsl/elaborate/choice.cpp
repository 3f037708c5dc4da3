// A choice by a tensor computes everything and takes rows of what is stacked, as `if` on a tensor computes both sides.
#include "elaborate/choice.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "elaborate/fingerprint.hpp"
#include "elaborate/rows.hpp"
#include "elaborate/task_draws.hpp"

namespace metac::dsl {
namespace {

using Fields = std::vector<std::pair<std::string, Value>>;

bool is_scalar(const Value& value) {
  const Tensor* tensor = value.get<Tensor>();
  return value.number() || (tensor != nullptr && tensor->shape().rank() == 0);
}

// Tensors of one shape, or numbers and scalars.
bool are_a_block(const std::vector<Value>& items) {
  if (items.empty()) return false;
  if (std::all_of(items.begin(), items.end(), is_scalar)) return true;
  const Tensor* first = items.front().get<Tensor>();
  return first != nullptr && std::all_of(items.begin(), items.end(), [&](const Value& item) {
           const Tensor* tensor = item.get<Tensor>();
           return tensor != nullptr && tensor->shape() == first->shape();
         });
}

// Whether both are known and the same: numbers, text and lists of them.
bool are_same(const Value& a, const Value& b) {
  if (a.get<std::int64_t>() && b.get<std::int64_t>()) return *a.get<std::int64_t>() == *b.get<std::int64_t>();
  if (a.get<double>() && b.get<double>()) return *a.get<double>() == *b.get<double>();
  if (a.get<bool>() && b.get<bool>()) return *a.get<bool>() == *b.get<bool>();
  if (a.get<std::string>() && b.get<std::string>()) return *a.get<std::string>() == *b.get<std::string>();
  if (a.list() && b.list())
    return std::equal(a.list()->items.begin(), a.list()->items.end(), b.list()->items.begin(), b.list()->items.end(),
                      are_same);
  return a.is_none() && b.is_none();
}

struct Choice {
  Elaborator& self;
  Tensor index;
  Span span;

  Value of(const std::vector<Value>& values, const std::string& path) const {
    const Value& first = values.front();
    if (first.record() != nullptr) return of_records(values, path);
    const bool same =
        std::all_of(values.begin(), values.end(), [&](const Value& other) { return are_same(first, other); });
    if (same && index.shape().rank() == 0) return first;
    std::vector<Tensor> tensors;
    for (const auto& value : values) {
      const Value block = with_blocks(self, value);
      if (!block.number() && !block.get<bool>() && !block.get<Tensor>() && !block.get<Array>()) fail(values, path);
      tensors.push_back(self.tensor(block, span));
    }
    return of_tensors(values, std::move(tensors), path);
  }

  Value of_records(const std::vector<Value>& values, const std::string& path) const {
    Fields fields;
    for (const auto& [name, field] : values.front().record()->fields) {
      std::vector<Value> parts;
      for (const auto& value : values) {
        const Value* part = value.record() != nullptr ? value.record()->find(name) : nullptr;
        if (part == nullptr || value.record()->fields.size() != values.front().record()->fields.size())
          fail(values, path);
        parts.push_back(taken_out(*part));
      }
      fields.emplace_back(name, of(parts, path.empty() ? name : path + "." + name));
    }
    return Value::record(std::move(fields));
  }

  Value of_tensors(const std::vector<Value>& values, std::vector<Tensor> tensors, const std::string& path) const {
    std::optional<std::int64_t> classes = 0;
    for (auto& tensor : tensors) {
      const auto known = self.classes_of(tensor);
      classes = classes && known ? std::optional(std::max(*classes, *known)) : std::nullopt;
      tensors.front() = self.same_type(tensors.front(), tensor).first;
    }
    for (auto& tensor : tensors) {
      if (tensor.shape() != tensors.front().shape()) fail(values, path);
      tensor = self.same_type(tensor, tensors.front()).first;
    }
    const Tensor chosen = slices_at(stack(tensors, 0), index, 0);
    if (classes) self.know_classes(chosen, *classes);
    return chosen;
  }

  [[noreturn]] void fail(const std::vector<Value>& values, const std::string& path) const {
    const auto other = std::find_if(values.begin() + 1, values.end(),
                                    [&](const Value& value) { return describe(value) != describe(values.front()); });
    const Value& second = other != values.end() ? *other : values.front();
    self.fail("E0474", span,
              fmt::format("a tensor cannot choose among these{}: there is {} and {}",
                          path.empty() ? "" : fmt::format(", which differ at `{}`", path), describe(values.front()),
                          describe(second)),
              "", "what a tensor chooses among has one form; a number that is known before chooses among anything");
  }
};

class SourceChoice : public TaskSource {
 public:
  SourceChoice(std::vector<SourcePtr> sources, Tensor index) : sources_(std::move(sources)), index_(index) {}

  std::string describe() const override {
    std::vector<std::string> names;
    for (const auto& source : sources_) names.push_back(source->describe());
    return fmt::format("one of {}", fmt::join(names, ", "));
  }
  void identify(Fingerprint& print) const override {
    print.text("choice");
    for (const auto& source : sources_) source->identify(print);
  }
  Value build(Elaborator&, std::span<const Tensor>) const override {
    throw Bug("a choice by a tensor was made outside of the body of tasks");
  }
  Value drawn_inside(Elaborator& self, const SourcePtr&, Span span) const override {
    const TaskDraws::Alternatives alternatives(*self.context().draws);
    std::vector<Value> tasks;
    for (std::size_t i = 0; i < sources_.size(); ++i)
      tasks.push_back(self.draw_task(fmt::format("{}", i), sources_[i], span));
    return choice(self, with_common_fields(tasks), index_, span);
  }

 private:
  // What a distribution binds for itself need not be in the tasks of another.
  static std::vector<Value> with_common_fields(const std::vector<Value>& tasks) {
    std::vector<Value> result;
    for (const auto& task : tasks) {
      Fields fields;
      for (const auto& [name, value] : task.record()->fields)
        if (std::all_of(tasks.begin(), tasks.end(),
                        [&, &field = name](const Value& other) { return other.record()->find(field) != nullptr; }))
          fields.emplace_back(name, value);
      result.push_back(Value::record(std::move(fields)));
    }
    return result;
  }

  std::vector<SourcePtr> sources_;
  Tensor index_;
};

}  // namespace

Value map_tensors(const Value& value, const std::function<Tensor(Tensor)>& f) {
  if (const Tensor* tensor = value.get<Tensor>()) return f(*tensor);
  if (const List* list = value.list()) {
    std::vector<Value> items;
    for (const auto& item : list->items) items.push_back(map_tensors(item, f));
    return Value::list(std::move(items));
  }
  if (value.record() == nullptr && value.carried() == nullptr) return value;
  return map_leaves(value, [&](const Leaf& leaf) { return map_tensors(leaf.value, f); });
}

Value with_blocks(Elaborator& self, const Value& value) {
  if (const List* list = value.list()) {
    std::vector<Value> items;
    for (const auto& item : list->items) items.push_back(with_blocks(self, item));
    return are_a_block(items) ? Value(self.tensor(Value::list(items), {})) : Value::list(std::move(items));
  }
  if (value.record() == nullptr) return value;
  return map_leaves(value, [&](const Leaf& leaf) { return with_blocks(self, leaf.value); });
}

Value choice(Elaborator& self, const std::vector<Value>& values, Tensor index, Span span) {
  if (index.dtype() != Dtype::i32)
    self.fail("E0355", span, fmt::format("an index is a whole number, not {}", describe(index)), "",
              "`cast_int(x)` makes whole numbers of floats");
  return Choice{self, index, span}.of(values, "");
}

SourcePtr source_choice(std::vector<SourcePtr> sources, Tensor index) {
  return std::make_shared<const SourceChoice>(std::move(sources), index);
}

}  // namespace metac::dsl
