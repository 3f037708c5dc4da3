// Gives a body its arrays in the order in which it asks for them. Inside of rows the arrays of all of them are one
// tensor, of which each row takes its own.
#include "elaborate/task_draws.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace metac::dsl {
namespace {

std::int64_t row_count(const Context& context) {
  std::int64_t count = context.rows.empty() ? 0 : 1;
  for (const auto& [size, index] : context.rows) count *= size;
  return count;
}

// The number of the row at hand among those of all rows around it.
Tensor row_number(const Context& context) {
  Tensor number;
  for (const auto& [size, index] : context.rows)
    number = number ? number * constant(index.graph(), static_cast<double>(size), Dtype::i32) + index : index;
  return number;
}

[[noreturn]] void fail_changed(Elaborator& self, Span span) {
  self.fail("E0475", span, "this draws other tasks than it did in another form of its task", "",
            "which tasks are drawn from other sources cannot depend on the ways or shots of one");
}

}  // namespace

std::vector<Tensor> TaskDraws::arrays(Elaborator& self, const SourcePtr& source, Span span) {
  const Context& context = self.context();
  const HostDraw draw{source, context.path, row_count(context)};
  const Form usual = dynamic_cast<const TaskSource&>(*source).task_forms().front();
  std::vector<Tensor> given;
  if (seeing_) {
    Graph* outermost = context.graph;
    while (outermost->parent() != nullptr) outermost = outermost->parent();
    for (auto type : usual) {
      if (draw.rows > 0) type.shape = type.shape.with_front(draw.rows);
      given.push_back(input(*outermost, type));
    }
  } else {
    const std::size_t number = asked_.size();
    if (number >= expected_.size() || expected_[number].path != draw.path || expected_[number].rows != draw.rows)
      fail_changed(self, span);
    given.assign(arrays_.begin(), arrays_.begin() + static_cast<std::ptrdiff_t>(usual.size()));
    arrays_ = arrays_.subspan(usual.size());
  }
  asked_.push_back(draw);
  if (draw.rows > 0)
    for (auto& array : given) array = gather(array, row_number(context));
  return given;
}

void TaskDraws::finish(Elaborator& self, Span span) const {
  if (asked_.size() != expected_.size()) fail_changed(self, span);
}

const Value& TaskDraws::memory_of(Elaborator& self, const Source& source, Span span) const {
  for (const auto& [known, memory] : memory_)
    if (known == &source) return memory;
  self.fail("E0472", span,
            fmt::format("{} has `memory`, and is made or kept inside of what draws from it", source.describe()), "",
            "tasks with memory are an argument of those that draw from them, by itself or in a list or record");
}

void TaskDraws::bind(Elaborator& self, const Source& source, Value names, Span span) {
  const bool again =
      std::any_of(bound_.begin(), bound_.end(), [&](const auto& known) { return known.first == &source; });
  const char* wrong = again                          ? "it is drawn a second time here"
                      : !self.context().rows.empty() ? "several are drawn side by side here"
                      : alternatives_ > 0            ? "a tensor chooses here whether its task is used"
                                                     : nullptr;
  if (wrong != nullptr)
    self.fail(
        "E0473", span,
        fmt::format("{} learns `on step` from the loss of each task that it draws, but {}", source.describe(), wrong),
        "", "draw one task of it for each task: `task ~ base`");
  bound_.emplace_back(&source, std::move(names));
}

}  // namespace metac::dsl
