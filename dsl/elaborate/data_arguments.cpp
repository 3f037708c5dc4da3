// Arguments of the builtins on data: values to data sets, paths, numbers, with an error at their place.
#include "elaborate/data_arguments.hpp"

#include <fmt/format.h>

namespace metac::dsl {
namespace {

using SetFunction = std::function<data::Dataset(const data::Dataset&)>;

const data::Dataset* set_in(const Value& value) {
  const auto* pointer = value.get<std::shared_ptr<const data::Dataset>>();
  return pointer != nullptr ? pointer->get() : nullptr;
}

// The value with each data set in it changed; `found` says whether there was one.
Value changed(const Value& value, const SetFunction& change, bool& found) {
  if (const auto* set = set_in(value)) {
    found = true;
    return held(change(*set));
  }
  if (const Record* record = value.record()) {
    auto fields = record->fields;
    for (auto& [name, field] : fields) field = changed(field, change, found);
    return Value::record(std::move(fields));
  }
  if (const List* list = value.list()) {
    auto items = list->items;
    for (auto& item : items) item = changed(item, change, found);
    return Value::list(std::move(items));
  }
  return value;
}

[[noreturn]] void no_such_file(Elaborator& e, const std::filesystem::path& path, const std::filesystem::path& directory,
                               Span span) {
  std::error_code unknown;
  if (path.is_absolute()) e.fail("E0401", span, fmt::format("there is no file {}", path.string()));
  const std::string here = std::filesystem::current_path(unknown).string();
  if (directory.empty())
    e.fail("E0401", span,
           fmt::format("there is no file {} in {}, and no data directory was given", path.string(), here), "",
           "name the folder that it lies in by `--data DIR` or METAC_DATA");
  e.fail(
      "E0401", span,
      fmt::format("there is no file {} in the data directory {}, nor in {}", path.string(), directory.string(), here),
      "",
      std::filesystem::is_directory(directory, unknown)
          ? ""
          : fmt::format("{} is no folder: name another by `--data DIR` or METAC_DATA", directory.string()));
}

}  // namespace

bool given(const BuiltinCall& call, std::size_t argument) { return !call.arguments[argument].is_none(); }

Value held(data::Dataset dataset) { return std::make_shared<const data::Dataset>(std::move(dataset)); }

Value train_and_test(const data::TrainTest& both) {
  return Value::record({{"train", held(both.train)}, {"test", held(both.test)}});
}

const data::Dataset& dataset(Elaborator& e, const BuiltinCall& call, std::size_t argument) {
  const auto* set = set_in(call.arguments[argument]);
  if (set == nullptr)
    e.fail("E0400", call.place(argument),
           fmt::format("a data set was needed, this is {}", describe(call.arguments[argument])), "",
           call.arguments[argument].record() != nullptr ? "one of its parts, such as `.train`?" : "");
  return *set;
}

data::TrainTest train_and_test(Elaborator& e, const Value& value, Span span) {
  const Record* record = value.record();
  const Value* train = record != nullptr ? record->find("train") : nullptr;
  const Value* test = record != nullptr ? record->find("test") : nullptr;
  if (train == nullptr || test == nullptr || set_in(*train) == nullptr || set_in(*test) == nullptr)
    e.fail("E0407", span, fmt::format("a record of two data sets was needed, this is {}", describe(value)), "",
           "`mnist()`, `split_rows(...)`, or `(train: a, test: b)`");
  return {*set_in(*train), *set_in(*test)};
}

const std::string& text(Elaborator& e, const BuiltinCall& call, std::size_t argument, const char* what) {
  const auto* value = call.arguments[argument].get<std::string>();
  if (value == nullptr)
    e.fail("E0402", call.place(argument),
           fmt::format("{} in quotes was needed, this is {}", what, describe(call.arguments[argument])));
  return *value;
}

double number(Elaborator& e, const BuiltinCall& call, std::size_t argument, const char* what) {
  const auto value = call.arguments[argument].number();
  if (!value)
    e.fail("E0408", call.place(argument),
           fmt::format("{} is a number, this is {}", what, describe(call.arguments[argument])));
  return *value;
}

std::vector<Value> items(const Value& value) {
  if (const List* list = value.list()) return list->items;
  const Record* record = value.record();
  if (record == nullptr || (!record->fields.empty() && !record->fields.front().first.empty())) return {value};
  std::vector<Value> result;
  for (const auto& [name, field] : record->fields) result.push_back(field);
  return result;
}

std::vector<double> numbers(Elaborator& e, const BuiltinCall& call, std::size_t argument, const char* what) {
  std::vector<double> result;
  for (const Value& item : items(call.arguments[argument])) {
    if (!item.number())
      e.fail("E0408", call.place(argument),
             fmt::format("{} is a number or a list of numbers, this is {}", what, describe(call.arguments[argument])));
    result.push_back(*item.number());
  }
  return result;
}

std::filesystem::path path(Elaborator& e, const Value& value, Span span) {
  const auto* text = value.get<std::string>();
  if (text == nullptr) e.fail("E0402", span, fmt::format("a path in quotes was needed, this is {}", describe(value)));
  const std::filesystem::path path(*text), directory = data::data_directory(e.data_directory());
  std::error_code unknown;
  if (path.is_relative() && !directory.empty() && std::filesystem::exists(directory / path, unknown))
    return directory / path;
  if (!std::filesystem::exists(path, unknown)) no_such_file(e, path, directory, span);
  return path;
}

std::filesystem::path path(Elaborator& e, const BuiltinCall& call, std::size_t argument) {
  return path(e, call.arguments[argument], call.place(argument));
}

Value reading(Elaborator& e, const BuiltinCall& call, const std::function<Value()>& read) {
  try {
    return read();
  } catch (const OutOfMemory&) {
    throw;  // no fault of the data
  } catch (const Error& error) {
    e.fail("E0401", call.span, error.what());
  }
}

Value each_dataset(Elaborator& e, const BuiltinCall& call, const SetFunction& change) {
  bool found = false;
  Value result = reading(e, call, [&] { return changed(call.arguments[0], change, found); });
  if (!found)
    e.fail("E0400", call.place(0),
           fmt::format("a data set, or a record of some, was needed, this is {}", describe(call.arguments[0])));
  return result;
}

data::Key seed_key(Elaborator& e, const BuiltinCall& call, std::size_t argument) {
  const auto seed = e.integer(call.arguments[argument], call.place(argument), "a seed");
  return data::fold_in_wide(data::Key{}, static_cast<std::uint64_t>(seed));
}

}  // namespace metac::dsl
