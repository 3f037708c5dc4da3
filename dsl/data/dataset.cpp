// Making datasets and the views into them: rows are selected, renamed and gathered; bytes are copied only when examples
// are asked for as floats.
#include "data/dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <unordered_set>

#include "data/content.hpp"

namespace metac::data {

namespace {

constexpr std::int64_t most_rows = std::numeric_limits<std::int32_t>::max();

void check_classes(const std::string& name, const ClassTable& classes) {
  std::unordered_set<std::string> seen;
  for (const auto& cls : classes.names)
    if (!seen.insert(cls).second) throw Error(fmt::format("{}: two classes are named {}", name, cls));
  if (classes.columns.size() != classes.values.size())
    throw Error(fmt::format("{}: the class table names {} columns and has {}", name, classes.columns.size(),
                            classes.values.size()));
  for (std::size_t i = 0; i < classes.values.size(); ++i)
    if (classes.values[i].size() != classes.names.size())
      throw Error(fmt::format("{}: the column {} has {} values for {} classes", name, classes.columns[i],
                              classes.values[i].size(), classes.names.size()));
}

void check_labels(const std::string& name, const std::vector<std::int32_t>& labels, std::int64_t rows,
                  const ClassTable& classes) {
  if (labels.empty()) {
    if (classes.size() > 0) throw Error(fmt::format("{}: has {} classes and no labels", name, classes.size()));
    return;
  }
  if (static_cast<std::int64_t>(labels.size()) != rows)
    throw Error(fmt::format("{}: {} examples need as many labels, {} were given", name, rows, labels.size()));
  for (std::size_t row = 0; row < labels.size(); ++row)
    if (labels[row] < 0 || labels[row] >= classes.size())
      throw Error(fmt::format("{}: example {} has the label {}; the class table has the classes 0 to {}", name, row,
                              labels[row], classes.size() - 1));
}

// The values of a column for some classes only.
ClassTable choose(const ClassTable& table, std::span<const std::int32_t> classes) {
  ClassTable chosen;
  chosen.columns = table.columns;
  chosen.values.resize(table.values.size());
  for (auto cls : classes) {
    chosen.names.push_back(table.names[static_cast<std::size_t>(cls)]);
    for (std::size_t i = 0; i < table.values.size(); ++i)
      chosen.values[i].push_back(table.values[i][static_cast<std::size_t>(cls)]);
  }
  return chosen;
}

template <class T>
std::vector<T> choose(const std::vector<T>& all, std::span<const std::uint32_t> rows) {
  std::vector<T> chosen;
  if (all.empty()) return chosen;
  chosen.reserve(rows.size());
  for (auto row : rows) chosen.push_back(all[row]);
  return chosen;
}

std::vector<std::uint32_t> all_rows(std::int64_t count) {
  std::vector<std::uint32_t> rows(static_cast<std::size_t>(count));
  std::iota(rows.begin(), rows.end(), 0u);
  return rows;
}

// A table: dividing takes longer than reading the bytes.
constexpr auto values_of_bytes = [] {
  std::array<float, 256> values{};
  for (std::size_t byte = 0; byte < values.size(); ++byte) values[byte] = static_cast<float>(byte) / 255.0f;
  return values;
}();

float value_of(std::uint8_t byte) { return values_of_bytes[byte]; }
float value_of(float value) { return value; }

template <class T>
void copy_values(const T* in, std::int64_t count, float* out) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = value_of(in[i]);
}

// Examples on their way through the transforms: two buffers take turns.
class Pipeline {
 public:
  explicit Pipeline(const Storage& storage, std::span<const std::shared_ptr<const Transform>> steps)
      : storage_(storage), steps_(steps) {
    std::int64_t largest = 0;
    for (const auto& step : steps) {
      largest = std::max(largest, step->in.elements());
      random_ = random_ || step->random;
    }
    for (auto& buffer : buffers_) buffer.resize(static_cast<std::size_t>(largest));
  }

  void run(std::uint32_t source, int quarters, Key gathering, std::uint32_t row, float* out) {
    if (steps_.empty()) return storage_.copy(source, out);
    const Key of_row = random_ ? fold_in(gathering, row) : Key{};
    storage_.copy(source, buffers_[0].data());
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const Transform::Row here{steps_[i]->random ? fold_in(of_row, static_cast<std::uint32_t>(i)) : Key{}, quarters};
      steps_[i]->apply(buffers_[i % 2].data(), here, i + 1 < steps_.size() ? buffers_[(i + 1) % 2].data() : out);
    }
  }

 private:
  const Storage& storage_;
  std::span<const std::shared_ptr<const Transform>> steps_;
  bool random_ = false;
  std::vector<float> buffers_[2];
};

