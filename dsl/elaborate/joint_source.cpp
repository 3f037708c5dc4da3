// All tasks of a stream at once: what a lifelong learner would reach if nothing had to be remembered.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/error.hpp"
#include "data/episodes.hpp"
#include "elaborate/fingerprint.hpp"
#include "elaborate/sources.hpp"

namespace metac::dsl {
namespace {

// "table.csv has x f32[1, 3], y f32[1, 2] and 0 classes"
std::string form_of(const data::Dataset& set) {
  return fmt::format("{} has x {}, {} and {} classes", set.name(), to_string(set.x_type(1)),
                     set.has_y() ? "y " + to_string(set.y_type(1)) : "no y", set.class_count());
}

class Joint : public BatchSource {
 public:
  explicit Joint(std::vector<TaskExamples> tasks) : tasks_(std::move(tasks)) {
    const auto& first = tasks_.front().set;
    for (const auto& task : tasks_) {
      if (task.set.x_type(1) != first.x_type(1) || task.set.class_count() != first.class_count() ||
          task.set.has_y() != first.has_y() || (first.has_y() && task.set.y_type(1) != first.y_type(1)))
        throw Error(fmt::format("tasks of other forms cannot be joined: {}, {}", form_of(first), form_of(task.set)));
      starts_.push_back(size_);
      size_ += task.set.size();
      masked_ |= !task.active.empty();
    }
  }

  std::string describe() const override { return fmt::format("{} tasks at once", tasks_.size()); }
  void identify(Fingerprint& print) const override {
    print.text("joint");
    for (const auto& [set, active] : tasks_) {
      print.dataset(set);
      for (const auto label : active) print.number(label);
    }
  }
  std::int64_t steps_per_epoch(std::int64_t batch) const override { return batches(batch).steps_per_epoch(); }
  std::int64_t size() const override { return size_; }

  Form form(std::int64_t rows) const override {
    const auto& set = tasks_.front().set;
    rows = std::min(rows, size_);
    Form form{set.x_type(rows)};
    if (set.has_y()) form.push_back(set.y_type(rows));
    if (masked_) form.push_back({Dtype::boolean, {rows, set.class_count()}});
    return form;
  }
  std::vector<Form> forms(std::int64_t batch) const override {
    std::vector<Form> all;
    for (const auto rows : batches(batch).batch_sizes()) all.push_back(form(rows));
    return all;
  }
  std::vector<Array> rows(std::int64_t first, std::int64_t count) const override {
    std::vector<std::uint32_t> chosen;
    for (auto row = first; row < std::min(first + count, size_); ++row)
      chosen.push_back(static_cast<std::uint32_t>(row));
    return gathered(chosen, {});
  }
  std::vector<Array> draw(data::Key training, std::int64_t step, std::int64_t batch) const override {
    return gathered(batches(batch).rows(training, step), data::EpochBatches::gathering(training, step));
  }

  Value build(Elaborator& self, std::span<const Tensor> arrays) const override {
    const auto& set = tasks_.front().set;
    std::vector<std::pair<std::string, Value>> fields;
    fields.emplace_back("x", self.working(arrays[0]));
    if (set.has_y()) {
      const Tensor y = self.working(arrays[1]);
      if (set.labelled() && !is_float(y.dtype())) self.know_classes(y, set.class_count());
      fields.emplace_back("y", y);
    }
    if (masked_) fields.emplace_back("active", arrays.back());
    return Value::record(std::move(fields));
  }

 private:
  const data::EpochBatches& batches(std::int64_t batch) const {
    if (!batches_ || asked_ != batch) batches_.emplace(size_, batch), asked_ = batch;
    return *batches_;
  }

  // Each task gathers its own rows, which go to their places in the batch.
  std::vector<Array> gathered(const std::vector<std::uint32_t>& rows, data::Key key) const {
    std::vector<Array> arrays;
    for (const auto& type : form(static_cast<std::int64_t>(rows.size()))) arrays.emplace_back(type);
    for (std::size_t task = 0; task < tasks_.size(); ++task) {
      const auto& [set, active] = tasks_[task];
      std::vector<std::uint32_t> own;
      std::vector<std::int64_t> places;
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const std::int64_t row = rows[i] - starts_[task];
        if (row < 0 || row >= set.size()) continue;
        own.push_back(static_cast<std::uint32_t>(row));
        places.push_back(static_cast<std::int64_t>(i));
      }
      if (own.empty()) continue;
      put(arrays[0], set.x(own, key), places);
      if (set.has_y()) put(arrays[1], set.y(own), places);
      if (masked_) {
        Array mask(Type{Dtype::boolean, {static_cast<std::int64_t>(own.size()), set.class_count()}});
        const auto classes = static_cast<std::size_t>(set.class_count());
        for (std::size_t i = 0; i < mask.as<bool>().size(); ++i)
          mask.as<bool>()[i] =
              std::find(active.begin(), active.end(), static_cast<std::int64_t>(i % classes)) != active.end();
        put(arrays.back(), mask, places);
      }
    }
    return arrays;
  }
  static void put(Array& whole, const Array& part, const std::vector<std::int64_t>& places) {
    const std::size_t size = part.bytes() / places.size();
    for (std::size_t i = 0; i < places.size(); ++i)
      std::memcpy(static_cast<char*>(whole.data()) + static_cast<std::size_t>(places[i]) * size,
                  static_cast<const char*>(part.data()) + i * size, size);
  }

  std::vector<TaskExamples> tasks_;
  std::vector<std::int64_t> starts_;  // the number of the first row of each task
  std::int64_t size_ = 0;
  bool masked_ = false;
  mutable std::optional<data::EpochBatches> batches_;  // of the size last asked for: it remembers its epoch's order
  mutable std::int64_t asked_ = 0;
};

}  // namespace

SourcePtr joint_source(std::vector<TaskExamples> tasks) { return std::make_shared<const Joint>(std::move(tasks)); }

}  // namespace metac::dsl
