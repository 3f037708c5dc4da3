// Walks one module and checks names, arguments, and which statement stands where. Finds as many mistakes as it can in
// one go; an unknown name is reported once in a definition. Changes nothing but the report.
//
// Its parts: definitions.cpp, statements.cpp, expressions.cpp, arguments.cpp, names.cpp, occurrences.cpp.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "check/check.hpp"
#include "check/occurrences.hpp"
#include "check/places.hpp"
#include "check/scopes.hpp"
#include "check/signature.hpp"

namespace metac::dsl {

struct WalkSettings {
  bool is_script = false;          // unused top-level names are warned of
  bool warns = false;              // warnings at all; not in the library
  std::set<std::string> forgiven;  // names whose definitions could not be read
  bool forgives_all = false;       // a file it uses could not be read
  bool is_damaged = false;         // statements that could not be read are missing

  Occurrences* occurrences = nullptr;                 // to be filled; null: nobody asks
  std::map<std::uint32_t, std::uint32_t> used_files;  // by the first byte of their path in a `use`, for them
  // Names of the prompt that the text was entered at: its statements are those of an experiment; null: it is a file.
  const EnteredNames* entered = nullptr;
};

class Walker {
 public:
  Walker(const CheckedProgram& program, const Module& module, WalkSettings settings, Report& report)
      : program_(program), module_(module), settings_(std::move(settings)), report_(report) {}

  void walk();

 private:
  struct Context {
    Place place = Place::module;
    bool direct = true;  // not inside `for` or `if`
    bool quiet = false;  // the statement around is misplaced: say it once
    bool may_draw = false;
    bool in_metrics = false;  // names may be functions of the learner
    int function = 0;         // number of the innermost function, event or derivative block
    int changes_memory = -1;  // number of the function in which `memory` may be assigned
    std::string what;         // "`adapt`", for messages

    const Definition* definition = nullptr;  // the innermost one around
  };
  class Restore;

  // What a name or a callee stands for; all null for a value.
  struct Meaning {
    const Symbol* symbol = nullptr;
    const Global* global = nullptr;
    const Builtin* builtin = nullptr;
    bool known() const { return symbol || global || builtin; }
    const Definition* definition() const { return symbol ? symbol->definition : global ? global->definition : nullptr; }
  };
  // A call of `signature` with its list number `list`.
  struct Target {
    const Signature* signature = nullptr;
    std::size_t list = 0;
  };

  // definitions.cpp
  void definition(const Definition&);
  void function_like(const std::vector<ParameterList>&, const Body&, Place, std::string what);
  void owner(const Definition&);
  void event(const OnStatement&);
  void hoist(const Block&);
  void declare_implicit(std::initializer_list<const char*> names);
  void parameters(const std::vector<ParameterList>&);
  void check_form(const Definition&);
  void check_learner(const Definition&);
  void check_optimizer(const Definition&);
  void check_events(const Definition&);
  void require_value(const Block&);

  // statements.cpp
  void statements(const Block&, bool gives_value);
  void statement(const Statement&);
  void visit(const LetStatement&, const Statement&);
  void visit(const VarStatement&, const Statement&);
  void visit(const AssignStatement&, const Statement&);
  void visit(const DrawStatement&, const Statement&);
  void visit(const ParamStatement&, const Statement&);
  void visit(const LearnStatement&, const Statement&);
  void visit(const MemoryStatement&, const Statement&);
  void visit(const ReturnStatement&, const Statement&);
  void visit(const ForStatement&, const Statement&);
  void visit(const IfStatement&, const Statement&);
  void visit(const OnStatement&, const Statement&);
  void visit(const ExprStatement&, const Statement&);
  void visit(const Definition&, const Statement&);
  void visit(const UseStatement&, const Statement&);  // occurrences.cpp
  void inner_block(const Block&);
  void assign(const std::vector<Name>& path);
  void assign_unbound(const Name&);
  void refuse_assignment(const Name&, const Symbol&);
  bool may_assign(const Symbol&) const;
  void warn_dropped(const ExprStatement&);
  void remember_value(const Pattern&, const ExprPtr&);

