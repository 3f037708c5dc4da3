// The builtins that read data sets, split them and make task sources of them.
#include <fmt/format.h>

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
  const auto size = e.integer(call.arguments[0], span_of(call, 0), "the size of an image");
  if (size < 1 || size > 1024)
    e.fail("E0403", span_of(call, 0), fmt::format("images cannot be resized to {} x {}", size, size), "",
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
  const auto classes = e.integer(call.arguments[0], span_of(call, 0), "a number of classes");
  const auto each = e.integer(call.arguments[1], span_of(call, 1), "a number of drawings");
  const auto size = e.integer(call.arguments[2], span_of(call, 2), "the size of an image");
  const auto key = seed_key(e, call, 3);
  return e.loaded(fmt::format("glyphs {} {} {} {} {}", classes, each, size, key.a, key.b),
                  [&] { return reading(e, call, [&] { return held(data::glyphs(classes, each, size, key)); }); });
}

Value images_value(Elaborator& e, Call call) {
  data::ImageOptions options;
  if (!call.arguments[1].is_none())
    options.class_depth = static_cast<int>(e.integer(call.arguments[1], span_of(call, 1), "the folders of a class"));
  if (!call.arguments[2].is_none())
    options.size = static_cast<int>(e.integer(call.arguments[2], span_of(call, 2), "the size of an image"));
  if (!call.arguments[2].is_none() && (options.size < 1 || options.size > 4096))
    e.fail("E0403", span_of(call, 2), fmt::format("images cannot be resized to {} x {}", options.size, options.size),
           "", "sizes from 1 to 4096 are possible");
  options.invert = e.condition(call.arguments[3], span_of(call, 3));
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
      counts.emplace_back(names[i], e.integer(call.arguments[first + i], span_of(call, first + i), what));
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
        e.fail("E0404", span_of(call, 2), "`file` needs a file for each part", "",
               "`file: (train: \"a.txt\", test: \"b.txt\")`");
      std::vector<std::pair<std::string, std::filesystem::path>> paths;
      for (const auto& [name, value] : files->fields) paths.emplace_back(name, path(e, value, span_of(call, 2)));
      return parts(data::split_classes_by_files(set, paths));
    }
    return parts(data::split_classes_by_counts(set, counts, seed_key(e, call, 6)));
  });
}

Value episodes_value(Elaborator& e, Call call) {
  const auto& set = dataset(e, call, 0);
  std::int64_t sizes[3];
  const char* const what[] = {"the number of ways", "the number of shots", "the number of queries"};
  for (std::size_t i = 0; i < 3; ++i) sizes[i] = e.integer(call.arguments[1 + i], span_of(call, 1 + i), what[i]);
  if (sizes[2] < 1)
    e.fail("E0405", span_of(call, 3), fmt::format("an episode needs at least 1 query a class, not {}", sizes[2]));
  return reading(e, call, [&]() -> Value { return episode_source(set, sizes[0], sizes[1], sizes[2]); });
}

Value joint_value(Elaborator& e, Call call) {
  std::vector<TaskExamples> tasks;
  for (const Value& task : items(call.arguments[0])) tasks.push_back(examples_of(e, task, "train", span_of(call, 0)));
  if (tasks.empty()) e.fail("E0435", span_of(call, 0), "the stream has no tasks");
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
    const auto count = e.integer(call.arguments[1], span_of(call, 1), "a number of examples");
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
}

}  // namespace metac::dsl
