// Sources of tasks: what they share, and episodes of data sets, which the host draws.
#include <fmt/format.h>

#include "data/episodes.hpp"
#include "elaborate/choice.hpp"
#include "elaborate/each_row.hpp"
#include "elaborate/fingerprint.hpp"
#include "elaborate/sources.hpp"
#include "elaborate/task_draws.hpp"

namespace metac::dsl {

std::vector<Form> TaskSource::forms(std::int64_t batch) const {
  auto forms = task_forms();
  for (auto& form : forms)
    for (auto& type : form) type.shape = type.shape.with_front(batch);
  return forms;
}

std::vector<Array> TaskSource::sample(data::Key key, std::int64_t first, std::int64_t count) const {
  const std::size_t all = task_forms().size();
  std::size_t form = 0;
  if (all > 1) {
    constexpr std::uint32_t form_stream = 0x73697a65;  // apart from the streams of the tasks themselves
    const data::Key drawn = data::fold_in_wide(data::fold_in(key, form_stream), static_cast<std::uint64_t>(first));
    form = data::uniform_below(drawn, static_cast<std::uint32_t>(all));
  }
  return arrays(key, form, first, count);
}

Value TaskSource::drawn_inside(Elaborator& elaborator, const SourcePtr& self, Span span) const {
  return build(elaborator, elaborator.context().draws->arrays(elaborator, self, span));
}

namespace {

// Episodes of one size, or of several, of which each draw takes one at random.
class Episodes : public TaskSource {
 public:
  explicit Episodes(std::vector<data::EpisodeSource> sizes) : sizes_(std::move(sizes)) {}

  std::string describe() const override {
    const auto span = [&](std::int64_t (data::EpisodeSource::*number)() const) {
      const auto least = (sizes_.front().*number)(), most = (sizes_.back().*number)();
      return least == most ? fmt::format("{}", least) : fmt::format("{}-to-{}", least, most);
    };
    return fmt::format("{}-way {}-shot episodes of {}", span(&data::EpisodeSource::ways),
                       span(&data::EpisodeSource::shots), sizes_.front().dataset().name());
  }
  void identify(Fingerprint& print) const override {
    print.text("episodes");
    print.dataset(sizes_.front().dataset());
    for (const auto& size : sizes_)
      for (const auto number : {size.ways(), size.shots(), size.queries()}) print.number(number);
  }
  std::vector<Form> task_forms() const override {
    std::vector<Form> forms;
    for (const auto& size : sizes_) {
      const auto add = [&, form = &forms.emplace_back()](std::int64_t examples) {
        form->push_back(size.dataset().x_type(size.ways() * examples));
        form->push_back({Dtype::i32, {size.ways() * examples}});
      };
      add(size.shots());
      add(size.queries());
    }
    return forms;
  }
  std::vector<Array> arrays(data::Key key, std::size_t form, std::int64_t first, std::int64_t count) const override {
    auto episodes = sizes_[form].sample(key, first, count);
    return {episodes.support_x, episodes.support_y, episodes.query_x, episodes.query_y};
  }
  Value build(Elaborator& self, std::span<const Tensor> arrays) const override {
    const std::int64_t ways = arrays[3].shape()[0] / sizes_.front().queries();
    const auto part = [&](Tensor x, Tensor y) {
      self.know_classes(y, ways);
      return Value::record({{"x", self.working(x)}, {"y", y}});
    };
    return Value::record({{"support", part(arrays[0], arrays[1])},
                          {"query", part(arrays[2], arrays[3])},
                          {"ways", ways},
                          {"shots", arrays[1].shape()[0] / ways}});
  }

 private:
  std::vector<data::EpisodeSource> sizes_;  // fewest ways and shots first; all of the same number of queries
};

}  // namespace

SourcePtr episode_source(const data::Dataset& dataset, const std::vector<std::int64_t>& ways,
                         const std::vector<std::int64_t>& shots, std::int64_t queries) {
  std::vector<data::EpisodeSource> sizes;
  for (const auto w : ways)
    for (const auto s : shots) sizes.emplace_back(dataset, w, s, queries);
  return std::make_shared<const Episodes>(std::move(sizes));
}

namespace {

// Tasks side by side; what is known of one before it is drawn, such as its ways, stands beside them.
Value sample_tasks(Elaborator& self, const SourcePtr& source, std::int64_t count, Span span) {
  Value task;
  const auto one = [&](const std::vector<Tensor>&, Tensor index) {
    WithContext inside(self, row_context(self, index, count));
    task = with_blocks(self, self.draw_task("task", source, span));
    std::vector<Value> tensors;
    map_tensors(task, [&](Tensor t) { return tensors.emplace_back(t), t; });
    return Value::tuple(std::move(tensors));
  };
  const Value columns = each_row(self, {}, count, one, span);
  std::size_t next = 0;
  return map_tensors(task, [&](Tensor) { return *columns.record()->fields[next++].second.get<Tensor>(); });
}

}  // namespace

Value sample(Elaborator& self, const Value& drawn, std::int64_t count, Span span) {
  if (!self.context().key) self.fail("E0312", span, "`sample` stands where nothing is random");
  if (const auto* source = drawn.get<SourcePtr>()) return sample_tasks(self, *source, count, span);
  const auto one = [&](const std::vector<Tensor>&, Tensor index) {
    WithContext inside(self, row_context(self, index, count));
    return self.call_function(drawn, {}, span);
  };
  return each_row(self, {}, count, one, span);
}

}  // namespace metac::dsl
