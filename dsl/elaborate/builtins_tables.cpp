// The builtins that make data sets of arrays and tables, and regression tasks of their groups.
#include <fmt/format.h>

#include <optional>

#include "data/npy.hpp"
#include "data/tabular.hpp"
#include "elaborate/data_arguments.hpp"

namespace metac::dsl {
namespace {

using Call = const BuiltinCall&;

// Columns of a file are named, where its first line holds names, or numbered from 0, where it does not. All arguments
// of a call do the same.
class Columns {
 public:
  Columns(Elaborator& e, Call call) : e_(e), call_(call) {}

  std::vector<std::string> all(std::size_t argument) {
    std::vector<std::string> names;
    if (given(call_, argument))
      for (const Value& item : items(call_.arguments[argument])) names.push_back(name(item, argument));
    return names;
  }
  std::string one(std::size_t argument) {
    return given(call_, argument) ? name(call_.arguments[argument], argument) : "";
  }
  bool header() const { return named_.value_or(true); }

 private:
  std::string name(const Value& value, std::size_t argument) {
    const auto* text = value.get<std::string>();
    const auto* number = value.get<std::int64_t>();
    if ((text == nullptr && number == nullptr) || named_.value_or(text != nullptr) != (text != nullptr))
      e_.fail("E0461", call_.place(argument),
              fmt::format("columns are all named in quotes, or all numbered from 0, not {}", describe(value)), "",
              "names are for files whose first line holds them, numbers for files without names");
    named_ = text != nullptr;
    return text != nullptr ? *text : std::to_string(*number);
  }

  Elaborator& e_;
  Call call_;
  std::optional<bool> named_;
};

Value csv_value(Elaborator& e, Call call) {
  Columns columns(e, call);
  data::NumberColumns chosen{true, columns.all(1), columns.all(2), columns.one(3)};
  chosen.header = columns.header();
  const auto file = path(e, call, 0);
  return e.loaded(fmt::format("csv {} {} {} {} {}", file.string(), chosen.header, fmt::join(chosen.x, "\n"),
                              fmt::join(chosen.y, "\n"), chosen.group),
                  [&] { return reading(e, call, [&] { return held(data::csv(file, chosen)); }); });
}

Value text_value(Elaborator& e, Call call) {
  Columns columns(e, call);
  data::TextColumns chosen{true, columns.one(1), columns.one(2)};
  chosen.header = columns.header();
  const auto file = path(e, call, 0);
  const bool measured = given(call, 3) && given(call, 4), like = given(call, 5);
  if (like ? given(call, 3) || given(call, 4) : !measured)
    e.fail("E0462", call.span, "`text` needs a vocabulary and a length, or an earlier text to take them from", "",
           "`text(\"train.tsv\", text: 1, label: 0, vocabulary: 5000, length: 20)`, then `text(\"test.tsv\", text: 1, "
           "label: 0, like: train)`");
  if (like) {
    const auto& earlier = dataset(e, call, 5);
    return reading(e, call, [&] { return held(data::text(file, chosen, earlier)); });
  }
  chosen.vocabulary = e.integer(call.arguments[3], call.place(3), "the size of a vocabulary");
  chosen.length = e.integer(call.arguments[4], call.place(4), "the length of a text");
  return e.loaded(fmt::format("text {} {} {} {} {} {}", file.string(), chosen.header, chosen.text, chosen.label,
                              chosen.vocabulary, chosen.length),
                  [&] { return reading(e, call, [&] { return held(data::text(file, chosen)); }); });
}

Value npy_value(Elaborator& e, Call call) {
  const auto x = path(e, call, 0), y = given(call, 1) ? path(e, call, 1) : std::filesystem::path();
  return e.loaded(fmt::format("npy {} {}", x.string(), y.string()),
                  [&] { return reading(e, call, [&] { return held(data::npy(x, y)); }); });
}

Value npz_value(Elaborator& e, Call call) {
  const auto file = path(e, call, 0);
  const std::string x = text(e, call, 1, "the name of an array");
  const std::string y = given(call, 2) ? text(e, call, 2, "the name of an array") : "";
  return e.loaded(fmt::format("npz {} {} {}", file.string(), x, y),
                  [&] { return reading(e, call, [&] { return held(data::npz(file, x, y)); }); });
}

Value groups_value(Elaborator& e, Call call) {
  const auto& set = dataset(e, call, 0);
  const auto shots = e.integer(call.arguments[1], call.place(1), "the number of shots");
  const auto queries = e.integer(call.arguments[2], call.place(2), "the number of queries");
  return reading(e, call, [&]() -> Value { return group_source(set, shots, queries); });
}

}  // namespace

void add_table_builtins(BuiltinTable& t) {
  t["csv"] = csv_value;
  t["text"] = text_value;
  t["npy"] = npy_value;
  t["npz"] = npz_value;
  t["groups"] = groups_value;
}

}  // namespace metac::dsl
