// See programs.hpp.
#include "embed/programs.hpp"

#include <fmt/format.h>

#include <bit>

namespace metac::dsl {

Value Compiled::run(std::span<const Array> inputs) const {
  std::vector<Array> outputs = function(inputs);
  std::size_t next = 0;
  return map_leaves(result, [&](const Leaf& leaf) -> Value {
    return leaf.value.get<Array>() != nullptr ? Value(std::move(outputs[next++])) : leaf.value;
  });
}

std::shared_ptr<const Compiled> Programs::find(const std::string& key) {
  const std::lock_guard lock(looking_);
  for (auto it = known_.begin(); it != known_.end(); ++it) {
    if (it->first != key) continue;
    known_.splice(known_.begin(), known_, it);
    return it->second;
  }
  return nullptr;
}

std::shared_ptr<const Compiled> Programs::get(const std::string& key, int threads,
                                              const std::function<OutsideProgram()>& make) {
  if (auto known = find(key)) return known;
  const std::lock_guard one_at_a_time(making_);
  if (auto known = find(key)) return known;  // made while this thread waited
  OutsideProgram made = make();
  auto compiled = std::make_shared<const Compiled>(Function(make_plan(made.program), threads), std::move(made.result));
  const std::lock_guard lock(looking_);
  known_.emplace_front(key, compiled);
  if (known_.size() > most) known_.pop_back();
  return compiled;
}

std::string form_of(const Value& value) {
  if (const auto* array = value.get<Array>()) return to_string(array->type());
  if (const auto* number = value.get<double>()) return fmt::format("~{:x}", std::bit_cast<std::uint64_t>(*number));
  if (const auto* text = value.get<std::string>()) return fmt::format("\"{}:{}", text->size(), *text);
  std::string result;
  if (const Carried* carried = value.carried()) return fmt::format("^{}", form_of(carried->leaf));
  if (const List* list = value.list()) {
    for (const Value& item : list->items) result += fmt::format("{},", form_of(item));
    return fmt::format("<{}>", result);
  }
  if (const Record* record = value.record()) {
    for (const auto& [name, field] : record->fields) result += fmt::format("{}:{},", name, form_of(field));
    return fmt::format("({})", result);
  }
  return describe(value);
}

}  // namespace metac::dsl