Storage storage_of(const std::string& name, Dtype dtype, Array x) {
  if (x.dtype() != dtype || x.shape().rank() < 1)
    throw Error(
        fmt::format("{}: examples are {} [examples, ...], {} was given", name, to_string(dtype), to_string(x.type())));
  Storage storage;
  storage.example = x.shape().without(0);
  storage.rows = x.shape()[0];
  storage.values = std::move(x);
  return storage;
}

}  // namespace

void Storage::copy(std::uint32_t row, float* out) const {
  const std::int64_t count = example.elements(), begin = row * count;
  if (has_bytes())
    copy_values(bytes.data() + begin, count, out);
  else
    copy_values(static_cast<const float*>(values.data()) + begin, count, out);
}

void Rows::index_classes(std::int64_t classes) {
  class_begins.assign(static_cast<std::size_t>(classes) + 1, 0);
  for (auto label : labels) ++class_begins[static_cast<std::size_t>(label) + 1];
  std::partial_sum(class_begins.begin(), class_begins.end(), class_begins.begin());
  class_rows.resize(labels.size());
  auto next = class_begins;
  for (std::size_t row = 0; row < labels.size(); ++row)
    class_rows[next[static_cast<std::size_t>(labels[row])]++] = static_cast<std::uint32_t>(row);
}

const std::vector<std::string>& ClassTable::column(const std::string& name) const {
  if (name == "name") return names;
  const auto found = std::find(columns.begin(), columns.end(), name);
  if (found == columns.end())
    throw Error(fmt::format("the class table has no column {}; it has name{}{}", name, columns.empty() ? "" : ", ",
                            fmt::join(columns, ", ")));
  return values[static_cast<std::size_t>(found - columns.begin())];
}

ClassTable numbered_classes(std::int64_t count) {
  ClassTable table;
  for (std::int64_t cls = 0; cls < count; ++cls) table.names.push_back(std::to_string(cls));
  return table;
}

Dataset Dataset::from_bytes(std::string name, const Shape& example, Bytes values, std::vector<std::int32_t> labels,
                            ClassTable classes, Lineage lineage, std::optional<Array> targets) {
  const std::int64_t elements = example.elements();
  if (elements < 1) throw Error(fmt::format("{}: an example of shape {} has no values", name, to_string(example)));
  if (values.size() % static_cast<std::size_t>(elements) != 0)
    throw Error(fmt::format("{}: {} bytes are no whole number of examples of shape {}", name, values.size(),
                            to_string(example)));
  Storage storage;
  storage.example = example;
  storage.rows = static_cast<std::int64_t>(values.size()) / elements;
  storage.bytes = std::move(values);
  storage.targets = std::move(targets);
  return make(std::move(name), std::move(storage), std::move(labels), std::move(classes), std::move(lineage));
}

Dataset Dataset::from_floats(std::string name, Array x, std::vector<std::int32_t> labels, ClassTable classes,
                             Lineage lineage, std::optional<Array> targets) {
  Storage storage = storage_of(name, Dtype::f32, std::move(x));
  storage.targets = std::move(targets);
  return make(std::move(name), std::move(storage), std::move(labels), std::move(classes), std::move(lineage));
}

Dataset Dataset::from_integers(std::string name, Array x, std::vector<std::int32_t> labels, ClassTable classes,
                               Lineage lineage, std::vector<std::string> words) {
  Storage storage = storage_of(name, Dtype::i32, std::move(x));
  storage.words = std::move(words);
  return make(std::move(name), std::move(storage), std::move(labels), std::move(classes), std::move(lineage));
}

Dataset Dataset::make(std::string name, Storage storage, std::vector<std::int32_t> labels, ClassTable classes,
                      Lineage lineage) {
  if (storage.rows < 1) throw Error(fmt::format("{}: has no examples", name));
  if (storage.rows > most_rows)
    throw Error(fmt::format("{}: has {} examples; the most are {}", name, storage.rows, most_rows));
  check_classes(name, classes);
  check_labels(name, labels, storage.rows, classes);
  if (const auto& targets = storage.targets;
      targets && (targets->dtype() != Dtype::f32 || targets->shape().empty() || targets->shape()[0] != storage.rows))
    throw Error(fmt::format("{}: {} examples need targets f32 [{}, ...], {} was given", name, storage.rows,
                            storage.rows, to_string(targets->type())));
  auto content = std::make_shared<Content>();
  content->name = std::move(name);
  Rows rows{all_rows(storage.rows), {}, std::move(labels), {}, {}};
  content->storage = std::make_shared<const Storage>(std::move(storage));
  content->lineage = std::move(lineage);
  content->classes = std::move(classes);
  content->class_origins.resize(content->classes.names.size());
  std::iota(content->class_origins.begin(), content->class_origins.end(), 0);
  content->set_rows(std::move(rows));
  return Dataset(std::move(content));
}

