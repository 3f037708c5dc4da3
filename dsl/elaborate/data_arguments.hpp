// What the builtins on data take from their arguments and give back.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "data/load.hpp"
#include "elaborate/elaborator.hpp"

namespace metac::dsl {

using BuiltinTable = std::map<std::string, BuiltinFunction, std::less<>>;
void add_transform_builtins(BuiltinTable&);
void add_stream_builtins(BuiltinTable&);
void add_table_builtins(BuiltinTable&);

// Tasks of the classes of a data set, its targets for y.
SourcePtr group_source(const data::Dataset&, std::int64_t shots, std::int64_t queries);

bool given(const BuiltinCall&, std::size_t argument);  // it is not `none`

Value held(data::Dataset);
Value train_and_test(const data::TrainTest&);

// Failures, at the place of the argument, for a value of another kind.
const data::Dataset& dataset(Elaborator&, const BuiltinCall&, std::size_t argument);
data::TrainTest train_and_test(Elaborator&, const Value&, Span);
const std::string& text(Elaborator&, const BuiltinCall&, std::size_t argument, const char* what);
double number(Elaborator&, const BuiltinCall&, std::size_t argument, const char* what);
std::vector<double> numbers(Elaborator&, const BuiltinCall&, std::size_t argument, const char* what);  // or one number
std::vector<Value> items(const Value&);  // of a list or tuple; the value itself where it is neither
// Below the data directory if it is there; else as written.
std::filesystem::path path(Elaborator&, const Value&, Span);
std::filesystem::path path(Elaborator&, const BuiltinCall&, std::size_t argument);

// Runs a function of the data room; its Error becomes a Failure at the place of the call.
Value reading(Elaborator&, const BuiltinCall&, const std::function<Value()>&);
// The same for each data set in the first argument, which may be one, or a record or list that holds some.
Value each_dataset(Elaborator&, const BuiltinCall&, const std::function<data::Dataset(const data::Dataset&)>&);

// The key of a seed that a script gives.
data::Key seed_key(Elaborator&, const BuiltinCall&, std::size_t argument);

}  // namespace metac::dsl
