// metac::Value over the value of the language.
#include <fmt/format.h>

#include "elaborate/value.hpp"
#include "embed/metac.hpp"

namespace metac {
namespace {

std::shared_ptr<const dsl::Value> hold(dsl::Value value) {
  return std::make_shared<const dsl::Value>(std::move(value));
}

template <class T>
const T& as(const dsl::Value& value, const char* needed) {
  const T* found = value.get<T>();
  if (found == nullptr) throw Error(fmt::format("[value] {} was given, {} is needed", dsl::describe(value), needed));
  return *found;
}

// What is only carried along by a tree is, taken out of it, a value like any other.
Value taken(const dsl::Value& value) { return Value(hold(dsl::taken_out(value))); }

}  // namespace

Value::Value() : inside_(hold(dsl::None{})) {}
Value::Value(bool value) : inside_(hold(value)) {}
Value::Value(double value) : inside_(hold(value)) {}
Value::Value(std::string value) : inside_(hold(std::move(value))) {}
Value::Value(Array value) : inside_(hold(std::move(value))) {}
Value::Value(std::initializer_list<std::pair<std::string, Value>> fields) : Value(record(fields)) {}
Value Value::whole(std::int64_t value) { return Value(hold(value)); }

// An array that owns nothing.
Value::Value(const ArrayView& view)
    : Value(Array(view.type(),
                  {std::shared_ptr<void>(), const_cast<std::byte*>(static_cast<const std::byte*>(view.data()))})) {}

Value Value::record(std::vector<std::pair<std::string, Value>> fields) {
  std::vector<std::pair<std::string, dsl::Value>> inside;
  for (auto& [name, value] : fields) {
    for (const auto& [known, other] : inside)
      if (known == name && !name.empty())
        throw Error(fmt::format("[value] a record with two fields `{}` was given", name));
    inside.emplace_back(std::move(name), value.inside());
  }
  return Value(hold(dsl::Value::record(std::move(inside))));
}

Value Value::list(std::vector<Value> items) {
  std::vector<dsl::Value> inside;
  for (const Value& item : items) inside.push_back(item.inside());
  return Value(hold(dsl::Value::list(std::move(inside))));
}

bool Value::is_none() const { return inside_->is_none(); }
bool Value::boolean() const { return as<bool>(*inside_, "true or false"); }
std::int64_t Value::integer() const { return as<std::int64_t>(*inside_, "a whole number"); }
double Value::number() const {
  const auto number = inside_->number();
  return number ? *number : as<double>(*inside_, "a number");
}
std::string Value::text() const { return as<std::string>(*inside_, "a text"); }
const Array& Value::array() const { return as<Array>(*inside_, "an array"); }

std::vector<std::string> Value::names() const {
  std::vector<std::string> result;
  if (const dsl::Record* record = inside_->record())
    for (const auto& [name, value] : record->fields) result.push_back(name);
  return result;
}

std::size_t Value::size() const {
  if (const dsl::Record* record = inside_->record()) return record->fields.size();
  if (const dsl::List* list = inside_->list()) return list->items.size();
  throw Error(fmt::format("[value] {} was given, a record or a list is needed", dsl::describe(*inside_)));
}

Value Value::operator[](std::string_view name) const {
  const dsl::Record* record = inside_->record();
  const dsl::Value* field = record != nullptr ? record->find(name) : nullptr;
  if (field == nullptr) throw Error(fmt::format("[value] there is no field `{}` in {}", name, dsl::describe(*inside_)));
  return taken(*field);
}

Value Value::at(std::size_t index) const {
  if (index >= size())
    throw Error(fmt::format("[value] part {} was asked of {}, which has {}", index, dsl::describe(*inside_), size()));
  if (const dsl::List* list = inside_->list()) return Value(hold(list->items[index]));
  return taken(inside_->record()->fields[index].second);
}

std::string Value::describe() const { return dsl::describe(*inside_); }

}  // namespace metac