const std::string& Dataset::name() const { return content_->name; }
std::int64_t Dataset::size() const { return static_cast<std::int64_t>(content_->rows->sources.size()); }
const Shape& Dataset::example_shape() const { return content_->example(); }
bool Dataset::labelled() const { return !content_->rows->labels.empty(); }
bool Dataset::has_targets() const { return content_->storage->targets.has_value(); }
Dtype Dataset::x_dtype() const {
  return content_->storage->has_bytes() ? Dtype::f32 : content_->storage->values.dtype();
}
const std::vector<std::string>& Dataset::words() const { return content_->storage->words; }
Type Dataset::x_type(std::int64_t rows) const { return {x_dtype(), example_shape().with_front(rows)}; }
Type Dataset::y_type(std::int64_t rows) const {
  if (has_targets()) return {Dtype::f32, content_->storage->targets->shape().without(0).with_front(rows)};
  if (!labelled()) throw Error(fmt::format("{}: has no labels", name()));
  return {Dtype::i32, Shape{rows}};
}
const ClassTable& Dataset::classes() const { return content_->classes; }
const Lineage& Dataset::lineage() const { return content_->lineage; }

void Dataset::check_row(std::int64_t row) const {
  if (row < 0 || row >= size())
    throw Error(fmt::format("{}: there is no row {}; it has the rows 0 to {}", name(), row, size() - 1));
}

std::int32_t Dataset::label(std::int64_t row) const {
  if (!labelled()) throw Error(fmt::format("{}: has no labels", name()));
  check_row(row);
  return content_->rows->labels[static_cast<std::size_t>(row)];
}

std::span<const std::uint32_t> Dataset::rows_of(std::int64_t cls) const {
  if (cls < 0 || cls >= class_count())
    throw Error(fmt::format("{}: there is no class {}; it has {}", name(), cls, class_count()));
  const auto* begins = content_->rows->class_begins.data() + cls;
  return std::span(content_->rows->class_rows).subspan(begins[0], begins[1] - begins[0]);
}

void Dataset::copy_x(std::span<const std::uint32_t> rows, Key key, void* out) const {
  for (auto row : rows) check_row(row);
  const std::int64_t elements = example_shape().elements();
  if (x_dtype() == Dtype::i32) {
    const auto values = content_->storage->values.as<std::int32_t>();
    auto* next = static_cast<std::int32_t*>(out);
    for (auto row : rows) next = std::copy_n(values.begin() + content_->rows->sources[row] * elements, elements, next);
    return;
  }
  Pipeline pipeline(*content_->storage, content_->transforms);
  auto* next = static_cast<float*>(out);
  for (auto row : rows) {
    pipeline.run(content_->rows->sources[row], content_->rows->quarters.empty() ? 0 : content_->rows->quarters[row],
                 key, row, next);
    next += elements;
  }
}

void Dataset::copy_y(std::span<const std::uint32_t> rows, void* out) const {
  if (!has_targets()) {
    auto* next = static_cast<std::int32_t*>(out);
    for (auto row : rows) *next++ = label(row);
    return;
  }
  const auto& targets = *content_->storage->targets;
  const std::int64_t elements = targets.shape().without(0).elements();
  auto* next = static_cast<float*>(out);
  for (auto row : rows) {
    check_row(row);
    next = std::copy_n(targets.as<float>().begin() + content_->rows->sources[row] * elements, elements, next);
  }
}

Array Dataset::x(std::span<const std::uint32_t> rows, Key key) const {
  Array x(x_type(static_cast<std::int64_t>(rows.size())));
  copy_x(rows, key, x.data());
  return x;
}

Array Dataset::y(std::span<const std::uint32_t> rows) const {
  Array y(y_type(static_cast<std::int64_t>(rows.size())));
  copy_y(rows, y.data());
  return y;
}

Array Dataset::x() const { return x(all_rows(size())); }
Array Dataset::y() const { return y(all_rows(size())); }

Dataset Dataset::with_rows(std::span<const std::uint32_t> rows, std::string step) const {
  if (rows.empty()) throw Error(fmt::format("{}: {} leaves no examples", name(), step));
  std::vector<bool> taken(static_cast<std::size_t>(size()), false);
  for (auto row : rows) {
    check_row(row);
    if (taken[row]) throw Error(fmt::format("{}: {} takes row {} twice", name(), step, row));
    taken[row] = true;
  }
  auto content = std::make_shared<Content>(*content_);
  content->lineage.history.push_back(std::move(step));
  const Rows& all = *content_->rows;
  content->set_rows({choose(all.sources, rows), choose(all.quarters, rows), choose(all.labels, rows), {}, {}});
  return Dataset(std::move(content));
}