  // expressions.cpp
  void expression(const ExprPtr& e) {
    if (e) expression(*e);
  }
  void expression(const Expr&);
  void visit(const NumberLiteral&, const Expr&) {}
  void visit(const StringLiteral&, const Expr&) {}
  void visit(const BoolLiteral&, const Expr&) {}
  void visit(const NameExpr&, const Expr&);
  void visit(const ListExpr&, const Expr&);
  void visit(const ParenExpr& e, const Expr&) { expression(e.inner); }
  void visit(const RecordExpr&, const Expr&);
  void visit(const std::shared_ptr<const ComprehensionExpr>&, const Expr&);
  void visit(const UnaryExpr& e, const Expr&) { expression(e.operand); }
  void visit(const BinaryExpr&, const Expr&);
  void visit(const CallExpr&, const Expr&);
  void visit(const MemberExpr&, const Expr&);
  void visit(const IndexExpr&, const Expr&);
  void visit(const IfExpr&, const Expr&);
  void visit(const NamedExpr& e, const Expr&) { expression(e.inner); }
  void visit(const FunctionExpr&, const Expr&);
  void visit(const DerivativeExpr&, const Expr&);
  void visit(const WorkExpr&, const Expr&);
  void derivative_argument(const DerivativeExpr&, const Field&);
  void work_options(const WorkExpr&);

  // arguments.cpp
  std::optional<Target> target_of(const Expr& callee);
  void arguments(const Target&, const std::vector<Field>&, Span callee, bool piped);
  // The names they are given to are put into `given`. False if it makes no sense to go on.
  bool positional_arguments(const Target&, const std::vector<Field>&, std::set<std::string>& given);
  void named_arguments(const Target&, const std::vector<Field>&, std::set<std::string>& given);
  void missing_arguments(const Target&, const std::set<std::string>& given, Span callee, bool piped);
  void pipe(const BinaryExpr&);
  void point_at_definition(Diagnostic&, const Signature&) const;

  // names.cpp
  void walk_entered();
  Meaning meaning(const std::string& name);
  Meaning use_name(const std::string& name, Span);
  void unknown_name(const std::string& name, Span);
  std::string advice_on(const std::string& name);
  bool used_too_early(const std::string& name, Span, const Global&);
  std::vector<std::string> visible_names() const;
  void bind(const Name&, SymbolKind, const Definition* = nullptr, bool part_of_tuple = false);
  void bind(const Pattern&, SymbolKind);
  void forgive(const Name&);
  void pop_scope();
  void warn_unused_globals();

  // occurrences.cpp
  void note(const Name&, Occurrence::Kind, Span definition);
  void note_bound(const Symbol&);
  void note_use(const std::string& name, Span, const Meaning&);
  void note_call(const CallExpr&, const std::optional<Target>&);
  void note_member(const MemberExpr&);
  void answer_probe(Span);
  const Expr* value_of(const Expr&);
  const Definition* definition_of_value(const Expr&, int depth);

  const CheckedProgram& program_;
  const Module& module_;
  WalkSettings settings_;
  Report& report_;
  Scopes scopes_;
  Context context_;
  int functions_ = 0;
  std::set<std::string> used_globals_;
  const Statement* top_ = nullptr;  // the statement of the module being walked
  bool wraps_ = false;              // the learner being walked uses a parameter as its base
  const Expr* piped_ = nullptr;     // the right side of the `|>` being walked
  std::map<const void*, Signature> signatures_;
};

// Keeps the context as it was, and puts it back.
class Walker::Restore {
 public:
  explicit Restore(Walker& walker) : walker_(walker), saved_(walker.context_) {}
  ~Restore() { walker_.context_ = std::move(saved_); }
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

 private:
  Walker& walker_;
  Context saved_;
};

// "`a`, `b` and `c`"
std::string enumerate(const std::vector<std::string>& names);
// Whether it has all mistakes that are told: no time goes into hints for more.
inline bool is_full(const Report& report) { return report.errors() >= most_mistakes; }
// "did you mean `x`?", or `otherwise` if nothing is near.
std::string suggestion(const std::string& name, const std::vector<std::string>& candidates, std::string otherwise = "");
// Whether a block ends with a value on every path: `return`, `error(..)`, or, if `alone`, one single expression.
bool gives_value(const Block&, bool alone);
bool is_call_of(const Statement&, const std::set<std::string>& names);

}  // namespace metac::dsl
