// Batches of one data set, or of two domains side by side.
#include <fmt/format.h>

#include "base/error.hpp"
#include "data/episodes.hpp"
#include "elaborate/fingerprint.hpp"
#include "elaborate/sources.hpp"

namespace metac::dsl {
namespace {

struct Part {
  std::string name;  // of its field; empty for the only one
  data::Dataset set;
  bool has_y = false;
  std::vector<std::int64_t> active;
};

class Batches : public BatchSource {
 public:
  explicit Batches(std::vector<Part> parts) : parts_(std::move(parts)) {
    for (auto& part : parts_) part.has_y = part.has_y && part.set.has_y();
  }

  std::string describe() const override {
    std::vector<std::string> names;
    for (const auto& part : parts_) names.push_back(part.set.name());
    return fmt::format("{}", fmt::join(names, " and "));
  }

  void identify(Fingerprint& print) const override {
    for (const auto& part : parts_) {
      print.text(part.name);
      print.dataset(part.set);
      print.number(part.has_y ? 1 : 0);
      for (const auto label : part.active) print.number(label);
    }
  }

  // An epoch is one way through the first data set; another one starts anew whenever it is through.
  std::int64_t steps_per_epoch(std::int64_t batch) const override {
    return data::EpochBatches(parts_.front().set.size(), batch).steps_per_epoch();
  }
  std::int64_t size() const override {
    std::int64_t largest = 0;
    for (const auto& part : parts_) largest = std::max(largest, part.set.size());
    return largest;
  }

  Form form(std::int64_t rows) const override {
    Form form;
    for (const auto& part : parts_) add_types(form, part, std::min(rows, part.set.size()));
    return form;
  }
  std::vector<Array> rows(std::int64_t first, std::int64_t count) const override {
    std::vector<Array> arrays;
    for (const auto& part : parts_) {
      std::vector<std::uint32_t> chosen;
      for (auto row = first; row < std::min(first + count, part.set.size()); ++row)
        chosen.push_back(static_cast<std::uint32_t>(row));
      add_arrays(arrays, part, chosen, {});
    }
    return arrays;
  }

  // Where batches of two data sets run short at different steps, there is a form for each way they can meet.
  std::vector<Form> forms(std::int64_t batch) const override {
    std::vector<Form> forms{{}};
    for (const auto& part : parts_) {
      std::vector<Form> longer;
      for (const auto size : data::EpochBatches(part.set.size(), batch).batch_sizes())
        for (auto form : forms) {
          add_types(form, part, size);
          longer.push_back(std::move(form));
        }
      forms = std::move(longer);
    }
    return forms;
  }
  std::vector<Array> draw(data::Key training, std::int64_t step, std::int64_t batch) const override {
    if (batches_.empty() || batch_ != batch) {
      batches_.clear();
      for (const auto& part : parts_) batches_.emplace_back(part.set.size(), batch);
      batch_ = batch;
    }
    std::vector<Array> arrays;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const data::Key key = data::fold_in(training, static_cast<std::uint32_t>(i));
      add_arrays(arrays, parts_[i], batches_[i].rows(key, step), data::EpochBatches::gathering(key, step));
    }
    return arrays;
  }

  Value build(Elaborator& self, std::span<const Tensor> arrays) const override {
    std::size_t next = 0;
    std::vector<std::pair<std::string, Value>> items;
    for (const auto& part : parts_) {
      std::vector<std::pair<std::string, Value>> fields;
      const Tensor x = self.working(arrays[next++]);
      fields.emplace_back("x", x);
      if (part.has_y) {
        const Tensor y = self.working(arrays[next++]);
        if (!part.set.has_targets()) self.know_classes(y, part.set.class_count());
        fields.emplace_back("y", y);
      }
      if (!part.active.empty()) fields.emplace_back("active", mask(x, part));
      items.emplace_back(part.name, Value::record(std::move(fields)));
    }
    return parts_.size() == 1 ? items.front().second : Value::record(std::move(items));
  }

 private:
  static void add_types(Form& form, const Part& part, std::int64_t rows) {
    form.push_back(part.set.x_type(rows));
    if (part.has_y) form.push_back(part.set.y_type(rows));
  }
  static void add_arrays(std::vector<Array>& arrays, const Part& part, std::span<const std::uint32_t> rows,
                         data::Key key) {
    arrays.push_back(part.set.x(rows, key));
    if (part.has_y) arrays.push_back(part.set.y(rows));
  }
  static Tensor mask(Tensor x, const Part& part) {
    Array row(Type{Dtype::boolean, {part.set.class_count()}});
    for (auto& value : row.as<bool>()) value = false;
    for (const auto label : part.active) row.as<bool>()[static_cast<std::size_t>(label)] = true;
    return broadcast_to(constant(x.graph(), row), Shape{x.shape()[0], part.set.class_count()});
  }

  std::vector<Part> parts_;
  mutable std::vector<data::EpochBatches> batches_;  // of the size last asked for: each remembers its epoch's order
  mutable std::int64_t batch_ = 0;
};

}  // namespace

TaskExamples examples_of(Elaborator& self, const Value& value, const char* part, Span span) {
  const auto set_of = [](const Value& v) {
    const auto* set = v.get<std::shared_ptr<const data::Dataset>>();
    return set != nullptr ? set->get() : nullptr;
  };
  if (const auto* set = set_of(value)) return {*set, {}};
  const Record* record = value.record();
  const Value* inside = record != nullptr ? record->find(part) : nullptr;
  if (const Callable* tasks = value.callable(); tasks != nullptr && tasks->kind == DefinitionKind::tasks)
    self.fail("E0424", span, fmt::format("tasks or a data set were needed, this is {}", describe(value)), "",
              fmt::format("a call makes tasks of it: write `{}()`", tasks->name));
  if (inside == nullptr || set_of(*inside) == nullptr)
    self.fail("E0424", span, fmt::format("tasks or a data set were needed, this is {}", describe(value)), "",
              fmt::format("a `tasks` definition, `episodes(...)`, a data set, or a record with a part `{}`", part));
  TaskExamples result{*set_of(*inside), {}};
  const Value* scenario = record->find("scenario");
  const Value* labels = record->find("active");
  if (scenario != nullptr && scenario->get<std::string>() != nullptr && *scenario->get<std::string>() == "task" &&
      labels != nullptr && labels->list() != nullptr)
    for (const auto& label : labels->list()->items) result.active.push_back(self.integer(label, span, "a label"));
  return result;
}

SourcePtr batch_source(const data::Dataset& set, std::vector<std::int64_t> active) {
  return std::make_shared<const Batches>(std::vector<Part>{{"", set, true, std::move(active)}});
}

SourcePtr pair_source(const data::Dataset& source, const data::Dataset& target) {
  if (!source.has_y()) throw Error(fmt::format("pairs: {} has no labels; the source domain needs them", source.name()));
  return std::make_shared<const Batches>(
      std::vector<Part>{{"source", source, true, {}}, {"target", target, false, {}}});
}

}  // namespace metac::dsl
