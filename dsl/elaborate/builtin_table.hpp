// Where the files of builtins meet, and what they share.
#pragma once

#include <map>
#include <string>

#include "elaborate/elaborator.hpp"

namespace metac::dsl {

void add_control_builtins(std::map<std::string, BuiltinFunction, std::less<>>&);
void add_data_builtins(std::map<std::string, BuiltinFunction, std::less<>>&);
void add_row_builtins(std::map<std::string, BuiltinFunction, std::less<>>&);
void add_tensor_builtins(std::map<std::string, BuiltinFunction, std::less<>>&);
void add_tree_builtins(std::map<std::string, BuiltinFunction, std::less<>>&);

// A function of each element: host numbers at once, tensors by the engine, trees leaf by leaf.
BuiltinFunction elementwise(double (*host)(double), Tensor (*run)(Tensor), bool to_real = true);

// Axes of x: none (all of them), one, or a list. A Failure where there is no such axis.
std::vector<int> axes_of(Elaborator&, const Value& axis, Tensor x, Span);
int one_axis(Elaborator&, const BuiltinCall&, std::size_t argument, Tensor x);
bool flag(Elaborator&, const BuiltinCall&, std::size_t argument);

// A function (x, axis, keep).
using Reduce = Tensor (*)(Tensor, std::vector<int>, bool);
BuiltinFunction reduction(Reduce, bool to_real);

// The first argument as a list of tensors of one type.
std::vector<Tensor> tensor_list(Elaborator&, const BuiltinCall&);

}  // namespace metac::dsl
