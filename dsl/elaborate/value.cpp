// Values: making them, asking what they are, walking their leaves, and showing them to people.
#include "elaborate/value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "elaborate/source.hpp"

namespace metac::dsl {

const Value* Record::find(std::string_view name) const {
  for (const auto& [field, value] : fields)
    if (field == name) return &value;
  return nullptr;
}

namespace {

int height(const Value& value) {
  if (const Record* record = value.record()) return record->height;
  if (const List* list = value.list()) return list->height;
  return value.carried() != nullptr ? height(value.carried()->leaf) : 0;
}

int height_above(int tallest_part) {
  if (tallest_part >= tallest_value)
    throw Error(fmt::format("lists and records are nested more than {} deep", tallest_value));
  return tallest_part + 1;
}

}  // namespace

// Closures and learners hold others in chains of any length. What would be destroyed inside the destruction of another
// waits for its turn, so that the stack stays flat.
Value::~Value() {
  const auto is_last = [](const auto& held) {
    if constexpr (requires { held.use_count(); }) return held.use_count() == 1;
    return false;
  };
  if (!std::visit(is_last, variant_)) return;
  static thread_local std::vector<Variant>* waiting = nullptr;
  if (waiting != nullptr) {
    waiting->push_back(std::move(variant_));
    return;
  }
  std::vector<Variant> all;
  all.push_back(std::move(variant_));
  waiting = &all;
  while (!all.empty()) {
    const Variant next = std::move(all.back());
    all.pop_back();
  }
  waiting = nullptr;
}

Value Value::record(std::vector<std::pair<std::string, Value>> fields) {
  int tallest = 0;
  for (const auto& field : fields) tallest = std::max(tallest, height(field.second));
  return std::make_shared<const Record>(Record{std::move(fields), height_above(tallest)});
}

Value Value::tuple(std::vector<Value> values) {
  std::vector<std::pair<std::string, Value>> fields;
  for (auto& value : values) fields.emplace_back("", std::move(value));
  return record(std::move(fields));
}

Value Value::list(std::vector<Value> items) {
  int tallest = 0;
  for (const auto& item : items) tallest = std::max(tallest, height(item));
  return std::make_shared<const List>(List{std::move(items), height_above(tallest)});
}

Value Value::carried(Carried leaf) { return std::make_shared<const Carried>(std::move(leaf)); }

const Record* Value::record() const {
  auto pointer = get<std::shared_ptr<const Record>>();
  return pointer ? pointer->get() : nullptr;
}

const List* Value::list() const {
  auto pointer = get<std::shared_ptr<const List>>();
  return pointer ? pointer->get() : nullptr;
}

const Carried* Value::carried() const {
  auto pointer = get<std::shared_ptr<const Carried>>();
  return pointer ? pointer->get() : nullptr;
}

const Callable* Value::callable() const {
  auto pointer = get<std::shared_ptr<const Callable>>();
  return pointer ? pointer->get() : nullptr;
}

std::optional<double> Value::number() const {
  if (auto integer = get<std::int64_t>()) return static_cast<double>(*integer);
  if (auto real = get<double>()) return *real;
  if (auto open = get<Unmeasured>(); open != nullptr && !open->is_condition) return open->value;
  return std::nullopt;
}

namespace {

template <class... Ts>
struct Overload : Ts... {
  using Ts::operator()...;
};

std::string kind_name(DefinitionKind kind) {
  switch (kind) {
    case DefinitionKind::function:
      return "function";
    case DefinitionKind::model:
      return "model";
    case DefinitionKind::tasks:
      return "task distribution";
    case DefinitionKind::learner:
      return "learner constructor";
    case DefinitionKind::optimizer:
      return "optimizer constructor";
    case DefinitionKind::experiment:
      return "experiment";
  }
  return "value";
}

std::string field_names(const Record& record) {
  std::vector<std::string> names;
  for (const auto& [name, value] : record.fields) names.push_back(name.empty() ? describe(value) : name);
  return fmt::format("({})", fmt::join(names, ", "));
}

std::string number_text(double value) {
  return std::isnan(value) ? "nan" : fmt::format("{:.6g}", value);  // whatever its sign
}

std::string array_text(const Array& array, std::int64_t& index, int axis) {
  if (axis == array.shape().rank()) {
    const double element = array.at(index++);
    if (array.dtype() == Dtype::boolean) return element != 0 ? "true" : "false";
    return array.dtype() == Dtype::i32 ? fmt::format("{:.0f}", element) : number_text(element);
  }
  std::vector<std::string> items;
  for (std::int64_t i = 0; i < array.shape()[axis]; ++i) items.push_back(array_text(array, index, axis + 1));
  return fmt::format("[{}]", fmt::join(items, ", "));
}

}  // namespace

std::string describe(const Value& value) {
  return std::visit(
      Overload{
          [](const None&) -> std::string { return "none"; },
          [](bool b) -> std::string { return b ? "true" : "false"; },
          [](std::int64_t i) { return fmt::format("the int {}", i); },
          [](double d) { return fmt::format("the float {}", number_text(d)); },
          [](const Unmeasured& open) -> std::string {
            return open.is_condition ? "a condition on what is measured" : "a number that is measured";
          },
          [](const std::string& s) { return fmt::format("the string \"{}\"", s); },
          [](const Tensor& t) { return fmt::format("a tensor {}", to_string(t.type())); },
          [](const Array& a) { return fmt::format("an array {}", to_string(a.type())); },
          [&](const std::shared_ptr<const List>& l) {
            const std::string text = l->items.size() <= 6 ? to_text(value) : "";
            return text.empty() || text.size() > 30 ? fmt::format("a list of {}", l->items.size())
                                                    : fmt::format("the list {}", text);
          },
          [](const std::shared_ptr<const Record>& r) {
            const bool tuple = !r->fields.empty() && r->fields.front().first.empty();
            return fmt::format("a {} {}", tuple ? "tuple" : "record", field_names(*r));
          },
          [](const std::shared_ptr<const Carried>& c) {
            return c->leaf.is_none() ? "an empty place for what is only carried" : describe(c->leaf);
          },
          [](const std::shared_ptr<const Callable>& c) {
            return fmt::format("the {} `{}`", kind_name(c->kind), c->name);
          },
          [](const std::shared_ptr<const Learner>& l) { return fmt::format("the learner `{}`", l->name()); },
          [](const std::shared_ptr<const Optimizer>& o) {
            return fmt::format("the optimizer `{}`", o->definition->name.text);
          },
          [](const std::shared_ptr<const data::Dataset>& d) { return fmt::format("the data set {}", d->name()); },
          [](const SourcePtr& s) { return fmt::format("the task source {}", s->describe()); },
      },
      value.variant());
}

std::string to_text(const Value& value) {
  constexpr std::int64_t longest = 64;  // elements shown of an array; more is summarised
  return std::visit(Overload{
                        [](std::int64_t i) { return fmt::format("{}", i); },
                        [](double d) { return number_text(d); },
                        [](const Unmeasured& open) { return number_text(open.value); },
                        [](const std::string& s) { return s; },
                        [](const Array& a) {
                          if (a.elements() > longest) return to_string(a.type());
                          std::int64_t index = 0;
                          return array_text(a, index, 0);
                        },
                        [](const std::shared_ptr<const List>& l) {
                          std::vector<std::string> items;
                          for (const auto& item : l->items) items.push_back(to_text(item));
                          return fmt::format("[{}]", fmt::join(items, ", "));
                        },
                        [](const std::shared_ptr<const Record>& r) {
                          std::vector<std::string> items;
                          for (const auto& [name, item] : r->fields)
                            items.push_back(name.empty() ? to_text(item) : fmt::format("{}: {}", name, to_text(item)));
                          return fmt::format("({})", fmt::join(items, ", "));
                        },
                        [](const std::shared_ptr<const Carried>& c) {
                          return c->leaf.is_none() ? std::string("-") : to_text(c->leaf);
                        },
                        [](const SourcePtr& s) { return s->describe(); },
                        [&](const auto&) { return describe(value); },
                    },
                    value.variant());
}

namespace {

Value* find_in(Scope& scope, std::string_view name) {
  for (auto& [own, value] : scope.names)
    if (own == name) return &value;
  return nullptr;
}

}  // namespace

bool Scope::has(std::string_view name) const {
  return std::any_of(names.begin(), names.end(), [&](const auto& entry) { return entry.first == name; });
}

Scope* Scope::holder(std::string_view name) {
  for (Scope* scope = this; scope != nullptr; scope = scope->parent.get())
    if (find_in(*scope, name) != nullptr) return scope;
  return nullptr;
}

Value* Scope::find(std::string_view name) {
  Scope* scope = holder(name);
  return scope != nullptr ? find_in(*scope, name) : nullptr;
}

void Scope::bind(std::string name, Value value) {
  if (Value* existing = find_in(*this, name)) {
    *existing = std::move(value);
    return;
  }
  names.emplace_back(std::move(name), std::move(value));
}

// ---- trees ----

namespace {

std::string child_path(const std::string& path, const std::string& name, std::size_t index) {
  const std::string own = name.empty() ? std::to_string(index) : name;
  return path.empty() ? own : path + "." + own;
}

// A record with each field replaced by f(field, its path).
template <class F>
Value map_fields(const Value& record, const std::string& path, F&& f) {
  std::vector<std::pair<std::string, Value>> fields;
  for (const auto& [name, child] : record.record()->fields)
    fields.emplace_back(name, f(child, child_path(path, name, fields.size())));
  return Value::record(std::move(fields));
}

Value map_from(const Value& value, const std::string& path, const std::function<Value(const Leaf&)>& f) {
  if (const Carried* carried = value.carried()) {
    if (carried->leaf.is_none()) return value;
    Carried copy = *carried;
    copy.leaf = f(Leaf{path, carried->leaf, true});
    return Value::carried(std::move(copy));
  }
  if (value.record() == nullptr) return f(Leaf{path, value});
  return map_fields(value, path, [&](const Value& child, const std::string& at) { return map_from(child, at, f); });
}

void places_from(const Value& value, const std::string& path, std::vector<std::pair<std::string, Value>>& result) {
  const Record* record = value.record();
  if (record == nullptr) return result.emplace_back(path, value), void();
  for (std::size_t i = 0; i < record->fields.size(); ++i)
    places_from(record->fields[i].second, child_path(path, record->fields[i].first, i), result);
}

Value map_carried_from(const Value& value, const std::string& path,
                       const std::function<Carried(const std::string&, Carried)>& f) {
  if (const Carried* carried = value.carried()) return Value::carried(f(path, *carried));
  if (value.record() == nullptr) return value;
  return map_fields(value, path,
                    [&](const Value& child, const std::string& at) { return map_carried_from(child, at, f); });
}

// `spread`: the left is one leaf for all of the right.
Value zip_from(const Value& a, const Value& b, const std::string& path, bool spread,
               const std::function<Value(const Value&, const Value&)>& f) {
  const auto where = path.empty() ? std::string("at the top") : fmt::format("at `{}`", path);
  if (a.carried()) return a;
  if (b.carried() && spread) return b;
  if (b.carried())
    throw Error(fmt::format("the two trees differ {}: the second only carries it, the first does not", where));
  const Record* left = a.record();
  const Record* right = b.record();
  if (left == nullptr && right == nullptr) return f(a, b);
  const Record& form = left != nullptr ? *left : *right;
  if (left != nullptr && right != nullptr && left->fields.size() != right->fields.size())
    throw Error(fmt::format("the two trees differ {}: {} and {}", where, describe(a), describe(b)));
  std::vector<std::pair<std::string, Value>> fields;
  for (std::size_t i = 0; i < form.fields.size(); ++i) {
    const auto& name = form.fields[i].first;
    if (left != nullptr && right != nullptr && left->fields[i].first != right->fields[i].first)
      throw Error(fmt::format("the two trees differ {}: {} and {}", where, describe(a), describe(b)));
    fields.emplace_back(
        name, zip_from(left != nullptr ? left->fields[i].second : a, right != nullptr ? right->fields[i].second : b,
                       child_path(path, name, i), left == nullptr, f));
  }
  return Value::record(std::move(fields));
}

}  // namespace

namespace {

std::vector<Value> leaves_of_lists(const Value& value) {
  if (value.list() == nullptr) return {value};
  std::vector<Value> all;
  for (const auto& item : value.list()->items)
    for (auto& leaf : leaves_of_lists(item)) all.push_back(std::move(leaf));
  return all;
}

}  // namespace

bool is_numbers(const Value& value) {
  const auto all = leaves_of_lists(value);
  return !all.empty() &&
         std::all_of(all.begin(), all.end(), [](const Value& item) { return item.number().has_value(); });
}

std::vector<Leaf> leaves(const Value& value) {
  std::vector<Leaf> result;
  map_from(value, "", [&](const Leaf& leaf) {
    result.push_back(leaf);
    return leaf.value;
  });
  return result;
}

std::vector<std::pair<std::string, Value>> places(const Value& value) {
  std::vector<std::pair<std::string, Value>> result;
  places_from(value, "", result);
  return result;
}

std::vector<Tensor> tensors_of(const Value& tree) {
  std::vector<Tensor> result;
  for (const auto& leaf : leaves(tree)) result.push_back(*leaf.value.get<Tensor>());
  return result;
}

Value map_leaves(const Value& value, const std::function<Value(const Leaf&)>& f) { return map_from(value, "", f); }

Value zip_leaves(const Value& a, const Value& b, const std::function<Value(const Value&, const Value&)>& f) {
  return zip_from(a, b, "", false, f);
}

Value map_carried(const Value& value, const std::function<Carried(const std::string&, Carried)>& f) {
  return map_carried_from(value, "", f);
}

Value seen(const Value& tree) {
  return map_leaves(tree, [](const Leaf& leaf) { return leaf.carried ? Value(None{}) : leaf.value; });
}

Value taken_out(const Value& leaf) {
  const Carried* carried = leaf.carried();
  return carried != nullptr && !carried->leaf.is_none() ? carried->leaf : leaf;
}

Value with_leaves(const Value& tree, std::span<const Value> leaves) {
  std::size_t next = 0;
  return map_leaves(tree, [&](const Leaf&) { return leaves[next++]; });
}

}  // namespace metac::dsl