Dataset Dataset::with_classes(std::span<const std::int32_t> classes, std::string step) const {
  if (!labelled()) throw Error(fmt::format("{}: {} needs classes, the examples have no labels", name(), step));
  std::vector<std::int32_t> renumbered(static_cast<std::size_t>(class_count()), -1);
  for (std::size_t i = 0; i < classes.size(); ++i) {
    rows_of(classes[i]);  // the class exists
    auto& number = renumbered[static_cast<std::size_t>(classes[i])];
    if (number >= 0)
      throw Error(fmt::format("{}: {} takes the class {} twice", name(), step,
                              this->classes().names[static_cast<std::size_t>(classes[i])]));
    number = static_cast<std::int32_t>(i);
  }
  std::vector<std::uint32_t> rows;
  for (std::int64_t row = 0; row < size(); ++row)
    if (renumbered[static_cast<std::size_t>(label(row))] >= 0) rows.push_back(static_cast<std::uint32_t>(row));
  auto content = std::make_shared<Content>(*with_rows(rows, std::move(step)).content_);
  content->classes = choose(content_->classes, classes);
  content->class_origins.clear();
  for (auto cls : classes) content->class_origins.push_back(origin_class(cls));
  Rows chosen = *content->rows;
  for (auto& label : chosen.labels) label = renumbered[static_cast<std::size_t>(label)];
  content->set_rows(std::move(chosen));
  return Dataset(std::move(content));
}

Dataset Dataset::take(std::int64_t count) const {
  if (count < 1 || count > size())
    throw Error(fmt::format("{}: take({}) needs a number from 1 to its {} examples", name(), count, size()));
  return with_rows(all_rows(count), fmt::format("take({})", count));
}

Dataset Dataset::take_per_class(std::int64_t count) const {
  if (!labelled()) throw Error(fmt::format("{}: take_per_class needs classes, the examples have no labels", name()));
  std::vector<std::uint32_t> rows;
  for (std::int64_t cls = 0; cls < class_count(); ++cls) {
    const auto of_class = rows_of(cls);
    if (count < 1 || count > static_cast<std::int64_t>(of_class.size()))
      throw Error(fmt::format("{}: take_per_class({}) needs a number from 1 to the {} examples of the class {}", name(),
                              count, of_class.size(), classes().names[static_cast<std::size_t>(cls)]));
    rows.insert(rows.end(), of_class.begin(), of_class.begin() + count);
  }
  std::sort(rows.begin(), rows.end());
  return with_rows(rows, fmt::format("take_per_class({})", count));
}

Dataset Dataset::renamed(std::string name) const {
  auto content = std::make_shared<Content>(*content_);
  content->name = std::move(name);
  return Dataset(std::move(content));
}

Dataset Dataset::transformed(std::shared_ptr<const Transform> transform) const {
  if (x_dtype() != Dtype::f32)
    throw Error(fmt::format("{}: {} needs examples that are numbers, these are {}", name(), transform->name,
                            to_string(x_type(size()))));
  auto content = std::make_shared<Content>(*content_);
  content->lineage.history.push_back(transform->name);
  content->transforms.push_back(std::move(transform));
  return Dataset(std::move(content));
}

std::vector<std::string> Dataset::transforms() const {
  std::vector<std::string> names;
  for (const auto& transform : content_->transforms) names.push_back(transform->name);
  return names;
}

Dataset Dataset::relabelled(std::span<const std::int32_t> numbers, ClassTable classes,
                            std::vector<std::int32_t> origins, std::string step) const {
  if (static_cast<std::int64_t>(numbers.size()) != class_count())
    throw Error(fmt::format("{}: {} has {} numbers for {} classes", name(), step, numbers.size(), class_count()));
  if (static_cast<std::int64_t>(origins.size()) != classes.size())
    throw Error(fmt::format("{}: {} has {} origins for {} classes", name(), step, origins.size(), classes.size()));
  auto content = std::make_shared<Content>(*content_);
  Rows rows = *content_->rows;
  for (auto& label : rows.labels) label = numbers[static_cast<std::size_t>(label)];
  check_classes(name(), classes);
  check_labels(name(), rows.labels, size(), classes);
  content->classes = std::move(classes);
  content->class_origins = std::move(origins);
  content->set_rows(std::move(rows));
  content->lineage.history.push_back(std::move(step));
  return Dataset(std::move(content));
}

std::uint32_t Dataset::origin_row(std::int64_t row) const {
  check_row(row);
  return content_->rows->sources[static_cast<std::size_t>(row)];
}

std::int32_t Dataset::origin_class(std::int64_t cls) const {
  rows_of(cls);  // the class exists
  return content_->class_origins[static_cast<std::size_t>(cls)];
}

}  // namespace metac::data
