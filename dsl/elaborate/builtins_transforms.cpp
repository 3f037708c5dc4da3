// The builtins that transform data sets: each works on one, and on every data set of a record or list.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "data/transforms.hpp"
#include "elaborate/data_arguments.hpp"

namespace metac::dsl {
namespace {

using Call = const BuiltinCall&;
using data::Dataset;

// One number is height and width.
std::pair<std::int64_t, std::int64_t> size_of(Elaborator& e, Call call, std::size_t argument) {
  const auto sizes = items(call.arguments[argument]);
  if (sizes.empty() || sizes.size() > 2)
    e.fail("E0409", call.place(argument),
           fmt::format("a size is one number, or height and width, not {}", describe(call.arguments[argument])));
  const auto at = [&](std::size_t i) { return e.integer(sizes[i], call.place(argument), "the size of an image"); };
  return {at(0), at(sizes.size() - 1)};
}

Value normalize_value(Elaborator& e, Call call) {
  const bool by_set = given(call, 3);
  if (by_set ? given(call, 1) || given(call, 2) : !given(call, 1) || !given(call, 2))
    e.fail("E0460", call.span, "`normalize` needs either a mean and a deviation, or a data set to measure them on", "",
           "`normalize(data, mean: 0.13, deviation: 0.31)` or `normalize(data, from: data.train)`");
  if (!by_set) {
    const auto mean = numbers(e, call, 1, "a mean"), deviation = numbers(e, call, 2, "a deviation");
    return each_dataset(e, call, [&](const Dataset& set) { return data::normalize(set, mean, deviation); });
  }
  const auto& from = dataset(e, call, 3);
  data::Moments measured;
  reading(e, call, [&] {
    measured = data::moments(from);
    return None{};
  });
  return each_dataset(e, call,
                      [&](const Dataset& set) { return data::normalize(set, measured.mean, measured.deviation); });
}

Value rotate_value(Elaborator& e, Call call) {
  const auto degrees = numbers(e, call, 1, "an angle");
  if (degrees.empty() || degrees.size() > 2)
    e.fail("E0409", call.place(1),
           fmt::format("an angle is one number, or a range of two, not {}", describe(call.arguments[1])), "",
           "`rotate(data, 90)` or `rotate(data, degrees: (-15, 15))`");
  return each_dataset(e, call, [&](const Dataset& set) {
    return degrees.size() == 1 ? data::rotate(set, degrees[0]) : data::rotate(set, degrees[0], degrees[1]);
  });
}

Value crop_value(Elaborator& e, Call call) {
  data::Crop crop;
  std::tie(crop.height, crop.width) = size_of(e, call, 1);
  crop.padding = e.integer(call.arguments[2], call.place(2), "a padding");
  const auto* word = call.arguments[3].get<std::string>();
  const auto place = items(call.arguments[3]);
  if (word != nullptr && *word == "random") {
    crop.window = data::Window::random;
  } else if (word == nullptr && place.size() == 2) {
    crop.window = data::Window::placed;
    crop.top = e.integer(place[0], call.place(3), "the top of a window");
    crop.left = e.integer(place[1], call.place(3), "the left of a window");
  } else if (word == nullptr || *word != "centre") {
    e.fail("E0419", call.place(3),
           fmt::format("a window is at \"centre\", \"random\", or (top, left), not {}", describe(call.arguments[3])));
  }
  return each_dataset(e, call, [&](const Dataset& set) { return data::crop(set, crop); });
}

// Of a tensor, or of data sets.
BuiltinFunction flip_of(BuiltinFunction of_tensor) {
  return [of_tensor = std::move(of_tensor)](Elaborator& e, Call call) -> Value {
    const Value& x = call.arguments[0];
    const bool data = x.get<std::shared_ptr<const Dataset>>() != nullptr || x.record() != nullptr ||
                      (x.list() != nullptr && !x.list()->items.empty() && x.list()->items.front().record() != nullptr);
    if (!data && given(call, 2))
      e.fail("E0400", call.place(0), fmt::format("a chance is for data sets, this is {}", describe(x)));
    if (!data) return of_tensor(e, call);
    const auto axis = e.integer(call.arguments[1], call.place(1), "an axis");
    const double chance = given(call, 2) ? number(e, call, 2, "a chance") : 1;
    return each_dataset(e, call, [&](const Dataset& set) {
      const auto from_front = axis < 0 ? axis + set.example_shape().rank() : axis;
      return data::flip(set, static_cast<int>(std::clamp<std::int64_t>(from_front, -1, max_rank)), chance);
    });
  };
}

}  // namespace

void add_transform_builtins(BuiltinTable& t) {
  t["normalize"] = normalize_value;
  t["resize"] = [](Elaborator& e, Call call) {
    const auto size = size_of(e, call, 1);
    return each_dataset(e, call, [&](const Dataset& set) { return data::resize(set, size.first, size.second); });
  };
  t["rotate"] = rotate_value;
  t["flip"] = flip_of(t.at("flip"));
  t["crop"] = crop_value;
  t["noise"] = [](Elaborator& e, Call call) {
    const double deviation = number(e, call, 1, "a deviation");
    return each_dataset(e, call, [&](const Dataset& set) { return data::noise(set, deviation); });
  };
  t["permute"] = [](Elaborator& e, Call call) {
    const auto key = seed_key(e, call, 1);
    const auto what = fmt::format("seed {}", e.integer(call.arguments[1], call.place(1), "a seed"));
    return each_dataset(e, call, [&](const Dataset& set) { return data::permute(set, key, what); });
  };
  t["channels"] = [](Elaborator& e, Call call) {
    const auto count = e.integer(call.arguments[1], call.place(1), "a number of channels");
    return each_dataset(e, call, [&](const Dataset& set) { return data::channels(set, count); });
  };
}

}  // namespace metac::dsl
