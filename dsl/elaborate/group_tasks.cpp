// Regression tasks from the groups of a data set, which the host draws.
#include <fmt/format.h>

#include "data/groups.hpp"
#include "elaborate/data_arguments.hpp"
#include "elaborate/fingerprint.hpp"

namespace metac::dsl {
namespace {

class GroupTasks : public TaskSource {
 public:
  explicit GroupTasks(data::GroupSource source) : source_(std::move(source)) {}

  std::string describe() const override {
    return fmt::format("{}-shot groups of {}", source_.shots(), source_.dataset().name());
  }
  void identify(Fingerprint& print) const override {
    print.text("groups");
    print.dataset(source_.dataset());
    for (const auto number : {source_.shots(), source_.queries()}) print.number(number);
  }
  std::vector<Form> task_forms() const override {
    const auto& set = source_.dataset();
    return {{set.x_type(source_.shots()), set.y_type(source_.shots()), set.x_type(source_.queries()),
             set.y_type(source_.queries())}};
  }
  std::vector<Array> arrays(data::Key key, std::size_t, std::int64_t first, std::int64_t count) const override {
    auto groups = source_.sample(key, first, count);
    return {groups.support_x, groups.support_y, groups.query_x, groups.query_y};
  }
  Value build(Elaborator& self, std::span<const Tensor> arrays) const override {
    const auto part = [&](Tensor x, Tensor y) {
      return Value::record({{"x", self.working(x)}, {"y", self.working(y)}});
    };
    return Value::record(
        {{"support", part(arrays[0], arrays[1])}, {"query", part(arrays[2], arrays[3])}, {"shots", source_.shots()}});
  }

 private:
  data::GroupSource source_;
};

}  // namespace

SourcePtr group_source(const data::Dataset& dataset, std::int64_t shots, std::int64_t queries) {
  return std::make_shared<const GroupTasks>(data::GroupSource(dataset, shots, queries));
}

}  // namespace metac::dsl
