// Tensors in the form of a tree, and others that must have the same form: what a loop hands from step to step.
#pragma once

#include "elaborate/elaborator.hpp"

namespace metac::dsl {

// What messages say of a form.
struct FormWords {
  const char* code;   // for others that do not fit
  std::string whole;  // "the state of `scan`"
  const char* has;    // "begins as"
  const char* giver;  // "a step gives"
  const char* mark;   // at the giver: "this gives the next state"
  const char* hint;
};

class TensorForm {
 public:
  // Of numbers, tensors, or a tree of them. Failure if there is no tensor in it, or something else.
  TensorForm(Elaborator&, FormWords, const Value& first, Span);

  const std::vector<Tensor>& tensors() const { return tensors_; }
  Value with(std::span<const Tensor>) const;  // in this form
  // Those of another value of this form, of the types of the first. Failure if it has another form or shape; `giver`:
  // where the function stands that gives it.
  std::vector<Tensor> same(const Value& given, Span giver) const;

 private:
  std::string part(const std::string& path) const;  // "the state of `scan`", "`c` in the state of `scan`"
  [[noreturn]] void refuse(const Value& given, Span giver) const;
  Tensor fitting(const std::string& path, Tensor given, const Type& needed, Span giver) const;

  Elaborator& self_;
  FormWords words_;
  Span span_;
  Value form_;
  std::vector<Tensor> tensors_;
};

}  // namespace metac::dsl
