// What a definition or a builtin takes: its lists of parameters, read once. Pure data; knows nothing of scopes.
#pragma once

#include <string>
#include <vector>

#include "check/builtins.hpp"
#include "syntax/tree.hpp"

namespace metac::dsl {

struct SignatureParameter {
  std::string name;
  bool required = false;
  Span span;  // empty for a builtin
};

struct SignatureList {
  std::vector<SignatureParameter> parameters;
  bool variadic = false;  // takes any further positional arguments

  const SignatureParameter* find(const std::string& name) const;
};

struct Signature {
  std::string name;
  std::vector<SignatureList> lists;
  std::vector<SignatureParameter> started;  // `learn` and `memory` names: may be given by name in the first list
  bool takes_weights = false;               // a model: its last list may begin with its parameters, `net(w, x)`
  bool is_builtin = false;
  Span span;  // the name where it is defined; empty for a builtin

  const SignatureParameter* find_started(const std::string& name) const;
};

Signature signature_of(const Definition&);
Signature signature_of(const Builtin&);
// "(x, axis = .., keep = ..)", as a newcomer reads it in a message.
std::string describe(const Signature&);

}  // namespace metac::dsl
