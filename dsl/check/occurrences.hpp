// What the names of a text stand for, as the checker finds it: for editors. Scripts with mistakes have it, too.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "check/check.hpp"
#include "check/scopes.hpp"

namespace metac::dsl {

inline constexpr Span nowhere{0xffffffff, 0, 0};

// A name that is bound: at the top level of a file, or in a definition.
struct Declaration {
  Name name;
  SymbolKind kind = SymbolKind::unknown;   // of a name in a definition
  const Definition* definition = nullptr;  // what it names, if that is a `fn`, `model`, `learner`, ..
  const Definition* inside = nullptr;      // the definition it is bound in; null at the top level
  std::optional<Global> global;            // of a name at the top level
};

// A place where a name is written.
struct Occurrence {
  enum class Kind {
    name,      // of a value; also where it is bound
    member,    // behind a dot
    argument,  // in front of the colon of an argument
    field,     // in front of the colon of a field or an option
    file       // the path that `use` names
  };
  Name name;
  Kind kind = Kind::name;
  Span definition =
      nowhere;  // the name where it is bound; a file begins at its byte 0. Nowhere: built in, or not known
};

// What can stand at a place: asked before a check, answered by it.
struct Probe {
  Span place;  // of a name in the text, which need not mean anything
  bool met = false;
  std::vector<Declaration> visible;  // the innermost first, each name once
  bool is_member = false;            // behind a dot: then nothing else but what has the member is told
  const Definition* base = nullptr;  // the learner, optimizer, tasks or model in front of the dot, where it is known
  std::set<std::string> fields;      // or the names of the fields of the record there
};

struct Occurrences {
  std::vector<Module> modules;  // of the check: definitions live in them
  std::map<std::pair<std::uint32_t, std::uint32_t>, Declaration> declarations;  // by file and first byte
  std::vector<Occurrence> all;                                                  // in the order of the walk
  Probe probe;

  const Declaration* declaration(Span definition) const;
  void declare(Declaration);
};

// check(), which also tells what the names of all files stand for.
std::shared_ptr<const CheckedProgram> check(std::shared_ptr<Sources>, std::uint32_t script, const ModuleLoader&,
                                            Report&, std::span<const LibraryFile>, Occurrences&);

}  // namespace metac::dsl
