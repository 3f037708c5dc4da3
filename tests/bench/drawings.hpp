// Episodes of random drawings with the shapes of Omniglot's: a new one for each task of each step.
#pragma once

#include "data/random.hpp"
#include "elaborate/fingerprint.hpp"
#include "elaborate/source.hpp"

namespace metac::dsl::testing {

class Drawings : public TaskSource {
 public:
  Drawings(std::int64_t ways, std::int64_t shots, std::int64_t queries)
      : ways_(ways), shots_(shots), queries_(queries) {}
  std::string describe() const override { return "random drawings"; }
  void identify(Fingerprint& to) const override {
    to.text(describe());
    for (const std::int64_t number : {ways_, shots_, queries_}) to.number(number);
  }
  std::vector<Form> task_forms() const override {
    const std::int64_t s = ways_ * shots_, q = ways_ * queries_;
    return {{{Dtype::f32, {s, 28, 28, 1}}, {Dtype::i32, {s}}, {Dtype::f32, {q, 28, 28, 1}}, {Dtype::i32, {q}}}};
  }
  std::vector<Array> arrays(data::Key key, std::size_t, std::int64_t first, std::int64_t count) const override {
    data::Stream stream(data::fold_in_wide(key, static_cast<std::uint64_t>(first)));
    std::vector<Array> drawn;
    const Form form = task_forms().front();
    for (const auto& type : form) {
      auto& array = drawn.emplace_back(Type{type.dtype, type.shape.with_front(count)});
      if (type.dtype == Dtype::f32)  // ink is there or not
        for (auto& pixel : array.as<float>()) pixel = stream.next() % 8 == 0 ? 1 : 0;
      else
        for (std::int64_t i = 0; i < array.elements(); ++i)
          array.as<std::int32_t>()[i] = static_cast<std::int32_t>(i % ways_);
    }
    return drawn;
  }
  Value build(Elaborator&, std::span<const Tensor> arrays) const override {
    const auto part = [](Tensor x, Tensor y) { return Value::record({{"x", x}, {"y", y}}); };
    return Value::record({{"support", part(arrays[0], arrays[1])},
                          {"query", part(arrays[2], arrays[3])},
                          {"ways", ways_},
                          {"shots", shots_}});
  }

 private:
  std::int64_t ways_, shots_, queries_;
};

}  // namespace metac::dsl::testing
