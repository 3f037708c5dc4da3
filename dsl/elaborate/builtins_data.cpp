// The builtins that read data sets, split them and make task sources of them.
#include <fmt/format.h>

#include <algorithm>

#include <filesystem>

#include "data/glyphs.hpp"
#include "data/load.hpp"
#include "data/split.hpp"
#include "elaborate/builtin_table.hpp"
#include "elaborate/data_arguments.hpp"
#include "elaborate/sources.hpp"

namespace metac::dsl {
namespace {

using Call = const BuiltinCall&;

Value parts(const data::Parts& split) {
  std::vector<std::pair<std::string, Value>> fields;
  for (const auto& [name, part] : split) fields.emplace_back(name, held(part));
  return Value::record(std::move(fields));
}

Value omniglot_value(Elaborator& e, Call call) {
  const auto size = e.integer(call.arguments[0], call.place(0), "the size of an image");
  if (size < 1 || size > 1024)
    e.fail("E0403", call.place(0), fmt::format("images cannot be resized to {} x {}", size, size), "",
           "sizes from 1 to 1024 are possible");
  return e.loaded(fmt::format("omniglot {}", size), [&] {
    return reading(e, call, [&] {
      return held(data::omniglot(data::data_directory(e.data_directory()), static_cast<int>(size)));
    });
  });
}

// A set of the data directory that has parts to train and to test on.
BuiltinFunction known(std::string name, data::TrainTest (*load)(const std::filesystem::path&)) {
  return [name = std::move(name), load](Elaborator& e, Call call) {
    return e.loaded(name, [&] {
      return reading(e, call, [&] { return train_and_test(load(data::data_directory(e.data_directory()))); });
    });
  };
}

Value glyphs_value(Elaborator& e, Call call) {
  const auto classes = e.integer(call.arguments[0], call.place(0), "a number of classes");
  const auto each = e.integer(call.arguments[1], call.place(1), "a number of drawings");
  const auto size = e.integer(call.arguments[2], call.place(2), "the size of an image");
  const auto key = seed_key(e, call, 3);
  return e.loaded(fmt::format("glyphs {} {} {} {} {}", classes, each, size, key.a, key.b),
                  [&] { return reading(e, call, [&] { return held(data::glyphs(classes, each, size, key)); }); });
}

Value images_value(Elaborator& e, Call call) {
  data::ImageOptions options;
  if (!call.arguments[1].is_none())
    options.class_depth =
        static_cast<int>(e.integer(call.arguments[1], call.place(1), "the number of folders of a class", 0, 1000));
  if (!call.arguments[2].is_none()) {
    const auto size = e.integer(call.arguments[2], call.place(2), "the size of an image");
    if (size < 1 || size > 4096)
      e.fail("E0403", call.place(2), fmt::format("images cannot be resized to {} x {}", size, size), "",
             "sizes from 1 to 4096 are possible");
    options.size = static_cast<int>(size);
  }
  options.invert = e.condition(call.arguments[3], call.place(3));
  const auto folder = path(e, call, 0);
  return e.loaded(fmt::format("images {} {} {} {}", folder.string(), options.class_depth, options.size, options.invert),
                  [&] { return reading(e, call, [&] { return held(data::images(folder, options)); }); });
}

Value idx_value(Elaborator& e, Call call) {
  const auto images = path(e, call, 0);
  const auto labels = call.arguments[1].is_none() ? std::filesystem::path() : path(e, call, 1);
  const auto classes = call.arguments[2].is_none() ? std::filesystem::path() : path(e, call, 2);
  return e.loaded(fmt::format("idx {} {} {}", images.string(), labels.string(), classes.string()), [&] {
    return reading(e, call, [&] {
      return held(
          data::idx(images, labels, classes.empty() ? data::ClassTable{} : data::read_classes(classes, {"name"})));
    });
  });
}

// The arguments train, val and test, from the given one on.
data::Counts counts_of(Elaborator& e, Call call, std::size_t first, const char* what) {
  const char* const names[] = {"train", "val", "test"};
  data::Counts counts;
  for (std::size_t i = 0; i < 3; ++i)
    if (given(call, first + i))
      counts.emplace_back(names[i], e.integer(call.arguments[first + i], call.place(first + i), what));
  return counts;
}

// Parts by a column of the class table, by files, or by counts and a seed.
Value split_value(Elaborator& e, Call call) {
  const auto& set = dataset(e, call, 0);
  const bool by_column = given(call, 1), by_file = given(call, 2);
  const auto counts = counts_of(e, call, 3, "a number of classes");
  if (by_column + by_file + !counts.empty() != 1)
    e.fail("E0404", call.span, "`split_classes` needs exactly one way to split", "",
           "`column: \"name\"`, `file: (train: \"a.txt\", test: \"b.txt\")`, or counts: `train: 1200, test: 423, seed: "
           "1`");
  return reading(e, call, [&] {
    if (by_column) return parts(data::split_classes(set, text(e, call, 1, "the name of a column")));
    if (by_file) {
      const Record* files = call.arguments[2].record();
      if (files == nullptr)
        e.fail("E0404", call.place(2), "`file` needs a file for each part", "",
               "`file: (train: \"a.txt\", test: \"b.txt\")`");
      std::vector<std::pair<std::string, std::filesystem::path>> paths;
      for (const auto& [name, value] : files->fields) paths.emplace_back(name, path(e, value, call.place(2)));
      return parts(data::split_classes_by_files(set, paths));
    }
    return parts(data::split_classes_by_counts(set, counts, seed_key(e, call, 6)));
  });
}

// One number, or a range such as `5..10` of which each step draws one.
std::vector<std::int64_t> choices(Elaborator& e, Call call, std::size_t argument, const char* what) {
  std::vector<std::int64_t> numbers;
  const List* list = call.arguments[argument].list();
  if (list == nullptr) return {e.integer(call.arguments[argument], call.place(argument), what)};
  for (const auto& item : list->items) numbers.push_back(e.integer(item, call.place(argument), what));
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  constexpr std::size_t most = 64;  // each is a program of its own
  if (numbers.empty() || numbers.size() > most)
    e.fail("E0405", call.place(argument),
           fmt::format("{} is a number or a list of 1 to {}, not of {}", what, most, numbers.size()));
  return numbers;
}

Value episodes_value(Elaborator& e, Call call) {
  const auto& set = dataset(e, call, 0);
  const auto ways = choices(e, call, 1, "the number of ways"), shots = choices(e, call, 2, "the number of shots");
  const auto queries = e.integer(call.arguments[3], call.place(3), "the number of queries");
  if (queries < 1)
    e.fail("E0405", call.place(3), fmt::format("an episode needs at least 1 query a class, not {}", queries));
  return reading(e, call, [&]() -> Value { return episode_source(set, ways, shots, queries); });
}

Value joint_value(Elaborator& e, Call call) {
  std::vector<TaskExamples> tasks;
  for (const Value& task : items(call.arguments[0])) tasks.push_back(examples_of(e, task, "train", call.place(0)));
  if (tasks.empty()) e.fail("E0435", call.place(0), "the stream has no tasks");
  return reading(e, call, [&]() -> Value { return joint_source(std::move(tasks)); });
}

}  // namespace

void add_data_builtins(BuiltinTable& t) {
  t["omniglot"] = omniglot_value;
  t["mnist"] = known("mnist", data::mnist);
  t["mnist_m"] = known("mnist_m", data::mnist_m);
  t["fashion_mnist"] = known("fashion_mnist", data::fashion_mnist);
  t["glyphs"] = glyphs_value;
  t["images"] = images_value;
  t["folders"] = [](Elaborator& e, Call call) -> Value {
    const auto levels = e.integer(call.arguments[0], call.span, "a number of folders");
    if (levels < 1 || levels > 64)
      e.fail("E0406", call.span, fmt::format("a class is made of 1 to 64 folders, not {}", levels));
    return levels;
  };
  t["idx"] = idx_value;
  t["split_classes"] = split_value;
  t["split_rows"] = [](Elaborator& e, Call call) {
    const auto& set = dataset(e, call, 0);
    const auto counts = counts_of(e, call, 1, "a number of rows");
    const auto key = seed_key(e, call, 4);
    return reading(e, call, [&] { return parts(data::split_rows(set, counts, key)); });
  };
  t["take_per_class"] = [](Elaborator& e, Call call) {
    const auto count = e.integer(call.arguments[1], call.place(1), "a number of examples");
    return each_dataset(e, call, [&](const data::Dataset& set) { return set.take_per_class(count); });
  };
  t["rotated_classes"] = [](Elaborator& e, Call call) {
    return reading(e, call, [&] { return held(data::rotated_classes(dataset(e, call, 0))); });
  };
  t["episodes"] = episodes_value;
  t["joint"] = joint_value;
  t["pairs"] = [](Elaborator& e, Call call) {
    const auto &source = dataset(e, call, 0), &target = dataset(e, call, 1);
    return reading(e, call, [&]() -> Value { return pair_source(source, target); });
  };
  add_transform_builtins(t);
  add_stream_builtins(t);
  add_table_builtins(t);
}

}  // namespace metac::dsl
